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

#include "base/hash.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "base/xalloc.h"

#define SHOWN_BYTES   60 /* of a cell, in an error */
#define TIME_TEXT_MAX 64

const char *const time_unit_names[] = { "auto", "s", "ms", "us", "ns", NULL };

struct rows_want
rows_want_of(const struct source_query *query)
{
	return (struct rows_want){
		.shape = query->shape,
		.from = query->from,
		.to = query->to,
		.step = query->step,
		.fields = query->fields,
		.n_fields = query->n_fields,
	};
}

void
rows_init(struct rows *rows)
{
	const struct rows_want instant = { .shape = QUERY_INSTANT };

	rows_init_for(rows, &instant);
}

void
rows_init_for(struct rows *rows, const struct rows_want *want)
{
	*rows = (struct rows){ .want = *want };
	buf_init(&rows->keys, SOURCE_ANSWER_BYTES_MAX);
	buf_init(&rows->texts, SOURCE_ANSWER_BYTES_MAX);
}

void
rows_fini(struct rows *rows)
{
	buf_fini(&rows->keys);
	buf_fini(&rows->texts);
	free(rows->items);
	free(rows->fields);
	free(rows->series);
	free(rows->slots);
	free(rows->samples);
	free(rows->cells);
	*rows = (struct rows){ 0 };
}

/* --- equal keys once --------------------------------------------------------- */

static void
put_slot(struct rows *rows, uint32_t series)
{
	size_t mask = rows->slots_cap - 1, i = rows->series[series].hash & mask;

	while (rows->slots[i] != 0)
		i = (i + 1) & mask;
	rows->slots[i] = series + 1;
}

static void
grow_slots(struct rows *rows)
{
	if (2 * (rows->n_series + 1) <= rows->slots_cap)
		return;
	rows->slots_cap = rows->slots_cap != 0 ? 2 * rows->slots_cap : 64;
	free(rows->slots);
	rows->slots = xcalloc(rows->slots_cap, sizeof(*rows->slots));
	for (uint32_t i = 0; i < rows->n_series; i++)
		put_slot(rows, i);
}

static bool
is_series(const struct rows *rows, uint32_t series, struct str key)
{
	const struct rows_series *s = &rows->series[series];

	return s->key_n == key.n &&
	       (key.n == 0 || memcmp(rows->keys.p + s->key_at, key.p, key.n) == 0);
}

/* The series with the bytes at the end of keys, which are dropped when they are there already. */
static uint32_t
series_of(struct rows *rows, uint32_t key_at, uint32_t key_n)
{
	struct str key = str_make(rows->keys.p != NULL ? rows->keys.p + key_at : "", key_n);
	uint64_t hash = hash_bytes(key.p, key.n);
	size_t mask;

	grow_slots(rows);
	mask = rows->slots_cap - 1;
	for (size_t i = hash & mask; rows->slots[i] != 0; i = (i + 1) & mask) {
		uint32_t series = rows->slots[i] - 1;

		if (rows->series[series].hash == hash && is_series(rows, series, key)) {
			rows->keys.n = key_at;
			return series;
		}
	}
	if (rows->n_series == rows->series_cap)
		rows->series = xgrow(
		    rows->series, &rows->series_cap, rows->n_series + 1, sizeof(*rows->series));
	rows->series[rows->n_series] = (struct rows_series){ key_at, key_n, hash };
	put_slot(rows, (uint32_t)rows->n_series);
	return (uint32_t)rows->n_series++;
}

int
rows_close(struct rows *rows, struct err *err)
{
	struct row *row;

	if (!rows->open)
		return 0;
	rows->open = false;
	if (rows->want.shape == QUERY_INSTANT)
		return 0;
	row = &rows->items[rows->n - 1];
	if (rows->n > 1 &&
	    is_series(rows, row[-1].series,
		str_make(rows->keys.p != NULL ? rows->keys.p + row->key_at : "", row->key_n))) {
		rows->keys.n = row->key_at;
		row->series = row[-1].series;
	} else {
		row->series = series_of(rows, row->key_at, row->key_n);
	}
	row->key_at = rows->series[row->series].key_at;
	if (rows->want.shape == QUERY_RANGE && rows->n_series > SERIES_MAX)
		return err_set(
		    err, ERR_LIMIT, "more than %d series; aggregate in the query", SERIES_MAX);
	return 0;
}

/* --- rows ---------------------------------------------------------------------- */

static int
add_row(struct rows *rows, struct err *err)
{
	const size_t max = rows->want.shape == QUERY_INSTANT ? SERIES_MAX : POINTS_MAX;
	const uint32_t n_fields = rows->want.n_fields;

	if (rows->n == max)
		return err_set(err, ERR_LIMIT, "more than %zu rows; aggregate in the query", max);
	if (rows->n == rows->cap)
		rows->items = xgrow(rows->items, &rows->cap, rows->n + 1, sizeof(*rows->items));
	rows->items[rows->n++] = (struct row){ .key_at = (uint32_t)rows->keys.n, .missing = true };
	if (n_fields == 0)
		return 0;
	if (rows->n * n_fields > rows->fields_cap)
		rows->fields = xgrow(
		    rows->fields, &rows->fields_cap, rows->n * n_fields, sizeof(*rows->fields));
	for (uint32_t i = 0; i < n_fields; i++)
		rows->fields[(rows->n - 1) * n_fields + i] = (struct rows_text){ 0, UINT32_MAX };
	return 0;
}

int
rows_begin(struct rows *rows, struct err *err)
{
	int code = rows_close(rows, err);

	if (code == 0)
		code = add_row(rows, err);
	rows->open = code == 0;
	return code;
}

int
rows_again(struct rows *rows, struct err *err)
{
	const uint32_t n_fields = rows->want.n_fields;
	int code = rows_close(rows, err);
	struct row *row;

	if (code == 0)
		code = add_row(rows, err);
	if (code < 0)
		return code;
	row = &rows->items[rows->n - 1];
	row->key_at = row[-1].key_at;
	row->key_n = row[-1].key_n;
	row->labels = row[-1].labels;
	row->series = row[-1].series;
	if (n_fields > 0)
		memcpy(&rows->fields[(rows->n - 1) * n_fields],
		    &rows->fields[(rows->n - 2) * n_fields], n_fields * sizeof(*rows->fields));
	return 0;
}

static int
check_keys(const struct rows *rows, struct err *err)
{
	if (!rows->keys.overflow)
		return 0;
	return err_set(err, ERR_LIMIT, "labels of more than %u bytes", SOURCE_ANSWER_BYTES_MAX);
}

int
rows_begin_key(struct rows *rows, struct str key, struct err *err)
{
	int code = rows_begin(rows, err);

	if (code < 0)
		return code;
	buf_put_str(&rows->keys, key);
	rows->items[rows->n - 1].key_n = key.n;
	return check_keys(rows, err);
}

static int
put_label(struct rows *rows, struct str name, struct str value, struct err *err)
{
	struct row *row = &rows->items[rows->n - 1];

	if (++row->labels > LABELS_MAX)
		return err_set(err, ERR_LIMIT, "row %zu: more than %d labels", rows->n, LABELS_MAX);
	buf_put_u32le(&rows->keys, name.n);
	buf_put_str(&rows->keys, name);
	buf_put_u32le(&rows->keys, value.n);
	buf_put_str(&rows->keys, value);
	row->key_n = (uint32_t)rows->keys.n - row->key_at;
	return check_keys(rows, err);
}

int
rows_label(struct rows *rows, struct str name, struct str value, struct err *err)
{
	const struct cell cell = { .kind = CELL_TEXT, .text = value };

	return rows_cell_label(rows, name, &cell, err);
}

static bool
named(struct str name, const char *wanted)
{
	return wanted != NULL && name.n == strlen(wanted) &&
	       strncasecmp(name.p, wanted, name.n) == 0;
}

uint32_t
rows_field_named(const struct rows_want *want, struct str name)
{
	for (uint32_t i = 0; i < want->n_fields; i++)
		if (named(name, want->fields[i]))
			return i;
	return UINT32_MAX;
}

bool
rows_is_time(const struct rows_want *want, struct str name)
{
	if (want->time_column != NULL)
		return named(name, want->time_column);
	return (want->shape != QUERY_INSTANT || want->step.ns > 0) && named(name, ROWS_TIME_COLUMN);
}

int
rows_field(struct rows *rows, uint32_t field, const struct cell *cell, struct err *err)
{
	struct rows_text *text = &rows->fields[(rows->n - 1) * rows->want.n_fields + field];

	if (cell->kind == CELL_NULL)
		return 0;
	if (cell->kind == CELL_OTHER)
		return err_set(err, ERR_INVALID, "row %zu: '%s' is no plain value", rows->n,
		    rows->want.fields[field]);
	text->at = (uint32_t)rows->texts.n;
	if (cell->kind == CELL_DOUBLE)
		put_prom_double(&rows->texts, cell->number);
	else
		buf_put_str(&rows->texts, cell->text);
	text->n = (uint32_t)rows->texts.n - text->at;
	if (rows->texts.overflow)
		return err_set(
		    err, ERR_LIMIT, "an answer of more than %u bytes", SOURCE_ANSWER_BYTES_MAX);
	return 0;
}

int
rows_cell_label(struct rows *rows, struct str name, const struct cell *cell, struct err *err)
{
	const struct rows_want *want = &rows->want;
	struct buf number = { 0 };
	uint32_t field;
	int code;

	if (want->n_fields > 0 && (field = rows_field_named(want, name)) != UINT32_MAX)
		return rows_field(rows, field, cell, err);
	if (rows_is_time(want, name))
		return rows_time(rows, cell, TIME_AUTO, err);
	switch (cell->kind) {
	case CELL_NULL:
		return 0;
	case CELL_OTHER:
		return err_set(err, ERR_INVALID, "row %zu: label '%.*s' is no plain value", rows->n,
		    STR_ARG(str_head(name, SHOWN_BYTES)));
	case CELL_DOUBLE:
		put_prom_double(&number, cell->number);
		code = put_label(rows, name, buf_str(&number), err);
		buf_fini(&number);
		return code;
	case CELL_BOOL:
	case CELL_NUMBER:
	case CELL_TEXT:
		break;
	}
	return put_label(rows, name, cell->text, err);
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
	case CELL_DOUBLE:
		row->value = cell->number;
		return 0;
	case CELL_NUMBER:
	case CELL_TEXT:
		if (number_parse(cell->text, &row->value))
			return 0;
		/* Samples of a drift rule: texts have tests of their own. */
		return err_set(err, ERR_INVALID, "row %zu: value '%.*s' is no number%s", rows->n,
		    STR_ARG(str_head(cell->text, SHOWN_BYTES)),
		    rows->want.shape == QUERY_ROWS
			? "; texts are compared by chi2, or by a distance with bins: distinct"
			: "");
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
	if (cell->kind == CELL_DOUBLE) {
		if (time_number(cell->number, unit, &rows->items[rows->n - 1].at))
			return 0;
		return err_set(err, ERR_INVALID, "row %zu: %g is no time", rows->n, cell->number);
	}
	if ((cell->kind == CELL_NUMBER || cell->kind == CELL_TEXT) &&
	    time_parse(cell->text, unit, &rows->items[rows->n - 1].at))
		return 0;
	return err_set(err, ERR_INVALID, "row %zu: '%.*s' is no time", rows->n,
	    STR_ARG(str_head(cell->text, SHOWN_BYTES)));
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
