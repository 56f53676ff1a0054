/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Talking to PostgreSQL with libpq's nonblocking half.
 *
 * Every wait is a poll() on the connection and on the query's wake-up, with
 * one deadline over all of it.  A query that is given up is cancelled on the
 * server.
 */
#include "config.h"

#include "source/postgres_conn.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "loop/clock.h"
#include "net/xfer.h"

#define CONNINFO_MAX (16u << 10)
#define CANCEL_TEXT  256
#define KEYWORDS_MAX 16

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

int
postgres_broke(struct postgres_conn *conn, struct err *err)
{
	conn->broken = true;
	return say(err, ERR_IO, PQerrorMessage(conn->pg));
}

/* What the server said; class 42 (syntax, names) and their like are the query's fault. */
int
postgres_refused(const PGresult *result, dur_t timeout, struct err *err)
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

int
postgres_flush(struct postgres_conn *conn, struct err *err)
{
	int left, code;

	while ((left = PQflush(conn->pg)) != 0) {
		if (left < 0)
			return postgres_broke(conn, err);
		/* The server may have to be read before it reads on. */
		code = wait_ready(conn, POLLIN | POLLOUT, err);
		if (code < 0)
			return code;
		if (PQconsumeInput(conn->pg) == 0)
			return postgres_broke(conn, err);
	}
	return 0;
}

/* The next result of what was sent; NULL after the last. */
int
postgres_next_result(struct postgres_conn *conn, PGresult **ret, struct err *err)
{
	int code;

	while (PQisBusy(conn->pg) != 0) {
		code = wait_ready(conn, POLLIN, err);
		if (code < 0)
			return code;
		if (PQconsumeInput(conn->pg) == 0)
			return postgres_broke(conn, err);
	}
	*ret = PQgetResult(conn->pg);
	return 0;
}

/* Runs to the end; the first failure counts. */
int
postgres_command(struct postgres_conn *conn, const char *sql, struct err *err)
{
	PGresult *result;
	int code = 0, failed = 0;

	if (PQsendQuery(conn->pg, sql) == 0)
		return postgres_broke(conn, err);
	code = postgres_flush(conn, err);
	while (
	    code == 0 && (code = postgres_next_result(conn, &result, err)) == 0 && result != NULL) {
		if (failed == 0 && PQresultStatus(result) != PGRES_COMMAND_OK)
			failed = postgres_refused(result, (dur_t){ 0 }, err);
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
		return postgres_broke(conn, err);
	return 0;
}

int
postgres_conn_open(
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
