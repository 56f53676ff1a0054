/* SPDX-License-Identifier: Apache-2.0 */
/* Parses an expression while it computes it: they are short, and columns few. */
#include "config.h"

#include "source/whylogs_query.h"

#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "stats/frequent.h"
#include "stats/hll.h"
#include "stats/kll.h"

#define DEPTH_MAX  32
#define NAME_SHOWN 60

struct eval {
	const struct whylogs_question *q;
	const struct whylogs_column *column; /* of the reference inside reference() */
	struct kll kll;                      /* of the column; n 0: not decoded yet */
	uint32_t at, depth;
	bool in_reference;
	bool absent; /* the column has not what is asked for */
	bool failed;
	struct err *err;
};

static double
fail(struct eval *e, const char *text)
{
	if (!e->failed)
		err_set_at(e->err, ERR_INVALID, e->at, "%s", text);
	e->failed = true;
	return STATS_NAN;
}

static double
absent(struct eval *e)
{
	e->absent = true;
	return STATS_NAN;
}

static char
peek(const struct eval *e)
{
	return e->at < e->q->text.n ? e->q->text.p[e->at] : '\0';
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void
skip_space(struct eval *e)
{
	while (is_space(peek(e)))
		e->at++;
}

static bool
take(struct eval *e, char c)
{
	skip_space(e);
	if (peek(e) != c)
		return false;
	e->at++;
	return true;
}

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == ':' || (unsigned char)c >= 0x80;
}

/* A name, or a path: words with slashes between them and no space. */
static struct str
take_name(struct eval *e)
{
	uint32_t start = e->at;

	while (is_word(peek(e)) ||
	       (peek(e) == '/' && e->at + 1 < e->q->text.n && is_word(e->q->text.p[e->at + 1])))
		e->at++;
	return str_make(e->q->text.p + start, e->at - start);
}

/* --- what a column has ------------------------------------------------------------ */

static const struct whylogs_component *
component(struct eval *e, const char *path, enum whylogs_component_kind kind)
{
	const struct whylogs_component *c =
	    e->column != NULL ? whylogs_find(e->column, str_from(path)) : NULL;

	if (c == NULL || c->kind != kind) {
		absent(e);
		return NULL;
	}
	return c;
}

static double
mangled(struct eval *e, const char *what, enum stats_status status)
{
	if (!e->failed)
		err_set(e->err, status == STATS_LIMIT ? ERR_LIMIT : ERR_INVALID,
		    "column '%.*s': its %s is %s", STR_ARG(str_head(e->column->name, NAME_SHOWN)),
		    what, status == STATS_LIMIT ? "too large" : "mangled");
	e->failed = true;
	return STATS_NAN;
}

static bool
open_kll(struct eval *e, const struct whylogs_column *column, struct kll *kll)
{
	const struct whylogs_component *c =
	    column != NULL ? whylogs_find(column, STR("distribution/kll")) : NULL;
	enum stats_status status;

	if (c == NULL || c->kind != WHYLOGS_KLL) {
		absent(e);
		return false;
	}
	status = kll_init(kll, c->bytes.p, c->bytes.n);
	if (status != STATS_OK)
		mangled(e, "distribution", status);
	return status == STATS_OK;
}

/* The column's distribution; NULL: it has none. */
static const struct kll *
kll_of(struct eval *e)
{
	if (e->kll.n == 0) {
		kll_fini(&e->kll);
		if (!open_kll(e, e->column, &e->kll))
			return NULL;
	}
	if (e->kll.n == 0) { /* nothing but nulls went in */
		absent(e);
		return NULL;
	}
	return &e->kll;
}

static double
number_of(struct eval *e, struct str path)
{
	const struct whylogs_component *c =
	    e->column != NULL ? whylogs_find(e->column, path) : NULL;

	if (c == NULL || (c->kind != WHYLOGS_INTEGER && c->kind != WHYLOGS_DOUBLE))
		return absent(e);
	return c->number;
}

static double
stddev(struct eval *e)
{
	double m2 = number_of(e, STR("distribution/m2"));
	const struct kll *kll = e->absent || e->failed ? NULL : kll_of(e);

	if (kll == NULL || kll->n < 2)
		return absent(e);
	return sqrt(m2 / ((double)kll->n - 1));
}

static double
distinct(struct eval *e, int bound)
{
	const struct whylogs_component *c = component(e, "cardinality/hll", WHYLOGS_HLL);
	enum stats_status status;
	struct hll hll;

	if (c == NULL)
		return STATS_NAN;
	status = hll_read(&hll, c->bytes.p, c->bytes.n);
	if (status != STATS_OK)
		return mangled(e, "cardinality", status);
	return bound < 0 ? hll.lower : bound > 0 ? hll.upper : hll.estimate;
}

static double
frequency(struct eval *e, struct str text)
{
	const struct whylogs_component *c =
	    component(e, "frequent_items/frequent_strings", WHYLOGS_FREQUENT);
	struct frequent f;
	enum stats_status status;
	double count = 0;

	if (c == NULL)
		return STATS_NAN;
	status = frequent_init(&f, c->bytes.p, c->bytes.n);
	if (status != STATS_OK)
		return mangled(e, "list of frequent items", status);
	for (uint32_t i = 0; i < f.n; i++)
		if (str_eq(f.items[i].text, text))
			count = (double)(f.items[i].weight + f.error);
	frequent_fini(&f);
	return count;
}

static double
ks(struct eval *e, bool excess)
{
	const struct kll *cur;
	struct stats_test test = { .statistic = STATS_NAN };
	struct kll ref = { 0 };

	if (!e->q->has_reference)
		return fail(e, "ks compares with a reference profile, and the source has none: "
			       "give `reference`");
	if (e->q->column == NULL)
		return absent(e);
	cur = kll_of(e);
	if (cur == NULL)
		return STATS_NAN;
	if (open_kll(e, e->q->reference, &ref))
		test = kll_ks(&ref, cur);
	kll_fini(&ref);
	return e->failed || test.status != STATS_OK ? absent(e)
	       : excess                             ? test.effect
						    : test.statistic;
}

/* --- expressions --------------------------------------------------------------------- */

static double expression(struct eval *e);

static const struct {
	const char *name, *path;
} names[] = {
	{ "n", "counts/n" },
	{ "mean", "distribution/mean" },
};

static double
min_or_max(struct eval *e, bool max)
{
	const struct kll *kll = kll_of(e);

	return kll == NULL ? STATS_NAN : max ? kll->max : kll->min;
}

static double
named(struct eval *e, struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_is(name, names[i].name))
			return number_of(e, str_from(names[i].path));
	if (memchr(name.p, '/', name.n) != NULL)
		return number_of(e, name);
	if (str_is(name, "null_ratio"))
		return number_of(e, STR("counts/null")) / number_of(e, STR("counts/n"));
	if (str_is(name, "stddev"))
		return stddev(e);
	if (str_is(name, "min") || str_is(name, "max"))
		return min_or_max(e, str_is(name, "max"));
	if (str_is(name, "rank_error")) {
		const struct kll *kll = kll_of(e);

		return kll != NULL ? kll_error(kll, false) : STATS_NAN;
	}
	if (str_is(name, "distinct"))
		return distinct(e, 0);
	if (str_is(name, "distinct_lower"))
		return distinct(e, -1);
	if (str_is(name, "distinct_upper"))
		return distinct(e, 1);
	if (str_is(name, "ks") || str_is(name, "ks_excess"))
		return ks(e, str_is(name, "ks_excess"));
	e->at -= name.n;
	if (!e->failed)
		err_set_at(e->err, ERR_INVALID, e->at,
		    "unknown name '%.*s'; a path such as counts/null, or n, null_ratio, mean, "
		    "stddev, "
		    "min, max, distinct, ks, quantile(q), rank(x), frequency(\"text\"), "
		    "reference(...)",
		    STR_ARG(str_head(name, NAME_SHOWN)));
	e->failed = true;
	return STATS_NAN;
}

static double
in_reference(struct eval *e)
{
	const struct whylogs_column *column = e->column;
	struct kll kll = e->kll;
	double value;

	if (e->in_reference)
		return fail(e, "reference(...) inside reference(...)");
	if (!e->q->has_reference)
		return fail(e, "the source has no reference profile: give `reference`");
	e->column = e->q->reference;
	e->kll = (struct kll){ 0 };
	e->in_reference = true;
	value = expression(e);
	e->in_reference = false;
	kll_fini(&e->kll);
	e->kll = kll;
	e->column = column;
	return value;
}

static double
take_text(struct eval *e)
{
	uint32_t start;

	skip_space(e);
	if (!take(e, '"'))
		return fail(e, "expected a text in double quotes");
	start = e->at;
	while (peek(e) != '"')
		if (e->at++ >= e->q->text.n)
			return fail(e, "a text without its closing quote");
	e->at++;
	return frequency(e, str_make(e->q->text.p + start, e->at - 1 - start));
}

static double
function(struct eval *e, struct str name)
{
	const struct kll *kll;
	double value = 0;

	if (str_is(name, "frequency")) {
		value = take_text(e);
	} else if (str_is(name, "reference")) {
		value = in_reference(e);
	} else if (str_is(name, "quantile") || str_is(name, "rank")) {
		bool is_quantile = str_is(name, "quantile");

		value = expression(e);
		if (is_quantile && !e->absent && !e->failed && !(value >= 0 && value <= 1))
			return fail(e, "quantile() wants a number from 0 to 1");
		kll = e->failed ? NULL : kll_of(e);
		value = kll == NULL   ? STATS_NAN
			: is_quantile ? kll_quantile(kll, value).value
				      : kll_rank(kll, value, true).value;
	} else if (str_is(name, "samples") || str_is(name, "frequent_items")) {
		return fail(e, "samples(n) and frequent_items stand alone");
	} else {
		return fail(e,
		    "unknown function; there are quantile(q), rank(x), frequency(\"text\") and "
		    "reference(...)");
	}
	if (!e->failed && !take(e, ')'))
		return fail(e, "expected )");
	return value;
}

static double
number(struct eval *e)
{
	uint32_t start = e->at;
	double value;

	while ((peek(e) >= '0' && peek(e) <= '9') || peek(e) == '.' || peek(e) == 'e' ||
	       peek(e) == 'E' ||
	       ((peek(e) == '-' || peek(e) == '+') &&
		   (e->q->text.p[e->at - 1] == 'e' || e->q->text.p[e->at - 1] == 'E')))
		e->at++;
	if (!str_to_double(str_make(e->q->text.p + start, e->at - start), &value))
		return fail(e, "no number");
	return value;
}

static double
factor(struct eval *e)
{
	double value;
	char c;

	skip_space(e);
	c = peek(e);
	if (++e->depth > DEPTH_MAX)
		return fail(e, "nested too deeply");
	if (c == '-') {
		e->at++;
		value = -factor(e);
	} else if (c == '(') {
		e->at++;
		value = expression(e);
		if (!e->failed && !take(e, ')'))
			value = fail(e, "expected )");
	} else if ((c >= '0' && c <= '9') || c == '.') {
		value = number(e);
	} else if (is_word(c)) {
		struct str name = take_name(e);

		value = take(e, '(') ? function(e, name) : named(e, name);
	} else {
		value = fail(e, c == '\0' ? "the expression ends too early"
					  : "expected a path such as counts/null, or a number");
	}
	e->depth--;
	return value;
}

static double
term(struct eval *e)
{
	double value = factor(e);

	while (!e->failed) {
		if (take(e, '*'))
			value *= factor(e);
		else if (take(e, '/'))
			value /= factor(e);
		else
			break;
	}
	return value;
}

static double
expression(struct eval *e)
{
	double value = term(e);

	while (!e->failed) {
		if (take(e, '+'))
			value += term(e);
		else if (take(e, '-'))
			value -= term(e);
		else
			break;
	}
	return value;
}

/* --- rows ---------------------------------------------------------------------------------- */

static int
put(const struct eval *e, struct rows *rows, double value, struct str item, struct err *err)
{
	int code = e->q->begin(e->q->arg, rows, err);

	if (code == 0 && item.p != NULL)
		code = rows_label(rows, STR("item"), item, err);
	if (code < 0)
		return code;
	rows->items[rows->n - 1].value = value;
	rows->items[rows->n - 1].missing = false;
	rows->items[rows->n - 1].at = e->q->at;
	return 0;
}

static int
put_items(struct eval *e, struct rows *rows, struct err *err)
{
	const struct whylogs_component *c =
	    component(e, "frequent_items/frequent_strings", WHYLOGS_FREQUENT);
	struct frequent f;
	enum stats_status status;
	int code = 0;

	if (c == NULL)
		return 0;
	status = frequent_init(&f, c->bytes.p, c->bytes.n);
	if (status != STATS_OK) {
		mangled(e, "list of frequent items", status);
		return -(int)err->code;
	}
	for (uint32_t i = 0; i < f.n && code == 0; i++)
		if (f.items[i].weight > 0)
			code = put(
			    e, rows, (double)(f.items[i].weight + f.error), f.items[i].text, err);
	frequent_fini(&f);
	return code;
}

/* samples(n): the ranks (i + 1/2) / n */
static int
put_samples(struct eval *e, struct rows *rows, struct err *err)
{
	double n = expression(e);
	const struct kll *kll;
	int code = 0;

	if (!e->failed && !(n >= 1 && n <= WHYLOGS_SAMPLES_MAX && n == floor(n)))
		fail(e, "samples() wants a whole number from 1 to 10000");
	if (!e->failed && !take(e, ')'))
		fail(e, "expected )");
	skip_space(e);
	if (!e->failed && e->at < e->q->text.n)
		fail(e, "samples(n) stands alone");
	if (e->failed)
		return -(int)err->code;
	kll = kll_of(e);
	for (double i = 0; kll != NULL && i < n && code == 0; i++)
		code = put(e, rows, kll_quantile(kll, (i + 0.5) / n).value, str_make(NULL, 0), err);
	return e->failed ? -(int)err->code : code;
}

int
whylogs_ask(
    const struct whylogs_question *question, struct rows *rows, bool *ret_absent, struct err *err)
{
	struct eval e = { .q = question, .column = question->column, .err = err };
	double value;
	int code = 0;

	if (str_is(question->text, "frequent_items")) {
		code = put_items(&e, rows, err);
	} else if (str_starts(question->text, STR("samples("))) {
		e.at = 8;
		code = put_samples(&e, rows, err);
	} else {
		value = expression(&e);
		skip_space(&e);
		if (!e.failed && e.at < question->text.n)
			fail(&e, "expected + - * or / with white space around it");
		if (e.failed)
			code = -(int)err->code;
		else if (!e.absent)
			code = put(&e, rows, value, str_make(NULL, 0), err);
	}
	kll_fini(&e.kll);
	*ret_absent = e.absent;
	return code;
}
