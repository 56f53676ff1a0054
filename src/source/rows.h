/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer under construction: rows of labels, one value, a time, and the
 * columns that the query wants as they are.
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

/* Where the time of a datum is, unless the source's settings name another column. */
#define ROWS_TIME_COLUMN "ts"

/* What a query wants of its answer; all texts outlive the rows. */
struct rows_want {
	enum query_shape shape;
	wall_t from, to;
	dur_t step;
	const char *const *fields;
	uint32_t n_fields;
	const char *time_column; /* NULL: `ts` in ranges and rows, none in an instant answer */
};

struct row {
	uint32_t key_at, key_n, labels;
	uint32_t series; /* of a range or rows: equal for equal keys */
	double value;
	bool missing;
	wall_t at;
};

struct rows_series {
	uint32_t key_at, key_n;
	uint64_t hash;
};

struct rows_text { /* in rows.texts; n UINT32_MAX: NULL */
	uint32_t at, n;
};

struct rows {
	struct rows_want want;
	struct buf keys, texts;
	struct row *items;
	size_t n, cap;
	struct rows_text *fields; /* want.n_fields for each row */
	size_t fields_cap;
	bool open; /* the last row is not closed */
	/* of a range or rows: equal keys are kept once */
	struct rows_series *series;
	size_t n_series, series_cap;
	uint32_t *slots; /* index of a series plus 1 */
	size_t slots_cap;
	/* made by rows_finish() */
	struct sample *samples;
	struct str *cells;
	uint32_t n_samples;
};

enum time_unit { TIME_AUTO, TIME_S, TIME_MS, TIME_US, TIME_NS };
extern const char *const time_unit_names[]; /* for FIELD_ENUM */

/* One value as it came, before it is known what it is for. */
enum cell_kind { CELL_NULL, CELL_BOOL, CELL_NUMBER, CELL_TEXT, CELL_DOUBLE, CELL_OTHER };

struct cell {
	enum cell_kind kind;
	struct str text; /* as written; of text without quotes */
	double number;   /* CELL_DOUBLE */
};

struct rows_want rows_want_of(const struct source_query *query);
/* For an instant answer without fields; rows_init_for() for the others. */
void rows_init(struct rows *rows);
void rows_init_for(struct rows *rows, const struct rows_want *want);
void rows_fini(struct rows *rows);
/* Opens a row; at most SERIES_MAX, of a range or rows POINTS_MAX. */
int rows_begin(struct rows *rows, struct err *err);
/* Opens a row with the labels and fields of the one before. */
int rows_again(struct rows *rows, struct err *err);
/* Opens a row whose key is these bytes; its source reads them. */
int rows_begin_key(struct rows *rows, struct str key, struct err *err);
int rows_label(struct rows *rows, struct str name, struct str value, struct err *err);
/* The open row's value or time; messages count rows from 1. */
int rows_value(struct rows *rows, const struct cell *cell, struct err *err);
int rows_time(struct rows *rows, const struct cell *cell, enum time_unit unit, struct err *err);
/* A cell as a label, as the field or the time of that name where it is one; NULL adds no label. */
int rows_cell_label(struct rows *rows, struct str name, const struct cell *cell, struct err *err);
/* The index of the wanted field of this name, or UINT32_MAX. */
uint32_t rows_field_named(const struct rows_want *want, struct str name);
int rows_field(struct rows *rows, uint32_t field, const struct cell *cell, struct err *err);
/* Is it the column with the times? */
bool rows_is_time(const struct rows_want *want, struct str name);
/* The open row is complete; the next and rows_finish() do this. */
int rows_close(struct rows *rows, struct err *err);
/*
 * Closes the answer: a range is ordered by series and time, cut to its window
 * and thinned to its step.  The work of an answer; on any thread.
 */
int rows_finish(struct rows *rows, struct err *err);
/* Hands what rows_finish() made over to the arena: costs little. */
void rows_keep(struct rows *rows, struct arena *arena, struct vector *ret);

/*
 * A table: named columns, then rows of cells.  The column `value` is the value
 * (or any other, where it is the only one left and only_one says so), the
 * column time_column the time, the others are labels, or fields where the
 * query wants them as such.  With fields there may be no value.
 */
struct table {
	uint32_t n, value, time; /* UINT32_MAX: none */
	struct str names[LABELS_MAX];
	uint8_t fields[LABELS_MAX]; /* index plus 1; 0: no field */
};

struct table_options {
	const char *value_column; /* NULL: value */
	const char *time_column;  /* NULL: none */
	const char *ignored;      /* this column is no label; NULL: none */
	bool only_one;
	const struct rows_want *want; /* NULL: an instant answer without fields */
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
