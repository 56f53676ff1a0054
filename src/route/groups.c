/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups: made by their first alert, flushed by their timer, ended when the
 * last alert has been told resolved.
 *
 * A group is keyed by its route and its interned group labels.  The route is
 * one of the current configuration; groups_reload.c moves every group and
 * every alert over to the next one.
 * Invariant: once started, each group has its timer set to next_flush_at.
 */
#include "config.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "route/groups_internal.h"
#include "route/tree.h"

/* One turn flushes groups for this long at most; the rest waits for the next turn. */
#define FLUSH_BUDGET DUR_MS(4)

/* ---- memberships ------------------------------------------------------------- */
/*
 * Most alerts are in one group: it and the alert's place in it stand in the
 * alert.  More of them are one block: n pointers, then n places.
 */

static struct alert_group **
pointers(struct alert *alert)
{
	return alert->n_groups == 1 ? &alert->group : alert->groups;
}

static uint32_t *
places(struct alert *alert)
{
	return alert->n_groups == 1 ? &alert->place
				    : (uint32_t *)(void *)(alert->groups + alert->n_groups);
}

/* Index of the group among the alert's, or n_groups. */
static uint32_t
membership(const struct alert *alert, const struct alert_group *group)
{
	uint32_t i = 0;

	while (i < alert->n_groups && alert_group(alert, i) != group)
		i++;
	return i;
}

static void
membership_add(struct alert *alert, struct alert_group *group, uint32_t place)
{
	uint32_t n = alert->n_groups;
	struct alert_group **block;
	uint32_t *block_places;

	if (n == 0) {
		alert->group = group;
		alert->place = place;
		alert->n_groups = 1;
		return;
	}
	block = xmalloc((n + 1) * (sizeof(*block) + sizeof(*block_places)));
	block_places = (uint32_t *)(void *)(block + n + 1);
	memcpy(block, pointers(alert), n * sizeof(*block));
	memcpy(block_places, places(alert), n * sizeof(*block_places));
	block[n] = group;
	block_places[n] = place;
	if (n > 1)
		free(alert->groups);
	alert->groups = block;
	alert->n_groups = n + 1;
}

static void
membership_remove(struct alert *alert, uint32_t at)
{
	uint32_t n = alert->n_groups, *old = places(alert);
	struct alert_group **block = alert->groups;

	alert->flags &= ~(uint32_t)ALERT_ROUTED;
	alert->n_groups = n - 1;
	if (n == 1) {
		alert->group = NULL;
		return;
	}
	if (n == 2) { /* the other one moves into the alert */
		alert->place = old[1 - at];
		alert->group = block[1 - at];
		free(block);
		return;
	}
	/* The block shrinks in place: pointers close up, then the places follow. */
	memmove(&block[at], &block[at + 1], (n - at - 1) * sizeof(*block));
	memmove(&old[at], &old[at + 1], (n - at - 1) * sizeof(*old));
	memmove(places(alert), old, (n - 1) * sizeof(*old));
}

static void
join(struct alert *alert, struct alert_group *group)
{
	membership_add(alert, group, group->n_alerts);
	if (group->n_alerts == group->cap_alerts) {
		group->cap_alerts = group->cap_alerts > 0 ? group->cap_alerts * 2 : 4;
		group->alerts = xrealloc(group->alerts, group->cap_alerts, sizeof(*group->alerts));
		group->seen = xrealloc(group->seen, group->cap_alerts, sizeof(*group->seen));
	}
	group->alerts[group->n_alerts] = alert;
	group->seen[group->n_alerts++] = 0;
}

/* The last alert takes the place of the one that leaves. */
void
group_leave(struct alert *alert, struct alert_group *group)
{
	uint32_t at = membership(alert, group);
	uint32_t place = places(alert)[at], last = group->n_alerts - 1;
	struct alert *moved = group->alerts[last];

	if (place != last) {
		places(moved)[membership(moved, group)] = place;
		group->alerts[place] = moved;
		group->seen[place] = group->seen[last];
	}
	group->n_alerts = last;
	membership_remove(alert, at);
}

/* ---- the table ----------------------------------------------------------------- */

struct group_key {
	const struct route_config *route;
	const struct labels *labels;
};

static bool
group_is(const void *value, const void *key)
{
	const struct alert_group *group = value;
	const struct group_key *k = key;

	return group->labels == k->labels && group->route == k->route;
}

uint64_t
group_hash(const struct route_config *route, const struct labels *labels)
{
	return hash_mix(labels->hash, route->index);
}

static bool
key_is(const void *value, const void *key)
{
	return str_is(*(const struct str *)key, ((const struct alert_group *)value)->key);
}

uint64_t
group_key_hash(const char *key)
{
	return hash_bytes(key, strlen(key));
}

struct alert_group *
groups_lookup(
    const struct groups *groups, const struct route_config *route, const struct labels *labels)
{
	struct group_key key = { route, labels };

	return map_find(&groups->by_labels, group_hash(route, labels), group_is, &key);
}

struct labels *
group_labels_of(const struct route_config *route, struct labels *labels)
{
	return route->group_by_all ? labels_ref(labels)
				   : labels_project(labels, route->group_by, route->n_group_by);
}

/* ---- rows and timers ------------------------------------------------------------ */

static void
write_row(struct groups *groups, const struct alert_group *group)
{
	if (groups->store == NULL)
		return;
	buf_clear(&groups->scratch);
	labels_encode(group->labels, &groups->scratch);
	store_group_put(groups->store, &(struct group_row){
					   .id = group->id,
					   .route_id = str_from(group->route->id),
					   .labels = buf_str(&groups->scratch),
					   .next_flush_at = group->next_flush_at,
					   .flushed = group->flushed,
				       });
}

void
group_set_flush(struct alert_group *group, wall_t at)
{
	struct groups *groups = group->groups;

	group->next_flush_at = at;
	if (groups->started)
		loop_timer_set_wall(groups->loop, &group->timer, at);
}

void
group_move_flush(struct alert_group *group, wall_t at)
{
	struct groups *groups = group->groups;

	group_set_flush(group, at);
	if (groups->store != NULL)
		store_group_timer(groups->store, group->id, at, group->flushed);
}

/* Many groups at once, as after a restart, must not hold up the loop. */
static bool
turn_is_spent(struct groups *groups)
{
	mono_t turn = loop_mono(groups->loop), now = loop_mono_exact(groups->loop);

	if (groups->turn.ns != turn.ns) {
		groups->turn = turn;
		groups->turn_flushes = now;
	}
	return dur_less(FLUSH_BUDGET, mono_since(now, groups->turn_flushes));
}

static void
mark_resolved(struct alert_group *group, wall_t now)
{
	for (uint32_t i = 0; i < group->n_alerts; i++) {
		struct alert *alert = group->alerts[i];

		group->seen[i] = 0;
		if (alert_is_resolved(alert, now)) {
			group->seen[i] = alert->updates;
			alerts_settle(group->groups->alerts, alert, now);
		}
	}
}

/*
 * The period is fixed, counted from when the flush was due; what was missed
 * while nobody ran is not made up for.
 */
static void
on_timer(void *arg)
{
	struct alert_group *group = arg;
	struct groups *groups = group->groups;
	wall_t now = loop_now(groups->loop);
	wall_t next = wall_add(group->next_flush_at, group->route->group_interval);

	if (turn_is_spent(groups)) {
		loop_timer_set_wall(groups->loop, &group->timer, now);
		return;
	}
	/* Missed while nobody ran, or the clock was set back meanwhile. */
	if (!wall_before(now, next) || wall_before(now, group->next_flush_at))
		next = wall_add(now, group->route->group_interval);
	group->flushed = true;
	group_move_flush(group, next);
	mark_resolved(group, now);
	if (groups->hooks.flush != NULL)
		groups->hooks.flush(groups->hooks.arg, group, now);
	/* The group may be gone now. */
}

/* ---- life of a group ------------------------------------------------------------- */

/* Takes the reference to the labels. */
struct alert_group *
group_make(
    struct groups *groups, const struct route_config *route, struct labels *labels, int64_t id)
{
	struct alert_group *group = xcalloc(1, sizeof(*group));
	struct buf key = { 0 };

	buf_puts(&key, route->key);
	buf_putc(&key, ':');
	labels_format(labels, &key);
	group->route = route;
	group->labels = labels;
	group->key = buf_take(&key);
	group->id = id;
	group->groups = groups;
	timer_init(&group->timer, on_timer, group);
	map_insert(&groups->by_labels, group_hash(route, labels), group);
	map_insert(&groups->by_key, group_key_hash(group->key), group);
	return group;
}

static void
group_free(struct alert_group *group)
{
	loop_timer_stop(group->groups->loop, &group->timer);
	labels_unref(group->labels);
	free(group->key);
	free(group->alerts);
	free(group->seen);
	free(group);
}

/* The caller has taken it out of by_labels. */
void
group_end(struct alert_group *group)
{
	struct groups *groups = group->groups;

	if (groups->hooks.group_gone != NULL)
		groups->hooks.group_gone(groups->hooks.arg, group);
	map_remove_value(&groups->by_key, group_key_hash(group->key), group);
	if (groups->store != NULL)
		store_group_delete(groups->store, group->id);
	group_free(group);
}

static bool
has_waited(const struct alert *alert, const struct route_config *route, wall_t now)
{
	return wall_before(wall_add(alert->starts_at, route->group_wait), now);
}

/* The alert's group of this route, made when it is the first. */
static struct alert_group *
group_for(
    struct groups *groups, const struct route_config *route, const struct alert *alert, wall_t now)
{
	struct labels *labels = group_labels_of(route, alert->labels);
	struct alert_group *group = groups_lookup(groups, route, labels);

	if (group != NULL) {
		labels_unref(labels);
		return group;
	}
	int64_t id = groups->store != NULL ? store_next_id(groups->store) : ++groups->last_id;
	group = group_make(groups, route, labels, id);
	group_set_flush(
	    group, has_waited(alert, route, now) ? now : wall_add(now, route->group_wait));
	write_row(groups, group);
	return group;
}

/* ---- routing ----------------------------------------------------------------------- */

uint32_t
groups_routes_of(
    const struct groups *groups, const struct alert *alert, const struct route_config **routes)
{
	uint32_t n = tree_match(groups->config->root, alert->labels, routes, ROUTES_MATCHED_MAX);

	if (n > ROUTES_MATCHED_MAX) {
		log_warn("route", "alert matches too many routes, the rest is ignored",
		    LOG_STR("alert", labels_value(alert->labels, STR("alertname"))),
		    LOG_INT("routes", n), LOG_INT("used", ROUTES_MATCHED_MAX));
		n = ROUTES_MATCHED_MAX;
	}
	return n;
}

void
groups_enter(
    struct groups *groups, struct alert *alert, const struct route_config *route, wall_t now)
{
	struct alert_group *group = group_for(groups, route, alert, now);

	if (membership(alert, group) < alert->n_groups)
		return;
	join(alert, group);
	/* It has waited long enough elsewhere; the group need not wait again. */
	if (!group->flushed && has_waited(alert, route, now) &&
	    wall_before(now, group->next_flush_at))
		group_move_flush(group, now);
}

void
groups_on_alert(void *arg, struct alert *alert, enum alert_put_result result, wall_t now)
{
	struct groups *groups = arg;
	const struct route_config *routes[ROUTES_MATCHED_MAX];
	uint32_t n;

	(void)result;
	if (alert->flags & ALERT_ROUTED || groups->config == NULL || groups->config->root == NULL)
		return;
	n = groups_routes_of(groups, alert, routes);
	for (uint32_t i = 0; i < n; i++)
		groups_enter(groups, alert, routes[i], now);
	alert->flags |= ALERT_ROUTED;
}

void
groups_forget_resolved(struct alert_group *group, wall_t now)
{
	struct groups *groups = group->groups;

	for (uint32_t i = group->n_alerts; i-- > 0;) {
		struct alert *alert = group->alerts[i];

		if (group->seen[i] == 0 || group->seen[i] != alert->updates)
			continue;
		group_leave(alert, group);
		alerts_release(groups->alerts, alert, now);
	}
	if (group->n_alerts > 0)
		return;
	map_remove_value(&groups->by_labels, group_hash(group->route, group->labels), group);
	group_end(group);
}

/* ---- start, end ---------------------------------------------------------------------------- */

struct groups *
groups_new(
    struct loop *loop, struct store *store, struct alerts *alerts, const struct groups_hooks *hooks)
{
	struct groups *groups = xcalloc(1, sizeof(*groups));

	groups->loop = loop;
	groups->store = store;
	groups->alerts = alerts;
	groups->hooks = *hooks;
	return groups;
}

void
groups_start(struct groups *groups, wall_t now)
{
	struct alert_group *group;

	groups->started = true;
	groups_end_empty(groups);
	for (size_t it = 0; (group = map_next(&groups->by_labels, &it)) != NULL;)
		loop_timer_set_wall(
		    groups->loop, &group->timer, wall_max(group->next_flush_at, now));
}

/* The rows stay, and nobody is told: this is a shutdown. */
void
groups_free(struct groups *groups)
{
	struct alert_group *group;

	if (groups == NULL)
		return;
	for (size_t it = 0; (group = map_next(&groups->by_labels, &it)) != NULL;) {
		while (group->n_alerts > 0)
			group_leave(group->alerts[group->n_alerts - 1], group);
		group_free(group);
	}
	groups_drop_restored(groups);
	map_fini(&groups->by_labels);
	map_fini(&groups->by_key);
	buf_fini(&groups->scratch);
	config_unref(groups->config);
	free(groups);
}

/* ---- looking --------------------------------------------------------------------------------- */

struct alert_group *
groups_find(const struct groups *groups, struct str key)
{
	return map_find(&groups->by_key, hash_bytes(key.p, key.n), key_is, &key);
}

struct place {
	struct str key, route_id;
};

static bool
is_at(const void *value, const void *key)
{
	const struct alert_group *group = value;
	const struct place *place = key;

	return str_is(place->key, group->key) && str_is(place->route_id, group->route->id);
}

struct alert_group *
groups_find_of(const struct groups *groups, struct str key, struct str route_id)
{
	const struct place place = { key, route_id };

	return map_find(&groups->by_key, hash_bytes(key.p, key.n), is_at, &place);
}

uint32_t
groups_count(const struct groups *groups)
{
	return (uint32_t)groups->by_labels.n;
}

struct alert_group *
groups_next(const struct groups *groups, size_t *it)
{
	return map_next(&groups->by_labels, it);
}
