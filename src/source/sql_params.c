/* SPDX-License-Identifier: Apache-2.0 */
/* Finds parameters with a scanner that knows what is text and what is not. */
#include "config.h"

#include "source/sql_params.h"

#include <string.h>

#include "base/attr.h"
#include "base/timestamp.h"
#include "source/source.h"

#define NEWEST_WITHIN DUR_S(300) /* as Prometheus looks back */
#define TAG_MAX       64         /* of $tag$; PostgreSQL cuts names at 63 */

struct scan {
	struct str text;
	uint32_t at;
};

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || (unsigned char)c >= 0x80;
}

static char
peek(const struct scan *s, uint32_t ahead)
{
	return s->at + ahead < s->text.n ? s->text.p[s->at + ahead] : '\0';
}

/* Past a quoted run; a doubled quote is part of it. */
static void
skip_quoted(struct scan *s, bool escapes)
{
	char quote = s->text.p[s->at++];

	while (s->at < s->text.n) {
		char c = s->text.p[s->at++];

		if (escapes && c == '\\' && s->at < s->text.n) {
			s->at++;
		} else if (c == quote) {
			if (peek(s, 0) != quote)
				return;
			s->at++;
		}
	}
}

static void
skip_line(struct scan *s)
{
	while (s->at < s->text.n && s->text.p[s->at] != '\n')
		s->at++;
}

static void
skip_block(struct scan *s)
{
	uint32_t depth = 0;

	while (s->at < s->text.n) {
		if (peek(s, 0) == '/' && peek(s, 1) == '*') {
			depth++;
			s->at += 2;
		} else if (peek(s, 0) == '*' && peek(s, 1) == '/') {
			s->at += 2;
			if (--depth == 0)
				return;
		} else {
			s->at++;
		}
	}
}

/* $tag$ ... $tag$; false: this dollar begins no such text. */
static bool
skip_dollar(struct scan *s)
{
	uint32_t n = 1;

	while (n < TAG_MAX && is_word(peek(s, n)))
		n++;
	if (peek(s, n) != '$' || (n > 1 && peek(s, 1) >= '0' && peek(s, 1) <= '9'))
		return false;
	n++;
	for (uint32_t i = s->at + n; i + n <= s->text.n; i++)
		if (memcmp(s->text.p + i, s->text.p + s->at, n) == 0) {
			s->at = i + n;
			return true;
		}
	s->at = s->text.n;
	return true;
}

/* Past what holds no parameters; false: there is none here. */
static bool
skip_inert(struct scan *s, enum param_style style)
{
	char c = peek(s, 0), before = s->at > 0 ? s->text.p[s->at - 1] : ' ';
	bool postgres = style == PARAM_DOLLAR;

	if (c == '\'' || c == '"' || c == '`') {
		/* PostgreSQL reads escapes in E'...' alone, the others always. */
		bool e = (before == 'e' || before == 'E') &&
			 (s->at < 2 || !is_word(s->text.p[s->at - 2]));

		skip_quoted(s, c == '\'' ? !postgres || e : !postgres);
	} else if (c == '-' && peek(s, 1) == '-') {
		skip_line(s);
	} else if (c == '/' && peek(s, 1) == '*') {
		skip_block(s);
	} else if (c == '$' && postgres && !is_word(before)) {
		return skip_dollar(s);
	} else {
		return false;
	}
	return true;
}

struct sql_times
sql_times_of(const struct source_query *query)
{
	struct sql_times times = { query->at, query->from, query->to };
	dur_t back = { 2 * query->step.ns };

	/* The newest of series that are asked for over a window besides. */
	if (query->shape == QUERY_INSTANT && !wall_is_set(times.from) && query->step.ns > 0) {
		times.from =
		    wall_sub(query->at, dur_less(back, NEWEST_WITHIN) ? NEWEST_WITHIN : back);
		times.to = query->at;
	}
	return times;
}

int
sql_param_value(struct str name, const struct sql_times *times, wall_t *ret, struct err *err)
{
	const bool from = str_is(name, "from"), to = str_is(name, "to");

	if (!from && !to && !str_is(name, "now"))
		return err_set(err, ERR_INVALID,
		    "unknown parameter :%.*s; known here: :now, :from, :to",
		    STR_ARG(str_head(name, 60)));
	*ret = from ? times->from : to ? times->to : times->now;
	if ((from || to) && !wall_is_set(*ret))
		return err_set(err, ERR_INVALID,
		    ":%.*s belongs to queries over a window, this one has none; write it "
		    "with :now",
		    STR_ARG(name));
	return 0;
}

static int
put_param(
    enum param_style style, wall_t at, struct buf *out, struct sql_bound *ret, struct err *err)
{
	char text[TIMESTAMP_TEXT_MAX];

	switch (style) {
	case PARAM_DOLLAR:
		if (ret->n == SQL_PARAMS_MAX)
			return err_set(err, ERR_LIMIT, "more than %d parameters", SQL_PARAMS_MAX);
		ret->at[ret->n++] = at;
		buf_printf(out, "$%u", ret->n);
		break;
	case PARAM_SECONDS:
		buf_printf(out, "%lld.%03lld", (long long)(at.ns / 1000000000),
		    (long long)(at.ns / 1000000 % 1000));
		break;
	case PARAM_MS:
		buf_put_i64(out, at.ns / 1000000);
		buf_puts(out, "ms");
		break;
	case PARAM_TEXT:
		buf_printf(out, "\"%s\"", timestamp_format_ms(at, text));
		break;
	}
	return 0;
}

static bool
is_known(struct str name)
{
	return str_is(name, "now") || str_is(name, "from") || str_is(name, "to");
}

static int
take_param(struct scan *s, enum param_style style, const struct sql_times *times, struct buf *out,
    struct sql_bound *ret, struct err *err)
{
	uint32_t n = 1;
	struct str name;
	wall_t at;
	int code = 0;

	while (is_word(peek(s, n)))
		n++;
	name = str_make(s->text.p + s->at + 1, n - 1);
	if (style != PARAM_DOLLAR && !is_known(name)) {
		buf_put(out, s->text.p + s->at, n);
	} else {
		code = sql_param_value(name, times, &at, err);
		if (code == 0)
			code = put_param(style, at, out, ret, err);
		if (code < 0 && err != NULL)
			err->at = s->at;
	}
	s->at += n;
	return code;
}

int
sql_params(struct str text, enum param_style style, const struct sql_times *times, struct buf *out,
    struct sql_bound *ret, struct err *err)
{
	struct scan s = { .text = text };
	int code;

	if (ret != NULL)
		ret->n = 0;
	while (s.at < text.n) {
		uint32_t start = s.at;
		char c = peek(&s, 0), before = start > 0 ? text.p[start - 1] : ' ';

		if (skip_inert(&s, style)) {
			buf_put(out, text.p + start, s.at - start);
		} else if (c == ':' && peek(&s, 1) == ':') {
			buf_puts(out, "::");
			s.at += 2;
		} else if (c == ':' && !is_word(before) && before != ']' && before != ')' &&
			   before != '"' && is_word(peek(&s, 1)) &&
			   !(peek(&s, 1) >= '0' && peek(&s, 1) <= '9')) {
			code = take_param(&s, style, times, out, ret, err);
			if (code < 0)
				return code;
		} else if (c == '$' && style == PARAM_DOLLAR && peek(&s, 1) >= '0' &&
			   peek(&s, 1) <= '9' && !is_word(before)) {
			return err_set_at(err, ERR_INVALID, s.at,
			    "parameters have names here; known: :now, :from, :to");
		} else {
			buf_putc(out, c);
			s.at++;
		}
	}
	return 0;
}

bool
sql_mentions(struct str text, const char *name)
{
	size_t n = strlen(name);

	for (uint32_t i = 0; i + n <= text.n; i++)
		if (memcmp(text.p + i, name, n) == 0)
			return true;
	return false;
}

/* Wherever a name stands, it counts: Elasticsearch's searches have them in quotes. */
const char *
sql_timeless(const struct source_config *config UNUSED, struct str text, bool span)
{
	bool spans = sql_mentions(text, ":from") || sql_mentions(text, ":to");

	if (spans || (!span && sql_mentions(text, ":now")))
		return NULL;
	return span ? "write :from and :to into it (ts >= :from AND ts < :to), or leave the "
		      "window out"
		    : "write :now into it (ts <= :now)";
}
