/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters in queries, numbers and times in all their spellings. */
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "source/rows.h"
#include "source/sql_params.h"
#include "unit/source/test_source.h"

#define AT ((wall_t){ INT64_C(1763621040500000000) })

static const struct {
	enum param_style style;
	const char *text, *out; /* out NULL: an error */
	uint32_t n;
} rewrites[] = {
	{ PARAM_DOLLAR, "SELECT 1 AS value", "SELECT 1 AS value", 0 },
	{ PARAM_DOLLAR, "ts > :now AND ts < :now", "ts > $1 AND ts < $1", 1 },
	{ PARAM_DOLLAR, ":now", "$1", 1 },
	{ PARAM_DOLLAR, "to_timestamp(:now)", "to_timestamp($1)", 1 },
	{ PARAM_DOLLAR, "':now' || \":now\"", "':now' || \":now\"", 0 },
	{ PARAM_DOLLAR, "'it''s :now' , :now", "'it''s :now' , $1", 1 },
	{ PARAM_DOLLAR, "'a\\' , :now", "'a\\' , $1", 1 },
	{ PARAM_DOLLAR, "E'a\\' :now' , :now", "E'a\\' :now' , $1", 1 },
	{ PARAM_DOLLAR, "-- :now\n:now", "-- :now\n$1", 1 },
	{ PARAM_DOLLAR, "/* :now /* :x */ :y */ :now", "/* :now /* :x */ :y */ $1", 1 },
	{ PARAM_DOLLAR, "$$ :now $$ :now", "$$ :now $$ $1", 1 },
	{ PARAM_DOLLAR, "$a$ :now $$ $a$ :now", "$a$ :now $$ $a$ $1", 1 },
	{ PARAM_DOLLAR, "x::text, now()::timestamptz", "x::text, now()::timestamptz", 0 },
	{ PARAM_DOLLAR, "a[1:n]", "a[1:n]", 0 },
	{ PARAM_DOLLAR, "a[b:c]", "a[b:c]", 0 },
	{ PARAM_DOLLAR, "a[1:2]", "a[1:2]", 0 },
	{ PARAM_DOLLAR, "'open :now", "'open :now", 0 },
	{ PARAM_DOLLAR, "/* open :now", "/* open :now", 0 },
	{ PARAM_DOLLAR, "$x$ open :now", "$x$ open :now", 0 },
	{ PARAM_DOLLAR, "ts > :then", NULL, 0 },
	{ PARAM_DOLLAR, "ts >= :from", NULL, 0 },
	{ PARAM_DOLLAR, "ts >= :to", NULL, 0 },
	{ PARAM_DOLLAR, "ts > $1", NULL, 0 },
	{ PARAM_SECONDS, "t > :now - 5", "t > 1763621040.500 - 5", 1 },
	{ PARAM_SECONDS, "x ? y :other", "x ? y :other", 0 },
	{ PARAM_SECONDS, "'a\\' :now'", "'a\\' :now'", 0 },
	{ PARAM_SECONDS, "t >= :from", NULL, 0 },
	{ PARAM_MS, "time > :now - 5m", "time > 1763621040500ms - 5m", 1 },
};

START_TEST(parameters_are_found_outside_of_text)
{
	struct buf out = { 0 };
	struct err err;
	uint32_t n = 9;
	int code = sql_params(str_from(rewrites[_i].text), rewrites[_i].style, AT, &out, &n, &err);

	if (rewrites[_i].out == NULL) {
		ck_assert_int_eq(code, -ERR_INVALID);
		ck_assert(err.at != ERR_NOWHERE);
	} else {
		ck_assert_msg(code == 0, "%s", err.text);
		ck_assert_str_eq(out.p, rewrites[_i].out);
		ck_assert_uint_eq(n, rewrites[_i].n);
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
	tcase_add_test(tc, an_answer_has_a_limit_of_rows);
	tcase_add_test(tc, a_row_has_a_limit_of_labels);
	return tc;
}
