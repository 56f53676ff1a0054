/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Series that rules write: what recording rules compute, and ALERTS and
 * ALERTS_FOR_STATE of alerting rules when their source is told to keep them.
 *
 * A rule knows the series it wrote at its last evaluation; one that it does
 * not write again is ended with a stale marker, as Prometheus does.  Nobody
 * outside the room includes this.
 */
#pragma once

#include "rule/internal.h"

struct recording { /* in the evaluation's arena */
	struct write_sample *samples;
	uint32_t n;
};

/* A recording rule's answer. 0, or an error and the rule is as it was. */
int record_series(struct rule_state *rule, const struct source *source, const struct vector *answer,
    wall_t now, struct arena *arena, struct recording *ret, struct err *err);
/* An alerting rule's pending and firing alerts, after its evaluation. */
int record_alerts(struct rule_state *rule, wall_t now, struct arena *arena, struct recording *ret,
    struct err *err);
/* What was gathered has been put. */
void record_done(struct rule_state *rule);
/* The rule is gone: its series end. source NULL: nobody is told. */
void record_vanished(struct rule_state *rule, struct source *source, struct arena *arena);
/* Forgets the series without a word to anybody. */
void record_forget(struct rule_state *rule);
