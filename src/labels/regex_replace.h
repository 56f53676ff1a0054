/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions that may match anywhere in a text, and replacement with
 * Go's syntax: $1, ${1}x, $name, $$ ($1x is the group named "1x", so it is
 * empty unless there is one).
 *
 * An expression lives in the arena it was made in and needs no free.  The work
 * of one call is bounded; over the bound is ERR_LIMIT.  Loop thread only.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct regex_search;

/* NULL and err (err->at: offset in the pattern) when RE2 would refuse it. */
struct regex_search *regex_search_new(struct arena *arena, struct str pattern, struct err *err);
/* 1, 0, or negative when a limit was hit. */
int regex_search_find(const struct regex_search *re, struct str text, struct err *err);
int regex_search_replace(const struct regex_search *re, struct str text, struct str replacement,
    struct buf *out, struct err *err);
