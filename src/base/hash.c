/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bucket hash: 64x64 -> 128 bit multiplications folded to 64 over 8-byte
 * loads; and FNV-1a, whose values are Alertmanager's fingerprints.
 */
#include "base/hash.h"

#include <string.h>

__extension__ typedef unsigned __int128 u128;

/* Odd, half of the bits set. */
#define K0 UINT64_C(0xa0761d6478bd642f)
#define K1 UINT64_C(0xe7037ed1a0b428db)
#define K2 UINT64_C(0x8ebc6af09c88c6e3)

static uint64_t seed = UINT64_C(0x1d8e4e27c47d124f);

void
hash_seed(uint64_t key)
{
	seed = key ^ UINT64_C(0x1d8e4e27c47d124f);
}

static inline uint64_t
fold(uint64_t a, uint64_t b)
{
	u128 m = (u128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t
load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t
load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

uint64_t
hash_bytes(const void *data, size_t n)
{
	const uint8_t *p = data;
	uint64_t h = seed, a = 0, b = 0;
	size_t left = n;

	if (left > 32) {
		uint64_t h2 = seed ^ K2;

		do {
			h = fold(load64(p) ^ K0, load64(p + 8) ^ h);
			h2 = fold(load64(p + 16) ^ K1, load64(p + 24) ^ h2);
			p += 32;
			left -= 32;
		} while (left > 32);
		h ^= h2;
	}
	if (left > 16) {
		h = fold(load64(p) ^ K2, load64(p + 8) ^ h);
		p += 16;
		left -= 16;
	}
	/* The last 1 to 16 bytes, by overlapping loads. */
	if (left >= 8) {
		a = load64(p);
		b = load64(p + left - 8);
	} else if (left >= 4) {
		a = load32(p);
		b = load32(p + left - 4);
	} else if (left > 0) {
		a = (uint64_t)p[0] << 16 | (uint64_t)p[left / 2] << 8 |
		    p[left - 1];
	}
	return fold(fold(a ^ K1, b ^ h) ^ K0 ^ n, K2 ^ h);
}

uint64_t
hash_mix(uint64_t a, uint64_t b)
{
	return fold(fold(a ^ K0 ^ seed, b ^ K1) ^ K2, a ^ seed);
}

uint64_t
fnv1a64(uint64_t h, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(1099511628211);
	return h;
}
