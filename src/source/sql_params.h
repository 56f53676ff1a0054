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

#include "base/buf.h"
#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"

enum param_style {
	PARAM_DOLLAR,  /* $1, typed by whoever binds it; unknown names are errors */
	PARAM_SECONDS, /* Unix seconds as a literal; unknown names stay as they are */
	PARAM_MS,      /* 1763621040500ms, InfluxQL's literal */
};

/* The query with its parameters replaced. *ret_n: parameters to bind (PARAM_DOLLAR: 0 or 1). */
int sql_params(struct str text, enum param_style style, wall_t now, struct buf *out,
    uint32_t *ret_n, struct err *err);
