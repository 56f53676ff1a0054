/* SPDX-License-Identifier: Apache-2.0 */
/* Listings of history and deliveries, and what pruning leaves of them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "unit/store/fixture.h"

static struct buf listed;

static void
begin(void)
{
	fixture_virtual();
	fixture_open();
	buf_clear(&listed);
}

static void
end(void)
{
	fixture_fini();
	buf_fini(&listed);
}

static void
list_history(void *arg, const struct history_row *rows, uint32_t n,
    const struct err *err)
{
	(void)arg;
	if (err != NULL)
		buf_printf(&listed, "%s", err_code_name(err->code));
	for (uint32_t i = 0; i < n; i++)
		buf_printf(&listed, "%lld ", (long long)rows[i].id);
}

static void
list_deliveries(void *arg, const struct delivery_row *rows, uint32_t n,
    const struct err *err)
{
	(void)arg;
	ck_assert_ptr_null(err);
	for (uint32_t i = 0; i < n; i++)
		buf_printf(&listed, "%lld ", (long long)rows[i].id);
}

/* ---- history ------------------------------------------------------------------ */

#define AT(s) { 1700000000000000000 + (s) * INT64_C(1000000000) }

/* id, second, kind, fingerprint; 7 is older than its id says */
static const struct {
	int64_t id;
	int64_t at;
	const char *kind;
	uint64_t fingerprint;
} history[] = {
	{ 1, 0, "pending", 7 },
	{ 2, 10, "firing", 7 },
	{ 3, 20, "firing", UINT64_MAX },
	{ 5, 30, "notified", 0 },
	{ 9000, 40, "resolved", 7 },
	{ 20000, 50, "firing", 7 },
	{ 20001, 25, "reload", 0 },
};

static const struct {
	const char *label;
	struct history_query query;
	const char *want;
} histories[] = {
	{ "newest first by time", { .limit = 100 }, "20000 9000 5 20001 3 2 1 " },
	{ "a limit cuts the oldest", { .limit = 2 }, "20000 9000 " },
	{ "a limit of 0 is 1", { .limit = 0 }, "20000 " },
	{ "the next page goes on", { .limit = 2, .before_id = 9000 }, "5 20001 " },
	{ "also behind a row out of turn", { .limit = 2, .before_id = 20001 }, "3 2 " },
	{ "nothing is before the oldest", { .limit = 2, .before_id = 1 }, "" },
	{ "since is included", { .since = AT(30), .limit = 9 }, "20000 9000 5 " },
	{ "until is not", { .until = AT(20), .limit = 9 }, "2 1 " },
	{ "a range", { .since = AT(10), .until = AT(26), .limit = 9 }, "20001 3 2 " },
	{ "an empty range", { .since = AT(11), .until = AT(12), .limit = 9 }, "" },
	{ "a range after the end", { .since = AT(99), .limit = 9 }, "" },
	{ "a kind", { .kind = LIT("firing"), .limit = 9 }, "20000 3 2 " },
	{ "a kind, limited", { .kind = LIT("firing"), .limit = 1 }, "20000 " },
	{ "an unknown kind", { .kind = LIT("fir"), .limit = 9 }, "" },
	{ "an alert, over all blocks", { .fingerprint = 7, .limit = 9 }, "20000 9000 2 1 " },
	{ "an alert with the top bit", { .fingerprint = UINT64_MAX, .limit = 9 }, "3 " },
	{ "an alert's next page", { .fingerprint = 7, .limit = 9, .before_id = 9000 }, "2 1 " },
	{ "an alert and a kind",
	    { .fingerprint = 7, .kind = LIT("firing"), .limit = 9 }, "20000 2 " },
	{ "an alert and a range",
	    { .fingerprint = 7, .since = AT(5), .until = AT(45), .limit = 9 }, "9000 2 " },
	{ "an unknown alert", { .fingerprint = 8, .limit = 9 }, "" },
};

static void
ask_history(const struct history_query *query)
{
	buf_clear(&listed);
	store_history_query(fx.store, query, list_history, NULL);
	ck_assert_uint_eq(listed.n, 0); /* never inside the call */
	fixture_turns(3);
}

START_TEST(history_is_listed)
{
	for (size_t i = 0; i < ARRAY_LEN(history); i++)
		fixture_put_history(history[i].id, (wall_t)AT(history[i].at),
		    history[i].kind, history[i].fingerprint);
	ask_history(&histories[_i].query);
	ck_assert_msg(str_is(buf_str(&listed), histories[_i].want),
	    "%s: want %s, got %s", histories[_i].label, histories[_i].want,
	    listed.p);
}
END_TEST

START_TEST(history_of_an_empty_store_is_empty)
{
	ask_history(&(struct history_query){ .limit = 5 });
	ck_assert_uint_eq(listed.n, 0);
}
END_TEST

static void
check_fields(void *arg, const struct history_row *rows, uint32_t n,
    const struct err *err)
{
	ck_assert_ptr_null(err);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_gt(rows->id, 0);
	ck_assert_int_eq(rows->at.ns, 77);
	ck_assert(str_is(rows->kind, "dead"));
	ck_assert(str_eq(rows->labels, str_make("a\0b", 3)));
	ck_assert_uint_eq(rows->fingerprint, 1);
	ck_assert(isnan(rows->value));
	ck_assert(str_is(rows->subject, "ops"));
	ck_assert(str_is(rows->detail, ""));
	*(bool *)arg = true;
}

START_TEST(every_field_of_history_comes_back)
{
	struct history_row row = { .at = { 77 }, .kind = STR("dead"),
		.labels = { "a\0b", 3 }, .fingerprint = 1,
		.value = (double)NAN, .subject = STR("ops") };
	bool checked = false;

	store_history_add(fx.store, &row);
	store_history_query(fx.store, &(struct history_query){ .limit = 9 },
	    check_fields, &checked);
	fixture_turns(3);
	ck_assert(checked);
}
END_TEST

START_TEST(a_listing_is_cut_at_a_thousand_rows)
{
	for (int i = 0; i < 1500; i++)
		fixture_put_history(0, START_AT, "firing", 1);
	ask_history(&(struct history_query){ .limit = UINT32_MAX });
	ck_assert_int_eq(strncmp(listed.p, "1500 1499 ", 10), 0);
	ck_assert_ptr_nonnull(strstr(listed.p, " 501 "));
	ck_assert_ptr_null(strstr(listed.p, " 500 "));
}
END_TEST

START_TEST(a_listing_is_cut_at_its_bytes_and_paging_gets_the_rest)
{
	static char large[1 << 20];
	struct history_row row = { .at = START_AT, .detail = { large, sizeof(large) } };

	for (row.id = 1; row.id <= 20; row.id++)
		store_history_add(fx.store, &row);
	ask_history(&(struct history_query){ .limit = 20 });
	ck_assert_int_eq(strncmp(listed.p, "20 19 18 ", 9), 0);
	ck_assert_ptr_null(strstr(listed.p, " 5 "));
}
END_TEST

START_TEST(too_many_listings_at_once_are_refused)
{
	struct history_query query = { .limit = 1 };

	for (int i = 0; i < STORE_QUERIES_WAITING + 8; i++)
		store_history_query(fx.store, &query, list_history, NULL);
	ck_assert_uint_eq(listed.n, 0);
	fixture_turns(3);
	ck_assert_ptr_nonnull(strstr(listed.p, "busy"));
}
END_TEST

START_TEST(a_listing_that_looks_at_too_much_is_stopped)
{
	struct history_query query = { .kind = STR("none"), .limit = 1 };

	for (int i = 0; i < 20000; i++)
		fixture_put_history(0, START_AT, "firing", 0);
	fx.store->reader.checks_max = 0;
	ask_history(&query);
	ck_assert_str_eq(listed.p, "limit");
	fx.store->reader.checks_max = 1000;
	ask_history(&query);
	ck_assert_uint_eq(listed.n, 0);
}
END_TEST

START_TEST(a_listing_at_closing_is_cancelled)
{
	store_history_query(fx.store, &(struct history_query){ .limit = 1 },
	    list_history, NULL);
	fixture_close();
	ck_assert_str_eq(listed.p, "cancelled");
}
END_TEST

/* ---- deliveries ----------------------------------------------------------------- */

static void
put_delivery(int64_t id, enum delivery_state state, const char *receiver,
    wall_t at)
{
	struct delivery_row row = {
		.id = id,
		.state = state,
		.receiver = str_from(receiver),
		.created_at = at,
		.finished_at = state >= DELIVERY_DELIVERED ? at : WALL_NONE,
	};

	store_delivery_put(fx.store, &row);
}

static const struct {
	const char *label;
	struct delivery_query query;
	const char *want;
} deliveries[] = {
	{ "newest first", { .state = -1, .limit = 9 }, "6 5 4 3 2 1 " },
	{ "a limit", { .state = -1, .limit = 2 }, "6 5 " },
	{ "the next page", { .state = -1, .limit = 2, .before_id = 5 }, "4 3 " },
	{ "a state", { .state = DELIVERY_DELIVERED, .limit = 9 }, "6 3 1 " },
	{ "a state's next page",
	    { .state = DELIVERY_DELIVERED, .limit = 1, .before_id = 6 }, "3 " },
	{ "the first state", { .state = DELIVERY_PENDING, .limit = 9 }, "4 " },
	{ "a receiver", { .state = -1, .receiver = LIT("ops"), .limit = 9 }, "5 3 2 1 " },
	{ "a receiver and a state",
	    { .state = DELIVERY_DEAD, .receiver = LIT("ops"), .limit = 9 }, "5 2 " },
	{ "no such receiver", { .state = -1, .receiver = LIT("op"), .limit = 9 }, "" },
};

START_TEST(deliveries_are_listed)
{
	put_delivery(1, DELIVERY_DELIVERED, "ops", START_AT);
	put_delivery(2, DELIVERY_DEAD, "ops", START_AT);
	put_delivery(3, DELIVERY_DELIVERED, "ops", START_AT);
	put_delivery(4, DELIVERY_PENDING, "ml", START_AT);
	put_delivery(5, DELIVERY_DEAD, "ops", START_AT);
	put_delivery(6, DELIVERY_DELIVERED, "ml", START_AT);
	store_delivery_query(fx.store, &deliveries[_i].query, list_deliveries,
	    NULL);
	fixture_turns(3);
	ck_assert_msg(str_is(buf_str(&listed), deliveries[_i].want),
	    "%s: want %s, got %s", deliveries[_i].label, deliveries[_i].want,
	    listed.p);
}
END_TEST

/* ---- retention --------------------------------------------------------------------- */

START_TEST(pruning_takes_what_is_older_than_the_retention_and_no_more)
{
	wall_t now = START_AT;
	wall_t old = wall_sub(now, DUR_S(101)), young = wall_sub(now, DUR_S(99));
	struct silence_row expired = { .id = STR("expired"), .ends_at = old };
	struct silence_row ended = { .id = STR("ended"), .ends_at = young };

	fixture_close();
	fx.options.retention = DUR_S(100);
	fixture_open();
	fixture_put_history(1, old, "firing", 1);
	fixture_put_history(2, young, "firing", 1);
	put_delivery(3, DELIVERY_DELIVERED, "ops", old);
	put_delivery(4, DELIVERY_DELIVERED, "ops", young);
	put_delivery(5, DELIVERY_PENDING, "ops", old); /* not finished */
	put_delivery(6, DELIVERY_DEAD, "ops", old);
	put_delivery(7, DELIVERY_CANCELLED, "ops", old);
	fixture_put_alert(8, old.ns); /* alerts are not pruned */
	store_silence_put(fx.store, &expired);
	store_silence_put(fx.store, &ended);
	store_prune(fx.store, now);
	loop_run(fx.loop);
	ck_assert_int_eq(fixture_count("SELECT sum(id) FROM history"), 2);
	ck_assert_int_eq(fixture_count("SELECT sum(id) FROM delivery"), 4 + 5);
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM alert"), 1);
	ck_assert_int_eq(fixture_count("SELECT id = 'ended' FROM silence"), 1);
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM silence"), 1);
	ck_assert_int_eq(store_stats(fx.store).wal_bytes, 0); /* truncated */
}
END_TEST

START_TEST(pruning_goes_on_in_small_batches_until_nothing_is_old)
{
	wall_t old = wall_sub(START_AT, DUR_S(121 * 3600));
	uint64_t commits;

	for (int i = 0; i < 4 * STORE_PRUNE_ROWS + 1; i++)
		fixture_put_history(0, old, "firing", (uint64_t)i);
	fixture_commit();
	commits = store_stats(fx.store).commits;
	store_prune(fx.store, START_AT); /* the default: 120 h */
	fixture_turns(1);
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM history"),
	    3 * STORE_PRUNE_ROWS + 1);
	loop_run(fx.loop);
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM history"), 0);
	ck_assert_uint_eq(store_stats(fx.store).commits - commits, 5);
}
END_TEST

TCase *
listing_tests(void)
{
	TCase *tcase = tcase_create("listings");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_loop_test(tcase, history_is_listed, 0, (int)ARRAY_LEN(histories));
	tcase_add_test(tcase, history_of_an_empty_store_is_empty);
	tcase_add_test(tcase, every_field_of_history_comes_back);
	tcase_add_test(tcase, a_listing_is_cut_at_a_thousand_rows);
	tcase_add_test(tcase, a_listing_is_cut_at_its_bytes_and_paging_gets_the_rest);
	tcase_add_test(tcase, too_many_listings_at_once_are_refused);
	tcase_add_test(tcase, a_listing_that_looks_at_too_much_is_stopped);
	tcase_add_test(tcase, a_listing_at_closing_is_cancelled);
	tcase_add_loop_test(tcase, deliveries_are_listed, 0, (int)ARRAY_LEN(deliveries));
	tcase_add_test(tcase, pruning_takes_what_is_older_than_the_retention_and_no_more);
	tcase_add_test(tcase, pruning_goes_on_in_small_batches_until_nothing_is_old);
	return tcase;
}
