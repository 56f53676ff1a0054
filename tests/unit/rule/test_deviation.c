/* SPDX-License-Identifier: Apache-2.0 */
/* Deviation rules: what each method finds and, above all, what none of them
 * must find. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "rule/deviate.h"
#include "rule/past_keep.h"
#include "stats/dist.h"
#include "unit/rule/answers.h"
#include "unit/rule/test_rule.h"

#define MINUTE  DUR_S(60)
#define NOW     ((wall_t){ INT64_C(1763596800) * 1000000000 }) /* 2025-11-20 00:00 UTC */
#define ENDLESS ((double)INFINITY)
#define NOTHING ((double)NAN)

static struct answers a;
static struct past *past;
static struct past_line *line;

static void
set_up(void)
{
	answers_init(&a);
	a.group.interval = MINUTE;
}

static void
tear_down(void)
{
	past_unref(past);
	past = NULL;
	answers_fini(&a);
}

/* The rule, and an empty past of one series, "model=x". */
static void
open_rule(const char *yaml)
{
	struct past_need need;

	answers_rule(&a, "deviation", yaml);
	a.kind->remembers(&a.rule, &need);
	past_unref(past);
	past = past_new(&need);
	answers_clear(&a);
	answers_row(&a, 0, "model=x", 0.0);
	line = past_line_add(past, STR("x"));
	past_line_set_key(past, line, a.vectors[0].samples[0].key);
	a.past = past;
}

/* A point so long before NOW. */
static void
remember(dur_t ago, double value, uint8_t flags)
{
	ck_assert(past_append(past, line, wall_sub(NOW, ago), value, flags));
}

static enum outcome
judge(double value)
{
	a.vectors[0].samples[0].value = value;
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_uint_ge(a.judgement.n, 1);
	return a.judgement.observations[0].outcome;
}

static const char *const methods[] = { "auto", "zscore", "robust", "ewma", "seasonal", "iqr",
	"cusum", "holt_winters" };

/* Five days of hours: one season more than every method asks for. */
static void
fill(double (*value)(uint32_t i, struct rng *rng), uint32_t n)
{
	struct rng rng;

	rng_init(&rng, 7);
	for (uint32_t i = 0; i < n; i++)
		remember((dur_t){ DUR_S(3600).ns * (n - i) }, value(i, &rng), 0);
}

#define RULE "{query: m, method: %s, window: 14d, step: 1h, slot: 30m%s}"

static void
open_method(const char *method, const char *more)
{
	char yaml[512];

	snprintf(yaml, sizeof(yaml), RULE, method, more);
	open_rule(yaml);
}

static double
noise(uint32_t i UNUSED, struct rng *rng)
{
	return 100.0 + random_normal(rng);
}

static double
constant(uint32_t i UNUSED, struct rng *rng UNUSED)
{
	return 100.0;
}

START_TEST(far_is_far_and_near_is_near)
{
	const char *method = methods[_i];

	open_method(method, "");
	fill(noise, 240);
	ck_assert_msg(judge(100.3) == OUTCOME_OK, "%s", method);
	ck_assert_msg(judge(140.0) == OUTCOME_BREACH, "%s above", method);
	ck_assert_msg(judge(60.0) == OUTCOME_BREACH, "%s below", method);
	ck_assert_double_eq(a.judgement.observations[0].value, 60.0);
	ck_assert_str_eq(a.judgement.observations[0].explain->method, method);
	ck_assert(isfinite(a.judgement.observations[0].explain->baseline));
	ck_assert(
	    a.judgement.observations[0].explain->low < a.judgement.observations[0].explain->high);
	ck_assert(fabs(a.judgement.observations[0].explain->statistic) >
		  a.judgement.observations[0].explain->threshold);
}
END_TEST

START_TEST(only_the_direction_asked_for_counts)
{
	open_method(methods[_i], ", direction: up");
	fill(noise, 240);
	ck_assert_int_eq(judge(60.0), OUTCOME_OK);
	ck_assert_int_eq(judge(140.0), OUTCOME_BREACH);
	open_method(methods[_i], ", direction: down");
	fill(noise, 240);
	ck_assert_int_eq(judge(140.0), OUTCOME_OK);
	ck_assert_int_eq(judge(60.0), OUTCOME_BREACH);
}
END_TEST

/* --- never a false page ------------------------------------------------ */

/* A table lists the rows of the last minutes: the newest says how it is. */
START_TEST(newest_row_of_a_series_is_the_one_that_counts)
{
	open_method("zscore", "");
	fill(noise, 240);
	a.vectors[0].samples[0].value = 140.0;
	a.vectors[0].samples[0].at = wall_sub(NOW, MINUTE);
	answers_row(&a, 0, "model=x", 100.3)->at = NOW;
	answers_row(&a, 0, "model=x", 60.0)->at = wall_sub(NOW, DUR_S(120));
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_uint_eq(a.judgement.n, 1);
	ck_assert_int_eq(a.judgement.observations[0].outcome, OUTCOME_OK);
	ck_assert_double_eq(a.judgement.observations[0].value, 100.3);
	ck_assert_uint_eq(a.judgement.n_remember, 1);
	/* Without times nobody knows which it is. */
	a.vectors[0].samples[1].at = WALL_NONE;
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_uint_eq(a.judgement.n, 3);
}
END_TEST

/* 100 but for one wild point, which stands in the middle. */
static double
constant_but_once(uint32_t i, struct rng *rng UNUSED)
{
	return i == 120 ? 100000.0 : 100.0;
}

START_TEST(a_share_of_the_usual_is_not_that_of_one_wild_point)
{
	open_method("iqr", ", min_rel_dev: 0.2");
	fill(constant_but_once, 240);
	ck_assert_int_eq(judge(115.0), OUTCOME_OK);
	ck_assert_int_eq(judge(130.0), OUTCOME_BREACH);
}
END_TEST

START_TEST(constant_series_is_not_judged_without_a_least_deviation)
{
	open_method(methods[_i], "");
	fill(constant, 240);
	ck_assert_msg(judge(100.0) != OUTCOME_BREACH, "%s", methods[_i]);
	ck_assert_msg(judge(100.5) == OUTCOME_INSUFFICIENT, "%s", methods[_i]);
	open_method(methods[_i], ", min_abs_dev: 5");
	fill(constant, 240);
	ck_assert_msg(judge(104.0) == OUTCOME_OK, "%s small", methods[_i]);
	ck_assert_msg(judge(160.0) == OUTCOME_BREACH, "%s large", methods[_i]);
}
END_TEST

START_TEST(what_is_no_number_is_not_judged_and_not_remembered)
{
	static const double values[] = { NOTHING, ENDLESS, -ENDLESS };

	open_method(methods[_i], "");
	fill(noise, 240);
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		ck_assert_int_eq(judge(values[i]), OUTCOME_INSUFFICIENT);
		ck_assert_uint_eq(a.judgement.n_remember, 0);
	}
	a.vectors[0].samples[0].missing = true;
	ck_assert_int_eq(judge(100), OUTCOME_INSUFFICIENT);
}
END_TEST

START_TEST(short_past_is_not_enough)
{
	open_method(methods[_i], "");
	fill(noise, strcmp(methods[_i], "seasonal") == 0 ? 50 : 29);
	ck_assert_int_eq(judge(1e6), OUTCOME_INSUFFICIENT);
	ck_assert_uint_eq(a.judgement.n_remember, 1);
}
END_TEST

START_TEST(warm_up_and_min_samples_hold_judgement_back)
{
	open_method("robust", ", warm_up: 5d");
	fill(noise, 119);
	ck_assert_int_eq(judge(1e6), OUTCOME_INSUFFICIENT);
	open_method("robust", ", warm_up: 5d");
	fill(noise, 120);
	ck_assert_int_eq(judge(1e6), OUTCOME_BREACH);
	a.rule.min_samples = 121;
	ck_assert_int_eq(judge(1e6), OUTCOME_INSUFFICIENT);
}
END_TEST

START_TEST(small_deviations_do_not_matter)
{
	open_method(methods[_i], ", min_rel_dev: 0.5");
	fill(noise, 240);
	ck_assert_int_eq(judge(140.0), OUTCOME_OK);
	/* Charts look at the level, not at one value. */
	ck_assert_int_eq(judge(1000.0), OUTCOME_BREACH);
}
END_TEST

/* Of points of N(0,1) the share that breaches is at most what sigmas says, with room for chance. */
START_TEST(false_alarms_are_as_rare_as_sigmas_says)
{
	static const double sigmas[] = { 2.5, 3.0 };
	const uint32_t points = 150, trials = 1500;

	for (size_t s = 0; s < ARRAY_LEN(sigmas); s++) {
		double nominal = 2.0 * dist_normal_sf(sigmas[s]), most;
		uint32_t breaches = 0;
		struct rng rng;
		char yaml[256];

		rng_init(&rng, 11 + s);
		snprintf(yaml, sizeof(yaml), ", sigmas: %g", sigmas[s]);
		for (uint32_t t = 0; t < trials; t++) {
			open_method(methods[_i], yaml);
			for (uint32_t i = 0; i < points; i++)
				remember((dur_t){ DUR_S(3600).ns * (points - i) },
				    random_normal(&rng), 0);
			breaches += judge(random_normal(&rng)) == OUTCOME_BREACH;
			arena_reset(a.arena);
			a.vectors[0].samples[0].key = STR("");
		}
		most = trials * nominal + 4.0 * sqrt(trials * nominal);
		ck_assert_msg(breaches <= most, "%s at %g sigmas: %u of %u, nominal %g",
		    methods[_i], sigmas[s], breaches, trials, trials * nominal);
	}
}
END_TEST

/* --- what the methods are for ------------------------------------------ */

static double
by_hour(uint32_t i, struct rng *rng)
{
	return 100.0 + 50.0 * sin(2.0 * M_PI * (i % 24) / 24.0) + random_normal(rng);
}

START_TEST(a_value_that_is_usual_at_another_hour_is_odd_now)
{
	static const char *const seasonal[] = { "seasonal", "holt_winters" };

	open_method(seasonal[_i], "");
	fill(by_hour, 240);
	ck_assert_int_eq(judge(100.0), OUTCOME_OK);
	ck_assert_int_eq(judge(140.0), OUTCOME_BREACH);
	open_method("robust", "");
	fill(by_hour, 240);
	ck_assert_int_eq(judge(140.0), OUTCOME_OK);
}
END_TEST

static double
shifted(uint32_t i, struct rng *rng)
{
	return 100.0 + random_normal(rng) + (i >= 225 ? 1.5 : 0.0);
}

START_TEST(charts_find_a_small_shift_that_lasts)
{
	static const char *const charts[] = { "ewma", "cusum" };

	open_method(charts[_i], "");
	fill(shifted, 240);
	ck_assert_int_eq(judge(101.5), OUTCOME_BREACH);
	open_method("robust", "");
	fill(shifted, 240);
	ck_assert_int_eq(judge(101.5), OUTCOME_OK);
}
END_TEST

START_TEST(outliers_do_not_blind_robust)
{
	open_method("robust", "");
	for (uint32_t i = 240; i > 0; i--)
		remember((dur_t){ DUR_S(3600).ns * i }, i % 20 == 0 ? 1e6 : 100.0 + i % 7, 0);
	ck_assert_int_eq(judge(150.0), OUTCOME_BREACH);
	open_method("zscore", "");
	for (uint32_t i = 240; i > 0; i--)
		remember((dur_t){ DUR_S(3600).ns * i }, i % 20 == 0 ? 1e6 : 100.0 + i % 7, 0);
	ck_assert_int_eq(judge(150.0), OUTCOME_OK);
}
END_TEST

/* Nine in the morning is nine in the morning on both sides of the change of clocks. */
START_TEST(season_follows_the_local_clock)
{
	/* 2025-10-29 08:00 UTC is 09:00 in Berlin, as 07:00 UTC was before the 26th. */
	wall_t now = { INT64_C(1761724800) * 1000000000 };
	static const char *const zones[] = { "Europe/Berlin", "UTC" };
	static const enum outcome want[] = { OUTCOME_OK, OUTCOME_BREACH };

	for (size_t z = 0; z < ARRAY_LEN(zones); z++) {
		char more[128];

		snprintf(more, sizeof(more), ", time_zone: %s", zones[z]);
		open_method("seasonal", more);
		for (int64_t h = 13 * 24; h > 0; h--) {
			wall_t at = wall_sub(now, (dur_t){ DUR_S(3600).ns * h });
			int64_t local = deviate_local(tz_find(STR("Europe/Berlin")), at);
			int64_t hour = local / 3600 % 24;

			past_append(past, line, at,
			    (hour == 9 ? 500.0 : 10.0) + (double)(local / 86400 % 5), 0);
		}
		a.vectors[0].samples[0].value = 501.0;
		ck_assert_int_eq(answers_judge(&a, now), 0);
		/* By UTC three of thirteen days had it at this hour. */
		ck_assert_msg(a.judgement.observations[0].outcome == want[z], "%s: %s", zones[z],
		    outcome_name(a.judgement.observations[0].outcome));
	}
}
END_TEST

START_TEST(own_incident_stays_out_of_the_baseline)
{
	for (int keeps = 0; keeps < 2; keeps++) {
		open_method("zscore", keeps ? "" : ", exclude_firing: true");
		for (uint32_t i = 240; i > 0; i--)
			remember((dur_t){ DUR_S(3600).ns * i }, (i <= 60 ? 500.0 : 100.0) + i % 7,
			    i <= 60 ? PAST_FIRING : 0);
		ck_assert_int_eq(judge(500.0), keeps ? OUTCOME_OK : OUTCOME_BREACH);
		ck_assert_double_eq(
		    a.judgement.observations[0].explain->n_reference, keeps ? 240.0 : 180.0);
	}
	/* What is the larger part of the past is what is normal. */
	open_method("zscore", ", exclude_firing: true");
	for (uint32_t i = 240; i > 0; i--)
		remember((dur_t){ DUR_S(3600).ns * i }, (i <= 180 ? 500.0 : 100.0) + i % 7,
		    i <= 180 ? PAST_FIRING : 0);
	ck_assert_int_eq(judge(500.0), OUTCOME_OK);
}
END_TEST

START_TEST(levels_and_recovery_are_in_sigmas)
{
	open_rule("{query: m, method: robust, window: 14d, step: 1h, levels: {warning: 3, "
		  "critical: 20}, recover: {warning: 2}}");
	fill(noise, 240);
	judge(108.0);
	ck_assert_uint_eq(a.judgement.n, 2);
	ck_assert_int_eq(a.judgement.observations[0].outcome, OUTCOME_BREACH);
	ck_assert_int_eq(a.judgement.observations[1].outcome, OUTCOME_OK);
	ck_assert_str_eq(a.kind->level_severity(&a.rule, 1), "critical");
	ck_assert_int_eq(judge(102.6), OUTCOME_HOLD);
}
END_TEST

/* --- asking and remembering -------------------------------------------- */

START_TEST(first_start_asks_for_the_window_and_a_gap_for_the_gap)
{
	struct rule_plan plan;
	struct past_need need;

	open_method("robust", ", guard: g");
	a.kind->remembers(&a.rule, &need);
	ck_assert_int_eq(need.step.ns, DUR_S(3600).ns);
	answers_plan(&a, NOW, &plan);
	ck_assert_uint_eq(plan.n, 3);
	ck_assert_int_eq(plan.queries[1].shape, QUERY_RANGE);
	ck_assert_int_eq(wall_since(NOW, plan.queries[1].from).ns, DUR_S(14 * 86400).ns);
	ck_assert_int_eq(wall_since(NOW, plan.queries[1].to).ns, DUR_S(3600).ns);
	ck_assert(str_is(plan.queries[2].text, "g"));
	remember(DUR_S(8 * 3600), 1, 0);
	answers_plan(&a, NOW, &plan);
	ck_assert_uint_eq(plan.n, 3);
	ck_assert_int_eq(wall_since(NOW, plan.queries[1].from).ns, DUR_S(7 * 3600).ns);
	remember(DUR_S(3600), 1, 0);
	answers_plan(&a, NOW, &plan);
	ck_assert_uint_eq(plan.n, 2);
	open_method("robust", ", history: false");
	answers_plan(&a, NOW, &plan);
	ck_assert_uint_eq(plan.n, 1);
}
END_TEST

START_TEST(history_is_judged_by_and_remembered_at_once)
{
	struct rng rng;

	rng_init(&rng, 3);
	open_method("robust", "");
	for (uint32_t i = 100; i > 0; i--)
		answers_row(&a, 1, "model=x", random_normal(&rng))->at =
		    wall_sub(NOW, (dur_t){ DUR_S(3600).ns * i });
	answers_row(&a, 1, "model=y", 5)->at = wall_sub(NOW, DUR_S(3600));
	ck_assert_int_eq(judge(50.0), OUTCOME_BREACH);
	ck_assert_uint_eq(a.judgement.n_remember, 102);
	ck_assert_double_eq(a.judgement.observations[0].explain->n_reference, 100);
	for (uint32_t i = 1; i < 100; i++)
		ck_assert(wall_before(a.judgement.remember[i - 1].at, a.judgement.remember[i].at));
}
END_TEST

START_TEST(guard_holds_judgement_back)
{
	open_method("robust", ", guard: g, history: false");
	fill(noise, 240);
	ck_assert_int_eq(judge(1000.0), OUTCOME_INSUFFICIENT);
	answers_row(&a, 1, "model=x", 1);
	ck_assert_int_eq(judge(1000.0), OUTCOME_BREACH);
}
END_TEST

static const struct {
	const char *yaml, *text;
} refused[] = {
	{ "{query: m, method: magic}", "expected one of" },
	{ "{query: m, sigmas: 0.5}", "between 1.5 and 30" },
	{ "{query: m, sigmas: 3, levels: {a: 3}}", "only one of 'sigmas' and 'levels'" },
	{ "{query: m, levels: {warning: 4, critical: 3}}", "must lie beyond" },
	{ "{query: m, time_zone: Europe/Atlantis}", "no time zone 'Europe/Atlantis'" },
	{ "{query: m, method: seasonal, season: 1w, window: 2w}", "at least 3 seasons" },
	{ "{query: m, method: holt_winters, window: 1d}", "at least 2 seasons" },
	{ "{query: m, window: 365d, step: 1m}", "more than 20000 points" },
	{ "{query: m, min_abs_dev: -1}", "not negative" },
	{ "{method: robust}", "query" },
};

START_TEST(settings_that_make_no_sense_are_refused)
{
	const char *text = answers_finding(&a, "deviation", refused[_i].yaml);

	ck_assert_msg(strstr(text, refused[_i].text) != NULL, "%s: '%s'", refused[_i].yaml, text);
}
END_TEST

TCase *
tcase_deviation(void)
{
	TCase *t = tcase_create("deviation");
	int all = (int)ARRAY_LEN(methods);

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, far_is_far_and_near_is_near, 0, all);
	tcase_add_loop_test(t, only_the_direction_asked_for_counts, 0, all);
	tcase_add_test(t, newest_row_of_a_series_is_the_one_that_counts);
	tcase_add_test(t, a_share_of_the_usual_is_not_that_of_one_wild_point);
	tcase_add_loop_test(t, constant_series_is_not_judged_without_a_least_deviation, 0, all);
	tcase_add_loop_test(t, what_is_no_number_is_not_judged_and_not_remembered, 0, all);
	tcase_add_loop_test(t, short_past_is_not_enough, 0, all);
	tcase_add_test(t, warm_up_and_min_samples_hold_judgement_back);
	tcase_add_loop_test(t, small_deviations_do_not_matter, 0, all);
	tcase_add_loop_test(t, false_alarms_are_as_rare_as_sigmas_says, 0, all);
	tcase_add_loop_test(t, a_value_that_is_usual_at_another_hour_is_odd_now, 0, 2);
	tcase_add_loop_test(t, charts_find_a_small_shift_that_lasts, 0, 2);
	tcase_add_test(t, outliers_do_not_blind_robust);
	tcase_add_test(t, season_follows_the_local_clock);
	tcase_add_test(t, own_incident_stays_out_of_the_baseline);
	tcase_add_test(t, levels_and_recovery_are_in_sigmas);
	tcase_add_test(t, first_start_asks_for_the_window_and_a_gap_for_the_gap);
	tcase_add_test(t, history_is_judged_by_and_remembered_at_once);
	tcase_add_test(t, guard_holds_judgement_back);
	tcase_add_loop_test(t, settings_that_make_no_sense_are_refused, 0, (int)ARRAY_LEN(refused));
	return t;
}
