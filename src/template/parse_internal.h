/* SPDX-License-Identifier: Apache-2.0 */
/* The parser's two halves: blocks (parse.c) and what stands in an action (parse_pipe.c). */
#pragma once

#include "template/func.h"
#include "template/syntax.h"

#define NAME_MAX_SHOWN 60

struct parser {
	struct str text;
	uint32_t i;
	bool trim_next; /* the action before ended with a trim marker */
	enum template_scope scope;
	struct arena *arena;
	struct tree_list *list;
	struct err *err;
	/* the body being parsed */
	struct tree *tree;
	struct str vars[TEMPLATE_SLOTS_MAX];
	uint32_t n_vars, depth, range_depth;
};

int parse_fail(struct parser *p, uint32_t at, const char *what);
int parse_unexpected(struct parser *p, const struct token *t, const char *where);
int parse_next(struct parser *p, struct token *t);
void parse_back(struct parser *p, const struct token *t);
int parse_expect_close(struct parser *p, const char *where);
/*
 * what: "if", "range", ..., for errors.  Takes the closing parenthesis or the
 * end of the action; variables it declares stay known behind it.
 */
int parse_pipe(struct parser *p, const char *what, bool in_paren, struct pipe **ret);
