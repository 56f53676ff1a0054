/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocation that does not fail: it prints the size and aborts.
 *
 * The daemon is supervised and its state is in SQLite, so error paths for
 * exhausted memory would double the code and never run.  The price: a size
 * that comes from outside is checked against a named limit before it gets
 * here.
 */
#pragma once

#include <stddef.h>

#include "base/attr.h"

void *xmalloc(size_t bytes);
void *xcalloc(size_t count, size_t bytes);
/* Like realloc for count elements; the product is checked for overflow. */
void *xrealloc(void *p, size_t count, size_t bytes);
char *xstrdup(const char *s);
char *xmemdup0(const void *p, size_t n); /* n bytes and a NUL */
/* Grows *cap (elements) to at least need, doubling; returns the new array. */
void *xgrow(void *p, size_t *cap, size_t need, size_t bytes);
