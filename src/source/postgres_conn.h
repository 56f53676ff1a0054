/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to PostgreSQL, waited for with poll(): what postgres_read.c
 * needs of libpq's nonblocking half.  Nobody else includes it.
 */
#pragma once

#include <stdbool.h>

#include <libpq-fe.h>

#include "base/err.h"
#include "base/instant.h"
#include "source/postgres_read.h"

struct postgres_conn {
	PGconn *pg;
	mono_t deadline;
	int wake;
	bool broken;
};

int postgres_conn_open(struct postgres_conn *conn, const struct postgres_settings *settings,
    dur_t timeout, struct err *err);
/* The connection is gone. */
int postgres_broke(struct postgres_conn *conn, struct err *err);
/* What the server said; class 42 (syntax, names) and their like are the query's fault. */
int postgres_refused(const PGresult *result, dur_t timeout, struct err *err);
int postgres_flush(struct postgres_conn *conn, struct err *err);
/* The next result of what was sent; NULL after the last. */
int postgres_next_result(struct postgres_conn *conn, PGresult **ret, struct err *err);
/* Runs to the end; the first failure counts. */
int postgres_command(struct postgres_conn *conn, const char *sql, struct err *err);
