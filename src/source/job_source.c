/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a query that is a job.  Matchers are interned values, so they
 * are parsed, used and freed on the loop thread; the job never sees them.
 */
#include "config.h"

#include "source/job_source.h"

#include <sys/eventfd.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/list.h"
#include "base/xalloc.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "source/points.h"

struct job_source;

struct run {
	struct job job;
	struct link link;   /* in line */
	struct timer timer; /* ends a run that never reached a worker */
	struct job_source *source;
	struct source_query *query;
	struct matchers *matchers; /* NULL: all series */
	struct job_call call;
	void *keep;
	mono_t started;
	struct err err;
	int code;
};

struct job_source {
	struct source source;
	const struct job_backend *backend;
	struct loop *loop;
	struct worker_pool *workers;
	struct link line; /* runs that wait for a thread */
	void *keeps[JOB_SOURCE_THREADS_MAX];
	uint32_t n_keeps, running, running_max;
};

/* --- the life of a query ------------------------------------------------------------ */

static void
run_job(struct job *job)
{
	struct run *run = CONTAINER_OF(job, struct run, job);
	struct job_call *call = &run->call;

	run->code = run->source->backend->run(call, &run->keep, &run->err);
	if (run->code == 0)
		run->code = points_finish(&call->rows, call->shape, call->ties, call->at,
		    call->from, call->to, &run->err);
}

/* The query's done() is the last thing, since it may free the source. */
static void
run_end(struct run *run)
{
	struct job_source *s = run->source;
	struct source_query *query = run->query;
	struct vector vector = { NULL, 0 };
	struct err err = run->err;
	bool ok = run->code == 0;

	if (ok) {
		selector_apply(run->matchers, &run->call.rows);
		rows_keep(&run->call.rows, query->arena, &vector);
	} else {
		s->source.failures++;
	}
	query->took = mono_since(loop_mono_exact(s->loop), run->started);
	query->impl = NULL;
	s->source.in_flight--;
	rows_fini(&run->call.rows);
	matchers_free(run->matchers);
	if (run->call.wake >= 0)
		close(run->call.wake);
	free(run);
	query->done(query, ok ? &vector : NULL, ok ? NULL : &err);
}

static void
run_later(void *arg)
{
	run_end(arg);
}

static void
end_later(struct run *run)
{
	loop_timer_set(run->source->loop, &run->timer, loop_mono(run->source->loop));
}

static void
dispatch(struct job_source *s)
{
	while (s->running < s->running_max && !list_empty(&s->line)) {
		struct run *run = CONTAINER_OF(s->line.next, struct run, link);

		list_remove(&run->link);
		run->keep = s->n_keeps > 0 ? s->keeps[--s->n_keeps] : NULL;
		run->started = loop_mono(s->loop);
		if (worker_submit(s->workers, &run->job)) {
			s->running++;
			continue;
		}
		if (run->keep != NULL)
			s->keeps[s->n_keeps++] = run->keep;
		run->keep = NULL;
		run->code =
		    err_set(&run->err, ERR_BUSY, "too many queries wait for a worker thread");
		end_later(run);
	}
}

static void
run_done(struct job *job, bool cancelled)
{
	struct run *run = CONTAINER_OF(job, struct run, job);
	struct job_source *s = run->source;

	s->running--;
	if (run->keep != NULL)
		s->keeps[s->n_keeps++] = run->keep;
	run->keep = NULL;
	if (cancelled || atomic_load(&run->call.stop))
		run->code = err_set(&run->err, ERR_CANCELLED, "cancelled");
	if (!cancelled)
		dispatch(s);
	run_end(run);
}

struct source *
job_source_open(
    const struct job_backend *backend, const struct source_config *config, struct loop *loop)
{
	struct job_source *s = xcalloc(1, sizeof(*s));
	uint32_t max = config->max_concurrency;

	s->source.ops = backend->ops;
	s->source.config = config;
	s->backend = backend;
	s->loop = loop;
	s->running_max = max != 0 && max < JOB_SOURCE_THREADS_MAX ? max : JOB_SOURCE_THREADS_MAX;
	s->workers = worker_pool_new(loop, backend->name, s->running_max, s->running_max);
	list_init(&s->line);
	return &s->source;
}

void
job_source_close(struct source *source)
{
	struct job_source *s = (struct job_source *)source;

	worker_pool_free(s->workers);
	for (uint32_t i = 0; i < s->n_keeps; i++)
		s->backend->keep_free(s->keeps[i]);
	free(s);
}

void
job_source_query(struct source *source, struct source_query *query)
{
	struct job_source *s = (struct job_source *)source;
	struct run *run = xcalloc(1, sizeof(*run));
	struct job_call *call = &run->call;

	run->job = (struct job){ .run = run_job, .done = run_done };
	run->source = s;
	run->query = query;
	run->started = loop_mono(s->loop);
	timer_init(&run->timer, run_later, run);
	query->impl = run;
	source->queries++;
	source->in_flight++;
	points_init(&call->rows, query);
	call->config = source->config;
	call->shape = query->shape;
	call->at = query->at;
	call->step = query->step;
	call->fields = query->fields;
	call->n_fields = query->n_fields;
	call->wake = -1;
	atomic_init(&call->stop, false);
	query_window(query, s->backend->lookback(source->config->settings), &call->from, &call->to);
	run->code = selector_parse(query->text, &call->what, &run->matchers, &run->err);
	if (run->code < 0) {
		end_later(run);
		return;
	}
	call->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	list_append(&s->line, &run->link);
	dispatch(s);
}

void
job_source_cancel(struct source *source UNUSED, struct source_query *query)
{
	struct run *run = query->impl;

	if (run == NULL || timer_is_set(&run->timer))
		return;
	atomic_store(&run->call.stop, true);
	if (run->link.next != NULL) {
		list_remove(&run->link);
		run->code = err_set(&run->err, ERR_CANCELLED, "cancelled");
		end_later(run);
	} else if (run->call.wake >= 0) {
		eventfd_write(run->call.wake, 1);
	}
}
