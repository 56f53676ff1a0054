/* SPDX-License-Identifier: Apache-2.0 */
/* Code points: decoding, encoding and the white space of Unicode. */
#include "config.h"

#include "labels/rune.h"

/* Length that the first byte announces and the least second byte allowed; 0: not a first byte. */
static uint32_t
first_byte(uint8_t b, uint8_t *ret_low, uint8_t *ret_high)
{
	*ret_low = 0x80;
	*ret_high = 0xBF;
	if (b >= 0xC2 && b <= 0xDF)
		return 2;
	if (b >= 0xE0 && b <= 0xEF) {
		if (b == 0xE0)
			*ret_low = 0xA0; /* overlong */
		if (b == 0xED)
			*ret_high = 0x9F; /* surrogates */
		return 3;
	}
	if (b >= 0xF0 && b <= 0xF4) {
		if (b == 0xF0)
			*ret_low = 0x90;
		if (b == 0xF4)
			*ret_high = 0x8F; /* beyond U+10FFFF */
		return 4;
	}
	return 0;
}

uint32_t
rune_decode(struct str s, uint32_t i, uint32_t *ret_n)
{
	const uint8_t *p = (const uint8_t *)s.p + i;
	uint8_t low, high;
	uint32_t n, rune;

	*ret_n = 1;
	if (p[0] < 0x80)
		return p[0];
	n = first_byte(p[0], &low, &high);
	if (n == 0 || s.n - i < n || p[1] < low || p[1] > high)
		return RUNE_ERROR;
	rune = p[0] & (0xFFu >> (n + 1));
	for (uint32_t k = 1; k < n; k++) {
		if ((p[k] & 0xC0) != 0x80)
			return RUNE_ERROR;
		rune = rune << 6 | (p[k] & 0x3Fu);
	}
	*ret_n = n;
	return rune;
}

uint32_t
rune_encode(uint32_t rune, char out[4])
{
	if (rune < 0x80) {
		out[0] = (char)rune;
		return 1;
	}
	if (rune < 0x800) {
		out[0] = (char)(0xC0 | rune >> 6);
		out[1] = (char)(0x80 | (rune & 0x3F));
		return 2;
	}
	if (rune < 0x10000) {
		out[0] = (char)(0xE0 | rune >> 12);
		out[1] = (char)(0x80 | (rune >> 6 & 0x3F));
		out[2] = (char)(0x80 | (rune & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | rune >> 18);
	out[1] = (char)(0x80 | (rune >> 12 & 0x3F));
	out[2] = (char)(0x80 | (rune >> 6 & 0x3F));
	out[3] = (char)(0x80 | (rune & 0x3F));
	return 4;
}

bool
rune_is_space(uint32_t rune)
{
	if (rune <= 0xFF)
		return (rune >= '\t' && rune <= '\r') || rune == ' ' ||
		    rune == 0x85 || rune == 0xA0;
	return rune == 0x1680 || (rune >= 0x2000 && rune <= 0x200A) ||
	    rune == 0x2028 || rune == 0x2029 || rune == 0x202F ||
	    rune == 0x205F || rune == 0x3000;
}
