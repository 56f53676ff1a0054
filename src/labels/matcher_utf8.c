/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The UTF-8 grammar of matchers (Alertmanager from 0.27, matcher/parse):
 *
 *   [ "{" ] [ matcher { "," matcher } [ "," ] ] [ "}" ]
 *   matcher = word ( "=" | "!=" | "=~" | "!~" ) word
 *
 * A word is a Go string constant in double quotes, or a run of anything but
 * white space and { } ! = ~ , \ " ' `.
 */
#include "config.h"

#include "labels/matcher_internal.h"
#include "labels/rune.h"

enum token_kind {
	TOKEN_END,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_COMMA,
	TOKEN_OP,
	TOKEN_QUOTED,
	TOKEN_BARE,
};

struct parser {
	struct str text;
	uint32_t i;
	struct err *err;
	/* the token ahead: text[at, i) */
	enum token_kind kind;
	uint32_t at;
	enum matcher_op op;
};

static bool
is_reserved(uint32_t rune)
{
	return rune_is_space(rune) ||
	    (rune > 0 && rune < 0x80 &&
		strchr("{}!=~,\\\"'`", (int)rune) != NULL);
}

static int
fail(struct parser *p, const char *expected)
{
	struct str found = { p->text.p + p->at, p->i - p->at };

	if (p->kind == TOKEN_END)
		return err_set_at(p->err, ERR_INVALID, p->at,
		    "unexpected end of the matcher: expected %s", expected);
	return err_set_at(p->err, ERR_INVALID, p->at,
	    "unexpected %.*s: expected %s", STR_ARG(str_head(found, 60)),
	    expected);
}

static char
ahead(const struct parser *p, uint32_t k)
{
	return p->text.n - p->i > k ? p->text.p[p->i + k] : '\0';
}

static int
scan_op(struct parser *p)
{
	char c = ahead(p, 0), d = ahead(p, 1);

	p->kind = TOKEN_OP;
	p->i += d == '~' || (c == '!' && d == '=') ? 2 : 1;
	if (d == '~')
		p->op = c == '=' ? MATCH_REGEX : MATCH_NOT_REGEX;
	else if (c == '=')
		p->op = MATCH_EQUAL;
	else if (d == '=')
		p->op = MATCH_NOT_EQUAL;
	else
		return fail(p, "= or ~ after the !");
	return 0;
}

static int
scan_quoted(struct parser *p)
{
	p->kind = TOKEN_QUOTED;
	for (p->i++; p->i < p->text.n; p->i++) {
		if (p->text.p[p->i] == '\\') {
			p->i++;
		} else if (p->text.p[p->i] == '"') {
			p->i++;
			return 0;
		}
	}
	p->i = p->text.n;
	return err_set_at(p->err, ERR_INVALID, p->at,
	    "this double quote is not closed");
}

/* Reads the next token. */
static int
scan(struct parser *p)
{
	uint32_t rune, n;

	while (p->i < p->text.n &&
	    rune_is_space(rune_decode(p->text, p->i, &n)))
		p->i += n;
	p->at = p->i;
	if (p->i >= p->text.n) {
		p->kind = TOKEN_END;
		return 0;
	}
	rune = rune_decode(p->text, p->i, &n);
	if (rune == '=' || rune == '!')
		return scan_op(p);
	if (rune == '"')
		return scan_quoted(p);
	if (!is_reserved(rune)) {
		p->kind = TOKEN_BARE;
		do {
			p->i += n;
		} while (p->i < p->text.n &&
		    !is_reserved(rune_decode(p->text, p->i, &n)));
		return 0;
	}
	p->i += n;
	if (rune != '{' && rune != '}' && rune != ',') {
		p->kind = TOKEN_BARE;
		return fail(p, "a label name, an operator or a value; put "
		    "text with special characters in double quotes");
	}
	p->kind = rune == '{' ? TOKEN_OPEN
	    : rune == '}'     ? TOKEN_CLOSE
	                      : TOKEN_COMMA;
	return 0;
}

/* n digits of the base at text[i, end); false when there are fewer. */
static bool
read_digits(struct str text, uint32_t i, uint32_t end, uint32_t n,
    uint32_t base, uint32_t *ret)
{
	if (end - i < n)
		return false;
	*ret = 0;
	for (uint32_t k = 0; k < n; k++) {
		int digit = str_hex_digit(text.p[i + k]);

		if (digit < 0 || (uint32_t)digit >= base)
			return false;
		*ret = *ret * base + (uint32_t)digit;
	}
	return true;
}

/* The escape at text[i] (a backslash); its length, 0 when it is none. */
static uint32_t
unescape_one(struct str text, uint32_t i, uint32_t end, struct unescaped *u)
{
	static const char letters[] = "abfnrtv\\\"";
	static const char meanings[] = "\a\b\f\n\r\t\v\\\"";
	char c = i + 1 < end ? text.p[i + 1] : '\0', utf8[4];
	const char *letter = c != '\0' ? strchr(letters, c) : NULL;
	uint32_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
	uint32_t value, n = 1;

	if (letter != NULL) {
		unescaped_put(u, &meanings[letter - letters], 1, i);
		return 2;
	}
	if (digits == 0) {
		if (!read_digits(text, i + 1, end, 3, 8, &value) ||
		    value > 0xFF)
			return 0;
		utf8[0] = (char)value;
		unescaped_put(u, utf8, 1, i);
		return 4;
	}
	if (!read_digits(text, i + 2, end, digits, 16, &value))
		return 0;
	utf8[0] = (char)value;
	if (digits > 2) {
		if (!rune_is_valid(value))
			return 0;
		n = rune_encode(value, utf8);
	}
	unescaped_put(u, utf8, n, i);
	return 2 + digits;
}

/* The token ahead, a word, as bytes. */
static int
unescape(struct parser *p, struct unescaped *u)
{
	uint32_t i = p->at, end = p->i;

	if (p->kind == TOKEN_QUOTED) {
		i++;
		end--;
	}
	while (i < end) {
		uint32_t n = 1;

		if (p->text.p[i] == '\n')
			return err_set_at(p->err, ERR_INVALID, i,
			    "a line feed in a quoted string must be written "
			    "\\n");
		if (p->text.p[i] == '\\')
			n = unescape_one(p->text, i, end, u);
		else
			unescaped_put(u, p->text.p + i, 1, i);
		if (n == 0)
			return err_set_at(p->err, ERR_INVALID, i,
			    "invalid escape; a backslash is written \\\\");
		i += n;
	}
	u->at[u->n] = end;
	if (!str_is_utf8((struct str){ u->p, u->n }))
		return err_set_at(p->err, ERR_INVALID, p->at,
		    "the quoted string is not valid UTF-8");
	return 0;
}

static int
parse_word(struct parser *p, const char *expected, struct unescaped *u)
{
	int rc;

	if (p->kind != TOKEN_QUOTED && p->kind != TOKEN_BARE)
		return fail(p, expected);
	unescaped_init(u, p->i - p->at);
	rc = unescape(p, u);
	if (rc < 0)
		unescaped_fini(u);
	return rc < 0 ? rc : scan(p);
}

/* name op value; name and value are the caller's to free in any case. */
static int
parse_parts(struct parser *p, struct unescaped *name, struct unescaped *value,
    enum matcher_op *ret_op)
{
	int rc = parse_word(p, "a label name", name);

	if (rc < 0)
		return rc;
	if (p->kind != TOKEN_OP)
		return fail(p, "an operator such as =, !=, =~ or !~");
	*ret_op = p->op;
	rc = scan(p);
	return rc < 0 ? rc : parse_word(p, "a label value", value);
}

static int
parse_matcher(struct parser *p, struct matcher_list *list)
{
	struct unescaped name = { 0 }, value = { 0 };
	uint32_t name_at = p->at;
	enum matcher_op op = MATCH_EQUAL;
	int rc = parse_parts(p, &name, &value, &op);

	if (rc == 0)
		rc = matcher_list_add(list, op,
		    (struct str){ name.p, name.n }, name_at, &value, p->err);
	unescaped_fini(&name);
	unescaped_fini(&value);
	return rc;
}

static int
parse_list(struct parser *p, struct matcher_list *list)
{
	bool open = p->kind == TOKEN_OPEN;
	int rc = open ? scan(p) : 0;

	if (rc < 0)
		return rc;
	while (p->kind != TOKEN_END && p->kind != TOKEN_CLOSE) {
		rc = parse_matcher(p, list);
		if (rc < 0)
			return rc;
		if (p->kind == TOKEN_END || p->kind == TOKEN_CLOSE)
			break;
		if (p->kind != TOKEN_COMMA)
			return fail(p, "a comma or the end; put a value with "
			    "spaces in double quotes");
		rc = scan(p);
		if (rc < 0)
			return rc;
	}
	if (open != (p->kind == TOKEN_CLOSE))
		return fail(p, open ? "a closing brace" : "an opening brace "
		    "before a closing one");
	if (open) {
		rc = scan(p);
		if (rc < 0)
			return rc;
	}
	return p->kind == TOKEN_END ? 0 : fail(p, "the end");
}

int
matcher_parse_utf8(
    struct str text, struct matcher_list *list, struct err *err)
{
	struct parser p = { .text = text, .err = err };
	int rc = scan(&p);

	if (rc == 0)
		rc = parse_list(&p, list);
	if (rc < 0)
		matcher_list_fini(list);
	return rc;
}
