/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code points, as Go's utf8 and unicode packages see them: what quoting and
 * the matcher grammar need of Unicode and nothing more.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define RUNE_ERROR 0xFFFDu /* what a byte that is not UTF-8 decodes to */

/* The code point at s.p[i] (i < s.n); *ret_n is its length, 1 with RUNE_ERROR when invalid. */
uint32_t rune_decode(struct str s, uint32_t i, uint32_t *ret_n);
/* Writes 1 to 4 bytes; the code point must be valid. */
uint32_t rune_encode(uint32_t rune, char out[4]);
static inline bool
rune_is_valid(uint32_t rune)
{
	return rune < 0xD800 || (rune > 0xDFFF && rune <= 0x10FFFF);
}
bool rune_is_space(uint32_t rune); /* unicode.IsSpace */
bool rune_is_print(uint32_t rune); /* unicode.IsPrint; in regex.c, PCRE2 has the tables */
