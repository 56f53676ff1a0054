/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths into a JSON text, and the walk along them.
 *
 *   $               the document (only at the beginning)
 *   ^               one step back towards the document (only at the beginning)
 *   name  .name     a member; ["na.me"] for names with other characters
 *   [2]  [-1]       an element, counted from the end when negative
 *   [*]  .*         every element or member
 *   [-1!flag]       the same among the elements whose member `flag` is not true
 *   @json           the JSON that is written in a string
 *   @key            the name or number by which [*] or .* got here (at the end)
 *
 * Pure, no tree: a place is a span of the text.  A path of parsed steps lives
 * in the arena it was parsed into and points into its text.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define JSON_PATH_STEPS_MAX 32

enum json_step_kind { STEP_MEMBER, STEP_INDEX, STEP_ALL, STEP_JSON, STEP_KEY };

struct json_step {
	enum json_step_kind kind;
	struct str name;
	int32_t index;
};

struct json_path {
	bool absolute;
	uint32_t up;  /* number of ^ */
	uint32_t n;
	uint32_t wild; /* number of [*] */
	struct json_step *steps;
};

/* A place and the way to it, innermost first. */
struct json_place {
	struct str span;
	struct str key; /* the name or number it has in its parent; empty at the top */
	const struct json_place *parent;
};

/* err->at: offset in text. */
int json_path_parse(struct arena *arena, struct str text, struct json_path *ret, struct err *err);

/*
 * Calls visit for each place the path leads to; a negative result ends the
 * walk and is returned.  *ret_absent: the path ended where nothing was, before
 * any [*]; behind one, an element that lacks the rest is passed over.  scratch
 * takes unescaped strings.
 */
typedef int json_visit_fn(void *arg, const struct json_place *place, struct err *err);
int json_path_walk(const struct json_path *path, const struct json_place *from, struct arena *scratch,
    json_visit_fn *visit, void *arg, bool *ret_absent, struct err *err);
/* The first place; false when there is none. */
bool json_path_first(const struct json_path *path, const struct json_place *from, struct arena *scratch,
    struct str *ret);
