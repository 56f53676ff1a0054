/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches and waiters: on a virtual loop, where every turn is known, and on
 * a real one with the store's threads.
 */
#include <stdio.h>

#include "base/attr.h"
#include "unit/store/fixture.h"

/* What waiters did, in order. */
static struct buf told;

static void
tell(void *arg, bool ok)
{
	buf_printf(&told, "%s%s ", (const char *)arg, ok ? "" : "!");
}

static void
begin(void)
{
	fixture_virtual();
	fixture_open();
	buf_clear(&told);
}

static void
end(void)
{
	fixture_fini();
	buf_fini(&told);
}

#define WAITER(name, text) struct store_waiter name = { .fn = tell, .arg = (text) }
#define ck_told(text)      ck_assert_str_eq(told.p != NULL ? told.p : "", (text))

static char first[] = "first", second[] = "second", third[] = "third";

START_TEST(a_turn_is_one_transaction)
{
	fixture_put_alert(1, 0);
	fixture_put_alert(2, 0);
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM alert"), 0);
	fixture_turns(1);
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM alert"), 2);
	fixture_turns(1);
	ck_assert_uint_eq(store_stats(fx.store).commits, 1);
	ck_assert_uint_eq(store_stats(fx.store).rows, 2);
	ck_assert_uint_eq(store_stats(fx.store).queue_bytes, 0);
}
END_TEST

START_TEST(a_waiter_runs_in_the_turn_after_the_commit)
{
	WAITER(a, first);
	wall_t at = loop_now(fx.loop);

	fixture_put_alert(1, 0);
	store_wait(fx.store, &a);
	fixture_turns(1);
	ck_told("");
	fixture_turns(1);
	ck_told("first ");
	ck_assert_int_eq(loop_now(fx.loop).ns, at.ns);
}
END_TEST

START_TEST(waiters_run_in_order_also_without_rows)
{
	WAITER(a, first);
	WAITER(b, second);
	WAITER(c, third);

	fixture_put_alert(1, 0);
	store_wait(fx.store, &a);
	fixture_turns(1);
	store_wait(fx.store, &b); /* nothing written: still after a */
	store_wait(fx.store, &c);
	ck_told("");
	fixture_turns(4);
	ck_told("first second third ");
}
END_TEST

START_TEST(a_waiter_without_rows_costs_no_commit)
{
	WAITER(a, first);

	store_wait(fx.store, &a);
	ck_told("");
	loop_run(fx.loop);
	ck_told("first ");
	ck_assert_uint_eq(store_stats(fx.store).commits, 0);
}
END_TEST

static void
cancel_other(void *arg, bool ok)
{
	tell(first, ok);
	store_wait_cancel(arg);
}

START_TEST(a_cancelled_waiter_does_not_run)
{
	WAITER(b, second);
	WAITER(c, third);
	struct store_waiter a = { .fn = cancel_other, .arg = &b };

	fixture_put_alert(1, 0);
	store_wait(fx.store, &a);
	store_wait(fx.store, &b);
	store_wait(fx.store, &c);
	store_wait_cancel(&c);
	fixture_turns(3);
	ck_told("first ");
}
END_TEST

static void
write_and_wait(void *arg, bool ok)
{
	tell(first, ok);
	fixture_put_alert(2, 0);
	store_wait(fx.store, arg);
}

START_TEST(a_waiter_may_write_and_wait_again)
{
	WAITER(b, second);
	struct store_waiter a = { .fn = write_and_wait, .arg = &b };

	fixture_put_alert(1, 0);
	store_wait(fx.store, &a);
	loop_run(fx.loop);
	ck_told("first second ");
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM alert"), 2);
}
END_TEST

static void
write_late(void *arg)
{
	bool *written = arg;

	if (!*written)
		fixture_put_alert(1, 0);
	*written = true;
}

START_TEST(rows_of_a_later_turn_end_hook_are_committed_too)
{
	bool written = false;
	struct loop_hook hook = { .fn = write_late, .arg = &written };

	loop_hook_turn_end(fx.loop, &hook);
	loop_turn(fx.loop, DUR_MS(0));
	loop_run(fx.loop);
	loop_hook_remove(&hook);
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM alert"), 1);
}
END_TEST

START_TEST(a_failed_commit_is_tried_every_second_and_later_rows_merge)
{
	WAITER(a, first);
	WAITER(b, second);
	wall_t at = loop_now(fx.loop);

	store_set_failing(fx.store, true);
	ck_assert(!store_is_stalled(fx.store));
	fixture_put_alert(1, 0);
	store_wait(fx.store, &a);
	fixture_turns(2);
	ck_assert(store_is_stalled(fx.store));
	for (int64_t id = 2; id <= 4; id++) { /* three turns, one transaction */
		fixture_put_alert(id, 0);
		fixture_turns(1);
	}
	store_wait(fx.store, &b);
	loop_run_until(fx.loop, wall_add(at, DUR_MS(3500)));
	ck_told("");
	ck_assert_uint_eq(store_stats(fx.store).commit_failures, 4);
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM alert"), 0);

	store_set_failing(fx.store, false);
	loop_run_until(fx.loop, wall_add(at, DUR_MS(3999)));
	ck_assert(store_is_stalled(fx.store));
	loop_run_until(fx.loop, wall_add(at, DUR_MS(4000)));
	ck_told("first second ");
	ck_assert(!store_is_stalled(fx.store));
	ck_assert_uint_eq(store_stats(fx.store).commits, 2);
	ck_assert_uint_eq(store_stats(fx.store).rows, 4);
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM alert"), 4);
}
END_TEST

START_TEST(a_full_disk_keeps_the_batch_until_there_is_room)
{
	static char large[100000];
	struct alert_row row = { .labels = { large, sizeof(large) } };
	WAITER(a, first);
	sqlite3 *db = fx.store->writer.db;

	memset(large, 'x', sizeof(large));
	ck_assert_int_eq(store_exec(db, "PRAGMA max_page_count = 60", NULL), 0);
	for (row.id = 1; row.id <= 4; row.id++)
		store_alert_put(fx.store, &row);
	store_wait(fx.store, &a);
	fixture_turns(2);
	ck_assert(store_is_stalled(fx.store));
	ck_assert_ptr_nonnull(strstr(fx.store->job.err.text, "full"));
	ck_told("");
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM alert"), 0);
	ck_assert_int_eq(store_exec(db, "PRAGMA max_page_count = 100000", NULL), 0);
	loop_run(fx.loop);
	ck_told("first ");
	ck_assert(!store_is_stalled(fx.store));
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM alert"), 4);
}
END_TEST

START_TEST(much_that_waits_counts_as_stalled)
{
	static char large[1 << 20];
	struct alert_row row = { .labels = { large, sizeof(large) } };

	for (row.id = 1; row.id <= 63; row.id++)
		store_alert_put(fx.store, &row);
	ck_assert(!store_is_stalled(fx.store));
	store_alert_put(fx.store, &row);
	ck_assert(store_is_stalled(fx.store));
	fixture_commit();
	ck_assert(!store_is_stalled(fx.store));
	ck_assert_uint_le(fx.store->batches[0].ops.cap +
	    fx.store->batches[1].ops.cap, 2 * STORE_BATCH_KEEP_BYTES);
}
END_TEST

START_TEST(a_row_the_database_refuses_does_not_hold_up_the_others)
{
	ck_assert_int_eq(store_exec(fx.store->writer.db, "CREATE TEMP TRIGGER no "
	    "BEFORE INSERT ON main.alert WHEN new.id = 2 "
	    "BEGIN SELECT RAISE(ABORT, 'no'); END", NULL), 0);
	for (int64_t id = 1; id <= 3; id++)
		fixture_put_alert(id, 0);
	fixture_commit();
	ck_assert(!store_is_stalled(fx.store));
	ck_assert_int_eq(fixture_count("SELECT sum(id) FROM alert"), 4);
	ck_assert_uint_eq(store_stats(fx.store).rows, 2);
}
END_TEST

START_TEST(closing_commits_and_tells_the_waiters)
{
	WAITER(a, first);
	WAITER(b, second);

	fixture_put_alert(1, 0);
	store_wait(fx.store, &a);
	fixture_turns(1); /* committed, not yet told */
	fixture_put_alert(2, 0);
	store_wait(fx.store, &b);
	fixture_close();
	ck_told("first second ");
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM alert"), 2);
}
END_TEST

START_TEST(closing_on_a_failing_disk_says_no)
{
	WAITER(a, first);
	WAITER(b, second);

	store_set_failing(fx.store, true);
	fixture_put_alert(1, 0);
	store_wait(fx.store, &a);
	fixture_turns(2);
	fixture_put_alert(2, 0);
	store_wait(fx.store, &b);
	fixture_close();
	ck_told("first! second! ");
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM alert"), 0);
}
END_TEST

START_TEST(closing_after_a_failed_commit_tries_once_more)
{
	WAITER(a, first);

	store_set_failing(fx.store, true);
	fixture_put_alert(1, 0);
	store_wait(fx.store, &a);
	fixture_turns(2);
	ck_assert(store_is_stalled(fx.store));
	store_set_failing(fx.store, false);
	fixture_close();
	ck_told("first ");
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM alert"), 1);
}
END_TEST

START_TEST(a_closed_store_leaves_no_log_behind)
{
	fixture_put_alert(1, 0);
	fixture_commit();
	fixture_close();
	ck_assert_ptr_null(fopen(fixture_path("tocsin.db-wal"), "r"));
}
END_TEST

START_TEST(the_log_is_checkpointed_when_it_is_long)
{
	static char large[1 << 20];
	struct alert_row row = { .id = 1, .labels = { large, sizeof(large) } };

	for (int i = 0; i < 64; i++) {
		store_alert_put(fx.store, &row);
		fixture_commit();
	}
	ck_assert_int_lt(store_stats(fx.store).wal_bytes, 24 << 20);
	ck_assert_int_gt(store_stats(fx.store).db_bytes, 1 << 20);
}
END_TEST

TCase *
batch_tests(void)
{
	TCase *tcase = tcase_create("batches");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, a_turn_is_one_transaction);
	tcase_add_test(tcase, a_waiter_runs_in_the_turn_after_the_commit);
	tcase_add_test(tcase, waiters_run_in_order_also_without_rows);
	tcase_add_test(tcase, a_waiter_without_rows_costs_no_commit);
	tcase_add_test(tcase, a_cancelled_waiter_does_not_run);
	tcase_add_test(tcase, a_waiter_may_write_and_wait_again);
	tcase_add_test(tcase, rows_of_a_later_turn_end_hook_are_committed_too);
	tcase_add_test(tcase, a_failed_commit_is_tried_every_second_and_later_rows_merge);
	tcase_add_test(tcase, a_full_disk_keeps_the_batch_until_there_is_room);
	tcase_add_test(tcase, much_that_waits_counts_as_stalled);
	tcase_add_test(tcase, a_row_the_database_refuses_does_not_hold_up_the_others);
	tcase_add_test(tcase, closing_commits_and_tells_the_waiters);
	tcase_add_test(tcase, closing_on_a_failing_disk_says_no);
	tcase_add_test(tcase, closing_after_a_failed_commit_tries_once_more);
	tcase_add_test(tcase, a_closed_store_leaves_no_log_behind);
	tcase_add_test(tcase, the_log_is_checkpointed_when_it_is_long);
	return tcase;
}

/* ---- with threads ----------------------------------------------------------- */

enum { TURNS = 300 };

static struct promise {
	struct store_waiter waiter;
	int64_t rows; /* that must be visible */
} promises[TURNS];
static int kept;

static void
check_promise(void *arg, bool ok)
{
	const struct promise *promise = arg;

	ck_assert(ok);
	ck_assert_msg(promise == &promises[kept], "waiter %d out of order", kept);
	kept++;
	ck_assert_int_ge(fixture_count("SELECT count(*) FROM alert"),
	    promise->rows);
}

static void
begin_threads(void)
{
	fixture_real();
	fixture_open();
	kept = 0;
}

static void
write_turns(void)
{
	int64_t id = 0;

	for (int i = 0; i < TURNS; i++) {
		for (int row = 0; row <= i % 7; row++)
			fixture_put_alert(++id, i);
		promises[i] = (struct promise){
			.waiter = { .fn = check_promise, .arg = &promises[i] },
			.rows = id,
		};
		store_wait(fx.store, &promises[i].waiter);
		(void)loop_turn(fx.loop, DUR_MS(0));
	}
}

START_TEST(a_waiter_runs_after_its_rows_are_visible_to_others)
{
	write_turns();
	fixture_commit();
	ck_assert_int_eq(kept, TURNS);
	ck_assert_uint_ge(store_stats(fx.store).commits, 1);
	ck_assert_uint_le(store_stats(fx.store).commits, TURNS);
}
END_TEST

START_TEST(closing_in_the_middle_keeps_every_promise)
{
	write_turns();
	fixture_close();
	ck_assert_int_eq(kept, TURNS);
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM alert"),
	    promises[TURNS - 1].rows);
}
END_TEST

static void
count_rows(void *arg, const struct history_row *rows, uint32_t n,
    const struct err *err)
{
	int *answers = arg;

	(void)rows;
	(void)n;
	ck_assert(err == NULL || err->code == ERR_BUSY ||
	    err->code == ERR_CANCELLED);
	(*answers)++;
}

START_TEST(listings_and_commits_run_side_by_side_and_each_is_answered)
{
	struct history_query query = { .limit = 100 };
	int answers = 0, asked = 0;

	for (int i = 0; i < TURNS; i++) {
		for (int row = 0; row < 10; row++)
			fixture_put_history(0, loop_now(fx.loop), "firing", 5);
		store_history_query(fx.store, &query, count_rows, &answers);
		asked++;
		(void)loop_turn(fx.loop, DUR_MS(0));
	}
	store_prune(fx.store, wall_add(loop_now(fx.loop), DUR_S(3600000)));
	fixture_commit();
	for (int i = 0; i < 200; i++, asked++) /* more than the queue takes */
		store_history_query(fx.store, &query, count_rows, &answers);
	fixture_close();
	ck_assert_int_eq(answers, asked);
}
END_TEST

TCase *
thread_tests(void)
{
	TCase *tcase = tcase_create("threads");

	tcase_add_checked_fixture(tcase, begin_threads, fixture_fini);
	tcase_add_test(tcase, a_waiter_runs_after_its_rows_are_visible_to_others);
	tcase_add_test(tcase, closing_in_the_middle_keeps_every_promise);
	tcase_add_test(tcase, listings_and_commits_run_side_by_side_and_each_is_answered);
	return tcase;
}
