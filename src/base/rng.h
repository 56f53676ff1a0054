/* SPDX-License-Identifier: Apache-2.0 */
/* Seeded pseudo-random numbers (xoshiro256**): jitter and test runs, never secrets. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct rng {
	uint64_t s[4];
};

void rng_init(struct rng *rng, uint64_t seed);
uint64_t rng_next(struct rng *rng);
uint64_t rng_below(struct rng *rng, uint64_t n); /* uniform in [0, n), n > 0 */
double rng_unit(struct rng *rng);                /* uniform in [0, 1) */
/* From the kernel, fit for keys. */
void random_bytes(void *p, size_t n);
/* A random (version 4) UUID, 36 characters and a NUL; from the kernel, not from a seed. */
void uuid_make(char out[37]);
