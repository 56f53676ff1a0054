/* SPDX-License-Identifier: Apache-2.0 */
/* Finds parameters with a scanner that knows what is text and what is not. */
#include "config.h"

#include "source/sql_params.h"

#define TAG_MAX 64 /* of $tag$; PostgreSQL cuts names at 63 */

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

static void
put_param(enum param_style style, wall_t now, struct buf *out)
{
	switch (style) {
	case PARAM_DOLLAR:
		buf_puts(out, "$1");
		break;
	case PARAM_SECONDS:
		buf_printf(out, "%lld.%03lld", (long long)(now.ns / 1000000000),
		    (long long)(now.ns / 1000000 % 1000));
		break;
	case PARAM_MS:
		buf_put_i64(out, now.ns / 1000000);
		buf_puts(out, "ms");
		break;
	}
}

static int
take_param(struct scan *s, enum param_style style, wall_t now, struct buf *out, uint32_t *ret_n,
    struct err *err)
{
	uint32_t n = 1;
	struct str name;

	while (is_word(peek(s, n)))
		n++;
	name = str_make(s->text.p + s->at + 1, n - 1);
	if (str_is(name, "from") || str_is(name, "to"))
		return err_set_at(err, ERR_INVALID, s->at,
		    ":%.*s belongs to queries over a window, this one has none; write it "
		    "with :now",
		    STR_ARG(name));
	if (str_is(name, "now")) {
		put_param(style, now, out);
		*ret_n = 1;
	} else if (style == PARAM_DOLLAR) {
		return err_set_at(err, ERR_INVALID, s->at,
		    "unknown parameter :%.*s; known here: :now", STR_ARG(str_head(name, 60)));
	} else {
		buf_put(out, s->text.p + s->at, n);
	}
	s->at += n;
	return 0;
}

int
sql_params(struct str text, enum param_style style, wall_t now, struct buf *out, uint32_t *ret_n,
    struct err *err)
{
	struct scan s = { .text = text };
	int code;

	*ret_n = 0;
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
			code = take_param(&s, style, now, out, ret_n, err);
			if (code < 0)
				return code;
		} else if (c == '$' && style == PARAM_DOLLAR && peek(&s, 1) >= '0' &&
			   peek(&s, 1) <= '9' && !is_word(before)) {
			return err_set_at(
			    err, ERR_INVALID, s.at, "parameters have names here; known: :now");
		} else {
			buf_putc(out, c);
			s.at++;
		}
	}
	return 0;
}
