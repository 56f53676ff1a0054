/* SPDX-License-Identifier: Apache-2.0 */
/* Circuit breakers with their fallback, and budgets with their summary. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "unit/notify/suites.h"
#include "unit/notify/world.h"

#define ROUTE                                                                                      \
	"route: {receiver: r, group_by: [g], group_wait: 30s, group_interval: 5m, "                \
	"repeat_interval: 12h}\n"

static const char broken[] = ROUTE
    "receivers:\n"
    "- {name: r, probe_configs: [{url: p}], circuit_breaker: {failures: 3, probe_interval: 1m}, "
    "fallback_receiver: f, fallback_after: 10m}\n"
    "- {name: f, probe_configs: [{url: q}]}\n";
static const char budget[] = ROUTE
    "receivers: [{name: r, probe_configs: [{url: p}], max_per_interval: {n: 3, interval: 10m}}]\n";

static void
teardown(void)
{
	world_close();
}

static uint32_t
seen_at(const char *url, int64_t from, int64_t to)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < w.n_seen; i++)
		n += strcmp(w.seen[i].url, url) == 0 && w.seen[i].at >= from && w.seen[i].at < to;
	return n;
}

/* Messages that arrived and say in firing or resolved what is asked for. */
static uint32_t
told(const char *url, const char *firing, const char *resolved)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < w.n_seen; i++)
		n += strcmp(w.seen[i].url, url) == 0 && w.seen[i].status == 200 &&
		     (firing == NULL || strstr(w.seen[i].firing, firing) != NULL) &&
		     (resolved == NULL || strstr(w.seen[i].resolved, resolved) != NULL);
	return n;
}

START_TEST(an_open_circuit_lets_one_probe_through)
{
	world_open(broken);
	host("p")->mood = HOST_STATUS;
	host("p")->status = 503;
	for (int i = 0; i < 8; i++) {
		char labels[16];

		snprintf(labels, sizeof(labels), "g=%d,a=1", i);
		fire(labels);
	}
	world_run(90);
	uint32_t opening = seen_at("p", 0, 90);
	ck_assert_uint_ge(opening, 3);
	world_run(400);
	ck_assert_uint_le(seen_at("p", 90, 400), 7);
	ck_assert_uint_ge(seen_at("p", 90, 400), 4);
	ck_assert_uint_eq(rows_in_state(DELIVERY_PENDING), 8);
	host("p")->mood = HOST_OK;
	world_run(500);
	ck_assert_uint_eq(rows_in_state(DELIVERY_PENDING), 0);
	ck_assert_uint_eq(rows_in_state(DELIVERY_DELIVERED), 8);
	ck_assert_uint_eq(seen_at("q", 0, 500), 0);
}
END_TEST

START_TEST(the_fallback_is_told_what_waits_and_its_end)
{
	world_open(broken);
	host("p")->mood = HOST_REFUSES;
	fire("g=1,a=1");
	world_run(600);
	ck_assert_uint_eq(seen_at("q", 0, 600), 0);
	world_run(700);
	ck_assert_uint_eq(told("q", "alertname=TocsinReceiverDown", NULL), 1);
	ck_assert_uint_eq(told("q", "a=1,g=1", NULL), 1);
	world_run(4000);
	ck_assert_uint_eq(told("q", "a=1,g=1", NULL), 1);
	host("p")->mood = HOST_OK;
	world_run(4200);
	ck_assert_uint_eq(told("p", "a=1,g=1", NULL), 1);
	ck_assert_uint_eq(told("q", NULL, "alertname=TocsinReceiverDown"), 1);
	fire("g=2,a=1");
	resolve("g=1,a=1");
	world_run(6000);
	ck_assert_uint_eq(told("p", NULL, "a=1,g=1"), 1);
	ck_assert_uint_eq(told("q", NULL, "a=1,g=1"), 1);
	ck_assert_uint_eq(told("q", "a=1,g=2", NULL), 0);
}
END_TEST

START_TEST(an_open_circuit_outlives_a_restart)
{
	world_open(broken);
	host("p")->mood = HOST_REFUSES;
	fire("g=1,a=1");
	world_run(300);
	world_crash(310);
	world_run(620);
	ck_assert_uint_eq(told("q", "a=1,g=1", NULL), 0);
	world_run(1000);
	ck_assert_uint_eq(told("q", "a=1,g=1", NULL), 1);
	world_crash(1010);
	world_run(1500);
	ck_assert_uint_eq(told("q", "a=1,g=1", NULL), 1);
	ck_assert_uint_eq(told("q", "alertname=TocsinReceiverDown", NULL), 1);
	host("p")->mood = HOST_OK;
	world_run(1700);
	ck_assert_uint_eq(told("q", NULL, "alertname=TocsinReceiverDown"), 1);
	ck_assert_uint_eq(told("p", "a=1,g=1", NULL), 1);
}
END_TEST

START_TEST(what_recovers_in_time_never_reaches_the_fallback)
{
	world_open(broken);
	host("p")->mood = HOST_REFUSES;
	fire("g=1,a=1");
	world_run(500);
	host("p")->mood = HOST_OK;
	world_run(3000);
	ck_assert_uint_eq(seen_at("q", 0, 3000), 0);
	ck_assert_uint_eq(told("p", "a=1,g=1", NULL), 1);
}
END_TEST

START_TEST(beyond_the_budget_one_summary_then_each_in_turn)
{
	world_open(budget);
	for (int i = 0; i < 10; i++) {
		char labels[16];

		snprintf(labels, sizeof(labels), "g=%d,a=1", i);
		fire(labels);
	}
	world_run(300);
	ck_assert_uint_eq(told("p", "a=1,g=", NULL), 3);
	ck_assert_uint_eq(told("p", "alertname=TocsinNotificationsWait", NULL), 1);
	ck_assert_uint_eq(rows_in_state(DELIVERY_PENDING), 7);
	world_run(7200);
	ck_assert_uint_eq(told("p", "a=1,g=", NULL), 10);
	ck_assert_uint_eq(rows_in_state(DELIVERY_PENDING), 0);
	ck_assert_uint_eq(told("p", NULL, "alertname=TocsinNotificationsWait"), 1);
}
END_TEST

START_TEST(the_critical_never_waits)
{
	world_open(budget);
	for (int i = 0; i < 6; i++) {
		char labels[40];

		snprintf(labels, sizeof(labels), "g=%d,a=1", i);
		fire(labels);
	}
	world_run(60);
	fire("g=9,severity=critical");
	world_run(120);
	ck_assert_uint_eq(told("p", "g=9,severity=critical", NULL), 1);
	ck_assert_uint_eq(rows_in_state(DELIVERY_PENDING), 3);
}
END_TEST

START_TEST(what_waits_for_room_and_ends_is_not_told)
{
	world_open(budget);
	for (int i = 0; i < 6; i++) {
		char labels[16];

		snprintf(labels, sizeof(labels), "g=%d,a=1", i);
		fire(labels);
	}
	world_run(60);
	for (int i = 0; i < 6; i++) {
		char labels[16];

		snprintf(labels, sizeof(labels), "g=%d,a=1", i);
		resolve(labels);
	}
	world_run(400);
	ck_assert_uint_eq(told("p", "a=1,g=", NULL), 3);
	world_run(4000);
	ck_assert_uint_eq(told("p", "a=1,g=", NULL), 3);
	ck_assert_uint_eq(told("p", NULL, "a=1,g="), 3);
	ck_assert_uint_eq(rows_in_state(DELIVERY_PENDING), 0);
}
END_TEST

START_TEST(a_backlog_is_told_in_turn_after_a_restart)
{
	world_open(budget);
	for (int i = 0; i < 10; i++) {
		char labels[16];

		snprintf(labels, sizeof(labels), "g=%d,a=1", i);
		fire(labels);
	}
	world_run(120);
	world_crash(130);
	world_run(7200);
	ck_assert_uint_eq(told("p", "a=1,g=", NULL), 10);
	ck_assert_uint_eq(rows_in_state(DELIVERY_PENDING), 0);
	ck_assert_uint_eq(told("p", NULL, "alertname=TocsinNotificationsWait"), 1);
}
END_TEST

TCase *
gate_tests(void)
{
	TCase *tcase = tcase_create("gate");

	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_add_test(tcase, an_open_circuit_lets_one_probe_through);
	tcase_add_test(tcase, the_fallback_is_told_what_waits_and_its_end);
	tcase_add_test(tcase, an_open_circuit_outlives_a_restart);
	tcase_add_test(tcase, what_recovers_in_time_never_reaches_the_fallback);
	tcase_add_test(tcase, beyond_the_budget_one_summary_then_each_in_turn);
	tcase_add_test(tcase, the_critical_never_waits);
	tcase_add_test(tcase, what_waits_for_room_and_ends_is_not_told);
	tcase_add_test(tcase, a_backlog_is_told_in_turn_after_a_restart);
	return tcase;
}
