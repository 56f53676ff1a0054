/* SPDX-License-Identifier: Apache-2.0 */
/* Timers, messages and hooks; most cases on both kinds of loop. */
#include <stdio.h>
#include <string.h>

#include "loop/loop.h"
#include "loop/loop_private.h"
#include "suites.h"

#define START    ((wall_t){ INT64_C(1795155840) * 1000000000 })
#define WAIT_MAX DUR_S(10)

/* What happened, one letter per callback. */
static char story[64];
static size_t story_n;

struct actor {
	struct timer timer;
	struct message message;
	struct loop *loop;
	char letter;
	void (*also)(struct actor *actor);
	struct actor *other;
	wall_t ran_at;
	mono_t ran_at_mono;
};

static void
tell(char letter)
{
	ck_assert_uint_lt(story_n, sizeof(story) - 1);
	story[story_n++] = letter;
	story[story_n] = '\0';
}

static void
act(void *arg)
{
	struct actor *actor = arg;

	tell(actor->letter);
	actor->ran_at = loop_now(actor->loop);
	actor->ran_at_mono = loop_mono(actor->loop);
	if (actor->also != NULL)
		actor->also(actor);
}

static void
actor_init(struct actor *actor, struct loop *loop, char letter)
{
	*actor = (struct actor){ .loop = loop, .letter = letter };
	timer_init(&actor->timer, act, actor);
	actor->message = (struct message){ .fn = act, .arg = actor };
}

static struct loop *
make_loop(int real)
{
	story_n = 0;
	story[0] = '\0';
	return real ? loop_new() : loop_new_virtual(START);
}

static void
set_in(struct actor *actor, dur_t d)
{
	loop_timer_set(
	    actor->loop, &actor->timer, mono_add(loop_mono(actor->loop), d));
}

static void
set_wall_in(struct actor *actor, dur_t d)
{
	loop_timer_set_wall(
	    actor->loop, &actor->timer, wall_add(loop_now(actor->loop), d));
}

/* Turns until so much has been told; the waits are bounded. */
static void
run_story(struct loop *loop, size_t n)
{
	if (loop_is_virtual(loop)) {
		loop_run(loop);
		return;
	}
	for (int i = 0; i < 1000 && story_n < n; i++)
		loop_turn(loop, WAIT_MAX);
}

START_TEST(timers_run_in_order_of_time_then_of_setting)
{
	struct loop *loop = make_loop(_i);
	struct actor a[6];

	for (int i = 0; i < 6; i++)
		actor_init(&a[i], loop, (char)('a' + i));
	set_in(&a[0], DUR_MS(6));
	set_wall_in(&a[1], DUR_MS(2));
	set_in(&a[2], DUR_MS(2));
	set_in(&a[3], DUR_MS(4));
	set_wall_in(&a[4], DUR_MS(5));
	set_in(&a[5], DUR_MS(1));
	set_in(&a[5], DUR_MS(8));      /* moved */
	set_wall_in(&a[2], DUR_MS(2)); /* to the other clock */
	run_story(loop, 6);
	ck_assert_str_eq(story, "bcdeaf");
	loop_free(loop);
}
END_TEST

START_TEST(timers_are_never_early)
{
	struct loop *loop = make_loop(1);
	struct actor a;

	actor_init(&a, loop, 'x');
	for (int i = 1; i <= 10; i++) {
		mono_t due = mono_add(
		    loop_mono_exact(loop), (dur_t){ i * INT64_C(230017) });

		loop_timer_set(loop, &a.timer, due);
		run_story(loop, (size_t)i);
		ck_assert_uint_eq(story_n, (size_t)i);
		ck_assert(!mono_before(loop_mono_exact(loop), due));
		ck_assert(!mono_before(a.ran_at_mono, due));
	}
	loop_free(loop);
}
END_TEST

static void
stop_other(struct actor *actor)
{
	loop_timer_stop(actor->loop, &actor->other->timer);
	loop_timer_stop(actor->loop, &actor->other->timer);
}

static void
set_self_in_the_past(struct actor *actor)
{
	if (story_n < 4)
		loop_timer_set(actor->loop, &actor->timer, (mono_t){ 1 });
}

START_TEST(callbacks_may_stop_timers_that_are_due)
{
	struct loop *loop = make_loop(_i);
	struct actor a, b, c;

	actor_init(&a, loop, 'a');
	actor_init(&b, loop, 'b');
	actor_init(&c, loop, 'c');
	a.also = stop_other;
	a.other = &b;
	set_in(&a, DUR_MS(0));
	set_in(&b, DUR_MS(0));
	set_in(&c, DUR_MS(0));
	ck_assert(timer_is_set(&b.timer));
	run_story(loop, 2);
	ck_assert_str_eq(story, "ac");
	ck_assert(!timer_is_set(&b.timer));
	loop_free(loop);
}
END_TEST

START_TEST(timer_that_sets_itself_starves_nobody)
{
	struct loop *loop = make_loop(_i);
	struct actor a, b;

	actor_init(&a, loop, 'a');
	actor_init(&b, loop, 'b');
	a.also = set_self_in_the_past;
	loop_timer_set(loop, &a.timer, (mono_t){ 1 });
	set_in(&b, DUR_MS(0));
	run_story(loop, 4);
	ck_assert_str_eq(story, "abaa");
	loop_free(loop);
}
END_TEST

START_TEST(virtual_time_jumps_to_what_is_due)
{
	struct loop *loop = make_loop(0);
	struct actor a, b;
	mono_t start = loop_mono(loop);

	actor_init(&a, loop, 'a');
	actor_init(&b, loop, 'b');
	set_in(&a, DUR_S(60));
	set_wall_in(&b, DUR_S(3600));
	loop_run_until(loop, wall_add(START, DUR_S(59)));
	ck_assert_str_eq(story, "");
	ck_assert_int_eq(loop_now(loop).ns, wall_add(START, DUR_S(59)).ns);
	/* Up to and at. */
	loop_run_until(loop, wall_add(START, DUR_S(60)));
	ck_assert_str_eq(story, "a");
	ck_assert_int_eq(a.ran_at.ns, wall_add(START, DUR_S(60)).ns);
	ck_assert_int_eq(a.ran_at_mono.ns, mono_add(start, DUR_S(60)).ns);
	loop_run(loop);
	ck_assert_str_eq(story, "ab");
	ck_assert_int_eq(loop_now(loop).ns, wall_add(START, DUR_S(3600)).ns);
	/* Nothing is left: time stands. */
	loop_run(loop);
	ck_assert_int_eq(loop_now(loop).ns, wall_add(START, DUR_S(3600)).ns);
	loop_free(loop);
}
END_TEST

static void
post_other(struct actor *actor)
{
	loop_post(actor->loop, &actor->other->message);
}

static void
tell_end(void *arg)
{
	(void)arg;
	tell('.');
}

START_TEST(turns_run_messages_then_timers_then_hooks)
{
	struct loop *loop = make_loop(_i);
	struct loop_hook hook = { .fn = tell_end };
	struct actor a, b, c;

	loop_hook_turn_end(loop, &hook);
	actor_init(&a, loop, 'a');
	actor_init(&b, loop, 'b');
	actor_init(&c, loop, 'c');
	a.also = post_other;
	a.other = &c;
	set_in(&b, DUR_MS(0));
	loop_post(loop, &a.message);
	ck_assert(loop_turn(loop, WAIT_MAX));
	ck_assert_str_eq(story, "ab.");
	/* What a message posts runs in the next turn. */
	ck_assert(loop_turn(loop, WAIT_MAX));
	ck_assert_str_eq(story, "ab.c.");
	loop_hook_remove(&hook);
	ck_assert(!loop_turn(loop, DUR_MS(0)));
	ck_assert_str_eq(story, "ab.c.");
	ck_assert_uint_eq(loop_stats(loop).turns, 3);
	loop_free(loop);
}
END_TEST

static void
unpost_other(struct actor *actor)
{
	ck_assert(loop_unpost(actor->loop, &actor->other->message));
}

START_TEST(messages_can_be_taken_back)
{
	struct loop *loop = make_loop(_i);
	struct actor a, b, c;

	actor_init(&a, loop, 'a');
	actor_init(&b, loop, 'b');
	actor_init(&c, loop, 'c');
	loop_post(loop, &a.message);
	loop_post(loop, &b.message);
	ck_assert(loop_unpost(loop, &b.message));
	ck_assert(!loop_unpost(loop, &b.message));
	loop_post(loop, &c.message); /* behind the one that was last */
	a.also = unpost_other;
	a.other = &c; /* of the same batch */
	loop_turn(loop, WAIT_MAX);
	ck_assert_str_eq(story, "a");
	loop_free(loop);
}
END_TEST

static void
stop_loop(struct actor *actor)
{
	loop_stop(actor->loop);
}

static void
set_flag(void *arg)
{
	*(bool *)arg = true;
}

/* Set while the clock was an hour ahead: due in 10 ms all the same. */
START_TEST(clock_set_back_does_not_hold_timers_up)
{
	struct loop *loop = loop_new();
	struct timer timer;
	bool fired = false;
	mono_t give_up;

	timer_init(&timer, set_flag, &fired);
	loop_timer_set_wall(
	    loop, &timer, wall_add(loop_now(loop), (dur_t){ 3600 * DUR_S(1).ns + DUR_MS(10).ns }));
	loop->offset.ns += 3600 * DUR_S(1).ns;
	give_up = mono_add(loop_mono(loop), DUR_S(60));
	while (!fired && mono_before(loop_mono(loop), give_up))
		loop_turn(loop, DUR_MS(100));
	ck_assert(fired);
	ck_assert_uint_eq(loop_stats(loop).wall_steps, 1);
	loop_timer_stop(loop, &timer);
	loop_free(loop);
}
END_TEST

START_TEST(stop_ends_the_run_after_its_turn)
{
	struct loop *loop = make_loop(_i);
	struct actor a, b, c;

	actor_init(&a, loop, 'a');
	actor_init(&b, loop, 'b');
	actor_init(&c, loop, 'c');
	a.also = stop_loop;
	loop_post(loop, &a.message);
	loop_post(loop, &b.message);
	set_in(&c, DUR_S(3600));
	loop_run(loop);
	ck_assert_str_eq(story, "ab");
	loop_timer_stop(loop, &c.timer);
	loop_free(loop);
}
END_TEST

struct waker {
	struct loop_hook hook;
	struct loop *loop;
	int calls;
};

static void
wake_soon(void *arg)
{
	struct waker *waker = arg;

	waker->calls++;
	loop_wake_within(waker->loop, DUR_MS(1));
	loop_wake_within(waker->loop, DUR_S(5));
}

START_TEST(before_wait_hooks_shorten_one_wait)
{
	struct loop *loop = make_loop(1);
	struct waker waker = { .loop = loop };
	mono_t before = loop_mono_exact(loop);

	waker.hook = (struct loop_hook){ .fn = wake_soon, .arg = &waker };
	loop_hook_before_wait(loop, &waker.hook);
	ck_assert(!loop_turn(loop, DUR_S(3600)));
	ck_assert_int_eq(waker.calls, 1);
	ck_assert(mono_since(loop_mono(loop), before).ns >= DUR_MS(1).ns);
	loop_hook_remove(&waker.hook);
	loop_free(loop);
}
END_TEST

TCase *
case_timers(void)
{
	TCase *tcase = tcase_create("timers");

	/* 0: virtual, 1: real */
	tcase_add_loop_test(
	    tcase, timers_run_in_order_of_time_then_of_setting, 0, 2);
	tcase_add_test(tcase, timers_are_never_early);
	tcase_add_loop_test(
	    tcase, callbacks_may_stop_timers_that_are_due, 0, 2);
	tcase_add_loop_test(tcase, timer_that_sets_itself_starves_nobody, 0, 2);
	tcase_add_test(tcase, virtual_time_jumps_to_what_is_due);
	tcase_add_loop_test(
	    tcase, turns_run_messages_then_timers_then_hooks, 0, 2);
	tcase_add_loop_test(tcase, messages_can_be_taken_back, 0, 2);
	tcase_add_test(tcase, clock_set_back_does_not_hold_timers_up);
	tcase_add_loop_test(tcase, stop_ends_the_run_after_its_turn, 0, 2);
	tcase_add_test(tcase, before_wait_hooks_shorten_one_wait);
	return tcase;
}
