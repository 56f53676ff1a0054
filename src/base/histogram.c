/* SPDX-License-Identifier: Apache-2.0 */
/* A histogram of fixed buckets, as /metrics shows it. */
#include "config.h"

#include "base/histogram.h"

#include <inttypes.h>

const struct histogram_bounds histogram_seconds = {
	.n = 11,
	.at = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10 },
	.text = { "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10" },
};

void
histogram_add(struct histogram *histogram, const struct histogram_bounds *bounds, double value)
{
	uint32_t i = 0;

	while (i < bounds->n && value > bounds->at[i])
		i++;
	histogram->counts[i]++;
	histogram->sum += value;
}

uint64_t
histogram_count(const struct histogram *histogram)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i <= HISTOGRAM_BUCKETS_MAX; i++)
		count += histogram->counts[i];
	return count;
}

void
histogram_put(const struct histogram *histogram, const struct histogram_bounds *bounds,
    const char *name, const char *labels, struct buf *out)
{
	const char *comma = labels[0] != '\0' ? "," : "";
	const char *open = labels[0] != '\0' ? "{" : "", *close = labels[0] != '\0' ? "}" : "";
	uint64_t count = 0;

	for (uint32_t i = 0; i <= bounds->n; i++) {
		count += histogram->counts[i];
		buf_printf(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", name, labels, comma,
		    i < bounds->n ? bounds->text[i] : "+Inf", count);
	}
	buf_printf(out, "%s_sum%s%s%s %.9g\n", name, open, labels, close, histogram->sum);
	buf_printf(out, "%s_count%s%s%s %" PRIu64 "\n", name, open, labels, close, count);
}
