/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision log: why somebody was, or was not, told.
 *
 * Whoever considers a notification (a flush, the escalation, a receiver's
 * budget) notes what it decided, in the turn in which it acts on it, so that
 * the row is durable with the deed.  A row is written when the answer
 * changes, never once per flush:
 *
 * moments    (sent, told by somebody else, nobody on call) happen at one
 *            time.  "Nothing new" is one as well: it is noted once and holds
 *            until the next row of the same target.
 * conditions (silenced, inhibited, muted, held, acknowledged, ...) last.  One
 *            row says since when; when the condition ends, or the alerts it
 *            names change, it is closed with the time and, if need be, a new
 *            one begins.
 *
 * Conditions of a group are noted between decisions_begin() and
 * decisions_end(); those of an owner that were not noted again in between are
 * over.  The owners, flush and on-call, do not see each other's conditions.
 *
 * A delivery's fate is not repeated here: a row names the delivery, whose own
 * row says whether it arrived, what failed and when it is tried again.
 *
 * Memory: nothing for alerts of which nothing lasting is to be said.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "base/str.h"
#include "store/store_decision.h"

/* Stored: append only. */
enum decision_verdict {
	DECISION_SENT,         /* an intent was written: delivery_id */
	DECISION_NOTHING_NEW,  /* the receiver knows it all; next_at: repeated then */
	DECISION_SILENCED,     /* ref: silence id; cause: author, comment */
	DECISION_INHIBITED,    /* ref: fingerprint of the inhibiting alert */
	DECISION_MUTED,        /* ref: name of the mute interval */
	DECISION_INACTIVE,     /* ref: names of the active intervals, none of which holds */
	DECISION_HELD,         /* quiet hours and the like: told at next_at */
	DECISION_ACKNOWLEDGED, /* ref: who */
	DECISION_SNOOZED,      /* ref: who; next_at */
	DECISION_RATE_LIMITED, /* over the receiver's budget; next_at: when there is room */
	DECISION_NOBODY,       /* nobody is on call, or the receiver has no integrations */
	DECISION_FAILED,       /* could not even be tried; cause says why */
	DECISION_BROKEN,       /* the receiver's circuit is open: waits; next_at: probed then */
	DECISION_FLAPPING,     /* one notice was sent instead; next_at: earliest end */
	DECISION_NOT_ASKED,    /* the receiver does not want to hear of ends */
	DECISION_SKIPPED,      /* an escalation step that did not apply (severity, time, already told) */
	DECISION_COUNT
};

/* Whose condition a verdict is. */
enum decision_owner {
	DECISION_OF_FLUSH,  /* silenced, inhibited, muted, inactive, flapping, nobody */
	DECISION_OF_ONCALL, /* held, acknowledged, snoozed */
	DECISION_OWNER_COUNT
};

struct decisions;

struct decision {
	enum decision_verdict verdict;
	struct str group_key;
	struct str target;    /* "ops/webhook[0]", "schedule:ml-primary", ...; empty: all of the group's */
	struct str ref, cause;
	int64_t delivery_id;  /* 0: none */
	wall_t next_at;       /* WALL_NONE: not known */
	/* Which alerts, each ascending; both empty: the group as a whole. */
	const uint64_t *firing, *resolved;
	uint32_t n_firing, n_resolved;
};

/* A word: "sent", "duplicate", "silenced", ...; for the API. */
const char *decision_verdict_name(enum decision_verdict verdict);

struct decisions *decisions_new(struct store *store);
void decisions_free(struct decisions *decisions);
/* Start: conditions that held when we stopped go on holding until somebody says otherwise. */
void decisions_restore(void *decisions, const struct decision_row *row);

/* A moment. */
void decision_note(struct decisions *decisions, const struct decision *decision, wall_t now);
/*
 * Conditions.  Rows are told apart by group, target, verdict and ref; a change
 * of cause alone rewrites nothing, nor one of next_at where a machine chose it.
 */
/* Groups of routes with the same matchers have the same key: the route tells them apart. */
void decisions_begin(struct decisions *decisions, enum decision_owner owner, struct str group_key, const char *route_id);
void decision_hold(struct decisions *decisions, const struct decision *decision, wall_t now);
void decisions_end(struct decisions *decisions, wall_t now);
/* The group is gone: nothing lasts. */
void decisions_over(struct decisions *decisions, struct str group_key, const char *route_id, wall_t now);
/* Ends the conditions of groups that are no more (a route that went while nobody ran). */
void decisions_prune(struct decisions *decisions, bool (*exists)(void *arg, struct str group_key), void *arg, wall_t now);
/* Open conditions: a bound on memory, and a metric. */
uint32_t decisions_held(const struct decisions *decisions);
