/* SPDX-License-Identifier: Apache-2.0 */
/* Each branch of the alert state machine, and both sides of each boundary. */
#include "config.h"

#include <stdlib.h>

#include <check.h>

#include "base/attr.h"
#include "rule/alert_step.h"
#include "rule/tally.h"
#include "unit/rule/test_rule.h"

/* Seconds; 0 is "not set". */
struct times {
	enum alert_state state;
	int64_t active, fired, resolved, held;
};

static const struct {
	const char *label;
	struct times before;
	int64_t for_s, keep_s;
	enum outcome outcome;
	int64_t now;
	enum alert_change change;
	struct times after;
} steps[] = {
	/* breach */
	{ "first breach is pending", { .state = ALERT_INACTIVE }, 60, 0, OUTCOME_BREACH, 100,
	    ALERT_BECAME_PENDING, { ALERT_PENDING, 100, 0, 0, 0 } },
	{ "first breach fires at once without for", { .state = ALERT_INACTIVE }, 0, 0,
	    OUTCOME_BREACH, 100, ALERT_BECAME_FIRING, { ALERT_FIRING, 100, 100, 0, 0 } },
	{ "breach for less than for stays pending", { ALERT_PENDING, 100, 0, 0, 0 }, 60, 0,
	    OUTCOME_BREACH, 159, ALERT_SAME, { ALERT_PENDING, 100, 0, 0, 0 } },
	{ "breach for exactly for fires", { ALERT_PENDING, 100, 0, 0, 0 }, 60, 0, OUTCOME_BREACH,
	    160, ALERT_BECAME_FIRING, { ALERT_FIRING, 100, 160, 0, 0 } },
	{ "breach of a firing alert changes nothing", { ALERT_FIRING, 100, 160, 0, 0 }, 60, 0,
	    OUTCOME_BREACH, 190, ALERT_SAME, { ALERT_FIRING, 100, 160, 0, 0 } },
	{ "breach ends keep_firing_for", { ALERT_FIRING, 100, 160, 0, 170 }, 60, 60, OUTCOME_BREACH,
	    190, ALERT_HELD, { ALERT_FIRING, 100, 160, 0, 0 } },
	{ "breach after resolve starts anew", { ALERT_RESOLVED, 100, 160, 170, 0 }, 60, 0,
	    OUTCOME_BREACH, 190, ALERT_BECAME_PENDING, { ALERT_PENDING, 190, 0, 0, 0 } },
	{ "breach after resolve fires anew without for", { ALERT_RESOLVED, 100, 160, 170, 0 }, 0, 0,
	    OUTCOME_BREACH, 190, ALERT_BECAME_FIRING, { ALERT_FIRING, 190, 190, 0, 0 } },
	{ "for raised by a reload takes firing back to pending", { ALERT_FIRING, 100, 160, 0, 170 },
	    600, 60, OUTCOME_BREACH, 190, ALERT_BECAME_PENDING, { ALERT_PENDING, 100, 0, 0, 0 } },
	{ "for raised to exactly the age keeps firing", { ALERT_FIRING, 100, 160, 0, 0 }, 90, 0,
	    OUTCOME_BREACH, 190, ALERT_SAME, { ALERT_FIRING, 100, 160, 0, 0 } },
	{ "clock back: a firing alert goes on", { ALERT_FIRING, 100, 160, 0, 0 }, 60, 0,
	    OUTCOME_BREACH, 110, ALERT_SAME, { ALERT_FIRING, 100, 160, 0, 0 } },
	{ "clock back: for counts from now", { ALERT_PENDING, 1000, 0, 0, 0 }, 60, 0,
	    OUTCOME_BREACH, 110, ALERT_HELD, { ALERT_PENDING, 110, 0, 0, 0 } },
	/* ok */
	{ "ok of an inactive alert is nothing", { .state = ALERT_INACTIVE }, 60, 0, OUTCOME_OK, 100,
	    ALERT_SAME, { .state = ALERT_INACTIVE } },
	{ "ok of a resolved alert is nothing", { ALERT_RESOLVED, 100, 160, 170, 0 }, 60, 0,
	    OUTCOME_OK, 180, ALERT_SAME, { ALERT_RESOLVED, 100, 160, 170, 0 } },
	{ "ok forgets a pending alert", { ALERT_PENDING, 100, 0, 0, 0 }, 60, 60, OUTCOME_OK, 110,
	    ALERT_BECAME_INACTIVE, { .state = ALERT_INACTIVE } },
	{ "ok resolves a firing alert", { ALERT_FIRING, 100, 160, 0, 0 }, 60, 0, OUTCOME_OK, 190,
	    ALERT_BECAME_RESOLVED, { ALERT_RESOLVED, 100, 160, 190, 0 } },
	{ "ok with keep_firing_for holds", { ALERT_FIRING, 100, 160, 0, 0 }, 60, 60, OUTCOME_OK,
	    190, ALERT_HELD, { ALERT_FIRING, 100, 160, 0, 190 } },
	{ "held for less than keep_firing_for stays firing", { ALERT_FIRING, 100, 160, 0, 190 }, 60,
	    60, OUTCOME_OK, 249, ALERT_SAME, { ALERT_FIRING, 100, 160, 0, 190 } },
	{ "held for exactly keep_firing_for resolves", { ALERT_FIRING, 100, 160, 0, 190 }, 60, 60,
	    OUTCOME_OK, 250, ALERT_BECAME_RESOLVED, { ALERT_RESOLVED, 100, 160, 250, 0 } },
	{ "keep_firing_for removed by a reload resolves", { ALERT_FIRING, 100, 160, 0, 190 }, 60, 0,
	    OUTCOME_OK, 200, ALERT_BECAME_RESOLVED, { ALERT_RESOLVED, 100, 160, 200, 0 } },
	{ "held while for was raised goes back to pending", { ALERT_FIRING, 100, 160, 0, 190 }, 600,
	    60, OUTCOME_OK, 200, ALERT_BECAME_PENDING, { ALERT_PENDING, 100, 0, 0, 0 } },
	{ "clock back: keep_firing_for counts from now", { ALERT_FIRING, 100, 160, 0, 900 }, 60, 60,
	    OUTCOME_OK, 200, ALERT_HELD, { ALERT_FIRING, 100, 160, 0, 200 } },
	/* hold */
	{ "hold keeps a firing alert", { ALERT_FIRING, 100, 160, 0, 0 }, 60, 0, OUTCOME_HOLD, 190,
	    ALERT_SAME, { ALERT_FIRING, 100, 160, 0, 0 } },
	{ "hold ends keep_firing_for", { ALERT_FIRING, 100, 160, 0, 180 }, 60, 60, OUTCOME_HOLD,
	    190, ALERT_HELD, { ALERT_FIRING, 100, 160, 0, 0 } },
	{ "hold forgets a pending alert", { ALERT_PENDING, 100, 0, 0, 0 }, 60, 0, OUTCOME_HOLD, 160,
	    ALERT_BECAME_INACTIVE, { .state = ALERT_INACTIVE } },
	{ "hold starts nothing", { .state = ALERT_INACTIVE }, 0, 0, OUTCOME_HOLD, 160, ALERT_SAME,
	    { .state = ALERT_INACTIVE } },
	/* what freezes */
	{ "insufficient data freezes pending", { ALERT_PENDING, 100, 0, 0, 0 }, 60, 0,
	    OUTCOME_INSUFFICIENT, 500, ALERT_SAME, { ALERT_PENDING, 100, 0, 0, 0 } },
	{ "insufficient data freezes firing", { ALERT_FIRING, 100, 160, 0, 0 }, 60, 0,
	    OUTCOME_INSUFFICIENT, 500, ALERT_SAME, { ALERT_FIRING, 100, 160, 0, 0 } },
	{ "stale data freezes firing", { ALERT_FIRING, 100, 160, 0, 0 }, 60, 0, OUTCOME_STALE, 500,
	    ALERT_SAME, { ALERT_FIRING, 100, 160, 0, 0 } },
	{ "an error freezes a held alert past its time", { ALERT_FIRING, 100, 160, 0, 190 }, 60, 60,
	    OUTCOME_ERROR, 900, ALERT_SAME, { ALERT_FIRING, 100, 160, 0, 190 } },
	{ "an error starts nothing", { .state = ALERT_INACTIVE }, 0, 0, OUTCOME_ERROR, 100,
	    ALERT_SAME, { .state = ALERT_INACTIVE } },
};

START_TEST(step)
{
	const struct times *b = &steps[_i].before, *a = &steps[_i].after;
	struct alert_times t = { .state = b->state,
		.active_at = { b->active * 1000000000 },
		.fired_at = { b->fired * 1000000000 },
		.resolved_at = { b->resolved * 1000000000 },
		.keep_firing_since = { b->held * 1000000000 } };
	struct alert_policy policy = { .for_ = DUR_S(steps[_i].for_s),
		.keep_firing_for = DUR_S(steps[_i].keep_s) };
	enum alert_change change =
	    alert_step(&t, &policy, steps[_i].outcome, (wall_t){ steps[_i].now * 1000000000 });

	ck_assert_msg(change == steps[_i].change, "%s: change %d, not %d", steps[_i].label,
	    (int)change, (int)steps[_i].change);
	ck_assert_msg(
	    t.state == a->state, "%s: state %s", steps[_i].label, alert_state_name(t.state));
	ck_assert_msg(t.active_at.ns == a->active * 1000000000 &&
			  t.fired_at.ns == a->fired * 1000000000 &&
			  t.resolved_at.ns == a->resolved * 1000000000 &&
			  t.keep_firing_since.ns == a->held * 1000000000,
	    "%s: times", steps[_i].label);
}
END_TEST

/* One nanosecond short of `for` is short of it. */
START_TEST(for_is_exact_to_the_nanosecond)
{
	struct alert_times t = { .state = ALERT_PENDING, .active_at = { 1000 } };
	struct alert_policy policy = { .for_ = { 500 } };

	ck_assert_int_eq(alert_step(&t, &policy, OUTCOME_BREACH, (wall_t){ 1499 }), ALERT_SAME);
	ck_assert_int_eq(
	    alert_step(&t, &policy, OUTCOME_BREACH, (wall_t){ 1500 }), ALERT_BECAME_FIRING);
}
END_TEST

START_TEST(every_state_and_outcome_has_a_name)
{
	for (int i = 0; i < ALERT_STATE_COUNT; i++)
		ck_assert_str_ne(alert_state_name((enum alert_state)i), "?");
	for (int i = 0; i < OUTCOME_COUNT; i++)
		ck_assert_str_ne(outcome_name((enum outcome)i), "?");
}
END_TEST

/* Too few breaches for for_points: it may begin and wait, and must not fire. */
START_TEST(collecting_never_fires)
{
	struct alert_policy policy = { .collecting = true };
	struct alert_times t = { 0 };

	ck_assert_int_eq(
	    alert_step(&t, &policy, OUTCOME_BREACH, (wall_t){ 1 }), ALERT_BECAME_PENDING);
	ck_assert_int_eq(alert_step(&t, &policy, OUTCOME_BREACH, (wall_t){ 2 }), ALERT_SAME);
	policy.collecting = false;
	ck_assert_int_eq(
	    alert_step(&t, &policy, OUTCOME_BREACH, (wall_t){ 3 }), ALERT_BECAME_FIRING);
	ck_assert_int_eq(t.active_at.ns, 1);
}
END_TEST

/* Each letter an evaluation: b breach, o ok, B and O the same datum again, - nothing there. */
static const struct {
	const char *label, *points;
	uint32_t of, breaches;
} counts[] = {
	{ "nothing yet", "", 3, 0 },
	{ "breaches are counted", "bob", 3, 2 },
	{ "only the last of them", "bboo", 3, 1 },
	{ "a datum that is seen again is not counted again", "bBBB", 3, 1 },
	{ "nor is its other outcome", "bOo", 3, 1 },
	{ "what is not there is as good as no breach", "bb--", 3, 1 },
	{ "of one", "ob", 1, 1 },
	{ "sixty-four", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", 64,
	    64 },
};

START_TEST(points_are_counted_once)
{
	struct tally tally = { 0 };
	wall_t at = { 100 };

	for (const char *p = counts[_i].points; *p != '\0'; p++) {
		if (*p == '-') {
			tally_pass(&tally);
			continue;
		}
		if (*p == 'b' || *p == 'o')
			at.ns++;
		tally_take(&tally, *p == 'b' || *p == 'B', at);
	}
	ck_assert_msg(tally_breaches(&tally, counts[_i].of) == counts[_i].breaches, "%s: %u",
	    counts[_i].label, tally_breaches(&tally, counts[_i].of));
}
END_TEST

START_TEST(older_data_are_passed_over)
{
	struct tally tally = { 0 };

	ck_assert(tally_take(&tally, true, (wall_t){ 10 }));
	ck_assert(!tally_take(&tally, true, (wall_t){ 9 }));
	ck_assert_uint_eq(tally.n, 1);
}
END_TEST

/* Points by their time: b breaches, o does not, a gap is a time without one. */
static const struct {
	const char *label, *before, *then;
	uint32_t of, breaches;
	bool news;
} followed[] = {
	{ "the first are all taken", "", "bob", 3, 2, true },
	{ "the last of them count", "", "bbbooo", 3, 0, true },
	{ "the same again says nothing new", "bob", "bob", 3, 2, false },
	{ "only the newer ones, when they do not reach back", "bo", "  b", 3, 2, true },
	{ "a known one among them is not counted again", "bob", "  bb", 3, 2, true },
	{ "all of them, when they reach back", "b   ", "bbbb", 3, 3, true },
	{ "a late one counts in its place, when they do", "b b", "bbb", 3, 3, true },
	{ "a late one is passed over, when they do not", "o b", "ob", 3, 1, false },
	{ "older ones alone say nothing", "oob", "bb", 2, 1, false },
	{ "none", "b", "", 3, 1, false },
};

static uint32_t
points_from(const char *text, struct data_point *ret)
{
	uint32_t n = 0;

	for (int64_t i = 0; text[i] != '\0'; i++)
		if (text[i] != ' ')
			ret[n++] =
			    (struct data_point){ .at = { 100 + i }, .breach = text[i] == 'b' };
	return n;
}

START_TEST(points_that_come_together)
{
	struct data_point points[16];
	struct tally tally = { 0 };
	uint32_t n = points_from(followed[_i].before, points);

	for (uint32_t i = 0; i < n; i++)
		tally_take(&tally, points[i].breach, points[i].at);
	n = points_from(followed[_i].then, points);
	ck_assert_msg(tally_follow(&tally, points, n, followed[_i].of) == followed[_i].news,
	    "%s: news", followed[_i].label);
	ck_assert_msg(tally_breaches(&tally, followed[_i].of) == followed[_i].breaches, "%s: %u",
	    followed[_i].label, tally_breaches(&tally, followed[_i].of));
}
END_TEST

TCase *
tcase_alert_step(void)
{
	TCase *t = tcase_create("alert_step");

	tcase_add_test(t, collecting_never_fires);
	tcase_add_loop_test(t, points_are_counted_once, 0, ARRAY_LEN(counts));
	tcase_add_test(t, older_data_are_passed_over);
	tcase_add_loop_test(t, points_that_come_together, 0, ARRAY_LEN(followed));
	tcase_add_loop_test(t, step, 0, (int)ARRAY_LEN(steps));
	tcase_add_test(t, for_is_exact_to_the_nanosecond);
	tcase_add_test(t, every_state_and_outcome_has_a_name);
	return t;
}
