/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of this program, and samples to try them on. */
#pragma once

#include <check.h>
#include <math.h>

#include "base/rng.h"
#include "stats/sample.h"

/* For inner loops: check writes a record for every ck_assert() that holds. */
#define REQUIRE(what)                                                          \
	do {                                                                   \
		if (!(what))                                                   \
			ck_abort_msg("%s", #what);                             \
	} while (0)

TCase *case_edges(void);
TCase *case_laws(void);
TCase *case_nulls(void);
TCase *case_properties(void);
TCase *case_quality(void);
TCase *case_random_input(void);
TCase *case_sketches(void);
TCase *case_streams(void);
TCase *case_tail(void);

static inline struct sample_set
sample_make(const double *x, size_t n)
{
	struct sample_set sample;

	ck_assert_int_eq(sample_init(&sample, x, n), STATS_OK);
	return sample;
}

/* Box and Muller 1958 */
static inline double
random_normal(struct rng *rng)
{
	double radius = sqrt(-2.0 * log(1.0 - rng_unit(rng)));

	return radius * cos(2.0 * M_PI * rng_unit(rng));
}
