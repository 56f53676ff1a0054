/* SPDX-License-Identifier: Apache-2.0 */
/* One evaluation under way: what eval_match.c finds out and eval.c acts on.
 * Nobody else includes it. */
#pragma once

#include "rule/internal.h"

#define EVAL_NONE UINT32_MAX /* no alert */

/* An alert that does not exist yet. */
struct fresh {
	struct labels *labels; /* +1 reference, given to the alert */
	uint32_t observed;     /* EVAL_NONE: the rule's own alert */
};

/* Label set to alert, by pointer; made only when a series is not known by its
 * bytes. */
struct set_slot {
	const struct labels *labels; /* NULL: free */
	uint32_t at;                 /* index of a tracked alert, or of a fresh one behind those */
};

struct eval {
	struct engine *engine;
	struct rule_state *rule;
	const struct source *source;
	struct arena *arena;
	wall_t now;
	struct alert_policy policy;
	struct judgement judgement;
	uint32_t *found; /* tracked alert of each observation, or EVAL_NONE */
	bool *rekey;     /* it was found by labels: its bytes are new */
	struct fresh *fresh;
	uint32_t n_fresh;
	uint32_t n_known; /* tracked alerts when matching began */
	uint32_t n_matched;
	struct set_slot *sets;
	uint32_t sets_mask;
	enum outcome absent;
	uint8_t own_flag; /* why the rule's own alert breaches; 0: it does not */
};

/* Observations to alerts, known and new; changes nothing but marks. */
int eval_match(struct eval *ev, struct err *err);
/* The labels of its sample; NULL: the alert's own will do. */
void eval_views(struct eval *ev, uint32_t observed, struct label_view **ret, uint32_t *ret_n);
/* Expands the annotations of an alert for the queries in them alone. */
void eval_ask(struct eval *ev, const struct labels *labels, uint32_t observed, double value);
/* Keeps the sample's whole label set, for annotations that will be looked at
 * later. */
void eval_keep_sample(struct eval *ev, struct tracked *t, const struct observation *o);
