/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions over other rules: how they are read, what they say. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "rule/when.h"
#include "unit/rule/answers.h"
#include "unit/rule/test_rule.h"

#define NOW ((wall_t){ INT64_C(1763621040) * 1000000000 })

static struct answers a;

/* Alerts of other rules: name, state, model, zone. */
static struct {
	const char *name;
	enum alert_state state;
	const char *model, *zone;
} alerts[16];
static uint32_t n_alerts;

static void
tell_alerts(void *arg UNUSED, struct str rule,
    void (*fn)(void *fn_arg, const struct labels *labels, enum alert_state state), void *fn_arg)
{
	for (uint32_t i = 0; i < n_alerts; i++) {
		struct labels_builder b;
		struct labels *labels;

		if (!str_is(rule, alerts[i].name))
			continue;
		labels_builder_init(&b, a.arena);
		labels_builder_set(&b, STR("alertname"), str_from(alerts[i].name));
		labels_builder_set(&b, STR("model"), str_from(alerts[i].model));
		labels_builder_set(&b, STR("zone"), str_from(alerts[i].zone));
		labels = labels_intern(&b, NULL);
		fn(fn_arg, labels, alerts[i].state);
		labels_unref(labels);
	}
}

static const struct rule_lookup others = { .alerts = tell_alerts };

static void
set_up(void)
{
	answers_init(&a);
	a.others = &others;
	n_alerts = 0;
}

static void
tear_down(void)
{
	answers_fini(&a);
}

static void
add_alert(const char *name, enum alert_state state, const char *model, const char *zone)
{
	alerts[n_alerts].name = name;
	alerts[n_alerts].state = state;
	alerts[n_alerts].model = model;
	alerts[n_alerts++].zone = zone;
}

/* --- conditions -------------------------------------------------------- */

static const struct {
	const char *text;
	uint32_t counts[3]; /* of A, B, C */
	bool want;
} conditions[] = {
	{ "A", { 1, 0, 0 }, true },
	{ "A", { 0, 1, 1 }, false },
	{ "not A", { 0, 0, 0 }, true },
	{ "A and not B", { 2, 0, 0 }, true },
	{ "A and not B", { 2, 1, 0 }, false },
	{ "A or B and C", { 1, 0, 0 }, true }, /* and binds tighter */
	{ "(A or B) and C", { 1, 0, 0 }, false },
	{ "(A or B) and C", { 0, 1, 1 }, true },
	{ "not not A", { 1, 0, 0 }, true },
	{ "not (A or B)", { 0, 1, 0 }, false },
	{ "count(A) >= 3", { 3, 0, 0 }, true },
	{ "count(A) >= 3", { 2, 9, 0 }, false },
	{ "count(A, B) > 3", { 2, 2, 0 }, true },
	{ "count(A)==0 and B", { 0, 1, 0 }, true },
	{ "count(A) != 1", { 1, 0, 0 }, false },
	{ "\"A\" and 'B'", { 1, 1, 0 }, true },
	{ "  A\n  and\tB ", { 1, 1, 0 }, true },
};

START_TEST(condition_holds)
{
	static const char *const names[] = { "A", "B", "C" };
	struct err err = { .at = ERR_NOWHERE };
	const struct when *when = when_parse(a.arena, str_from(conditions[_i].text), &err);
	uint32_t counts[WHEN_NAMES_MAX] = { 0 };

	ck_assert_msg(when != NULL, "%s: %s", conditions[_i].text, err.text);
	for (uint32_t i = 0; i < when->n_names; i++)
		for (size_t k = 0; k < ARRAY_LEN(names); k++)
			if (strcmp(when->names[i], names[k]) == 0)
				counts[i] = conditions[_i].counts[k];
	ck_assert_msg(when_holds(when, counts) == conditions[_i].want, "%s", conditions[_i].text);
}
END_TEST

static const struct {
	const char *text;
	uint32_t at;
	const char *says;
} mistakes[] = {
	{ "", 0, "the name of an alert is missing" },
	{ "A and", 5, "the name of an alert is missing" },
	{ "A B", 2, "'and', 'or' or the end" },
	{ "A and or B", 6, "the name of an alert" },
	{ "(A", 2, "')' is missing" },
	{ "A)", 1, "'and', 'or' or the end" },
	{ "count(A)", 8, "a comparison such as '>= 3' is missing" },
	{ "count(A) >= x", 12, "a whole number" },
	{ "count() > 1", 6, "the name of an alert" },
	{ "A && B", 2, "'and', 'or' or the end" },
	{ "\"A", 0, "the name of an alert" },
	{ "3A", 0, "the name of an alert" },
};

START_TEST(mistake_has_a_place)
{
	struct err err = { .at = ERR_NOWHERE };

	ck_assert_ptr_null(when_parse(a.arena, str_from(mistakes[_i].text), &err));
	ck_assert_msg(strstr(err.text, mistakes[_i].says) != NULL && err.at == mistakes[_i].at,
	    "%s: %s at %u", mistakes[_i].text, err.text, err.at);
}
END_TEST

START_TEST(nesting_is_bounded)
{
	char text[1024];
	struct err err = { .at = ERR_NOWHERE };

	memset(text, '(', 500);
	text[500] = '\0';
	ck_assert_ptr_null(when_parse(a.arena, str_from(text), &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

/* --- the rule ---------------------------------------------------------- */

START_TEST(groups_are_judged_each_by_itself)
{
	answers_rule(&a, "composite", "{when: Slow and not Busy, by: [zone, model]}");
	add_alert("Slow", ALERT_FIRING, "x", "eu");
	add_alert("Slow", ALERT_FIRING, "y", "eu");
	add_alert("Busy", ALERT_FIRING, "y", "eu");
	add_alert("Slow", ALERT_PENDING, "z", "eu");
	add_alert("Busy", ALERT_FIRING, "w", "");
	add_alert("Else", ALERT_FIRING, "v", "eu");
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_str_eq(answers_outcomes(&a), "breach{model=\"x\", zone=\"eu\"} "
					       "ok{model=\"y\", zone=\"eu\"} ok{model=\"w\"}");
}
END_TEST

START_TEST(without_by_there_is_one_group_always)
{
	answers_rule(&a, "composite", "{when: 'count(Slow) >= 2'}");
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_str_eq(answers_outcomes(&a), "ok{}");
	add_alert("Slow", ALERT_FIRING, "x", "eu");
	add_alert("Slow", ALERT_FIRING, "y", "us");
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_str_eq(answers_outcomes(&a), "breach{}");
	ck_assert_double_eq(a.judgement.observations[0].value, 2);
	ck_assert(str_is(a.judgement.observations[0].explain->detail, "{\"alerts\":{\"Slow\":2}}"));
}
END_TEST

START_TEST(names_are_escaped_in_the_explanation)
{
	answers_rule(&a, "composite", "{when: \"'a\\\"b' or C\"}");
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert(str_is(
	    a.judgement.observations[0].explain->detail, "{\"alerts\":{\"a\\\"b\":0,\"C\":0}}"));
}
END_TEST

START_TEST(pending_counts_when_asked_for)
{
	add_alert("Slow", ALERT_PENDING, "x", "eu");
	answers_rule(&a, "composite", "{when: Slow}");
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_str_eq(answers_outcomes(&a), "ok{}");
	answers_rule(&a, "composite", "{when: Slow, state: pending}");
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_str_eq(answers_outcomes(&a), "breach{}");
}
END_TEST

START_TEST(settings_of_a_composite_are_checked)
{
	ck_assert_ptr_nonnull(
	    strstr(answers_finding(&a, "composite", "{when: A and}"), "missing at the end"));
	ck_assert_ptr_nonnull(
	    strstr(answers_finding(&a, "composite", "{when: A, by: [alertname]}"), "alertname"));
	ck_assert_ptr_nonnull(
	    strstr(answers_finding(&a, "composite", "{when: A, by: [b, c, b]}"), "twice"));
	ck_assert_ptr_nonnull(strstr(answers_finding(&a, "composite", "{by: [b]}"), "when"));
}
END_TEST

TCase *
tcase_composite(void)
{
	TCase *t = tcase_create("composite");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, condition_holds, 0, (int)ARRAY_LEN(conditions));
	tcase_add_loop_test(t, mistake_has_a_place, 0, (int)ARRAY_LEN(mistakes));
	tcase_add_test(t, nesting_is_bounded);
	tcase_add_test(t, groups_are_judged_each_by_itself);
	tcase_add_test(t, without_by_there_is_one_group_always);
	tcase_add_test(t, names_are_escaped_in_the_explanation);
	tcase_add_test(t, pending_counts_when_asked_for);
	tcase_add_test(t, settings_of_a_composite_are_checked);
	return t;
}
