/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every function of this room answers with.
 *
 * The room holds pure functions on arrays: no clock, no I/O, no state but
 * what the caller hands in.  A question that the data cannot answer is a
 * status, never a number: statistic and p are NaN then, and NaN compares
 * false with any threshold, so that it cannot raise an alert.
 *
 * Accuracy: statistics to 1e-9 relative, p-values to 1e-7 down to 1e-12,
 * unless a header says otherwise.
 */
#pragma once

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* The constants of <math.h> are floats. */
#define STATS_NAN ((double)NAN)
#define STATS_INFINITY ((double)INFINITY)

enum stats_status {
	STATS_OK,
	STATS_FEW,        /* fewer points than the definition needs */
	STATS_CONSTANT,   /* no spread: the scale of the question is undefined */
	STATS_NOT_FINITE, /* an infinite or NaN input where a number is needed */
	STATS_INVALID,    /* a parameter outside its domain */
	STATS_LIMIT,      /* larger than a named limit of this room */
	STATS_STATUS_COUNT
};

/* Which difference a test looks for. */
enum stats_side {
	STATS_TWO_SIDED,
	STATS_CURRENT_HIGHER, /* current tends to larger values than reference */
	STATS_CURRENT_LOWER,
	STATS_SIDE_COUNT
};

/* The answer of a two-sample test. */
struct stats_test {
	enum stats_status status;
	double statistic; /* each header says which */
	double p;         /* in [0, 1] */
	double df;        /* degrees of freedom, NaN where there are none */
	double effect;    /* size of the difference, independent of n */
};

/* One number that may be undefined. */
struct stats_value {
	enum stats_status status;
	double value;
};

const char *stats_status_name(enum stats_status status);
/* NaN everywhere, with the given status. */
struct stats_test stats_test_undefined(enum stats_status status);
/* p is clamped into [0, 1]; a NaN statistic or p makes it STATS_NOT_FINITE. */
struct stats_test stats_test_of(double statistic, double p, double df, double effect);
struct stats_value stats_value_undefined(enum stats_status status);
/* STATS_NOT_FINITE if value is NaN; infinity is a value (a divergence can be infinite). */
struct stats_value stats_value_of(double value);

/* Neumaier's compensated sum of x[0..n). */
double stats_sum(const double *x, size_t n);
/* Are all of x[0..n) finite? */
bool stats_all_finite(const double *x, size_t n);
