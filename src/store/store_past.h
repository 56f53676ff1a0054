/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of what rules remember of their series: rule/past_keep.h has what is in them. */
#pragma once

#include <stdint.h>

#include "base/str.h"

struct store;

struct past_series_row {
	int64_t id, rule_id;
	struct str labels;   /* canonical encoding */
	struct str versions; /* u32le length and bytes of each, the present one first; empty: none */
};

struct past_chunk_row {
	int64_t series_id, n;
	struct str points;
};

void store_past_series_put(struct store *store, const struct past_series_row *row);
void store_past_series_delete(struct store *store, int64_t id); /* with its chunks */
void store_past_chunk_put(struct store *store, const struct past_chunk_row *row);
/* Those with a smaller number. */
void store_past_chunks_delete(struct store *store, int64_t series_id, int64_t n);
