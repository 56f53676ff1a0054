/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows into samples: where the backends' ways to write a number, nothing, or
 * a point in time become one.
 */
#include "config.h"

#include "source/rows.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "base/timestamp.h"
#include "base/xalloc.h"

#define SHOWN_BYTES   60 /* of a cell, in an error */
#define COLUMNS_SHOWN 10
#define TIME_TEXT_MAX 64

const char *const time_unit_names[] = { "auto", "s", "ms", "us", "ns", NULL };

void
rows_init(struct rows *rows)
{
	*rows = (struct rows){ 0 };
	buf_init(&rows->keys, SOURCE_ANSWER_BYTES_MAX);
}

void
rows_fini(struct rows *rows)
{
	buf_fini(&rows->keys);
	free(rows->items);
	*rows = (struct rows){ 0 };
}

int
rows_begin(struct rows *rows, struct err *err)
{
	if (rows->n == SERIES_MAX)
		return err_set(
		    err, ERR_LIMIT, "more than %d rows; aggregate in the query", SERIES_MAX);
	if (rows->n == rows->cap)
		rows->items = xgrow(rows->items, &rows->cap, rows->n + 1, sizeof(*rows->items));
	rows->items[rows->n++] = (struct row){ .key_at = (uint32_t)rows->keys.n, .missing = true };
	return 0;
}

int
rows_label(struct rows *rows, struct str name, struct str value, struct err *err)
{
	struct row *row = &rows->items[rows->n - 1];

	if (++row->labels > LABELS_MAX)
		return err_set(err, ERR_LIMIT, "row %zu: more than %d labels", rows->n, LABELS_MAX);
	buf_put_u32le(&rows->keys, name.n);
	buf_put_str(&rows->keys, name);
	buf_put_u32le(&rows->keys, value.n);
	buf_put_str(&rows->keys, value);
	if (rows->keys.overflow)
		return err_set(
		    err, ERR_LIMIT, "labels of more than %u bytes", SOURCE_ANSWER_BYTES_MAX);
	row->key_n = (uint32_t)rows->keys.n - row->key_at;
	return 0;
}

int
rows_cell_label(struct rows *rows, struct str name, const struct cell *cell, struct err *err)
{
	if (cell->kind == CELL_NULL)
		return 0;
	if (cell->kind == CELL_OTHER)
		return err_set(err, ERR_INVALID, "row %zu: label '%.*s' is no plain value", rows->n,
		    STR_ARG(str_head(name, SHOWN_BYTES)));
	return rows_label(rows, name, cell->text, err);
}

bool
number_parse(struct str text, double *ret)
{
	static const struct {
		const char *name;
		double value;
	} special[] = {
		{ "nan", NAN },
		{ "inf", INFINITY },
		{ "infinity", INFINITY },
	};
	bool negative;
	struct str name;

	text = str_trim(text);
	if (str_to_double(text, ret))
		return true;
	negative = text.n > 0 && text.p[0] == '-';
	name =
	    text.n > 0 && (negative || text.p[0] == '+') ? str_make(text.p + 1, text.n - 1) : text;
	for (size_t i = 0; i < ARRAY_LEN(special); i++)
		if (name.n == strlen(special[i].name) &&
		    strncasecmp(name.p, special[i].name, name.n) == 0) {
			*ret = negative ? -special[i].value : special[i].value;
			return true;
		}
	return false;
}

int
rows_value(struct rows *rows, const struct cell *cell, struct err *err)
{
	struct row *row = &rows->items[rows->n - 1];

	row->missing = false;
	switch (cell->kind) {
	case CELL_NULL:
		row->missing = true;
		return 0;
	case CELL_BOOL:
		row->value = str_is(cell->text, "true") ? 1 : 0;
		return 0;
	case CELL_NUMBER:
	case CELL_TEXT:
		if (number_parse(cell->text, &row->value))
			return 0;
		return err_set(err, ERR_INVALID, "row %zu: value '%.*s' is no number", rows->n,
		    STR_ARG(str_head(cell->text, SHOWN_BYTES)));
	case CELL_OTHER:
		break;
	}
	return err_set(err, ERR_INVALID, "row %zu: value is no number", rows->n);
}

static bool
time_number(double v, enum time_unit unit, wall_t *ret)
{
	double ns;

	switch (unit) {
	case TIME_AUTO:
		/* 1e11 seconds are the year 5138, 1e11 milliseconds are 1973. */
		ns = v < 1e11 ? v * 1e9 : v < 1e14 ? v * 1e6 : v < 1e17 ? v * 1e3 : v;
		break;
	case TIME_S:
		ns = v * 1e9;
		break;
	case TIME_MS:
		ns = v * 1e6;
		break;
	case TIME_US:
		ns = v * 1e3;
		break;
	case TIME_NS:
		ns = v;
		break;
	default:
		return false;
	}
	if (!(ns > 0 && ns < 9e18))
		return false;
	*ret = (wall_t){ (int64_t)ns };
	return true;
}

bool
time_parse(struct str text, enum time_unit unit, wall_t *ret)
{
	char copy[TIME_TEXT_MAX + 4];
	double v;
	uint32_t n;

	text = str_trim(text);
	if (str_to_double(text, &v))
		return isfinite(v) && time_number(v, unit, ret);
	if (text.n < 19 || text.n > TIME_TEXT_MAX)
		return false;
	n = text.n;
	memcpy(copy, text.p, n);
	copy[n] = '\0';
	if (copy[10] == ' ')
		copy[10] = 'T';
	if (strspn(copy + 19, ".0123456789") == n - 19) {
		copy[n++] = 'Z';
	} else if (copy[n - 3] == '+' || copy[n - 3] == '-') { /* "+00" */
		memcpy(copy + n, ":00", 3);
		n += 3;
	}
	return timestamp_parse(str_make(copy, n), ret) && wall_is_set(*ret);
}

int
rows_time(struct rows *rows, const struct cell *cell, enum time_unit unit, struct err *err)
{
	if (cell->kind == CELL_NULL)
		return 0;
	if ((cell->kind == CELL_NUMBER || cell->kind == CELL_TEXT) &&
	    time_parse(cell->text, unit, &rows->items[rows->n - 1].at))
		return 0;
	return err_set(err, ERR_INVALID, "row %zu: '%.*s' is no time", rows->n,
	    STR_ARG(str_head(cell->text, SHOWN_BYTES)));
}

void
rows_keep(const struct rows *rows, struct arena *arena, struct vector *ret)
{
	struct str keys = arena_str(arena, buf_str(&rows->keys));
	struct sample *samples = ARENA_ARRAY(arena, rows->n, struct sample);

	for (size_t i = 0; i < rows->n; i++) {
		const struct row *row = &rows->items[i];

		samples[i] = (struct sample){
			.key = str_make(keys.p + row->key_at, row->key_n),
			.value = row->value,
			.missing = row->missing,
			.at = row->at,
		};
	}
	*ret = (struct vector){ samples, (uint32_t)rows->n };
}

/* --- tables --------------------------------------------------------------- */

static bool
named(struct str name, const char *wanted)
{
	return wanted != NULL && name.n == strlen(wanted) &&
	       strncasecmp(name.p, wanted, name.n) == 0;
}

static int
no_value(const struct table *table, const char *wanted, struct err *err)
{
	struct buf names = { 0 };
	int code;

	for (uint32_t i = 0; i < table->n && i < COLUMNS_SHOWN; i++)
		buf_printf(&names, "%s%.*s", i > 0 ? ", " : "",
		    STR_ARG(str_head(table->names[i], SHOWN_BYTES)));
	if (table->n > COLUMNS_SHOWN)
		buf_puts(&names, ", ...");
	code = err_set(err, ERR_INVALID, "no column is named %s, only %s; write `... AS %s`",
	    wanted, names.p != NULL ? names.p : "none", wanted);
	buf_fini(&names);
	return code;
}

int
table_classify(struct table *table, const struct table_options *options, struct err *err)
{
	const char *wanted = options->value_column != NULL ? options->value_column : "value";
	uint32_t left = UINT32_MAX, n_left = 0;

	table->value = table->time = UINT32_MAX;
	for (uint32_t i = 0; i < table->n; i++) {
		if (named(table->names[i], wanted)) {
			if (table->value != UINT32_MAX)
				return err_set(
				    err, ERR_INVALID, "two columns are named %s", wanted);
			table->value = i;
		} else if (named(table->names[i], options->time_column)) {
			table->time = i;
		} else if (!named(table->names[i], options->ignored)) {
			left = i;
			n_left++;
		}
		for (uint32_t j = 0; j < i; j++)
			if (str_eq(table->names[i], table->names[j]))
				return err_set(err, ERR_INVALID, "two columns are named '%.*s'",
				    STR_ARG(str_head(table->names[i], SHOWN_BYTES)));
	}
	if (table->value == UINT32_MAX && options->only_one && n_left == 1)
		table->value = left;
	return table->value == UINT32_MAX ? no_value(table, wanted, err) : 0;
}

int
table_cell(const struct table *table, struct rows *rows, uint32_t column, const struct cell *cell,
    const struct table_options *options, struct err *err)
{
	if (column == table->value)
		return rows_value(rows, cell, err);
	if (column == table->time)
		return rows_time(rows, cell, TIME_AUTO, err);
	if (named(table->names[column], options->ignored))
		return 0;
	return rows_cell_label(rows, table->names[column], cell, err);
}

/* --- labels ---------------------------------------------------------------- */

static bool
take_field(struct str *rest, struct str *ret)
{
	uint32_t n;

	if (rest->n < 4)
		return false;
	n = get_u32le(rest->p);
	if (n > rest->n - 4)
		return false;
	*ret = str_make(rest->p + 4, n);
	*rest = str_make(rest->p + 4 + n, rest->n - 4 - n);
	return true;
}

int
rows_labels(const struct source *source UNUSED, const struct sample *sample, struct arena *arena,
    struct label_view **ret, uint32_t *ret_n, struct err *err)
{
	struct str rest = sample->key, name, value;
	struct label_view *views;
	uint32_t n = 0;

	while (rest.n > 0) {
		if (!take_field(&rest, &name) || !take_field(&rest, &value))
			return err_set(err, ERR_INVALID, "mangled labels");
		n++;
	}
	views = ARENA_ARRAY(arena, n, struct label_view);
	rest = sample->key;
	for (uint32_t i = 0; i < n; i++) {
		take_field(&rest, &views[i].name);
		take_field(&rest, &views[i].value);
	}
	*ret = views;
	*ret_n = n;
	return 0;
}
