/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parse tree of a template.  Everything lives in the arena given to
 * template_parse() or template_set_new() and does not change after parsing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "template/template.h"

#define TEMPLATE_NESTING_MAX 64
#define TEMPLATE_SLOTS_MAX 64 /* variables alive at once in one body */
#define TEMPLATE_ARGS_MAX 256  /* operands of one command */

struct func;
struct pipe;
struct regex_search;

enum operand_kind {
	OPERAND_DOT,
	OPERAND_NIL,
	OPERAND_BOOL,
	OPERAND_INT,
	OPERAND_FLOAT,
	OPERAND_STRING,
	OPERAND_VAR,
	OPERAND_FUNC,
	OPERAND_PIPE, /* parentheses */
};

struct field {
	struct str name;
	uint32_t at;
};

/* A value with the fields behind it: .a.b is OPERAND_DOT with two. */
struct operand {
	enum operand_kind kind;
	uint32_t at, end; /* in the text */
	int64_t i;        /* also of a float without fraction, and of a bool */
	double f;         /* also of an int */
	bool is_int;      /* the number can be an int */
	struct str text;  /* string constant */
	uint32_t slot;
	const struct func *func;
	const struct pipe *pipe;
	const struct regex_search *regex; /* of a constant pattern */
	struct field *fields;
	uint32_t n_fields;
};

struct command {
	struct operand *args;
	uint32_t n, at;
};

struct pipe {
	struct command *commands;
	uint32_t n, at, end;
	uint32_t slots[2];
	uint8_t n_slots;
	bool assign; /* = rather than := */
};

enum node_kind {
	NODE_TEXT,
	NODE_ACTION,
	NODE_IF,
	NODE_RANGE,
	NODE_WITH,
	NODE_TEMPLATE,
	NODE_BREAK,
	NODE_CONTINUE,
};

struct node {
	enum node_kind kind;
	uint32_t at;
	struct str text; /* the literal; the name of the template */
	const struct pipe *pipe;
	struct node *body, *other; /* first of each list */
	struct node *next;
};

/* One body: of the text itself, of a {{define}} or of a file. */
struct tree {
	struct str name, file, text;
	struct node *first;
	uint32_t n_slots;
	uint64_t assigned; /* slots somewhere set with = */
	bool stock;        /* from defaults.c, not defined anew since */
	/* of the check that was here last: its number, the types of dot it has seen */
	uint64_t check_id, checked;
	struct tree *next;
};

struct tree_list {
	struct tree *first;
};

/* Slots filled before a body runs. Rule texts begin with five names. */
enum { SLOT_ROOT, SLOT_LABELS, SLOT_EXTERNAL_LABELS, SLOT_EXTERNAL_URL, SLOT_VALUE, SLOT_EXPLAIN, SLOT_RULE_COUNT };

struct tree *tree_find(const struct tree_list *list, struct str name);

/*
 * Parses text into *tree (name, file and text are set by the caller) and puts
 * what it defines into list.  0, or negative with err->at.
 */
int tree_parse(struct arena *arena, struct tree *tree, enum template_scope scope,
    struct tree_list *list, struct err *err);

/* --- tokens ------------------------------------------------------------------ */
enum token_kind {
	TOKEN_CLOSE, /* the end of the action */
	TOKEN_DOT,
	TOKEN_FIELD,
	TOKEN_VAR,
	TOKEN_WORD,
	TOKEN_NUMBER,
	TOKEN_CHAR,
	TOKEN_STRING,
	TOKEN_OPEN_PAREN,
	TOKEN_CLOSE_PAREN,
	TOKEN_PIPE,
	TOKEN_ASSIGN,
	TOKEN_DECLARE,
	TOKEN_COMMA,
	TOKEN_END, /* of the text */
};

struct token {
	enum token_kind kind;
	uint32_t at, end;
	bool space;      /* white space stands before it */
	bool trim;       /* TOKEN_CLOSE: -}} */
	struct str text; /* a name without its $ or dot; as written otherwise */
};

bool lex_is_space(char c);
/* Is "}}" or " -}}" at this place: its length, or 0. */
uint32_t lex_close_length(struct str text, uint32_t i);
int lex_token(struct str text, uint32_t i, struct token *ret, struct err *err);
/* The string a quoted constant stands for, in the arena. */
int lex_unquote(struct arena *arena, const struct token *token, struct str *ret, struct err *err);
int lex_number(const struct token *token, struct operand *ret, struct err *err);
