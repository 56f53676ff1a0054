/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters in queries, numbers and times in all their spellings. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/rows.h"
#include "source/sql_params.h"
#include "unit/source/test_source.h"

#define AT   ((wall_t){ INT64_C(1763621040500000000) })
#define FROM ((wall_t){ INT64_C(1763617440000000000) })
#define TO   ((wall_t){ INT64_C(1763621040000000000) })

static const struct {
	enum param_style style;
	const char *text, *out; /* out NULL: an error */
	uint32_t n;
	bool window;
} rewrites[] = {
	{ PARAM_DOLLAR, "SELECT 1 AS value", "SELECT 1 AS value", 0, false },
	{ PARAM_DOLLAR, "ts > :now AND ts < :now", "ts > $1 AND ts < $2", 2, false },
	{ PARAM_DOLLAR, ":now", "$1", 1, false },
	{ PARAM_DOLLAR, "to_timestamp(:now)", "to_timestamp($1)", 1, false },
	{ PARAM_DOLLAR, "':now' || \":now\"", "':now' || \":now\"", 0, false },
	{ PARAM_DOLLAR, "'it''s :now' , :now", "'it''s :now' , $1", 1, false },
	{ PARAM_DOLLAR, "'a\\' , :now", "'a\\' , $1", 1, false },
	{ PARAM_DOLLAR, "E'a\\' :now' , :now", "E'a\\' :now' , $1", 1, false },
	{ PARAM_DOLLAR, "-- :now\n:now", "-- :now\n$1", 1, false },
	{ PARAM_DOLLAR, "/* :now /* :x */ :y */ :now", "/* :now /* :x */ :y */ $1", 1, false },
	{ PARAM_DOLLAR, "$$ :now $$ :now", "$$ :now $$ $1", 1, false },
	{ PARAM_DOLLAR, "$a$ :now $$ $a$ :now", "$a$ :now $$ $a$ $1", 1, false },
	{ PARAM_DOLLAR, "x::text, now()::timestamptz", "x::text, now()::timestamptz", 0, false },
	{ PARAM_DOLLAR, "a[1:n]", "a[1:n]", 0, false },
	{ PARAM_DOLLAR, "a[b:c]", "a[b:c]", 0, false },
	{ PARAM_DOLLAR, "a[1:2]", "a[1:2]", 0, false },
	{ PARAM_DOLLAR, "'open :now", "'open :now", 0, false },
	{ PARAM_DOLLAR, "/* open :now", "/* open :now", 0, false },
	{ PARAM_DOLLAR, "$x$ open :now", "$x$ open :now", 0, false },
	{ PARAM_DOLLAR, "ts > :then", NULL, 0, false },
	{ PARAM_DOLLAR, "ts >= :from", NULL, 0, false },
	{ PARAM_DOLLAR, "ts >= :to", NULL, 0, false },
	{ PARAM_DOLLAR, "ts > $1", NULL, 0, false },
	{ PARAM_SECONDS, "t > :now - 5", "t > 1763621040.500 - 5", 0, false },
	{ PARAM_SECONDS, "x ? y :other", "x ? y :other", 0, false },
	{ PARAM_SECONDS, "'a\\' :now'", "'a\\' :now'", 0, false },
	{ PARAM_SECONDS, "t >= :from", NULL, 0, false },
	{ PARAM_MS, "time > :now - 5m", "time > 1763621040500ms - 5m", 0, false },
	{ PARAM_DOLLAR, "ts >= :from AND ts < :to", "ts >= $1 AND ts < $2", 2, true },
	{ PARAM_DOLLAR, "ts >= :from AND u >= :from", "ts >= $1 AND u >= $2", 2, true },
	{ PARAM_SECONDS, "t >= :from AND t < :to", "t >= 1763617440.000 AND t < 1763621040.000", 0,
	    true },
	{ PARAM_MS, "time >= :from", "time >= 1763617440000ms", 0, true },
	{ PARAM_TEXT, "t >= :from | EVAL x = a::int",
	    "t >= \"2025-11-20T05:44:00.000Z\" | EVAL x = a::int", 0, true },
};

START_TEST(parameters_are_found_outside_of_text)
{
	struct buf out = { 0 };
	struct err err;
	struct sql_bound bound;
	const struct sql_times times = { AT, rewrites[_i].window ? FROM : WALL_NONE,
		rewrites[_i].window ? TO : WALL_NONE };
	int code =
	    sql_params(str_from(rewrites[_i].text), rewrites[_i].style, &times, &out, &bound, &err);

	if (rewrites[_i].out == NULL) {
		ck_assert_int_eq(code, -ERR_INVALID);
		ck_assert(err.at != ERR_NOWHERE);
	} else {
		ck_assert_msg(code == 0, "%s", err.text);
		ck_assert_str_eq(out.p, rewrites[_i].out);
		ck_assert_uint_eq(bound.n, rewrites[_i].n);
	}
	buf_fini(&out);
}
END_TEST

static const struct {
	const char *text;
	double value;
	bool bad;
} numbers[] = {
	{ "1.5", 1.5, false },
	{ " -2e3 ", -2000, false },
	{ "NaN", NAN, false },
	{ "nan", NAN, false },
	{ "-nan", NAN, false },
	{ "Infinity", INFINITY, false },
	{ "-Infinity", -INFINITY, false },
	{ "inf", INFINITY, false },
	{ "-inf", -INFINITY, false },
	{ "+Inf", INFINITY, false },
	{ "", 0, true },
	{ "-", 0, true },
	{ "1,5", 0, true },
	{ "0x10", 0, true },
	{ "infinit", 0, true },
	{ "null", 0, true },
};

START_TEST(numbers_have_many_spellings)
{
	double v = 0;

	ck_assert_int_eq(number_parse(str_from(numbers[_i].text), &v), !numbers[_i].bad);
	if (!numbers[_i].bad)
		ck_assert_msg(isnan(numbers[_i].value) ? isnan(v) : v == numbers[_i].value,
		    "%s: %g", numbers[_i].text, v);
}
END_TEST

static const struct {
	const char *text;
	enum time_unit unit;
	int64_t ms; /* 0: no time */
} times[] = {
	{ "1763621040", TIME_AUTO, 1763621040000 },
	{ "1763621040.5", TIME_AUTO, 1763621040500 },
	{ "1763621040500", TIME_AUTO, 1763621040500 },
	{ "1763621040500000", TIME_AUTO, 1763621040500 },
	{ "1763621040500000000", TIME_AUTO, 1763621040500 },
	{ "86400000", TIME_MS, 86400000 },
	{ "1763621040", TIME_S, 1763621040000 },
	{ "2025-11-20T06:44:00Z", TIME_AUTO, 1763621040000 },
	{ "2025-11-20T07:44:00+01:00", TIME_AUTO, 1763621040000 },
	{ "2025-11-20 06:44:00", TIME_AUTO, 1763621040000 },
	{ "2025-11-20 06:44:00.5", TIME_AUTO, 1763621040500 },
	{ "2025-11-20 06:44:00.5+00", TIME_AUTO, 1763621040500 },
	{ "2025-11-20 07:44:00+01", TIME_AUTO, 1763621040000 },
	{ "0", TIME_AUTO, 0 },
	{ "-5", TIME_AUTO, 0 },
	{ "nan", TIME_AUTO, 0 },
	{ "1e30", TIME_S, 0 },
	{ "infinity", TIME_AUTO, 0 },
	{ "2025-11-20", TIME_AUTO, 0 },
	{ "2025-11-20 06:44:00 sometime", TIME_AUTO, 0 },
};

START_TEST(times_have_many_spellings)
{
	wall_t at = WALL_NONE;
	bool found = time_parse(str_from(times[_i].text), times[_i].unit, &at);

	ck_assert_msg(found == (times[_i].ms != 0), "%s", times[_i].text);
	if (found)
		ck_assert_msg(llabs((long long)(at.ns / 1000000 - times[_i].ms)) <= 1, "%s: %lld",
		    times[_i].text, (long long)at.ns);
}
END_TEST

/* Columns of a table, then its rows; cells that are numbers are written so. */
struct table_case {
	const char *name;
	struct rows_want want;
	const char *columns[5];
	const char *cells[6][5]; /* NULL: SQL NULL */
	uint32_t n_rows;
	const char *expect; /* "LABELS VALUE @TIME [FIELDS]; ..." or "error: ..." */
};

static const char *const two_fields[] = { "pred", "label" };

#define S(n)                                                                                       \
	{                                                                                          \
		INT64_C(1000000000) * (n)                                                          \
	}
static const struct table_case tables[] = {
	{ "a range stands by series, in order of time", { .shape = QUERY_RANGE },
	    { "ts", "grp", "value" },
	    { { "300", "b", "3" }, { "100", "a", "1" }, { "200", "b", "2" }, { "200", "a", NULL } },
	    4, "grp=b 2 @200; grp=b 3 @300; grp=a 1 @100; grp=a missing @200; " },
	{ "a range is cut to its window, both ends included",
	    { .shape = QUERY_RANGE, .from = S(100), .to = S(300) }, { "ts", "value" },
	    { { "99", "1" }, { "100", "2" }, { "300", "3" }, { "301", "4" } }, 4,
	    " 2 @100; 3 @300; " },
	{ "one point in a step: its last that has a value",
	    { .shape = QUERY_RANGE,
		.from = S(100),
		.to = S(400),
		.step = { INT64_C(60000000000) } },
	    { "ts", "value" },
	    { { "100", "1" }, { "130", "2" }, { "159", NULL }, { "160", "4" }, { "230", NULL } }, 5,
	    " 2 @130; 4 @160; missing @230; " },
	{ "the same time twice: the later row", { .shape = QUERY_RANGE }, { "ts", "value" },
	    { { "100", "1" }, { "100", "2" } }, 2, " 2 @100; " },
	{ "a range needs times", { .shape = QUERY_RANGE }, { "value" }, { { "1" } }, 1,
	    "error: row 1 has no time; a query over a window needs a column ts with it" },
	{ "rows stay as they come", { .shape = QUERY_ROWS }, { "ts", "grp", "value" },
	    { { "300", "b", "3" }, { "100", "a", "1" }, { NULL, "b", "2" } }, 3,
	    "grp=b 3 @300; grp=a 1 @100; grp=b 2; " },
	{ "ts is a label of an instant answer", { .shape = QUERY_INSTANT }, { "ts", "value" },
	    { { "300", "3" } }, 1, "ts=300 3; " },
	{ "fields are neither labels nor the value",
	    { .shape = QUERY_ROWS, .fields = two_fields, .n_fields = 2 },
	    { "PRED", "grp", "label", "ts" },
	    { { "0.7", "a", "1", "100" }, { "0.2", "a", NULL, "200" } }, 2,
	    "grp=a missing @100 [0.7 1]; grp=a missing @200 [0.2 null]; " },
	{ "a field that is no column is nothing",
	    { .shape = QUERY_ROWS, .fields = two_fields, .n_fields = 2 }, { "pred", "value" },
	    { { "0.7", "5" } }, 1, " 5 [0.7 null]; " },
	{ "without fields a table has a value", { .shape = QUERY_ROWS }, { "pred", "grp" },
	    { { "0.7", "5" } }, 1,
	    "error: no column is named value, only pred, grp; name one so (SQL: AS value)" },
};

static int
fill(const struct table_case *c, struct rows *rows, struct err *err)
{
	const struct table_options options = { .want = &rows->want };
	static struct table table;
	int code;

	for (table.n = 0; table.n < 5 && c->columns[table.n] != NULL; table.n++)
		table.names[table.n] = str_from(c->columns[table.n]);
	code = table_classify(&table, &options, err);
	for (uint32_t r = 0; r < c->n_rows && code == 0; r++) {
		code = rows_begin(rows, err);
		for (uint32_t i = 0; i < table.n && code == 0; i++) {
			struct cell cell = { .kind = CELL_NULL };

			if (c->cells[r][i] != NULL)
				cell = (struct cell){ .kind = CELL_TEXT,
					.text = str_from(c->cells[r][i]) };
			code = table_cell(&table, rows, i, &cell, &options, err);
		}
	}
	return code == 0 ? rows_finish(rows, err) : code;
}

static void
show(
    const struct rows_want *want, const struct vector *vector, struct arena *arena, struct buf *out)
{
	for (uint32_t i = 0; i < vector->n; i++) {
		const struct sample *sample = &vector->samples[i];
		struct label_view *views;
		struct err err;
		uint32_t n;

		ck_assert_int_eq(rows_labels(NULL, sample, arena, &views, &n, &err), 0);
		for (uint32_t j = 0; j < n; j++)
			buf_printf(
			    out, "%.*s=%.*s", STR_ARG(views[j].name), STR_ARG(views[j].value));
		if (sample->missing)
			buf_printf(out, " missing");
		else
			buf_printf(out, " %g", sample->value);
		if (wall_is_set(sample->at))
			buf_printf(out, " @%g", wall_seconds(sample->at));
		for (uint32_t j = 0; j < want->n_fields; j++)
			buf_printf(out, "%s%.*s%s", j == 0 ? " [" : " ",
			    sample->fields[j].p != NULL ? (int)sample->fields[j].n : 4,
			    sample->fields[j].p != NULL ? sample->fields[j].p : "null",
			    j + 1 == want->n_fields ? "]" : "");
		buf_puts(out, ";");
		buf_puts(out, i + 1 == vector->n ? " " : n == 0 ? "" : " ");
	}
}

START_TEST(tables_of_every_shape)
{
	const struct table_case *c = &tables[_i];
	struct arena *arena = arena_new(0);
	struct buf out = { 0 };
	struct vector vector;
	struct rows rows;
	struct err err;

	rows_init_for(&rows, &c->want);
	if (fill(c, &rows, &err) < 0) {
		buf_printf(&out, "error: %s", err.text);
	} else {
		rows_keep(&rows, arena, &vector);
		show(&c->want, &vector, arena, &out);
	}
	ck_assert_msg(strcmp(out.p, c->expect) == 0, "%s: %s", c->name, out.p);
	rows_fini(&rows);
	buf_fini(&out);
	arena_free(arena);
}
END_TEST

START_TEST(equal_keys_of_many_rows_are_kept_once)
{
	const struct rows_want want = { .shape = QUERY_ROWS };
	const struct cell one = { .kind = CELL_DOUBLE, .number = 1 };
	struct rows rows;
	struct err err;

	rows_init_for(&rows, &want);
	for (uint32_t i = 0; i < 200000; i++) {
		char name[24];

		snprintf(name, sizeof(name), "f%u", i % 1000);
		ck_assert_int_eq(rows_begin(&rows, &err), 0);
		ck_assert_int_eq(rows_label(&rows, STR("feature"), str_from(name), &err), 0);
		ck_assert_int_eq(rows_value(&rows, &one, &err), 0);
	}
	ck_assert_int_eq(rows_finish(&rows, &err), 0);
	ck_assert_uint_eq(rows.n_series, 1000);
	ck_assert_uint_lt(rows.keys.n, 20000);
	ck_assert_uint_eq(rows.n_samples, 200000);
	ck_assert(str_eq(rows.samples[7].key, rows.samples[199007].key));
	rows_fini(&rows);
}
END_TEST

START_TEST(an_answer_has_a_limit_of_rows)
{
	struct rows rows;
	struct err err;

	rows_init(&rows);
	for (int i = 0; i < SERIES_MAX; i++)
		ck_assert_int_eq(rows_begin(&rows, &err), 0);
	ck_assert_int_eq(rows_begin(&rows, &err), -ERR_LIMIT);
	ck_assert_str_eq(err.text, "more than 50000 rows; aggregate in the query");
	rows_fini(&rows);
}
END_TEST

START_TEST(a_row_has_a_limit_of_labels)
{
	struct rows rows;
	struct err err;

	rows_init(&rows);
	ck_assert_int_eq(rows_begin(&rows, &err), 0);
	for (int i = 0; i < LABELS_MAX; i++)
		ck_assert_int_eq(rows_label(&rows, STR("a"), STR("b"), &err), 0);
	ck_assert_int_eq(rows_label(&rows, STR("a"), STR("b"), &err), -ERR_LIMIT);
	rows_fini(&rows);
}
END_TEST

TCase *
tcase_rows(void)
{
	TCase *tc = tcase_create("rows");

	tcase_add_loop_test(tc, parameters_are_found_outside_of_text, 0, ARRAY_LEN(rewrites));
	tcase_add_loop_test(tc, numbers_have_many_spellings, 0, ARRAY_LEN(numbers));
	tcase_add_loop_test(tc, times_have_many_spellings, 0, ARRAY_LEN(times));
	tcase_add_loop_test(tc, tables_of_every_shape, 0, ARRAY_LEN(tables));
	tcase_add_test(tc, equal_keys_of_many_rows_are_kept_once);
	tcase_add_test(tc, an_answer_has_a_limit_of_rows);
	tcase_add_test(tc, a_row_has_a_limit_of_labels);
	return tc;
}
