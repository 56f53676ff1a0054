/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of two means: Welch's and Student's t.
 *
 * statistic = t = (mean_ref - mean_cur)/se; effect = Cohen's d =
 * (mean_cur - mean_ref)/pooled sd.  At least 2 points a side; meant for 30 and
 * more, or nearly normal values.  Infinities: STATS_NOT_FINITE.
 * No spread on both sides: equal means give t 0 and p 1, different ones
 * STATS_CONSTANT, for no test can say whether the gap matters.
 */
#pragma once

#include "stats/sample.h"
#include "stats/stats.h"

/* Welch 1947, Satterthwaite's degrees of freedom. */
struct stats_test location_welch(const struct sample_set *ref, const struct sample_set *cur, enum stats_side side);
/* Equal variances assumed. */
struct stats_test location_student(const struct sample_set *ref, const struct sample_set *cur, enum stats_side side);
/* From mean, variance (n-1) and n, as a database can supply them. */
struct stats_test location_welch_moments(const struct moments *ref, const struct moments *cur, enum stats_side side);
