/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision log: a row when the answer changes, not one per flush.
 * Flushes are at 30 s, then every 300 s.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "unit/notify/suites.h"
#include "unit/notify/world.h"

#define ROUTE(keys)                                                                                \
	"route: {receiver: r, group_by: [g], group_wait: 30s, group_interval: 5m, "                \
	"repeat_interval: 1h, routes: [{receiver: nobody, matchers: [n=1]}]}\n"                    \
	"receivers: [{name: r, probe_configs: [{url: p" keys "}]}, {name: nobody}]\n"              \
	"inhibit_rules: [{source_matchers: [s=1], target_matchers: [t=1]}]\n"

static const char plain[] = ROUTE("");
static const char quiet[] = ROUTE(", send_resolved: false");

static void
teardown(void)
{
	world_close();
}

struct seen {
	struct buf text;
	bool done;
};

/* "VERDICT from-until f1 r0" with seconds after the start; "-" while it holds, "" for moments. */
static void
on_rows(void *arg, const struct decision_seen *rows, uint32_t n, const struct err *err)
{
	struct seen *seen = arg;

	ck_assert_ptr_null(err);
	for (uint32_t i = n; i-- > 0;) {
		const struct decision_row *row = &rows[i].row;
		uint32_t named = row->fingerprints.n / 8;

		buf_printf(&seen->text, "%s%s %.0f", seen->text.n > 0 ? "; " : "",
		    decision_verdict_name((enum decision_verdict)row->verdict),
		    dur_seconds(wall_since(row->first_at, START_AT)));
		if (wall_is_set(row->until))
			buf_printf(&seen->text, "-%.0f",
			    dur_seconds(wall_since(row->until, START_AT)));
		else if (row->lasts)
			buf_puts(&seen->text, "-");
		if (named > 0)
			buf_printf(&seen->text, " f%u r%u", row->n_firing, named - row->n_firing);
	}
	seen->done = true;
}

static void
decided(const char *want)
{
	struct seen seen = { .done = false };

	world_turns();
	store_decision_query(w.store,
	    &(struct decision_query){ .limit = 1000, .group_key = STR("") }, on_rows, &seen);
	while (!seen.done)
		ck_assert(loop_turn(w.loop, DUR_S(0)));
	ck_assert_str_eq(seen.text.n > 0 ? seen.text.p : "", want);
	buf_fini(&seen.text);
}

START_TEST(what_is_told_is_noted_once)
{
	world_open(plain);
	fire("g=1,a=1");
	world_run(2000);
	decided("sent 30 f1 r0; duplicate 330");
	resolve("g=1,a=1");
	world_run(2400);
	decided("sent 30 f1 r0; duplicate 330; sent 2130 f0 r1");
}
END_TEST

START_TEST(a_silence_is_one_row_until_it_ends)
{
	world_open(plain);
	silence("a=~.+", 1000, NULL);
	fire("g=1,a=1");
	world_run(950);
	decided("silenced 30- f1 r0");
	ck_assert_uint_eq(decisions_held(notifier_decisions(w.notifier)), 1);
	world_run(1300);
	decided("silenced 30-1230 f1 r0; sent 1230 f1 r0");
	ck_assert_uint_eq(decisions_held(notifier_decisions(w.notifier)), 0);
}
END_TEST

START_TEST(another_alert_under_it_is_another_row)
{
	world_open(plain);
	silence("a=~.+", 100000, NULL);
	fire("g=1,a=1");
	world_run(400);
	fire("g=1,a=2");
	world_run(1300);
	decided("silenced 30-630 f1 r0; silenced 630- f2 r0");
}
END_TEST

START_TEST(a_restart_does_not_begin_the_row_anew)
{
	world_open(plain);
	silence("a=~.+", 2000, NULL);
	fire("g=1,a=1");
	world_run(400);
	world_crash(500);
	world_run(1300);
	decided("silenced 30- f1 r0");
	world_run(2200);
	decided("silenced 30-2130 f1 r0; sent 2130 f1 r0");
}
END_TEST

START_TEST(inhibited_nobody_and_not_asked_are_said)
{
	world_open(plain);
	fire("g=1,s=1");
	fire("g=2,t=1");
	fire("g=3,n=1");
	world_run(100);
	decided("sent 30 f1 r0; inhibited 30- f1 r0; nobody 30-");
}
END_TEST

START_TEST(an_end_that_nobody_wants_to_hear_of_is_said)
{
	world_open(quiet);
	fire("g=1,a=1");
	world_run(100);
	resolve("g=1,a=1");
	world_run(400);
	decided("sent 30 f1 r0; not_asked 330 f0 r1");
}
END_TEST

START_TEST(what_lasts_ends_with_its_group)
{
	world_open(plain);
	silence("a=~.+", 100000, NULL);
	fire("g=1,a=1");
	world_run(100);
	resolve("g=1,a=1");
	world_run(700);
	decided("silenced 30-330 f1 r0; silenced 330-330 f0 r1");
	ck_assert_uint_eq(decisions_held(notifier_decisions(w.notifier)), 0);
}
END_TEST

TCase *
decision_tests(void)
{
	TCase *tcase = tcase_create("decision");

	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_add_test(tcase, what_is_told_is_noted_once);
	tcase_add_test(tcase, a_silence_is_one_row_until_it_ends);
	tcase_add_test(tcase, another_alert_under_it_is_another_row);
	tcase_add_test(tcase, a_restart_does_not_begin_the_row_anew);
	tcase_add_test(tcase, inhibited_nobody_and_not_asked_are_said);
	tcase_add_test(tcase, an_end_that_nobody_wants_to_hear_of_is_said);
	tcase_add_test(tcase, what_lasts_ends_with_its_group);
	return tcase;
}
