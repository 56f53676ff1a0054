/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds that look at series, through the engine: what they ask and remember,
 * whose alerts they raise, and what a restart leaves of it. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "unit/rule/fixture.h"
#include "unit/rule/test_rule.h"

#define GROUP "groups:\n- name: g\n  interval: 30s\n  rules:\n"

static char history_body[64 << 10];

/* A little up and down around 50, once a minute for two hours. */
static void
answer_history(void)
{
	struct buf body = { 0 };
	int64_t start = world.start.ns / DUR_S(1).ns;

	buf_puts(&body, "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
			"{\"metric\":{\"job\":\"a\"},\"values\":[");
	for (int64_t i = 120; i > 0; i--)
		buf_printf(&body, "%s[%lld,\"%d\"]", i < 120 ? "," : "",
		    (long long)(start - 60 * i), 50 + (int)(i * 7919 % 5));
	buf_puts(&body, "]}]}}");
	ck_assert_uint_lt(body.n, sizeof(history_body));
	memcpy(history_body, body.p, body.n + 1);
	buf_fini(&body);
	world_answer("query_range", history_body);
}

#define DEVIATION                                                                                  \
	GROUP                                                                                      \
	"  - alert: A\n    annotations: {why: '{{ $explain.method }} {{ $explain.n_reference "     \
	"}}'}\n    deviation: {query: m, method: robust, window: 2h, step: 1m}\n"

START_TEST(deviation_judges_from_the_first_evaluation_on)
{
	world_open(DEVIATION, true);
	answer_history();
	world_answer("query?", VECTOR(SERIES("\"job\":\"a\"", "400")));
	world_slot(0);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", job=\"a\"}");
	ck_assert_uint_eq(world_asked("query_range"), 1);
	ck_assert_ptr_nonnull(strstr(world_annotations(0, 0, 0), "robust 1"));
	/* It goes on over a restart, without learning anew. */
	world_slot(10);
	world_crash(DUR_S(1));
	world_asked("query_range");
	world_slot(12);
	ck_assert_str_eq(world_events(), "");
	ck_assert_uint_eq(world_asked("query_range"), 0);
	world_answer("query?", VECTOR(SERIES("\"job\":\"a\"", "51")));
	world_slot(13);
	ck_assert_str_eq(world_events(), "resolved{alertname=\"A\", job=\"a\"}");
	world_close();
}
END_TEST

START_TEST(absent_tells_each_missing_instance_by_name)
{
	world_open(GROUP "  - alert: A\n    absent: {query: up, expected: [{instance: x}, "
			 "{instance: y}]}\n    labels: {team: t}\n",
	    true);
	world_answer("query?", VECTOR(SERIES("\"instance\":\"x\",\"job\":\"a\"", "1")));
	world_slot(0);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", instance=\"y\", team=\"t\"}");
	world_answer("query?", EMPTY);
	world_slot(1);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", instance=\"x\", team=\"t\"}");
	world_crash(DUR_S(1));
	world_answer("query?", VECTOR(SERIES("\"instance\":\"y\"", "1")));
	world_slot(4);
	ck_assert_str_eq(world_events(), "resolved{alertname=\"A\", instance=\"y\", team=\"t\"}");
	world_close();
}
END_TEST

START_TEST(composite_follows_the_rules_that_it_names)
{
	world_open(GROUP "  - {alert: Slow, threshold: {query: slow, op: '>', value: 1}}\n"
			 "  - {alert: Busy, threshold: {query: busy, op: '>', value: 1}}\n"
			 "  - {alert: Both, composite: {when: Slow and not Busy, by: [model]}}\n",
	    true);
	world_answer(
	    "slow", VECTOR(SERIES("\"model\":\"x\"", "2") "," SERIES("\"model\":\"y\"", "2")));
	world_answer("busy", VECTOR(SERIES("\"model\":\"y\"", "2")));
	world_slot(0);
	ck_assert_ptr_nonnull(strstr(world_events(), "firing{alertname=\"Both\", model=\"x\"}"));
	ck_assert_str_eq(world_alerts(0, 2), "firing{alertname=\"Both\", model=\"x\"}");
	world_answer("busy", EMPTY);
	world_slot(1);
	ck_assert_ptr_nonnull(strstr(world_events(), "firing{alertname=\"Both\", model=\"y\"}"));
	world_answer("slow", EMPTY);
	world_slot(2);
	ck_assert_str_eq(world_alerts(0, 2), "");
	world_close();
}
END_TEST

START_TEST(budget_burns_in_two_severities)
{
	world_open(GROUP
	    "  - alert: Burn\n    burn_rate: {bad: 'rate(bad[$window])', total: "
	    "'rate(total[$window])', "
	    "objective: 0.99, pairs: [{long: 1h, short: 5m, factor: 10, severity: critical}, "
	    "{long: 6h, short: 5m, factor: 1, severity: warning}]}\n"
	    "    annotations: {s: 'a {{ $labels.severity }}'}\n",
	    true);
	world_answer("bad", VECTOR(SERIES("\"job\":\"a\"", "5")));
	world_answer("total", VECTOR(SERIES("\"job\":\"a\"", "100")));
	world_slot(0);
	ck_assert_uint_eq(world.n_queries, 6);
	ck_assert_str_eq(world.events[0].annotations, "{s=\"a warning\"}");
	ck_assert_str_eq(
	    world_events(), "firing{alertname=\"Burn\", job=\"a\", severity=\"warning\"}");
	world_close();
}
END_TEST

START_TEST(change_is_asked_for_at_both_instants)
{
	world_open(GROUP "  - alert: Up\n    rate_of_change: {query: m, window: 10m, op: '>', "
			 "value: 0.5}\n",
	    true);
	world_answer("query?", VECTOR(SERIES("\"job\":\"a\"", "5")));
	world_slot(0);
	ck_assert_uint_eq(world.n_queries, 2);
	ck_assert_str_eq(world_events(), "");
	world_close();
}
END_TEST

TCase *
tcase_kinds_world(void)
{
	TCase *t = tcase_create("kinds in the engine");

	tcase_add_test(t, deviation_judges_from_the_first_evaluation_on);
	tcase_add_test(t, absent_tells_each_missing_instance_by_name);
	tcase_add_test(t, composite_follows_the_rules_that_it_names);
	tcase_add_test(t, budget_burns_in_two_severities);
	tcase_add_test(t, change_is_asked_for_at_both_instants);
	return t;
}
