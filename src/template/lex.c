/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of an action, by the rules of Go's text/template.  No state: a token
 * is read at an offset, so the parser goes back by remembering one.
 */
#include "config.h"

#include <math.h>

#include "labels/rune.h"
#include "template/syntax.h"

#define FOUND_MAX 40   /* bytes of the text shown in an error */
#define NUMBER_MAX 100 /* bytes of a number */

bool
lex_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Letters beyond ASCII are taken without asking Unicode. */
static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_' || (unsigned char)c >= 0x80;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char
byte_at(struct str text, uint32_t i)
{
	return i < text.n ? text.p[i] : '\0';
}

uint32_t
lex_close_length(struct str text, uint32_t i)
{
	if (byte_at(text, i) == '}' && byte_at(text, i + 1) == '}')
		return 2;
	return byte_at(text, i) == '-' && byte_at(text, i + 1) == '}' &&
		byte_at(text, i + 2) == '}' && i > 0 &&
		lex_is_space(text.p[i - 1])
	    ? 3
	    : 0;
}

/* What stands here, up to white space or the end of the action. */
static struct str
found_at(struct str text, uint32_t at)
{
	uint32_t n = 0;

	while (at + n < text.n && !lex_is_space(text.p[at + n]) &&
	    (n == 0 || lex_close_length(text, at + n) == 0))
		n++;
	return str_head(str_make(text.p + at, n), FOUND_MAX);
}

/* A name ends before these, and before the end of the action. */
static int
check_name_end(struct str text, uint32_t i, struct err *err)
{
	char c = byte_at(text, i);

	if (i >= text.n || lex_is_space(c) || strchr(".,|:=)(", c) != NULL ||
	    lex_close_length(text, i) > 0)
		return 0;
	return err_set_at(err, ERR_INVALID, i, "unexpected \"%.*s\" right "
	    "after a name (names have letters, digits and _)",
	    STR_ARG(found_at(text, i)));
}

static int
lex_name(struct str text, struct token *t, uint32_t skip, struct err *err)
{
	uint32_t i = t->at + skip;

	while (i < text.n && is_alnum(text.p[i]))
		i++;
	t->text = str_make(text.p + t->at + skip, i - t->at - skip);
	t->end = i;
	return check_name_end(text, i, err);
}

static int
lex_digits(struct str text, struct token *t, struct err *err)
{
	uint32_t i = t->at;
	bool hex;

	if (byte_at(text, i) == '+' || byte_at(text, i) == '-')
		i++;
	hex = byte_at(text, i) == '0' && (byte_at(text, i + 1) | 32) == 'x';
	for (; i < text.n; i++) {
		char c = text.p[i];

		if (is_alnum(c) || c == '.')
			continue;
		if ((c == '+' || c == '-') &&
		    (text.p[i - 1] | 32) == (hex ? 'p' : 'e'))
			continue;
		break;
	}
	t->kind = TOKEN_NUMBER;
	t->text = str_make(text.p + t->at, i - t->at);
	t->end = i;
	if (t->text.n == 1 && !is_digit(t->text.p[0]))
		return err_set_at(err, ERR_INVALID, t->at,
		    "unexpected \"%.*s\" in an action",
		    STR_ARG(found_at(text, t->at)));
	return 0;
}

static int
lex_quoted(struct str text, struct token *t, struct err *err)
{
	char quote = text.p[t->at];
	uint32_t i = t->at + 1;

	while (i < text.n && text.p[i] != quote &&
	    (quote == '`' || text.p[i] != '\n'))
		i += quote != '`' && text.p[i] == '\\' ? 2 : 1;
	if (i >= text.n || text.p[i] != quote)
		return err_set_at(err, ERR_INVALID, t->at, "the %s is not "
		    "closed: %c is missing", quote == '\''
			? "character constant" : "string", quote);
	t->kind = quote == '\'' ? TOKEN_CHAR : TOKEN_STRING;
	t->end = i + 1;
	t->text = str_make(text.p + t->at, t->end - t->at);
	return 0;
}

static int
lex_sign(struct str text, struct token *t, struct err *err)
{
	static const struct { const char *text; enum token_kind kind; } signs[] = {
		{ ":=", TOKEN_DECLARE }, { "=", TOKEN_ASSIGN },
		{ "|", TOKEN_PIPE }, { "(", TOKEN_OPEN_PAREN },
		{ ")", TOKEN_CLOSE_PAREN }, { ",", TOKEN_COMMA },
	};
	struct str rest = str_make(text.p + t->at, text.n - t->at);

	for (size_t k = 0; k < sizeof(signs) / sizeof(signs[0]); k++) {
		if (!str_starts(rest, str_from(signs[k].text)))
			continue;
		t->kind = signs[k].kind;
		t->end = t->at + (uint32_t)strlen(signs[k].text);
		t->text = str_make(text.p + t->at, t->end - t->at);
		return 0;
	}
	return err_set_at(err, ERR_INVALID, t->at,
	    "unexpected \"%.*s\" in an action",
	    STR_ARG(found_at(text, t->at)));
}

int
lex_token(struct str text, uint32_t i, struct token *ret, struct err *err)
{
	struct token t = { .at = i };
	uint32_t n;
	char c, next;
	int rc = 0;

	while (t.at < text.n && lex_is_space(text.p[t.at]))
		t.at++;
	t.space = t.at > i;
	c = byte_at(text, t.at);
	next = byte_at(text, t.at + 1);
	n = lex_close_length(text, t.at);
	if (t.at >= text.n) {
		t.kind = TOKEN_END;
		t.end = t.at;
	} else if (n > 0) {
		t.kind = TOKEN_CLOSE;
		t.trim = n == 3;
		t.end = t.at + n;
	} else if (c == '"' || c == '`' || c == '\'') {
		rc = lex_quoted(text, &t, err);
	} else if (is_digit(c) || c == '+' || c == '-' ||
	    (c == '.' && is_digit(next))) {
		rc = lex_digits(text, &t, err);
	} else if (c == '.' || c == '$') {
		rc = lex_name(text, &t, 1, err);
		t.kind = c == '$' ? TOKEN_VAR :
		    t.text.n > 0  ? TOKEN_FIELD :
				    TOKEN_DOT;
	} else if (is_alnum(c)) {
		t.kind = TOKEN_WORD;
		rc = lex_name(text, &t, 0, err);
	} else {
		rc = lex_sign(text, &t, err);
	}
	*ret = t;
	return rc;
}

/* ---- constants -------------------------------------------------------------- */

/* n digits at *i; false when they are not all there. */
static bool
read_digits(struct str s, uint32_t *i, int n, int base, uint32_t *ret)
{
	*ret = 0;
	for (; n > 0; n--, (*i)++) {
		int v = *i < s.n ? str_hex_digit(s.p[*i]) : -1;

		if (v < 0 || v >= base)
			return false;
		*ret = *ret * (uint32_t)base + (uint32_t)v;
	}
	return true;
}

/* s.p[*i] is behind the backslash.  A rune, or with *ret_byte a single byte. */
static bool
read_escape(struct str s, char quote, uint32_t *i, uint32_t *ret, bool *ret_byte)
{
	static const char from[] = "abfnrtv\\", to[] = "\a\b\f\n\r\t\v\\";
	char c = *i < s.n ? s.p[*i] : '\0';
	const char *p;

	*ret_byte = false;
	if (c != '\0' && (p = strchr(from, c)) != NULL) {
		*ret = (uint32_t)(unsigned char)to[p - from];
		(*i)++;
		return true;
	}
	if (c == quote) {
		*ret = (uint32_t)(unsigned char)c;
		(*i)++;
		return true;
	}
	if (c >= '0' && c <= '7') {
		*ret_byte = true;
		return read_digits(s, i, 3, 8, ret) && *ret < 256;
	}
	(*i)++;
	if (c == 'x') {
		*ret_byte = true;
		return read_digits(s, i, 2, 16, ret);
	}
	if (c == 'u')
		return read_digits(s, i, 4, 16, ret) && rune_is_valid(*ret);
	return c == 'U' && read_digits(s, i, 8, 16, ret) && rune_is_valid(*ret);
}

int
lex_unquote(struct arena *arena, const struct token *token, struct str *ret,
    struct err *err)
{
	char quote = token->text.p[0];
	struct str s = str_make(token->text.p + 1, token->text.n - 2);
	uint32_t n = 0, i = 0;
	char *p;

	if (quote == '`' || memchr(s.p, '\\', s.n) == NULL) {
		*ret = s;
		return 0;
	}
	p = arena_alloc(arena, s.n + 1);
	while (i < s.n) {
		uint32_t rune, at = i;
		bool byte;

		if (s.p[i] != '\\') {
			p[n++] = s.p[i++];
			continue;
		}
		i++;
		if (!read_escape(s, quote, &i, &rune, &byte))
			return err_set_at(err, ERR_INVALID, token->at + 1 + at,
			    "there is no such escape; use \\n \\t \\\\ \\%c "
			    "\\x41 \\u00e9, or a `raw string`", quote);
		if (byte)
			p[n++] = (char)rune;
		else
			n += rune_encode(rune, p + n);
	}
	*ret = str_make(p, n);
	return 0;
}

static int
char_constant(const struct token *token, struct operand *ret, struct err *err)
{
	struct str s = str_make(token->text.p + 1, token->text.n - 2);
	uint32_t i = 1, rune = 0, n = 0;
	bool byte, good = s.n > 0;

	if (good && s.p[0] == '\\') {
		good = read_escape(s, '\'', &i, &rune, &byte) && i == s.n;
	} else if (good) {
		rune = rune_decode(s, 0, &n);
		good = n == s.n;
	}
	if (!good)
		return err_set_at(err, ERR_INVALID, token->at,
		    "malformed character constant: %.*s",
		    STR_ARG(str_head(token->text, FOUND_MAX)));
	ret->kind = OPERAND_INT;
	ret->is_int = true;
	ret->i = rune;
	ret->f = (double)rune;
	return 0;
}

/* 42, -0x2a, 0o52, 0b1, 052, 1_000 */
static bool
read_int(const char *p, uint32_t n, int64_t *ret)
{
	bool negative = p[0] == '-';
	uint32_t i = p[0] == '-' || p[0] == '+' ? 1 : 0, digits = 0;
	uint64_t v = 0;
	int base = 10;

	if (i + 1 < n && p[i] == '0') {
		char c = (char)(p[i + 1] | 32);

		base = c == 'x' ? 16 : c == 'b' ? 2 : 8;
		i += c == 'x' || c == 'o' || c == 'b' ? 2 : 1;
	}
	for (; i < n; i++) {
		int digit = str_hex_digit(p[i]);

		if (digit < 0 || digit >= base ||
		    __builtin_mul_overflow(v, (uint64_t)base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)digit, &v))
			return false;
		digits++;
	}
	if (digits == 0 || v > (uint64_t)INT64_MAX + negative)
		return false;
	*ret = (int64_t)(negative ? 0 - v : v);
	return true;
}

int
lex_number(const struct token *token, struct operand *ret, struct err *err)
{
	char p[NUMBER_MAX] = "";
	uint32_t n = 0, skip;
	bool hex, ideal_float = false;

	if (token->kind == TOKEN_CHAR)
		return char_constant(token, ret, err);
	for (uint32_t i = 0; i < token->text.n && n < NUMBER_MAX; i++) {
		if (token->text.p[i] != '_')
			p[n++] = token->text.p[i];
	}
	skip = p[0] == '+' ? 1 : 0;
	hex = memchr(p, 'x', n) != NULL || memchr(p, 'X', n) != NULL;
	for (uint32_t i = 0; i < n; i++)
		ideal_float = ideal_float || p[i] == '.' ||
		    (hex ? (p[i] | 32) == 'p' : (p[i] | 32) == 'e');
	if (!ideal_float && read_int(p, n, &ret->i)) {
		ret->kind = OPERAND_INT;
		ret->is_int = true;
		ret->f = (double)ret->i;
		return 0;
	}
	if (n >= NUMBER_MAX || (hex && !ideal_float) ||
	    !str_to_double(str_make(p + skip, n - skip), &ret->f))
		return err_set_at(err, ERR_INVALID, token->at,
		    "bad number syntax: \"%.*s\"",
		    STR_ARG(str_head(token->text, FOUND_MAX)));
	if (!ideal_float)
		return err_set_at(err, ERR_INVALID, token->at,
		    "the integer %.*s is too large",
		    STR_ARG(str_head(token->text, FOUND_MAX)));
	ret->kind = OPERAND_FLOAT;
	ret->is_int = ret->f > -9.2e18 && ret->f < 9.2e18 &&
	    trunc(ret->f) == ret->f;
	ret->i = ret->is_int ? (int64_t)ret->f : 0;
	return 0;
}
