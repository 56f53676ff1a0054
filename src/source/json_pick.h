/* SPDX-License-Identifier: Apache-2.0 */
/* The few values of a JSON object that are wanted, without a tree. Pure. */
#pragma once

#include "base/arena.h"
#include "base/json.h"

/* The values of the wanted keys, whole; .n 0: not there. False: it is no object, or mangled. */
bool json_pick(struct str object, const char *const *keys, struct str *ret, size_t n);
/* A text, or a number as written; empty for anything else. */
struct str json_pick_text(struct str span, struct arena *arena);
/* A number, or true and false as 1 and 0; false: it is something else. */
bool json_pick_number(struct str span, double *ret);

#define JSON_PICK(object, keys, ret) json_pick((object), (keys), (ret), sizeof(ret) / sizeof((ret)[0]))
