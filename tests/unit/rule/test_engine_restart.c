/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule knows after a restart, with a real store; and rules on a SQLite
 * source. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "loop/loop.h"
#include "unit/rule/fixture.h"
#include "unit/rule/test_rule.h"

#define S(n)  ((int64_t)(n)*1000000000)
#define UP_A  SERIES("\"__name__\":\"m\",\"job\":\"a\"", "7")
#define UP_B  SERIES("\"__name__\":\"m\",\"job\":\"b\"", "8")
#define GROUP "groups:\n- name: g\n  interval: 30s\n  rules:\n"

START_TEST(a_pending_alert_fires_on_time_after_a_restart)
{
	world_open(GROUP "  - {alert: A, expr: m, for: 5m, annotations: {s: "
			 "'{{ $labels.job }}'}}\n",
	    true);
	world_answer("query=m", VECTOR(UP_A));
	world_slot(3);
	world_crash(DUR_S(60));
	world_slot(9);
	ck_assert_str_eq(world_events(), "");
	ck_assert_str_eq(world_alerts(0, 0), "pending{alertname=\"A\", job=\"a\"}");
	world_slot(10);
	ck_assert_int_eq(world.events[0].starts_at.ns, world.start.ns + S(300));
	ck_assert_str_eq(world.events[0].annotations, "{s=\"a\"}");
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", job=\"a\"}");
	world_close();
}
END_TEST

START_TEST(a_firing_alert_is_not_raised_twice_and_resolves_when_its_series_is_gone)
{
	world_open(GROUP "  - {alert: A, expr: m}\n", true);
	world_answer("query=m", VECTOR(UP_A "," UP_B));
	world_slot(1);
	world_events();
	world_crash(DUR_S(60));
	ck_assert_str_eq(world_alerts(0, 0), "firing{alertname=\"A\", job=\"a\"} "
					     "firing{alertname=\"A\", job=\"b\"}");
	ck_assert_uint_eq(engine_stats(world.engine).alerts_firing, 2);
	/* Errors freeze it. */
	world_answer_status("query=m", 500, "starting");
	world_slot(5);
	ck_assert_str_eq(world_events(), "");
	world_answer("query=m", VECTOR(UP_A));
	world_slot(6);
	ck_assert_int_eq(world.events[0].starts_at.ns, world.start.ns);
	ck_assert_int_eq(world.events[0].ends_at.ns, world.start.ns + S(180));
	ck_assert_str_eq(world_events(), "resolved{alertname=\"A\", job=\"b\"}");
	world_crash(DUR_S(60));
	ck_assert_str_eq(world_alerts(0, 0), "firing{alertname=\"A\", job=\"a\"}");
	world_slot(12);
	ck_assert_str_eq(world_events(), "");
	world_close();
}
END_TEST

START_TEST(hysteresis_and_keep_firing_for_survive_a_restart)
{
	world_open(GROUP "  - {alert: A, threshold: {query: m, op: '>', levels: {warning: "
			 "5, critical: 9}, recover: {warning: 3}}, keep_firing_for: 2m}\n",
	    true);
	world_answer("query=m", VECTOR(SERIES("\"job\":\"a\"", "7")));
	world_slot(1);
	ck_assert_str_eq(
	    world_events(), "firing{alertname=\"A\", job=\"a\", severity=\"warning\"}");
	world_crash(DUR_S(1));
	/* Between threshold and recovery: only a known firing alert goes on. */
	world_answer("query=m", VECTOR(SERIES("\"job\":\"a\"", "4")));
	world_slot(5);
	ck_assert_str_eq(world_events(), "");
	world_answer("query=m", EMPTY);
	world_slot(8);
	world_crash(DUR_S(1));
	world_slot(9);
	ck_assert_str_eq(world_events(), "");
	world_slot(10);
	ck_assert_int_eq(world.events[0].ends_at.ns, world.start.ns + S(300));
	ck_assert_str_eq(
	    world_events(), "resolved{alertname=\"A\", job=\"a\", severity=\"warning\"}");
	world_close();
}
END_TEST

START_TEST(a_rule_that_is_gone_after_a_restart_resolves_what_it_raised)
{
	world_open(GROUP "  - {alert: A, expr: m}\n  - {alert: B, expr: n, "
			 "for: 1h}\n  - {alert: C, expr: c}\n",
	    true);
	world_answer("query=m", VECTOR(UP_A));
	world_answer("query=n", VECTOR(UP_B));
	world_slot(1);
	world_events();
	world_reload(GROUP "  - {alert: A, expr: m}\n  - {alert: B, expr: n, for: 1h}\n");
	/* As if the file had been edited while we were down. */
	world_crash(DUR_S(1));
	world_events();
	world_reload(GROUP "  - {alert: B, expr: n, for: 1h}\n");
	ck_assert_str_eq(world_events(), "resolved{alertname=\"A\", job=\"a\"}");
	world_crash(DUR_S(1));
	ck_assert_str_eq(world_alerts(0, 0), "pending{alertname=\"B\", job=\"b\"}");
	world_close();
}
END_TEST

START_TEST(a_rule_edited_while_down_resolves_what_it_had_raised)
{
	world_open(GROUP "  - {alert: A, expr: m}\n  - {alert: B, expr: n, for: 1h}\n", true);
	world_answer("query=m", VECTOR(UP_A));
	world_answer("query=n", VECTOR(UP_B));
	world_slot(1);
	world_events();
	world_edit(GROUP "  - {alert: C, expr: c}\n");
	world_crash(DUR_S(60));
	ck_assert(!world.events[0].has_rule);
	ck_assert_str_eq(world.events[0].url, "");
	ck_assert_int_eq(world.events[0].starts_at.ns, world.start.ns);
	ck_assert_str_eq(world_events(), "resolved{alertname=\"A\", job=\"a\"}");
	ck_assert_uint_eq(engine_stats(world.engine).alerts_pending, 0);
	/* Not again after the next start: the rows are gone. */
	world_slot(4);
	world_crash(DUR_S(60));
	ck_assert_str_eq(world_events(), "");
	world_close();
}
END_TEST

START_TEST(an_alert_of_no_data_ends_after_a_restart)
{
	world_open(GROUP "  - {alert: A, threshold: {query: m, op: '>', value: "
			 "5}, on_no_data: alert}\n",
	    true);
	world_slot(1);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\"}");
	world_crash(DUR_S(1));
	world_slot(3);
	ck_assert_str_eq(world_events(), "");
	world_crash(DUR_S(1));
	world_answer("query=m", VECTOR(SERIES("\"job\":\"a\"", "1")));
	world_slot(5);
	ck_assert_str_eq(world_events(), "resolved{alertname=\"A\"}");
	world_close();
}
END_TEST

static uint32_t n_history;
static char history[1024];

static void
on_history(void *arg, const struct history_row *rows, uint32_t n, const struct err *err)
{
	(void)arg;
	ck_assert_ptr_null(err);
	n_history = n;
	history[0] = '\0';
	for (uint32_t i = n; i > 0; i--)
		snprintf(history + strlen(history), sizeof(history) - strlen(history),
		    "%.*s:%.*s=%g ", STR_ARG(rows[i - 1].kind), STR_ARG(rows[i - 1].subject),
		    rows[i - 1].value);
}

START_TEST(transitions_are_history)
{
	struct history_query query = { .limit = 100 };

	world_open(GROUP "  - {alert: A, expr: m, for: 30s}\n  - {alert: B, expr: n}\n", true);
	world_answer("query=m", VECTOR(UP_A));
	world_slot(1);
	world_answer("query=n", VECTOR(UP_B));
	world_slot(3);
	world_answer("query=m", EMPTY);
	world_slot(5);
	store_history_query(world.store, &query, on_history, NULL);
	world_slot(6);
	ck_assert_str_eq(history, "pending:A=7 firing:A=7 firing:B=8 resolved:A=7 ");
	world_close();
}
END_TEST

/* --- SQLite ------------------------------------------------------------ */

static void
run_sql(const char *sql)
{
	char path[128], *message = NULL;
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/drift.db", world.dir);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK, "%s", message);
	sqlite3_close(db);
}

START_TEST(a_row_of_sql_is_a_breach)
{
	world_sources("sources: [{name: drift, type: sqlite, path: drift.db, "
		      "time_column: ts}]\n");
	world_open(GROUP "  - {alert: Drift, expr: 'SELECT feature, score AS value FROM s "
			 "WHERE score > 0.2', annotations: {s: '{{ $labels.feature }}: {{ "
			 "$value }}'}}\n"
			 "  - {alert: Old, threshold: {query: 'SELECT feature, score AS "
			 "value, ts FROM s', op: '>', value: 0.2}, max_age: 1h}\n",
	    false);
	run_sql("CREATE TABLE s(feature TEXT, score REAL, ts); INSERT INTO s "
		"VALUES('age', 0.5, 1), ('pay', NULL, NULL), ('sex', 0.1, NULL);");
	world_slot(1);
	ck_assert_str_eq(world.events[0].annotations, "{s=\"age: 0.5\"}");
	ck_assert_str_eq(world_events(), "firing{alertname=\"Drift\", feature=\"age\"}");
	ck_assert_uint_eq(world_rule(0, 1).outcomes[OUTCOME_STALE], 1);
	ck_assert_uint_eq(world_rule(0, 1).outcomes[OUTCOME_INSUFFICIENT], 1);
	ck_assert_uint_eq(world_rule(0, 1).outcomes[OUTCOME_OK], 1);
	run_sql("UPDATE s SET score = 0.6 WHERE feature = 'sex'; DELETE FROM s "
		"WHERE feature = 'age'");
	world_slot(2);
	ck_assert_str_eq(world_events(), "resolved{alertname=\"Drift\", feature=\"age\"} "
					 "firing{alertname=\"Drift\", feature=\"sex\"} "
					 "firing{alertname=\"Old\", feature=\"sex\"}");
	run_sql("DROP TABLE s");
	world_slot(3);
	ck_assert_str_eq(world_rule(0, 0).last_error, "no such table: s");
	ck_assert_str_eq(world_events(), "");
	world_close();
}
END_TEST

TCase *
tcase_engine_restart(void)
{
	TCase *t = tcase_create("restart");

	tcase_add_test(t, a_pending_alert_fires_on_time_after_a_restart);
	tcase_add_test(t, a_firing_alert_is_not_raised_twice_and_resolves_when_its_series_is_gone);
	tcase_add_test(t, hysteresis_and_keep_firing_for_survive_a_restart);
	tcase_add_test(t, a_rule_that_is_gone_after_a_restart_resolves_what_it_raised);
	tcase_add_test(t, a_rule_edited_while_down_resolves_what_it_had_raised);
	tcase_add_test(t, an_alert_of_no_data_ends_after_a_restart);
	tcase_add_test(t, transitions_are_history);
	tcase_add_test(t, a_row_of_sql_is_a_breach);
	return t;
}
