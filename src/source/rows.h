/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer under construction: rows of labels and one value.
 *
 * A key is a run of (u32le length, bytes) for the name and the value of each
 * label, in the order in which they were added.  Works on any thread; only
 * rows_keep() touches the query's arena.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"
#include "source/source.h"

struct row {
	uint32_t key_at, key_n, labels;
	double value;
	bool missing;
	wall_t at;
};

struct rows {
	struct buf keys;
	struct row *items;
	size_t n, cap;
};

enum time_unit { TIME_AUTO, TIME_S, TIME_MS, TIME_US, TIME_NS };
extern const char *const time_unit_names[]; /* for FIELD_ENUM */

/* One value as it came, before it is known what it is for. */
enum cell_kind { CELL_NULL, CELL_BOOL, CELL_NUMBER, CELL_TEXT, CELL_OTHER };

struct cell {
	enum cell_kind kind;
	struct str text; /* as written; of text without quotes */
};

void rows_init(struct rows *rows);
void rows_fini(struct rows *rows);
/* Opens a row; at most SERIES_MAX. */
int rows_begin(struct rows *rows, struct err *err);
int rows_label(struct rows *rows, struct str name, struct str value, struct err *err);
/* The open row's value or time; messages count rows from 1. */
int rows_value(struct rows *rows, const struct cell *cell, struct err *err);
int rows_time(struct rows *rows, const struct cell *cell, enum time_unit unit, struct err *err);
/* A cell as a label; NULL adds none. */
int rows_cell_label(struct rows *rows, struct str name, const struct cell *cell, struct err *err);
/* Copies everything into the arena. */
void rows_keep(const struct rows *rows, struct arena *arena, struct vector *ret);

/*
 * A table: named columns, then rows of cells.  The column `value` is the value
 * (or any other, where it is the only one left and only_one says so), the
 * column time_column the time, the others are labels.
 */
struct table {
	uint32_t n, value, time; /* UINT32_MAX: none */
	struct str names[LABELS_MAX];
};

struct table_options {
	const char *value_column; /* NULL: value */
	const char *time_column;  /* NULL: none */
	const char *ignored;      /* this column is no label; NULL: none */
	bool only_one;
};

/* table->names and table->n are set; finds the others. */
int table_classify(struct table *table, const struct table_options *options, struct err *err);
/* One cell of the open row. */
int table_cell(const struct table *table, struct rows *rows, uint32_t column,
    const struct cell *cell, const struct table_options *options, struct err *err);

/* nan, NaN, inf, Infinity and their negatives in any case, or a finite number. */
bool number_parse(struct str text, double *ret);
/* RFC 3339, "YYYY-MM-DD HH:MM:SS" with or without a zone (then UTC), or a number of the unit. */
bool time_parse(struct str text, enum time_unit unit, wall_t *ret);

/* source_ops.labels for keys made here. */
int rows_labels(const struct source *source, const struct sample *sample, struct arena *arena,
    struct label_view **ret, uint32_t *ret_n, struct err *err);
