/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that keep groups: groups.c and groups_reload.c. */
#pragma once

#include "base/buf.h"
#include "base/map.h"
#include "route/groups.h"

struct restored; /* a row read at start: groups_reload.c */

struct groups {
	struct loop *loop;
	struct store *store; /* NULL: memory only */
	struct alerts *alerts;
	struct groups_hooks hooks;
	struct config *config;
	struct map by_labels, by_key;
	struct restored *restored;
	bool started;
	int64_t last_id;           /* without a store */
	mono_t turn, turn_flushes; /* the turn that flushes, and when its first flush began */
	struct buf scratch;
};

/* ---- groups.c ---- */
uint64_t group_hash(const struct route_config *route, const struct labels *labels);
uint64_t group_key_hash(const char *key);
struct alert_group *groups_lookup(const struct groups *groups, const struct route_config *route, const struct labels *labels);
/* What a route makes of an alert's labels; +1 reference. */
struct labels *group_labels_of(const struct route_config *route, struct labels *labels);
/* Takes the reference to the labels. */
struct alert_group *group_make(struct groups *groups, const struct route_config *route, struct labels *labels, int64_t id);
/* Frees it, its row too; the caller has taken it out of by_labels. */
void group_end(struct alert_group *group);
void group_leave(struct alert *alert, struct alert_group *group);
void group_set_flush(struct alert_group *group, wall_t at);  /* timer only */
void group_move_flush(struct alert_group *group, wall_t at); /* and the row */
/* At most ROUTES_MATCHED_MAX; more are logged. */
uint32_t groups_routes_of(const struct groups *groups, const struct alert *alert, const struct route_config **routes);
/* Into its group of that route, unless it is there. */
void groups_enter(struct groups *groups, struct alert *alert, const struct route_config *route, wall_t now);

/* ---- groups_reload.c ---- */
void groups_end_empty(struct groups *groups);
void groups_drop_restored(struct groups *groups);
