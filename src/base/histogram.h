/* SPDX-License-Identifier: Apache-2.0 */
/* A histogram of fixed buckets, as /metrics shows it. */
#pragma once

#include <stdint.h>

#include "base/buf.h"

#define HISTOGRAM_BUCKETS_MAX 12

/* Static: upper ends, ascending, and as they are printed. */
struct histogram_bounds {
	uint32_t n;
	double at[HISTOGRAM_BUCKETS_MAX];
	const char *text[HISTOGRAM_BUCKETS_MAX];
};

struct histogram {
	uint64_t counts[HISTOGRAM_BUCKETS_MAX + 1]; /* not cumulative; the last is beyond all */
	double sum;
};

/* Go's default buckets of durations, 5 ms to 10 s. */
extern const struct histogram_bounds histogram_seconds;

void histogram_add(struct histogram *histogram, const struct histogram_bounds *bounds, double value);
uint64_t histogram_count(const struct histogram *histogram);
/* Its samples, without head; labels: "", or a="b",c="d". */
void histogram_put(const struct histogram *histogram, const struct histogram_bounds *bounds, const char *name,
    const char *labels, struct buf *out);
