/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL on a PostgreSQL database.
 *
 * A row is a series: the column `value` is its value, the others are its
 * labels.  Queries block, so each source has worker threads of its own, each
 * with a connection that is kept: a server that hangs holds up nobody else.
 * A connection belongs to one thread at a time: the loop hands it to the job
 * and gets it back with the result.
 */
#include "config.h"

#include <sys/eventfd.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/list.h"
#include "base/xalloc.h"
#include "loop/clock.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "source/backends.h"
#include "source/postgres_read.h"
#include "source/sql_params.h"

#define CONNECTIONS_MAX 4
#define CHECK_WAIT      DUR_S(1) /* for one query that is only checked */
#define CHECK_TOTAL     DUR_S(2) /* for all queries of a source that fail for no fault of theirs */

struct probe { /* how long the checks of a configuration waited for nothing */
	dur_t spent;
};

struct settings {
	struct postgres_settings pg;
	int sslmode;
	struct pos pos;
	struct probe *probe;
};

struct run {
	struct job job;
	struct link link;   /* in line */
	struct timer timer; /* ends a run that never reached a worker */
	struct postgres_source *source;
	struct source_query *query;
	struct postgres_conn *conn;
	struct postgres_query read;
	bool cancelled;
	mono_t started;
	struct err err;
	int code;
};

struct postgres_source {
	struct source source;
	struct loop *loop;
	struct worker_pool *workers;
	struct link line; /* runs that wait for a connection */
	struct postgres_conn *conns[CONNECTIONS_MAX];
	uint32_t n_conns; /* idle ones */
	uint32_t running, running_max;
};

static void
run_query(struct job *job)
{
	struct run *run = CONTAINER_OF(job, struct run, job);

	run->code = postgres_read(&run->conn, &run->read, &run->err);
}

/* The query's done() is the last thing, since it may free the source. */
static void
run_end(struct run *run)
{
	struct postgres_source *s = run->source;
	struct source_query *query = run->query;
	struct vector vector = { NULL, 0 };
	struct err err = run->err;
	bool ok = run->code == 0;

	if (ok)
		rows_keep(&run->read.rows, query->arena, &vector);
	else
		s->source.failures++;
	query->took = mono_since(loop_mono_exact(s->loop), run->started);
	query->impl = NULL;
	s->source.in_flight--;
	rows_fini(&run->read.rows);
	if (run->read.wake >= 0)
		close(run->read.wake);
	free(run);
	query->done(query, ok ? &vector : NULL, ok ? NULL : &err);
}

static void
run_later(void *arg)
{
	run_end(arg);
}

static void
end_later(struct run *run, enum err_code code, const char *text)
{
	run->code = err_set(&run->err, code, "%s", text);
	loop_timer_set(run->source->loop, &run->timer, loop_mono(run->source->loop));
}

static void
dispatch(struct postgres_source *s)
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
	struct postgres_source *s = run->source;

	s->running--;
	if (run->conn != NULL)
		s->conns[s->n_conns++] = run->conn;
	run->conn = NULL;
	if (cancelled || run->cancelled)
		run->code = err_set(&run->err, ERR_CANCELLED, "cancelled");
	if (!cancelled)
		dispatch(s);
	run_end(run);
}

static struct source *
postgres_open(const struct source_config *config, struct loop *loop, struct xfer *xfer UNUSED,
    struct worker_pool *workers UNUSED, struct err *err UNUSED)
{
	struct postgres_source *s = xcalloc(1, sizeof(*s));

	s->source.ops = &source_postgres;
	s->source.config = config;
	s->loop = loop;
	s->running_max = config->max_concurrency != 0 && config->max_concurrency < CONNECTIONS_MAX
			     ? config->max_concurrency
			     : CONNECTIONS_MAX;
	s->workers = worker_pool_new(loop, "postgres", s->running_max, s->running_max);
	list_init(&s->line);
	return &s->source;
}

static void
postgres_close(struct source *source)
{
	struct postgres_source *s = (struct postgres_source *)source;

	worker_pool_free(s->workers);
	for (uint32_t i = 0; i < s->n_conns; i++)
		postgres_conn_close(s->conns[i]);
	free(s);
}

static void
postgres_query(struct source *source, struct source_query *query)
{
	struct postgres_source *s = (struct postgres_source *)source;
	const struct settings *settings = source->config->settings;
	struct run *run = xcalloc(1, sizeof(*run));

	run->job = (struct job){ .run = run_query, .done = run_done };
	run->source = s;
	run->query = query;
	run->started = loop_mono(s->loop);
	run->read = (struct postgres_query){
		.settings = &settings->pg,
		.text = query->text,
		.at = query->at,
		.timeout = source->config->timeout,
		.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	timer_init(&run->timer, run_later, run);
	query->impl = run;
	source->queries++;
	source->in_flight++;
	list_append(&s->line, &run->link);
	dispatch(s);
}

static void
postgres_cancel(struct source *source UNUSED, struct source_query *query)
{
	struct run *run = query->impl;

	if (run == NULL)
		return;
	run->cancelled = true;
	if (run->link.next != NULL) {
		list_remove(&run->link);
		end_later(run, ERR_CANCELLED, "cancelled");
	} else if (run->read.wake >= 0) {
		eventfd_write(run->read.wake, 1);
	}
}

/*
 * The parameters are looked at in any case; the server is asked as long as it
 * answers, because this runs before the first rule and during a reload.
 */
static int
postgres_check(const struct source_config *config, struct str text, struct err *err)
{
	const struct settings *settings = config->settings;
	struct postgres_query read = { .settings = &settings->pg,
		.text = text,
		.at = (wall_t){ INT64_C(1000000000) },
		.wake = -1,
		.timeout = CHECK_WAIT };
	struct postgres_conn *conn = NULL;
	struct buf sql = { 0 };
	mono_t started = clock_mono();
	uint32_t n;
	int code = sql_params(text, PARAM_DOLLAR, read.at, &sql, &n, err);

	buf_fini(&sql);
	if (code < 0 || !dur_less(settings->probe->spent, CHECK_TOTAL))
		return code;
	code = postgres_read_check(&conn, &read, err);
	rows_fini(&read.rows);
	postgres_conn_close(conn);
	if (code == -ERR_IO || code == -ERR_TIMEOUT)
		settings->probe->spent = CHECK_TOTAL;
	else
		settings->probe->spent.ns += mono_since(clock_mono(), started).ns;
	return code;
}

/* --- settings ---------------------------------------------------------------------- */

static const char *const sslmodes[] = { "disable", "allow", "prefer", "require", "verify-ca",
	"verify-full", NULL };

static void
settings_finish(struct schema_context *ctx, void *value)
{
	struct settings *s = value;
	struct postgres_settings *pg = &s->pg;

	s->probe = ARENA_NEW(ctx->arena, struct probe);
	if (s->sslmode >= 0)
		pg->sslmode = sslmodes[s->sslmode];
	if (pg->url.value != NULL && !postgres_url_valid(pg->url.value))
		diag_error(ctx->diag, s->pos,
		    "url: expected postgresql://USER@HOST:PORT/DBNAME?sslmode=... or key=value "
		    "pairs");
	if ((pg->url.value != NULL || pg->url.file != NULL) && pg->dbname != NULL)
		diag_error(ctx->diag, s->pos, "the dbname is part of the url: give one of them");
	if (pg->url.value == NULL && pg->url.file == NULL && pg->host == NULL)
		diag_error(ctx->diag, s->pos, "a postgres source needs 'host' or 'url'");
}

#define MEMBER(m) .offset = offsetof(struct settings, m)

static const struct schema_field settings_fields[] = {
	{ .name = "url",
	    .kind = FIELD_SECRET,
	    .flags = FIELD_ENV,
	    MEMBER(pg.url),
	    .doc = "Connection string, such as postgresql://tocsin@db.example/ml?sslmode=require; "
		   "never shown. The other settings win over its parts." },
	{ .name = "host",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY | FIELD_ENV,
	    MEMBER(pg.host),
	    .doc = "Server, or the directory of its socket." },
	{ .name = "port",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY | FIELD_ENV,
	    MEMBER(pg.port),
	    .doc = "Port: 5432." },
	{ .name = "dbname",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY | FIELD_ENV,
	    MEMBER(pg.dbname),
	    .doc = "Database." },
	{ .name = "user",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY | FIELD_ENV,
	    MEMBER(pg.user),
	    .doc = "Role; one that may only read is best." },
	{ .name = "password",
	    .kind = FIELD_SECRET,
	    .flags = FIELD_ENV,
	    MEMBER(pg.password),
	    .doc = "Its password; a file is read at each new connection." },
	{ .name = "sslmode",
	    .kind = FIELD_ENUM,
	    .choices = sslmodes,
	    MEMBER(sslmode),
	    .doc = "How TLS is used, as in libpq; prefer when absent." },
	{ .name = "sslrootcert",
	    .kind = FIELD_STRING,
	    .flags = FIELD_PATH | FIELD_READABLE,
	    MEMBER(pg.sslrootcert),
	    .doc = "Certificates that the server's must lead to." },
	{ .name = "sslcert",
	    .kind = FIELD_STRING,
	    .flags = FIELD_PATH | FIELD_READABLE,
	    MEMBER(pg.sslcert),
	    .doc = "Certificate to show to the server." },
	{ .name = "sslkey",
	    .kind = FIELD_STRING,
	    .flags = FIELD_PATH | FIELD_READABLE,
	    MEMBER(pg.sslkey),
	    .doc = "Its key." },
	{ .name = "time_column",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY,
	    MEMBER(pg.time_column),
	    .doc = "A column of this name is the time of its row (timestamptz, or a number of "
		   "Unix seconds; a timestamp without zone is read as UTC), for max_age, and no "
		   "label." },
};

static const struct schema settings_schema = {
	.name = "postgres source",
	.doc = "A PostgreSQL database: the column `value` of a query is the value (NULL: a row "
	       "without one), other columns are labels (NULL: none); :now is the time of "
	       "evaluation in Unix seconds, a double precision. Read-only, with the source's "
	       "timeout as statement_timeout; at most 4 connections. Verified against a real "
	       "server (15).",
	.size = sizeof(struct settings),
	SCHEMA_FIELDS(settings_fields),
	.pos_offset = offsetof(struct settings, pos) + 1,
};

const struct source_kind source_postgres_kind = {
	.name = "postgres",
	.schema = &settings_schema,
	.finish = settings_finish,
};

const struct source_ops source_postgres = {
	.kind = &source_postgres_kind,
	.open = postgres_open,
	.close = postgres_close,
	.query = postgres_query,
	.cancel = postgres_cancel,
	.labels = rows_labels,
	.check = postgres_check,
};
