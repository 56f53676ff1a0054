/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: one thread that owns all domain state.
 *
 * The clock is read once per turn (loop/clock.c); everybody below gets the
 * same `now`.  A turn: wait for file descriptors, timers or messages; run
 * their callbacks; run the turn-end hooks (the store commits there).
 *
 * loop_new() is the real one: epoll, eventfd, signalfd.  loop_new_virtual()
 * never waits: time jumps to the next due timer.  It is what simulations and
 * rule tests run on.  Both give the same order of callbacks for the same
 * timers.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/heap.h"
#include "base/instant.h"
#include "base/list.h"

struct loop;
typedef void loop_fn(void *arg);

struct loop *loop_new(void);
struct loop *loop_new_virtual(wall_t start);
void loop_free(struct loop *loop); /* timers and watches must be gone */

bool loop_is_virtual(const struct loop *loop);

wall_t loop_now(const struct loop *loop);
mono_t loop_mono(const struct loop *loop);
/* Re-reads the clock before the turn's next callback; for callbacks that measure how long something took. */
mono_t loop_mono_exact(const struct loop *loop);

/* --- timers: intrusive, no allocation, O(log n) ------------------------ */
struct timer {
	struct heap_node node;
	loop_fn *fn;
	void *arg;
	bool on_wall; /* which heap it is in; kept by the loop */
};

void timer_init(struct timer *timer, loop_fn *fn, void *arg);
/* Fires once, at or after due; setting a set timer moves it. */
void loop_timer_set(struct loop *loop, struct timer *timer, mono_t due);
/* The same on wall time: follows the wall clock when it steps. */
void loop_timer_set_wall(struct loop *loop, struct timer *timer, wall_t due);
void loop_timer_stop(struct loop *loop, struct timer *timer); /* no-op when not set */
bool timer_is_set(const struct timer *timer);

/* --- file descriptors (real loop only; aborts on a virtual one) -------- */
enum { LOOP_READ = 1u << 0, LOOP_WRITE = 1u << 1, LOOP_HANGUP = 1u << 2 };

typedef void watch_fn(void *arg, uint32_t events);

struct watch {
	int fd;
	uint32_t events; /* LOOP_READ | LOOP_WRITE as registered; 0: not registered */
	watch_fn *fn;
	void *arg;
};

/* Registers, or changes the events of a registered watch. */
void loop_watch(struct loop *loop, struct watch *watch, uint32_t events);
void loop_unwatch(struct loop *loop, struct watch *watch); /* safe inside callbacks, also the fd's own */

/* --- from other threads ------------------------------------------------ */
struct message {
	struct message *next; /* kept by the loop */
	loop_fn *fn;          /* runs on the loop thread */
	void *arg;
};

/* The only thread-safe call. The message must live until its fn has run; order per sender is kept. */
void loop_post(struct loop *loop, struct message *message);

/* Takes back a message whose fn has not run; true if it was there. Loop thread only. */
bool loop_unpost(struct loop *loop, struct message *message);

/* --- hooks ------------------------------------------------------------- */
struct loop_hook {
	struct link link;
	loop_fn *fn;
	void *arg;
};

/* Runs at the end of every turn, after all callbacks, in order of registration. */
void loop_hook_turn_end(struct loop *loop, struct loop_hook *hook);
/* Runs before waiting; may call loop_wake_within() (libmicrohttpd's own timeout). */
void loop_hook_before_wait(struct loop *loop, struct loop_hook *hook);
void loop_hook_remove(struct loop_hook *hook);
/* Only from a before-wait hook: this wait lasts d at most. */
void loop_wake_within(struct loop *loop, dur_t d);

/* --- signals (real loop only) ------------------------------------------ */
typedef void loop_signal_fn(void *arg, int signal_number);
/* Blocks the signals (0-terminated list) in this thread and delivers them as callbacks. Call before starting threads. */
int loop_signals(struct loop *loop, const int *signals, loop_signal_fn *fn, void *arg, struct err *err);

/* --- running ----------------------------------------------------------- */
void loop_run(struct loop *loop);  /* until loop_stop(), or in a virtual loop until nothing is due */
void loop_stop(struct loop *loop);
void loop_run_until(struct loop *loop, wall_t until); /* virtual loop only: runs all that is due up to and at until */
/* One turn: waits up to max_wait for something (virtual: runs what is due now); true if anything ran. */
bool loop_turn(struct loop *loop, dur_t max_wait);

struct loop_stats {
	uint64_t turns;
	dur_t turn_max;      /* longest turn since the last loop_stats_reset_max */
	uint64_t wall_steps; /* wall and monotonic clock drifted apart by over 1 s */
};
struct loop_stats loop_stats(const struct loop *loop);
void loop_stats_reset_max(struct loop *loop);
