/* SPDX-License-Identifier: Apache-2.0 */
/* Rules from YAML to events, on a virtual clock. */
#include "config.h"

#include <math.h>
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

START_TEST(pending_then_firing_then_resolved_at_their_slots)
{
	world_open(GROUP "  - {alert: Down, expr: 'm > 1', for: 1m, labels: {team: ml}, "
			 "annotations: {summary: '{{ $labels.job }}={{ $value }}'}}\n",
	    false);
	world_answer("m%20", VECTOR(UP_A));
	world_slot(0);
	ck_assert_str_eq(world_alerts(0, 0), "pending{alertname=\"Down\", job=\"a\", team=\"ml\"}");
	ck_assert_ptr_nonnull(strstr(world.last_url, "query=m%20%3E%201&"));
	world_slot(1);
	ck_assert_uint_eq(world.n_events, 0);
	world_slot(2);
	ck_assert_uint_eq(world.n_events, 1);
	ck_assert_int_eq(world.events[0].change, ALERT_BECAME_FIRING);
	ck_assert_str_eq(world.events[0].labels, "{alertname=\"Down\", job=\"a\", team=\"ml\"}");
	ck_assert_str_eq(world.events[0].annotations, "{summary=\"a=7\"}");
	ck_assert_str_eq(world.events[0].url, "http://tocsin:9093/graph?g0.expr=m+%3E+1&g0.tab=1");
	ck_assert_int_eq(world.events[0].now.ns, world.start.ns + S(60));
	ck_assert_int_eq(world.events[0].starts_at.ns, world.start.ns + S(60));
	ck_assert(!wall_is_set(world.events[0].ends_at));
	ck_assert(world.events[0].value == 7);
	world_slot(5);
	ck_assert_uint_eq(world.n_events, 1);
	world_answer("m%20", EMPTY);
	world_slot(6);
	ck_assert_uint_eq(world.n_events, 2);
	ck_assert_int_eq(world.events[1].change, ALERT_BECAME_RESOLVED);
	ck_assert_int_eq(world.events[1].starts_at.ns, world.start.ns + S(60));
	ck_assert_int_eq(world.events[1].ends_at.ns, world.start.ns + S(180));
	ck_assert_str_eq(world_alerts(0, 0), "");
	ck_assert_uint_eq(world_rule(0, 0).state, ALERT_INACTIVE);
	ck_assert_uint_eq(engine_stats(world.engine).evaluations, 7);
	ck_assert_uint_eq(engine_stats(world.engine).alerts_firing, 0);
	ck_assert_uint_eq(engine_stats(world.engine).alerts_pending, 0);
	world_close();
}
END_TEST

START_TEST(queries_ask_at_the_slot_minus_the_offset)
{
	char want[64];

	world_open("groups:\n- name: g\n  interval: 30s\n  query_offset: 10s\n "
		   " rules:\n  - {alert: A, expr: m}\n",
	    false);
	world_slot(0);
	snprintf(want, sizeof(want), "&time=%lld", (long long)(world.start.ns / 1000000000 - 10));
	ck_assert_msg(strstr(world.last_url, want) != NULL, "%s in %s", want, world.last_url);
	world_close();
}
END_TEST

START_TEST(labels_follow_prometheus)
{
	world_open(GROUP "  - {alert: A, expr: m, labels: {job: '', copy: '{{ "
			 "$labels.job }}-{{ $labels.__name__ }}', none: '{{ "
			 "$labels.nope }}', alertname: lost}}\n",
	    false);
	world_answer(
	    "query=m", VECTOR(SERIES("\"__name__\":\"m\",\"alertname\":\"x\",\"job\":\"a\"", "1")));
	world_slot(0);
	ck_assert_str_eq(world_alerts(0, 0), "firing{alertname=\"A\", copy=\"a-m\"}");
	world_close();
}
END_TEST

START_TEST(two_series_with_the_same_labels_are_an_error_and_change_nothing)
{
	world_open(GROUP "  - {alert: A, expr: m, labels: {job: same}}\n", false);
	world_answer("query=m", VECTOR(UP_A));
	world_slot(0);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", job=\"same\"}");
	world_answer("query=m", VECTOR(UP_A "," UP_B));
	world_slot(1);
	ck_assert_str_eq(world_events(), "");
	ck_assert_str_eq(world_alerts(0, 0), "firing{alertname=\"A\", job=\"same\"}");
	ck_assert_uint_eq(world_rule(0, 0).health, RULE_HEALTH_ERR);
	ck_assert_str_eq(world_rule(0, 0).last_error,
	    "vector contains metrics with the same labelset after applying "
	    "alert labels");
	ck_assert_uint_eq(world_rule(0, 0).outcomes[OUTCOME_ERROR], 1);
	/* Two that are both new. */
	world_answer("query=m", EMPTY);
	world_slot(2);
	ck_assert_str_eq(world_events(), "resolved{alertname=\"A\", job=\"same\"}");
	ck_assert_uint_eq(world_rule(0, 0).health, RULE_HEALTH_OK);
	world_answer("query=m", VECTOR(UP_A "," UP_B));
	world_slot(3);
	ck_assert_str_eq(world_events(), "");
	ck_assert_str_eq(world_alerts(0, 0), "");
	/* The very same series twice, known and new. */
	world_answer("query=m", VECTOR(UP_A));
	world_slot(4);
	world_answer("query=m", VECTOR(UP_A "," UP_A));
	world_slot(5);
	ck_assert_uint_eq(world_rule(0, 0).health, RULE_HEALTH_ERR);
	world_close();
}
END_TEST

START_TEST(errors_freeze_and_are_counted)
{
	world_open(GROUP "  - {alert: A, expr: m, for: 1m}\n  - {alert: B, expr: other}\n", false);
	world_answer("query=m", VECTOR(UP_A));
	world_answer("query=other", VECTOR(UP_B));
	world_slot(0);
	ck_assert_str_eq(world_events(), "firing{alertname=\"B\", job=\"b\"}");
	world_answer_status("query=m", 500, "broken");
	world_slot(4);
	ck_assert_str_eq(world_alerts(0, 0), "pending{alertname=\"A\", job=\"a\"}");
	ck_assert_str_eq(world_rule(0, 0).last_error, "HTTP 500: broken");
	ck_assert_msg(
	    world_rule(0, 1).health == RULE_HEALTH_OK, "the next rule of the group goes on");
	ck_assert_uint_eq(engine_stats(world.engine).failures, 4);
	ck_assert_uint_eq(engine_stats(world.engine).evaluations, 10);
	/* `for` counted on meanwhile. */
	world_answer("query=m", VECTOR(UP_A));
	world_slot(5);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", job=\"a\"}");
	ck_assert_str_eq(world_rule(0, 0).last_error, "");
	world_close();
}
END_TEST

START_TEST(limit_is_an_error_and_keeps_what_there_is)
{
	world_open("groups:\n- name: g\n  interval: 30s\n  limit: 1\n  "
		   "rules:\n  - {alert: A, expr: m}\n",
	    false);
	world_answer("query=m", VECTOR(UP_A));
	world_slot(0);
	world_answer("query=m", VECTOR(UP_A "," UP_B));
	world_slot(1);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", job=\"a\"}");
	ck_assert_str_eq(world_alerts(0, 0), "firing{alertname=\"A\", job=\"a\"}");
	ck_assert_str_eq(world_rule(0, 0).last_error, "exceeded limit of 1 with 2 alerts");
	/* One goes as one comes: that is one. */
	world_answer("query=m", VECTOR(UP_B));
	world_slot(2);
	ck_assert_str_eq(world_events(), "resolved{alertname=\"A\", job=\"a\"} "
					 "firing{alertname=\"A\", job=\"b\"}");
	world_close();
}
END_TEST

START_TEST(keep_firing_for_holds_and_freezes_the_value)
{
	world_open(GROUP "  - {alert: A, expr: m, keep_firing_for: 1m}\n", false);
	world_answer("query=m", VECTOR(UP_A));
	world_slot(0);
	world_answer("query=m", EMPTY);
	world_slot(2);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", job=\"a\"}");
	world_slot(3);
	ck_assert_uint_eq(world.n_events, 1);
	ck_assert(world.events[0].value == 7);
	ck_assert_int_eq(world.events[0].ends_at.ns, world.start.ns + S(90));
	world_close();
}
END_TEST

START_TEST(other_bytes_for_the_same_labels_are_the_same_alert)
{
	world_open(GROUP "  - threshold: {query: m, op: '>', value: 5, "
			 "recover: 3}\n    alert: A\n",
	    false);
	world_answer("query=m", VECTOR(SERIES("\"a\":\"1\",\"b\":\"2\"", "7")));
	world_slot(0);
	ck_assert_str_eq(world_events(), "firing{a=\"1\", alertname=\"A\", b=\"2\"}");
	/* Neither breach nor gone: only its labels say who it is. */
	world_answer("query=m", VECTOR(SERIES("\"b\":\"2\",\"a\":\"1\"", "4")));
	world_slot(1);
	ck_assert_str_eq(world_events(), "");
	ck_assert_uint_eq(world_rule(0, 0).outcomes[OUTCOME_HOLD], 1);
	world_answer("query=m", VECTOR(SERIES("\"b\" : \"\\u0032\",\"a\":\"1\"", "4")));
	world_slot(2);
	ck_assert_str_eq(world_events(), "");
	world_answer("query=m", VECTOR(SERIES("\"a\":\"1\",\"b\":\"2\"", "2")));
	world_slot(3);
	ck_assert_str_eq(world_events(), "resolved{a=\"1\", alertname=\"A\", b=\"2\"}");
	world_close();
}
END_TEST

START_TEST(labels_with_the_value_are_expanded_each_time)
{
	world_open(GROUP "  - {alert: A, expr: m, labels: {v: '{{ $value }}'}}\n", false);
	world_answer("query=m", VECTOR(UP_A));
	world_slot(1);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", job=\"a\", v=\"7\"}");
	world_answer("query=m", VECTOR(SERIES("\"__name__\":\"m\",\"job\":\"a\"", "9")));
	world_slot(2);
	ck_assert_str_eq(world_events(), "resolved{alertname=\"A\", job=\"a\", v=\"7\"} "
					 "firing{alertname=\"A\", job=\"a\", v=\"9\"}");
	world_close();
}
END_TEST

START_TEST(annotations_see_the_samples_labels)
{
	world_open(GROUP "  - alert: A\n    expr: m\n    labels: {job: mine}\n    "
			 "annotations: {s: '{{ $labels.__name__ }}/{{ $labels.job }}/{{ "
			 "$labels.alertname }}/{{ $value }}'}\n",
	    false);
	world_answer("query=m", VECTOR(UP_A));
	world_slot(0);
	ck_assert_str_eq(world.events[0].annotations, "{s=\"m/a//7\"}");
	/* Looking later: the present value, the same labels. */
	world_answer("query=m", VECTOR(SERIES("\"__name__\":\"m\",\"job\":\"a\"", "70")));
	world_slot(1);
	ck_assert_str_eq(world_annotations(0, 0, 0), "{s=\"m/a//70\"}");
	ck_assert_msg(world.n_events == 1, "a changed value is no event");
	world_close();
}
END_TEST

START_TEST(a_scalar_is_one_alert)
{
	world_open(GROUP "  - {alert: A, expr: '1'}\n", false);
	world_answer("query=1", "{\"status\":\"success\",\"data\":{\"resultType\":"
				"\"scalar\",\"result\":[1,\"1\"]}}");
	world_slot(2);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\"}");
	world_close();
}
END_TEST

START_TEST(many_series_come_and_go)
{
	static char body[200000];
	size_t n = 0;

	world_open(GROUP "  - {alert: A, expr: m}\n", false);
	for (int round = 0; round < 6; round++) {
		n = (size_t)snprintf(body, sizeof(body),
		    "{\"status\":\"success\",\"data\":{\"resultType\":"
		    "\"vector\",\"result\":[");
		/* In another order and another half each time. */
		for (int i = 0, first = 1; i < 20; i++) {
			int id = round % 2 == 0 ? i : 19 - i;

			if (round > 0 && (id + round) % 3 == 0)
				continue;
			n += (size_t)snprintf(body + n, sizeof(body) - n, "%s%s%02d%s",
			    first ? "" : ",", "{\"metric\":{\"__name__\":\"m\",\"host\":\"h", id,
			    "\"},\"value\":[0,\"1\"]}");
			first = 0;
		}
		snprintf(body + n, sizeof(body) - n, "]}}");
		world_answer("query=m", body);
		world_slot(round);
		ck_assert_uint_eq(world_rule(0, 0).health, RULE_HEALTH_OK);
		ck_assert_uint_eq(
		    world_rule(0, 0).n_alerts, world_rule(0, 0).outcomes[OUTCOME_BREACH]);
		ck_assert_uint_eq(
		    engine_stats(world.engine).alerts_firing, world_rule(0, 0).n_alerts);
		world.n_events = 0;
	}
	world_close();
}
END_TEST

/* --- threshold --------------------------------------------------------- */

#define LEVELS                                                                                     \
	"  - alert: Hot\n    threshold: {query: m, op: '>', levels: "                              \
	"{critical: 90, warning: 80}, recover: {warning: 75, critical: 85}}\n"

START_TEST(levels_are_alerts_of_their_own_with_hysteresis)
{
	static const struct {
		const char *value, *events;
	} story[] = {
		{ "70", "" },
		{ "81", "firing{alertname=\"Hot\", severity=\"warning\"}" },
		{ "95", "firing{alertname=\"Hot\", severity=\"critical\"}" },
		{ "86", "" },
		{ "85", "resolved{alertname=\"Hot\", severity=\"critical\"}" },
		{ "90", "" },
		{ "76", "" },
		{ "NaN", "" },
		{ "75", "resolved{alertname=\"Hot\", severity=\"warning\"}" },
		{ "79", "" },
	};

	world_open(GROUP LEVELS, false);
	for (size_t i = 0; i < ARRAY_LEN(story); i++) {
		char body[256];

		snprintf(body, sizeof(body), VECTOR(SERIES("", "%s")), story[i].value);
		world_answer("query=m", body);
		world_slot((int64_t)i);
		ck_assert_msg(
		    strcmp(world_events(), story[i].events) == 0, "at %s", story[i].value);
	}
	ck_assert_str_eq(world_rule(0, 0).config->query_text, "m");
	world_close();
}
END_TEST

/* Each level is an alert of its own: its texts say which, whatever else they mention. */
static const struct {
	const char *label, *more, *critical, *warning;
} severities[] = {
	{ "by name", "    annotations: {a: '{{ $labels.severity }} {{ $value }}'}\n", "critical 95",
	    "warning 95" },
	{ "it hides the sample's own",
	    "    annotations: {a: '{{ $labels.severity }} {{ $labels.__name__ }}'}\n", "critical m",
	    "warning m" },
	{ "in the whole set",
	    "    annotations: {a: '{{ range $k, $v := $labels }}{{ $v }},{{ end }}'}\n",
	    "m,a,critical,", "m,a,warning," },
	{ "in labels",
	    "    labels: {to: 'x-{{ $labels.severity }}'}\n    annotations: {a: '{{ "
	    "$labels.severity }}'}\n",
	    "critical", "warning" },
};

START_TEST(texts_see_the_severity_of_their_level)
{
	char rules[1024], critical[64], warning[64];
	bool swapped;

	snprintf(rules, sizeof(rules), "%s%s%s", GROUP, LEVELS, severities[_i].more);
	snprintf(critical, sizeof(critical), "{a=\"%s\"}", severities[_i].critical);
	snprintf(warning, sizeof(warning), "{a=\"%s\"}", severities[_i].warning);
	world_open(rules, true);
	world_answer("query=m",
	    VECTOR(SERIES("\"__name__\":\"m\",\"job\":\"a\",\"severity\":\"mine\"", "95")));
	world_slot(0);
	ck_assert_uint_eq(world.n_events, 2);
	swapped = strstr(world.events[0].labels, "critical") == NULL;
	ck_assert_msg(strcmp(world.events[swapped].annotations, critical) == 0, "%s: %s",
	    severities[_i].label, world.events[swapped].annotations);
	ck_assert_msg(strcmp(world.events[!swapped].annotations, warning) == 0, "%s: %s",
	    severities[_i].label, world.events[!swapped].annotations);
	if (strstr(severities[_i].more, "x-") != NULL)
		ck_assert_ptr_nonnull(strstr(world.events[swapped].labels, "to=\"x-critical\""));
	world_close();
}
END_TEST

START_TEST(quiet_duplicates_are_found_when_an_alert_begins)
{
	world_open(GROUP "  - {alert: A, threshold: {query: m, op: '>', value: 5}}\n", false);
	world_answer(
	    "query=m", VECTOR(SERIES("\"job\":\"a\"", "1") "," SERIES("\"job\":\"a\"", "9")));
	world_slot(0);
	ck_assert_str_eq(world_alerts(0, 0), "");
	ck_assert_uint_eq(world_rule(0, 0).health, RULE_HEALTH_ERR);
	world_close();
}
END_TEST

#define GONE(on)                                                                                   \
	GROUP "  - {alert: A, threshold: {query: m, op: '>', value: 5}, "                          \
	      "labels: {team: ml, j: '{{ $labels.job }}'}, on_no_data: " on "}\n"

START_TEST(on_no_data_ok_resolves)
{
	world_open(GONE("ok"), false);
	world_answer("query=m", VECTOR(UP_A));
	world_slot(0);
	world_events();
	world_answer("query=m", EMPTY);
	world_slot(1);
	ck_assert_str_eq(
	    world_events(), "resolved{alertname=\"A\", j=\"a\", job=\"a\", team=\"ml\"}");
	world_close();
}
END_TEST

START_TEST(on_no_data_keep_freezes)
{
	world_open(GONE("keep"), false);
	world_answer("query=m", VECTOR(UP_A));
	world_slot(0);
	world_events();
	world_answer("query=m", EMPTY);
	world_slot(5);
	ck_assert_str_eq(world_events(), "");
	world_answer("query=m", VECTOR(SERIES("\"__name__\":\"m\",\"job\":\"a\"", "1")));
	world_slot(6);
	ck_assert_str_eq(
	    world_events(), "resolved{alertname=\"A\", j=\"a\", job=\"a\", team=\"ml\"}");
	world_close();
}
END_TEST

START_TEST(on_no_data_alert_raises_one_alert_for_the_rule)
{
	world_open(GONE("alert"), false);
	world_answer("query=m", VECTOR(UP_A "," UP_B));
	world_slot(0);
	world_events();
	/* One of two is gone: that is no lack of data. */
	world_answer("query=m", VECTOR(UP_A));
	world_slot(1);
	ck_assert_str_eq(
	    world_events(), "resolved{alertname=\"A\", j=\"b\", job=\"b\", team=\"ml\"}");
	world_answer("query=m", EMPTY);
	world_slot(2);
	ck_assert_str_eq(world.events[0].annotations, "{no_data=\"the query returned no series\"}");
	ck_assert(isnan(world.events[0].value));
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", team=\"ml\"}");
	world_slot(4);
	ck_assert_str_eq(world_events(), "");
	world_answer("query=m", VECTOR(UP_A));
	world_slot(5);
	ck_assert_str_eq(world_events(), "resolved{alertname=\"A\", team=\"ml\"}");
	ck_assert_str_eq(
	    world_alerts(0, 0), "firing{alertname=\"A\", j=\"a\", job=\"a\", team=\"ml\"}");
	world_close();
}
END_TEST

START_TEST(no_data_breaches_an_alert_of_the_same_labels)
{
	world_open(GROUP "  - {alert: A, threshold: {query: m, op: '>', value: "
			 "5}, on_no_data: alert, for: 30s}\n",
	    false);
	world_answer("query=m", VECTOR(SERIES("", "9")));
	world_slot(1);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\"}");
	world_answer("query=m", EMPTY);
	world_slot(3);
	ck_assert_str_eq(world_events(), "");
	ck_assert_str_eq(world_annotations(0, 0, 0), "{no_data=\"the query returned no series\"}");
	world_answer("query=m", VECTOR(SERIES("", "9")));
	world_slot(4);
	ck_assert_str_eq(world_annotations(0, 0, 0), "{}");
	world_answer("query=m", VECTOR(SERIES("", "1")));
	world_slot(5);
	ck_assert_str_eq(world_events(), "resolved{alertname=\"A\"}");
	world_close();
}
END_TEST

START_TEST(on_error_alert_raises_one_alert_with_the_error)
{
	world_open(GROUP "  - {alert: A, expr: m, on_error: alert, for: 30s, "
			 "severity: page}\n",
	    false);
	world_answer("query=m", VECTOR(UP_A));
	world_slot(1);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", job=\"a\", severity=\"page\"}");
	world_answer_status("query=m", 500, "broken");
	world_slot(2);
	ck_assert_str_eq(world_events(), "");
	world_slot(3);
	ck_assert_str_eq(world.events[0].annotations, "{error=\"HTTP 500: broken\"}");
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", severity=\"page\"}");
	world_answer("query=m", VECTOR(UP_A));
	world_slot(4);
	ck_assert_str_eq(world_events(), "resolved{alertname=\"A\", severity=\"page\"}");
	world_close();
}
END_TEST

TCase *
tcase_engine(void)
{
	TCase *t = tcase_create("engine");

	tcase_add_test(t, pending_then_firing_then_resolved_at_their_slots);
	tcase_add_test(t, queries_ask_at_the_slot_minus_the_offset);
	tcase_add_test(t, labels_follow_prometheus);
	tcase_add_test(t, two_series_with_the_same_labels_are_an_error_and_change_nothing);
	tcase_add_test(t, errors_freeze_and_are_counted);
	tcase_add_test(t, limit_is_an_error_and_keeps_what_there_is);
	tcase_add_test(t, keep_firing_for_holds_and_freezes_the_value);
	tcase_add_test(t, other_bytes_for_the_same_labels_are_the_same_alert);
	tcase_add_test(t, labels_with_the_value_are_expanded_each_time);
	tcase_add_test(t, annotations_see_the_samples_labels);
	tcase_add_test(t, a_scalar_is_one_alert);
	tcase_add_test(t, many_series_come_and_go);
	tcase_add_test(t, levels_are_alerts_of_their_own_with_hysteresis);
	tcase_add_loop_test(t, texts_see_the_severity_of_their_level, 0, ARRAY_LEN(severities));
	tcase_add_test(t, quiet_duplicates_are_found_when_an_alert_begins);
	tcase_add_test(t, on_no_data_ok_resolves);
	tcase_add_test(t, on_no_data_keep_freezes);
	tcase_add_test(t, on_no_data_alert_raises_one_alert_for_the_rule);
	tcase_add_test(t, no_data_breaches_an_alert_of_the_same_labels);
	tcase_add_test(t, on_error_alert_raises_one_alert_with_the_error);
	return t;
}
