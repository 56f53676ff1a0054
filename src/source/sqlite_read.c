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

#include "base/json.h"
#include "base/timestamp.h"
#include "base/xalloc.h"
#include "loop/clock.h"
#include "source/source.h"

#define PROGRESS_OPS   4000 /* virtual machine steps between two looks at the deadline */
#define BUSY_WAIT_MS   5
#define CELL_BYTES_MAX (16 << 20) /* of any value the query touches */
#define COLUMNS_SHOWN  10
#define TIME_TEXT_MAX  64

struct sqlite_conn {
	sqlite3 *db;
	dev_t dev;
	ino_t ino;
	/* of the query that runs */
	const struct sqlite_query *query;
	mono_t deadline;
	bool late, refused;
};

/* What the columns of a prepared statement are for. */
struct columns {
	int n, value, time; /* time -1: none */
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
conn_for(struct sqlite_conn **conn, struct sqlite_query *query, struct err *err)
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
bind(sqlite3_stmt *stmt, wall_t at, struct err *err)
{
	for (int i = 1; i <= sqlite3_bind_parameter_count(stmt); i++) {
		const char *name = sqlite3_bind_parameter_name(stmt, i);

		if (name == NULL)
			return err_set(
			    err, ERR_INVALID, "a parameter without a name; known here: :now");
		if (strcmp(name, ":from") == 0 || strcmp(name, ":to") == 0)
			return err_set(err, ERR_INVALID,
			    "%s belongs to queries over a window, this one has "
			    "none; write it with :now",
			    name);
		if (strcmp(name, ":now") != 0)
			return err_set(
			    err, ERR_INVALID, "unknown parameter %s; known here: :now", name);
		sqlite3_bind_double(stmt, i, wall_seconds(at));
	}
	return 0;
}

static int
no_value_column(sqlite3_stmt *stmt, int n, struct err *err)
{
	struct buf names = { 0 };
	int code;

	for (int i = 0; i < n && i < COLUMNS_SHOWN; i++)
		buf_printf(&names, "%s%s", i > 0 ? ", " : "", sqlite3_column_name(stmt, i));
	if (n > COLUMNS_SHOWN)
		buf_puts(&names, ", ...");
	code = err_set(
	    err, ERR_INVALID, "no column is named value, only %s; write `... AS value`", names.p);
	buf_fini(&names);
	return code;
}

static int
find_columns(
    sqlite3_stmt *stmt, const struct sqlite_query *query, struct columns *ret, struct err *err)
{
	struct columns c = { .n = sqlite3_column_count(stmt), .value = -1, .time = -1 };

	for (int i = 0; i < c.n; i++) {
		const char *name = sqlite3_column_name(stmt, i);

		if (strcasecmp(name, "value") == 0) {
			if (c.value >= 0)
				return err_set(err, ERR_INVALID, "two columns are named value");
			c.value = i;
		} else if (query->time_column != NULL &&
			   strcasecmp(name, query->time_column) == 0) {
			c.time = i;
		}
		for (int j = 0; j < i; j++)
			if (strcmp(name, sqlite3_column_name(stmt, j)) == 0)
				return err_set(
				    err, ERR_INVALID, "two columns are named '%s'", name);
	}
	if (c.value < 0)
		return no_value_column(stmt, c.n, err);
	if (c.n > LABELS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d columns", LABELS_MAX);
	*ret = c;
	return 0;
}

/* Rows are counted from 1 in messages. */
static int
read_value(sqlite3_stmt *stmt, int column, size_t row, struct sqlite_row *ret, struct err *err)
{
	switch (sqlite3_column_type(stmt, column)) {
	case SQLITE_NULL:
		ret->missing = true;
		return 0;
	case SQLITE_INTEGER:
	case SQLITE_FLOAT:
		ret->value = sqlite3_column_double(stmt, column);
		return 0;
	case SQLITE_TEXT: {
		struct str text = str_make((const char *)sqlite3_column_text(stmt, column),
		    (size_t)sqlite3_column_bytes(stmt, column));

		if (str_to_double(str_trim(text), &ret->value))
			return 0;
		return err_set(err, ERR_INVALID, "row %zu: value '%.*s' is no number", row,
		    STR_ARG(str_head(text, 60)));
	}
	default:
		return err_set(err, ERR_INVALID, "row %zu: value is a blob, not a number", row);
	}
}

/* Unix seconds, RFC 3339, or SQLite's own "YYYY-MM-DD HH:MM:SS"; without a zone
 * it is UTC. */
static int
read_time(sqlite3_stmt *stmt, int column, size_t row, struct sqlite_row *ret, struct err *err)
{
	char text[TIME_TEXT_MAX + 2];
	double seconds;
	int n;

	switch (sqlite3_column_type(stmt, column)) {
	case SQLITE_NULL:
		return 0;
	case SQLITE_INTEGER:
	case SQLITE_FLOAT:
		seconds = sqlite3_column_double(stmt, column);
		if (!(seconds > 0 && seconds < 9e9))
			return err_set(err, ERR_INVALID, "row %zu: %s is not in Unix seconds: %g",
			    row, sqlite3_column_name(stmt, column), seconds);
		ret->at = (wall_t){ (int64_t)(seconds * 1e9) };
		return 0;
	default:
		break;
	}
	n = sqlite3_column_bytes(stmt, column);
	if (n >= 19 && n <= TIME_TEXT_MAX) {
		memcpy(text, sqlite3_column_text(stmt, column), (size_t)n);
		text[n] = '\0';
		if (text[10] == ' ')
			text[10] = 'T';
		if (strspn(text + 19, ".0123456789") == (size_t)n - 19)
			text[n++] = 'Z';
		if (timestamp_parse(str_make(text, (size_t)n), &ret->at))
			return 0;
	}
	return err_set(
	    err, ERR_INVALID, "row %zu: %s is no time", row, sqlite3_column_name(stmt, column));
}

static int
put_label(sqlite3_stmt *stmt, int column, size_t row, struct buf *out, struct err *err)
{
	struct str name = str_from(sqlite3_column_name(stmt, column));
	size_t start;
	char length[4];

	if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
		return 0;
	if (sqlite3_column_type(stmt, column) == SQLITE_BLOB)
		return err_set(err, ERR_INVALID, "row %zu: label '%s' is a blob", row, name.p);
	buf_put_u32le(out, name.n);
	buf_put_str(out, name);
	start = out->n;
	buf_put_u32le(out, 0);
	if (sqlite3_column_type(stmt, column) == SQLITE_FLOAT)
		put_prom_double(out, sqlite3_column_double(stmt, column));
	else {
		const void *text = sqlite3_column_text(stmt, column);

		buf_put(out, text, (size_t)sqlite3_column_bytes(stmt, column));
	}
	if (out->overflow)
		return err_set(
		    err, ERR_LIMIT, "an answer of more than %u bytes", SOURCE_ANSWER_BYTES_MAX);
	for (size_t i = 0, n = out->n - start - 4; i < 4; i++)
		length[i] = (char)(n >> 8 * i & 0xff);
	memcpy(out->p + start, length, 4);
	return 0;
}

static int
read_row(sqlite3_stmt *stmt, const struct columns *c, struct sqlite_query *query, struct err *err)
{
	struct sqlite_row row = { .key_at = (uint32_t)query->keys.n };
	int code;

	if (query->n == SERIES_MAX)
		return err_set(
		    err, ERR_LIMIT, "more than %d rows; aggregate in the query", SERIES_MAX);
	for (int i = 0; i < c->n; i++) {
		if (i == c->value)
			code = read_value(stmt, i, query->n + 1, &row, err);
		else if (i == c->time)
			code = read_time(stmt, i, query->n + 1, &row, err);
		else
			code = put_label(stmt, i, query->n + 1, &query->keys, err);
		if (code < 0)
			return code;
	}
	row.key_n = (uint32_t)query->keys.n - row.key_at;
	if (query->n == query->cap)
		query->rows = xgrow(query->rows, &query->cap, query->n + 1, sizeof(*query->rows));
	query->rows[query->n++] = row;
	return 0;
}

static int
read_rows(struct sqlite_conn *conn, sqlite3_stmt *stmt, const struct columns *c,
    struct sqlite_query *query, struct err *err)
{
	int code;

	while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
		code = read_row(stmt, c, query, err);
		if (code < 0)
			return code;
	}
	return code == SQLITE_DONE ? 0 : fail(conn, err);
}

static int
run(struct sqlite_conn **kept, struct sqlite_query *query, bool only_check, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	struct sqlite_conn *conn;
	struct columns columns = { 0 };
	const char *tail;
	int code;

	code = conn_for(kept, query, err);
	if (code < 0)
		return code;
	conn = *kept;
	buf_init(&query->keys, SOURCE_ANSWER_BYTES_MAX);
	if (sqlite3_prepare_v2(conn->db, query->text.p, (int)query->text.n + 1, &stmt, &tail) !=
	    SQLITE_OK)
		code = fail(conn, err);
	else
		code = check_single(conn, stmt, tail, err);
	if (code == 0)
		code = bind(stmt, query->at, err);
	if (code == 0)
		code = find_columns(stmt, query, &columns, err);
	if (code == 0 && !only_check)
		code = read_rows(conn, stmt, &columns, query, err);
	sqlite3_finalize(stmt);
	conn->query = NULL;
	if (code < 0) {
		sqlite_query_fini(query);
		/* A broken file is opened anew next time; a broken query needs
		 * no new connection. */
		if (code == -ERR_IO) {
			sqlite_conn_close(conn);
			*kept = NULL;
		}
	}
	return code;
}

int
sqlite_read(struct sqlite_conn **conn, struct sqlite_query *query, struct err *err)
{
	return run(conn, query, false, err);
}

int
sqlite_read_check(struct sqlite_conn **conn, struct sqlite_query *query, struct err *err)
{
	return run(conn, query, true, err);
}

void
sqlite_query_fini(struct sqlite_query *query)
{
	buf_fini(&query->keys);
	free(query->rows);
	query->rows = NULL;
	query->n = query->cap = 0;
}
