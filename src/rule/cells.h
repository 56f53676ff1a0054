/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of an answer, sorted into groups by some of their labels, and the cells
 * they carry.
 *
 * Kinds that look at samples and tables get many rows per series.  Rows of one
 * source with equal keys have equal labels, so labels are decoded once per
 * distinct key, however many rows there are.  Pure; works on any thread; groups
 * and their labels live in the arena.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "base/str.h"
#include "config/schema.h"
#include "labels/labels.h"
#include "source/source.h"

#define CELLS_GROUPS_MAX 20000
#define CELLS_NO_GROUP   UINT32_MAX

struct cells_group {
	const struct label_view *labels; /* sorted by name, without __name__ */
	uint32_t n_labels;
};

struct cells_options {
	const struct string_list *by; /* labels that make the group; NULL: all but `extra` */
	const char *extra;            /* label handed back beside the group: `le`, a category; NULL: none */
	bool rest;                    /* without `extra`: what is handed back are all labels not in `by` */
};

struct cells {
	struct arena *arena;
	struct cells_options options;
	struct cells_group *groups;
	uint32_t n, cap;
	/* private */
	struct map by_key, by_labels;
	const struct source *last_source;
	struct str last_key;
	uint32_t last_group;
	struct str last_extra;
};

void cells_init(struct cells *cells, struct arena *arena, const struct cells_options *options);
void cells_fini(struct cells *cells); /* groups stay, they are the arena's */
/*
 * The group of a row, new where it must be.  ret_extra (may be NULL): the extra
 * label's value, p NULL: the row has none.
 */
int cells_place(struct cells *cells, const struct source *source, const struct sample *sample, uint32_t *ret_group,
    struct str *ret_extra, struct err *err);
/* {a="b", c="d"} for messages. */
void cells_put_labels(const struct cells_group *group, struct buf *out);
/* {"a":"b"} */
void cells_put_json(const struct cells_group *group, struct buf *out);

/* The i-th field of the query; p NULL: NULL, or no such column. */
static inline struct str
cells_field(const struct sample *sample, uint32_t i)
{
	return sample->fields != NULL ? sample->fields[i] : (struct str){ NULL, 0 };
}
/* A field as a number: NaN when it is NULL; a text that is none is an error that names the column. */
int cells_number(const struct sample *sample, uint32_t i, const char *column, size_t row, double *ret, struct err *err);
