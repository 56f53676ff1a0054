/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups from one configuration to the next, and from the rows of a previous
 * run to the first one.
 *
 * A group goes on under the route with the same id, with its timer; durations
 * are the new route's.  Alerts then leave the groups that their routes no
 * longer lead to and enter those that they do.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "route/groups_internal.h"
#include "route/tree.h"

/* A row read at start, before there is a configuration. */
struct restored {
	struct restored *next;
	int64_t id;
	struct labels *labels;
	char *route_id;
	wall_t next_flush_at;
	bool flushed;
};

/* ---- routes by id ---------------------------------------------------------------- */

static bool
route_id_is(const void *value, const void *key)
{
	return strcmp(((const struct route_config *)value)->id, key) == 0;
}

static const struct route_config *
route_by_id(const struct map *routes, const char *id)
{
	return map_find(routes, group_key_hash(id), route_id_is, id);
}

static void
map_routes(struct map *routes, const struct config *config)
{
	for (uint32_t i = 0; config->root != NULL && i < config->n_routes; i++)
		map_insert(routes, group_key_hash(config->routes[i]->id), config->routes[i]);
}

/* ---- groups ----------------------------------------------------------------------- */

/* Durations come from the new route: a shorter one must not wait for the old one's end. */
static wall_t
latest_flush(const struct alert_group *group, wall_t now)
{
	const struct route_config *route = group->route;

	return wall_add(now, group->flushed ? route->group_interval : route->group_wait);
}

static void
adopt(struct alert_group *group, const struct route_config *route, wall_t now)
{
	group->route = route;
	map_insert(&group->groups->by_labels, group_hash(route, group->labels), group);
	wall_t latest = latest_flush(group, now);
	if (wall_before(latest, group->next_flush_at))
		group_move_flush(group, latest);
}

static void
adopt_groups(struct groups *groups, const struct map *routes, wall_t now)
{
	struct map old = groups->by_labels;
	struct alert_group *group;

	groups->by_labels = (struct map){ 0 };
	for (size_t it = 0; (group = map_next(&old, &it)) != NULL;) {
		const struct route_config *route = route_by_id(routes, group->route->id);

		if (route != NULL) {
			adopt(group, route, now);
			continue;
		}
		while (group->n_alerts > 0)
			group_leave(group->alerts[group->n_alerts - 1], group);
		group_end(group);
	}
	map_fini(&old);
}

/* ---- rows of a previous run ---------------------------------------------------------- */

void
groups_restore(struct groups *groups, const struct group_row *row)
{
	struct labels *labels = labels_decode(row->labels, NULL);
	struct restored *restored;

	if (labels == NULL) {
		log_error("store", "group row cannot be read", LOG_INT("id", row->id));
		return;
	}
	restored = xcalloc(1, sizeof(*restored));
	restored->id = row->id;
	restored->labels = labels;
	restored->route_id = xmemdup0(row->route_id.p, row->route_id.n);
	restored->next_flush_at = row->next_flush_at;
	restored->flushed = row->flushed;
	restored->next = groups->restored;
	groups->restored = restored;
}

void
groups_drop_restored(struct groups *groups)
{
	while (groups->restored != NULL) {
		struct restored *row = groups->restored;

		groups->restored = row->next;
		labels_unref(row->labels);
		free(row->route_id);
		free(row);
	}
}

static void
take_restored(struct groups *groups, const struct map *routes, wall_t now)
{
	while (groups->restored != NULL) {
		struct restored *row = groups->restored;
		const struct route_config *route = route_by_id(routes, row->route_id);

		groups->restored = row->next;
		if (route != NULL && groups_lookup(groups, route, row->labels) == NULL) {
			struct alert_group *group = group_make(groups, route, row->labels, row->id);

			group->flushed = row->flushed;
			group_set_flush(
			    group, wall_min(row->next_flush_at, latest_flush(group, now)));
		} else {
			labels_unref(row->labels);
			if (groups->store != NULL)
				store_group_delete(groups->store, row->id);
		}
		free(row->route_id);
		free(row);
	}
}

/* ---- alerts -------------------------------------------------------------------------- */

/* Leaves the groups that its routes no longer lead to, then enters those that they do. */
static void
reroute(struct groups *groups, struct alert *alert, wall_t now)
{
	const struct route_config *routes[ROUTES_MATCHED_MAX];
	uint32_t n = groups_routes_of(groups, alert, routes);

	for (uint32_t k = alert->n_groups; k-- > 0;) {
		struct alert_group *group = alert_group(alert, k);
		struct labels *labels;
		uint32_t i = 0;

		while (i < n && routes[i] != group->route)
			i++;
		labels = i < n ? group_labels_of(routes[i], alert->labels) : NULL;
		if (labels != group->labels)
			group_leave(alert, group);
		labels_unref(labels);
	}
	for (uint32_t i = 0; i < n; i++)
		groups_enter(groups, alert, routes[i], now);
	alert->flags |= ALERT_ROUTED;
}

static uint32_t
parent_of(const struct route_config *route)
{
	return route->parent != NULL ? route->parent->index : 0;
}

static bool
same_route(const struct route_config *a, const struct route_config *b)
{
	if (strcmp(a->id, b->id) != 0 || parent_of(a) != parent_of(b) ||
	    a->continue_ != b->continue_ || a->group_by_all != b->group_by_all ||
	    a->n_group_by != b->n_group_by)
		return false;
	for (uint32_t i = 0; i < a->n_group_by; i++)
		if (!str_eq(a->group_by[i], b->group_by[i]))
			return false;
	return matchers_equal(a->matchers, b->matchers);
}

/* They lead every alert to the same groups. */
static bool
same_tree(const struct config *a, const struct config *b)
{
	if (a->root == NULL || b->root == NULL || a->n_routes != b->n_routes)
		return false;
	for (uint32_t i = 0; i < a->n_routes; i++)
		if (!same_route(a->routes[i], b->routes[i]))
			return false;
	return true;
}

/* Where the routes are the same, who is in the groups of all of them stays there. */
static void
reroute_all(struct groups *groups, const struct config *old, wall_t now)
{
	bool same = old != NULL && same_tree(old, groups->config);
	struct alert *alert;

	for (size_t it = 0; (alert = alerts_next(groups->alerts, &it)) != NULL;)
		if (!same || (alert->flags & ALERT_ROUTED) == 0)
			reroute(groups, alert, now);
}

void
groups_end_empty(struct groups *groups)
{
	struct alert_group *group;

	for (size_t it = 0; (group = map_next(&groups->by_labels, &it)) != NULL;) {
		if (group->n_alerts > 0)
			continue;
		map_remove_at(&groups->by_labels, &it);
		group_end(group);
	}
}

void
groups_apply(struct groups *groups, struct config *config, wall_t now)
{
	struct config *old = groups->config;
	struct map routes = { 0 };

	groups->config = config_ref(config);
	map_routes(&routes, config);
	adopt_groups(groups, &routes, now);
	take_restored(groups, &routes, now);
	map_fini(&routes);
	if (config->root != NULL)
		reroute_all(groups, old, now);
	if (groups->started)
		groups_end_empty(groups);
	config_unref(old);
}
