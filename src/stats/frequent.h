/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frequent items: which texts came how often, with an error bound.
 *
 * Layout: Apache DataSketches' frequent_items_sketch of strings, family 10,
 * 64-bit weights, each string with its length in 4 bytes.  Anderson et al.
 * 2017, "A high-performance algorithm for identifying frequent items": a
 * count is at least `weight` and at most weight + error.
 */
#pragma once

#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "stats/stats.h"

#define FREQUENT_BYTES_MAX (8u << 20)

struct frequent {
	uint64_t total; /* of all that went in */
	uint64_t error;
	uint32_t n;
	struct frequent_item {
		struct str text; /* points into the bytes */
		uint64_t weight;
	} *items; /* owned; most frequent first, equal ones by their bytes */
};

/* STATS_INVALID: no such sketch, or cut short; STATS_LIMIT: more than FREQUENT_BYTES_MAX. */
enum stats_status frequent_init(struct frequent *frequent, const void *bytes, size_t n) NODISCARD;
void frequent_fini(struct frequent *frequent);
