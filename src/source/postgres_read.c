/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading from PostgreSQL with libpq's nonblocking half.
 *
 * Every wait is a poll() on the connection and on the query's wake-up, with
 * one deadline over all of it.  The server has the same time as
 * statement_timeout, so a query that is merely slow ends there with a clean
 * connection; the deadline here comes a little later and means that the
 * server is gone, and so is the connection.  A query that is given up is
 * cancelled on the server.
 */
#include "config.h"

#include "source/postgres_read.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "loop/clock.h"
#include "net/xfer.h"
#include "source/sql_params.h"

#define GRACE        DUR_MS(500) /* the server's own timeout is to come first */
#define CONNINFO_MAX (16u << 10)
#define CANCEL_TEXT  256
#define TYPE_FLOAT8  701
#define KEYWORDS_MAX 16

/* OIDs of types whose text is not what it seems. */
enum {
	TYPE_BOOL = 16,
	TYPE_BYTEA = 17,
	TYPE_DATE = 1082
};

struct postgres_conn {
	PGconn *pg;
	mono_t deadline;
	int wake;
	bool broken;
};

/* Words and values for PQconnectStartParams. */
struct conninfo {
	const char *words[KEYWORDS_MAX], *values[KEYWORDS_MAX];
	size_t n;
};

void
postgres_conn_close(struct postgres_conn *conn)
{
	if (conn == NULL)
		return;
	PQfinish(conn->pg);
	free(conn);
}

bool
postgres_url_valid(const char *url)
{
	PQconninfoOption *options = PQconninfoParse(url, NULL);

	PQconninfoFree(options);
	return options != NULL;
}

/* --- errors ------------------------------------------------------------------------ */

/* libpq's text on one line, without the "ERROR:  " that the prefix says already. */
static int
say(struct err *err, enum err_code code, const char *text)
{
	char line[240];
	size_t n = 0;

	for (; *text != '\0' && n + 1 < sizeof(line); text++) {
		char c = *text == '\n' || *text == '\t' ? ' ' : *text;

		if (c != ' ' || (n > 0 && line[n - 1] != ' '))
			line[n++] = c;
	}
	while (n > 0 && line[n - 1] == ' ')
		n--;
	line[n] = '\0';
	return err_set(err, code, "%s", n > 0 ? line : "the connection broke");
}

static int
broke(struct postgres_conn *conn, struct err *err)
{
	conn->broken = true;
	return say(err, ERR_IO, PQerrorMessage(conn->pg));
}

/* What the server said; class 42 (syntax, names) and their like are the query's fault. */
static int
refused(const PGresult *result, dur_t timeout, struct err *err)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *at = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
	char with_place[200];
	enum err_code code = ERR_REMOTE;

	if (text == NULL)
		return say(err, ERR_IO, PQresultErrorMessage(result));
	if (state == NULL)
		return say(err, code, text);
	if (strcmp(state, "57014") == 0)
		return err_set(err, ERR_TIMEOUT, "the query took longer than %lld ms",
		    (long long)(timeout.ns / 1000000));
	if (strcmp(state, "25006") == 0)
		return err_set(
		    err, ERR_INVALID, "only reading is allowed: one SELECT (%.150s)", text);
	if (strncmp(state, "42", 2) == 0 || strncmp(state, "0A", 2) == 0)
		code = ERR_INVALID;
	if (at == NULL)
		return say(err, code, text);
	snprintf(with_place, sizeof(with_place), "%.150s (at character %.10s)", text, at);
	return say(err, code, with_place);
}

/* --- waiting ------------------------------------------------------------------------- */

static void
give_up(struct postgres_conn *conn)
{
	PGcancel *cancel = PQgetCancel(conn->pg);
	char text[CANCEL_TEXT];

	if (cancel != NULL)
		PQcancel(cancel, text, sizeof(text));
	PQfreeCancel(cancel);
	conn->broken = true;
}

/* Until the socket is ready for events. */
static int
wait_ready(struct postgres_conn *conn, short events, struct err *err)
{
	struct pollfd fds[2] = { { .fd = PQsocket(conn->pg), .events = events },
		{ .fd = conn->wake, .events = POLLIN } };

	for (;;) {
		int64_t left = mono_since(conn->deadline, clock_mono()).ns;
		int n = left > 0 ? poll(fds, 2, (int)(left / 1000000) + 1) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			conn->broken = true;
			return err_set(err, n < 0 ? ERR_IO : ERR_TIMEOUT, "%s",
			    n < 0 ? "cannot wait for the server"
				  : "the server does not answer in time");
		}
		if (fds[1].revents != 0) {
			give_up(conn);
			return err_set(err, ERR_CANCELLED, "cancelled");
		}
		return 0;
	}
}

static int
flush(struct postgres_conn *conn, struct err *err)
{
	int left, code;

	while ((left = PQflush(conn->pg)) != 0) {
		if (left < 0)
			return broke(conn, err);
		/* The server may have to be read before it reads on. */
		code = wait_ready(conn, POLLIN | POLLOUT, err);
		if (code < 0)
			return code;
		if (PQconsumeInput(conn->pg) == 0)
			return broke(conn, err);
	}
	return 0;
}

/* The next result of what was sent; NULL after the last. */
static int
next_result(struct postgres_conn *conn, PGresult **ret, struct err *err)
{
	int code;

	while (PQisBusy(conn->pg) != 0) {
		code = wait_ready(conn, POLLIN, err);
		if (code < 0)
			return code;
		if (PQconsumeInput(conn->pg) == 0)
			return broke(conn, err);
	}
	*ret = PQgetResult(conn->pg);
	return 0;
}

/* Runs to the end; the first failure counts. */
static int
command(struct postgres_conn *conn, const char *sql, struct err *err)
{
	PGresult *result;
	int code = 0, failed = 0;

	if (PQsendQuery(conn->pg, sql) == 0)
		return broke(conn, err);
	code = flush(conn, err);
	while (code == 0 && (code = next_result(conn, &result, err)) == 0 && result != NULL) {
		if (failed == 0 && PQresultStatus(result) != PGRES_COMMAND_OK)
			failed = refused(result, (dur_t){ 0 }, err);
		PQclear(result);
	}
	return code < 0 ? code : failed;
}

/* --- connecting ------------------------------------------------------------------------ */

static void
add(struct conninfo *info, const char *word, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	info->words[info->n] = word;
	info->values[info->n++] = value;
}

static int
read_secret(const struct secret *secret, struct buf *out, struct err *err)
{
	buf_init(out, CONNINFO_MAX);
	return secret->value != NULL || secret->file != NULL ? secret_read(secret, out, err) : 0;
}

static int
start(struct postgres_conn *conn, const struct postgres_settings *s, dur_t timeout,
    const struct buf *url, const struct buf *password, struct err *err)
{
	struct conninfo info = { .n = 0 };
	char unheard[24];

	/* Defaults, the url, then what is given beside it. */
	snprintf(unheard, sizeof(unheard), "%lld", (long long)(timeout.ns / 1000000) + 1000);
	add(&info, "application_name", "tocsin");
	add(&info, "gssencmode", "disable");
	add(&info, "tcp_user_timeout", unheard);
	if (url->n > 0 && !postgres_url_valid(url->p))
		return err_set(err, ERR_INVALID, "the url is no connection string of PostgreSQL");
	add(&info, "dbname", url->n > 0 ? url->p : s->dbname);
	add(&info, "host", s->host);
	add(&info, "port", s->port);
	add(&info, "user", s->user);
	add(&info, "password", password->n > 0 ? password->p : NULL);
	add(&info, "sslmode", s->sslmode);
	add(&info, "sslrootcert", s->sslrootcert);
	add(&info, "sslcert", s->sslcert);
	add(&info, "sslkey", s->sslkey);
	add(&info, "client_encoding", "UTF8");
	info.words[info.n] = info.values[info.n] = NULL;
	/* A dbname of the settings is a name, not a connection string. */
	conn->pg = PQconnectStartParams(info.words, info.values, url->n > 0);
	if (conn->pg == NULL || PQstatus(conn->pg) == CONNECTION_BAD)
		return say(err, ERR_IO, conn->pg != NULL ? PQerrorMessage(conn->pg) : "no memory");
	return 0;
}

static void
ignore_notice(void *arg UNUSED, const PGresult *result UNUSED)
{
}

static int
connect_all(struct postgres_conn *conn, struct err *err)
{
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;
	int code;

	while (status != PGRES_POLLING_OK) {
		if (status == PGRES_POLLING_FAILED)
			return say(err, ERR_IO, PQerrorMessage(conn->pg));
		code = wait_ready(conn, status == PGRES_POLLING_READING ? POLLIN : POLLOUT, err);
		if (code < 0)
			return code;
		status = PQconnectPoll(conn->pg);
	}
	PQsetNoticeReceiver(conn->pg, ignore_notice, NULL);
	if (PQsetnonblocking(conn->pg, 1) != 0)
		return broke(conn, err);
	return 0;
}

static int
conn_open(
    struct postgres_conn *conn, const struct postgres_settings *s, dur_t timeout, struct err *err)
{
	struct buf url = { 0 }, password = { 0 };
	int code = read_secret(&s->url, &url, err);

	if (code == 0)
		code = read_secret(&s->password, &password, err);
	if (code == 0)
		code = start(conn, s, timeout, &url, &password, err);
	if (code == 0)
		code = connect_all(conn, err);
	if (url.p != NULL)
		explicit_bzero(url.p, url.cap);
	if (password.p != NULL)
		explicit_bzero(password.p, password.cap);
	buf_fini(&url);
	buf_fini(&password);
	return code;
}

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
take_result(struct postgres_query *query, const PGresult *result, struct table *table, bool *known,
    struct err *err)
{
	const struct table_options options = { .time_column = query->settings->time_column };
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
			   ? read_row(result, table, &options, &query->rows, err)
			   : code;
	case PGRES_FATAL_ERROR:
	case PGRES_BAD_RESPONSE:
	case PGRES_NONFATAL_ERROR:
		return refused(result, query->timeout, err);
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
take_results(struct postgres_conn *conn, struct postgres_query *query, struct err *err)
{
	struct table *table = xcalloc(1, sizeof(*table));
	PGresult *result = NULL;
	bool known = false;
	int code, failed = 0;

	while ((code = next_result(conn, &result, err)) == 0 && result != NULL) {
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

static int
describe(struct postgres_conn *conn, struct postgres_query *query, const char *sql,
    uint32_t n_params, struct err *err)
{
	static const Oid types[1] = { TYPE_FLOAT8 };
	const struct table_options options = { .time_column = query->settings->time_column };
	struct table *table;
	PGresult *result = NULL;
	int code, failed = 0;

	if (PQsendPrepare(conn->pg, "", sql, (int)n_params, types) == 0)
		return broke(conn, err);
	code = flush(conn, err);
	while (code == 0 && (code = next_result(conn, &result, err)) == 0 && result != NULL) {
		if (failed == 0 && PQresultStatus(result) != PGRES_COMMAND_OK)
			failed = refused(result, query->timeout, err);
		PQclear(result);
	}
	if (code < 0 || failed < 0)
		return code < 0 ? code : failed;
	if (PQsendDescribePrepared(conn->pg, "") == 0)
		return broke(conn, err);
	code = flush(conn, err);
	table = xcalloc(1, sizeof(*table));
	while (code == 0 && (code = next_result(conn, &result, err)) == 0 && result != NULL) {
		if (failed == 0 && PQresultStatus(result) != PGRES_COMMAND_OK)
			failed = refused(result, query->timeout, err);
		else if (failed == 0 && PQnfields(result) == 0)
			failed = err_set(err, ERR_INVALID, "only reading is allowed: one SELECT");
		else if (failed == 0)
			failed = classify(result, &options, table, err);
		PQclear(result);
	}
	free(table);
	return code < 0 ? code : failed;
}

static int
execute(struct postgres_conn *conn, struct postgres_query *query, const char *sql,
    uint32_t n_params, struct err *err)
{
	static const Oid types[1] = { TYPE_FLOAT8 };
	char now[32];
	const char *const values[1] = { now };
	int code;

	snprintf(now, sizeof(now), "%.6f", wall_seconds(query->at));
	if (PQsendQueryParams(conn->pg, sql, (int)n_params, types, values, NULL, NULL, 0) == 0)
		return broke(conn, err);
	PQsetSingleRowMode(conn->pg);
	code = flush(conn, err);
	return code < 0 ? code : take_results(conn, query, err);
}

/* Between a transaction's begin and its rollback. */
static int
run_in_transaction(
    struct postgres_conn *conn, struct postgres_query *query, bool only_check, struct err *err)
{
	struct buf sql = { 0 };
	char begin[160];
	uint32_t n_params;
	int code = sql_params(query->text, PARAM_DOLLAR, query->at, &sql, &n_params, err);

	snprintf(begin, sizeof(begin),
	    "BEGIN READ ONLY; SET LOCAL statement_timeout = %lld; SET LOCAL TimeZone = 'UTC'; "
	    "SET LOCAL DateStyle = 'ISO'",
	    (long long)(query->timeout.ns / 1000000 + 1));
	if (code == 0)
		code = command(conn, begin, err);
	if (code == 0)
		code = only_check ? describe(conn, query, sql.p, n_params, err)
				  : execute(conn, query, sql.p, n_params, err);
	buf_fini(&sql);
	/* A rollback that fails takes the connection with it, not the answer. */
	if (!conn->broken && PQtransactionStatus(conn->pg) != PQTRANS_IDLE &&
	    command(conn, "ROLLBACK", NULL) < 0)
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
attempt(struct postgres_conn *conn, struct postgres_conn **kept, struct postgres_query *query,
    bool only_check, struct err *err)
{
	int code = 0;

	if (conn == NULL)
		conn = xcalloc(1, sizeof(*conn));
	conn->wake = query->wake;
	conn->deadline = mono_add(clock_mono(), (dur_t){ query->timeout.ns + GRACE.ns });
	if (conn->pg == NULL)
		code = conn_open(conn, query->settings, query->timeout, err);
	conn->broken = code < 0;
	if (code == 0)
		code = run_in_transaction(conn, query, only_check, err);
	if (code < 0)
		rows_fini(&query->rows);
	if (conn->broken)
		postgres_conn_close(conn);
	else
		*kept = conn;
	return code;
}

/* A kept connection may turn out to be gone: that says nothing of the server. */
static int
run(struct postgres_conn **kept, struct postgres_query *query, bool only_check, struct err *err)
{
	struct postgres_conn *conn = *kept;
	int code;

	rows_init(&query->rows);
	*kept = NULL;
	if (conn != NULL && is_stale(conn)) {
		postgres_conn_close(conn);
	} else if (conn != NULL) {
		code = attempt(conn, kept, query, only_check, err);
		if (code != -ERR_IO)
			return code;
		rows_init(&query->rows);
	}
	return attempt(NULL, kept, query, only_check, err);
}

int
postgres_read(struct postgres_conn **conn, struct postgres_query *query, struct err *err)
{
	return run(conn, query, false, err);
}

int
postgres_read_check(struct postgres_conn **conn, struct postgres_query *query, struct err *err)
{
	return run(conn, query, true, err);
}
