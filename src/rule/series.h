/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers as series: grouped by key and joined with one another; and the small
 * things that kinds which judge series share.
 *
 * Everything lives in the evaluation's arena.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rule/kind.h"

/* --- groups ------------------------------------------------------------ */

struct series {
	struct str key;
	const struct sample *const *samples; /* in the answer's order */
	uint32_t n;
};

struct series_set {
	struct series *list; /* in order of their first samples */
	uint32_t n;
	uint32_t *slots; /* index + 1 into list, open addressing; 0: free */
	uint32_t mask;
};

void series_group(const struct vector *answer, struct arena *arena, struct series_set *ret);
const struct series *series_find(const struct series_set *set, struct str key);

/* --- joins ------------------------------------------------------------- */

/*
 * The sample's labels without __name__, sorted, length-prefixed; with names, only those (a label
 * that is absent is an empty one). Equal bytes are equal labels.
 */
int series_labels(const struct source *source, const struct sample *sample,
    const char *const *names, uint32_t n_names, struct arena *arena, struct str *ret,
    struct err *err);

/*
 * Finds, for a sample of one answer, the sample of another answer (one value per series) with
 * the same labels, __name__ aside.  An answer of one sample without labels is everybody's.
 */
struct series_join {
	const struct source *source;
	struct series_set by_key;
	struct arena *arena;
	/* made when a key is not found: the same by labels */
	bool has_labels, is_common;
	struct str *labels;
	struct series_set by_labels;
};
void series_join_init(struct series_join *join, const struct source *source,
    const struct vector *answer, struct arena *arena);
/* *ret NULL: there is none. */
int series_join_find(struct series_join *join, const struct source *source,
    const struct sample *sample, const struct sample **ret, struct err *err);

/* --- guards ------------------------------------------------------------ */

/*
 * `guard: QUERY`: a series is judged only while the guard has a series with the same labels (or
 * one without labels for all) whose value is there and not 0.  PromQL's `... > 1` filters, so it
 * says no by saying nothing; SQL may answer 0.
 */
int series_is_guarded(struct series_join *guard, const struct source *source,
    const struct sample *sample, bool *ret_passes, struct err *err);

/* --- observations ------------------------------------------------------ */

/* The value, when it was measured, and whether it can be used at all. */
struct current {
	double value; /* NaN when there is none */
	wall_t at;
	bool usable; /* finite */
};
struct current series_current(const struct sample *sample, wall_t asked_at);

/* As many as the judgement's array can hold: one observation per series and level. */
struct observation *series_observations(
    struct arena *arena, uint32_t series, uint32_t levels, struct judgement *ret);

/* --- reasons ----------------------------------------------------------- */

/* ,"name":value with null for what is not a number; the first one without the comma. */
void detail_number(struct buf *out, const char *name, double value);
void detail_text(struct buf *out, const char *name, const char *value);
