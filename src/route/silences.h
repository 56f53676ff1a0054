/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Silences: create, edit, expire, and which of them mute a label set.
 *
 * Rules of editing as Alertmanager's.  Written to the store before
 * the answer (the caller waits).  Matching does not scan: silences with an
 * equality matcher are found through an index on (name, value), the rest are
 * tried in turn.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"
#include "labels/labels.h"
#include "labels/matcher.h"
#include "store/store.h"

#define SILENCES_MAX 100000
#define SILENCE_COMMENT_BYTES_MAX (64u << 10)

enum silence_state { SILENCE_PENDING, SILENCE_ACTIVE, SILENCE_EXPIRED };

struct silence {
	char id[37];
	struct matchers *matchers;
	wall_t starts_at, ends_at, updated_at;
	char *created_by, *comment;
	char *annotations;    /* a JSON object of texts; "": none */
	bool until_resolved;  /* ours: ends when what it silences has been over for a while */
	wall_t matched_at;    /* last silenced a firing alert; WALL_NONE: never yet, WALL_MAX: it does */
	bool announced;       /* whoever announces its end has done so */
	/* rest is private to silences.c and silences_index.c */
	uint32_t marked;
	struct silence *next_indexed, **at_indexed;
	struct silence_bucket *bucket; /* where it is found by matching; NULL once expired */
};

struct silences;

struct silences *silences_new(struct store *store); /* store may be NULL */
void silences_free(struct silences *silences);
int silences_restore(struct silences *silences, const struct silence_row *row, struct err *err);

struct silence_input {
	struct str id;              /* empty: new */
	struct matchers *matchers;  /* taken, also on failure */
	wall_t starts_at, ends_at;
	struct str created_by, comment;
	struct str annotations; /* a JSON object of texts; empty: none */
	bool until_resolved;
};
/* 0 and the id of the silence now in force; -ERR_NOT_FOUND unknown id, -ERR_INVALID with Alertmanager's wording, -ERR_LIMIT. */
int silences_set(struct silences *silences, struct silence_input *input, wall_t now, char ret_id[37], struct err *err);
/* 0 also for one already expired; -ERR_NOT_FOUND. */
int silences_expire(struct silences *silences, struct str id, wall_t now, struct err *err);
const struct silence *silences_get(const struct silences *silences, struct str id);
enum silence_state silence_state(const struct silence *silence, wall_t now);
/* Ids of active silences that match, ascending, at most max; returns how many there are. ret may be NULL with max 0. */
uint32_t silences_muting(const struct silences *silences, const struct labels *labels, wall_t now, const struct silence **ret, uint32_t max);
/*
 * For those that are until_resolved, in rounds: each firing alert is shown to
 * silences_mark() with the number of the round (not 0), then each silence to
 * silences_judge(), which expires it when nothing has matched for
 * SILENCE_OVER_AFTER and something had before.
 */
#define SILENCE_OVER_AFTER DUR_S(5 * 60)
void silences_mark(struct silences *silences, const struct labels *labels, uint32_t round, wall_t now);
void silences_judge(struct silences *silences, const struct silence *silence, uint32_t round, wall_t now);
void silences_set_announced(struct silences *silences, const struct silence *silence, bool announced);
uint32_t silences_count(const struct silences *silences, enum silence_state state, wall_t now);
const struct silence *silences_next(const struct silences *silences, size_t *it);
void silences_gc(struct silences *silences, wall_t now, dur_t retention); /* drops long expired ones */
