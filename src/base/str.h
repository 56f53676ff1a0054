/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A borrowed run of bytes: pointer and length, passed by value, not
 * NUL-terminated.  Lives as long as what it points into.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	uint32_t n;
};

#define STR(lit) ((struct str){ (lit), (uint32_t)(sizeof(lit) - 1) })
/* For printf's "%.*s". */
#define STR_ARG(s) (int)(s).n, (s).p

static inline struct str
str_make(const char *p, size_t n)
{
	return (struct str){ p, (uint32_t)n };
}

static inline struct str
str_from(const char *z)
{
	return (struct str){ z, z != NULL ? (uint32_t)strlen(z) : 0 };
}

static inline bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
str_is(struct str a, const char *z)
{
	return str_eq(a, str_from(z));
}

/* The value of a hexadecimal digit of either case; -1 when it is none. */
static inline int
str_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int str_cmp(struct str a, struct str b);         /* byte order, shorter first */
struct str str_head(struct str s, uint32_t max); /* at most max bytes, cut at a UTF-8 boundary */
struct str str_trim(struct str s);               /* without ASCII white space at both ends */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_is_utf8(struct str s);
uint32_t str_runes(struct str s); /* code points; an invalid byte counts as one */
/* Bytes of the well-formed UTF-8 character s begins with; 0 when it begins with none. */
uint32_t str_rune_length(struct str s);
struct str str_head_runes(struct str s, uint32_t max_runes);
/* Whole-string numbers; false on anything else (no white space, no overflow). */
bool str_to_i64(struct str s, int64_t *ret);
bool str_to_double(struct str s, double *ret); /* also NaN, Inf, +Inf, -Inf */
/* Edit distance up to max (then max + 1): "did you mean". */
uint32_t str_distance(struct str a, struct str b, uint32_t max);
