/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line, the stock of connections, and how a run ends: once, through the
 * query's done(), on the loop, in a later turn.
 */
#include "config.h"

#include "source/sql_pool.h"

#include <sys/eventfd.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/xalloc.h"

static void
run_query(struct job *job)
{
	struct sql_run *run = CONTAINER_OF(job, struct sql_run, job);

	run->code = run->pool->backend->read(run->pool->source.config, run);
	if (run->code == 0 && !run->pool->backend->finishes)
		run->code = rows_finish(&run->rows, &run->err);
}

/* The query's done() is the last thing, since it may free the source. */
static void
run_end(struct sql_run *run)
{
	struct sql_pool *p = run->pool;
	struct source_query *query = run->query;
	struct vector vector = { NULL, 0 };
	struct err err = run->err;
	bool ok = run->code == 0;

	if (p->backend->end != NULL)
		p->backend->end(run);
	if (ok)
		rows_keep(&run->rows, query->arena, &vector);
	else
		p->source.failures++;
	query->took = mono_since(loop_mono_exact(p->loop), run->started);
	query->impl = NULL;
	p->source.in_flight--;
	rows_fini(&run->rows);
	if (run->wake >= 0)
		close(run->wake);
	free(run);
	query->done(query, ok ? &vector : NULL, ok ? NULL : &err);
}

static void
run_later(void *arg)
{
	run_end(arg);
}

static void
end_later(struct sql_run *run, enum err_code code, const char *text)
{
	run->code = err_set(&run->err, code, "%s", text);
	loop_timer_set(run->pool->loop, &run->timer, loop_mono(run->pool->loop));
}

static void
dispatch(struct sql_pool *p)
{
	while (p->running < p->running_max && !list_empty(&p->line)) {
		struct sql_run *run = CONTAINER_OF(p->line.next, struct sql_run, link);

		list_remove(&run->link);
		run->conn = p->n_conns > 0 ? p->conns[--p->n_conns] : NULL;
		run->started = loop_mono(p->loop);
		if (worker_submit(p->workers, &run->job)) {
			p->running++;
			continue;
		}
		if (run->conn != NULL)
			p->conns[p->n_conns++] = run->conn;
		run->conn = NULL;
		end_later(run, ERR_BUSY, "too many queries wait for a worker thread");
	}
}

static void
run_done(struct job *job, bool cancelled)
{
	struct sql_run *run = CONTAINER_OF(job, struct sql_run, job);
	struct sql_pool *p = run->pool;

	p->running--;
	if (run->conn != NULL)
		p->conns[p->n_conns++] = run->conn;
	run->conn = NULL;
	if (cancelled || run->cancelled)
		run->code = err_set(&run->err, ERR_CANCELLED, "cancelled");
	if (!cancelled)
		dispatch(p);
	run_end(run);
}

struct source *
sql_pool_open(const struct sql_backend *backend, const struct source_config *config,
    struct loop *loop, struct worker_pool *workers, const char *name, uint32_t connections_max)
{
	struct sql_pool *p = xcalloc(1, sizeof(*p));

	p->source.ops = backend->ops;
	p->source.config = config;
	p->backend = backend;
	p->loop = loop;
	p->running_max = config->max_concurrency != 0 && config->max_concurrency < connections_max
			     ? config->max_concurrency
			     : connections_max;
	p->own_workers = workers == NULL;
	p->workers =
	    p->own_workers ? worker_pool_new(loop, name, p->running_max, p->running_max) : workers;
	list_init(&p->line);
	return &p->source;
}

void
sql_pool_close(struct source *source)
{
	struct sql_pool *p = (struct sql_pool *)source;

	if (p->own_workers)
		worker_pool_free(p->workers);
	for (uint32_t i = 0; i < p->n_conns; i++)
		p->backend->conn_close(p->conns[i]);
	free(p);
}

void
sql_pool_query(struct source *source, struct source_query *query)
{
	struct sql_pool *p = (struct sql_pool *)source;
	const struct rows_want want = rows_want_of(query);
	struct sql_run *run = xcalloc(1, sizeof(*run));

	run->job = (struct job){ .run = run_query, .done = run_done };
	run->pool = p;
	run->query = query;
	run->started = loop_mono(p->loop);
	run->wake = p->backend->wakes ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
	rows_init_for(&run->rows, &want);
	atomic_init(&run->stop, false);
	timer_init(&run->timer, run_later, run);
	query->impl = run;
	source->queries++;
	source->in_flight++;
	if (p->backend->begin != NULL)
		run->code = p->backend->begin(run);
	if (run->code < 0) {
		loop_timer_set(p->loop, &run->timer, loop_mono(p->loop));
		return;
	}
	list_append(&p->line, &run->link);
	dispatch(p);
}

void
sql_pool_cancel(struct source *source UNUSED, struct source_query *query)
{
	struct sql_run *run = query->impl;

	if (run == NULL)
		return;
	run->cancelled = true;
	atomic_store(&run->stop, true);
	if (run->link.next != NULL) {
		list_remove(&run->link);
		end_later(run, ERR_CANCELLED, "cancelled");
	} else if (run->wake >= 0) {
		eventfd_write(run->wake, 1);
	}
}
