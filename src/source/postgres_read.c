/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query on a PostgreSQL connection: its parameters, its transaction, its
 * rows.
 *
 * The server has the source's time as statement_timeout, so a query that is
 * merely slow ends there with a clean connection; the deadline of the
 * connection comes a little later and means that the server is gone.
 */
#include "config.h"

#include "source/postgres_read.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/timestamp.h"
#include "base/xalloc.h"
#include "loop/clock.h"
#include "source/postgres_conn.h"
#include "source/sql_params.h"

#define GRACE       DUR_MS(500) /* the server's own timeout is to come first */
#define TYPE_FLOAT8 701

/* OIDs of types whose text is not what it seems. */
enum {
	TYPE_BOOL = 16,
	TYPE_BYTEA = 17,
	TYPE_DATE = 1082,
	TYPE_TIMESTAMP = 1114,
	TYPE_TIMESTAMPTZ = 1184,
};

/* A query with what stands for its parameters. */
struct bound {
	struct buf sql;
	struct sql_bound bound;
	Oid types[SQL_PARAMS_MAX];
	const char *values[SQL_PARAMS_MAX];
	char texts[SQL_PARAMS_MAX][TIMESTAMP_TEXT_MAX + 8];
};

/* --- rows ---------------------------------------------------------------------------------- */

int
postgres_cell(uint32_t type, const char *text, size_t n, struct cell *ret, struct err *err)
{
	*ret = (struct cell){ .kind = CELL_NULL, .text = str_make(text, n) };
	if (text == NULL)
		return 0;
	switch (type) {
	case TYPE_BOOL:
		ret->kind = CELL_BOOL;
		ret->text = n > 0 && text[0] == 't' ? STR("true") : STR("false");
		return 0;
	case TYPE_BYTEA:
		return err_set(err, ERR_INVALID, "a column is bytea, neither number nor text");
	default:
		ret->kind = CELL_TEXT;
		return 0;
	}
}

static int
classify(const PGresult *result, const struct table_options *options, struct table *table,
    struct err *err)
{
	int n = PQnfields(result);

	if (n > LABELS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d columns", LABELS_MAX);
	table->n = (uint32_t)n;
	for (int i = 0; i < n; i++)
		table->names[i] = str_from(PQfname(result, i));
	return table_classify(table, options, err);
}

static int
read_row(const PGresult *result, const struct table *table, const struct table_options *options,
    struct rows *rows, struct err *err)
{
	struct cell cell;
	int code = rows_begin(rows, err);

	for (int i = 0; i < (int)table->n && code == 0; i++) {
		bool null = PQgetisnull(result, 0, i) != 0;

		code = postgres_cell(PQftype(result, i), null ? NULL : PQgetvalue(result, 0, i),
		    (size_t)PQgetlength(result, 0, i), &cell, err);
		/* Dates have no time of day, which a time needs. */
		if (code == 0 && (uint32_t)i == table->time && PQftype(result, i) == TYPE_DATE)
			return err_set(
			    err, ERR_INVALID, "the time column is a date; make it a timestamptz");
		if (code == 0)
			code = table_cell(table, rows, (uint32_t)i, &cell, options, err);
	}
	return code;
}

/* One result of single-row mode: a row, the end with the columns alone, or a failure. */
static int
take_result(const struct postgres_query *query, const PGresult *result, struct table *table,
    bool *known, struct err *err)
{
	const struct table_options options = { .time_column = query->settings->time_column,
		.want = &query->rows->want };
	int code = 0;

	switch (PQresultStatus(result)) {
	case PGRES_SINGLE_TUPLE:
	case PGRES_TUPLES_OK:
		/* Names belong to the result: found anew for each. */
		if (!*known)
			code = classify(result, &options, table, err);
		else if (PQntuples(result) > 0)
			for (uint32_t i = 0; i < table->n; i++)
				table->names[i] = str_from(PQfname(result, (int)i));
		*known = true;
		return code == 0 && PQntuples(result) > 0
			   ? read_row(result, table, &options, query->rows, err)
			   : code;
	case PGRES_FATAL_ERROR:
	case PGRES_BAD_RESPONSE:
	case PGRES_NONFATAL_ERROR:
		return postgres_refused(result, query->timeout, err);
	case PGRES_EMPTY_QUERY:
		return err_set(err, ERR_INVALID, "there is no statement");
	case PGRES_COMMAND_OK:
	case PGRES_COPY_OUT:
	case PGRES_COPY_IN:
	case PGRES_COPY_BOTH:
	case PGRES_PIPELINE_SYNC:
	case PGRES_PIPELINE_ABORTED:
		break;
	}
	return err_set(err, ERR_INVALID, "only reading is allowed: one SELECT");
}

static bool
is_copy(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_COPY_OUT || status == PGRES_COPY_IN || status == PGRES_COPY_BOTH;
}

/* Reads results until the last; after a failure of ours the rest is dropped with the connection. */
static int
take_results(struct postgres_conn *conn, const struct postgres_query *query, struct err *err)
{
	struct table *table = xcalloc(1, sizeof(*table));
	PGresult *result = NULL;
	bool known = false;
	int code, failed = 0;

	while ((code = postgres_next_result(conn, &result, err)) == 0 && result != NULL) {
		bool ours = PQresultStatus(result) == PGRES_SINGLE_TUPLE || is_copy(result);

		if (failed == 0)
			failed = take_result(query, result, table, &known, err);
		PQclear(result);
		if (failed < 0 && ours) {
			conn->broken = true;
			break;
		}
	}
	free(table);
	return failed < 0 ? failed : code;
}

/* --- a query --------------------------------------------------------------------------------- */

static bool
is_time(Oid type)
{
	return type == TYPE_TIMESTAMPTZ || type == TYPE_TIMESTAMP || type == TYPE_DATE;
}

/* Parses a statement without running it. types NULL: the server finds them. */
static int
prepare(struct postgres_conn *conn, const char *sql, const Oid *types, uint32_t n_types,
    dur_t timeout, struct err *err)
{
	PGresult *result = NULL;
	int code, failed = 0;

	if (PQsendPrepare(conn->pg, "", sql, types != NULL ? (int)n_types : 0, types) == 0)
		return postgres_broke(conn, err);
	code = postgres_flush(conn, err);
	while (
	    code == 0 && (code = postgres_next_result(conn, &result, err)) == 0 && result != NULL) {
		if (failed == 0 && PQresultStatus(result) != PGRES_COMMAND_OK)
			failed = postgres_refused(result, timeout, err);
		PQclear(result);
	}
	return code < 0 ? code : failed;
}

/* What was prepared: its description. The caller's, when this is 0. */
static int
describe(struct postgres_conn *conn, dur_t timeout, PGresult **ret, struct err *err)
{
	PGresult *result = NULL;
	int code, failed = 0;

	*ret = NULL;
	if (PQsendDescribePrepared(conn->pg, "") == 0)
		return postgres_broke(conn, err);
	code = postgres_flush(conn, err);
	while (
	    code == 0 && (code = postgres_next_result(conn, &result, err)) == 0 && result != NULL) {
		if (failed == 0 && PQresultStatus(result) != PGRES_COMMAND_OK)
			failed = postgres_refused(result, timeout, err);
		PQclear(*ret);
		*ret = result;
	}
	if (code == 0 && failed == 0 && *ret == NULL)
		failed = err_set(err, ERR_IO, "the server does not describe the query");
	if (code == 0 && failed == 0)
		return 0;
	PQclear(*ret);
	return code < 0 ? code : failed;
}

/*
 * A parameter is a point in time where the query takes one (ts >= :from), and
 * a number of seconds elsewhere.  Where the server cannot tell, seconds.
 */
static int
find_types(struct postgres_conn *conn, const struct postgres_query *query, struct bound *b,
    struct err *err)
{
	PGresult *described;
	int code;

	for (uint32_t i = 0; i < b->bound.n; i++)
		b->types[i] = TYPE_FLOAT8;
	if (b->bound.n == 0)
		return 0;
	code = prepare(conn, b->sql.p, NULL, 0, query->timeout, err);
	if (code == -ERR_INVALID)
		return 0;
	if (code == 0)
		code = describe(conn, query->timeout, &described, err);
	if (code < 0)
		return code;
	for (int i = 0; i < PQnparams(described) && i < SQL_PARAMS_MAX; i++)
		if (is_time(PQparamtype(described, i)))
			b->types[i] = PQparamtype(described, i);
	PQclear(described);
	return 0;
}

static void
put_values(struct bound *b)
{
	char text[TIMESTAMP_TEXT_MAX];

	for (uint32_t i = 0; i < b->bound.n; i++) {
		if (is_time(b->types[i]))
			snprintf(b->texts[i], sizeof(b->texts[i]), "%s",
			    timestamp_format_ms(b->bound.at[i], text));
		else
			snprintf(
			    b->texts[i], sizeof(b->texts[i]), "%.6f", wall_seconds(b->bound.at[i]));
		b->values[i] = b->texts[i];
	}
}

static int
check_columns(struct postgres_conn *conn, const struct postgres_query *query, const struct bound *b,
    struct err *err)
{
	const struct table_options options = { .time_column = query->settings->time_column,
		.want = &query->rows->want };
	struct table *table;
	PGresult *described;
	int code = prepare(conn, b->sql.p, b->types, b->bound.n, query->timeout, err);

	if (code == 0)
		code = describe(conn, query->timeout, &described, err);
	if (code < 0)
		return code;
	table = xcalloc(1, sizeof(*table));
	code = PQnfields(described) == 0
		   ? err_set(err, ERR_INVALID, "only reading is allowed: one SELECT")
		   : classify(described, &options, table, err);
	free(table);
	PQclear(described);
	return code;
}

static int
execute(struct postgres_conn *conn, const struct postgres_query *query, struct bound *b,
    struct err *err)
{
	int code;

	put_values(b);
	if (PQsendQueryParams(
		conn->pg, b->sql.p, (int)b->bound.n, b->types, b->values, NULL, NULL, 0) == 0)
		return postgres_broke(conn, err);
	PQsetSingleRowMode(conn->pg);
	code = postgres_flush(conn, err);
	return code < 0 ? code : take_results(conn, query, err);
}

/* Between a transaction's begin and its rollback. */
static int
run_in_transaction(struct postgres_conn *conn, const struct postgres_query *query, bool only_check,
    struct err *err)
{
	struct bound *b = xcalloc(1, sizeof(*b));
	char begin[160];
	int code = sql_params(query->text, PARAM_DOLLAR, &query->times, &b->sql, &b->bound, err);

	snprintf(begin, sizeof(begin),
	    "BEGIN READ ONLY; SET LOCAL statement_timeout = %lld; SET LOCAL TimeZone = 'UTC'; "
	    "SET LOCAL DateStyle = 'ISO'",
	    (long long)(query->timeout.ns / 1000000 + 1));
	/* Before the transaction, which a failure would end. */
	if (code == 0)
		code = find_types(conn, query, b, err);
	if (code == 0)
		code = postgres_command(conn, begin, err);
	if (code == 0)
		code =
		    only_check ? check_columns(conn, query, b, err) : execute(conn, query, b, err);
	buf_fini(&b->sql);
	free(b);
	/* A rollback that fails takes the connection with it, not the answer. */
	if (!conn->broken && PQtransactionStatus(conn->pg) != PQTRANS_IDLE &&
	    postgres_command(conn, "ROLLBACK", NULL) < 0)
		conn->broken = true;
	return code;
}

/* A kept connection that the server has closed meanwhile is noticed before anything is sent. */
static bool
is_stale(struct postgres_conn *conn)
{
	struct pollfd fd = { .fd = PQsocket(conn->pg), .events = POLLIN };

	while (PQstatus(conn->pg) == CONNECTION_OK && poll(&fd, 1, 0) > 0 && fd.revents != 0)
		if (PQconsumeInput(conn->pg) == 0 || (fd.revents & (POLLERR | POLLHUP)) != 0)
			return true;
	return PQstatus(conn->pg) != CONNECTION_OK;
}

/* conn NULL: a new one. */
static int
attempt(struct postgres_conn *conn, struct postgres_conn **kept, const struct postgres_query *query,
    bool only_check, struct err *err)
{
	int code = 0;

	if (conn == NULL)
		conn = xcalloc(1, sizeof(*conn));
	conn->wake = query->wake;
	conn->deadline = mono_add(clock_mono(), (dur_t){ query->timeout.ns + GRACE.ns });
	if (conn->pg == NULL)
		code = postgres_conn_open(conn, query->settings, query->timeout, err);
	conn->broken = code < 0;
	if (code == 0)
		code = run_in_transaction(conn, query, only_check, err);
	if (conn->broken)
		postgres_conn_close(conn);
	else
		*kept = conn;
	return code;
}

static void
start_again(struct rows *rows)
{
	const struct rows_want want = rows->want;

	rows_fini(rows);
	rows_init_for(rows, &want);
}

/* A kept connection may turn out to be gone: that says nothing of the server. */
static int
run(struct postgres_conn **kept, const struct postgres_query *query, bool only_check,
    struct err *err)
{
	struct postgres_conn *conn = *kept;
	int code;

	query->rows->want.time_column = query->settings->time_column;
	*kept = NULL;
	if (conn != NULL && is_stale(conn)) {
		postgres_conn_close(conn);
	} else if (conn != NULL) {
		code = attempt(conn, kept, query, only_check, err);
		if (code != -ERR_IO)
			return code;
		start_again(query->rows);
	}
	return attempt(NULL, kept, query, only_check, err);
}

int
postgres_read(struct postgres_conn **conn, const struct postgres_query *query, struct err *err)
{
	return run(conn, query, false, err);
}

int
postgres_read_check(
    struct postgres_conn **conn, const struct postgres_query *query, struct err *err)
{
	return run(conn, query, true, err);
}
