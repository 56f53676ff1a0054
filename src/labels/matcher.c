/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matchers: making, matching, comparing and printing them.
 *
 * Names and values are interned, so that asking a label set is mostly a
 * comparison of pointers.
 */
#include "config.h"

#include "labels/matcher.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "labels/rune.h"

const char *
matcher_op_text(enum matcher_op op)
{
	static const char *const texts[] = {
		[MATCH_EQUAL] = "=",
		[MATCH_NOT_EQUAL] = "!=",
		[MATCH_REGEX] = "=~",
		[MATCH_NOT_REGEX] = "!~",
	};

	return texts[op];
}

static bool
is_regex(enum matcher_op op)
{
	return op == MATCH_REGEX || op == MATCH_NOT_REGEX;
}

static bool
is_negative(enum matcher_op op)
{
	return op == MATCH_NOT_EQUAL || op == MATCH_NOT_REGEX;
}

/* On failure err->at is an offset in the value, or nowhere. */
int
matcher_make(enum matcher_op op, struct str name, struct str value,
    struct matcher *ret, struct err *err)
{
	struct regex *regex = NULL;

	if (name.n == 0)
		return err_set(
		    err, ERR_INVALID, "the label name of a matcher is empty");
	if (name.n > LABEL_NAME_BYTES_MAX)
		return err_set(err, ERR_LIMIT,
		    "the label name of a matcher is longer than %d bytes",
		    LABEL_NAME_BYTES_MAX);
	if (value.n > LABEL_VALUE_BYTES_MAX)
		return err_set(err, ERR_LIMIT,
		    "the value of a matcher is longer than %u bytes",
		    LABEL_VALUE_BYTES_MAX);
	if (!str_is_utf8(name) || !str_is_utf8(value))
		return err_set(
		    err, ERR_INVALID, "a matcher is not valid UTF-8");
	if (is_regex(op)) {
		struct err own = { 0 };

		regex = regex_new(value, &own);
		if (regex == NULL) {
			if (err != NULL)
				*err = own;
			return -(int)own.code;
		}
	}
	*ret = (struct matcher){
		.op = op,
		.name = istr_intern(name),
		.value = istr_intern(value),
		.regex = regex,
	};
	return 0;
}

void
matcher_fini(struct matcher *m)
{
	istr_unref(m->name);
	istr_unref(m->value);
	regex_free(m->regex);
	*m = (struct matcher){ 0 };
}

/* Alertmanager's order: name, value, operator. */
static int
matcher_cmp(const void *pa, const void *pb)
{
	const struct matcher *a = pa, *b = pb;
	int cmp = str_cmp(istr_str(a->name), istr_str(b->name));

	if (cmp == 0)
		cmp = str_cmp(istr_str(a->value), istr_str(b->value));
	return cmp != 0 ? cmp : (int)a->op - (int)b->op;
}

struct matchers *
matchers_new(struct matcher *m, uint32_t n, bool sort)
{
	struct matchers *ms = xmalloc(sizeof(*ms) + n * sizeof(ms->m[0]));

	ms->n = n;
	if (n > 0)
		memcpy(ms->m, m, n * sizeof(*m));
	if (sort && n > 1)
		qsort(ms->m, n, sizeof(ms->m[0]), matcher_cmp);
	return ms;
}

void
matchers_free(struct matchers *ms)
{
	if (ms == NULL)
		return;
	for (uint32_t i = 0; i < ms->n; i++)
		matcher_fini(&ms->m[i]);
	free(ms);
}

bool
matcher_matches_value(const struct matcher *m, struct str value)
{
	bool same = is_regex(m->op) ? regex_matches(m->regex, value)
	                            : str_eq(istr_str(m->value), value);

	return same != is_negative(m->op);
}

bool
matcher_matches(const struct matcher *m, const struct labels *labels)
{
	struct istr *value = NULL;

	for (uint32_t i = 0; i < labels->n; i++) {
		if (labels->l[i].name == m->name) {
			value = labels->l[i].value;
			break;
		}
	}
	if (value != NULL && !is_regex(m->op))
		return (value == m->value) != is_negative(m->op);
	return matcher_matches_value(m, istr_str(value));
}

bool
matchers_match(const struct matchers *ms, const struct labels *labels)
{
	if (ms == NULL)
		return true;
	for (uint32_t i = 0; i < ms->n; i++) {
		if (!matcher_matches(&ms->m[i], labels))
			return false;
	}
	return true;
}

bool
matcher_matches_empty(const struct matcher *m)
{
	return matcher_matches_value(m, (struct str){ "", 0 });
}

static bool
matcher_same(const struct matcher *a, const struct matcher *b)
{
	return a->op == b->op && a->name == b->name && a->value == b->value;
}

static uint32_t
count_of(const struct matchers *ms, const struct matcher *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < ms->n; i++)
		n += matcher_same(&ms->m[i], m);
	return n;
}

bool
matchers_equal(const struct matchers *a, const struct matchers *b)
{
	uint32_t n_a = a != NULL ? a->n : 0, n_b = b != NULL ? b->n : 0;

	if (n_a != n_b)
		return false;
	for (uint32_t i = 0; i < n_a; i++) {
		if (count_of(a, &a->m[i]) != count_of(b, &a->m[i]))
			return false;
	}
	return true;
}

/* Would the name be unreadable without quotes (matcher.go, isReserved)? */
static bool
needs_quotes(struct str name)
{
	uint32_t n;

	for (uint32_t i = 0; i < name.n; i += n) {
		uint32_t rune = rune_decode(name, i, &n);

		if (rune_is_space(rune) ||
		    (rune > 0 && rune < 0x80 &&
			strchr("{}!=~,\\\"'`", (int)rune) != NULL))
			return true;
	}
	return false;
}

/* The three escapes of OpenMetrics: \\ \" \n */
static void
put_escaped(struct buf *out, struct str s)
{
	uint32_t start = 0;

	for (uint32_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c != '\\' && c != '"' && c != '\n')
			continue;
		buf_put(out, s.p + start, i - start);
		buf_putc(out, '\\');
		buf_putc(out, c == '\n' ? 'n' : c);
		start = i + 1;
	}
	if (s.n > start)
		buf_put(out, s.p + start, s.n - start);
}

void
matcher_format(const struct matcher *m, struct buf *out)
{
	struct str name = istr_str(m->name), value = istr_str(m->value);

	if (needs_quotes(name)) {
		go_quote(out, name);
		buf_puts(out, matcher_op_text(m->op));
		go_quote(out, value);
		return;
	}
	buf_put_str(out, name);
	buf_puts(out, matcher_op_text(m->op));
	buf_putc(out, '"');
	put_escaped(out, value);
	buf_putc(out, '"');
}

void
matchers_format(const struct matchers *ms, struct buf *out)
{
	buf_putc(out, '{');
	for (uint32_t i = 0; ms != NULL && i < ms->n; i++) {
		if (i > 0)
			buf_putc(out, ',');
		matcher_format(&ms->m[i], out);
	}
	buf_putc(out, '}');
}
