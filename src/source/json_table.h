/* SPDX-License-Identifier: Apache-2.0 */
/* Tables as databases write them in JSON: a list of columns, a list of lists of cells. */
#pragma once

#include "base/json.h"
#include "source/rows.h"

/* Labels that every row of this table gets besides its own. */
typedef int json_table_labels_fn(void *arg, struct rows *rows, struct err *err);

/* span: ["a", "b"] or [{"name": "a"}, ...]; names live in scratch or in span. */
int json_table_columns(struct str span, struct arena *scratch, struct table *ret, struct err *err);
/* span: [[...], ...]; table classified. labels may be NULL. */
int json_table_rows(struct str span, const struct table *table, const struct table_options *options,
    json_table_labels_fn *labels, void *arg, struct arena *scratch, struct rows *rows, struct err *err);
/* The members of a top-level object by name, as spans; absent ones stay empty. Returns false when it is no object. */
struct json_member {
	const char *name;
	struct str *ret;
};
bool json_members(struct str object, const struct json_member *wanted, size_t n);
