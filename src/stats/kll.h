/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KLL quantile sketches of doubles, as Apache DataSketches writes them.
 *
 * Karnin, Lang, Liberty 2016, "Optimal quantile approximation in streams": a
 * sketch keeps a few thousand of n values, those of level i with weight 2^i.
 * What it says of ranks is right within kll_error(), with a confidence of
 * 99 %; differences below that mean nothing.  Layout: DataSketches' binary
 * format of family 15 (KLL), little endian, items of 8 bytes.
 *
 * Every length is checked against the bytes there are before anything is
 * read, and the weights must add up to n.
 */
#pragma once

#include <stdint.h>

#include "base/attr.h"
#include "stats/stats.h"

#define KLL_BYTES_MAX (8u << 20)

struct kll {
	uint32_t k, min_k;
	uint64_t n;      /* values that went in */
	double min, max; /* exact; NaN when n is 0 */
	size_t count;    /* values that were kept */
	double *v;       /* owned, ascending */
	uint64_t *upto;  /* owned; weight of v[0..i], the last is n */
};

/* STATS_INVALID: no such sketch, or cut short; STATS_LIMIT: more than KLL_BYTES_MAX. */
enum stats_status kll_init(struct kll *kll, const void *bytes, size_t n) NODISCARD;
void kll_fini(struct kll *kll);
/* The value of rank q in [0, 1] (of the first item whose weight goes beyond it); STATS_FEW when empty. */
struct stats_value kll_quantile(const struct kll *kll, double q);
/* The smallest value of which at least the share q is not above. */
struct stats_value kll_quantile_inclusive(const struct kll *kll, double q);
/* Share of values below x, or (inclusive) not above it. */
struct stats_value kll_rank(const struct kll *kll, double x, bool inclusive);
/* The error of one rank (two-sided: of the difference of two, as for shares between edges). */
double kll_error(const struct kll *kll, bool two_sided);
/*
 * The Kolmogorov-Smirnov distance of two sketches as statistic; effect is the
 * part of it that exceeds both sketches' errors, 0 when they explain it all.
 * p is NaN: a sketch has no p-value worth the name.
 */
struct stats_test kll_ks(const struct kll *ref, const struct kll *cur);
