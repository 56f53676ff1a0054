/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregation groups: alerts of one route with the same
 * group_by values, and the timer that flushes them.
 *
 * The timer's due time is wall time, stored when it changes, and restored, so
 * that neither a restart nor a reload repeats or loses a flush.  A flush calls
 * back; what is then said to whom is notify's business.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "base/str.h"
#include "config/config.h"
#include "loop/loop.h"
#include "route/alerts.h"
#include "store/store.h"

struct groups;

struct alert_group {
	const struct route_config *route;
	struct labels *labels;      /* group labels */
	char *key;                  /* route key ":" group labels */
	int64_t id;
	struct alert **alerts;      /* in no order */
	uint32_t *seen;             /* per alert: its `updates` when the last flush saw it resolved, else 0 */
	uint32_t n_alerts, cap_alerts;
	bool flushed;               /* at least once */
	wall_t next_flush_at;
	struct timer timer;
	struct groups *groups;
	void *notify;               /* notify's per-group state; freed through group_gone */
};

struct groups_hooks {
	void *arg;
	/* The group's time has come; the timer is already set to now + group_interval and stored. */
	void (*flush)(void *arg, struct alert_group *group, wall_t now);
	/* The group is about to be freed (empty, or its route is gone). */
	void (*group_gone)(void *arg, struct alert_group *group);
};

struct groups *groups_new(struct loop *loop, struct store *store, struct alerts *alerts, const struct groups_hooks *hooks);
void groups_free(struct groups *groups);
/*
 * Takes a configuration. Groups whose route id still exists keep timers and
 * notify state (durations from the new route); alerts whose routes changed
 * move; groups of routes that are gone end.
 */
void groups_apply(struct groups *groups, struct config *config, wall_t now);
/* Startup, before groups_start and before alerts are routed. */
void groups_restore(struct groups *groups, const struct group_row *row);
/* Routes an alert: an alert_put_fn (arg is the struct groups). */
void groups_on_alert(void *arg, struct alert *alert, enum alert_put_result result, wall_t now);
/* Arms all timers (overdue ones fire in the next turn, once); empty restored groups are dropped. */
void groups_start(struct groups *groups, wall_t now);
/*
 * After a flush that told everybody: drops the alerts that this flush (the
 * last one) saw resolved and that were not updated since; frees the group
 * when that leaves it empty.
 */
void groups_forget_resolved(struct alert_group *group, wall_t now);
/* One that has this key: Alertmanager's, which groups of routes with the same matchers share. */
struct alert_group *groups_find(const struct groups *groups, struct str key);
struct alert_group *groups_find_of(const struct groups *groups, struct str key, struct str route_id);
uint32_t groups_count(const struct groups *groups);
struct alert_group *groups_next(const struct groups *groups, size_t *it);
