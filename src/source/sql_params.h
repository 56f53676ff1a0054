/* SPDX-License-Identifier: Apache-2.0 */
/*
 * :now, :from and :to in a query, outside of its quotes and comments.
 *
 * Pure.  Understands what SQL dialects have in common: '...', "...", `...`,
 * line comments (--), nested block comments, and, for PostgreSQL,
 * E'...' and $tag$...$tag$.  `::` is a cast, a[1:now] a slice, a:b no parameter.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"

enum param_style {
	PARAM_DOLLAR,  /* $1, $2, ...: each place its own, bound by the caller; unknown names are errors */
	PARAM_SECONDS, /* Unix seconds as a literal; unknown names stay as they are */
	PARAM_MS,      /* 1763621040500ms, InfluxQL's literal */
	PARAM_TEXT,    /* "2026-11-20T06:24:00.123Z", as ES|QL has it */
};

#define SQL_PARAMS_MAX 64 /* places in one query */

struct sql_times {
	wall_t now, from, to; /* from, to: WALL_NONE in a query without a window */
};

/* What $1, $2, ... stand for. */
struct sql_bound {
	uint32_t n;
	wall_t at[SQL_PARAMS_MAX];
};

struct source_query;
struct source_config;
/* Is the name somewhere in it, in quotes or not? */
bool sql_mentions(struct str text, const char *name);
/* source.h: a query that names no time. */
const char *sql_timeless(const struct source_config *config, struct str text, bool span);
struct sql_times sql_times_of(const struct source_query *query);
/* :now, :from or :to; others are errors. */
int sql_param_value(struct str name, const struct sql_times *times, wall_t *ret, struct err *err);
/* The query with its parameters replaced. ret may be NULL but for PARAM_DOLLAR. */
int sql_params(struct str text, enum param_style style, const struct sql_times *times, struct buf *out,
    struct sql_bound *ret, struct err *err);
