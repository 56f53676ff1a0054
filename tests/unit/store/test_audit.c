/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: written with the turn, listed by page, pruned by a retention of its own. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "store/store_audit.h"
#include "unit/store/fixture.h"

#define S(s) { START_AT_NS + (s) * INT64_C(1000000000) }
#define START_AT_NS INT64_C(1700000000000000000)
#define DAY 86400

static struct buf listed;

static void
list(void *arg, const struct audit_row *rows, uint32_t n, const struct err *err)
{
	(void)arg;
	ck_assert_ptr_null(err);
	for (uint32_t i = 0; i < n; i++)
		buf_printf(&listed, "%.*s/%.*s/%.*s ", STR_ARG(rows[i].actor),
		    STR_ARG(rows[i].action), STR_ARG(rows[i].object));
}

static void
ask(const struct audit_query *query)
{
	buf_clear(&listed);
	store_audit_query(fx.store, query, list, NULL);
	ck_assert_uint_eq(listed.n, 0); /* never inside the call */
	fixture_turns(3);
}

static void
add(int64_t id, int64_t at_s, const char *actor, const char *action, const char *object)
{
	const struct audit_row row = {
		.id = id,
		.at = S(at_s),
		.actor = str_from(actor),
		.source = STR("127.0.0.1"),
		.action = str_from(action),
		.object = str_from(object),
	};

	store_audit_add(fx.store, &row);
}

static void
add_some(void)
{
	add(1, 0, "alice", "silence.create", "s1");
	add(2, 10, "bob", "silence.expire", "s1");
	add(3, 5, "bob", "silences.other", "s2"); /* the clock was set back */
	add(4, 20, "", "config.reload", "");
}

static const struct {
	const char *label;
	struct audit_query query;
	const char *want;
} queries[] = {
	{ "newest first, by id", { .limit = 9 },
	    "/config.reload/ bob/silences.other/s2 bob/silence.expire/s1 "
	    "alice/silence.create/s1 " },
	{ "a limit cuts the oldest", { .limit = 1 }, "/config.reload/ " },
	{ "the next page", { .limit = 1, .before_id = 4 }, "bob/silences.other/s2 " },
	{ "nothing before the first", { .limit = 9, .before_id = 1 }, "" },
	{ "since is included, until is not", { .limit = 9, .since = S(5), .until = S(10) },
	    "bob/silences.other/s2 " },
	{ "an actor", { .limit = 9, .actor = LIT("alice") }, "alice/silence.create/s1 " },
	{ "an action", { .limit = 9, .action = LIT("silence.expire") }, "bob/silence.expire/s1 " },
	{ "all actions on a thing", { .limit = 9, .action = LIT("silence") },
	    "bob/silence.expire/s1 alice/silence.create/s1 " },
	{ "an object", { .limit = 9, .object = LIT("s2") }, "bob/silences.other/s2 " },
};

START_TEST(the_log_is_listed)
{
	add_some();
	ask(&queries[_i].query);
	ck_assert_msg(str_is(buf_str(&listed), queries[_i].want), "%s: want %s, got %s",
	    queries[_i].label, queries[_i].want, buf_str(&listed).p);
}
END_TEST

START_TEST(a_row_is_durable_with_its_turn)
{
	add_some();
	fixture_commit();
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM audit"), 4);
	fixture_reopen();
	ask(&(struct audit_query){ .limit = 1 });
	ck_assert_str_eq(buf_str(&listed).p, "/config.reload/ ");
	add(0, 30, "eve", "after.restart", "x");
	fixture_commit();
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM audit"), 5);
}
END_TEST

START_TEST(long_texts_are_cut_whole_characters_only)
{
	char text[AUDIT_DETAIL_MAX + 10];
	struct audit_row row = { .at = S(0), .detail = str_make(text, sizeof(text)) };

	memset(text, 'a', sizeof(text));
	memcpy(text + AUDIT_DETAIL_MAX - 1, "\xc3\xa4", 2);
	store_audit_add(fx.store, &row);
	fixture_commit();
	ck_assert_int_eq(fixture_count("SELECT length(detail) FROM audit"), AUDIT_DETAIL_MAX - 1);
}
END_TEST

START_TEST(the_log_outlives_the_history)
{
	wall_t later = S(89 * DAY);

	add_some();
	fixture_put_history(0, START_AT, "firing", 9);
	store_prune(fx.store, later);
	fixture_commit();
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM history"), 0);
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM audit"), 4);
	later = (wall_t)S(90 * DAY + 10);
	store_prune(fx.store, later);
	fixture_commit();
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM audit"), 2);
}
END_TEST

static void
setup(void)
{
	fixture_virtual();
	fixture_open();
}

static void
teardown(void)
{
	fixture_fini();
	buf_fini(&listed);
}

TCase *
audit_tests(void)
{
	TCase *tcase = tcase_create("audit");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, the_log_is_listed, 0, ARRAY_LEN(queries));
	tcase_add_test(tcase, a_row_is_durable_with_its_turn);
	tcase_add_test(tcase, long_texts_are_cut_whole_characters_only);
	tcase_add_test(tcase, the_log_outlives_the_history);
	return tcase;
}
