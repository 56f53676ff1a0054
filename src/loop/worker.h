/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool of threads for work that blocks (SQL sources) or is long.
 *
 * A job owns nothing of the domain: it gets values and hands back values.
 * run() executes on a worker thread; done() on the loop thread afterwards,
 * exactly once, also when the pool is being freed (cancelled is true then and
 * run() may not have been called).  On a virtual loop there are no threads:
 * run() is called in the turn's end and done() in the next turn at the same
 * time, so that simulations are deterministic.
 */
#pragma once

#include <stdbool.h>

#include "loop/loop.h"

struct worker_pool;

struct job {
	struct message message; /* kept by the pool */
	struct job *next;
	void (*run)(struct job *job);
	void (*done)(struct job *job, bool cancelled);
	struct worker_pool *pool;
	bool cancelled;
};

struct worker_pool *worker_pool_new(struct loop *loop, const char *name, uint32_t threads, uint32_t queue_max);
void worker_pool_free(struct worker_pool *pool); /* waits for running jobs */
/* false when the queue is full: nothing was taken, done() will not run. */
bool worker_submit(struct worker_pool *pool, struct job *job);
