/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of incidents share.  Nobody outside includes it, except the
 * room's own tests.
 *
 * incidents.c        the table; what a flush sees
 * incidents_rows.c   rows, history, metrics
 * incidents_step.c   steps that are due, and timers
 * incidents_people.c acknowledged, snoozed, ended by hand
 */
#pragma once

#include "base/map.h"
#include "oncall/incidents.h"
#include "oncall/plan.h"

struct incidents {
	struct loop *loop;
	struct store *store;
	struct overrides *overrides;
	struct incidents_hooks hooks;
	struct config *config;
	struct policies policies;
	struct map by_key;   /* by the group's key, and its route */
	struct link working; /* struct incident_work */
	size_t gc_at;
	bool started;
	int64_t last_id;     /* without a store */
	uint64_t opened, exhausted;
	mono_t turn, turn_steps;
	struct plan plan;    /* the step under way */
	struct buf scratch;
};

/* Of a row. */
enum {
	INCIDENT_FLAG_CLOSED = INCIDENT_ROW_CLOSED,
	INCIDENT_FLAG_EXHAUSTED = INCIDENT_ROW_EXHAUSTED,
	INCIDENT_FLAG_PASSED_OVER = 1u << 2,
	INCIDENT_FLAG_BY_HAND = 1u << 3,
	INCIDENT_FLAG_BEFORE_SHIFT = 4, /* two bits */
	INCIDENT_FLAG_PEAK_SHIFT = 8,   /* four bits: the grade of the highest severity so far */
};

/* incidents.c */
struct incident_work *incident_work_of(struct incident *incident); /* made if there is none */
void incident_set_timer(struct incident *incident);

/* incidents_rows.c */
void incident_write(const struct incident *incident, bool closed);

/* incidents_step.c */
/* Lets the event happen; ESCALATION_ effects, less the ones it has dealt with itself. */
uint32_t incident_move(struct incident *incident, enum escalation_event event, wall_t now, wall_t until, uint32_t *ret_step);
void incident_on_timer(void *incident);
