/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files that keep silences: the table (silences.c), the index
 * by what they match (silences_index.c) and what is stored (silences_rows.c).
 */
#pragma once

#include "base/map.h"
#include "route/silences.h"

#define SILENCE_MATCHERS_MAX 1000u

struct silence_bucket {
	struct istr *name, *value; /* NULL: the last resort */
	struct silence *first;
	uint32_t n;
};

struct silences {
	struct store *store;
	struct map by_id;
	struct map buckets;
	struct silence_bucket last_resort;
};

/* ---- silences_index.c ---- */
/* Only one that is not yet over. */
void silence_index_add(struct silences *silences, struct silence *silence);
/* No harm when it is in no bucket. */
void silence_index_remove(struct silences *silences, struct silence *silence);

/* ---- silences_rows.c ---- */
/* NULL and err: it is not what was written. */
struct matchers *silence_matchers_decode(struct str in, struct err *err);
/* These two do nothing without a store. */
void silence_write_row(struct silences *silences, const struct silence *silence);
void silence_write_history(
    struct silences *silences, const struct silence *silence, const char *kind, wall_t now);
