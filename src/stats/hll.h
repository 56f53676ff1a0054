/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HyperLogLog sketches: how many distinct values there were.
 *
 * Layout: Apache DataSketches' binary format of family 7 (HLL_4, HLL_6 and
 * HLL_8), in its three modes: a list or a set of coupons while there are few,
 * an array of registers later.
 *
 * Few: a coupon is 26 bits of address and a run length v with probability
 * 2^-v, so n values leave sum over the cells of 1 - (1 - p)^n distinct
 * coupons; the estimate is the n for which that is the count.
 * Many: the historic inverse probability accumulator that the sketch carries
 * (Cohen 2015; Ting 2014).  A merged sketch has none: then Ertl 2017's
 * improved raw estimator (arXiv:1702.01284, section 4.2) of its registers, which
 * needs no tables; DataSketches interpolates in tables there, and the two
 * agree within the error of either.
 * Bounds: one standard deviation; for lg_k up to 12 the quantiles that
 * DataSketches measured and publishes, above that sqrt(ln 2 / k), merged
 * sqrt((3 ln 2 - 1) / k).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "stats/stats.h"

#define HLL_BYTES_MAX (4u << 20)

enum hll_type { HLL_4, HLL_6, HLL_8, HLL_TYPE_COUNT };

struct hll {
	uint32_t lg_k;
	enum hll_type type;
	double estimate, lower, upper;
};

/* STATS_INVALID: no such sketch, or cut short; STATS_LIMIT: more than HLL_BYTES_MAX. */
enum stats_status hll_read(struct hll *hll, const void *bytes, size_t n) NODISCARD;
const char *hll_type_name(enum hll_type type);
