/* SPDX-License-Identifier: Apache-2.0 */
/* The two helpers of regex.c: what needs no engine, and what RE2 allows. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct regex_plain;

/* NULL: the pattern needs the engine (or is wrong, which the engine will say). */
struct regex_plain *regex_plain_new(struct str pattern);
void regex_plain_free(struct regex_plain *plain); /* accepts NULL */
bool regex_plain_matches(const struct regex_plain *plain, struct str text);

/*
 * Checks that the pattern stays within RE2 and writes what PCRE2 reads as the
 * same thing.  0, or negative with err->at in the pattern.
 */
int regex_translate(struct str pattern, struct buf *out, struct err *err);
/* Where in the pattern the translation's byte out_at comes from. */
uint32_t regex_translate_origin(struct str pattern, uint32_t out_at);
