/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL on a SQLite database: drift stores, feature stores, Evidently's own.
 *
 * A row is a series: the column `value` is its value, the others are its
 * labels.  Queries run on the pool's worker threads (sql_pool.h).
 */
#include "config.h"

#include "source/backends.h"
#include "source/sql_params.h"
#include "source/sql_pool.h"
#include "source/sqlite_read.h"

struct sqlite_settings {
	const char *path;
	const char *time_column;
};

static int
read_query(const struct source_config *config, struct sql_run *run)
{
	const struct sqlite_settings *settings = config->settings;
	struct sqlite_conn *conn = run->conn;
	const struct sqlite_query read = {
		.path = settings->path,
		.time_column = settings->time_column,
		.text = run->query->text,
		.times = sql_times_of(run->query),
		.timeout = config->timeout,
		.stop = &run->stop,
		.rows = &run->rows,
	};
	int code = sqlite_read(&conn, &read, &run->err);

	run->conn = conn;
	return code;
}

static void
conn_close(void *conn)
{
	sqlite_conn_close(conn);
}

static const struct sql_backend backend = {
	.ops = &source_sqlite,
	.read = read_query,
	.conn_close = conn_close,
};

static struct source *
sqlite_open(const struct source_config *config, struct loop *loop, struct xfer *xfer UNUSED,
    struct worker_pool *workers, struct err *err UNUSED)
{
	return sql_pool_open(&backend, config, loop, workers, "sqlite", SQL_CONNECTIONS_MAX);
}

static int
sqlite_check(const struct source_config *config, const struct source_query *query, struct err *err)
{
	const struct sqlite_settings *settings = config->settings;
	const struct rows_want want = rows_want_of(query);
	struct rows rows;
	const struct sqlite_query read = {
		.path = settings->path,
		.time_column = settings->time_column,
		.text = query->text,
		.times = sql_times_of(query),
		.timeout = config->timeout,
		.rows = &rows,
	};
	struct sqlite_conn *conn = NULL;
	int code;

	rows_init_for(&rows, &want);
	code = sqlite_read_check(&conn, &read, err);
	rows_fini(&rows);
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
		   "or a timestamp), for max_age, and no label; queries over a window take "
		   "`ts` when this is absent." },
};

static const struct schema settings_schema = {
	.name = "sqlite source",
	.doc = "A SQLite database: the column `value` of a query is the value, "
	       "other columns are labels; :now is the time of evaluation, :from and :to the "
	       "window of a rule that has one, all in Unix seconds (unixepoch(ts) >= :from "
	       "where ts is a text).",
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
	.close = sql_pool_close,
	.query = sql_pool_query,
	.cancel = sql_pool_cancel,
	.labels = rows_labels,
	.check = sqlite_check,
	.timeless = sql_timeless,
};
