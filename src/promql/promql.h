/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PromQL: text to tree, types checked, and back to canonical text.
 *
 * The language is Prometheus' as of 3.x with every experimental part, plus
 * what 2.x had and 3.0 dropped: a source may run either, so a construct is
 * refused only when no Prometheus has it.  What a tree needs of the server is
 * in its flags.  MetricsQL is another language and not read here.
 *
 * Trees live in the caller's arena and borrow from the text they were read
 * from: keep both as long as the tree.  Trees are not changed after parsing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define PROMQL_TEXT_MAX (64u << 10)
#define PROMQL_NESTING_MAX 200 /* brackets, arguments and signs inside each other */
#define PROMQL_DEPTH_MAX 2000  /* of the tree: a + b + c + ... grows to the left */

enum promql_value {
	PROMQL_SCALAR,
	PROMQL_VECTOR, /* instant vector */
	PROMQL_MATRIX, /* range vector */
	PROMQL_TEXT,
	PROMQL_VALUE_COUNT
};

enum promql_kind {
	PROMQL_NUMBER,
	PROMQL_STRING,
	PROMQL_SELECTOR,  /* name{label="value"} */
	PROMQL_RANGE,     /* selector[5m] */
	PROMQL_SUBQUERY,  /* expr[1h:5m] */
	PROMQL_CALL,
	PROMQL_AGGREGATE,
	PROMQL_BINARY,
	PROMQL_UNARY,
	PROMQL_PAREN,
	PROMQL_DURATION,  /* arithmetic where a duration stands; never elsewhere */
	PROMQL_KIND_COUNT
};

enum promql_op {
	PROMQL_OR,
	PROMQL_AND,
	PROMQL_UNLESS,
	PROMQL_EQ,
	PROMQL_NE,
	PROMQL_LT,
	PROMQL_LE,
	PROMQL_GT,
	PROMQL_GE,
	PROMQL_TRIM_UPPER,
	PROMQL_TRIM_LOWER,
	PROMQL_ADD,
	PROMQL_SUB,
	PROMQL_MUL,
	PROMQL_DIV,
	PROMQL_MOD,
	PROMQL_ATAN2,
	PROMQL_POW,
	/* only inside durations */
	PROMQL_STEP,
	PROMQL_WINDOW, /* range() */
	PROMQL_MIN,
	PROMQL_MAX,
	PROMQL_MIN_OF,
	PROMQL_MAX_OF,
	PROMQL_OP_COUNT
};

enum promql_aggregator {
	PROMQL_AVG,
	PROMQL_BOTTOMK,
	PROMQL_COUNT,
	PROMQL_COUNT_VALUES,
	PROMQL_GROUP,
	PROMQL_LIMIT_RATIO,
	PROMQL_LIMITK,
	PROMQL_MAXIMUM,
	PROMQL_MINIMUM,
	PROMQL_QUANTILE,
	PROMQL_STDDEV,
	PROMQL_STDVAR,
	PROMQL_SUM,
	PROMQL_TOPK,
	PROMQL_AGGREGATOR_COUNT
};

/* What the server must be; a node has its own flags and those of all below it. */
enum promql_flag {
	PROMQL_NEEDS_3 = 1u << 0,           /* Prometheus 2 refuses it */
	PROMQL_NEEDS_EXPERIMENTAL = 1u << 1, /* behind a feature flag in some version */
	PROMQL_GONE_IN_3 = 1u << 2,
};

enum promql_match { PROMQL_MATCH_EQ, PROMQL_MATCH_NE, PROMQL_MATCH_RE, PROMQL_MATCH_NRE };

struct promql_matcher {
	enum promql_match op;
	uint32_t at;
	struct str name, value;
};

struct promql_names {
	struct str *list;
	uint32_t n;
};

enum promql_at { PROMQL_AT_NONE, PROMQL_AT_TIME, PROMQL_AT_START, PROMQL_AT_END };

/* A span of time: the literal, or arithmetic when expr is not NULL. */
struct promql_span {
	int64_t ms;
	struct promql_expr *expr;
};

struct promql_shift {
	struct promql_span offset;
	enum promql_at at;
	int64_t at_ms; /* for PROMQL_AT_TIME */
};

struct promql_function {
	const char *name;
	const char *args; /* a letter each: v, m, s (scalar), t (text) */
	int variadic;     /* 0: exactly these; n: the last may be left out or come n times; -1: no maximum */
	enum promql_value returns;
	uint32_t flags;
};

struct promql_selector {
	struct str name; /* before the braces, or empty */
	struct promql_matcher *matchers;
	uint32_t n;
	bool anchored, smoothed;
	struct promql_shift shift;
};

struct promql_binary {
	enum promql_op op;
	uint32_t op_at;
	bool is_bool;
	bool on;                     /* else ignoring */
	bool group_left, group_right;
	bool fills_left, fills_right;
	double fill_left, fill_right;
	struct promql_names matching, include;
};

struct promql_expr {
	enum promql_kind kind;
	enum promql_value type;
	uint32_t at, end; /* bytes of the text */
	uint32_t flags;   /* enum promql_flag */
	uint32_t depth;
	uint32_t n;       /* children in order of appearance: operands, arguments, the inner expression */
	struct promql_expr **args;
	union {
		struct {
			double v;
			bool is_duration; /* written 5m; v is in seconds */
		} number;
		struct str string; /* unquoted */
		struct promql_selector selector;
		struct {
			struct promql_span range, step;
			struct promql_shift shift; /* of a subquery; a range has it in its selector */
		} window;
		const struct promql_function *function;
		struct {
			enum promql_aggregator op;
			bool without;
			struct promql_names by;
		} aggregate; /* args: [parameter,] expression */
		struct promql_binary binary;
		struct {
			enum promql_op op;
			bool wrapped; /* a duration in parentheses */
		} sign; /* unary and duration */
	} u;
};

/*
 * Whether a regular expression of a matcher is one, and whether it matches
 * the empty text (a selector needs one matcher that does not).  0, or
 * negative with a reason.  This room knows no regular expressions itself.
 */
typedef int promql_regex_fn(struct str pattern, bool *ret_matches_empty, struct err *err);

/*
 * NULL and err on failure: the text is Prometheus', without "1:2: parse
 * error: "; err->at is the byte.  Without a regex function patterns are not
 * checked and only "" and ".*" count as matching nothing.
 */
struct promql_expr *promql_parse(struct arena *arena, struct str text, struct err *err);
struct promql_expr *promql_parse_with(struct arena *arena, struct str text, promql_regex_fn *regex, struct err *err);

enum promql_value promql_type(const struct promql_expr *expr);
const char *promql_value_name(enum promql_value type); /* "instant vector" */
const char *promql_op_text(enum promql_op op);
const char *promql_aggregator_name(enum promql_aggregator op);
bool promql_op_compares(enum promql_op op);
const struct promql_function *promql_function(struct str name); /* NULL: there is none */
/* Row i of the table of functions, ordered by name; NULL past its end. */
const struct promql_function *promql_function_at(uint32_t i);

/* As Prometheus writes it: sum by (job) (rate(x[5m])). */
void promql_print(const struct promql_expr *expr, struct buf *out);
bool promql_equal(const struct promql_expr *a, const struct promql_expr *b); /* same canonical text */

/* Every node, parents first; stops and returns false when fn does. */
typedef bool promql_walk_fn(const struct promql_expr *expr, void *arg);
bool promql_walk(const struct promql_expr *expr, promql_walk_fn *fn, void *arg);
/* The metric a selector names, in front of or inside its braces; false: none, or by pattern. */
bool promql_selector_metric(const struct promql_expr *selector, struct str *ret);
/* The names of all metrics used, each once, in order of appearance; the array is in the arena. */
struct promql_names promql_metrics(const struct promql_expr *expr, struct arena *arena);
bool promql_calls(const struct promql_expr *expr, const char *function);

/*
 * Nothing in it depends on a value or an absence: as an alert it fires for
 * every series there is, always.
 */
bool promql_is_unconditional(const struct promql_expr *expr);

/* subject op limit, the number on either side; limit < X reads as X > limit. */
struct promql_threshold {
	const struct promql_expr *subject;
	enum promql_op op;
	double limit;
};
/* Whether the whole expression, parentheses aside, is one. */
bool promql_threshold(const struct promql_expr *expr, struct promql_threshold *ret);
