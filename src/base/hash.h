/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes: one for buckets, two whose values leave the program. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* For hash tables, keyed at start (hash_seed); values differ from run to run and never leave the process. */
uint64_t hash_bytes(const void *p, size_t n);
uint64_t hash_mix(uint64_t a, uint64_t b);
void hash_seed(uint64_t key);

#define FNV1A64_INIT UINT64_C(14695981039346656037)
uint64_t fnv1a64(uint64_t h, const void *p, size_t n);

struct sha256 {
	uint32_t h[8];
	uint64_t bytes;
	uint8_t block[64];
};
void sha256_init(struct sha256 *s);
void sha256_put(struct sha256 *s, const void *p, size_t n);
void sha256_end(struct sha256 *s, uint8_t out[32]);
void sha256_hex(const void *p, size_t n, char out[65]);
