/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The condition of a composite rule: `A and not B`, `(A or B) and C`,
 * `count(A) >= 3`.
 *
 *   or    = and { "or" and }
 *   and   = not { "and" not }
 *   not   = "not" not | "(" or ")" | count | name
 *   count = "count" "(" name { "," name } ")" op number
 *   name  = letters, digits, "_", ":", "-", "." (not first a digit), or "any text" in quotes
 *
 * and binds tighter than or.  A name alone is true while at least one alert of that name is
 * there; count() is their number, of several names the sum.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define WHEN_NAMES_MAX 64
#define WHEN_DEPTH_MAX 64
#define WHEN_BYTES_MAX 4096

struct when_node;

struct when {
	const struct when_node *root;
	const char *names[WHEN_NAMES_MAX]; /* each once */
	uint32_t at[WHEN_NAMES_MAX];       /* where each stands first, in bytes */
	uint32_t n_names;
};

/* In the arena. NULL and err with its place (err->at). */
const struct when *when_parse(struct arena *arena, struct str text, struct err *err);
/* counts: of each name, in the order of names. */
bool when_holds(const struct when *when, const uint32_t *counts);
