/* SPDX-License-Identifier: Apache-2.0 */
/* Groups: their slots, what their keys mean for the rules, and what a reload leaves of them. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "loop/loop.h"
#include "unit/rule/fixture.h"
#include "unit/rule/test_rule.h"

#define S(n)  ((int64_t)(n)*1000000000)
#define UP_A  SERIES("\"__name__\":\"m\",\"job\":\"a\"", "7")
#define UP_B  SERIES("\"__name__\":\"m\",\"job\":\"b\"", "8")
#define GROUP "groups:\n- name: g\n  interval: 30s\n  rules:\n"

/* --- slots ------------------------------------------------------------- */

static const struct {
	const char *label;
	int64_t now, interval;
	uint64_t phase;
	int64_t want;
} slots[] = {
	{ "on the slot", 100, 10, 0, 100 },
	{ "between slots", 109, 10, 0, 100 },
	{ "phase moves the grid", 109, 10, 3, 103 },
	{ "just before the phase", 102, 10, 3, 93 },
	{ "a phase beyond the interval wraps", 109, 10, 13, 103 },
	{ "a hash of all ones", 109, 10, UINT64_MAX, 105 },
	{ "before the epoch", -1, 10, 0, -10 },
	{ "before the epoch with phase", -1, 10, 3, -7 },
};

START_TEST(slot_is_the_latest_at_or_before_now)
{
	wall_t got =
	    slot_at((wall_t){ slots[_i].now }, (dur_t){ slots[_i].interval }, slots[_i].phase);

	ck_assert_msg(got.ns == slots[_i].want, "%s: %lld", slots[_i].label, (long long)got.ns);
}
END_TEST

START_TEST(a_slow_query_misses_slots_and_is_never_asked_twice)
{
	struct group_view view;

	world_sources("sources: [{name: prom, type: prometheus, url: "
		      "'http://prom:9090', timeout: 10m}]\n");
	world_open(GROUP "  - {alert: A, expr: m, for: 2m}\n", false);
	world_answer("query=m", VECTOR(UP_A));
	world_delay("query=m", DUR_S(105)); /* until 112 s: over slots 1, 2 and 3 */
	world_slot(3);
	ck_assert_uint_eq(world.n_queries, 1);
	world_delay("query=m", DUR_MS(1));
	world_until(117);
	engine_group_view(world.engine, 0, &view);
	/* At once, for slot 3: 1 and 2 are lost. */
	ck_assert_uint_eq(world.n_queries, 2);
	ck_assert_uint_eq(view.missed, 2);
	ck_assert_uint_eq(view.iterations, 4);
	ck_assert_uint_eq(engine_stats(world.engine).missed, 2);
	/* The grid has not moved: slot 4 is at 120 s, where `for` is reached.
	 */
	world_until(119);
	ck_assert_str_eq(world_events(), "");
	world_until(121);
	ck_assert_int_eq(world.events[0].now.ns, world.start.ns + S(120));
	world_close();
}
END_TEST

START_TEST(a_slow_source_delays_only_its_own_groups)
{
	world_sources("sources:\n- {name: slow, type: prometheus, url: "
		      "'http://slow', max_concurrency: 1, timeout: 10m}\n"
		      "- {name: fast, type: prometheus, url: 'http://fast'}\n");
	world_open("groups:\n- name: a\n  interval: 30s\n  source: slow\n  "
		   "rules: [{alert: A, expr: m}]\n"
		   "- name: b\n  interval: 30s\n  source: fast\n  rules: "
		   "[{alert: B, expr: m}]\n",
	    false);
	world_answer("//slow/", VECTOR(UP_A));
	world_delay("//slow/", DUR_S(200));
	world_answer("//fast/", VECTOR(UP_B));
	world_slot(4);
	ck_assert_uint_eq(world_rule(0, 0).health, RULE_HEALTH_UNKNOWN);
	ck_assert_str_eq(world_alerts(1, 0), "firing{alertname=\"B\", job=\"b\"}");
	ck_assert_uint_ge(engine_stats(world.engine).evaluations, 4);
	world_close();
}
END_TEST

/* --- reload ------------------------------------------------------------ */

START_TEST(a_reload_keeps_rules_whose_meaning_is_the_same)
{
	struct group_view view;

	world_open(GROUP "  - {alert: A, expr: m, for: 1m}\n  - {alert: B, expr: n}\n", false);
	world_answer("query=m", VECTOR(UP_A));
	world_answer("query=n", VECTOR(UP_B));
	world_slot(1);
	ck_assert_str_eq(world_events(), "firing{alertname=\"B\", job=\"b\"}");
	world_reload(GROUP "  - {alert: B, expr: n, annotations: {s: 'new {{ "
			   "$labels.job }}'}}\n  - {alert: A, expr: m, for: 90s}\n");
	ck_assert_str_eq(world_events(), "");
	ck_assert_str_eq(world_alerts(0, 1), "pending{alertname=\"A\", job=\"a\"}");
	ck_assert_str_eq(world_annotations(0, 0, 0), "{s=\"new b\"}");
	engine_group_view(world.engine, 0, &view);
	ck_assert_uint_eq(view.iterations, 2);
	ck_assert_msg(world.n_queries == 4, "the slot is not evaluated twice");
	world_slot(2);
	ck_assert_str_eq(world_events(), "");
	world_slot(3);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", job=\"a\"}");
	world_close();
}
END_TEST

START_TEST(a_reload_resolves_what_changed_its_meaning_or_is_gone)
{
	world_open(GROUP "  - {alert: A, expr: m}\n  - {alert: B, expr: n}\n  "
			 "- {alert: C, expr: n, for: 1h}\n",
	    false);
	world_answer("query=m", VECTOR(UP_A));
	world_answer("query=n", VECTOR(UP_B));
	world_slot(0);
	world_events();
	world_reload(GROUP "  - {alert: A, expr: 'm '}\n  - {alert: B, expr: n + 0}\n");
	ck_assert_msg(world.events[0].has_rule, "the old configuration is still there");
	ck_assert_str_eq(world_events(), "resolved{alertname=\"B\", job=\"b\"}");
	ck_assert_uint_eq(engine_stats(world.engine).alerts_pending, 0);
	ck_assert_uint_eq(engine_stats(world.engine).alerts_firing, 1);
	world_close();
}
END_TEST

START_TEST(a_reload_in_the_middle_of_a_query_asks_again)
{
	world_open(GROUP "  - {alert: A, expr: m}\n", false);
	world_answer("query=m", VECTOR(UP_A));
	world_delay("query=m", DUR_S(5));
	loop_run_until(world.loop, wall_add(loop_now(world.loop), DUR_S(1)));
	ck_assert_uint_eq(world.n_queries, 1);
	world_reload(GROUP "  - {alert: A, expr: m, annotations: {s: x}}\n");
	world_delay("query=m", DUR_MS(1));
	loop_run_until(world.loop, wall_add(loop_now(world.loop), DUR_S(1)));
	ck_assert_uint_eq(world.n_queries, 2);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", job=\"a\"}");
	ck_assert_uint_eq(engine_stats(world.engine).queries_in_flight, 0);
	world_close();
}
END_TEST

START_TEST(raising_for_withdraws_a_firing_alert)
{
	world_open(GROUP "  - {alert: A, expr: m}\n", false);
	world_answer("query=m", VECTOR(UP_A));
	world_slot(1);
	world_events();
	world_reload(GROUP "  - {alert: A, expr: m, for: 10m}\n");
	world_slot(2);
	ck_assert_int_eq(world.events[0].ends_at.ns, world.start.ns + S(60));
	ck_assert_str_eq(world_events(), "resolved{alertname=\"A\", job=\"a\"}");
	ck_assert_str_eq(world_alerts(0, 0), "pending{alertname=\"A\", job=\"a\"}");
	world_close();
}
END_TEST

START_TEST(stopping_cancels_what_is_under_way)
{
	world_open(GROUP "  - {alert: A, expr: m}\n", false);
	world_answer("query=m", VECTOR(UP_A));
	world_delay("query=m", DUR_S(5));
	loop_run_until(world.loop, wall_add(loop_now(world.loop), DUR_S(1)));
	ck_assert(!engine_idle(world.engine));
	engine_stop(world.engine);
	loop_run_until(world.loop, loop_now(world.loop));
	ck_assert(engine_idle(world.engine));
	ck_assert_str_eq(world_events(), "");
	ck_assert_uint_eq(world_rule(0, 0).health, RULE_HEALTH_UNKNOWN);
	world_close();
}
END_TEST

START_TEST(group_labels_are_every_rules_unless_it_has_its_own)
{
	world_open(
	    "groups:\n- name: g\n  interval: 30s\n  labels: {team: ml, tier: '{{ $labels.job }}', "
	    "job: ''}\n"
	    "  rules:\n  - {alert: A, expr: m, labels: {team: web}}\n  - {alert: B, expr: m}\n",
	    false);
	world_answer("query=m", VECTOR(UP_A));
	world_slot(0);
	ck_assert_str_eq(world_alerts(0, 0), "firing{alertname=\"A\", team=\"web\", tier=\"a\"}");
	ck_assert_str_eq(world_alerts(0, 1), "firing{alertname=\"B\", team=\"ml\", tier=\"a\"}");
	world_close();
}
END_TEST

/* "ActiveAt/FiredAt/ResolvedAt use the un-offset slot" */
START_TEST(an_offset_moves_the_question_not_the_alert)
{
	world_open("groups:\n- name: g\n  interval: 30s\n  query_offset: 5m\n  rules:\n  - {alert: "
		   "A, expr: m}\n",
	    false);
	world_answer("query=m", VECTOR(UP_A));
	world_slot(0);
	ck_assert_int_eq(world.events[0].starts_at.ns, world.start.ns);
	world_close();
}
END_TEST

/* "Negative is accepted (= none)"; alerts that are only held count. */
static const struct {
	const char *label, *limit, *error;
} limits[] = {
	{ "no limit", "0", "" },
	{ "negative is none", "-1", "" },
	{ "as many as allowed", "2", "" },
	{ "one too many", "1", "exceeded limit of 1 with 2 alerts" },
};

START_TEST(limit_counts_pending_and_firing)
{
	char rules[256];

	snprintf(rules, sizeof(rules),
	    "groups:\n- name: g\n  interval: 30s\n  limit: %s\n  rules:\n"
	    "  - {alert: A, expr: m, keep_firing_for: 10m}\n",
	    limits[_i].limit);
	world_open(rules, false);
	world_answer("query=m", VECTOR(UP_A));
	world_slot(0);
	world_answer("query=m", VECTOR(UP_B));
	world_slot(1);
	ck_assert_msg(strcmp(world_rule(0, 0).last_error, limits[_i].error) == 0, "%s: %s",
	    limits[_i].label, world_rule(0, 0).last_error);
	ck_assert_str_eq(world_alerts(0, 0),
	    limits[_i].error[0] != '\0'
		? "firing{alertname=\"A\", job=\"a\"}"
		: "firing{alertname=\"A\", job=\"a\"} firing{alertname=\"A\", job=\"b\"}");
	world_close();
}
END_TEST

TCase *
tcase_group(void)
{
	TCase *t = tcase_create("group");

	tcase_add_loop_test(t, slot_is_the_latest_at_or_before_now, 0, (int)ARRAY_LEN(slots));
	tcase_add_test(t, a_slow_query_misses_slots_and_is_never_asked_twice);
	tcase_add_test(t, a_slow_source_delays_only_its_own_groups);
	tcase_add_test(t, a_reload_keeps_rules_whose_meaning_is_the_same);
	tcase_add_test(t, a_reload_resolves_what_changed_its_meaning_or_is_gone);
	tcase_add_test(t, a_reload_in_the_middle_of_a_query_asks_again);
	tcase_add_test(t, raising_for_withdraws_a_firing_alert);
	tcase_add_test(t, stopping_cancels_what_is_under_way);
	tcase_add_test(t, group_labels_are_every_rules_unless_it_has_its_own);
	tcase_add_test(t, an_offset_moves_the_question_not_the_alert);
	tcase_add_loop_test(t, limit_counts_pending_and_firing, 0, (int)ARRAY_LEN(limits));
	return t;
}
