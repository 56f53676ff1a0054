/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why somebody was told, or was not: one call per notification considered.
 *
 * Whoever decides says so here, in the turn in which it is decided: the
 * pipeline (suppressed alerts, nothing new, repeats of what is acknowledged),
 * escalations (conditions, nobody on call) and deliveries (sent, failed).
 * Called once per alert and flush for what is suppressed: noting what was
 * noted before must cost little.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/instant.h"
#include "base/str.h"
#include "labels/labels.h"

struct store;

enum decision_reason {
	DECISION_SENT,           /* delivery: which */
	DECISION_DUPLICATE,      /* the receiver knows, or is being told */
	DECISION_SILENCED,       /* detail: id of the silence and who made it */
	DECISION_INHIBITED,      /* detail: by which alert */
	DECISION_MUTED,          /* detail: by which time interval */
	DECISION_HELD,           /* until: quiet hours are over */
	DECISION_ACKNOWLEDGED,   /* detail: by whom; until: that holds */
	DECISION_RATE_LIMITED,
	DECISION_NOBODY_ON_CALL, /* detail: of which schedule */
	DECISION_FAILED,         /* detail: why; until: the next try, WALL_NONE when there is none */
	DECISION_EXHAUSTED,      /* all steps were taken in vain */
	DECISION_CONDITION,      /* detail: which condition of the step does not hold */
	DECISION_REASON_COUNT
};

struct decision {
	enum decision_reason reason;
	wall_t at;
	int64_t incident;                  /* 0: none (yet) */
	struct str group_key;
	const struct labels *group_labels;
	const struct labels *alert;        /* NULL: the whole group */
	struct str target;                 /* "RECEIVER/slack[0]", a receiver, a schedule; may be empty */
	int64_t delivery;                  /* 0: none */
	int step;                          /* of an escalation; -1: none */
	wall_t until;                      /* WALL_NONE: not said */
	struct str detail;                 /* for people */
};

struct decisions;

struct decisions *decisions_new(struct store *store); /* store may be NULL: nothing is kept */
void decisions_free(struct decisions *decisions);     /* accepts NULL */
void decision_note(struct decisions *decisions, const struct decision *decision); /* decisions may be NULL */
const char *decision_reason_name(enum decision_reason reason); /* "nobody_on_call" */
uint64_t decisions_count(const struct decisions *decisions, enum decision_reason reason); /* so far */
void decisions_put_metrics(const struct decisions *decisions, struct buf *out);
