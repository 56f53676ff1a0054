/* SPDX-License-Identifier: Apache-2.0 */
/* Forecasts: lines that go somewhere, and noise that does not. */
#include "config.h"

#include <math.h>
#include <string.h>

#include "base/attr.h"
#include "rule/past_keep.h"
#include "unit/rule/answers.h"
#include "unit/rule/test_rule.h"

#define NOW ((wall_t){ INT64_C(1763596800) * 1000000000 })

static struct answers a;
static struct past *past;
static struct past_line *line;

static void
set_up(void)
{
	answers_init(&a);
	a.group.interval = DUR_S(60);
}

static void
tear_down(void)
{
	past_unref(past);
	past = NULL;
	answers_fini(&a);
}

static void
open_rule(const char *yaml)
{
	struct past_need need;

	answers_rule(&a, "forecast", yaml);
	a.kind->remembers(&a.rule, &need);
	past_unref(past);
	past = past_new(&need);
	answers_clear(&a);
	answers_row(&a, 0, "disk=x", 0.0);
	line = past_line_add(past, STR("x"));
	past_line_set_key(past, line, a.vectors[0].samples[0].key);
	a.past = past;
}

/* The value n minutes ago is value(n); judged with value(0). */
static enum outcome
judge(double (*value)(uint32_t minutes_ago), uint32_t n)
{
	for (uint32_t i = n; i > 0; i--)
		past_append(past, line, wall_sub(NOW, (dur_t){ DUR_S(60).ns * i }), value(i), 0);
	a.vectors[0].samples[0].value = value(0);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	return a.judgement.observations[0].outcome;
}

static double
rising(uint32_t ago)
{
	return 600.0 - 10.0 * ago;
}

static double
rising_with_wild_points(uint32_t ago)
{
	return ago % 7 == 3 ? (ago % 2 == 0 ? -1e5 : 1e5) : rising(ago);
}

static double
noisy(uint32_t ago)
{
	return 500.0 + 37.0 * ((ago * 7919) % 13) / 13.0;
}

static double
flat(uint32_t ago UNUSED)
{
	return 500.0;
}

static double
high(uint32_t ago UNUSED)
{
	return 5000.0;
}

#define LINE(method) "{query: m, window: 1h, horizon: 30m, method: " method ", op: '>', value: 850}"

START_TEST(a_line_is_followed_to_the_horizon)
{
	static const char *const rules[] = { LINE("least_squares"), LINE("theil_sen") };
	const struct explain *e;

	open_rule(rules[_i]);
	ck_assert_int_eq(judge(rising, 60), OUTCOME_BREACH);
	ck_assert_double_eq_tol(a.judgement.observations[0].value, 900.0, 1e-6);
	e = a.judgement.observations[0].explain;
	ck_assert_double_eq_tol(e->effect, 10.0 / 60.0, 1e-9);
	/* From 600 to 850 at 10 a minute. */
	ck_assert_ptr_nonnull(strstr(e->detail.p, "\"seconds_to_threshold\":1500"));
	open_rule("{query: m, window: 1h, horizon: 20m, op: '>', value: 850}");
	ck_assert_int_eq(judge(rising, 60), OUTCOME_OK);
}
END_TEST

START_TEST(wild_points_do_not_bend_the_robust_line)
{
	open_rule(LINE("theil_sen"));
	ck_assert_msg(judge(rising_with_wild_points, 60) == OUTCOME_BREACH, "%g %.*s",
	    a.judgement.observations[0].value,
	    STR_ARG(a.judgement.observations[0].explain->detail));
	open_rule(LINE("least_squares"));
	ck_assert_int_eq(judge(rising_with_wild_points, 60), OUTCOME_OK);
}
END_TEST

START_TEST(noise_has_no_trend)
{
	static const char *const rules[] = { LINE("least_squares"), LINE("theil_sen") };

	open_rule(rules[_i]);
	ck_assert_int_eq(judge(noisy, 60), OUTCOME_OK);
	ck_assert_double_gt(a.judgement.observations[0].value, 500.0);
	ck_assert_double_lt(a.judgement.observations[0].value, 537.0);
	open_rule(rules[_i]);
	ck_assert_int_eq(judge(flat, 60), OUTCOME_OK);
	ck_assert_double_eq(a.judgement.observations[0].value, 500.0);
	/* Where it is already it needs no trend. */
	open_rule(rules[_i]);
	ck_assert_int_eq(judge(high, 60), OUTCOME_BREACH);
}
END_TEST

START_TEST(few_points_and_what_is_no_number_are_insufficient)
{
	open_rule(LINE("least_squares"));
	ck_assert_int_eq(judge(rising, 8), OUTCOME_INSUFFICIENT);
	open_rule(LINE("least_squares"));
	ck_assert_int_eq(judge(rising, 9), OUTCOME_BREACH);
	a.vectors[0].samples[0].value = (double)NAN;
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_int_eq(a.judgement.observations[0].outcome, OUTCOME_INSUFFICIENT);
	a.vectors[0].samples[0].value = (double)INFINITY;
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_int_eq(a.judgement.observations[0].outcome, OUTCOME_INSUFFICIENT);
	ck_assert_uint_eq(a.judgement.n_remember, 0);
}
END_TEST

START_TEST(growth_from_little_is_left_alone)
{
	open_rule("{query: m, window: 1h, horizon: 30m, op: '>', value: 850, min_current: 700}");
	ck_assert_int_eq(judge(rising, 60), OUTCOME_OK);
	open_rule("{query: m, window: 1h, horizon: 30m, op: '>', value: 850, min_current: 500}");
	ck_assert_int_eq(judge(rising, 60), OUTCOME_BREACH);
}
END_TEST

START_TEST(levels_of_a_forecast)
{
	open_rule("{query: m, window: 1h, horizon: 30m, op: '>', levels: {warning: 850, "
		  "critical: 950}, recover: {critical: 880}}");
	judge(rising, 60);
	ck_assert_uint_eq(a.judgement.n, 2);
	ck_assert_int_eq(a.judgement.observations[0].outcome, OUTCOME_BREACH);
	ck_assert_int_eq(a.judgement.observations[1].outcome, OUTCOME_HOLD);
}
END_TEST

static const struct {
	const char *yaml, *text;
} refused[] = {
	{ "{query: m, window: 1h, op: '>', value: 1}", "horizon" },
	{ "{query: m, window: 1h, horizon: 1h, op: '==', value: 1}", "makes no sense" },
	{ "{query: m, window: 1h, horizon: 1h, op: '>'}", "forecast needs value" },
	{ "{query: m, window: 5m, horizon: 1h, op: '>', value: 1}", "fewer than 10 points" },
	{ "{query: m, window: 30d, step: 1m, horizon: 1h, op: '>', value: 1}",
	    "more than 1999 points" },
};

START_TEST(settings_that_make_no_sense_are_refused)
{
	const char *text = answers_finding(&a, "forecast", refused[_i].yaml);

	ck_assert_msg(strstr(text, refused[_i].text) != NULL, "%s: '%s'", refused[_i].yaml, text);
}
END_TEST

TCase *
tcase_forecast(void)
{
	TCase *t = tcase_create("forecast");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, a_line_is_followed_to_the_horizon, 0, 2);
	tcase_add_test(t, wild_points_do_not_bend_the_robust_line);
	tcase_add_loop_test(t, noise_has_no_trend, 0, 2);
	tcase_add_test(t, few_points_and_what_is_no_number_are_insufficient);
	tcase_add_test(t, growth_from_little_is_left_alone);
	tcase_add_test(t, levels_of_a_forecast);
	tcase_add_loop_test(t, settings_that_make_no_sense_are_refused, 0, (int)ARRAY_LEN(refused));
	return t;
}
