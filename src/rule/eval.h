/* SPDX-License-Identifier: Apache-2.0 */
/* One evaluation under way: what eval_match.c finds out and eval.c acts on.
 * Nobody else includes it. */
#pragma once

#include "rule/internal.h"

#define EVAL_NONE UINT32_MAX /* no alert */
#define EVAL_OWN  UINT32_MAX /* no observation: the rule's own alert */

/* An alert that does not exist yet. */
struct fresh {
	struct labels *labels; /* +1 reference, given to the alert */
	uint32_t observed;     /* EVAL_OWN: the rule's own alert */
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
	bool counts; /* for_points */
	struct judgement judgement;
	struct str *keys; /* of observations with made labels; NULL: there are none */
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

/* What a step would bring about. */
struct tried {
	struct alert_times times;
	struct tally tally;
};

/* --- eval_match.c --------------------------------------------------------- */
/* Made labels have bytes to be known by, too. */
void eval_make_keys(struct eval *ev);
struct str eval_key(const struct eval *ev, uint32_t observed);
/* When the datum was measured; the slot when nobody says. */
wall_t eval_data_at(const struct eval *ev, const struct observation *o);
/* Observations to alerts, known and new; changes nothing but marks. */
int eval_match(struct eval *ev, struct err *err);
/* The labels of its sample; NULL: the alert's own will do. */
void eval_views(struct eval *ev, uint32_t observed, struct label_view **ret, uint32_t *ret_n);
/* Expands the annotations of an alert for the queries in them alone. */
void eval_ask(struct eval *ev, const struct labels *labels, uint32_t observed, double value);
/* Keeps the sample's whole label set, for annotations that will be looked at
 * later. */
void eval_keep_sample(struct eval *ev, struct tracked *t, const struct observation *o);

/* --- eval_step.c ---------------------------------------------------------- */
/* Raises the rule's own alert; its labels may be those of an ordinary one (a query without labels):
 * then that one breaches. */
void eval_raise_own(struct eval *ev, uint8_t flag);
/* What the evaluation says of a tracked alert, its new value, and the datum's time (WALL_NONE: none). */
enum outcome eval_outcome(struct eval *ev, const struct tracked *t, double *ret_value, wall_t *ret_at);
/* One step of it, without taking it. */
enum alert_change eval_try(const struct eval *ev, const struct tracked *t, enum outcome outcome, wall_t at,
    struct tried *ret);
/* Of a rule that asks: are its annotations expanded now? */
bool eval_is_asked_for(const struct tracked *t, const struct alert_times *times, enum alert_change change);
/* Of a series without an alert: does one of the points that for_points counts breach? */
bool eval_begins_by_points(const struct eval *ev, const struct observation *o);
void eval_learn_keys(struct eval *ev);
void eval_step_tracked(struct eval *ev);
void eval_step_fresh(struct eval *ev);
/* The rule has a row in the store from now on. */
void eval_store_rule(struct engine *engine, struct rule_state *rule);

/* --- eval_past.c ---------------------------------------------------------- */
/* Appends what the kind wants remembered; forgets, and keeps in the store. */
void eval_remember(struct eval *ev);
