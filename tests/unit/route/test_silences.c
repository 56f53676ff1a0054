/* SPDX-License-Identifier: Apache-2.0 */
/* Silences: what is accepted, what may be edited, what they mute, what survives. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop/loop.h"
#include "route/silences.h"
#include "suites.h"
#include "unit/route/helpers.h"

static char dir[64];
static struct loop *loop;
static struct store *store;
static struct silences *silences;

static void
restore_one(void *arg, const struct silence_row *row)
{
	struct err err = { 0 };

	(void)arg;
	ck_assert_msg(silences_restore(silences, row, &err) == 0, "%s", err.text);
}

static void
open_silences(void)
{
	struct err err = { 0 };
	struct store_sink sink = { .silence = restore_one };

	store = store_open(&(struct store_options){ .dir = dir }, loop, &err);
	ck_assert_msg(store != NULL, "%s", err.text);
	silences = silences_new(store);
	ck_assert_int_eq(store_load(store, &sink, &err), 0);
}

static void
close_silences(void)
{
	loop_turn(loop, DUR_S(0));
	silences_free(silences);
	store_close(store);
}

static void
setup(void)
{
	dir_make(dir);
	loop = loop_new_virtual(START_AT);
	open_silences();
}

static void
teardown(void)
{
	close_silences();
	loop_free(loop);
	dir_remove(dir);
	ck_assert_uint_eq(istr_live(), 0);
}

static int
set(const char *id, const char *matchers, int start, int end, int now, char ret_id[37],
    struct err *err)
{
	struct silence_input input = {
		.id = str_from(id),
		.matchers = *matchers != '\0' ? matchers_of(matchers) : NULL,
		.starts_at = AT(start),
		.ends_at = AT(end),
		.created_by = STR("me"),
		.comment = STR("why"),
	};

	return silences_set(silences, &input, AT(now), ret_id, err);
}

static uint32_t
muting(const char *labels_text, int now, const struct silence **ret, uint32_t max)
{
	struct labels *labels = labels_of(labels_text);
	uint32_t n = silences_muting(silences, labels, AT(now), ret, max);

	labels_unref(labels);
	return n;
}

/* ---- what is accepted -------------------------------------------------------------- */

static const struct {
	const char *label, *matchers;
	int start, end, now;
	const char *want; /* NULL: accepted */
} inputs[] = {
	{ "a plain one", "a=b", 0, 10, 5, NULL },
	{ "no matcher", "", 0, 10, 5, "silence invalid: at least one matcher required" },
	{ "only the empty string", "a=\"\"", 0, 10, 5,
	    "silence invalid: at least one matcher must not match the empty string" },
	{ "a regex that matches the empty string", "a=~\".*\"", 0, 10, 5,
	    "silence invalid: at least one matcher must not match the empty string" },
	{ "one that needs something is enough", "a=~\".*\",b=c", 0, 10, 5, NULL },
	{ "a negative matcher counts as such", "a!=\"x\"", 0, 10, 5, NULL },
	{ "a negative regex too", "a!~\"x.*\"", 0, 10, 5, NULL },
	{ "ends before it starts", "a=b", 20, 10, 5,
	    "Failed to create silence: start time must be before end time" },
	{ "ends when it starts", "a=b", 10, 10, 5,
	    "Failed to create silence: start time must be before end time" },
	{ "over already", "a=b", 0, 4, 5,
	    "Failed to create silence: end time can't be in the past" },
	{ "ends now", "a=b", 0, 5, 5, NULL },
};

START_TEST(validation)
{
	struct err err = { 0 };
	char id[37] = "";
	int rc = set(
	    "", inputs[_i].matchers, inputs[_i].start, inputs[_i].end, inputs[_i].now, id, &err);

	if (inputs[_i].want == NULL) {
		ck_assert_msg(rc == 0, "%s: %s", inputs[_i].label, err.text);
		ck_assert_uint_eq(strlen(id), 36);
	} else {
		ck_assert_msg(rc == -ERR_INVALID, "%s: %d", inputs[_i].label, rc);
		ck_assert_str_eq(err.text, inputs[_i].want);
		ck_assert_str_eq(id, "");
	}
}
END_TEST

START_TEST(zero_times_are_named)
{
	struct err err = { 0 };
	char id[37];
	struct silence_input input = {
		.id = STR(""), .matchers = matchers_of("a=b"), .ends_at = AT(5)
	};

	ck_assert_int_eq(silences_set(silences, &input, AT(0), id, &err), -ERR_INVALID);
	ck_assert_str_eq(err.text, "silence invalid: invalid zero start timestamp");
	ck_assert_ptr_null(input.matchers);
}
END_TEST

START_TEST(oversized_comment_is_refused)
{
	char *huge = calloc(1, SILENCE_COMMENT_BYTES_MAX + 1);
	struct err err = { 0 };
	char id[37];
	struct silence_input input = { .id = STR(""),
		.matchers = matchers_of("a=b"),
		.starts_at = AT(0),
		.ends_at = AT(5),
		.comment = { huge, SILENCE_COMMENT_BYTES_MAX + 1 } };

	ck_assert_int_eq(silences_set(silences, &input, AT(0), id, &err), -ERR_LIMIT);
	free(huge);
}
END_TEST

START_TEST(a_start_in_the_past_becomes_now)
{
	char id[37];

	ck_assert_int_eq(set("", "a=b", 0, 10, 5, id, NULL), 0);
	ck_assert_int_eq(silences_get(silences, str_from(id))->starts_at.ns, AT(5).ns);
}
END_TEST

/* ---- editing -------------------------------------------------------------------------- */

/* A silence a=b from..to, set at 0, is edited at `now`. */
static const struct {
	const char *label;
	int from, to;
	const char *matchers;
	int start, end, now;
	bool same_id;
	enum silence_state old_state; /* of the old one when it was replaced */
} edits[] = {
	{ "active, longer", 0, 100, "a=b", 0, 200, 50, true, SILENCE_ACTIVE },
	{ "active, to end now", 0, 100, "a=b", 0, 50, 50, true, SILENCE_EXPIRED },
	{ "active, another start", 0, 100, "a=b", 60, 200, 50, false, SILENCE_EXPIRED },
	{ "active, other matchers", 0, 100, "a=c", 0, 200, 50, false, SILENCE_EXPIRED },
	{ "pending, another start", 60, 100, "a=b", 70, 200, 50, true, SILENCE_PENDING },
	{ "pending, to start at once", 60, 100, "a=b", 50, 200, 50, true, SILENCE_ACTIVE },
	{ "pending, start in the past", 60, 100, "a=b", 40, 200, 50, false, SILENCE_EXPIRED },
	{ "pending, other matchers", 60, 100, "a=c", 70, 200, 50, false, SILENCE_EXPIRED },
	{ "expired is never reopened", 0, 40, "a=b", 0, 200, 50, false, SILENCE_EXPIRED },
};

START_TEST(editing)
{
	char id[37], new_id[37];
	const struct silence *old, *new;

	ck_assert_int_eq(set("", "a=b", edits[_i].from, edits[_i].to, 0, id, NULL), 0);
	ck_assert_int_eq(set(id, edits[_i].matchers, edits[_i].start, edits[_i].end, edits[_i].now,
			     new_id, NULL),
	    0);
	old = silences_get(silences, str_from(id));
	new = silences_get(silences, str_from(new_id));
	ck_assert_msg((old == new) == edits[_i].same_id, "%s", edits[_i].label);
	ck_assert_msg(silence_state(old, AT(edits[_i].now)) == edits[_i].old_state, "%s: state %d",
	    edits[_i].label, (int)silence_state(old, AT(edits[_i].now)));
	ck_assert_int_eq(new->ends_at.ns, AT(edits[_i].end).ns);
}
END_TEST

START_TEST(an_edit_that_is_refused_changes_nothing)
{
	char id[37], other[37];
	struct err err = { 0 };

	ck_assert_int_eq(set("", "a=b", 0, 100, 0, id, NULL), 0);
	ck_assert_int_eq(set(id, "a=\"\"", 0, 100, 50, other, &err), -ERR_INVALID);
	ck_assert_int_eq(
	    silence_state(silences_get(silences, str_from(id)), AT(50)), SILENCE_ACTIVE);
}
END_TEST

START_TEST(an_unknown_id_is_not_found)
{
	static const char unknown[] = "00000000-0000-4000-8000-000000000000";
	struct err err = { 0 };
	char id[37];

	ck_assert_int_eq(set(unknown, "a=b", 0, 100, 0, id, &err), -ERR_NOT_FOUND);
	ck_assert_int_eq(silences_expire(silences, STR(unknown), AT(0), &err), -ERR_NOT_FOUND);
	ck_assert_ptr_null(silences_get(silences, STR(unknown)));
}
END_TEST

START_TEST(expiring)
{
	char active[37], pending[37];

	ck_assert_int_eq(set("", "a=b", 0, 100, 0, active, NULL), 0);
	ck_assert_int_eq(set("", "a=b", 60, 100, 0, pending, NULL), 0);
	ck_assert_uint_eq(muting("a=b", 50, NULL, 0), 1);
	for (int again = 0; again < 2; again++) {
		ck_assert_int_eq(
		    silences_expire(silences, str_from(active), AT(50 + again), NULL), 0);
		ck_assert_int_eq(
		    silences_expire(silences, str_from(pending), AT(50 + again), NULL), 0);
	}
	ck_assert_int_eq(silences_get(silences, str_from(active))->ends_at.ns, AT(50).ns);
	ck_assert_int_eq(silences_get(silences, str_from(pending))->starts_at.ns, AT(50).ns);
	ck_assert_int_eq(silences_get(silences, str_from(pending))->ends_at.ns, AT(50).ns);
	ck_assert_uint_eq(muting("a=b", 50, NULL, 0), 0);
	ck_assert_uint_eq(silences_count(silences, SILENCE_EXPIRED, AT(50)), 2);
}
END_TEST

/* ---- matching ---------------------------------------------------------------------------- */

static const struct {
	const char *label, *matchers, *labels;
	bool want;
} mutes[] = {
	{ "equal", "a=b", "a=b,c=d", true },
	{ "another value", "a=b", "a=c", false },
	{ "all matchers must hold", "a=b,c=d", "a=b", false },
	{ "in any order of labels", "c=d,a=b", "a=b,c=d,e=f", true },
	{ "negative", "a=b,c!=d", "a=b,c=e", true },
	{ "negative, absent label", "a=b,c!=d", "a=b", true },
	{ "regex alone", "a=~\"b.*\"", "a=bcd", true },
	{ "regex is anchored", "a=~\"b\"", "a=bcd", false },
	{ "negative regex alone", "a!~\"b.*\"", "x=y", true },
	{ "absent label beside another matcher", "a=b,c=\"\"", "a=b", true },
	{ "absent label that is there", "a=b,c=\"\"", "a=b,c=d", false },
};

START_TEST(matching)
{
	char id[37];

	ck_assert_int_eq(set("", mutes[_i].matchers, 10, 100, 0, id, NULL), 0);
	ck_assert_msg(muting(mutes[_i].labels, 9, NULL, 0) == 0, "%s: pending", mutes[_i].label);
	ck_assert_msg(
	    muting(mutes[_i].labels, 10, NULL, 0) == mutes[_i].want, "%s", mutes[_i].label);
	ck_assert_msg(muting(mutes[_i].labels, 100, NULL, 0) == 0, "%s: over", mutes[_i].label);
	close_silences();
	open_silences();
	ck_assert_msg(muting(mutes[_i].labels, 50, NULL, 0) == mutes[_i].want, "%s: restored",
	    mutes[_i].label);
}
END_TEST

START_TEST(ids_come_in_order_and_the_rest_is_counted)
{
	const struct silence *found[8];
	char id[37];

	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(
		    set("", i % 2 == 0 ? "a=b" : "c=~\"d|e\"", 0, 100, 0, id, NULL), 0);
	ck_assert_uint_eq(muting("a=b,c=d", 50, found, 8), 6);
	for (int i = 1; i < 6; i++)
		ck_assert_int_lt(strcmp(found[i - 1]->id, found[i]->id), 0);
	const struct silence *least = found[0], *second = found[1];
	ck_assert_uint_eq(muting("a=b,c=d", 50, found, 2), 6);
	ck_assert_ptr_eq(found[0], least);
	ck_assert_ptr_eq(found[1], second);
}
END_TEST

START_TEST(restart_keeps_everything_byte_for_byte)
{
	const char *const odd = "a=\"q\\\"uo\\\\te\\n\",b=~\"x{2}|[^y]\",c!=\"\"";
	const struct silence *silence;
	struct matchers *want = matchers_of(odd);
	char id[37], gone[37];

	ck_assert_int_eq(set("", odd, 0, 100, 0, id, NULL), 0);
	ck_assert_int_eq(set("", "a=b", 0, 100, 0, gone, NULL), 0);
	ck_assert_int_eq(silences_expire(silences, str_from(gone), AT(5), NULL), 0);
	silences_gc(silences, AT(20), DUR_S(10));
	close_silences();
	open_silences();
	ck_assert_ptr_null(silences_get(silences, str_from(gone)));
	silence = silences_get(silences, str_from(id));
	ck_assert_ptr_nonnull(silence);
	ck_assert(matchers_equal(silence->matchers, want));
	ck_assert_str_eq(silence->created_by, "me");
	ck_assert_str_eq(silence->comment, "why");
	ck_assert_int_eq(silence->ends_at.ns, AT(100).ns);
	matchers_free(want);
}
END_TEST

START_TEST(expired_ones_stay_for_the_retention)
{
	char id[37];

	ck_assert_int_eq(set("", "a=b", 0, 100, 0, id, NULL), 0);
	silences_gc(silences, AT(50), DUR_S(10));
	ck_assert_uint_eq(muting("a=b", 50, NULL, 0), 1);
	silences_gc(silences, AT(109), DUR_S(10));
	ck_assert_ptr_nonnull(silences_get(silences, str_from(id)));
	silences_gc(silences, AT(110), DUR_S(10));
	ck_assert_ptr_null(silences_get(silences, str_from(id)));
}
END_TEST

TCase *
silences_tests(void)
{
	TCase *tcase = tcase_create("silences");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, validation, 0, (int)(sizeof(inputs) / sizeof(inputs[0])));
	tcase_add_test(tcase, zero_times_are_named);
	tcase_add_test(tcase, oversized_comment_is_refused);
	tcase_add_test(tcase, a_start_in_the_past_becomes_now);
	tcase_add_loop_test(tcase, editing, 0, (int)(sizeof(edits) / sizeof(edits[0])));
	tcase_add_test(tcase, an_edit_that_is_refused_changes_nothing);
	tcase_add_test(tcase, an_unknown_id_is_not_found);
	tcase_add_test(tcase, expiring);
	tcase_add_loop_test(tcase, matching, 0, (int)(sizeof(mutes) / sizeof(mutes[0])));
	tcase_add_test(tcase, ids_come_in_order_and_the_rest_is_counted);
	tcase_add_test(tcase, restart_keeps_everything_byte_for_byte);
	tcase_add_test(tcase, expired_ones_stay_for_the_retention);
	return tcase;
}
