/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why somebody was, or was not, told of an alert: notify's decision log
 * (notify/decision.h says when a row is written).
 *
 * A row speaks of one group, and names its alerts by fingerprint: first those
 * that fired, then those that were over, each part ascending.  Rows are found
 * by the fingerprint of an alert without an index entry per alert: each keeps
 * a 64-bit mask of what it names, in an index that grows at its end, and only
 * rows whose mask says "perhaps" are opened.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"

struct store;

struct decision_row {
	int64_t id;
	wall_t first_at;
	bool lasts;            /* holds until store_decision_close(); else a matter of a moment */
	wall_t until;          /* when it ceased to hold; WALL_NONE: it does */
	uint32_t verdict;      /* enum decision_verdict */
	struct str group_key;
	struct str target;     /* "RECEIVER/webhook[0]", a schedule, ...; empty: all of the group's */
	struct str ref;        /* silence id, interval, the inhibiting alert's fingerprint, who acknowledged */
	struct str cause;      /* for people */
	int64_t delivery_id;   /* 0: none */
	wall_t next_at;        /* when it is looked at again; WALL_NONE: not known */
	uint32_t n_firing;
	struct str fingerprints; /* u64le; empty: the group as a whole */
};

void store_decision_put(struct store *store, const struct decision_row *row);
void store_decision_close(struct store *store, int64_t id, wall_t until);

/* With what became of its delivery. */
struct decision_seen {
	struct decision_row row;
	bool alert_fires;        /* when asked by fingerprint: on which side it is named */
	bool has_delivery;       /* the delivery's row is still there */
	uint32_t delivery_state; /* enum delivery_state */
	uint32_t attempts;
	wall_t due_at, finished_at;
	struct str error;
};

struct decision_query {
	uint64_t fingerprint;  /* 0: any alert */
	/* With a fingerprint: rows of this group that name no alert are found, too. Without: only this group's; empty: any. */
	struct str group_key;
	wall_t since, until;   /* rows that held at some time from since until before until; WALL_NONE: open */
	uint32_t limit;        /* 1..1000 */
	int64_t before_id;     /* 0: from the newest; else the last id of the page before */
};
/* rows: newest first by id, valid during the call; err as in store_history_fn. */
typedef void store_decision_fn(void *arg, const struct decision_seen *rows, uint32_t n, const struct err *err);
void store_decision_query(struct store *store, const struct decision_query *query, store_decision_fn *fn, void *arg);
/* Those that hold; at start, on the loop thread. */
int store_decision_load(struct store *store, void (*fn)(void *arg, const struct decision_row *row), void *arg, struct err *err);
