/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate between RE2's syntax and PCRE2: one pass over the pattern that
 * refuses what RE2 does not have, with the offset and the reason, and rewrites
 * the few things that both have but read differently:
 *
 *   \v       vertical tab (PCRE2: any vertical space)
 *   \s \S    without the vertical tab (PCRE2: with it)
 *   \012 \7  octal, never a reference
 *
 * What is left (brackets, ranges, property names) is PCRE2's to judge.
 */
#include "config.h"

#include "labels/regex_internal.h"

#define REPEAT_MAX 1000 /* RE2's */

struct scan {
	struct str re;
	uint32_t i;
	struct buf *out;
	struct err *err;
	bool repeated; /* the last token was a repetition */
};

static int
refuse(struct scan *s, uint32_t at, const char *what)
{
	return err_set_at(s->err, ERR_INVALID, at, "%s", what);
}

/* The byte k places on, or NUL. */
static char
ahead(const struct scan *s, uint32_t k)
{
	return s->re.n - s->i > k ? s->re.p[s->i + k] : '\0';
}

static void
copy(struct scan *s, uint32_t n)
{
	buf_put(s->out, s->re.p + s->i, n);
	s->i += n;
}

static bool
is_octal(char c)
{
	return c >= '0' && c <= '7';
}

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
	    (c >= 'A' && c <= 'F');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int
scan_octal(struct scan *s)
{
	uint32_t value = 0, n = 1;

	while (n <= 3 && is_octal(ahead(s, n)))
		value = value * 8 + (uint32_t)(ahead(s, n++) - '0');
	s->i += n;
	buf_printf(s->out, "\\x{%x}", value);
	return 0;
}

static int
scan_hex(struct scan *s)
{
	uint32_t n = 2;

	if (ahead(s, 2) != '{') {
		if (!is_hex(ahead(s, 2)) || !is_hex(ahead(s, 3)))
			return refuse(s, s->i, "\\x needs two hexadecimal "
			    "digits or {digits}");
		copy(s, 4);
		return 0;
	}
	for (n = 3; is_hex(ahead(s, n)); n++)
		;
	if (n == 3 || ahead(s, n) != '}')
		return refuse(s, s->i, "\\x{ needs hexadecimal digits and }");
	copy(s, n + 1);
	return 0;
}

/* \pL, \p{Greek}, \p{^Greek} */
static int
scan_property(struct scan *s)
{
	uint32_t n = 3;

	if (ahead(s, 2) == '{') {
		while (is_letter(ahead(s, n)) || ahead(s, n) == '_' ||
		    ahead(s, n) == '^')
			n++;
		if (ahead(s, n++) != '}')
			return refuse(s, s->i,
			    "\\p{ needs the name of a character class and }");
	} else if (!is_letter(ahead(s, 2))) {
		return refuse(
		    s, s->i, "\\p needs the name of a character class");
	}
	copy(s, n);
	return 0;
}

/* \Q to \E or the end */
static int
scan_quoted(struct scan *s)
{
	uint32_t n = 2;

	while (s->i + n < s->re.n &&
	    !(ahead(s, n) == '\\' && ahead(s, n + 1) == 'E'))
		n++;
	if (s->i + n < s->re.n)
		n += 2;
	copy(s, n);
	return 0;
}

static int
refuse_escape(struct scan *s, char c)
{
	char what[64] = "\\? is not part of RE2's syntax";

	if (c == 'g' || c == 'k' || is_digit(c))
		return refuse(s, s->i,
		    "back-references are not possible (RE2 syntax)");
	if (c == 'C')
		return refuse(s, s->i,
		    "\\C (a single byte) is not possible");
	if (c < ' ' || c > '~')
		return refuse(s, s->i,
		    "this character cannot be escaped (RE2 syntax)");
	what[1] = c;
	return refuse(s, s->i, what);
}

static int
scan_escape(struct scan *s, bool in_class)
{
	char c;

	if (s->re.n - s->i < 2)
		return refuse(s, s->i, "trailing backslash");
	c = ahead(s, 1);
	if (c == '0' || (c >= '1' && c <= '7' && is_octal(ahead(s, 2))))
		return scan_octal(s);
	if (c == 'x')
		return scan_hex(s);
	if (c == 'p' || c == 'P')
		return scan_property(s);
	if (c == 'Q' && !in_class)
		return scan_quoted(s);
	if (c == 'v') {
		buf_puts(s->out, "\\x0b");
	} else if (c == 's' && !in_class) {
		buf_puts(s->out, "[\\t\\n\\f\\r ]");
	} else if (c == 's') {
		buf_puts(s->out, "\\t\\n\\f\\r ");
	} else if (c == 'S' && !in_class) {
		buf_puts(s->out, "[^\\t\\n\\f\\r ]");
	} else if (c == 'S') {
		/* Everything but the five: the vertical tab comes back. */
		buf_puts(s->out, "\\S\\x0b");
	} else if (is_letter(c)
	        ? strchr(in_class ? "afnrtdDwW" : "afnrtdDwWAzbB", c) != NULL
	        : c >= ' ' && c <= '~' && !is_digit(c)) {
		copy(s, 2);
		return 0;
	} else {
		return refuse_escape(s, c);
	}
	s->i += 2;
	return 0;
}

/* [:alpha:] and [:^alpha:] at the cursor: their length, 0 when it is none, or negative. */
static int
posix_class(struct scan *s)
{
	static const char *const names[] = { "alnum", "alpha", "ascii",
		"blank", "cntrl", "digit", "graph", "lower", "print", "punct",
		"space", "upper", "word", "xdigit" };
	uint32_t start = ahead(s, 2) == '^' ? 3 : 2, n = start;
	struct str name;

	if (ahead(s, 1) != ':')
		return 0;
	while (is_letter(ahead(s, n)))
		n++;
	if (ahead(s, n) != ':' || ahead(s, n + 1) != ']')
		return 0;
	name = (struct str){ s->re.p + s->i + start, n - start };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (str_is(name, names[i]))
			return (int)n + 2;
	}
	return refuse(s, s->i, "there is no such character class");
}

static int
scan_class(struct scan *s)
{
	uint32_t start = s->i;

	copy(s, 1);
	if (ahead(s, 0) == '^')
		copy(s, 1);
	if (ahead(s, 0) == ']')
		copy(s, 1);
	while (s->i < s->re.n && s->re.p[s->i] != ']') {
		int rc = 0;

		if (s->re.p[s->i] == '\\') {
			rc = scan_escape(s, true);
		} else if (s->re.p[s->i] == '[') {
			rc = posix_class(s);
			if (rc > 0) {
				copy(s, (uint32_t)rc);
			} else if (rc == 0) {
				buf_puts(s->out, "\\[");
				s->i++;
			}
		} else {
			copy(s, 1);
		}
		if (rc < 0)
			return rc;
	}
	if (s->i >= s->re.n)
		return refuse(s, start, "missing ] after this [");
	copy(s, 1);
	return 0;
}

static const char *
special_group(const struct scan *s)
{
	switch (ahead(s, 2)) {
	case '=':
	case '!':
		return "look-ahead is not possible (RE2 syntax)";
	case '<':
		return ahead(s, 3) == '=' || ahead(s, 3) == '!'
		    ? "look-behind is not possible (RE2 syntax)"
		    : NULL;
	case '>':
		return "atomic groups are not possible (RE2 syntax)";
	case '(':
		return "conditions are not possible (RE2 syntax)";
	case 'C':
		return "callouts are not possible (RE2 syntax)";
	case '#':
		return "comments are not possible (RE2 syntax)";
	case '|':
		return "branch reset is not possible (RE2 syntax)";
	case 'R':
	case '&':
	case '+':
	case '0': case '1': case '2': case '3': case '4':
	case '5': case '6': case '7': case '8': case '9':
		return "recursion is not possible (RE2 syntax)";
	case 'P':
		if (ahead(s, 3) == '=')
			return "back-references are not possible (RE2 syntax)";
		return ahead(s, 3) == '>'
		    ? "recursion is not possible (RE2 syntax)"
		    : NULL;
	default:
		return NULL;
	}
}

/* (?P<name> or (?<name> */
static int
scan_name(struct scan *s, uint32_t n)
{
	uint32_t start = n;

	while (is_letter(ahead(s, n)) || is_digit(ahead(s, n)) ||
	    ahead(s, n) == '_')
		n++;
	if (n == start || ahead(s, n) != '>')
		return refuse(s, s->i, "invalid name of a group");
	copy(s, n + 1);
	return 0;
}

static int
scan_group(struct scan *s)
{
	const char *what;
	uint32_t n = 2;

	if (ahead(s, 1) == '*')
		return refuse(s, s->i + 1,
		    "nothing to repeat (RE2 has no verbs)");
	if (ahead(s, 1) != '?') {
		copy(s, 1);
		return 0;
	}
	if ((what = special_group(s)) != NULL)
		return refuse(s, s->i, what);
	if (ahead(s, 2) == '<')
		return scan_name(s, 3);
	if (ahead(s, 2) == 'P' && ahead(s, 3) == '<')
		return scan_name(s, 4);
	while (ahead(s, n) != '\0' && strchr("imsU-", ahead(s, n)) != NULL)
		n++;
	if ((n == 2 || ahead(s, n - 1) == '-' || ahead(s, n) != ')') &&
	    (ahead(s, n) != ':' || ahead(s, n - 1) == '-'))
		return refuse(s, s->i,
		    "only (?:...), (?P<name>...) and the flags i, m, s and U "
		    "are possible (RE2 syntax)");
	copy(s, n + 1);
	return 0;
}

/* Length of {n}, {n,} or {n,m}; 0: a literal brace. */
static uint32_t
braces(const struct scan *s, uint32_t *ret_max)
{
	uint32_t n = 1, value = 0, parts = 0;

	*ret_max = 0;
	for (;;) {
		bool digits = false;

		for (value = 0; is_digit(ahead(s, n)); n++) {
			digits = true;
			if (value <= REPEAT_MAX)
				value = value * 10 +
				    (uint32_t)(ahead(s, n) - '0');
		}
		if (!digits && parts == 0)
			return 0;
		if (value > *ret_max)
			*ret_max = value;
		parts++;
		if (ahead(s, n) == '}')
			return n + 1;
		if (ahead(s, n) != ',' || parts == 2)
			return 0;
		n++;
	}
}

/* A repetition of n bytes at the cursor, and the ? that makes it lazy. */
static int
scan_repeat(struct scan *s, uint32_t n)
{
	if (s->repeated)
		return refuse(s, s->i,
		    ahead(s, 0) == '+'
			? "possessive repetition is not possible (RE2 syntax)"
			: "a repetition cannot be repeated");
	copy(s, n);
	if (ahead(s, 0) == '?')
		copy(s, 1);
	s->repeated = true;
	return 0;
}

static int
scan_token(struct scan *s)
{
	uint32_t max, n;
	int rc = 0;

	switch (s->re.p[s->i]) {
	case '*':
	case '+':
	case '?':
		return scan_repeat(s, 1);
	case '{':
		n = braces(s, &max);
		if (max > REPEAT_MAX && n > 0)
			return refuse(s, s->i,
			    "more than 1000 repetitions are not possible");
		if (n > 0)
			return scan_repeat(s, n);
		copy(s, 1);
		break;
	case '\\':
		rc = scan_escape(s, false);
		break;
	case '[':
		rc = scan_class(s);
		break;
	case '(':
		rc = scan_group(s);
		break;
	default:
		copy(s, 1);
		break;
	}
	s->repeated = false;
	return rc;
}

int
regex_translate(struct str pattern, struct buf *out, struct err *err)
{
	struct scan s = { .re = pattern, .out = out, .err = err };

	while (s.i < s.re.n) {
		int rc = scan_token(&s);

		if (rc < 0)
			return rc;
	}
	return 0;
}

uint32_t
regex_translate_origin(struct str pattern, uint32_t out_at)
{
	struct buf out = { 0 };
	struct scan s = { .re = pattern, .out = &out };
	uint32_t at = 0;

	while (s.i < s.re.n && out.n <= out_at) {
		size_t before = out.n;
		uint32_t start = s.i;

		if (scan_token(&s) < 0)
			break;
		at = start;
		/* A token that was copied keeps its inner offset. */
		if (out.n - before == s.i - start)
			at += out_at - before < s.i - start
			    ? out_at - (uint32_t)before
			    : s.i - start;
		else if (out.n <= out_at)
			at = s.i;
	}
	buf_fini(&out);
	return at;
}
