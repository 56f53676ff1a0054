/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that take jobs from one bounded queue.  Finished jobs are listed
 * here and the loop is told once per batch, so that freeing the pool can hand
 * back each job exactly once, whether it has run or not.
 *
 * On a virtual loop the same lists are used without threads: a turn-end hook
 * runs what is queued.
 */
#include "loop/worker.h"

#include <sys/prctl.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/* The kernel's limit for a thread's name. */
#define NAME_MAX_BYTES 15

struct jobs {
	struct job *first, *last;
	uint32_t n;
};

struct worker_pool {
	/* immutable after _new */
	struct loop *loop;
	char name[NAME_MAX_BYTES + 1];
	uint32_t threads_n, queue_max;
	pthread_t *threads;

	/* loop thread */
	struct message wake, kick;
	struct loop_hook hook; /* virtual */
	bool kicked;           /* virtual */

	/* shared: guarded by mtx */
	pthread_mutex_t mtx;
	pthread_cond_t filled;
	struct jobs queue, finished;
	bool woken, stopping;
};

static void
jobs_add(struct jobs *jobs, struct job *job)
{
	job->next = NULL;
	if (jobs->first == NULL)
		jobs->first = job;
	else
		jobs->last->next = job;
	jobs->last = job;
	jobs->n++;
}

static struct job *
jobs_take(struct jobs *jobs)
{
	struct job *job = jobs->first;

	if (job != NULL) {
		jobs->first = job->next;
		jobs->n--;
	}
	return job;
}

/* With mtx held. */
static void
finish(struct worker_pool *pool, struct job *job)
{
	jobs_add(&pool->finished, job);
	if (!pool->woken) {
		pool->woken = true;
		loop_post(pool->loop, &pool->wake);
	}
}

static void *
work(void *arg)
{
	struct worker_pool *pool = arg;

	prctl(PR_SET_NAME, pool->name, 0, 0, 0);
	pthread_mutex_lock(&pool->mtx);
	while (!pool->stopping) {
		struct job *job = jobs_take(&pool->queue);

		if (job == NULL) {
			pthread_cond_wait(&pool->filled, &pool->mtx);
			continue;
		}
		pthread_mutex_unlock(&pool->mtx);
		job->run(job);
		pthread_mutex_lock(&pool->mtx);
		finish(pool, job);
	}
	pthread_mutex_unlock(&pool->mtx);
	return NULL;
}

static void
hand_back(struct jobs *jobs, bool cancelled)
{
	struct job *job;

	while ((job = jobs_take(jobs)) != NULL) {
		job->cancelled = cancelled;
		job->done(job, cancelled);
	}
}

/* Loop thread: the batch that is finished now. */
static void
deliver(void *arg)
{
	struct worker_pool *pool = arg;
	struct jobs batch;

	pthread_mutex_lock(&pool->mtx);
	batch = pool->finished;
	pool->finished = (struct jobs){ 0 };
	pool->woken = false;
	pthread_mutex_unlock(&pool->mtx);
	hand_back(&batch, false);
}

/* Its turn is what matters: the hook at its end runs the jobs. */
static void
kicked(void *arg)
{
	struct worker_pool *pool = arg;

	pool->kicked = false;
}

static void
run_queued(void *arg)
{
	struct worker_pool *pool = arg;
	struct job *job;

	while ((job = jobs_take(&pool->queue)) != NULL) {
		job->run(job);
		finish(pool, job);
	}
}

/* The loop takes the signals; the threads inherit a mask that blocks all. */
static void
start_threads(struct worker_pool *pool)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pool->threads = xcalloc(pool->threads_n, sizeof(*pool->threads));
	for (uint32_t i = 0; i < pool->threads_n; i++) {
		int error = pthread_create(&pool->threads[i], NULL, work, pool);

		if (error != 0) {
			fprintf(stderr, "tocsin: cannot start a thread: %s\n",
			    strerror(error));
			abort();
		}
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

struct worker_pool *
worker_pool_new(
    struct loop *loop, const char *name, uint32_t threads, uint32_t queue_max)
{
	struct worker_pool *pool = xcalloc(1, sizeof(*pool));

	pool->loop = loop;
	pool->threads_n = threads != 0 ? threads : 1;
	pool->queue_max = queue_max;
	snprintf(pool->name, sizeof(pool->name), "%s", name);
	pool->wake = (struct message){ .fn = deliver, .arg = pool };
	pool->kick = (struct message){ .fn = kicked, .arg = pool };
	pool->hook = (struct loop_hook){ .fn = run_queued, .arg = pool };
	pthread_mutex_init(&pool->mtx, NULL);
	pthread_cond_init(&pool->filled, NULL);
	if (loop_is_virtual(loop))
		loop_hook_turn_end(loop, &pool->hook);
	else
		start_threads(pool);
	return pool;
}

void
worker_pool_free(struct worker_pool *pool)
{
	if (pool == NULL)
		return;
	pthread_mutex_lock(&pool->mtx);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->filled);
	pthread_mutex_unlock(&pool->mtx);
	for (uint32_t i = 0; pool->threads != NULL && i < pool->threads_n; i++)
		pthread_join(pool->threads[i], NULL);
	loop_hook_remove(&pool->hook);
	loop_unpost(pool->loop, &pool->wake);
	loop_unpost(pool->loop, &pool->kick);
	hand_back(&pool->finished, true);
	hand_back(&pool->queue, true);
	pthread_cond_destroy(&pool->filled);
	pthread_mutex_destroy(&pool->mtx);
	free(pool->threads);
	free(pool);
}

static bool
enqueue(struct worker_pool *pool, struct job *job, uint32_t max)
{
	bool taken;

	pthread_mutex_lock(&pool->mtx);
	taken = !pool->stopping && pool->queue.n < max;
	if (taken) {
		job->pool = pool;
		job->cancelled = false;
		jobs_add(&pool->queue, job);
		pthread_cond_signal(&pool->filled);
	}
	pthread_mutex_unlock(&pool->mtx);
	return taken;
}

bool
worker_submit(struct worker_pool *pool, struct job *job)
{
	/* Real threads have taken jobs off the queue by now; virtual ones do at
	 * the turn's end. */
	if (!loop_is_virtual(pool->loop))
		return enqueue(pool, job, pool->queue_max);
	if (!enqueue(pool, job, pool->queue_max + pool->threads_n))
		return false;
	if (!pool->kicked) {
		pool->kicked = true;
		loop_post(pool->loop, &pool->kick);
	}
	return true;
}
