/* SPDX-License-Identifier: Apache-2.0 */
/* Points of series in memory, and their chunks. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "base/attr.h"
#include "rule/past_keep.h"
#include "unit/rule/test_rule.h"

#define AT(s) ((wall_t){ (int64_t)(s)*1000000000 })

static struct past *past;
static struct past_line *line;

static void
set_up(void)
{
	const struct past_need need = { .window = DUR_S(1000), .step = DUR_S(10) };

	past = past_new(&need);
	line = past_line_add(past, STR("labels"));
	past_line_set_key(past, line, STR("key"));
}

static void
tear_down(void)
{
	past_unref(past);
}

static void
fill(int64_t from, int64_t to)
{
	for (int64_t s = from; s <= to; s += 10)
		past_append(past, line, AT(s), (double)s, 0);
}

START_TEST(points_are_found_by_the_series_key)
{
	struct past_series series;

	ck_assert(!past_of(past, STR("key"), &series));
	fill(100, 300);
	ck_assert(past_of(past, STR("key"), &series));
	ck_assert(!past_of(past, STR("other"), &series));
	ck_assert_uint_eq(series.n, 21);
	ck_assert(series.value[0] == 100 && series.value[20] == 300);
	ck_assert_int_eq(past_newest(past).ns, AT(300).ns);
	past_line_set_key(past, line, STR("other"));
	ck_assert(past_of(past, STR("other"), &series));
	ck_assert(!past_of(past, STR("key"), &series));
}
END_TEST

static const struct {
	const char *label;
	int64_t at; /* after one at 100 */
	bool taken;
} appends[] = {
	{ "a later step", 110, true },
	{ "the same time", 100, false },
	{ "an earlier one", 90, false },
	{ "within the step", 109, false },
	{ "much later", 10000, true },
};

START_TEST(one_point_in_a_step_and_only_newer_ones)
{
	ck_assert(past_append(past, line, AT(100), 1, 0));
	ck_assert_msg(past_append(past, line, AT(appends[_i].at), 2, 0) == appends[_i].taken, "%s",
	    appends[_i].label);
}
END_TEST

START_TEST(what_is_older_than_the_window_is_forgotten)
{
	struct past_series series;

	fill(0, 2000);
	ck_assert(!past_prune_line(past, line, AT(2000)));
	ck_assert(past_of(past, STR("key"), &series));
	ck_assert_int_eq(series.at[0].ns, AT(1000).ns);
	ck_assert_uint_eq(series.n, 101);
	ck_assert_uint_eq(past_points(past), 101);
	fill(2010, 3000);
	ck_assert(past_of(past, STR("key"), &series));
	ck_assert_uint_eq(series.n, 201);
	ck_assert(past_prune_line(past, line, AT(9000)));
	ck_assert_uint_eq(past_points(past), 0);
}
END_TEST

/* As many as PAST_POINTS_MAX, however fine the settings want it. */
START_TEST(a_long_window_has_a_wider_step)
{
	const struct past_need need = { .window = DUR_S(86400 * 365), .step = DUR_S(1) };
	struct past *year = past_new(&need);
	struct past_line *l = past_line_add(year, STR("l"));

	for (int64_t s = 1000; s < 40000; s++)
		past_append(year, l, AT(s), 1, 0);
	ck_assert_uint_lt(l->n, 40);
	past_unref(year);
}
END_TEST

START_TEST(a_new_version_starts_with_nothing_and_the_old_is_known)
{
	fill(0, 100);
	past_line_reset(past, line, "v1");
	ck_assert_uint_eq(line->n, 0);
	fill(200, 300);
	past_line_reset(past, line, "v2");
	ck_assert_uint_eq(line->n, 0);
	ck_assert_str_eq(line->version, "v2");
	ck_assert_uint_eq(line->n_older, 1);
	ck_assert_str_eq(line->older[0], "v1");
	ck_assert_uint_eq(line->first % PAST_CHUNK, 0);
	for (int i = 0; i < 20; i++) {
		char name[8];

		snprintf(name, sizeof(name), "w%d", i);
		past_line_reset(past, line, name);
	}
	ck_assert_uint_eq(line->n_older, PAST_VERSIONS_MAX);
	ck_assert_str_eq(line->older[0], "w18");
}
END_TEST

START_TEST(a_copy_is_equal_and_apart)
{
	struct past_series a, b;
	struct past *copy;

	fill(100, 2500);
	past_prune_line(past, line, AT(2500));
	copy = past_clone(past);
	ck_assert(past_of(past, STR("key"), &a) && past_of(copy, STR("key"), &b));
	ck_assert_uint_eq(a.n, b.n);
	ck_assert(a.value != b.value && a.value[5] == b.value[5]);
	ck_assert_uint_eq(copy->lines[0]->first, line->first);
	past_unref(copy);
	ck_assert(past_of(past, STR("key"), &a));
}
END_TEST

/* All chunks of the line into another. */
static int
carry(struct past *to, struct past_line *l, struct err *err)
{
	uint64_t end = line->first + line->n;
	struct buf bytes = { 0 };
	int code = 0;

	for (uint64_t k = line->first / PAST_CHUNK; k * PAST_CHUNK < end && code == 0; k++) {
		buf_clear(&bytes);
		past_chunk_encode(line, k, &bytes);
		code = past_chunk_decode(to, l, k, buf_str(&bytes), err);
	}
	buf_fini(&bytes);
	return code;
}

static const struct {
	int64_t to, now;
} lives[] = { { 100, 100 }, { 1290, 1290 }, { 1280, 1280 }, { 5000, 5000 }, { 5000, 5700 } };

START_TEST(chunks_come_back_as_they_were)
{
	const struct past_need need = { .window = DUR_S(1000), .step = DUR_S(10) };
	struct past *other = past_new(&need);
	struct past_line *l = past_line_add(other, STR("labels"));
	struct err err;

	for (int64_t s = 0; s <= lives[_i].to; s += 10)
		past_append(past, line, AT(s), s == 50 ? (double)NAN : (double)s / 3,
		    s % 70 == 0 ? PAST_FIRING : 0);
	past_prune_line(past, line, AT(lives[_i].now));
	ck_assert_msg(carry(other, l, &err) == 0, "%s", err.text);
	ck_assert_uint_eq(l->n, line->n);
	ck_assert_uint_eq(l->first, line->first);
	ck_assert_uint_eq(l->saved, line->first + line->n);
	for (uint32_t i = 0; i < l->n; i++) {
		ck_assert_int_eq(l->at[l->start + i].ns, line->at[line->start + i].ns);
		ck_assert(memcmp(&l->value[l->start + i], &line->value[line->start + i], 8) == 0);
		ck_assert_uint_eq(l->flags[l->start + i], line->flags[line->start + i]);
	}
	past_unref(other);
}
END_TEST

static const struct {
	const char *label, *bytes;
	uint32_t n;
} mangled[] = {
	{ "nothing", "", 0 },
	{ "a format to come", "\x02\x00", 2 },
	{ "half a point", "\x01\x00\x01\x02\x03", 5 },
	{ "more than a chunk holds", "\x01\x80\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0", 19 },
	{ "points out of order",
	    "\x01\x00\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	    "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
	    36 },
};

START_TEST(a_mangled_chunk_is_an_error)
{
	struct err err;

	ck_assert_msg(past_chunk_decode(past, line, 0, str_make(mangled[_i].bytes, mangled[_i].n),
			  &err) == -ERR_STORE,
	    "%s", mangled[_i].label);
}
END_TEST

START_TEST(a_gap_between_chunks_is_an_error)
{
	struct buf bytes = { 0 };
	struct err err;

	fill(0, 5000);
	past_chunk_encode(line, 2, &bytes);
	ck_assert_int_eq(past_chunk_decode(past, line, 7, buf_str(&bytes), &err), -ERR_STORE);
	buf_fini(&bytes);
}
END_TEST

START_TEST(a_thousand_series_of_two_thousand_points_are_fine)
{
	const struct past_need need = { .window = DUR_S(20000), .step = DUR_S(10) };
	struct past *many = past_new(&need);

	for (int i = 0; i < 1000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "series-%d", i);
		past_line_set_key(many, past_line_add(many, str_from(name)), str_from(name));
	}
	for (int64_t s = 10; s <= 30000; s += 10)
		for (size_t i = 0; i < many->n; i++) {
			past_append(many, many->lines[i], AT(s), 1, 0);
			past_prune_line(many, many->lines[i], AT(s));
		}
	ck_assert_uint_eq(past_points(many), 1000 * 2001);
	/* Arrays do not grow with what has passed. */
	ck_assert_uint_le(many->lines[0]->cap, 8192);
	past_unref(many);
}
END_TEST

TCase *
tcase_past(void)
{
	TCase *tc = tcase_create("past");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, points_are_found_by_the_series_key);
	tcase_add_loop_test(tc, one_point_in_a_step_and_only_newer_ones, 0, ARRAY_LEN(appends));
	tcase_add_test(tc, what_is_older_than_the_window_is_forgotten);
	tcase_add_test(tc, a_long_window_has_a_wider_step);
	tcase_add_test(tc, a_new_version_starts_with_nothing_and_the_old_is_known);
	tcase_add_test(tc, a_copy_is_equal_and_apart);
	tcase_add_loop_test(tc, chunks_come_back_as_they_were, 0, ARRAY_LEN(lives));
	tcase_add_loop_test(tc, a_mangled_chunk_is_an_error, 0, ARRAY_LEN(mangled));
	tcase_add_test(tc, a_gap_between_chunks_is_an_error);
	tcase_add_test(tc, a_thousand_series_of_two_thousand_points_are_fine);
	return tc;
}
