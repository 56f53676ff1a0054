/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One SQLite connection that can only read, and one query on it.
 *
 * Runs on whichever thread holds the connection; knows nothing of the loop.
 * The database belongs to somebody else, who writes while we read: nothing
 * here takes a lock for longer than one query, and nothing can change it.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"
#include "source/rows.h"
#include "source/sql_params.h"

struct sqlite_conn;

struct sqlite_query {
	const char *path;        /* absolute */
	const char *time_column; /* NULL: none */
	struct str text;
	struct sql_times times;
	dur_t timeout;
	atomic_bool *stop; /* set by another thread: give up; may be NULL */
	struct rows *rows; /* the result; after a failure anything */
};

/* *conn NULL: opened, kept there for the next query. */
int sqlite_read(struct sqlite_conn **conn, const struct sqlite_query *query, struct err *err);
/* Prepares and checks without running. */
int sqlite_read_check(struct sqlite_conn **conn, const struct sqlite_query *query, struct err *err);
void sqlite_conn_close(struct sqlite_conn *conn); /* accepts NULL */
