/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's side of what a rule remembers: appending, pruning, and the
 * chunks in which it is kept.  Pure memory; eval_past.c connects it with
 * answers, alerts and the store.  Nobody outside the room includes this.
 *
 * A series is known by its labels (canonical encoding, without __name__ and
 * the reset_on label) and, while the program runs, by the bytes of its
 * samples' key.  Points are counted from the series' beginning for ever; chunk
 * k holds the points [k * PAST_CHUNK, (k + 1) * PAST_CHUNK).
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "rule/kind.h"
#include "rule/past.h"

#define PAST_CHUNK        128
#define PAST_TOTAL_MAX    5000000 /* points of one rule; beyond, a series' new point takes its oldest's place */
#define PAST_VERSIONS_MAX 8       /* former ones that are known */

struct past_line { /* a series */
	char *labels; /* canonical encoding */
	uint32_t labels_n;
	char *key; /* NULL: not seen since the start */
	uint32_t key_n;
	char *version; /* of the reset_on label; NULL: it has none */
	char *older[PAST_VERSIONS_MAX]; /* former versions, the newest first */
	uint32_t n_older;
	wall_t *at;
	double *value;
	uint8_t *flags;
	uint32_t start, n, cap; /* in the arrays */
	uint64_t first;         /* number of the first point in memory */
	uint64_t saved;         /* points below this number are in the store */
	uint64_t chunks_from;   /* chunks below this number are not */
	wall_t saved_at;        /* the newest saved point; WALL_NONE: none */
	int64_t id;             /* in the store; 0: not there */
	uint32_t mark;          /* eval_past.c's */
	const char *next_version;
};

struct past {
	uint32_t refs;
	struct past_need need;
	dur_t step; /* need's, or as wide as PAST_POINTS_MAX asks for */
	struct past_line **lines;
	size_t n, cap;
	uint64_t points;
	struct map by_key, by_labels;
	uint32_t mark;
	bool full_reported;
};

struct past *past_new(const struct past_need *need);
/* As need says now. */
void past_set_step(struct past *past);
struct past *past_ref(struct past *past); /* accepts NULL */
void past_unref(struct past *past);       /* accepts NULL */
struct past *past_clone(const struct past *past);
uint64_t past_points(const struct past *past); /* accepts NULL */

struct past_line *past_line_by_key(const struct past *past, struct str key);
struct past_line *past_line_by_labels(const struct past *past, struct str labels);
/* NULL: PAST_SERIES_MAX are there. */
struct past_line *past_line_add(struct past *past, struct str labels);
void past_line_set_key(struct past *past, struct past_line *line, struct str key);
/* Forgets its points; version is copied. */
void past_line_reset(struct past *past, struct past_line *line, const char *version);
/* False: it is not newer than the last, or within its step. */
bool past_append(struct past *past, struct past_line *line, wall_t at, double value, uint8_t flags);
/* Drops what is older than the window. True: nothing is left, and nothing will come back. */
bool past_prune_line(struct past *past, struct past_line *line, wall_t now);
/* at: its place in past->lines, which the last one takes. */
void past_line_remove(struct past *past, size_t at);

/* The points of chunk k that are in memory. */
void past_chunk_encode(const struct past_line *line, uint64_t k, struct buf *out);
/* Appends what the chunk holds; from and only of an empty line or in order. */
int past_chunk_decode(struct past *past, struct past_line *line, uint64_t k, struct str data, struct err *err);
