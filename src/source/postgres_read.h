/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One PostgreSQL connection, and one query on it.
 *
 * Runs on whichever thread holds the connection; knows nothing of the loop.
 * A query runs in a transaction that can only read and is always rolled back,
 * so that nothing of it stays with the session.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"
#include "net/options.h"
#include "source/rows.h"
#include "source/sql_params.h"

struct postgres_conn;

struct postgres_settings {
	struct secret url, password;
	const char *host, *port, *dbname, *user;
	const char *sslmode, *sslrootcert, *sslcert, *sslkey;
	const char *time_column;
};

/* A table that fills a struct which begins with postgres_settings; finish() of its kind completes it. */
struct schema;
extern const struct schema postgres_settings_schema;

struct postgres_query {
	const struct postgres_settings *settings;
	struct str text;
	struct sql_times times;
	dur_t timeout;
	int wake;          /* readable when the query is to be given up; -1: never */
	struct rows *rows; /* result; after a failure anything */
};

/* *conn NULL: opened; kept there for the next query unless it broke. */
int postgres_read(struct postgres_conn **conn, const struct postgres_query *query, struct err *err);
/* Prepares and looks at the columns without running. */
int postgres_read_check(
    struct postgres_conn **conn, const struct postgres_query *query, struct err *err);
void postgres_conn_close(struct postgres_conn *conn); /* accepts NULL */

/* Pure parts, for tests. type: OID of pg_type. */
int postgres_cell(uint32_t type, const char *text, size_t n, struct cell *ret, struct err *err);
/* Is the text a connection string that libpq understands? No part of it is repeated anywhere. */
bool postgres_url_valid(const char *url);
