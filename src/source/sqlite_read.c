/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a foreign SQLite database: open read-only, prepare one SELECT, turn
 * its rows into values and label bytes.
 *
 * Three fences against writing and wandering off: the file is opened
 * read-only, the connection is query_only with an untrusted schema, and the
 * authorizer lets nothing through but reading and functions.  The progress
 * and busy handlers end a query at its deadline or when it is cancelled.
 */
#include "config.h"

#include "source/sqlite_read.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include <sqlite3.h>

#include "base/xalloc.h"
#include "loop/clock.h"
#include "source/source.h"

#define PROGRESS_OPS   4000 /* virtual machine steps between two looks at the deadline */
#define BUSY_WAIT_MS   5
#define CELL_BYTES_MAX (16 << 20) /* of any value the query touches */

struct sqlite_conn {
	sqlite3 *db;
	dev_t dev;
	ino_t ino;
	/* of the query that runs */
	const struct sqlite_query *query;
	mono_t deadline;
	bool late, refused;
};

static bool
must_stop(struct sqlite_conn *conn)
{
	const struct sqlite_query *query = conn->query;

	if (query == NULL)
		return false;
	if (query->stop != NULL && atomic_load_explicit(query->stop, memory_order_relaxed))
		return true;
	if (mono_before(conn->deadline, clock_mono()))
		conn->late = true;
	return conn->late;
}

static int
on_progress(void *arg)
{
	return must_stop(arg);
}

static int
on_busy(void *arg, int count UNUSED)
{
	if (must_stop(arg))
		return 0;
	sqlite3_sleep(BUSY_WAIT_MS);
	return 1;
}

static int
authorize(void *arg, int action, const char *a UNUSED, const char *b, const char *c UNUSED,
    const char *d UNUSED)
{
	struct sqlite_conn *conn = arg;

	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_FUNCTION:
		if (b == NULL || strcasecmp(b, "load_extension") != 0)
			return SQLITE_OK;
		break;
	default:
		break;
	}
	conn->refused = true;
	return SQLITE_DENY;
}

static int
fail(struct sqlite_conn *conn, struct err *err)
{
	int code = sqlite3_extended_errcode(conn->db);
	int at = sqlite3_error_offset(conn->db);

	if (conn->refused)
		return err_set(
		    err, ERR_INVALID, "only reading is allowed: one SELECT or WITH statement");
	if (conn->late)
		return err_set(err, ERR_TIMEOUT, "the query took longer than %lld ms",
		    (long long)(conn->query->timeout.ns / 1000000));
	switch (code & 0xff) {
	case SQLITE_INTERRUPT:
		return err_set(err, ERR_CANCELLED, "cancelled");
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, ERR_BUSY, "the database is locked by a writer");
	case SQLITE_ERROR:
		return err_set_at(err, ERR_INVALID, at >= 0 ? (uint32_t)at : ERR_NOWHERE, "%s",
		    sqlite3_errmsg(conn->db));
	default:
		return err_set(err, ERR_IO, "%s", sqlite3_errmsg(conn->db));
	}
}

void
sqlite_conn_close(struct sqlite_conn *conn)
{
	if (conn == NULL)
		return;
	sqlite3_close(conn->db);
	free(conn);
}

static int
conn_open(struct sqlite_conn **ret, const struct sqlite_query *query, const struct stat *st,
    struct err *err)
{
	struct sqlite_conn *conn = xcalloc(1, sizeof(*conn));
	sqlite3 *db;

	if (sqlite3_open_v2(query->path, &conn->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
		NULL) != SQLITE_OK) {
		err_set(err, ERR_IO, "cannot open '%s': %s", query->path,
		    conn->db != NULL ? sqlite3_errmsg(conn->db) : "no memory");
		sqlite_conn_close(conn);
		return -ERR_IO;
	}
	db = conn->db;
	conn->dev = st->st_dev;
	conn->ino = st->st_ino;
	sqlite3_extended_result_codes(db, 1);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, CELL_BYTES_MAX);
	sqlite3_exec(db, "PRAGMA query_only = 1", NULL, NULL, NULL);
	sqlite3_busy_handler(db, on_busy, conn);
	sqlite3_progress_handler(db, PROGRESS_OPS, on_progress, conn);
	sqlite3_set_authorizer(db, authorize, conn);
	*ret = conn;
	return 0;
}

/* The connection for this query: the kept one, unless the file was replaced
 * meanwhile. */
static int
conn_for(struct sqlite_conn **conn, const struct sqlite_query *query, struct err *err)
{
	struct stat st;
	int code;

	if (stat(query->path, &st) != 0) {
		sqlite_conn_close(*conn);
		*conn = NULL;
		return err_set(err, ERR_IO, "cannot open '%s': %s", query->path, strerror(errno));
	}
	if (*conn != NULL && ((*conn)->dev != st.st_dev || (*conn)->ino != st.st_ino)) {
		sqlite_conn_close(*conn);
		*conn = NULL;
	}
	if (*conn == NULL) {
		code = conn_open(conn, query, &st, err);
		if (code < 0)
			return code;
	}
	(*conn)->query = query;
	(*conn)->deadline = mono_add(clock_mono(), query->timeout);
	(*conn)->late = (*conn)->refused = false;
	return 0;
}

static int
check_single(struct sqlite_conn *conn, sqlite3_stmt *stmt, const char *tail, struct err *err)
{
	sqlite3_stmt *more = NULL;
	int code;

	if (stmt == NULL)
		return err_set(err, ERR_INVALID, "there is no statement");
	if (!sqlite3_stmt_readonly(stmt) || sqlite3_column_count(stmt) == 0 ||
	    sqlite3_stmt_isexplain(stmt))
		return err_set(
		    err, ERR_INVALID, "only reading is allowed: one SELECT or WITH statement");
	while (*tail == ';' || *tail == ' ' || *tail == '\n' || *tail == '\t' || *tail == '\r')
		tail++;
	if (*tail == '\0')
		return 0;
	/* A comment prepares to nothing. */
	code = sqlite3_prepare_v2(conn->db, tail, -1, &more, NULL);
	sqlite3_finalize(more);
	if (code != SQLITE_OK || more != NULL)
		return err_set(err, ERR_INVALID, "one statement only");
	return 0;
}

static int
bind(sqlite3_stmt *stmt, const struct sql_times *times, struct err *err)
{
	for (int i = 1; i <= sqlite3_bind_parameter_count(stmt); i++) {
		const char *name = sqlite3_bind_parameter_name(stmt, i);
		wall_t at;
		int code;

		if (name == NULL || name[0] != ':')
			return err_set(err, ERR_INVALID,
			    "a parameter without a name; known here: :now, :from, :to");
		code = sql_param_value(str_from(name + 1), times, &at, err);
		if (code < 0)
			return code;
		sqlite3_bind_double(stmt, i, wall_seconds(at));
	}
	return 0;
}

static int
find_columns(
    sqlite3_stmt *stmt, const struct table_options *options, struct table *ret, struct err *err)
{
	int n = sqlite3_column_count(stmt);

	if (n > LABELS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d columns", LABELS_MAX);
	ret->n = (uint32_t)n;
	for (int i = 0; i < n; i++)
		ret->names[i] = str_from(sqlite3_column_name(stmt, i));
	return table_classify(ret, options, err);
}

static int
read_cell(sqlite3_stmt *stmt, const struct table *table, int column, const struct rows *rows,
    struct cell *ret, struct err *err)
{
	*ret = (struct cell){ .kind = CELL_NULL };
	switch (sqlite3_column_type(stmt, column)) {
	case SQLITE_NULL:
		return 0;
	case SQLITE_FLOAT:
		ret->kind = CELL_DOUBLE;
		ret->number = sqlite3_column_double(stmt, column);
		return 0;
	case SQLITE_INTEGER:
		if ((uint32_t)column == table->value || (uint32_t)column == table->time) {
			ret->kind = CELL_DOUBLE;
			ret->number = sqlite3_column_double(stmt, column);
			return 0;
		}
		ret->kind = CELL_NUMBER;
		break;
	case SQLITE_TEXT:
		ret->kind = CELL_TEXT;
		break;
	default:
		return err_set(err, ERR_INVALID, "row %zu: %s is a blob", rows->n,
		    sqlite3_column_name(stmt, column));
	}
	ret->text = str_make((const char *)sqlite3_column_text(stmt, column),
	    (size_t)sqlite3_column_bytes(stmt, column));
	return 0;
}

static int
read_row(sqlite3_stmt *stmt, const struct table *table, const struct table_options *options,
    struct rows *rows, struct err *err)
{
	int code = rows_begin(rows, err);
	struct cell cell;

	for (int i = 0; i < (int)table->n && code == 0; i++) {
		code = read_cell(stmt, table, i, rows, &cell, err);
		if (code == 0)
			code = table_cell(table, rows, (uint32_t)i, &cell, options, err);
	}
	return code;
}

static int
read_rows(struct sqlite_conn *conn, sqlite3_stmt *stmt, const struct table *table,
    const struct table_options *options, struct rows *rows, struct err *err)
{
	int code;

	while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
		code = read_row(stmt, table, options, rows, err);
		if (code < 0)
			return code;
	}
	return code == SQLITE_DONE ? 0 : fail(conn, err);
}

static int
run(struct sqlite_conn **kept, const struct sqlite_query *query, bool only_check, struct err *err)
{
	const struct table_options options = { .time_column = query->time_column,
		.want = &query->rows->want };
	sqlite3_stmt *stmt = NULL;
	struct sqlite_conn *conn;
	struct table *table;
	const char *tail;
	int code;

	code = conn_for(kept, query, err);
	if (code < 0)
		return code;
	conn = *kept;
	query->rows->want.time_column = query->time_column;
	table = xcalloc(1, sizeof(*table));
	if (sqlite3_prepare_v2(conn->db, query->text.p, (int)query->text.n + 1, &stmt, &tail) !=
	    SQLITE_OK)
		code = fail(conn, err);
	else
		code = check_single(conn, stmt, tail, err);
	if (code == 0)
		code = bind(stmt, &query->times, err);
	if (code == 0)
		code = find_columns(stmt, &options, table, err);
	if (code == 0 && !only_check)
		code = read_rows(conn, stmt, table, &options, query->rows, err);
	sqlite3_finalize(stmt);
	free(table);
	conn->query = NULL;
	/* A broken file is opened anew next time; a broken query needs no new connection. */
	if (code == -ERR_IO) {
		sqlite_conn_close(conn);
		*kept = NULL;
	}
	return code;
}

int
sqlite_read(struct sqlite_conn **conn, const struct sqlite_query *query, struct err *err)
{
	return run(conn, query, false, err);
}

int
sqlite_read_check(struct sqlite_conn **conn, const struct sqlite_query *query, struct err *err)
{
	return run(conn, query, true, err);
}
