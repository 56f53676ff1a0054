/* SPDX-License-Identifier: Apache-2.0 */
/* str and the numbers in it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/histogram.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/str.h"
#include "suites.h"

static const struct {
	const char *text;
	uint32_t max;
	const char *want;
} heads[] = {
	{ "abc", 5, "abc" },
	{ "abc", 3, "abc" },
	{ "abc", 2, "ab" },
	{ "a\xc3\xa9z", 2, "a" },
	{ "a\xc3\xa9z", 3, "a\xc3\xa9" },
	{ "\xf0\x9f\x94\x94z", 3, "" },
	{ "\xf0\x9f\x94\x94z", 4, "\xf0\x9f\x94\x94" },
	{ "\x80\x80\x80\x80\x80\x80", 5, "\x80\x80\x80\x80\x80" },
	{ "", 0, "" },
};

START_TEST(histogram_counts_what_is_within_each_bound)
{
	static const struct histogram_bounds bounds = { 2, { 1, 10 }, { "1", "10" } };
	struct histogram histogram = { 0 };
	struct buf out = { 0 };

	histogram_add(&histogram, &bounds, 1);
	histogram_add(&histogram, &bounds, 1.5);
	histogram_add(&histogram, &bounds, 100);
	ck_assert_uint_eq(histogram_count(&histogram), 3);
	histogram_put(&histogram, &bounds, "m", "a=\"b\"", &out);
	ck_assert_str_eq(out.p, "m_bucket{a=\"b\",le=\"1\"} 1\nm_bucket{a=\"b\",le=\"10\"} 2\n"
				"m_bucket{a=\"b\",le=\"+Inf\"} 3\n"
				"m_sum{a=\"b\"} 102.5\nm_count{a=\"b\"} 3\n");
	buf_clear(&out);
	histogram_put(&(struct histogram){ 0 }, &bounds, "m", "", &out);
	ck_assert_str_eq(out.p, "m_bucket{le=\"1\"} 0\nm_bucket{le=\"10\"} 0\n"
				"m_bucket{le=\"+Inf\"} 0\nm_sum 0\nm_count 0\n");
	buf_fini(&out);
}
END_TEST

START_TEST(head_cuts_at_a_character)
{
	struct str got = str_head(str_from(heads[_i].text), heads[_i].max);

	ck_assert_msg(str_is(got, heads[_i].want), "%s/%u: '%.*s'",
	    heads[_i].text, heads[_i].max, STR_ARG(got));
}
END_TEST

static const struct {
	const char *text;
	uint32_t runes;
	bool valid;
} utf8[] = {
	{ "", 0, true },
	{ "plain ascii, long enough for words", 34, true },
	{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x94", 3, true },
	{ "\xc0\x80", 2, false },         /* overlong NUL */
	{ "\xe0\x80\x80", 3, false },     /* overlong */
	{ "\xed\xa0\x80", 3, false },     /* surrogate */
	{ "\xf4\x90\x80\x80", 4, false }, /* past U+10FFFF */
	{ "\xf5\x80\x80\x80", 4, false },
	{ "ok\xe2\x82", 4, false }, /* cut */
	{ "12345678\xff", 9, false },
	{ "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", 3, true },
};

START_TEST(utf8_is_checked_and_counted)
{
	struct str s = str_from(utf8[_i].text);

	ck_assert_msg(str_is_utf8(s) == utf8[_i].valid, "row %d", _i);
	ck_assert_uint_eq(str_runes(s), utf8[_i].runes);
	ck_assert(str_eq(str_head_runes(s, utf8[_i].runes), s));
	if (utf8[_i].runes > 0)
		ck_assert_uint_eq(
		    str_runes(str_head_runes(s, utf8[_i].runes - 1)),
		    utf8[_i].runes - 1);
}
END_TEST

START_TEST(compare_trim_starts_ends)
{
	ck_assert_int_lt(str_cmp(STR("a"), STR("ab")), 0);
	ck_assert_int_gt(str_cmp(STR("b"), STR("ab")), 0);
	ck_assert_int_gt(str_cmp(STR("\xff"), STR("a")), 0);
	ck_assert_int_eq(str_cmp(str_make(NULL, 0), STR("")), 0);
	ck_assert(str_is(str_trim(STR(" \t x y\r\n")), "x y"));
	ck_assert(str_is(str_trim(STR(" \n ")), ""));
	ck_assert(str_starts(STR("abc"), STR("ab")));
	ck_assert(!str_starts(STR("ab"), STR("abc")));
	ck_assert(str_ends(STR("abc"), STR("bc")));
	ck_assert(str_ends(STR("abc"), STR("")));
	ck_assert(!str_ends(STR("bc"), STR("abc")));
}
END_TEST

static const struct {
	const char *text;
	bool ok;
	int64_t want;
} ints[] = {
	{ "0", true, 0 },
	{ "-0", true, 0 },
	{ "+7", true, 7 },
	{ "9223372036854775807", true, INT64_MAX },
	{ "-9223372036854775808", true, INT64_MIN },
	{ "9223372036854775808", false, 0 },
	{ "-9223372036854775809", false, 0 },
	{ "", false, 0 },
	{ "-", false, 0 },
	{ " 1", false, 0 },
	{ "1 ", false, 0 },
	{ "0x10", false, 0 },
	{ "1e3", false, 0 },
};

START_TEST(integers_are_whole_strings)
{
	int64_t got = -77;
	bool ok = str_to_i64(str_from(ints[_i].text), &got);

	ck_assert_msg(ok == ints[_i].ok, "'%s'", ints[_i].text);
	ck_assert_int_eq(got, ok ? ints[_i].want : -77);
}
END_TEST

static const struct {
	const char *text;
	bool ok;
	double want;
} doubles[] = {
	{ "0", true, 0 },
	{ "1.5", true, 1.5 },
	{ ".5", true, .5 },
	{ "5.", true, 5 },
	{ "-1e-3", true, -1e-3 },
	{ "1E+22", true, 1e22 },
	{ "123456789012345678901234567890", true,
	    123456789012345678901234567890.0 },
	{ "0.1234567890123456789012345678901234567890", true,
	    0.1234567890123456789012345678901234567890 },
	{ "9007199254740993", true, 9007199254740992.0 },
	{ "0.000000000000000000000000000001", true, 1e-30 },
	{ "1.7976931348623157e308", true, 1.7976931348623157e308 },
	{ "5e-324", true, 5e-324 },
	{ "1e-400", true, 0 },
	{ "+Inf", true, (double)INFINITY },
	{ "-Inf", true, -(double)INFINITY },
	{ "Inf", true, (double)INFINITY },
	{ "1e309", false, 0 },
	{ "1e99999999999999999999", false, 0 },
	{ "", false, 0 },
	{ "-", false, 0 },
	{ ".", false, 0 },
	{ "e5", false, 0 },
	{ "1e", false, 0 },
	{ "1e+", false, 0 },
	{ "1.2.3", false, 0 },
	{ " 1", false, 0 },
	{ "1 ", false, 0 },
	{ "0x1p3", false, 0 },
	{ "nan(1)", false, 0 },
	{ "infinity", false, 0 },
	{ "--1", false, 0 },
};

START_TEST(doubles_are_whole_strings)
{
	double got = -77;
	bool ok = str_to_double(str_from(doubles[_i].text), &got);

	ck_assert_msg(ok == doubles[_i].ok, "'%s'", doubles[_i].text);
	ck_assert_msg(memcmp(&got, ok ? &doubles[_i].want : &(double){ -77 },
			  sizeof(got)) == 0,
	    "'%s' gave %.17g", doubles[_i].text, got);
}
END_TEST

START_TEST(nan_is_a_number_here)
{
	double got = 0;

	ck_assert(str_to_double(STR("NaN"), &got));
	ck_assert(isnan(got));
}
END_TEST

/* As strconv.FormatFloat(v, 'f' or 'e', -1, 64) and encoding/json. */
static const struct {
	double value;
	const char *prom, *json;
} printed[] = {
	{ 0, "0", "0" },
	{ -0.0, "-0", "-0" },
	{ 1, "1", "1" },
	{ -2.5, "-2.5", "-2.5" },
	{ 0.1, "0.1", "0.1" },
	{ 0.30000000000000004, "0.30000000000000004", "0.30000000000000004" },
	{ 1.0 / 3, "0.3333333333333333", "0.3333333333333333" },
	{ 1e-6, "0.000001", "0.000001" },
	{ 1e-7, "1e-07", "1e-7" },
	{ 1.25e-7, "1.25e-07", "1.25e-7" },
	{ 5e-324, "5e-324", "5e-324" },
	{ 1e20, "100000000000000000000", "100000000000000000000" },
	{ 123456789012345680000.0, "123456789012345680000",
	    "123456789012345680000" },
	{ 1e21, "1e+21", "1e+21" },
	{ 1.7976931348623157e308, "1.7976931348623157e+308",
	    "1.7976931348623157e+308" },
	{ 1700000000.123, "1700000000.123", "1700000000.123" },
	{ 9007199254740991.0, "9007199254740991", "9007199254740991" },
	{ (double)INFINITY, "+Inf", "null" },
	{ -(double)INFINITY, "-Inf", "null" },
	{ (double)NAN, "NaN", "null" },
};

START_TEST(doubles_are_printed_shortest)
{
	struct buf buf = { 0 };

	put_prom_double(&buf, printed[_i].value);
	ck_assert_str_eq(buf.p, printed[_i].prom);
	buf_clear(&buf);
	json_put_double(&buf, printed[_i].value);
	ck_assert_str_eq(buf.p, printed[_i].json);
	buf_fini(&buf);
}
END_TEST

/* Any bits, and values with few decimals as metrics have them. */
START_TEST(printed_doubles_read_back)
{
	struct buf buf = { 0 };
	struct rng rng;

	rng_init(&rng, 1);
	for (int i = 0; i < 20000; i++) {
		uint64_t bits = rng_next(&rng);
		double v, back = 0;

		memcpy(&v, &bits, sizeof(v));
		if (i % 2 == 0)
			v = (double)(bits >> 40) / (double)(1 + bits % 1000);
		if (!isfinite(v))
			continue;
		buf_clear(&buf);
		put_prom_double(&buf, v);
		REQUIRE(str_to_double(buf_str(&buf), &back));
		if (memcmp(&v, &back, sizeof(v)) != 0)
			ck_abort_msg("%.17g printed as %s", v, buf.p);
	}
	buf_fini(&buf);
}
END_TEST

static const struct {
	const char *a, *b;
	uint32_t max, want;
} distances[] = {
	{ "expr", "expr", 2, 0 },
	{ "exprr", "expr", 2, 1 },
	{ "kitten", "sitting", 5, 3 },
	{ "kitten", "sitting", 2, 3 },
	{ "", "abc", 3, 3 },
	{ "abc", "", 2, 3 },
	{ "abc", "xyz", 1, 2 },
};

START_TEST(hexadecimal_digits_have_either_case_and_nothing_else_is_one)
{
	static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";

	for (int c = -128; c < 128; c++) {
		int want = -1;

		for (int digit = 0; digit < 16; digit++)
			if (c == lower[digit] || c == upper[digit])
				want = digit;
		ck_assert_msg(str_hex_digit((char)c) == want, "%d", c);
	}
}
END_TEST

START_TEST(distance_counts_edits_up_to_a_maximum)
{
	ck_assert_uint_eq(str_distance(str_from(distances[_i].a),
			      str_from(distances[_i].b), distances[_i].max),
	    distances[_i].want);
}
END_TEST

/* What is printed with 1 to 19 digits is read as strtod() reads it. */
START_TEST(decimals_are_rounded_correctly)
{
	struct rng rng;

	rng_init(&rng, 17);
	for (int i = 0; i < 300000; i++) {
		uint64_t digits = rng_next(&rng) >> rng_below(&rng, 60);
		int exponent = (int)rng_below(&rng, 60) - 30;
		char text[64];
		double got;

		snprintf(text, sizeof(text), "%s%llu.%03llue%d", i % 2 ? "-" : "",
		    (unsigned long long)(digits / 1000),
		    (unsigned long long)(digits % 1000), exponent);
		REQUIRE(str_to_double(str_from(text), &got));
		if (got != strtod(text, NULL)) /* style-ok: the reference */
			ck_abort_msg("%s: %a", text, got);
	}
	/* Halfway between two doubles, and next to it. */
	for (int k = -2; k <= 2; k++) {
		char text[64];
		double got;

		snprintf(text, sizeof(text), "%lld",
		    (long long)(INT64_C(9007199254740993) * 512 + k));
		REQUIRE(str_to_double(str_from(text), &got));
		ck_assert_msg(got == strtod(text, NULL), "%s", text); /* style-ok */
	}
}
END_TEST

TCase *
case_text(void)
{
	TCase *tcase = tcase_create("text");

	tcase_add_test(tcase, histogram_counts_what_is_within_each_bound);
	tcase_add_loop_test(
	    tcase, head_cuts_at_a_character, 0, ARRAY_LEN(heads));
	tcase_add_loop_test(
	    tcase, utf8_is_checked_and_counted, 0, ARRAY_LEN(utf8));
	tcase_add_test(tcase, compare_trim_starts_ends);
	tcase_add_test(tcase, decimals_are_rounded_correctly);
	tcase_add_test(tcase, hexadecimal_digits_have_either_case_and_nothing_else_is_one);
	tcase_add_loop_test(
	    tcase, integers_are_whole_strings, 0, ARRAY_LEN(ints));
	tcase_add_loop_test(
	    tcase, doubles_are_whole_strings, 0, ARRAY_LEN(doubles));
	tcase_add_test(tcase, nan_is_a_number_here);
	tcase_add_loop_test(
	    tcase, doubles_are_printed_shortest, 0, ARRAY_LEN(printed));
	tcase_add_test(tcase, printed_doubles_read_back);
	tcase_add_loop_test(tcase, distance_counts_edits_up_to_a_maximum, 0,
	    ARRAY_LEN(distances));
	return tcase;
}
