/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values, functions, fields: what an expression of a template is made of.
 *
 * A value is passed by value and points into the parse tree, the caller's data
 * or the scratch arena of one execution.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"
#include "base/tz.h"
#include "template/syntax.h"
#include "template/template.h"

/* Types as the checker knows them and as %T names them. */
enum type {
	TYPE_ANY, /* not known before it runs */
	TYPE_NONE, /* no value at all, or nil */
	TYPE_BOOL,
	TYPE_INT,
	TYPE_INT64,
	TYPE_BYTE,
	TYPE_MONTH,
	TYPE_WEEKDAY,
	TYPE_DURATION,
	TYPE_FLOAT,
	TYPE_STRING,
	TYPE_HTML,
	TYPE_URL,
	TYPE_TIME,
	TYPE_STRINGS,
	TYPE_LIST,
	TYPE_ALERTS,
	TYPE_ALERT_LIST, /* of .Firing and .Resolved: no methods */
	TYPE_PAIRS,
	TYPE_SAMPLES, /* of query */
	TYPE_LABELS, /* map[string]string */
	TYPE_KV,     /* the same with methods */
	TYPE_DICT,
	TYPE_RULE_DATA,
	TYPE_DATA,
	TYPE_ALERT,
	TYPE_PAIR,
	TYPE_SAMPLE,
	TYPE_EXPLAIN,
	TYPE_COUNT
};

struct value;

struct entry {
	struct str key;
	const struct value *value;
};

/* Sorted by key once `entries` is set; before that only `source` is. */
struct map {
	const struct template_labels *source;
	struct entry *entries;
	uint32_t n;
};

struct list {
	struct value *items;
	uint32_t n;
};

struct time {
	int64_t sec; /* since 1970 */
	int32_t nsec;
	const struct tz *zone; /* NULL: UTC */
};

struct value {
	enum type type;
	union {
		int64_t i; /* bool, the integers, duration in ns */
		double f;
		struct str s;
		struct time time;
		struct list list;
		struct map *map;
		const struct template_alert *alert;
		const struct template_sample *sample;
		struct { const struct str *name, *value; } pair;
	};
};

#define VALUE_STR(x) ((struct value){ .type = TYPE_STRING, .s = (x) })
#define VALUE_I(x) ((struct value){ .type = TYPE_INT, .i = (x) })
#define VALUE_B(x) ((struct value){ .type = TYPE_BOOL, .i = (x) })
#define VALUE_F(x) ((struct value){ .type = TYPE_FLOAT, .f = (x) })
#define GO_ZERO_SECONDS (-62135596800ll) /* year 1 */

/* One execution. */
struct exec {
	const struct template *t;
	const struct template_data *data;
	const struct tree *tree; /* the body that runs */
	struct arena *arena;     /* scratch */
	struct buf *out;
	struct err *err;
	struct value *vars;
	uint32_t budget; /* what is left of the work allowed */
	uint32_t left;   /* bytes of output */
	uint32_t depth, calls;
	const struct regex_search *regex; /* of the call being made, when its pattern is constant */
	uint32_t at;     /* what is being evaluated, for errors */
	struct html *html; /* NULL: plain text */
};

typedef int func_call(struct exec *x, const struct value *args, uint32_t n, struct value *ret);

/*
 * params: a any, s string, i int, f float64, n number or what reads as one,
 * L list of strings, T time, D duration, l list, S sample, Q what query gives; a star at the end repeats the last.
 */
struct func {
	const char *name;
	const char *params;
	enum type result;
	func_call *call;
	bool regex_first; /* its first argument is a regular expression */
	bool unsteady;    /* its result changes by itself */
};

const struct func *func_find(struct str name, enum template_scope scope);
int func_unknown(struct str name, enum template_scope scope, uint32_t at, struct err *err);

extern const struct func funcs_go[], funcs_rule[], funcs_query[], funcs_notification[], funcs_both[];

/* Fields and methods of the types that have them. */
struct member {
	enum type of;
	const char *name;
	const char *params; /* NULL: a field */
	enum type result;
	func_call *get;     /* args[0] is the receiver */
};

const struct member *member_find(enum type of, struct str name);
/* The name a misspelled one was meant to be, or NULL. */
const char *member_nearest(enum type of, struct str name);
bool type_has_members(enum type type);
bool type_is_map(enum type type);
bool type_is_list(enum type type);
enum type type_item(enum type type);
/* "string", "template.KV" */
const char *type_name(enum type type);

/* 0; or negative: n, a measure of work or memory, is more than is left. */
int exec_charge(struct exec *x, size_t n);
int exec_fail(struct exec *x, const char *fmt, ...) PRINTF(2, 3);
/* The content of buf as a value; empties buf. */
int exec_take(struct exec *x, struct buf *buf, struct value *ret);

/* check.c: a text, or with main NULL every template of the set. */
struct check {
	struct arena *arena;
	struct tree *main;
	const struct tree_list *own, *set;
	enum template_scope scope;
	struct err *err;
	bool uses_value, asks, explains; /* found */
	bool calls_own;        /* a template that is not a stock one */
	struct str bad_file; /* where the error is, when not in main */
};
int check_run(struct check *check);
/* Does a call with n arguments fit: 0, or negative. */
bool func_takes(const char *params, uint32_t n);

/* What the set holds now is stock. */
void template_set_seal(struct template_set *set);

/* value.c */
struct map *value_labels(struct exec *x, const struct template_labels *labels);
void value_map_order(struct map *map); /* sorts entries that are there */
int value_map_sort(struct exec *x, struct map *map);
/* TYPE_NONE when absent in a map of anything, "" in one of strings. */
struct value value_map_get(const struct value *map, struct str key);
struct str value_label(const struct template_labels *labels, struct str name);
bool value_truth(const struct value *v);
bool value_is_text(const struct value *v); /* a kind of string */
bool value_is_int(const struct value *v);
struct value value_item(const struct value *list, uint32_t i);
struct value value_time(wall_t t);
struct value value_strings(struct exec *x, uint32_t n);
struct value value_field(struct exec *x, const struct value *v, struct str name); /* of a struct with fields only */
int value_json(struct exec *x, const struct value *v, struct buf *out, uint32_t depth);

/* print.c: Go's fmt */
void print_value(struct exec *x, struct buf *out, const struct value *v); /* %v */
int print_format(struct exec *x, struct str format, const struct value *args, uint32_t n, struct buf *out);
void print_args(struct exec *x, struct buf *out, const struct value *args, uint32_t n); /* Sprint */
/* verb e, f or g with a precision; -1: shortest. Sign only when negative. */
void print_float(struct buf *out, double v, char verb, int precision);
/* String() of what has it; false when it has none. */
bool print_string_of(struct exec *x, const struct value *v, struct buf *out);

/* gotime.c */
void gotime_format(struct buf *out, struct time t, struct str layout);
bool gotime_parse(struct str layout, struct str text, struct time *ret);
void gotime_duration(struct buf *out, int64_t ns);
struct civil { int64_t year; int month, day, hour, minute, second, weekday, yearday; };
struct civil gotime_civil(struct time t, int32_t *ret_offset, const char **ret_abbreviation);
int64_t gotime_days(int64_t year, int month, int day); /* since 1970; month may be out of 1..12 */
extern const char *const gotime_months[12], *const gotime_weekdays[7];

/* escape.c */
void escape_html(struct buf *out, struct str s);   /* the function html */
void escape_js(struct buf *out, struct str s);     /* the function js */
void escape_query(struct buf *out, struct str s);  /* url.QueryEscape */
void escape_path(struct buf *out, struct str s);   /* url.PathEscape */
bool unescape_query(struct buf *out, struct str s);

/* html.c: where in a page the output stands */
struct html;
struct html *html_new(struct arena *arena);
void html_literal(struct html *h, struct str s, struct buf *out);
void html_value(struct exec *x, struct html *h, const struct value *v, struct buf *out);

/* template.c: among the text's own, then among those of its set */
const struct tree *template_tree(const struct template *t, struct str name);

/* exec.c */
int exec_tree(struct exec *x, const struct tree *tree, const struct value *dot);
int exec_call(struct exec *x, const char *name, const char *params, func_call *call,
    const struct value *args, uint32_t n, uint32_t skip, struct value *ret);
