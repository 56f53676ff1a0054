/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of routed alerts: what senders posted and what rules fired,
 * keyed by label set.  Alertmanager's merge rule.
 *
 * A new alert, a resolve, a changed annotation is written to the store in the
 * same turn; a refresh that only moves endsAt is not.  An alert is resolved
 * when its ends_at has passed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/instant.h"
#include "labels/labels.h"
#include "store/store.h"

struct alerts;
struct alert_group; /* route/groups.h */

enum {
	ALERT_TIMEOUT = 1u << 0,   /* ends_at is a guess: now + resolve_timeout */
	ALERT_FROM_RULE = 1u << 1, /* ours: fires until its rule says otherwise; ends_at is WALL_MAX meanwhile */
	ALERT_UNSTORED = 1u << 2,  /* not in the store (kept in memory only): it was resolved when we first heard of it */
	ALERT_IN_HISTORY = 1u << 5, /* a sender's: the history says that it fires, and not yet that it ended */
	/* from here on never stored */
	ALERT_SETTLED = 1u << 3,   /* its end has passed, and the store knows */
	ALERT_ROUTED = 1u << 4,    /* in the groups of all its routes (route/groups) */
};

struct alert {
	struct labels *labels;
	struct labels *annotations;
	struct istr *generator_url;      /* may be NULL */
	wall_t starts_at, ends_at, updated_at;
	int64_t id;
	uint32_t flags;
	uint32_t pins;                   /* deliveries that still need it */
	union {                          /* memberships, route/groups': look with alert_group() */
		struct alert_group *group;   /* of one: it */
		struct alert_group **groups; /* of more: a block */
	};
	uint32_t n_groups;
	uint32_t place;                  /* in the only group */
	uint32_t updates;                /* puts and resolves so far, from 1 */
};

static inline struct alert_group *
alert_group(const struct alert *alert, uint32_t i)
{
	return alert->n_groups == 1 ? alert->group : alert->groups[i];
}

struct alert_update {
	struct labels *labels, *annotations; /* referenced, not taken */
	struct str generator_url;
	wall_t starts_at, ends_at;  /* already defaulted as in 2.2 */
	uint32_t flags;             /* ALERT_TIMEOUT, ALERT_FROM_RULE */
};

enum alert_put_result { ALERT_PUT_NEW, ALERT_PUT_CHANGED, ALERT_PUT_REFRESHED };

/* Called for every put, after the merge: routing inserts the alert into its groups. */
typedef void alert_put_fn(void *arg, struct alert *alert, enum alert_put_result result, wall_t now);
/* Called just before an alert is freed. */
typedef void alert_gone_fn(void *arg, struct alert *alert);

struct alerts *alerts_new(struct store *store); /* store may be NULL */
void alerts_free(struct alerts *alerts);
void alerts_subscribe(struct alerts *alerts, alert_put_fn *put, alert_gone_fn *gone, void *arg);
struct alert *alerts_put(struct alerts *alerts, const struct alert_update *update, wall_t now, enum alert_put_result *ret_result);
/*
 * Startup. A sender's alert that was firing when last written has been
 * refreshed since without a disk write, so its end moves to now + the lead it
 * had (ends_at - updated_at): it does not resolve because we were down.
 */
struct alert *alerts_restore(struct alerts *alerts, const struct alert_row *row, wall_t now);
struct alert *alerts_find(const struct alerts *alerts, const struct labels *labels);
struct alert *alerts_by_id(struct alerts *alerts, int64_t id); /* at start: the index is made when asked for */
struct alert *alerts_by_fingerprint(const struct alerts *alerts, uint64_t fingerprint);
static inline bool
alert_is_resolved(const struct alert *alert, wall_t now)
{
	return alert->ends_at.ns <= now.ns;
}
/* Resolved at this time by whoever knows (a rule, an API call); stored. */
void alerts_resolve(struct alerts *alerts, struct alert *alert, wall_t at, wall_t now);
/* The history has been told what ALERT_IN_HISTORY says; stored. */
void alerts_set_in_history(struct alerts *alerts, struct alert *alert, bool firing);
/*
 * Its end has passed and somebody is about to be told: from now on a restart
 * must not take it for firing. No-op unless resolved.
 */
void alerts_settle(struct alerts *alerts, struct alert *alert, wall_t now);
/* A delivery that outlives this process names it: it must have a row. */
void alerts_keep(struct alerts *alerts, struct alert *alert);
/* Dropped when nobody needs it: resolved, in no group, no pins. Called by groups and notify when they let go. */
void alerts_release(struct alerts *alerts, struct alert *alert, wall_t now);
/* Sweeps resolved alerts nobody needs; cheap, incremental. */
void alerts_gc(struct alerts *alerts, wall_t now);
uint32_t alerts_count(const struct alerts *alerts);
/* Walk in no order: for (size_t it = 0; (a = alerts_next(alerts, &it)) != NULL; ) */
struct alert *alerts_next(const struct alerts *alerts, size_t *it);
/* Order of the notification: job, instance, then the rest (Alertmanager's AlertSlice). */
int alert_notify_cmp(const struct alert *a, const struct alert *b);
