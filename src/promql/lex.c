/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to tokens.
 *
 * What a letter means depends on the bracket it stands in: inside { } words
 * are label names, inside [ ] only step(), range() and their like.  An error
 * ends the tokens; its text and place are in lexer->err.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>

#include "promql/internal.h"

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alpha(char c)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_alnum(char c)
{
	return is_alpha(c) || is_digit(c);
}

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The byte n places ahead, NUL past the end. */
static char
peek(const struct lexer *l, uint32_t n)
{
	return l->pos + n < l->in.n ? l->in.p[l->pos + n] : '\0';
}

static struct token PRINTF(3, 4) fail(struct lexer *l, uint32_t at, const char *fmt, ...)
{
	char text[sizeof(l->err.text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set_at(&l->err, ERR_INVALID, at, "%s", text);
	return (struct token){ .type = TOKEN_ERROR, .at = at };
}

/* what: the character at byte place, quoted as Go does. */
static struct token
fail_at_rune(struct lexer *l, uint32_t at, uint32_t place, const char *what, const char *wanted)
{
	struct arena *arena = arena_new(256);
	uint32_t n;
	struct token token;

	token = fail(l, at, "%s: %s%s", what,
	    promql_quoted_rune(arena, promql_rune(l->in, place, &n)), wanted);
	arena_free(arena);
	return token;
}

/* The next n bytes. */
static struct token
take(struct lexer *l, enum token_type type, int sub, uint32_t n)
{
	struct token token = {
		.type = type,
		.sub = sub,
		.at = l->pos,
		.text = str_make(l->in.p + l->pos, n),
	};

	l->pos += n;
	return token;
}

static void
skip_space(struct lexer *l)
{
	for (;;) {
		while (l->pos < l->in.n && is_space(l->in.p[l->pos]))
			l->pos++;
		if (l->pos >= l->in.n || l->in.p[l->pos] != '#')
			return;
		while (l->pos < l->in.n && l->in.p[l->pos] != '\n' && l->in.p[l->pos] != '\r')
			l->pos++;
	}
}

/* Digits of an escape: n of them in base, at most max; the byte after them, or 0 with an error. */
static uint32_t
escape_digits(struct lexer *l, uint32_t start, uint32_t at, uint32_t n, uint32_t base, uint32_t max)
{
	uint32_t v = 0;

	for (; n > 0; n--, at++) {
		char c = at < l->in.n ? l->in.p[at] : '\0';
		int digit = str_hex_digit(c);

		if (at >= l->in.n) {
			fail(l, start, "escape sequence not terminated");
			return 0;
		}
		if (digit < 0 || (uint32_t)digit >= base) {
			fail(l, start, "illegal character U+%04X '%c' in escape sequence",
			    (unsigned)(unsigned char)c, c >= ' ' && c < 0x7f ? c : '?');
			return 0;
		}
		v = v * base + (uint32_t)digit;
	}
	if (v > max || (v >= 0xD800 && v < 0xE000)) {
		fail(l, start, "escape sequence is an invalid Unicode code point");
		return 0;
	}
	return at;
}

/* at is behind the backslash; the byte after the escape, or 0 with an error. */
static uint32_t
escape(struct lexer *l, uint32_t start, uint32_t at, char quote)
{
	char c = at < l->in.n ? l->in.p[at] : '\0';
	uint32_t n;

	if (at >= l->in.n) {
		fail(l, start, "escape sequence not terminated");
		return 0;
	}
	if (c == quote || (c != '\0' && strchr("abfnrtv\\", c) != NULL))
		return at + 1;
	if (c >= '0' && c <= '7')
		return escape_digits(l, start, at, 3, 8, 255);
	if (c == 'x')
		return escape_digits(l, start, at + 1, 2, 16, 255);
	if (c == 'u')
		return escape_digits(l, start, at + 1, 4, 16, 0x10FFFF);
	if (c == 'U')
		return escape_digits(l, start, at + 1, 8, 16, 0x10FFFF);
	promql_rune(l->in, at, &n);
	fail(l, start, "unknown escape sequence U+%04X '%.*s'", promql_rune(l->in, at, &n), (int)n,
	    l->in.p + at);
	return 0;
}

/* Quoted text; the escapes are read later, they are only checked here. */
static struct token
lex_string(struct lexer *l)
{
	uint32_t start = l->pos, at = start + 1, n;
	char quote = l->in.p[start];

	for (;;) {
		uint32_t rune;

		if (at >= l->in.n || (quote != '`' && l->in.p[at] == '\n'))
			return fail(
			    l, start, "unterminated %s string", quote == '`' ? "raw" : "quoted");
		if (l->in.p[at] == quote)
			return take(l, TOKEN_STRING, 0, at + 1 - start);
		if (l->in.p[at] == '\\' && quote != '`') {
			at = escape(l, start, at + 1, quote);
			if (at == 0)
				return (struct token){ .type = TOKEN_ERROR, .at = start };
			continue;
		}
		rune = promql_rune(l->in, at, &n);
		if (rune == 0xFFFD) /* also one that is meant: so does Prometheus */
			return fail(l, start, "invalid UTF-8 rune");
		at += n;
	}
}

/* Bytes of what may be a number; whether it is one is seen later. */
static uint32_t
number_length(const struct lexer *l)
{
	uint32_t n = 0;

	if (peek(l, 0) == '0' && (peek(l, 1) | 0x20) == 'x') {
		n = 2;
		while (is_hex(peek(l, n)) || peek(l, n) == '_')
			n++;
		return n;
	}
	while (is_digit(peek(l, n)) || peek(l, n) == '_')
		n++;
	if (peek(l, n) == '.')
		n++;
	while (is_digit(peek(l, n)) || (peek(l, n) == '_' && is_digit(peek(l, n - 1))))
		n++;
	if ((peek(l, n) | 0x20) == 'e') {
		n++;
		if (peek(l, n) == '+' || peek(l, n) == '-')
			n++;
		while (is_digit(peek(l, n)) || (peek(l, n) == '_' && is_digit(peek(l, n - 1))))
			n++;
	}
	return n;
}

/*
 * Behind the n bytes of a number: units and more numbers.  Returns where they
 * end, or 0 when something else follows; then *ret_seen bytes were looked at.
 */
static uint32_t
duration_length(const struct lexer *l, uint32_t n, uint32_t *ret_seen)
{
	const char *units = "smhdwy";

	for (;;) {
		char unit = peek(l, n);

		*ret_seen = n;
		if (unit == '\0' || strchr(units, unit) == NULL)
			return 0;
		n += peek(l, n + 1) == 's' ? 2 : 1;
		if (!is_digit(peek(l, n))) {
			*ret_seen = n + 1;
			return is_alnum(peek(l, n)) ? 0 : n;
		}
		while (is_digit(peek(l, n)))
			n++;
		units = "smhdw";
	}
}

static struct token
lex_number(struct lexer *l)
{
	uint32_t n = number_length(l), whole, seen;

	l->fresh = false;
	if (!is_alnum(peek(l, n)) && peek(l, n) != '.')
		return take(l, TOKEN_NUMBER, 0, n);
	if (peek(l, n) == '.') {
		whole = 0;
		seen = n + 1;
	} else {
		whole = duration_length(l, n, &seen);
	}
	if (whole != 0)
		return take(l, TOKEN_TIME, 0, whole);
	return fail(l, l->pos, "bad number or duration syntax: \"%.*s\"",
	    seen > 60 ? 60 : (int)seen, l->in.p + l->pos);
}

/* Keywords such as fill are only that before a parenthesis. */
static bool
parenthesis_follows(const struct lexer *l, uint32_t n)
{
	while (is_space(peek(l, n)))
		n++;
	return peek(l, n) == '(';
}

static struct token
lex_word(struct lexer *l)
{
	enum token_type type = TOKEN_IDENTIFIER;
	struct str word;
	uint32_t n = 0;
	int sub = 0;
	bool colon = false;

	while (is_alnum(peek(l, n)) || (peek(l, n) == ':' && !l->brace)) {
		colon = colon || peek(l, n) == ':';
		n++;
	}
	word = str_make(l->in.p + l->pos, n);
	if (colon)
		type = TOKEN_METRIC;
	else if (!l->brace && promql_keyword(word, &type, &sub) && type == TOKEN_KEYWORD &&
		 sub >= KEYWORD_FILL && sub <= KEYWORD_FILL_RIGHT && !parenthesis_follows(l, n))
		type = TOKEN_IDENTIFIER;
	return take(l, type, sub, n);
}

/* A letter inside [ ]. */
static struct token
lex_clock(struct lexer *l)
{
	enum token_type type = TOKEN_IDENTIFIER;
	uint32_t n = 0;
	int sub = 0;

	while (is_alpha(peek(l, n)))
		n++;
	if (promql_keyword(str_make(l->in.p + l->pos, n), &type, &sub) &&
	    ((type == TOKEN_CLOCK && sub != KEYWORD_START && sub != KEYWORD_END) ||
		(type == TOKEN_AGGREGATOR && (sub == PROMQL_MAXIMUM || sub == PROMQL_MINIMUM))))
		return take(l, type, sub, n);
	if (l->fresh)
		return fail_at_rune(
		    l, l->pos, l->pos, "unexpected character in duration expression", "");
	return fail_at_rune(l, l->pos, l->pos, "unexpected character", ", expected ':'");
}

static struct token
lex_end(struct lexer *l)
{
	if (l->brace)
		return fail(l, l->pos, "unexpected end of input inside braces");
	if (l->bracket && l->fresh)
		return fail(l, l->pos, "unexpected end of input in duration expression");
	if (l->parens != 0)
		return fail(l, l->pos, "unclosed left parenthesis");
	if (l->bracket)
		return fail(l, l->pos, "unclosed left bracket");
	return (struct token){ .type = TOKEN_EOF, .at = l->pos };
}

static struct token
lex_inside_braces(struct lexer *l)
{
	char c = peek(l, 0), next = peek(l, 1);

	if (is_alpha(c))
		return lex_word(l);
	switch (c) {
	case ',':
		return take(l, TOKEN_COMMA, 0, 1);
	case '"':
	case '\'':
	case '`':
		return lex_string(l);
	case '=':
		return next == '~' ? take(l, TOKEN_MATCH, PROMQL_MATCH_RE, 2)
				   : take(l, TOKEN_ASSIGN, 0, 1);
	case '!':
		if (next == '~')
			return take(l, TOKEN_MATCH, PROMQL_MATCH_NRE, 2);
		if (next == '=')
			return take(l, TOKEN_OP, PROMQL_NE, 2);
		return fail_at_rune(
		    l, l->pos, l->pos + 1, "unexpected character after '!' inside braces", "");
	case '{':
		return fail(l, l->pos, "unexpected left brace '{'");
	case '}':
		l->brace = false;
		return take(l, TOKEN_RBRACE, 0, 1);
	default:
		return fail_at_rune(l, l->pos, l->pos, "unexpected character inside braces", "");
	}
}

static struct token
lex_bracket(struct lexer *l)
{
	switch (peek(l, 0)) {
	case '(':
		l->parens++;
		return take(l, TOKEN_LPAREN, 0, 1);
	case ')':
		if (l->parens == 0)
			return fail(l, l->pos + 1, "unexpected right parenthesis ')'");
		l->parens--;
		return take(l, TOKEN_RPAREN, 0, 1);
	case '{':
		l->brace = true;
		return take(l, TOKEN_LBRACE, 0, 1);
	case '[':
		if (l->bracket)
			return fail(l, l->pos, "unexpected left bracket '['");
		l->bracket = l->fresh = true;
		l->colon = false;
		return take(l, TOKEN_LBRACKET, 0, 1);
	case ']':
		if (!l->bracket)
			return fail(l, l->pos, "unexpected right bracket ']'");
		l->bracket = false;
		return take(l, TOKEN_RBRACKET, 0, 1);
	default:
		return fail_at_rune(l, l->pos, l->pos, "unexpected character", "");
	}
}

/* Operators of one or two signs. */
static struct token
lex_sign(struct lexer *l)
{
	char c = peek(l, 0), next = peek(l, 1);

	switch (c) {
	case ',':
		return take(l, TOKEN_COMMA, 0, 1);
	case '@':
		return take(l, TOKEN_AT, 0, 1);
	case '*':
		return take(l, TOKEN_OP, PROMQL_MUL, 1);
	case '/':
		return take(l, TOKEN_OP, PROMQL_DIV, 1);
	case '%':
		return take(l, TOKEN_OP, PROMQL_MOD, 1);
	case '+':
		return take(l, TOKEN_OP, PROMQL_ADD, 1);
	case '-':
		return take(l, TOKEN_OP, PROMQL_SUB, 1);
	case '^':
		return take(l, TOKEN_OP, PROMQL_POW, 1);
	case '=':
		if (next == '~')
			return fail(l, l->pos, "unexpected character after '=': '~'");
		return next == '=' ? take(l, TOKEN_OP, PROMQL_EQ, 2) : take(l, TOKEN_ASSIGN, 0, 1);
	case '!':
		if (next != '=')
			return fail_at_rune(
			    l, l->pos, l->pos + 1, "unexpected character after '!'", "");
		return take(l, TOKEN_OP, PROMQL_NE, 2);
	case '<':
		return next == '='   ? take(l, TOKEN_OP, PROMQL_LE, 2)
		       : next == '/' ? take(l, TOKEN_OP, PROMQL_TRIM_UPPER, 2)
				     : take(l, TOKEN_OP, PROMQL_LT, 1);
	case '>':
		return next == '='   ? take(l, TOKEN_OP, PROMQL_GE, 2)
		       : next == '/' ? take(l, TOKEN_OP, PROMQL_TRIM_LOWER, 2)
				     : take(l, TOKEN_OP, PROMQL_GT, 1);
	default:
		return lex_bracket(l);
	}
}

struct token
promql_lex(struct lexer *l)
{
	char c;

	if (l->err.code != ERR_NONE)
		return (struct token){ .type = TOKEN_ERROR, .at = l->err.at };
	skip_space(l);
	if (l->pos >= l->in.n)
		return lex_end(l);
	if (l->brace)
		return lex_inside_braces(l);
	c = peek(l, 0);
	if (is_digit(c) || (c == '.' && is_digit(peek(l, 1))))
		return lex_number(l);
	if (c == '"' || c == '\'' || c == '`')
		return lex_string(l);
	if (l->bracket && c == ':') {
		if (l->colon)
			return fail(l, l->pos, "unexpected colon ':'");
		l->colon = true;
		return take(l, TOKEN_COLON, 0, 1);
	}
	if (l->bracket && is_alpha(c))
		return lex_clock(l);
	if (is_alpha(c) || c == ':')
		return lex_word(l);
	return lex_sign(l);
}
