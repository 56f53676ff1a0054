/* SPDX-License-Identifier: Apache-2.0 */
/* What loop.c (time, timers, messages, turns) and loop_poll.c (file
 * descriptors) share. */
#pragma once

#include <sys/epoll.h>

#include <pthread.h>

#include "loop/loop.h"

#define LOOP_EVENTS_MAX 256

enum loop_clock {
	LOOP_MONO,
	LOOP_WALL,
	LOOP_CLOCK_COUNT
};

/* The file descriptors of a real loop. */
struct loop_poll {
	int epoll_fd;
	struct watch inbox, signals,
	    steps; /* eventfd, signalfd, timerfd that tells of clock steps */
	loop_signal_fn *signal_fn;
	void *signal_arg;
	size_t n_watches; /* of the users */
	struct epoll_event ready[LOOP_EVENTS_MAX];
	int ready_n,
	    ready_next; /* those from ready_next on are still to be delivered */
};

struct loop {
	/* immutable after loop_new */
	bool is_virtual;
	wall_t start; /* virtual */

	/* loop thread */
	wall_t now;
	mono_t mono;
	dur_t offset; /* wall minus mono as of the last turn */
	struct heap timers[LOOP_CLOCK_COUNT];
	uint64_t timer_seq; /* one order of insertion over both heaps */
	bool in_timers;
	struct link turn_end, before_wait;
	dur_t wait_max; /* asked for by a before-wait hook */
	bool stop;
	struct loop_stats stats;
	struct message *taken; /* messages of this turn, not yet run */
	struct loop_poll poll;

	/* shared: guarded by mtx */
	pthread_mutex_t mtx;
	struct message *inbox, *inbox_last;
};

void loop_poll_init(struct loop *loop);
void loop_poll_fini(struct loop *loop);
/* Makes the waiting loop return; from any thread. */
void loop_poll_wake(struct loop *loop);
/* Waits up to `wait` (INT64_MAX ns: without end). */
void loop_poll_wait(struct loop *loop, dur_t wait);
/* Delivers what the wait found; true if a user's callback ran. */
bool loop_poll_dispatch(struct loop *loop);
