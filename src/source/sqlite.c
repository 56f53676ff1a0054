/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL on a SQLite database: drift stores, feature stores, Evidently's own.
 *
 * A row is a series: the column `value` is its value, the others are its
 * labels.  Queries run on worker threads, each with a connection of its own
 * out of a small stock; a query that finds all of them taken waits here in
 * line.  A connection belongs to one thread at a time: the loop hands it to
 * the job and gets it back with the result.
 */
#include "config.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/xalloc.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "source/backends.h"
#include "source/rows.h"
#include "source/sqlite_read.h"

#define CONNECTIONS_MAX 8

struct sqlite_settings {
	const char *path;
	const char *time_column;
};

struct run {
	struct job job;
	struct link link;   /* in line */
	struct timer timer; /* ends a run that never reached a worker */
	struct sqlite_source *source;
	struct source_query *query;
	struct sqlite_conn *conn;
	struct sqlite_query read;
	atomic_bool stop;
	mono_t started;
	struct err err;
	int code;
};

struct sqlite_source {
	struct source source;
	struct loop *loop;
	struct worker_pool *workers;
	struct link line; /* runs that wait for a connection */
	struct sqlite_conn *conns[CONNECTIONS_MAX];
	uint32_t n_conns; /* idle ones */
	uint32_t running, running_max;
};

static void
run_query(struct job *job)
{
	struct run *run = CONTAINER_OF(job, struct run, job);

	run->code = sqlite_read(&run->conn, &run->read, &run->err);
}

/* The rows into the caller's arena. */
static void
keep_rows(const struct sqlite_query *read, struct arena *arena, struct vector *ret)
{
	struct str keys = arena_str(arena, buf_str(&read->keys));
	struct sample *samples = ARENA_ARRAY(arena, read->n, struct sample);

	for (size_t i = 0; i < read->n; i++) {
		const struct sqlite_row *row = &read->rows[i];

		samples[i] = (struct sample){
			.key = str_make(keys.p + row->key_at, row->key_n),
			.value = row->value,
			.missing = row->missing,
			.at = row->at,
		};
	}
	*ret = (struct vector){ samples, (uint32_t)read->n };
}

/* Ends a run: the query's done() is the last thing, since it may free the
 * source. */
static void
run_end(struct run *run)
{
	struct sqlite_source *s = run->source;
	struct source_query *query = run->query;
	struct vector vector = { NULL, 0 };
	struct err err = run->err;
	bool ok = run->code == 0;

	if (ok)
		keep_rows(&run->read, query->arena, &vector);
	else
		s->source.failures++;
	query->took = mono_since(loop_mono_exact(s->loop), run->started);
	query->impl = NULL;
	s->source.in_flight--;
	sqlite_query_fini(&run->read);
	free(run);
	query->done(query, ok ? &vector : NULL, ok ? NULL : &err);
}

static void
run_fail(struct run *run, enum err_code code, const char *text)
{
	run->code = err_set(&run->err, code, "%s", text);
}

static void
run_later(void *arg)
{
	run_end(arg);
}

static void
end_later(struct run *run, enum err_code code, const char *text)
{
	run_fail(run, code, text);
	loop_timer_set(run->source->loop, &run->timer, loop_mono(run->source->loop));
}

static void
dispatch(struct sqlite_source *s)
{
	while (s->running < s->running_max && !list_empty(&s->line)) {
		struct run *run = CONTAINER_OF(s->line.next, struct run, link);

		list_remove(&run->link);
		run->conn = s->n_conns > 0 ? s->conns[--s->n_conns] : NULL;
		run->started = loop_mono(s->loop);
		if (worker_submit(s->workers, &run->job)) {
			s->running++;
			continue;
		}
		if (run->conn != NULL)
			s->conns[s->n_conns++] = run->conn;
		run->conn = NULL;
		end_later(run, ERR_BUSY, "too many queries wait for a worker thread");
	}
}

static void
run_done(struct job *job, bool cancelled)
{
	struct run *run = CONTAINER_OF(job, struct run, job);
	struct sqlite_source *s = run->source;

	s->running--;
	if (run->conn != NULL)
		s->conns[s->n_conns++] = run->conn;
	run->conn = NULL;
	if (cancelled || atomic_load(&run->stop)) {
		sqlite_query_fini(&run->read);
		run_fail(run, ERR_CANCELLED, "cancelled");
	}
	if (!cancelled)
		dispatch(s);
	run_end(run);
}

static struct source *
sqlite_open(const struct source_config *config, struct loop *loop, struct xfer *xfer UNUSED,
    struct worker_pool *workers, struct err *err UNUSED)
{
	struct sqlite_source *s = xcalloc(1, sizeof(*s));

	s->source.ops = &source_sqlite;
	s->source.config = config;
	s->loop = loop;
	s->workers = workers;
	s->running_max = config->max_concurrency != 0 && config->max_concurrency < CONNECTIONS_MAX
			     ? config->max_concurrency
			     : CONNECTIONS_MAX;
	list_init(&s->line);
	return &s->source;
}

static void
sqlite_close(struct source *source)
{
	struct sqlite_source *s = (struct sqlite_source *)source;

	for (uint32_t i = 0; i < s->n_conns; i++)
		sqlite_conn_close(s->conns[i]);
	free(s);
}

static void
sqlite_query(struct source *source, struct source_query *query)
{
	struct sqlite_source *s = (struct sqlite_source *)source;
	const struct sqlite_settings *settings = source->config->settings;
	struct run *run = xcalloc(1, sizeof(*run));

	run->job = (struct job){ .run = run_query, .done = run_done };
	run->source = s;
	run->query = query;
	run->started = loop_mono(s->loop);
	run->read = (struct sqlite_query){
		.path = settings->path,
		.time_column = settings->time_column,
		.text = query->text,
		.at = query->at,
		.timeout = source->config->timeout,
		.stop = &run->stop,
	};
	atomic_init(&run->stop, false);
	timer_init(&run->timer, run_later, run);
	query->impl = run;
	source->queries++;
	source->in_flight++;
	list_append(&s->line, &run->link);
	dispatch(s);
}

static void
sqlite_cancel(struct source *source UNUSED, struct source_query *query)
{
	struct run *run = query->impl;

	if (run == NULL)
		return;
	atomic_store(&run->stop, true);
	if (run->link.next != NULL) {
		list_remove(&run->link);
		end_later(run, ERR_CANCELLED, "cancelled");
	}
}

static int
sqlite_check(const struct source_config *config, struct str text, struct err *err)
{
	const struct sqlite_settings *settings = config->settings;
	struct sqlite_query read = {
		.path = settings->path,
		.time_column = settings->time_column,
		.text = text,
		.timeout = config->timeout,
	};
	struct sqlite_conn *conn = NULL;
	int code = sqlite_read_check(&conn, &read, err);

	sqlite_query_fini(&read);
	sqlite_conn_close(conn);
	return code;
}

/* Relative to the configuration file. */
static void
settings_finish(struct schema_context *ctx, void *value)
{
	struct sqlite_settings *settings = value;

	if (settings->path != NULL && settings->path[0] != '/' && ctx->dir != NULL)
		settings->path = arena_printf(ctx->arena, "%s/%s", ctx->dir, settings->path);
}

static const struct schema_field settings_fields[] = {
	{ .name = "path",
	    .kind = FIELD_STRING,
	    .offset = offsetof(struct sqlite_settings, path),
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY | FIELD_ENV,
	    .doc = "The database file; a relative path starts at the "
		   "configuration file. It is only read." },
	{ .name = "time_column",
	    .kind = FIELD_STRING,
	    .offset = offsetof(struct sqlite_settings, time_column),
	    .flags = FIELD_NONEMPTY,
	    .doc = "A column of this name is the time of its row (Unix seconds "
		   "or a timestamp), for max_age, and no label." },
};

static const struct schema settings_schema = {
	.name = "sqlite source",
	.doc = "A SQLite database: the column `value` of a query is the value, "
	       "other columns are labels; :now is the time of evaluation.",
	.size = sizeof(struct sqlite_settings),
	SCHEMA_FIELDS(settings_fields),
};

const struct source_kind source_sqlite_kind = {
	.name = "sqlite",
	.schema = &settings_schema,
	.finish = settings_finish,
};

const struct source_ops source_sqlite = {
	.kind = &source_sqlite_kind,
	.open = sqlite_open,
	.close = sqlite_close,
	.query = sqlite_query,
	.cancel = sqlite_cancel,
	.labels = rows_labels,
	.check = sqlite_check,
};
