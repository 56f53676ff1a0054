/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: tokens, the parser's state, literals. */
#pragma once

#include "base/attr.h"
#include "promql/promql.h"

enum token_type {
	TOKEN_EOF,
	TOKEN_ERROR, /* the lexer's err says why */
	TOKEN_COMMA,
	TOKEN_COLON,
	TOKEN_LPAREN,
	TOKEN_RPAREN,
	TOKEN_LBRACE,
	TOKEN_RBRACE,
	TOKEN_LBRACKET,
	TOKEN_RBRACKET,
	TOKEN_ASSIGN,      /* = */
	TOKEN_MATCH,       /* =~ !~ */
	TOKEN_AT,
	TOKEN_OP,          /* sub: enum promql_op; != is also a match */
	TOKEN_IDENTIFIER,
	TOKEN_METRIC,      /* an identifier with a colon */
	TOKEN_STRING,      /* with its quotes, escapes checked */
	TOKEN_NUMBER,
	TOKEN_TIME,        /* 5m */
	TOKEN_AGGREGATOR,  /* sub: enum promql_aggregator */
	TOKEN_KEYWORD,     /* sub: enum keyword */
	TOKEN_CLOCK,       /* start end step range min_of max_of; sub: enum keyword */
};

enum keyword {
	KEYWORD_ANCHORED,
	KEYWORD_BOOL,
	KEYWORD_BY,
	KEYWORD_FILL,
	KEYWORD_FILL_LEFT,
	KEYWORD_FILL_RIGHT,
	KEYWORD_GROUP_LEFT,
	KEYWORD_GROUP_RIGHT,
	KEYWORD_IGNORING,
	KEYWORD_OFFSET,
	KEYWORD_ON,
	KEYWORD_SMOOTHED,
	KEYWORD_WITHOUT,
	KEYWORD_END,
	KEYWORD_MAX_OF,
	KEYWORD_MIN_OF,
	KEYWORD_RANGE,
	KEYWORD_START,
	KEYWORD_STEP,
};

struct token {
	enum token_type type;
	int sub;
	uint32_t at;
	struct str text;
};

struct lexer {
	struct str in;
	uint32_t pos;
	uint32_t parens;
	bool brace;   /* inside { } keywords are names */
	bool bracket; /* inside [ ] letters are step() and its like */
	bool fresh;   /* no literal yet since [ */
	bool colon;   /* seen since [ */
	struct err err;
};

struct parser {
	struct arena *arena;
	struct lexer lexer;
	struct token token; /* the next one, not yet taken */
	uint32_t last_end;  /* of the token taken last */
	uint32_t nesting, aggregations;
	promql_regex_fn *regex;
	struct err *err;
};

/* lex.c */
struct token promql_lex(struct lexer *lexer);

/* parse.c: the token ahead */
void promql_advance(struct parser *p);
bool promql_is(const struct parser *p, enum token_type type);
bool promql_is_sign(const struct parser *p); /* + or - */
bool promql_is_sub(const struct parser *p, enum token_type type, int sub);

/* token.c */
bool promql_keyword(struct str word, enum token_type *ret_type, int *ret_sub);
int promql_precedence(enum promql_op op); /* 1..6, 0: not between expressions */
bool promql_op_is_set(enum promql_op op);
bool promql_takes_parameter(enum promql_aggregator op);
const char *promql_describe(struct arena *arena, const struct token *token);

/* literal.c */
uint32_t promql_rune(struct str s, uint32_t at, uint32_t *ret_n); /* U+FFFD when invalid */
void promql_put_quoted(struct buf *out, struct str s, char quote);
const char *promql_quoted(struct arena *arena, struct str s);
const char *promql_quoted_rune(struct arena *arena, uint32_t rune);
struct str promql_unquote(struct arena *arena, struct str token);
/* NULL, or what is wrong */
const char *promql_number(struct arena *arena, struct str text, double *ret, bool *ret_needs_3);
const char *promql_seconds(struct arena *arena, struct str text, double *ret);
void promql_put_number(struct buf *out, double v);
void promql_put_ms(struct buf *out, int64_t ms);
bool promql_is_label(struct str name); /* [a-zA-Z_][a-zA-Z0-9_]* */

/* parse.c, for its neighbours; all return NULL or false after an error */
struct promql_expr *promql_node(struct parser *p, enum promql_kind kind, uint32_t at, struct promql_expr **args, uint32_t n);
void *promql_fail(struct parser *p, uint32_t at, const char *fmt, ...) PRINTF(3, 4);
void *promql_unexpected(struct parser *p, const char *where, const char *wanted);
bool promql_expect(struct parser *p, enum token_type type, const char *where, const char *wanted);
bool promql_nest(struct parser *p);
struct promql_expr *promql_number_literal(struct parser *p);
struct promql_expr *promql_expression(struct parser *p);

/* parse_match.c */
bool promql_matching(struct parser *p, struct promql_binary *binary);
uint32_t promql_matching_flags(const struct promql_binary *binary);

/* parse_names.c */
bool promql_names(struct parser *p, struct promql_names *ret);
/* name: the token before the braces, already taken, or NULL */
struct promql_expr *promql_selector(struct parser *p, const struct token *name);

/* parse_time.c: [5m], [1h:5m], offset, @, anchored, smoothed */
struct promql_expr *promql_modifiers(struct parser *p, struct promql_expr *expr);

/* check.c */
int promql_check(struct arena *arena, const struct promql_expr *expr, promql_regex_fn *regex, struct err *err);
