/* SPDX-License-Identifier: Apache-2.0 */
/* {{ query }} in labels and annotations: asked at the evaluation, never at the cost of an alert. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "loop/loop.h"
#include "unit/rule/fixture.h"
#include "unit/rule/test_rule.h"

#define UP_A  SERIES("\"__name__\":\"m\",\"job\":\"a\"", "7")
#define UP_B  SERIES("\"__name__\":\"m\",\"job\":\"b\"", "8")
#define BOOM  SERIES("\"__name__\":\"boss\",\"name\":\"Ann\"", "3")
#define BOB   SERIES("\"__name__\":\"boss\",\"name\":\"Bob\"", "3")
#define GROUP "groups:\n- name: g\n  interval: 30s\n  rules:\n"
/* The world opens seven seconds after its first slot. */
#define ASKS(more) \
	GROUP "  - alert: A\n    expr: m > 0\n" more \
	      "    annotations: {boss: '{{ range query \"boss\" }}{{ .Labels.name }}" \
	      "{{ end }} of {{ $labels.job }}: {{ $value }}'}\n"

START_TEST(the_event_waits_for_the_answer_and_has_the_times_of_its_slot)
{
	world_open(ASKS(""), false);
	world_answer("query=boss", VECTOR(BOOM));
	world_answer("query=m", VECTOR(UP_A));
	world_delay("query=boss", DUR_S(3));
	world_until(9);
	ck_assert_str_eq(world_events(), "");
	ck_assert_str_eq(world_alerts(0, 0), "");
	world_until(11);
	ck_assert_str_eq(world.events[0].annotations, "{boss=\"Ann of a: 7\"}");
	ck_assert_int_eq(world.events[0].now.ns, world.start.ns);
	ck_assert_int_eq(world.events[0].starts_at.ns, world.start.ns);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", job=\"a\"}");
	ck_assert_str_eq(world_annotations(0, 0, 0), "{boss=\"Ann of a: 7\"}");
	ck_assert_uint_eq(engine_stats(world.engine).queries_in_flight, 0);
	world_close();
}
END_TEST

START_TEST(a_firing_alert_that_goes_on_asks_nothing)
{
	world_open(ASKS(""), false);
	world_answer("query=boss", VECTOR(BOOM));
	world_answer("query=m", VECTOR(UP_A "," UP_B));
	world_slot(0);
	ck_assert_msg(world.n_queries == 2, "one text for both alerts: %u", world.n_queries);
	world_slot(3);
	ck_assert_uint_eq(world.n_queries, 5);
	ck_assert_str_eq(world_events(),
	    "firing{alertname=\"A\", job=\"a\"} firing{alertname=\"A\", job=\"b\"}");
	world_close();
}
END_TEST

START_TEST(a_pending_alert_asks_when_it_begins_and_when_it_fires)
{
	world_open(ASKS("    for: 1m\n"), false);
	world_answer("query=boss", VECTOR(BOOM));
	world_answer("query=m", VECTOR(UP_A));
	world_slot(0);
	ck_assert_str_eq(world_annotations(0, 0, 0), "{boss=\"Ann of a: 7\"}");
	world_answer("query=boss", VECTOR(BOB));
	world_slot(1);
	ck_assert_uint_eq(world.n_queries, 3);
	world_slot(2);
	ck_assert_str_eq(world.events[0].annotations, "{boss=\"Bob of a: 7\"}");
	ck_assert_str_eq(world_annotations(0, 0, 0), "{boss=\"Bob of a: 7\"}");
	world_close();
}
END_TEST

START_TEST(a_query_that_fails_is_told_in_the_text)
{
	world_open(ASKS(""), false);
	world_answer_status("query=boss", 500, "no");
	world_answer("query=m", VECTOR(UP_A));
	world_slot(0);
	ck_assert_str_eq(world.events[0].annotations,
	    "{boss=\"<error expanding template: 1:10: error calling query: HTTP 500: no>\"}");
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", job=\"a\"}");
	ck_assert_uint_eq(world_rule(0, 0).health, RULE_HEALTH_OK);
	world_close();
}
END_TEST

START_TEST(a_query_made_of_an_answer_is_asked_after_it)
{
	world_open(GROUP
	    "  - alert: A\n    expr: m > 0\n    annotations: {x: '{{ with query \"first\" }}{{ . | "
	    "first | value | printf \"n%v\" | query | first | value }}{{ end }}'}\n",
	    false);
	world_answer("query=first", VECTOR(BOOM));
	world_answer("query=n3", VECTOR(UP_B));
	world_answer("query=m", VECTOR(UP_A));
	world_slot(0);
	ck_assert_str_eq(world.events[0].annotations, "{x=\"8\"}");
	ck_assert_uint_eq(world.n_queries, 3);
	world_close();
}
END_TEST

START_TEST(one_alert_asks_sixteen_times_at_most)
{
	world_open(GROUP "  - alert: A\n    expr: m > 0\n    annotations: {a: '{{ range $i, $j := "
			 "query \"boss\" }}{{ end }}ok', b: '{{ range 16 }}{{ query (printf "
			 "\"n%d\" .) | len }}{{ end }}'}\n",
	    false);
	world_answer("query=boss", VECTOR(BOOM));
	world_answer("query=n", EMPTY);
	world_answer("query=m", VECTOR(UP_A));
	world_slot(0);
	ck_assert_str_eq(world.events[0].annotations,
	    "{a=\"ok\", b=\"<error expanding template: 1:18: error calling query: more than 16 "
	    "queries for one alert>\"}");
	ck_assert_uint_eq(world.n_queries, 17);
	world_close();
}
END_TEST

START_TEST(labels_are_asked_for_at_each_evaluation)
{
	world_open(GROUP "  - alert: A\n    expr: m > 0\n    labels: {boss: '{{ with query "
			 "\"boss\" }}{{ . | first | label \"name\" }}{{ end }}', job: x}\n",
	    false);
	world_answer("query=boss", VECTOR(BOOM));
	world_answer("query=m", VECTOR(UP_A));
	world_slot(1);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", boss=\"Ann\", job=\"x\"}");
	ck_assert_uint_eq(world.n_queries, 4);
	world_answer("query=boss", VECTOR(BOB));
	world_slot(2);
	ck_assert_str_eq(world_events(), "resolved{alertname=\"A\", boss=\"Ann\", job=\"x\"} "
					 "firing{alertname=\"A\", boss=\"Bob\", job=\"x\"}");
	/* Alike until the answers are there: that alone is no error. */
	world_answer("query=m", VECTOR(UP_A "," UP_B));
	world_slot(3);
	ck_assert_uint_eq(world_rule(0, 0).health, RULE_HEALTH_ERR);
	ck_assert_str_eq(world_events(), "");
	world_close();
}
END_TEST

START_TEST(labels_that_differ_by_their_answers_alone_are_no_duplicates)
{
	world_open(GROUP
	    "  - alert: A\n    expr: m > 0\n    labels: {job: '', who: '{{ with query (printf "
	    "\"boss_%s\" $labels.job) }}{{ . | first | label \"name\" }}{{ end }}'}\n",
	    false);
	world_answer("query=boss_a", VECTOR(BOOM));
	world_answer("query=boss_b", VECTOR(BOB));
	world_answer("query=m", VECTOR(UP_A "," UP_B));
	world_slot(0);
	ck_assert_str_eq(world_events(),
	    "firing{alertname=\"A\", who=\"Ann\"} firing{alertname=\"A\", who=\"Bob\"}");
	world_close();
}
END_TEST

START_TEST(a_reload_while_it_asks_loses_nothing)
{
	world_open(ASKS(""), false);
	world_answer("query=boss", VECTOR(BOOM));
	world_answer("query=m", VECTOR(UP_A));
	world_delay("query=boss", DUR_S(5));
	world_until(9);
	world_reload(ASKS("    severity: page\n"));
	world_delay("query=boss", DUR_MS(1));
	ck_assert_str_eq(world_events(), "");
	world_slot(1);
	ck_assert_str_eq(
	    world_events(), "firing{alertname=\"A\", job=\"a\", severity=\"page\"}");
	world_close();
}
END_TEST

START_TEST(the_end_of_the_program_while_it_asks)
{
	world_open(ASKS(""), false);
	world_answer("query=boss", VECTOR(BOOM));
	world_answer("query=m", VECTOR(UP_A));
	world_delay("query=boss", DUR_S(5));
	world_until(9);
	ck_assert_uint_eq(engine_stats(world.engine).queries_in_flight, 1);
	world_close();
}
END_TEST

START_TEST(after_a_restart_a_firing_alert_asks_again_and_is_not_told_again)
{
	world_open(ASKS(""), true);
	world_answer("query=boss", VECTOR(BOOM));
	world_answer("query=m", VECTOR(UP_A));
	world_slot(0);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", job=\"a\"}");
	world_crash(DUR_S(60));
	world_slot(3);
	ck_assert_str_eq(world_events(), "");
	ck_assert_str_eq(world_annotations(0, 0, 0), "{boss=\"Ann of a: 7\"}");
	world_close();
}
END_TEST

TCase *
tcase_ask(void)
{
	TCase *t = tcase_create("ask");

	tcase_add_test(t, the_event_waits_for_the_answer_and_has_the_times_of_its_slot);
	tcase_add_test(t, a_firing_alert_that_goes_on_asks_nothing);
	tcase_add_test(t, a_pending_alert_asks_when_it_begins_and_when_it_fires);
	tcase_add_test(t, a_query_that_fails_is_told_in_the_text);
	tcase_add_test(t, a_query_made_of_an_answer_is_asked_after_it);
	tcase_add_test(t, one_alert_asks_sixteen_times_at_most);
	tcase_add_test(t, labels_are_asked_for_at_each_evaluation);
	tcase_add_test(t, labels_that_differ_by_their_answers_alone_are_no_duplicates);
	tcase_add_test(t, a_reload_while_it_asks_loses_nothing);
	tcase_add_test(t, the_end_of_the_program_while_it_asks);
	tcase_add_test(t, after_a_restart_a_firing_alert_asks_again_and_is_not_told_again);
	return t;
}
