/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests and distances are, for drift_compare.c alone; whether one fits is in drift.h. */
#pragma once

#include <stdint.h>

#include "rule/drift.h"

/* Where every random choice starts. */
#define DRIFT_SEED UINT64_C(0x746f6373696e)

struct drift_facts {
	unsigned flags; /* drift_tests.c */
	double value; /* default threshold of a distance */
	double power; /* permute.h */
	/* One of these; none: a test of counts, drift_test_counts(). */
	struct stats_test (*test)(const struct drift_spec *, const struct drift_pair *);
	struct stats_value (*binned)(const struct drift_spec *, struct bins *);
	struct stats_value (*plain)(const struct sample_set *, const struct sample_set *);
	double (*as_psi)(const struct drift_spec *, double); /* NULL: no law */
};
extern const struct drift_facts drift_facts[]; /* by enum drift_test */

/* Both sides in the bins that the rule asks for; bins_fini() what was STATS_OK. */
enum stats_status drift_bin_values(const struct drift_spec *spec, const struct sample_set *ref,
    const struct sample_set *cur, struct bins *bins);
