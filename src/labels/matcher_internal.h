/* SPDX-License-Identifier: Apache-2.0 */
/* The two grammars of matchers, tried by matcher_parse.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "labels/matcher.h"

struct matcher_list {
	struct matcher *m;
	size_t n, cap;
	bool made_failed; /* the syntax was fine, the matcher was not: a bad regex, an empty name */
};

/* A string constant without its quotes and escapes, and where each byte came from. */
struct unescaped {
	char *p;
	uint32_t n;
	uint32_t *at; /* n + 1 offsets */
};

void unescaped_init(struct unescaped *u, uint32_t bytes_max);
void unescaped_fini(struct unescaped *u);
void unescaped_put(struct unescaped *u, const char *p, uint32_t n, uint32_t at);

/* Makes one and adds it; err->at becomes an offset in the text. */
int matcher_list_add(struct matcher_list *list, enum matcher_op op, struct str name, uint32_t name_at,
	const struct unescaped *value, struct err *err);
void matcher_list_fini(struct matcher_list *list);

/* 0 or negative, with err->at a byte offset in text; *list is then empty. */
int matcher_parse_classic(struct str text, bool single, struct matcher_list *list, struct err *err);
int matcher_parse_utf8(struct str text, struct matcher_list *list, struct err *err);
