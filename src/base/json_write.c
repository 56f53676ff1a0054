/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text: strings and numbers.  Runs that need no escape are copied whole.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __SSE2__
#	include <emmintrin.h>
#endif

#include "base/json.h"

enum {
	PLAIN,
	ESCAPE,
	HTML,
	HIGH
};

/* What a byte needs inside a string. */
static inline int
class_of(unsigned char c)
{
	if (c >= 0x80)
		return HIGH;
	if (c < 0x20 || c == '"' || c == '\\')
		return ESCAPE;
	return c == '<' || c == '>' || c == '&' ? HTML : PLAIN;
}

/* The first byte from p on that is not plain (with html, also <, > and &). */
static const char *
plain_end(const char *p, const char *end, bool html)
{
#ifdef __SSE2__
	while (end - p >= 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		/* Signed: bytes from 0x80 on are negative, so they count as
		 * below 0x20. */
		__m128i hit =
		    _mm_or_si128(_mm_cmplt_epi8(v, _mm_set1_epi8(0x20)),
			_mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
			    _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))));
		unsigned mask;

		if (html)
			hit = _mm_or_si128(hit,
			    _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('&')),
				_mm_or_si128(
				    _mm_cmpeq_epi8(v, _mm_set1_epi8('<')),
				    _mm_cmpeq_epi8(v, _mm_set1_epi8('>')))));
		mask = (unsigned)_mm_movemask_epi8(hit);
		if (mask != 0)
			return p + __builtin_ctz(mask);
		p += 16;
	}
#endif
	for (; p < end; p++) {
		int class = class_of((unsigned char)*p);

		if (class != PLAIN && (class != HTML || html))
			break;
	}
	return p;
}

static void
put_escape(struct buf *buf, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char text[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
	char one = 0;

	switch (c) {
	case '"':
	case '\\':
		one = (char)c;
		break;
	case '\n':
		one = 'n';
		break;
	case '\r':
		one = 'r';
		break;
	case '\t':
		one = 't';
		break;
	case '\b':
		one = 'b';
		break;
	case '\f':
		one = 'f';
		break;
	default:
		buf_put(buf, text, 6);
		return;
	}
	text[1] = one;
	buf_put(buf, text, 2);
}

/* At a byte from 0x80 on; returns what follows the character. */
static const char *
put_high(struct buf *buf, const char *p, const char *end, bool html)
{
	uint32_t length = str_rune_length(str_make(p, (size_t)(end - p)));

	if (length == 0) {
		buf_puts(buf, html ? "\\ufffd" : "\xef\xbf\xbd");
		return p + 1;
	}
	/* Line and paragraph separator: valid in JSON, not in old JavaScript.
	 */
	if (html && length == 3 && memcmp(p, "\xe2\x80", 2) == 0 &&
	    (p[2] == '\xa8' || p[2] == '\xa9'))
		buf_puts(buf, p[2] == '\xa8' ? "\\u2028" : "\\u2029");
	else
		buf_put(buf, p, length);
	return p + length;
}

static void
put_string(struct buf *buf, struct str s, bool html)
{
	const char *p = s.p, *end = s.n != 0 ? s.p + s.n : s.p;

	buf_putc(buf, '"');
	while (p < end) {
		const char *stop = plain_end(p, end, html);

		buf_put(buf, p, (size_t)(stop - p));
		if (stop == end)
			break;
		if (class_of((unsigned char)*stop) == HIGH) {
			p = put_high(buf, stop, end, html);
		} else {
			put_escape(buf, (unsigned char)*stop);
			p = stop + 1;
		}
	}
	buf_putc(buf, '"');
}

void
json_put_str(struct buf *buf, struct str s)
{
	put_string(buf, s, false);
}

void
json_put_str_html(struct buf *buf, struct str s)
{
	put_string(buf, s, true);
}

/* A positive number as digits d.ddd times ten to the exponent. */
struct digits {
	char d[20];
	int n, exponent;
};

/* Few decimals, the common case: v is digits / 10^k with both exact, so the
 * text reads back. */
static bool
short_digits(double v, struct digits *ret)
{
	static const double tens[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7,
		1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };

	if (v < 1e-5 || v >= 1e15)
		return false;
	for (int k = 0; k < 16; k++) {
		double scaled = v * tens[k];
		uint64_t u;
		char text[20];
		int n = 0;

		if (scaled >= 1e15)
			return false;
		u = (uint64_t)(scaled + 0.5);
		if (u == 0 || (double)u / tens[k] != v)
			continue;
		for (; u != 0; u /= 10)
			text[n++] = (char)('0' + u % 10);
		ret->exponent = n - 1 - k;
		for (ret->n = 0; n > 0;)
			ret->d[ret->n++] = text[--n];
		while (ret->n > 1 && ret->d[ret->n - 1] == '0')
			ret->n--;
		return true;
	}
	return false;
}

/* The fewest digits that read back as v. */
static void
shortest_digits(double v, struct digits *ret)
{
	char text[40];
	/* Any 15 digits read back when v is normal; a subnormal may need fewer.
	 */
	int precision = v < 0x1p-1022 ? 0 : 14;
	const char *p = text;

	if (short_digits(v, ret))
		return;
	for (; precision <= 16; precision++) {
		snprintf(text, sizeof(text), "%.*e", precision, v);
		if (precision == 16 ||
		    !(strtod(text, NULL) < v || strtod(text, NULL) > v))
			break;
	}
	for (ret->n = 0; *p != 'e' && *p != '\0'; p++)
		if (*p != '.')
			ret->d[ret->n++] = *p;
	ret->exponent = (int)strtol(p + 1, NULL, 10); /* p is at the e */
	while (ret->n > 1 && ret->d[ret->n - 1] == '0')
		ret->n--;
}

static void
put_plain(struct buf *buf, const struct digits *d)
{
	static const char zeros[] = "0000000000000000000000";
	int whole = d->exponent + 1;

	if (whole <= 0) {
		buf_puts(buf, "0.");
		buf_put(buf, zeros, (size_t)-whole);
		buf_put(buf, d->d, (size_t)d->n);
	} else if (whole >= d->n) {
		buf_put(buf, d->d, (size_t)d->n);
		buf_put(buf, zeros, (size_t)(whole - d->n));
	} else {
		buf_put(buf, d->d, (size_t)whole);
		buf_putc(buf, '.');
		buf_put(buf, d->d + whole, (size_t)(d->n - whole));
	}
}

/* Finite; the exponent form below 1e-6 and from 1e21 on, with at least
 * exponent_digits digits. */
static void
put_finite(struct buf *buf, double v, int exponent_digits)
{
	struct digits d;

	if (signbit(v)) {
		buf_putc(buf, '-');
		v = -v;
	}
	if (v < 0x1p53 && v == floor(v)) {
		buf_put_i64(buf, (int64_t)v);
		return;
	}
	shortest_digits(v, &d);
	if (v >= 1e-6 && v < 1e21) {
		put_plain(buf, &d);
		return;
	}
	buf_putc(buf, d.d[0]);
	if (d.n > 1) {
		buf_putc(buf, '.');
		buf_put(buf, d.d + 1, (size_t)d.n - 1);
	}
	buf_printf(buf, "e%c%0*d", d.exponent < 0 ? '-' : '+', exponent_digits,
	    abs(d.exponent));
}

void
json_put_double(struct buf *buf, double v)
{
	if (isfinite(v))
		put_finite(buf, v, 1);
	else
		buf_puts(buf, "null");
}

void
put_prom_double(struct buf *buf, double v)
{
	if (isfinite(v))
		put_finite(buf, v, 2);
	else
		buf_puts(buf, isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
}
