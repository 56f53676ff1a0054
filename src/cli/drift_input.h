/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `tocsin drift` compares: a table in a file, or what a configured source
 * answers, as the answer of a rule's query.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "config/config.h"
#include "rule/kind.h"
#include "source/source.h"

#define DRIFT_FILE_BYTES_MAX ((size_t)1 << 30)

struct drift_table {
	char delimiter;
	const char *const *by;      /* columns that become labels */
	uint32_t n_by;
	const char *const *columns; /* with values; several: each is a feature, told by the label feature; none: the
	                               column value, or else all that are left */
	uint32_t n_columns;
	const char *label;          /* a further column that becomes a label: le, a category; NULL: none */
	bool names;                 /* values are names: they become the sample's field */
	bool joint;                 /* the columns of a row are one sample's fields */
};

/* The samples' labels are decoded by this source. */
extern const struct source drift_table_source;

/* What a file became: its samples, and the bytes to which names point. */
struct drift_file {
	struct buf text;
	struct sample *samples;
};
void drift_file_fini(struct drift_file *file);
/* path "-" is standard input.  ret points into ret_file; ret_wide: there are several columns of values. */
int drift_table_read(const char *path, const struct drift_table *table, struct arena *arena,
    struct drift_file *ret_file, struct vector *ret, bool *ret_wide, struct err *err);

/* To standard error: the name is wrong, and these are the right ones. */
void print_no_source(const char *command, const char *path, const char *name, const struct config *config);

/* Asks a source, and waits for the answers. */
struct drift_asking;
struct drift_asking *drift_asking_open(const struct source_config *config, struct err *err);
void drift_asking_close(struct drift_asking *asking); /* after its answers are no longer used */
const struct source *drift_asking_source(const struct drift_asking *asking);
wall_t drift_asking_now(const struct drift_asking *asking);
int drift_ask(struct drift_asking *asking, const struct rule_query *query, struct arena *arena, struct vector *ret,
    struct err *err);
