/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns: wait, file descriptors, messages, timers, hooks.
 *
 * Timers live in two heaps, one per clock.  Those that are due run in the
 * order of their lateness; what a timer's callback sets for a time already
 * past counts as set for now and waits for the next turn, so that no timer
 * can starve another.
 */
#include "loop/loop.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "loop/clock.h"
#include "loop/loop_private.h"

/* A virtual monotonic clock starts here, because 0 means "none". */
#define VIRTUAL_MONO_START INT64_C(1000000000)
#define READ_TRIES         4
#define READ_GAP           20000 /* ns */
#define STEP_MIN           INT64_C(1000000000)
#define FOREVER            ((dur_t){ INT64_MAX })

static struct loop *
make_loop(void)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));

	list_init(&loop->turn_end);
	list_init(&loop->before_wait);
	pthread_mutex_init(&loop->mtx, NULL);
	return loop;
}

/*
 * Reads the clocks; a real loop only.  The two readings belong together: when
 * the thread was interrupted between them they are taken again.
 */
static void
read_clock(struct loop *loop)
{
	for (int tries = 0; tries < READ_TRIES; tries++) {
		loop->mono = clock_mono();
		loop->now = clock_wall();
		if (mono_since(clock_mono(), loop->mono).ns < READ_GAP)
			break;
	}
}

struct loop *
loop_new(void)
{
	struct loop *loop = make_loop();

	loop_poll_init(loop);
	read_clock(loop);
	loop->offset = (dur_t){ loop->now.ns - loop->mono.ns };
	return loop;
}

static void
jump_to(struct loop *loop, wall_t t)
{
	loop->now = t;
	loop->mono =
	    (mono_t){ VIRTUAL_MONO_START + wall_since(t, loop->start).ns };
}

struct loop *
loop_new_virtual(wall_t start)
{
	struct loop *loop = make_loop();

	loop->is_virtual = true;
	loop->start = start;
	jump_to(loop, start);
	return loop;
}

void
loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	if (!loop->is_virtual)
		loop_poll_fini(loop);
	for (int i = 0; i < LOOP_CLOCK_COUNT; i++) {
		assert(loop->timers[i].n == 0);
		heap_fini(&loop->timers[i]);
	}
	pthread_mutex_destroy(&loop->mtx);
	free(loop);
}

bool
loop_is_virtual(const struct loop *loop)
{
	return loop->is_virtual;
}

wall_t
loop_now(const struct loop *loop)
{
	return loop->now;
}

mono_t
loop_mono(const struct loop *loop)
{
	return loop->mono;
}

mono_t
loop_mono_exact(const struct loop *loop)
{
	return loop->is_virtual ? loop->mono : clock_mono();
}

/* --- timers ------------------------------------------------------------ */

void
timer_init(struct timer *timer, loop_fn *fn, void *arg)
{
	*timer = (struct timer){ .fn = fn, .arg = arg };
}

bool
timer_is_set(const struct timer *timer)
{
	return heap_has(&timer->node);
}

static inline struct heap *
heap_of(struct loop *loop, const struct timer *timer)
{
	return &loop->timers[timer->on_wall ? LOOP_WALL : LOOP_MONO];
}

static inline int64_t
now_of(const struct loop *loop, enum loop_clock clock)
{
	return clock == LOOP_WALL ? loop->now.ns : loop->mono.ns;
}

static void
set_timer(
    struct loop *loop, struct timer *timer, enum loop_clock clock, int64_t due)
{
	struct heap *heap = &loop->timers[clock];
	int64_t earliest = loop->in_timers ? now_of(loop, clock) : 0;

	if (timer->on_wall != (clock == LOOP_WALL)) {
		heap_remove(heap_of(loop, timer), &timer->node);
		timer->on_wall = clock == LOOP_WALL;
	}
	heap->seq = loop->timer_seq++;
	heap_set(heap, &timer->node, due > earliest ? due : earliest);
}

void
loop_timer_set(struct loop *loop, struct timer *timer, mono_t due)
{
	set_timer(loop, timer, LOOP_MONO, due.ns);
}

void
loop_timer_set_wall(struct loop *loop, struct timer *timer, wall_t due)
{
	set_timer(loop, timer, LOOP_WALL, due.ns);
}

void
loop_timer_stop(struct loop *loop, struct timer *timer)
{
	heap_remove(heap_of(loop, timer), &timer->node);
}

/* The due timer that is latest, of those set before `limit`. */
static struct timer *
next_due(struct loop *loop, uint64_t limit)
{
	struct heap_node *best = NULL;
	int64_t best_late = 0;

	for (enum loop_clock clock = LOOP_MONO; clock < LOOP_CLOCK_COUNT;
	     clock++) {
		struct heap_node *top = heap_top(&loop->timers[clock]);
		int64_t late;

		if (top == NULL || top->seq >= limit ||
		    top->key > now_of(loop, clock))
			continue;
		late = now_of(loop, clock) - top->key;
		if (best == NULL || late > best_late ||
		    (late == best_late && top->seq < best->seq)) {
			best = top;
			best_late = late;
		}
	}
	return best != NULL ? CONTAINER_OF(best, struct timer, node) : NULL;
}

static bool
run_timers(struct loop *loop)
{
	uint64_t limit = loop->timer_seq;
	struct timer *timer;
	bool ran = false;

	loop->in_timers = true;
	while ((timer = next_due(loop, limit)) != NULL) {
		heap_remove(heap_of(loop, timer), &timer->node);
		timer->fn(timer->arg);
		ran = true;
	}
	loop->in_timers = false;
	return ran;
}

/* How long until the first timer, seen from `passed` after the turn's now;
 * FOREVER without one. */
static dur_t
until_timer(const struct loop *loop, dur_t passed)
{
	dur_t wait = FOREVER;

	for (enum loop_clock clock = LOOP_MONO; clock < LOOP_CLOCK_COUNT;
	     clock++) {
		const struct heap_node *top = heap_top(&loop->timers[clock]);
		dur_t left;

		if (top == NULL)
			continue;
		left = (dur_t){ top->key - now_of(loop, clock) - passed.ns };
		if (left.ns < 0)
			left.ns = 0;
		if (dur_less(left, wait))
			wait = left;
	}
	return wait;
}

/* --- messages ---------------------------------------------------------- */

void
loop_post(struct loop *loop, struct message *message)
{
	bool was_empty;

	message->next = NULL;
	pthread_mutex_lock(&loop->mtx);
	was_empty = loop->inbox == NULL;
	if (was_empty)
		loop->inbox = message;
	else
		loop->inbox_last->next = message;
	loop->inbox_last = message;
	/* Under the lock: once it is released the loop may run the message and
	 * be freed by it. */
	if (was_empty && !loop->is_virtual)
		loop_poll_wake(loop);
	pthread_mutex_unlock(&loop->mtx);
}

/* Unlinks the message from a list whose last element is *last (may be NULL). */
static bool
unlink_message(
    struct message **list, struct message **last, const struct message *message)
{
	struct message *previous = NULL;

	for (struct message **at = list; *at != NULL;
	     previous = *at, at = &(*at)->next) {
		if (*at != message)
			continue;
		*at = message->next;
		if (last != NULL && *last == message)
			*last = previous;
		return true;
	}
	return false;
}

bool
loop_unpost(struct loop *loop, struct message *message)
{
	bool found;

	if (unlink_message(&loop->taken, NULL, message))
		return true;
	pthread_mutex_lock(&loop->mtx);
	found = unlink_message(&loop->inbox, &loop->inbox_last, message);
	pthread_mutex_unlock(&loop->mtx);
	return found;
}

static bool
has_messages(struct loop *loop)
{
	bool has;

	pthread_mutex_lock(&loop->mtx);
	has = loop->inbox != NULL;
	pthread_mutex_unlock(&loop->mtx);
	return has;
}

/* Those that are there now; what they post comes in the next turn. */
static bool
run_messages(struct loop *loop)
{
	bool ran = false;

	pthread_mutex_lock(&loop->mtx);
	loop->taken = loop->inbox;
	loop->inbox = loop->inbox_last = NULL;
	pthread_mutex_unlock(&loop->mtx);
	while (loop->taken != NULL) {
		struct message *message = loop->taken;

		loop->taken = message->next;
		message->fn(message->arg);
		ran = true;
	}
	return ran;
}

/* --- hooks ------------------------------------------------------------- */

void
loop_hook_turn_end(struct loop *loop, struct loop_hook *hook)
{
	list_append(&loop->turn_end, &hook->link);
}

void
loop_hook_before_wait(struct loop *loop, struct loop_hook *hook)
{
	list_append(&loop->before_wait, &hook->link);
}

void
loop_hook_remove(struct loop_hook *hook)
{
	list_remove(&hook->link);
}

void
loop_wake_within(struct loop *loop, dur_t d)
{
	if (dur_less(d, loop->wait_max))
		loop->wait_max = d;
}

static void
run_hooks(struct link *hooks)
{
	LIST_FOREACH_SAFE(link, next, hooks)
	{
		struct loop_hook *hook =
		    CONTAINER_OF(link, struct loop_hook, link);

		hook->fn(hook->arg);
	}
}

/* --- turns ------------------------------------------------------------- */

/*
 * The clock went back: what was due in ten minutes is still due in ten
 * minutes, not in ten minutes and the length of the step.
 */
static void
shift_wall_timers(struct loop *loop, int64_t change)
{
	struct heap *heap = &loop->timers[LOOP_WALL];

	for (size_t i = 0; i < heap->n; i++)
		heap->nodes[i]->key += change;
}

/* Notices steps of the wall clock and suspends; a slow slew is neither. */
static void
watch_offset(struct loop *loop)
{
	int64_t offset = loop->now.ns - loop->mono.ns,
		change = offset - loop->offset.ns;

	if (change > STEP_MIN || change < -STEP_MIN)
		loop->stats.wall_steps++;
	if (change < -STEP_MIN)
		shift_wall_timers(loop, change);
	loop->offset.ns = offset;
}

static void
wait_for_something(struct loop *loop, dur_t max_wait)
{
	dur_t wait;

	loop->wait_max = max_wait;
	run_hooks(&loop->before_wait);
	/* From now, not from the turn's now: its callbacks have taken time. */
	wait = until_timer(loop, mono_since(clock_mono(), loop->mono));
	if (dur_less(loop->wait_max, wait))
		wait = loop->wait_max;
	if (loop->stop)
		wait = (dur_t){ 0 };
	loop_poll_wait(loop, wait);
	read_clock(loop);
	watch_offset(loop);
}

bool
loop_turn(struct loop *loop, dur_t max_wait)
{
	bool ran = false;
	dur_t took;

	if (!loop->is_virtual) {
		wait_for_something(loop, max_wait);
		ran = loop_poll_dispatch(loop);
	}
	ran = run_messages(loop) || ran;
	ran = run_timers(loop) || ran;
	run_hooks(&loop->turn_end);
	loop->stats.turns++;
	took = mono_since(loop_mono_exact(loop), loop->mono);
	if (dur_less(loop->stats.turn_max, took))
		loop->stats.turn_max = took;
	return ran;
}

/* All that is due now, and what comes of it. */
static void
run_present(struct loop *loop)
{
	while (!loop->stop &&
	       (loop_turn(loop, (dur_t){ 0 }) || has_messages(loop)))
		;
}

/* Runs and jumps from timer to timer, up to and at `until`. */
static void
run_virtual(struct loop *loop, wall_t until)
{
	dur_t wait;

	run_present(loop);
	while (!loop->stop &&
	       (wait = until_timer(loop, (dur_t){ 0 })).ns <=
		   wall_since(until, loop->now).ns &&
	       wait.ns != FOREVER.ns) {
		jump_to(loop, wall_add(loop->now, wait));
		run_present(loop);
	}
}

void
loop_run(struct loop *loop)
{
	if (loop->is_virtual)
		run_virtual(loop, WALL_MAX);
	else
		while (!loop->stop)
			loop_turn(loop, FOREVER);
	loop->stop = false;
}

void
loop_run_until(struct loop *loop, wall_t until)
{
	if (!loop->is_virtual) {
		fprintf(stderr, "tocsin: loop_run_until() on a real loop\n");
		abort();
	}
	run_virtual(loop, until);
	if (!loop->stop && wall_before(loop->now, until))
		jump_to(loop, until);
	loop->stop = false;
}

void
loop_stop(struct loop *loop)
{
	loop->stop = true;
}

struct loop_stats
loop_stats(const struct loop *loop)
{
	return loop->stats;
}

void
loop_stats_reset_max(struct loop *loop)
{
	loop->stats.turn_max = (dur_t){ 0 };
}
