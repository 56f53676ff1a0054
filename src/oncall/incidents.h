/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Incidents: one for each aggregation group that fires, from its first due
 * notification (after group_wait, not while it is muted) to its end; and its
 * escalation, if the route asks for one.
 *
 * Who tells whom is notify's: it shows what a flush sees, and is asked back,
 * through the hooks, to tell the receivers of a step.  A step is one
 * transaction: the deliveries, what comes next and when, the history.
 *
 * What fires again within the refire window is the same incident, so an ended
 * one stays in memory for so long; in the store, until the retention ends.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/instant.h"
#include "config/config.h"
#include "loop/loop.h"
#include "oncall/escalation.h"
#include "oncall/overrides.h"
#include "oncall/plan.h"
#include "oncall/policy.h"
#include "route/groups.h"
#include "store/store_incident.h"

#define REFIRE_WINDOW_DEFAULT DUR_S(600)
/* A step that is later than this is overdue: somebody should look why. */
#define STEP_OVERDUE_AFTER DUR_S(60)
#define INCIDENT_QUIET_MAX DUR_S(30 * 86400) /* of a snooze, or of an acknowledgement with an end of its own */
#define INCIDENT_COMMENT_MAX 4096 /* bytes; also of the name of who did it */

struct incidents;

/* What only incidents that escalate, or that somebody has touched, have. */
struct incident_work {
	struct link link;            /* in incidents->working */
	struct incident *incident;
	struct frozen_policy *policy; /* NULL: none */
	uint32_t generation, loop, step;
	wall_t due_at, saved_due_at;
	bool exhausted, passed_over, by_hand;
	bool waits;                  /* a step is due, and everything is suppressed now: the next flush takes it */
	char *told;                  /* targets beside the route's own that were told, one a line; NULL: none */
	wall_t changed_at;
	char *changed_by, *comment;  /* NULL: nobody has */
	struct timer timer;
};

struct incident {
	int64_t id;
	struct incidents *incidents;
	char *key;                  /* the group's; borrowed while there is one */
	struct alert_group *group;  /* NULL: it has ended */
	struct labels *labels;      /* the group's */
	struct istr *route_id;
	struct istr *severity;      /* the highest that fires; NULL: none has one */
	struct istr *runbook;       /* NULL: none */
	wall_t opened_at, resolved_at;
	uint32_t alerts;            /* that fire */
	uint8_t state, before;      /* enum incident_state */
	uint8_t peak;               /* severity_grade() of the highest so far */
	struct incident_work *work; /* NULL: nothing of it */
};

/* What a flush of a group sees. */
struct incident_facts {
	uint32_t firing;         /* alerts that fire and are not suppressed */
	uint32_t firing_all;     /* suppressed ones, too */
	struct str severity;     /* the highest of those that are not suppressed; may be empty */
	struct str runbook;
	wall_t youngest;         /* start of the one that began last */
};

/* What is said of a step to whoever keeps the reasons. */
enum incident_note {
	INCIDENT_NOTE_SKIPPED,    /* the severity or the time is not the step's, or who it names is not configured */
	INCIDENT_NOTE_NOBODY,     /* on call */
	INCIDENT_NOTE_DUPLICATE,  /* is being told the same */
	INCIDENT_NOTE_IMPOSSIBLE, /* the receiver cannot tell anybody */
	INCIDENT_NOTE_HELD,       /* until quiet hours are over */
	INCIDENT_NOTE_EXHAUSTED,
};

enum tell_result { TELL_SENT, TELL_DUPLICATE, TELL_HELD, TELL_IMPOSSIBLE };

struct incidents_hooks {
	void *arg;
	/* What fires in the group now, without what is suppressed; at most as costly as a flush. */
	struct incident_facts (*look)(void *arg, struct alert_group *group, wall_t now);
	/*
	 * Writes the deliveries that tell this receiver what fires in the group now. place names the step
	 * ("GENERATION.LOOP.STEP"); HELD: they leave when the quiet hours are over.
	 */
	enum tell_result (*tell)(void *arg, struct incident *incident, const struct receiver_config *receiver, const char *place,
	    wall_t now);
	/* target: a receiver, schedule or user, or empty; until: WALL_NONE, or when it goes on. */
	void (*note)(void *arg, const struct incident *incident, enum incident_note what, const char *target, const char *cause,
	    wall_t until, wall_t now);
	/* Its state is another now: acknowledged, snoozed, open, over. */
	void (*changed)(void *arg, struct incident *incident, wall_t now);
	/* Takes back deliveries of the escalation that have not left; why is static. */
	void (*stop)(void *arg, struct incident *incident, const char *why);
	/*
	 * Whoever was told and shows how it stands (who has it in hand, until when) is to show that it is another now.
	 * Not of its end, nor when its severity rises: of these there are news anyway.
	 */
	void (*show)(void *arg, struct incident *incident, wall_t now);
};

struct incidents *incidents_new(struct loop *loop, struct store *store, struct overrides *overrides);
void incidents_free(struct incidents *incidents); /* accepts NULL; rows stay */
void incidents_set_hooks(struct incidents *incidents, const struct incidents_hooks *hooks);
void incidents_apply(struct incidents *incidents, struct config *config);
void incidents_restore_policy(struct incidents *incidents, struct str digest, struct str body);
void incidents_restore(struct incidents *incidents, const struct incident_row *row);
/* After groups have been restored and the configuration applied, before anything is flushed: finds their groups. */
void incidents_attach(struct incidents *incidents, struct groups *groups);
/* Arms what is due; overdue steps are taken once, soon. */
void incidents_start(struct incidents *incidents);
void incidents_stop(struct incidents *incidents);

/* --- notify's side ---------------------------------------------------------- */
/* The group's incident, or NULL. An ended one counts until its group is gone. */
struct incident *incidents_of(const struct incidents *incidents, const struct alert_group *group);
/*
 * A flush has seen this: opens, ends or changes the group's incident, which is returned (NULL: there is none).
 * Nobody is told in this call.
 */
struct incident *incidents_observe(struct incidents *incidents, struct alert_group *group, const struct incident_facts *facts,
    wall_t now);
/* After the route's own receiver has been told: takes the steps that are due. */
void incident_run(struct incident *incident, wall_t now);
void incidents_group_gone(struct incidents *incidents, struct alert_group *group);
/* Targets ("RECEIVER/slack[0]") beside the route's own that were told of it; remembered with it. */
void incident_add_told(struct incident *incident, const char *target);
void incident_drop_told(struct incident *incident, const char *target);
bool incident_was_told(const struct incident *incident, const char *target);
/* The i-th, or none (empty). */
struct str incident_told(const struct incident *incident, uint32_t i);
/* Acknowledged or snoozed: nobody is reminded. */
static inline bool
incident_is_quiet(const struct incident *incident)
{
	return incident != NULL && (incident->state == INCIDENT_ACKNOWLEDGED || incident->state == INCIDENT_SNOOZED);
}

/* --- people ------------------------------------------------------------------ */
struct incident_action {
	const char *by;      /* "alice", "slack:U024BE7LH"; never NULL */
	const char *comment; /* may be NULL */
	const char *source;  /* "api", "slack", "email link"; may be NULL */
	wall_t until;        /* of a snooze; of an acknowledgement WALL_NONE: as the policy says */
};
/* 0, or -ERR_INVALID with the reason: it is over, nothing to take back. Durable with the turn. */
int incident_acknowledge(struct incident *incident, const struct incident_action *action, wall_t now, struct err *err);
int incident_unacknowledge(struct incident *incident, const struct incident_action *action, wall_t now, struct err *err);
int incident_snooze(struct incident *incident, const struct incident_action *action, wall_t now, struct err *err);
/* By hand: nobody is told any more, until it really ends or something new fires in it. */
int incident_resolve(struct incident *incident, const struct incident_action *action, wall_t now, struct err *err);

/* --- looking ------------------------------------------------------------------- */
struct incident *incidents_find(const struct incidents *incidents, int64_t id);
/* Routes with the same matchers have groups with the same keys: whose it is, the route's id says. */
struct incident *incidents_by_key(const struct incidents *incidents, struct str group_key, struct str route_id);
/* In no order: for (size_t it = 0; (i = incidents_next(incidents, &it)) != NULL; ) */
struct incident *incidents_next(const struct incidents *incidents, size_t *it);
/* As it is stored; what it points to is the incident's, or in the buffer. */
void incident_fill_row(const struct incident *incident, struct buf *labels, struct incident_row *ret_row);
#define INCIDENT_ROW_EXHAUSTED 2u /* flag of a row */
/* The steps of this digest, if an incident in memory has them, else NULL. */
const struct escalation_policy *incidents_policy(const struct incidents *incidents, struct str digest);
/* Under this "fingerprint" the history has what happened to an incident. */
uint64_t incident_mark(int64_t id);
/* An event of its history; kinds: incident, ack, unack, snooze, escalated, exhausted. */
void incident_history(const struct incident *incident, const char *kind, const char *subject, wall_t at, const char *fmt, ...)
    PRINTF(5, 6);
/* Forgets, a few at a time, what can no longer be opened again. */
void incidents_gc(struct incidents *incidents, wall_t now);
void incidents_put_metrics(const struct incidents *incidents, wall_t now, struct buf *out);
struct overrides *incidents_overrides(const struct incidents *incidents);
