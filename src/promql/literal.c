/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Literals in and out: text with Go's escapes, numbers as Go's strconv reads
 * and prints them, durations.
 */
#include "config.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/duration.h"
#include "promql/internal.h"

#define NUMBER_TEXT_MAX 512 /* longer ones are no numbers anybody means */
#define RUNE_BAD        0xFFFDu

/*
 * Characters from U+0080 on that Go does not print as they are: controls,
 * spaces other than U+0020, invisible marks, surrogates, private use.
 * Unassigned ones are taken for printable.
 */
static const struct {
	uint32_t first, last;
} hidden[] = {
	{ 0x80, 0xA0 },
	{ 0xAD, 0xAD },
	{ 0x600, 0x605 },
	{ 0x61C, 0x61C },
	{ 0x6DD, 0x6DD },
	{ 0x70F, 0x70F },
	{ 0x1680, 0x1680 },
	{ 0x180E, 0x180E },
	{ 0x2000, 0x200F },
	{ 0x2028, 0x202F },
	{ 0x205F, 0x206F },
	{ 0x3000, 0x3000 },
	{ 0xD800, 0xF8FF },
	{ 0xFEFF, 0xFEFF },
	{ 0xFFF0, 0xFFFB },
	{ RUNE_BAD, RUNE_BAD }, /* printable, but the lexer refuses it unescaped */
	{ 0xFFFE, 0xFFFF },
	{ 0xE0000, 0x10FFFF },
};

uint32_t
promql_rune(struct str s, uint32_t at, uint32_t *ret_n)
{
	static const unsigned char lead_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	const unsigned char *p = (const unsigned char *)s.p + at;
	uint32_t n = at < s.n ? str_rune_length(str_make(s.p + at, s.n - at)) : 0, rune;

	if (n == 0) {
		*ret_n = at < s.n ? 1 : 0;
		return RUNE_BAD;
	}
	rune = p[0] & (uint32_t)lead_bits[n];
	for (uint32_t i = 1; i < n; i++)
		rune = rune << 6 | (p[i] & 0x3fu);
	*ret_n = n;
	return rune;
}

static bool
is_printable(uint32_t rune)
{
	if (rune < 0x80)
		return rune >= ' ' && rune < 0x7f;
	for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
		if (rune >= hidden[i].first && rune <= hidden[i].last)
			return false;
	return true;
}

static void
put_escaped(struct buf *out, uint32_t rune)
{
	static const char letters[] = "abtnvfr"; /* U+0007 to U+000D */

	if (rune >= 7 && rune <= 13)
		buf_printf(out, "\\%c", letters[rune - 7]);
	else if (rune < ' ' || rune == 0x7f)
		buf_printf(out, "\\x%02" PRIx32, rune);
	else
		buf_printf(out, rune < 0x10000 ? "\\u%04" PRIx32 : "\\U%08" PRIx32, rune);
}

void
promql_put_quoted(struct buf *out, struct str s, char quote)
{
	buf_putc(out, quote);
	for (uint32_t i = 0, n; i < s.n; i += n) {
		uint32_t rune = promql_rune(s, i, &n);

		if (rune == RUNE_BAD && n == 1) {
			buf_printf(out, "\\x%02x", (unsigned)(unsigned char)s.p[i]);
		} else if (rune == (uint32_t)(unsigned char)quote || rune == '\\') {
			buf_putc(out, '\\');
			buf_putc(out, s.p[i]);
		} else if (is_printable(rune)) {
			buf_put(out, s.p + i, n);
		} else {
			put_escaped(out, rune);
		}
	}
	buf_putc(out, quote);
}

const char *
promql_quoted(struct arena *arena, struct str s)
{
	struct buf buf = { 0 };
	char *text;

	promql_put_quoted(&buf, s, '"');
	text = arena_strdup(arena, buf.p);
	buf_fini(&buf);
	return text;
}

static uint32_t
put_utf8(char out[4], uint32_t rune)
{
	if (rune < 0x80) {
		out[0] = (char)rune;
		return 1;
	}
	if (rune < 0x800) {
		out[0] = (char)(0xc0 | rune >> 6);
		out[1] = (char)(0x80 | (rune & 0x3f));
		return 2;
	}
	if (rune < 0x10000) {
		out[0] = (char)(0xe0 | rune >> 12);
		out[1] = (char)(0x80 | (rune >> 6 & 0x3f));
		out[2] = (char)(0x80 | (rune & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | rune >> 18);
	out[1] = (char)(0x80 | (rune >> 12 & 0x3f));
	out[2] = (char)(0x80 | (rune >> 6 & 0x3f));
	out[3] = (char)(0x80 | (rune & 0x3f));
	return 4;
}

const char *
promql_quoted_rune(struct arena *arena, uint32_t rune)
{
	struct buf buf = { 0 };
	char bytes[4], *text;

	promql_put_quoted(&buf, str_make(bytes, put_utf8(bytes, rune)), '\'');
	text = arena_strdup(arena, rune == RUNE_BAD ? "'\xef\xbf\xbd'" : buf.p);
	buf_fini(&buf);
	return text;
}

/* n digits of base; false when one is none, or the number has more than 63 bits. */
static bool
read_digits(const char *p, size_t n, uint32_t base, uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++) {
		int digit = str_hex_digit(p[i]);

		if (digit < 0 || (uint32_t)digit >= base ||
		    v > ((uint64_t)INT64_MAX - (uint32_t)digit) / base)
			return false;
		v = v * base + (uint32_t)digit;
	}
	*ret = v;
	return n > 0;
}

/* The lexer has checked that they are. */
static uint32_t
digits(const char *p, uint32_t n, uint32_t base)
{
	uint64_t v = 0;

	read_digits(p, n, base, &v);
	return (uint32_t)v;
}

/* One escape at p, behind its backslash; the lexer has checked it.  Returns its bytes. */
static uint32_t
unescape(const char *p, char *to, uint32_t *n)
{
	static const char from[] = "abtnvfr";
	const char *letter;

	if (*p >= '0' && *p <= '7') {
		to[(*n)++] = (char)digits(p, 3, 8);
		return 3;
	}
	if (*p == 'x') {
		to[(*n)++] = (char)digits(p + 1, 2, 16);
		return 3;
	}
	if (*p == 'u' || *p == 'U') {
		uint32_t width = *p == 'u' ? 4 : 8;

		*n += put_utf8(to + *n, digits(p + 1, width, 16));
		return width + 1;
	}
	letter = strchr(from, *p);
	to[(*n)++] = letter != NULL ? (char)(7 + (letter - from)) : *p;
	return 1;
}

/* The text of a string token; never longer than the token. */
struct str
promql_unquote(struct arena *arena, struct str token)
{
	struct str inner = str_make(token.p + 1, token.n - 2);
	uint32_t n = 0;
	char *to;

	if (token.p[0] == '`' || memchr(inner.p, '\\', inner.n) == NULL)
		return inner;
	to = arena_alloc(arena, inner.n + 1);
	for (uint32_t i = 0; i < inner.n;) {
		if (inner.p[i] == '\\')
			i += 1 + unescape(inner.p + i + 1, to, &n);
		else
			to[n++] = inner.p[i++];
	}
	return str_make(to, n);
}

/* Go: an underscore stands between two digits, or between 0x and one. */
static bool
strip_underscores(struct str text, char out[NUMBER_TEXT_MAX], bool *ret_had)
{
	bool hex = text.n > 1 && text.p[0] == '0' && (text.p[1] | 0x20) == 'x';
	uint32_t n = 0;

	*ret_had = false;
	for (uint32_t i = 0; i < text.n; i++) {
		char before = i > 0 ? text.p[i - 1] : '_',
		     after = i + 1 < text.n ? text.p[i + 1] : '_';

		if (text.p[i] != '_') {
			out[n++] = text.p[i];
			continue;
		}
		*ret_had = true;
		if (after == '_' || before == '_' || after == '.' || before == '.')
			return false;
		if (!hex && (before < '0' || before > '9' || after < '0' || after > '9'))
			return false;
	}
	out[n] = '\0';
	return true;
}

/* Whole numbers: 0x1f, and 017 is octal; true when that is what text is. */
static bool
read_integer(const char *text, double *ret)
{
	bool hex = text[0] == '0' && (text[1] | 0x20) == 'x';
	uint64_t v;

	if (!read_digits(hex ? text + 2 : text, strlen(text) - (hex ? 2 : 0),
		hex              ? 16
		: text[0] == '0' ? 8
				 : 10,
		&v))
		return false;
	*ret = (double)v;
	return true;
}

const char *
promql_number(struct arena *arena, struct str text, double *ret, bool *ret_needs_3)
{
	static const char *const message =
	    "error parsing number: strconv.ParseFloat: parsing %s: %s";
	char plain[NUMBER_TEXT_MAX], *end;
	bool ok = text.n < sizeof(plain) && strip_underscores(text, plain, ret_needs_3);
	double v = 0;

	if (ok && (plain[0] | 0x20) == 'i') {
		*ret = (double)INFINITY;
		return NULL;
	}
	if (ok && (plain[0] | 0x20) == 'n') {
		*ret = (double)NAN;
		return NULL;
	}
	if (ok && read_integer(plain, ret))
		return NULL;
	if (ok && (plain[1] | 0x20) != 'x') {
		v = strtod(plain, &end);
		ok = end != plain && *end == '\0';
	} else {
		ok = false;
	}
	if (!ok)
		return arena_printf(arena, message, promql_quoted(arena, text), "invalid syntax");
	if (isinf(v))
		return arena_printf(
		    arena, message, promql_quoted(arena, text), "value out of range");
	*ret = v;
	return NULL;
}

const char *
promql_seconds(struct arena *arena, struct str text, double *ret)
{
	dur_t d;

	if (duration_parse(text, &d, NULL) < 0)
		return arena_printf(
		    arena, "not a valid duration string: %s", promql_quoted(arena, text));
	*ret = (double)(d.ns / 1000000) / 1000.0;
	return NULL;
}

/* d.ddd e exp as plain digits. */
static void
put_plain(struct buf *out, const char *shortest)
{
	char figures[24];
	int n = 0, exponent = 0;

	for (const char *p = shortest; *p != '\0'; p++) {
		if (*p == 'e') {
			exponent = (int)digits(p + 2, (uint32_t)strlen(p + 2), 10);
			if (p[1] == '-')
				exponent = -exponent;
			break;
		}
		if (*p == '-')
			buf_putc(out, '-');
		else if (*p != '.')
			figures[n++] = *p;
	}
	while (n > 1 && figures[n - 1] == '0')
		n--;
	if (exponent < 0) {
		buf_puts(out, "0.");
		for (int i = -1; i > exponent; i--)
			buf_putc(out, '0');
		buf_put(out, figures, (size_t)n);
		return;
	}
	for (int i = 0; i <= exponent || i < n; i++) {
		if (i == exponent + 1)
			buf_putc(out, '.');
		buf_putc(out, i < n ? figures[i] : '0');
	}
}

/* The shortest text that reads back, without an exponent. */
void
promql_put_number(struct buf *out, double v)
{
	char text[32];

	if (isnan(v)) {
		buf_puts(out, "NaN");
		return;
	}
	if (isinf(v)) {
		buf_puts(out, v > 0 ? "+Inf" : "-Inf");
		return;
	}
	if (fabs(v) < 1e15 && v == (double)(int64_t)v && !(v == 0.0 && signbit(v))) {
		buf_put_i64(out, (int64_t)v);
		return;
	}
	for (int precision = 0; precision < 17; precision++) {
		snprintf(text, sizeof(text), "%.*e", precision, v);
		if (strtod(text, NULL) == v)
			break;
	}
	put_plain(out, text);
}

void
promql_put_ms(struct buf *out, int64_t ms)
{
	char text[DURATION_TEXT_MAX];

	buf_puts(out, duration_format(DUR_MS(ms), text));
}

bool
promql_is_label(struct str name)
{
	for (uint32_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool letter = c == '_' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');

		if (!letter && (i == 0 || c < '0' || c > '9'))
			return false;
	}
	return name.n > 0;
}
