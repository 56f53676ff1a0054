/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed runs of bytes: comparing, cutting at characters, numbers, edit
 * distance. */
#include "base/str.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/* Longer names are not worth a suggestion. */
#define DISTANCE_LENGTH_MAX 128
/* A number with more text than this is cut off from the fast paths. */
#define NUMBER_STACK 128

int
str_cmp(struct str a, struct str b)
{
	uint32_t n = a.n < b.n ? a.n : b.n;
	int c = n != 0 ? memcmp(a.p, b.p, n) : 0;

	return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

/* Length of the well-formed UTF-8 sequence at p, 0 when there is none (Unicode
 * table 3-7). */
static uint32_t
rune_length(const unsigned char *p, size_t n)
{
	unsigned char low = 0x80, high = 0xbf;
	uint32_t length;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	length = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n < length)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (uint32_t i = 2; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

uint32_t
str_rune_length(struct str s)
{
	return s.n != 0 ? rune_length((const unsigned char *)s.p, s.n) : 0;
}

struct str
str_head(struct str s, uint32_t max)
{
	uint32_t n = max;

	if (s.n <= max)
		return s;
	/* Back to the start of the character that the cut falls into; garbage
	 * is cut anywhere. */
	while (n > 0 && max - n < 3 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	if (((unsigned char)s.p[n] & 0xc0) == 0x80)
		n = max;
	return str_make(s.p, n);
}

static inline bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str
str_trim(struct str s)
{
	while (s.n > 0 && is_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool
str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq(str_make(s.p, prefix.n), prefix);
}

bool
str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n &&
	       (suffix.n == 0 ||
		   str_eq(str_make(s.p + s.n - suffix.n, suffix.n), suffix));
}

bool
str_is_utf8(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	uint32_t i = 0;

	while (i < s.n) {
		uint64_t word;
		uint32_t length;

		if (s.n - i >= 8) {
			memcpy(&word, p + i, 8);
			if ((word & UINT64_C(0x8080808080808080)) == 0) {
				i += 8;
				continue;
			}
		}
		length = rune_length(p + i, s.n - i);
		if (length == 0)
			return false;
		i += length;
	}
	return true;
}

struct str
str_head_runes(struct str s, uint32_t max_runes)
{
	uint32_t i = 0;

	for (uint32_t runes = 0; i < s.n && runes < max_runes; runes++) {
		uint32_t length =
		    rune_length((const unsigned char *)s.p + i, s.n - i);

		i += length != 0 ? length : 1;
	}
	return str_make(s.p, i);
}

uint32_t
str_runes(struct str s)
{
	uint32_t runes = 0;

	for (uint32_t i = 0; i < s.n; runes++) {
		uint32_t length =
		    rune_length((const unsigned char *)s.p + i, s.n - i);

		i += length != 0 ? length : 1;
	}
	return runes;
}

bool
str_to_i64(struct str s, int64_t *ret)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	uint32_t i = negative || (s.n > 0 && s.p[0] == '+') ? 1 : 0;
	int64_t v = 0;

	if (i == s.n)
		return false;
	for (; i < s.n; i++) {
		int digit = s.p[i] - '0';

		if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, 10, &v))
			return false;
		if (negative ? __builtin_sub_overflow(v, digit, &v)
			     : __builtin_add_overflow(v, digit, &v))
			return false;
	}
	*ret = v;
	return true;
}

/* What the text of a decimal number says, as far as 64 bits hold it. */
struct decimal {
	uint64_t digits;
	int64_t exponent;
	uint32_t count; /* significant digits read */
	bool negative, exact;
};

/* [+-] digits [. digits] [e [+-] digits], at least one digit before the
 * exponent, all of s. */
static bool
scan_decimal(struct str s, struct decimal *d)
{
	const char *p = s.p, *end = s.p + s.n;
	bool any = false, point = false;

	*d = (struct decimal){ .exact = true };
	if (p < end && (*p == '-' || *p == '+'))
		d->negative = *p++ == '-';
	for (; p < end; p++) {
		unsigned digit = (unsigned)*p - '0';

		if (digit > 9) {
			if (*p != '.' || point)
				break;
			point = true;
			continue;
		}
		any = true;
		if (d->count < 19) {
			d->digits = d->digits * 10 + digit;
			d->count += d->digits != 0;
			d->exponent -= point;
		} else {
			d->exact = false;
		}
	}
	if (!any)
		return false;
	if (p < end && (*p == 'e' || *p == 'E')) {
		bool minus = false;
		int64_t e = 0;

		p++;
		if (p < end && (*p == '-' || *p == '+'))
			minus = *p++ == '-';
		if (p == end)
			return false;
		for (; p < end && *p >= '0' && *p <= '9'; p++)
			if (e < 100000)
				e = e * 10 + (*p - '0');
		d->exponent += minus ? -e : e;
	}
	return p == end;
}

static bool
special_double(struct str s, double *ret)
{
	static const struct {
		const char *text;
		double value;
	} specials[] = {
		{ "NaN", (double)NAN },
		{ "Inf", (double)INFINITY },
		{ "+Inf", (double)INFINITY },
		{ "-Inf", -(double)INFINITY },
	};

	for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++) {
		if (str_is(s, specials[i].text)) {
			*ret = specials[i].value;
			return true;
		}
	}
	return false;
}

/* The program never leaves the "C" locale, so that strtod() knows the same
 * point. */
static double
slow_double(struct str s)
{
	char text[NUMBER_STACK], *copy = text;
	double v;

	if (s.n < sizeof(text)) {
		memcpy(text, s.p, s.n);
		text[s.n] = '\0';
	} else {
		copy = xmemdup0(s.p, s.n);
	}
	v = strtod(copy, NULL);
	if (copy != text)
		free(copy);
	return v;
}

/*
 * Up to 19 digits and a small exponent: both factors are exact in 64 bits, and
 * the one operation is right to half a unit there.  Rounded again to 53 bits
 * that is the right double, unless it lies where the second rounding turns.
 */
#if LDBL_MANT_DIG == 64 && defined(__x86_64__)
static bool
long_double(const struct decimal *d, double *ret)
{
	static const long double tens[] = { 1e0L, 1e1L, 1e2L, 1e3L, 1e4L, 1e5L, 1e6L, 1e7L, 1e8L,
		1e9L, 1e10L, 1e11L, 1e12L, 1e13L, 1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L, 1e20L,
		1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L };
	const unsigned turn = 1u << (64 - DBL_MANT_DIG - 1);
	long double v;
	uint64_t mantissa;
	unsigned rest;

	if (!d->exact || d->digits == 0 || d->exponent < -27 || d->exponent > 27)
		return false;
	v = (long double)d->digits;
	v = d->exponent < 0 ? v / tens[-d->exponent] : v * tens[d->exponent];
	memcpy(&mantissa, &v, sizeof(mantissa));
	rest = (unsigned)mantissa & (2 * turn - 1);
	if (rest >= turn - 1 && rest <= turn + 1)
		return false;
	*ret = (double)(d->negative ? -v : v);
	return true;
}
#else
static bool
long_double(const struct decimal *d, double *ret)
{
	(void)d;
	(void)ret;
	return false;
}
#endif

bool
str_to_double(struct str s, double *ret)
{
	static const double tens[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7,
		1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
		1e19, 1e20, 1e21, 1e22 };
	struct decimal d;
	double v;

	if (!scan_decimal(s, &d))
		return special_double(s, ret);
	/* Both factors are exact and the one operation rounds correctly
	 * (Clinger). */
	if (d.exact && d.digits <= UINT64_C(1) << 53 && d.exponent >= -22 &&
	    d.exponent <= 22) {
		v = (double)d.digits;
		v = d.exponent < 0 ? v / tens[-d.exponent]
				   : v * tens[d.exponent];
		*ret = d.negative ? -v : v;
		return true;
	}
	if (long_double(&d, ret))
		return true;
	v = slow_double(s);
	if (isinf(v))
		return false;
	*ret = v;
	return true;
}

uint32_t
str_distance(struct str a, struct str b, uint32_t max)
{
	uint32_t row[DISTANCE_LENGTH_MAX + 1];

	if (a.n > DISTANCE_LENGTH_MAX || b.n > DISTANCE_LENGTH_MAX)
		return max + 1;
	for (uint32_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (uint32_t i = 1; i <= a.n; i++) {
		uint32_t diagonal = row[0], best = i;

		row[0] = i;
		for (uint32_t j = 1; j <= b.n; j++) {
			uint32_t cost = diagonal + (a.p[i - 1] != b.p[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < cost)
				cost = row[j] + 1;
			if (row[j - 1] + 1 < cost)
				cost = row[j - 1] + 1;
			row[j] = cost;
			best = cost < best ? cost : best;
		}
		if (best > max)
			return max + 1;
	}
	return row[b.n] <= max ? row[b.n] : max + 1;
}
