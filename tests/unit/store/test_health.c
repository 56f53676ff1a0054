/* SPDX-License-Identifier: Apache-2.0 */
/* The decision log by alert, time and group; heartbeats and flaps; a file that is moved away. */
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "store/store_decision.h"
#include "store/store_health.h"
#include "unit/store/fixture.h"

#define S(s) ((wall_t){ INT64_C(1700000000000000000) + (s) * INT64_C(1000000000) })

static struct buf listed;

static void
list(void *arg, const struct decision_seen *rows, uint32_t n, const struct err *err)
{
	(void)arg;
	ck_assert_ptr_null(err);
	for (uint32_t i = 0; i < n; i++)
		buf_printf(&listed, "%lld%s%s ", (long long)rows[i].row.id,
		    rows[i].alert_fires ? "f" : "", rows[i].has_delivery ? "d" : "");
}

static void
ask_is(const struct decision_query *query, const char *want, const char *what)
{
	struct decision_query q = *query;

	if (q.group_key.p == NULL)
		q.group_key = STR("");
	buf_clear(&listed);
	store_decision_query(fx.store, &q, list, NULL);
	ck_assert_uint_eq(listed.n, 0); /* never inside the call */
	fixture_turns(3);
	ck_assert_msg(strcmp(listed.n > 0 ? listed.p : "", want) == 0, "%s: got '%s', not '%s'",
	    what, listed.n > 0 ? listed.p : "", want);
}

/* fires: how many of the fingerprints did. */
static void
add(int64_t id, int64_t at_s, bool lasts, const char *group, int64_t delivery, uint32_t fires,
    const uint64_t *fingerprints, uint32_t n)
{
	struct buf bytes = { 0 };

	for (uint32_t i = 0; i < n; i++)
		buf_put_u64le(&bytes, fingerprints[i]);
	store_decision_put(fx.store,
	    &(struct decision_row){
		.id = id,
		.first_at = S(at_s),
		.lasts = lasts,
		.group_key = str_from(group),
		.target = STR("ops/webhook[0]"),
		.ref = STR(""),
		.cause = STR("because"),
		.delivery_id = delivery,
		.n_firing = fires,
		.fingerprints = buf_str(&bytes),
	    });
	buf_fini(&bytes);
}

/* 0x41 and 0x1041 set the same two bits of the mask. */
static const uint64_t a = 0x41, twin = 0xff0041, b = 0x9999, c = 0x123456789;

static void
add_some(void)
{
	add(10, 0, false, "g1", 0, 1, (const uint64_t[]){ a, b }, 2); /* a fires, b is over */
	add(11, 10, true, "g1", 0, 1, (const uint64_t[]){ a }, 1);
	add(12, 20, false, "g2", 0, 1, (const uint64_t[]){ twin }, 1);
	add(13, 30, false, "g1", 0, 0, NULL, 0); /* the group as a whole */
	add(14, 40, false, "g2", 0, 0, NULL, 0);
	store_decision_close(fx.store, 11, S(25));
	fixture_commit();
}

START_TEST(rows_are_found_by_alert_time_and_group)
{
	fixture_open();
	add_some();
	ask_is(&(struct decision_query){ .limit = 100 }, "14 13 12 11 10 ", "all");
	ask_is(&(struct decision_query){ .limit = 2 }, "14 13 ", "a page");
	ask_is(&(struct decision_query){ .limit = 100, .before_id = 13 }, "12 11 10 ", "the next");
	ask_is(&(struct decision_query){ .limit = 100, .fingerprint = a }, "11f 10f ",
	    "an alert, not the one with the same mask");
	ask_is(&(struct decision_query){ .limit = 100, .fingerprint = b }, "10 ",
	    "one that is over");
	ask_is(&(struct decision_query){ .limit = 100, .fingerprint = c }, "", "one never named");
	ask_is(&(struct decision_query){ .limit = 100, .fingerprint = a, .group_key = STR("g1") },
	    "13f 11f 10f ", "with its group's rows that name nobody");
	ask_is(&(struct decision_query){ .limit = 100, .group_key = STR("g2") }, "14 12 ",
	    "a group");
	ask_is(&(struct decision_query){ .limit = 100, .until = S(15) }, "11 10 ", "up to a time");
	ask_is(&(struct decision_query){ .limit = 100, .since = S(20), .until = S(35) },
	    "13 12 11 ", "what lasted into the time is in it");
	ask_is(&(struct decision_query){ .limit = 100, .since = S(26) }, "14 13 ",
	    "what had ended is not");
}
END_TEST

START_TEST(a_row_tells_what_became_of_its_delivery)
{
	fixture_open();
	store_delivery_put(fx.store, &(struct delivery_row){ .id = 5,
					 .group_key = STR("g1"),
					 .receiver = STR("ops"),
					 .integration = STR("webhook[0]"),
					 .group_labels = STR(""),
					 .route_id = STR(""),
					 .reason = STR(""),
					 .alerts = STR(""),
					 .error = STR("") });
	add(10, 0, false, "g1", 5, 1, &a, 1);
	add(11, 0, false, "g1", 6, 1, &a, 1); /* its row is gone */
	fixture_commit();
	ask_is(&(struct decision_query){ .limit = 100, .fingerprint = a }, "11f 10fd ", "fate");
}
END_TEST

START_TEST(old_rows_go_and_what_still_holds_stays)
{
	fx.options.retention = DUR_S(100);
	fixture_open();
	add(10, 0, false, "g", 0, 1, &a, 1);
	add(11, 1, true, "g", 0, 1, &a, 1);
	add(12, 2, true, "g", 0, 1, &a, 1);
	store_decision_close(fx.store, 11, S(3));
	fixture_commit();
	store_prune(fx.store, S(200));
	fixture_commit();
	ask_is(&(struct decision_query){ .limit = 100 }, "12 ", "after the retention");
}
END_TEST

static void
note_open(void *arg, const struct decision_row *row)
{
	buf_printf(arg, "%lld ", (long long)row->id);
}

START_TEST(what_holds_is_read_back_at_start)
{
	struct buf seen = { 0 };
	struct err err = { 0 };

	fixture_open();
	add_some();
	add(15, 50, true, "g1", 0, 1, &a, 1);
	fixture_commit();
	fixture_reopen();
	ck_assert_int_eq(store_decision_load(fx.store, note_open, &seen, &err), 0);
	ck_assert_str_eq(seen.p, "15 ");
	buf_fini(&seen);
}
END_TEST

static void
note_heartbeat(void *arg, const struct heartbeat_row *row)
{
	buf_printf(arg, "%.*s %lld ", STR_ARG(row->name), (long long)row->last_at.ns);
}

static void
note_flap(void *arg, const struct flap_row *row)
{
	buf_printf(arg, "%llx %d %u ", (unsigned long long)row->fingerprint, row->fires,
	    row->changes.n);
}

START_TEST(heartbeats_and_flaps_are_read_back)
{
	struct buf seen = { 0 };
	struct err err = { 0 };

	fixture_open();
	store_heartbeat_put(fx.store, &(struct heartbeat_row){ STR("a"), S(0), WALL_NONE });
	store_heartbeat_put(fx.store, &(struct heartbeat_row){ STR("a"), S(0), { 7 } });
	store_heartbeat_put(fx.store, &(struct heartbeat_row){ STR("b"), S(0), { 8 } });
	store_heartbeat_delete(fx.store, STR("b"));
	store_flap_put(
	    fx.store, &(struct flap_row){ 3, STR("g"), 0xab, true, S(1), STR("12345678") });
	store_flap_put(fx.store, &(struct flap_row){ 4, STR("g"), 0xcd, true, S(1), STR("") });
	store_flap_delete(fx.store, 4);
	fixture_commit();
	fixture_reopen();
	ck_assert_int_eq(store_health_load(fx.store,
			     &(struct health_sink){ &seen, note_heartbeat, note_flap }, &err),
	    0);
	ck_assert_str_eq(seen.p, "a 7 ab 1 8 ");
	buf_fini(&seen);
}
END_TEST

START_TEST(a_database_that_is_moved_away_is_noticed)
{
	char from[300], to[320];

	fixture_open();
	store_check(fx.store);
	ck_assert_ptr_null(store_trouble(fx.store));
	snprintf(from, sizeof(from), "%s", fixture_path("tocsin.db"));
	snprintf(to, sizeof(to), "%s.away", from);
	ck_assert_int_eq(rename(from, to), 0);
	store_check(fx.store);
	ck_assert_str_eq(store_trouble(fx.store), "the database was deleted or moved away");
	ck_assert_int_eq(rename(to, from), 0);
	store_check(fx.store);
	ck_assert_ptr_null(store_trouble(fx.store));
}
END_TEST

START_TEST(commits_that_fail_are_trouble)
{
	fixture_open();
	store_set_failing(fx.store, true);
	store_meta_put(fx.store, "x", STR("y"));
	fixture_turns(3);
	ck_assert_str_eq(store_trouble(fx.store), "state cannot be written to disk");
	store_set_failing(fx.store, false);
	loop_run_until(fx.loop, wall_add(loop_now(fx.loop), DUR_S(2)));
	ck_assert_ptr_null(store_trouble(fx.store));
}
END_TEST

static void
teardown(void)
{
	fixture_fini();
	buf_fini(&listed);
}

TCase *
health_tests(void)
{
	TCase *tcase = tcase_create("health");

	tcase_add_checked_fixture(tcase, fixture_virtual, teardown);
	tcase_add_test(tcase, rows_are_found_by_alert_time_and_group);
	tcase_add_test(tcase, a_row_tells_what_became_of_its_delivery);
	tcase_add_test(tcase, old_rows_go_and_what_still_holds_stays);
	tcase_add_test(tcase, what_holds_is_read_back_at_start);
	tcase_add_test(tcase, heartbeats_and_flaps_are_read_back);
	tcase_add_test(tcase, a_database_that_is_moved_away_is_noticed);
	tcase_add_test(tcase, commits_that_fail_are_trouble);
	return tcase;
}
