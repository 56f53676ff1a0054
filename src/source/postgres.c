/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL on a PostgreSQL database.
 *
 * A row is a series: the column `value` is its value, the others are its
 * labels.  Queries block, so each source has worker threads of its own, each
 * with a connection that is kept (sql_pool.h).
 */
#include "config.h"

#include "loop/clock.h"
#include "source/backends.h"
#include "source/postgres_read.h"
#include "source/sql_params.h"
#include "source/sql_pool.h"

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

static int
read_query(const struct source_config *config, struct sql_run *run)
{
	const struct settings *settings = config->settings;
	struct postgres_conn *conn = run->conn;
	const struct postgres_query read = {
		.settings = &settings->pg,
		.text = run->query->text,
		.times = sql_times_of(run->query),
		.timeout = config->timeout,
		.wake = run->wake,
		.rows = &run->rows,
	};
	int code = postgres_read(&conn, &read, &run->err);

	run->conn = conn;
	return code;
}

static void
conn_close(void *conn)
{
	postgres_conn_close(conn);
}

static const struct sql_backend backend = {
	.ops = &source_postgres,
	.read = read_query,
	.conn_close = conn_close,
	.wakes = true,
};

/* Threads of its own: a server that hangs holds up nobody else. */
static struct source *
postgres_open(const struct source_config *config, struct loop *loop, struct xfer *xfer UNUSED,
    struct worker_pool *workers UNUSED, struct err *err UNUSED)
{
	return sql_pool_open(&backend, config, loop, NULL, "postgres", CONNECTIONS_MAX);
}

/*
 * The parameters are looked at in any case; the server is asked as long as it
 * answers, because this runs before the first rule and during a reload.
 */
static int
postgres_check(
    const struct source_config *config, const struct source_query *query, struct err *err)
{
	const struct settings *settings = config->settings;
	const struct rows_want want = rows_want_of(query);
	struct rows rows;
	const struct postgres_query read = { .settings = &settings->pg,
		.text = query->text,
		.times = sql_times_of(query),
		.wake = -1,
		.timeout = CHECK_WAIT,
		.rows = &rows };
	struct postgres_conn *conn = NULL;
	struct buf sql = { 0 };
	struct sql_bound bound;
	mono_t started = clock_mono();
	int code = sql_params(query->text, PARAM_DOLLAR, &read.times, &sql, &bound, err);

	buf_fini(&sql);
	if (code < 0 || !dur_less(settings->probe->spent, CHECK_TOTAL))
		return code;
	rows_init_for(&rows, &want);
	code = postgres_read_check(&conn, &read, err);
	rows_fini(&rows);
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
		   "label; queries over a window take `ts` when this is absent." },
};

const struct schema postgres_settings_schema = {
	.name = "postgres source",
	.doc = "A PostgreSQL database: the column `value` of a query is the value (NULL: a row "
	       "without one), other columns are labels (NULL: none); :now is the time of "
	       "evaluation, :from and :to the window of a rule that has one: a timestamp where "
	       "the query compares or casts it as such (ts >= :from), else Unix seconds, a "
	       "double precision. Read-only, with the source's "
	       "timeout as statement_timeout; at most 4 connections. Verified against a real "
	       "server (15).",
	.size = sizeof(struct settings),
	SCHEMA_FIELDS(settings_fields),
	.pos_offset = offsetof(struct settings, pos) + 1,
};

const struct source_kind source_postgres_kind = {
	.name = "postgres",
	.schema = &postgres_settings_schema,
	.finish = settings_finish,
};

const struct source_ops source_postgres = {
	.kind = &source_postgres_kind,
	.open = postgres_open,
	.close = sql_pool_close,
	.query = sql_pool_query,
	.cancel = sql_pool_cancel,
	.labels = rows_labels,
	.check = postgres_check,
	.timeless = sql_timeless,
};
