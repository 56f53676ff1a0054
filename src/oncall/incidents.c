/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of incidents, and what a flush does to it.
 *
 * Most incidents belong to routes without an escalation and are touched by
 * nobody: they are a hundred bytes and a row.  What more there is to know
 * (struct incident_work) comes with an escalation or with a person.
 * Invariant: a group has at most one incident that has not ended.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/severity.h"
#include "base/xalloc.h"
#include "oncall/incidents_internal.h"

#define GC_INCIDENTS 2000 /* looked at in one go */

/* ---- the table --------------------------------------------------------------------- */

struct place {
	struct str group_key, route_id;
};

static bool
is_at(const void *value, const void *key)
{
	const struct incident *incident = value;
	const struct place *place = key;

	return str_is(place->group_key, incident->key) &&
	       str_eq(place->route_id, istr_str(incident->route_id));
}

static uint64_t
place_hash(struct str group_key, struct str route_id)
{
	return hash_mix(hash_bytes(group_key.p, group_key.n), hash_bytes(route_id.p, route_id.n));
}

static uint64_t
hash_of(const struct incident *incident)
{
	return place_hash(str_from(incident->key), istr_str(incident->route_id));
}

struct incident *
incidents_by_key(
    const struct incidents *incidents, struct str group_key, struct str route_id)
{
	const struct place place = { group_key, route_id };

	return map_find(&incidents->by_key, place_hash(group_key, route_id), is_at, &place);
}

struct incident *
incidents_of(const struct incidents *incidents, const struct alert_group *group)
{
	return incidents_by_key(incidents, str_from(group->key), str_from(group->route->id));
}

struct incident *
incidents_next(const struct incidents *incidents, size_t *it)
{
	return map_next(&incidents->by_key, it);
}

struct incident *
incidents_find(const struct incidents *incidents, int64_t id)
{
	struct incident *incident;

	for (size_t it = 0; (incident = incidents_next(incidents, &it)) != NULL;) {
		if (incident->id == id)
			return incident;
	}
	return NULL;
}

struct overrides *
incidents_overrides(const struct incidents *incidents)
{
	return incidents->overrides;
}

const struct escalation_policy *
incidents_policy(const struct incidents *incidents, struct str digest)
{
	struct frozen_policy *frozen = policies_find(&incidents->policies, digest);

	if (frozen == NULL)
		return NULL;
	frozen->refs--; /* whoever looks does so in this turn */
	return &frozen->policy;
}

struct incident_work *
incident_work_of(struct incident *incident)
{
	struct incident_work *work = incident->work;

	if (work != NULL)
		return work;
	work = xcalloc(1, sizeof(*work));
	work->incident = incident;
	timer_init(&work->timer, incident_on_timer, incident);
	list_append(&incident->incidents->working, &work->link);
	incident->work = work;
	return work;
}

static void
work_free(struct incident *incident)
{
	struct incident_work *work = incident->work;

	if (work == NULL)
		return;
	loop_timer_stop(incident->incidents->loop, &work->timer);
	list_remove(&work->link);
	policies_unref(&incident->incidents->policies, work->policy);
	free(work->told);
	free(work->changed_by);
	free(work->comment);
	free(work);
}

static void
incident_free(struct incident *incident)
{
	work_free(incident);
	if (incident->group == NULL)
		free(incident->key);
	labels_unref(incident->labels);
	istr_unref(incident->route_id);
	istr_unref(incident->severity);
	istr_unref(incident->runbook);
	free(incident);
}

static void
take_out(struct incidents *incidents, struct incident *incident)
{
	map_remove_value(&incidents->by_key, hash_of(incident), incident);
}

/* It will not be opened again. */
static void
close_for_good(struct incidents *incidents, struct incident *incident)
{
	incident_write(incident, true);
	take_out(incidents, incident);
	incident_free(incident);
}

/* The key is borrowed from the group as long as it lives. */
static void
attach(struct incident *incident, struct alert_group *group)
{
	if (incident->group == group)
		return;
	if (incident->group == NULL)
		free(incident->key);
	incident->group = group;
	incident->key = group->key;
}

static void
detach(struct incident *incident)
{
	incident->key = xstrdup(incident->key);
	incident->group = NULL;
}

/* ---- what a flush sees ----------------------------------------------------------------- */

static void
set_text(struct istr **member, struct str text)
{
	struct istr *old = *member;

	if (str_eq(istr_str(old), text))
		return;
	*member = text.n > 0 ? istr_intern(text) : NULL;
	istr_unref(old);
}

static void
take_facts(struct incident *incident, const struct incident_facts *facts)
{
	incident->alerts = facts->firing;
	set_text(&incident->severity, facts->severity);
	set_text(&incident->runbook, facts->runbook);
}

static dur_t
refire_window(const struct incident *incident)
{
	return incident->work != NULL && incident->work->policy != NULL
		   ? incident->work->policy->policy.refire_window
		   : REFIRE_WINDOW_DEFAULT;
}

static bool
is_too_old(const struct incident *incident, wall_t now)
{
	return wall_before(wall_add(incident->resolved_at, refire_window(incident)), now);
}

static struct incident *
open_new(struct incidents *incidents, struct alert_group *group, const struct incident_facts *facts,
    wall_t now)
{
	const struct escalation_policy *policy = group->route->escalation;
	struct incident *incident = xcalloc(1, sizeof(*incident));

	incident->id =
	    incidents->store != NULL ? store_next_id(incidents->store) : ++incidents->last_id;
	incident->incidents = incidents;
	incident->group = group;
	incident->key = group->key;
	incident->labels = labels_ref(group->labels);
	incident->route_id = istr_intern(str_from(group->route->id));
	incident->opened_at = now;
	take_facts(incident, facts);
	incident->peak = (uint8_t)severity_grade(facts->severity);
	map_insert(&incidents->by_key, hash_of(incident), incident);
	incidents->opened++;
	if (policy != NULL) {
		incident_work_of(incident)->policy = policies_freeze(&incidents->policies, policy);
		(void)incident_move(incident, ESCALATION_OPENED, now, WALL_NONE, NULL);
		incident_history(incident, "incident", policy->name, now,
		    "opened, escalates by %s", policy->name);
	}
	incident_write(incident, false);
	return incident;
}

/* It fires once more: in time after its end, or in spite of somebody's word that it had ended. */
static void
open_again(struct incident *incident, const struct incident_facts *facts, wall_t now)
{
	struct incident_work *work = incident->work;

	if (work != NULL && work->by_hand) {
		if (!wall_before(incident->resolved_at, facts->youngest))
			return;
		work->by_hand = false;
		incident->resolved_at = WALL_NONE;
		take_facts(incident, facts);
		(void)incident_move(incident, ESCALATION_NEWS, now, WALL_NONE, NULL);
		incident_history(incident, "incident", "", now,
		    "opened again: something new fires since it was resolved by hand");
	} else {
		incident->resolved_at = WALL_NONE;
		take_facts(incident, facts);
		(void)incident_move(incident, ESCALATION_FIRED_AGAIN, now, WALL_NONE, NULL);
		if (work != NULL)
			incident_history(incident, "incident", "", now,
			    "fires again: %s, as it was before it ended",
			    incident_state_name((enum incident_state)incident->state));
	}
	incident_write(incident, false);
}

static void
end(struct incident *incident, wall_t now, const char *why)
{
	struct incident_work *work = incident->work;

	if (incident->state == INCIDENT_RESOLVED && (work == NULL || !work->by_hand))
		return;
	if (work != NULL)
		work->by_hand = false;
	incident->resolved_at = now;
	incident->alerts = 0;
	(void)incident_move(incident, ESCALATION_RESOLVED, now, WALL_NONE, NULL);
	if (work != NULL)
		incident_history(incident, "incident", "", now, "%s", why);
	incident_write(incident, false);
}

/* Only above what it ever was, or one that goes up and down would break every acknowledgement. */
static void
change(struct incident *incident, const struct incident_facts *facts, wall_t now)
{
	uint32_t grade = severity_grade(facts->severity);
	bool rises = grade < incident->peak;
	bool differs =
	    rises || facts->firing != incident->alerts ||
	    !str_eq(facts->severity, istr_str(incident->severity)) ||
	    !str_eq(facts->runbook, istr_str(incident->runbook));

	if (!differs)
		return;
	take_facts(incident, facts);
	if (rises) {
		enum incident_state before = (enum incident_state)incident->state;
		uint32_t effects;

		incident->peak = (uint8_t)grade;
		effects =
		    incident_move(incident, ESCALATION_SEVERITY_ROSE, now, WALL_NONE, NULL);
		if (effects & ESCALATION_RESTARTED)
			incident_history(incident, "incident", incident->severity->p, now,
			    "severity rose to %s: no longer %s, the escalation begins anew",
			    incident->severity->p, incident_state_name(before));
		incident_write(incident, false);
	}
}

struct incident *
incidents_observe(struct incidents *incidents, struct alert_group *group,
    const struct incident_facts *facts, wall_t now)
{
	struct incident *incident = incidents_of(incidents, group);

	if (incident != NULL)
		attach(incident, group);
	if (facts->firing_all == 0) {
		if (incident != NULL)
			end(incident, now, "resolved");
		return incident;
	}
	if (facts->firing == 0)
		return incident;
	if (incident != NULL && incident->state == INCIDENT_RESOLVED && is_too_old(incident, now) &&
	    (incident->work == NULL || !incident->work->by_hand)) {
		close_for_good(incidents, incident);
		incident = NULL;
	}
	if (incident == NULL)
		return open_new(incidents, group, facts, now);
	if (incident->state == INCIDENT_RESOLVED)
		open_again(incident, facts, now);
	else
		change(incident, facts, now);
	return incident;
}

void
incidents_group_gone(struct incidents *incidents, struct alert_group *group)
{
	struct incident *incident = incidents_of(incidents, group);

	if (incident == NULL || incident->group != group)
		return;
	detach(incident);
	end(incident, loop_now(incidents->loop), "its group has ended");
}

void
incidents_gc(struct incidents *incidents, wall_t now)
{
	struct incident *incident;

	for (int i = 0; i < GC_INCIDENTS; i++) {
		incident = map_next(&incidents->by_key, &incidents->gc_at);
		if (incident == NULL) {
			incidents->gc_at = 0;
			return;
		}
		if (incident->state != INCIDENT_RESOLVED || incident->group != NULL ||
		    !is_too_old(incident, now))
			continue;
		incident_write(incident, true);
		map_remove_at(&incidents->by_key, &incidents->gc_at);
		incident_free(incident);
	}
}

/* ---- life --------------------------------------------------------------------------------- */

struct incidents *
incidents_new(struct loop *loop, struct store *store, struct overrides *overrides)
{
	struct incidents *incidents = xcalloc(1, sizeof(*incidents));

	incidents->loop = loop;
	incidents->store = store;
	incidents->overrides = overrides;
	policies_init(&incidents->policies, store);
	list_init(&incidents->working);
	return incidents;
}

void
incidents_free(struct incidents *incidents)
{
	struct incident *incident;

	if (incidents == NULL)
		return;
	incidents->store = incidents->policies.store = NULL; /* rows stay */
	for (size_t it = 0; (incident = incidents_next(incidents, &it)) != NULL;)
		incident_free(incident);
	map_fini(&incidents->by_key);
	policies_fini(&incidents->policies);
	buf_fini(&incidents->scratch);
	config_unref(incidents->config);
	free(incidents);
}

void
incidents_set_hooks(struct incidents *incidents, const struct incidents_hooks *hooks)
{
	incidents->hooks = *hooks;
}

void
incidents_apply(struct incidents *incidents, struct config *config)
{
	struct config *old = incidents->config;

	incidents->config = config_ref(config);
	config_unref(old);
}

void
incidents_restore_policy(struct incidents *incidents, struct str digest, struct str body)
{
	if (!policies_restore(&incidents->policies, digest, body))
		log_error(
		    "store", "escalation policy row cannot be read", LOG_STR("digest", digest));
}

static void
restore_work(struct incident *incident, const struct incident_row *row)
{
	struct incident_work *work = incident_work_of(incident);

	work->policy = policies_find(&incident->incidents->policies, row->policy);
	work->generation = row->generation;
	work->loop = row->loop;
	work->step = row->step;
	work->due_at = row->due_at;
	work->saved_due_at = row->saved_due_at;
	work->exhausted = (row->flags & INCIDENT_FLAG_EXHAUSTED) != 0;
	work->passed_over = (row->flags & INCIDENT_FLAG_PASSED_OVER) != 0;
	work->by_hand = (row->flags & INCIDENT_FLAG_BY_HAND) != 0;
	work->told = row->told.n > 0 ? xmemdup0(row->told.p, row->told.n) : NULL;
	work->changed_at = row->changed_at;
	work->changed_by =
	    row->changed_by.n > 0 ? xmemdup0(row->changed_by.p, row->changed_by.n) : NULL;
	work->comment = row->comment.n > 0 ? xmemdup0(row->comment.p, row->comment.n) : NULL;
	if (work->policy != NULL && work->step > work->policy->policy.n_steps)
		work->step = work->policy->policy.n_steps;
}

void
incidents_restore(struct incidents *incidents, const struct incident_row *row)
{
	struct labels *labels = labels_decode(row->labels, NULL);
	struct incident *incident;

	if (labels == NULL || row->state >= INCIDENT_STATE_COUNT ||
	    incidents_by_key(incidents, row->group_key, row->route_id) != NULL) {
		log_error("store", "incident row cannot be read", LOG_INT("id", row->id));
		labels_unref(labels);
		return;
	}
	incident = xcalloc(1, sizeof(*incident));
	incident->id = row->id;
	incident->incidents = incidents;
	incident->key = xmemdup0(row->group_key.p, row->group_key.n);
	incident->labels = labels;
	incident->route_id = istr_intern(row->route_id);
	set_text(&incident->severity, row->severity);
	set_text(&incident->runbook, row->runbook);
	incident->opened_at = row->opened_at;
	incident->resolved_at = row->resolved_at;
	incident->alerts = row->alerts;
	incident->state = (uint8_t)row->state;
	incident->before = (row->flags >> INCIDENT_FLAG_BEFORE_SHIFT) & 3;
	incident->peak = (row->flags >> INCIDENT_FLAG_PEAK_SHIFT) & 15;
	map_insert(&incidents->by_key, hash_of(incident), incident);
	if (row->policy.n > 0 || row->generation > 0 || wall_is_set(row->changed_at))
		restore_work(incident, row);
}

void
incidents_attach(struct incidents *incidents, struct groups *groups)
{
	struct incident *incident;

	policies_sweep(&incidents->policies);
	for (size_t it = 0; (incident = incidents_next(incidents, &it)) != NULL;) {
		struct alert_group *group = groups_find_of(
		    groups, str_from(incident->key), istr_str(incident->route_id));

		if (group != NULL)
			attach(incident, group);
		else
			end(incident, loop_now(incidents->loop), "its group has ended");
	}
}

void
incidents_start(struct incidents *incidents)
{
	incidents->started = true;
	LIST_FOREACH(link, &incidents->working)
	incident_set_timer(CONTAINER_OF(link, struct incident_work, link)->incident);
}

void
incidents_stop(struct incidents *incidents)
{
	incidents->started = false;
	LIST_FOREACH(link, &incidents->working)
	loop_timer_stop(
	    incidents->loop, &CONTAINER_OF(link, struct incident_work, link)->timer);
}
