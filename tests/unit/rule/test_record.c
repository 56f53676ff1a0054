/* SPDX-License-Identifier: Apache-2.0 */
/* Recording rules, and the series of alerts: what is written, when, and when it ends. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <check.h>

#include "base/attr.h"
#include "loop/loop.h"
#include "unit/rule/fixture.h"
#include "unit/rule/test_rule.h"

#define SOURCE                                                                                     \
	"sources: [{name: prom, type: prometheus, url: 'http://prom:9090', remote_write_url: "     \
	"'http://prom:9090/api/v1/write'}]\n"
#define SOURCE_ALERTS                                                                              \
	"sources: [{name: prom, type: prometheus, url: 'http://prom:9090', remote_write_url: "     \
	"'http://prom:9090/api/v1/write', remote_write_alerts: true}]\n"
#define GROUP          "groups:\n- name: g\n  interval: 30s\n  rules:\n"
#define UP(job, value) SERIES("\"__name__\":\"up\",\"job\":\"" job "\"", value)

static void
open_with(const char *sources, const char *rules)
{
	world_sources(sources);
	world_open(rules, false);
}

START_TEST(a_recorded_series_has_the_name_and_the_rules_labels)
{
	open_with(SOURCE, "groups:\n- name: g\n  interval: 30s\n  query_offset: 10s\n"
			  "  labels: {team: '{{ $value }}', tier: none}\n  rules:\n"
			  "  - {record: 'job:up:sum', expr: m, labels: {tier: '{{ literal', job: "
			  "'', extra: 1}}\n");
	world_answer(
	    "query=m", VECTOR(SERIES("\"__name__\":\"up\",\"job\":\"a\",\"zone\":\"z\"", "2.5")));
	world_slot(0);
	ck_assert_str_eq(world_written(), "{__name__=\"job:up:sum\", extra=\"1\", team=\"{{ $value "
					  "}}\", tier=\"{{ literal\", zone=\"z\"} 2.5 @-10000\n");
	ck_assert_str_eq(world_alerts(0, 0), "");
	ck_assert_uint_eq(world_rule(0, 0).health, RULE_HEALTH_OK);
	ck_assert_str_eq(world_events(), "");
	world_close();
}
END_TEST

START_TEST(a_scalar_is_one_series)
{
	open_with(SOURCE, GROUP "  - {record: one, expr: m}\n");
	world_answer("query=m",
	    "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[0,\"NaN\"]}}");
	world_slot(0);
	ck_assert_str_eq(world_written(), "{__name__=\"one\"} NaN @0\n");
	world_close();
}
END_TEST

START_TEST(a_series_that_is_gone_is_marked_once)
{
	open_with(SOURCE, GROUP "  - {record: r, expr: m}\n");
	world_answer("query=m", VECTOR(UP("a", "1") "," UP("b", "2")));
	world_slot(0);
	world_written();
	world_answer("query=m", VECTOR(UP("b", "3")));
	world_slot(1);
	ck_assert_str_eq(world_written(), "{__name__=\"r\", job=\"b\"} 3 @30000\n"
					  "{__name__=\"r\", job=\"a\"} stale @30000\n");
	world_slot(2);
	ck_assert_str_eq(world_written(), "{__name__=\"r\", job=\"b\"} 3 @60000\n");
	world_answer("query=m", EMPTY);
	world_slot(3);
	ck_assert_str_eq(world_written(), "{__name__=\"r\", job=\"b\"} stale @90000\n");
	world_slot(4);
	ck_assert_str_eq(world_written(), "");
	world_close();
}
END_TEST

START_TEST(an_error_ends_no_series)
{
	open_with(SOURCE, GROUP "  - {record: r, expr: m}\n");
	world_answer("query=m", VECTOR(UP("a", "1")));
	world_slot(0);
	world_written();
	world_answer_status("query=m", 500, "no");
	world_slot(1);
	ck_assert_str_eq(world_written(), "");
	ck_assert_uint_eq(world_rule(0, 0).health, RULE_HEALTH_ERR);
	world_answer("query=m", EMPTY);
	world_slot(2);
	ck_assert_str_eq(world_written(), "{__name__=\"r\", job=\"a\"} stale @60000\n");
	world_close();
}
END_TEST

START_TEST(two_series_with_the_same_labels_write_nothing)
{
	open_with(SOURCE, GROUP "  - {record: r, expr: m, labels: {job: same}}\n");
	world_answer("query=m", VECTOR(UP("a", "1")));
	world_slot(0);
	world_written();
	world_answer("query=m", VECTOR(UP("a", "1") "," UP("b", "2")));
	world_slot(1);
	ck_assert_str_eq(world_written(), "");
	ck_assert_str_eq(world_rule(0, 0).last_error,
	    "vector contains metrics with the same labelset after applying rule labels");
	world_answer("query=m", VECTOR(UP("b", "2")));
	world_slot(2);
	ck_assert_str_eq(world_written(), "{__name__=\"r\", job=\"same\"} 2 @60000\n");
	world_close();
}
END_TEST

START_TEST(over_the_limit_nothing_is_written)
{
	open_with(SOURCE, "groups:\n- name: g\n  interval: 30s\n  limit: 1\n  rules:\n  - {record: "
			  "r, expr: m}\n");
	world_answer("query=m", VECTOR(UP("a", "1") "," UP("b", "2")));
	world_slot(0);
	ck_assert_str_eq(world_written(), "");
	ck_assert_str_eq(world_rule(0, 0).last_error, "exceeded limit of 1 with 2 series");
	/* A marker is no series. */
	world_answer("query=m", VECTOR(UP("a", "1")));
	world_slot(1);
	world_answer("query=m", VECTOR(UP("b", "1")));
	world_slot(2);
	ck_assert_uint_eq(world_rule(0, 0).health, RULE_HEALTH_OK);
	world_close();
}
END_TEST

START_TEST(the_next_rule_asks_when_the_series_are_there)
{
	open_with(SOURCE, GROUP "  - {record: r, expr: m}\n  - {alert: A, expr: r}\n");
	world_answer("query=m", VECTOR(UP("a", "1")));
	world_answer("/write", "");
	world_delay("/write", DUR_S(20));
	world_until(17);
	ck_assert_uint_eq(world.n_writes, 1);
	ck_assert_uint_eq(world.n_queries, 1);
	world_until(29);
	ck_assert_uint_eq(world.n_queries, 2);
	ck_assert(dur_less(DUR_S(20), world_rule(0, 0).evaluation_time));
	world_close();
}
END_TEST

START_TEST(a_write_that_fails_is_the_rules_error_and_is_made_up_for)
{
	open_with(SOURCE, GROUP "  - {record: r, expr: m}\n  - {alert: A, expr: n}\n");
	world_answer("query=m", VECTOR(UP("a", "1")));
	world_answer_status("/write", 503, "starting");
	world_slot(0);
	ck_assert_str_eq(world_rule(0, 0).last_error, "remote write: status 503: starting");
	ck_assert_uint_eq(world_rule(0, 1).health, RULE_HEALTH_OK);
	world_slot(1);
	ck_assert_str_eq(world_rule(0, 0).last_error, "remote write: status 503: starting");
	world_written();
	world_answer("/write", "");
	world_until(74);
	ck_assert_str_eq(world_written(), "{__name__=\"r\", job=\"a\"} 1 @0\n"
					  "{__name__=\"r\", job=\"a\"} 1 @30000\n"
					  "{__name__=\"r\", job=\"a\"} 1 @60000\n");
	world_slot(3);
	ck_assert_uint_eq(world_rule(0, 0).health, RULE_HEALTH_OK);
	world_close();
}
END_TEST

START_TEST(a_refused_write_is_the_rules_error)
{
	open_with(SOURCE, GROUP "  - {record: r, expr: m}\n");
	world_answer("query=m", VECTOR(UP("a", "1")));
	world_answer_status("/write", 400, "out of bounds");
	world_slot(0);
	ck_assert_str_eq(world_rule(0, 0).last_error, "remote write: status 400: out of bounds");
	ck_assert_uint_eq(world.n_writes, 1);
	world_close();
}
END_TEST

START_TEST(a_reload_keeps_series_and_queue)
{
	open_with(SOURCE, GROUP "  - {record: r, expr: m}\n");
	world_answer("query=m", VECTOR(UP("a", "1") "," UP("b", "2")));
	world_answer_status("/write", 503, "");
	world_slot(0);
	world_written();
	world_answer("query=n", VECTOR(UP("b", "3")));
	world_answer("/write", "");
	/* Another expression: the series are the same rule's. */
	world_reload(GROUP "  - {record: r, expr: n}\n");
	world_slot(1);
	ck_assert_str_eq(world_written(), "{__name__=\"r\", job=\"a\"} 1 @0\n"
					  "{__name__=\"r\", job=\"b\"} 2 @0\n"
					  "{__name__=\"r\", job=\"b\"} 3 @30000\n"
					  "{__name__=\"r\", job=\"a\"} stale @30000\n");
	world_close();
}
END_TEST

START_TEST(a_rule_that_is_gone_ends_its_series)
{
	open_with(SOURCE, GROUP "  - {record: r, expr: m}\n");
	world_answer("query=m", VECTOR(UP("a", "1")));
	world_slot(0);
	world_written();
	world_reload(GROUP "  - {record: other, expr: n}\n");
	world_until(20);
	/* Not after the next sample of whatever records it from now on. */
	ck_assert_str_eq(world_written(), "{__name__=\"r\", job=\"a\"} stale @1\n");
	world_close();
}
END_TEST

START_TEST(a_reload_in_the_middle_of_a_write_goes_on)
{
	open_with(SOURCE, GROUP "  - {record: r, expr: m}\n  - {alert: A, expr: n}\n");
	world_answer("query=m", VECTOR(UP("a", "1")));
	world_answer("/write", "");
	world_delay("/write", DUR_S(10));
	world_until(9);
	world_reload(GROUP "  - {record: r, expr: m}\n  - {alert: A, expr: n}\n");
	world_delay("/write", DUR_MS(1));
	world_slot(1);
	ck_assert_uint_eq(world_rule(0, 0).health, RULE_HEALTH_OK);
	ck_assert_ptr_nonnull(strstr(world_written(), "1 @30000"));
	world_close();
}
END_TEST

START_TEST(stopping_does_not_wait_for_a_write)
{
	open_with(SOURCE, GROUP "  - {record: r, expr: m}\n");
	world_answer("query=m", VECTOR(UP("a", "1")));
	world_answer("/write", "");
	world_delay("/write", DUR_S(25));
	world_until(9);
	ck_assert_uint_eq(world.n_writes, 1);
	world_close();
}
END_TEST

START_TEST(alerts_are_written_when_asked_for)
{
	open_with(
	    SOURCE_ALERTS, GROUP "  - {alert: A, expr: m, for: 30s, labels: {severity: page}}\n");
	world_answer("query=m", VECTOR(UP("a", "1")));
	world_slot(0);
	char want[512];
	long long at = (long long)(world.start.ns / 1000000000);

	snprintf(want, sizeof(want),
	    "{__name__=\"ALERTS\", alertname=\"A\", alertstate=\"pending\", job=\"a\", "
	    "severity=\"page\"} 1 @0\n"
	    "{__name__=\"ALERTS_FOR_STATE\", alertname=\"A\", job=\"a\", severity=\"page\"} %lld "
	    "@0\n",
	    at);
	ck_assert_str_eq(world_written(), want);
	world_slot(1);
	snprintf(want, sizeof(want),
	    "{__name__=\"ALERTS\", alertname=\"A\", alertstate=\"firing\", job=\"a\", "
	    "severity=\"page\"} 1 @30000\n"
	    "{__name__=\"ALERTS_FOR_STATE\", alertname=\"A\", job=\"a\", severity=\"page\"} %lld "
	    "@30000\n"
	    "{__name__=\"ALERTS\", alertname=\"A\", alertstate=\"pending\", job=\"a\", "
	    "severity=\"page\"} stale "
	    "@30000\n",
	    at);
	ck_assert_str_eq(world_written(), want);
	/* "a query error ...: no samples and no stale markers are written" */
	world_answer_status("query=m", 500, "no");
	world_slot(2);
	ck_assert_str_eq(world_written(), "");
	world_answer("query=m", EMPTY);
	world_slot(3);
	const char *ended = world_written();
	ck_assert_ptr_nonnull(
	    strstr(ended, "alertstate=\"firing\", job=\"a\", severity=\"page\"} stale @90000"));
	ck_assert_ptr_nonnull(strstr(
	    ended, "ALERTS_FOR_STATE\", alertname=\"A\", job=\"a\", severity=\"page\"} stale"));
	world_close();
}
END_TEST

START_TEST(alerts_are_not_written_unless_asked_for)
{
	open_with(SOURCE, GROUP "  - {alert: A, expr: m}\n");
	world_answer("query=m", VECTOR(UP("a", "1")));
	world_slot(1);
	ck_assert_uint_eq(world.n_writes, 0);
	world_close();
}
END_TEST

START_TEST(alerts_end_when_they_are_asked_for_no_more)
{
	open_with(SOURCE_ALERTS, GROUP "  - {alert: A, expr: m}\n");
	world_answer("query=m", VECTOR(UP("a", "1")));
	world_slot(0);
	world_written();
	world_sources(SOURCE);
	world_reload(GROUP "  - {alert: A, expr: m}\n");
	world_slot(1);
	ck_assert_ptr_nonnull(
	    strstr(world_written(), "alertstate=\"firing\", job=\"a\"} stale @1\n"));
	world_slot(2);
	ck_assert_str_eq(world_written(), "");
	world_close();
}
END_TEST

TCase *
tcase_record(void)
{
	TCase *t = tcase_create("record");

	tcase_add_test(t, a_recorded_series_has_the_name_and_the_rules_labels);
	tcase_add_test(t, a_scalar_is_one_series);
	tcase_add_test(t, a_series_that_is_gone_is_marked_once);
	tcase_add_test(t, an_error_ends_no_series);
	tcase_add_test(t, two_series_with_the_same_labels_write_nothing);
	tcase_add_test(t, over_the_limit_nothing_is_written);
	tcase_add_test(t, the_next_rule_asks_when_the_series_are_there);
	tcase_add_test(t, a_write_that_fails_is_the_rules_error_and_is_made_up_for);
	tcase_add_test(t, a_refused_write_is_the_rules_error);
	tcase_add_test(t, a_reload_keeps_series_and_queue);
	tcase_add_test(t, a_rule_that_is_gone_ends_its_series);
	tcase_add_test(t, a_reload_in_the_middle_of_a_write_goes_on);
	tcase_add_test(t, stopping_does_not_wait_for_a_write);
	tcase_add_test(t, alerts_are_written_when_asked_for);
	tcase_add_test(t, alerts_are_not_written_unless_asked_for);
	tcase_add_test(t, alerts_end_when_they_are_asked_for_no_more);
	return t;
}
