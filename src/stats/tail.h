/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How rare is a value: the tail of a sample, extrapolated.
 *
 * Below the threshold (the value exceeded by a share of the sample) the sample itself says; above
 * it the excesses are taken to follow a generalised Pareto distribution (Pickands 1975), fitted by
 * its moments: shape = (1 - m^2/v)/2, scale = m (1 + m^2/v)/2 with mean m and variance v of the
 * excesses, the shape kept in [0, TAIL_SHAPE_MAX]: never lighter than exponential, since a bound
 * that the past happened to keep is not a bound.  This is the peaks-over-threshold method that SPOT
 * (Siffer et al. 2017) uses on streams.
 *
 * Values that overlap, as moving averages do, are far out in clusters (Leadbetter 1983): k excesses
 * in clusters of c are k/c that say something.  Where the scale of an exponential tail is an
 * estimate from so few, the next value follows a generalised Pareto law whose shape is the inverse
 * of their number (Aitchison and Dunsmore 1975, Statistical Prediction Analysis); what that is more
 * than with c = 1, (c - 1)/k, is added to the shape.
 */
#pragma once

#include <stddef.h>

#include "stats/stats.h"

#define TAIL_POINTS_MIN 50
#define TAIL_EXCESSES_MIN 10
#define TAIL_SHAPE_MAX 0.5

struct tail {
	enum stats_status status; /* STATS_FEW below TAIL_POINTS_MIN values, STATS_NOT_FINITE */
	const double *x;          /* ascending, the caller's */
	size_t n;
	int sign;                 /* 1: upper tail, -1: lower */
	double threshold;
	double share;             /* of the sample beyond the threshold */
	double scale, shape;
};

/*
 * The upper (sign 1) or lower (sign -1) tail of ascending x[0..n), which must live as long as the
 * tail is used. share: of the sample that makes the tail, 0.02 is usual. The scale is at least
 * scale_floor: it keeps a sample without spread from finding everything rare.  cluster: c above, 1
 * for values that do not overlap.
 */
struct tail tail_fit(
    const double *x, size_t n, int sign, double share, double scale_floor, double cluster);
/* -log10 of the probability that a value lies as far out as this or further; 0 if status says so. */
double tail_surprise(const struct tail *tail, double value);
/* The value whose surprise is this, for surprises beyond the threshold's; NaN if status says so. */
double tail_value(const struct tail *tail, double surprise);
