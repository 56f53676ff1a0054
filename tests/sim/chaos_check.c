/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold in a random story, beyond what judge.c watches: a kill loses
 * no alert, no pending age and no silence that was acknowledged; and when
 * everybody is well again, every receiver comes to know what is true.
 */
#include "config.h"

#include "chaos.h"

#include <stdio.h>
#include <string.h>

#include "oncall/incidents_internal.h"

#define HEAL_TIME      DUR_S(12 * 3600)
#define TOLD_BYTES_MAX 1600

json_object *
chaos_labels(const char *alertname, uint32_t i)
{
	json_object *labels = json_object_new_object();
	char name[8];

	snprintf(name, sizeof(name), "i%u", i);
	json_object_object_add(labels, "instance", json_object_new_string(name));
	if (alertname != NULL)
		json_object_object_add(labels, "alertname", json_object_new_string(alertname));
	return labels;
}

/* --- what a kill must not lose ------------------------------------------------- */

void
chaos_forget(struct chaos *chaos)
{
	for (uint32_t i = 0; i < chaos->n_known; i++)
		json_object_put(chaos->known[i].labels);
	chaos->n_known = 0;
}

static void
note_known(struct chaos *chaos)
{
	struct engine *engine = chaos->sim.core.engine;
	const struct config *config = engine_config(engine);

	chaos_forget(chaos);
	for (uint32_t g = 0; g < config->n_groups; g++)
		for (uint32_t r = 0; r < config->groups[g].n_rules; r++) {
			const struct rule_alert *alert;
			struct rule_view view;

			engine_rule_view(engine, g, r, &view);
			for (uint32_t it = 0; (alert = rule_alert_next(view.rule, &it)) != NULL;) {
				struct chaos_alert *known = &chaos->known[chaos->n_known++];

				known->labels = labels_to_json(alert->labels);
				known->times = alert->times;
			}
		}
}

static struct chaos_incident
known_of(const struct incident *incident)
{
	const struct incident_work *work = incident->work;
	struct chaos_incident known = { .id = incident->id, .state = incident->state };

	if (work != NULL) {
		known.generation = work->generation;
		known.loop = work->loop;
		known.step = work->step;
		known.due_at = work->due_at;
	}
	return known;
}

static void
note_incidents(struct chaos *chaos)
{
	const struct incident *incident;

	chaos->n_incidents = 0;
	for (size_t it = 0; (incident = incidents_next(chaos->sim.core.incidents, &it)) != NULL;)
		if (chaos->n_incidents < CHAOS_INCIDENTS_MAX)
			chaos->incidents[chaos->n_incidents++] = known_of(incident);
}

void
chaos_note(struct chaos *chaos)
{
	note_known(chaos);
	note_incidents(chaos);
}

/* Right after the start: where each escalation stood, it stands. */
static void
check_incidents(struct chaos *chaos)
{
	struct sim *sim = &chaos->sim;

	for (uint32_t i = 0; i < chaos->n_incidents && !sim_failed(sim); i++) {
		const struct chaos_incident *was = &chaos->incidents[i];
		const struct incident *incident = incidents_find(sim->core.incidents, was->id);
		struct chaos_incident is = incident != NULL ? known_of(incident)
							    : (struct chaos_incident){ 0 };

		/* Too old to be opened again by now. */
		if (incident == NULL && was->state == INCIDENT_RESOLVED)
			continue;
		if (is.id != was->id || is.state != was->state ||
		    is.generation != was->generation || is.loop != was->loop ||
		    is.step != was->step || is.due_at.ns != was->due_at.ns)
			sim_fail(sim,
			    "a kill changed incident %lld: %s %u.%u.%u, was %s %u.%u.%u",
			    (long long)was->id,
			    incident != NULL
				? incident_state_name((enum incident_state)is.state)
				: "lost",
			    is.generation, is.loop, is.step,
			    incident_state_name((enum incident_state)was->state),
			    was->generation, was->loop, was->step);
	}
}

/* Right after the start, before anything was evaluated again. */
static void
check_known(struct chaos *chaos)
{
	struct sim *sim = &chaos->sim;

	for (uint32_t i = 0; i < chaos->n_known && !sim_failed(sim); i++) {
		const struct chaos_alert *known = &chaos->known[i];
		const struct rule_alert *alert = sim_rule_alert(sim, known->labels);

		if (alert == NULL || alert->times.state != known->times.state ||
		    alert->times.active_at.ns != known->times.active_at.ns)
			sim_fail(sim, "a kill lost %s, %s for %.0f s: now %s",
			    json_object_to_json_string_ext(known->labels, JSON_C_TO_STRING_PLAIN),
			    alert_state_name(known->times.state),
			    dur_seconds(wall_since(sim_now(sim), known->times.active_at)),
			    alert != NULL ? alert_state_name(alert->times.state) : "unknown");
	}
}

void
chaos_check_kept(struct chaos *chaos)
{
	check_known(chaos);
	check_incidents(chaos);
}

void
chaos_check_acknowledged(struct chaos *chaos)
{
	struct sim *sim = &chaos->sim;

	sim_settle(sim);
	if (sim_failed(sim))
		return;
	if (chaos->silence[0] != '\0' && wall_before(sim_now(sim), chaos->silence_ends)) {
		const struct silence *silence =
		    silences_get(sim->core.silences, str_from(chaos->silence));

		/* A clock that stepped back may have it begin again. */
		if (silence == NULL || silence_state(silence, sim_now(sim)) == SILENCE_EXPIRED)
			sim_fail(sim, "a silence was acknowledged, and is lost");
	}
	for (uint32_t i = 0; i < CHAOS_POSTED; i++) {
		json_object *labels = chaos_labels("Posted", i);
		struct alert *alert = sim_routed(sim, labels);
		/* The clock may have stepped back since it was posted as resolved. */
		bool fires =
		    alert != NULL && !alert_is_resolved(alert, wall_add(sim_now(sim), DUR_S(3600)));

		if (chaos->posted[i] != POSTED_UNKNOWN &&
		    fires != (chaos->posted[i] == POSTED_FIRING))
			sim_fail(sim, "an alert was posted as %s, and is %s",
			    chaos->posted[i] == POSTED_FIRING ? "firing" : "resolved",
			    fires ? "firing" : "not");
		json_object_put(labels);
	}
}

/* --- the end ----------------------------------------------------------------------- */

static bool
notice_names(const struct notice *notice, json_object *labels)
{
	for (uint32_t i = 0; i < notice->n; i++)
		if (labels_json_has(notice->alerts[i].labels, labels))
			return true;
	return false;
}

/* What the receiver was last told of this alert: firing, or not (or nothing). */
static bool
believes_firing(const struct chaos *chaos, const char *receiver, json_object *labels)
{
	bool firing = false;

	for (const struct notice *n = chaos->sim.world.notices; n != NULL; n = n->next) {
		if (strcmp(n->receiver, receiver) != 0)
			continue;
		for (uint32_t i = 0; i < n->n; i++)
			if (labels_json_has(n->alerts[i].labels, labels))
				firing = n->alerts[i].firing;
	}
	return firing;
}

static void
check_belief(
    struct chaos *chaos, const char *receiver, const char *alertname, uint32_t i, bool truth)
{
	json_object *labels = chaos_labels(alertname, i);
	bool believes = believes_firing(chaos, receiver, labels);

	if (believes != truth) {
		struct buf text = { 0 };

		for (const struct notice *n = chaos->sim.world.notices; n != NULL; n = n->next)
			if (strcmp(n->receiver, receiver) == 0 && notice_names(n, labels))
				notice_print(&chaos->sim, n, &text);
		sim_fail(&chaos->sim, "in the end %s believes that %s of i%u %s:%s", receiver,
		    alertname, i, believes ? "fires" : "does not fire",
		    text.n > TOLD_BYTES_MAX ? text.p + text.n - TOLD_BYTES_MAX : text.p);
		buf_fini(&text);
	}
	json_object_put(labels);
}

static const char *
notice_value(const struct notice_alert *alert, const char *name)
{
	json_object *value;

	return json_object_object_get_ex(alert->labels, name, &value)
		   ? json_object_get_string(value)
		   : "";
}

/* What fires in it is silenced or inhibited. */
static bool
is_suppressed(struct sim *sim, const struct incident *incident)
{
	const struct incidents_hooks *hooks = &sim->core.incidents->hooks;

	return incident->group != NULL &&
	       hooks->look(hooks->arg, incident->group, sim_now(sim)).firing == 0;
}

/* No two of its routes have the same matchers. */
static const struct incident *
incident_of_key(const struct sim *sim, const char *group_key)
{
	const struct incident *incident;

	for (size_t it = 0; (incident = incidents_next(sim->core.incidents, &it)) != NULL;) {
		if (strcmp(incident->key, group_key) == 0)
			return incident;
	}
	return NULL;
}

/* Whoever an escalation told last knows whether it goes on. */
static void
check_climbed(struct chaos *chaos, const struct notice *last)
{
	struct sim *sim = &chaos->sim;
	const struct incident *incident = incident_of_key(sim, last->group_key);
	bool over = incident == NULL || incident->state == INCIDENT_RESOLVED;
	bool by_hand = incident != NULL && incident->work != NULL && incident->work->by_hand;
	bool fires = false;
	struct buf text = { 0 };

	for (uint32_t i = 0; i < last->n; i++) {
		struct str instance = str_from(notice_value(&last->alerts[i], "instance"));

		fires = fires || last->alerts[i].firing;
		/* The silenced one: nobody is told of such an end. */
		if (str_is(instance, CHAOS_SILENCED) && last->alerts[i].firing)
			return;
	}
	if (fires != over || by_hand || (!over && is_suppressed(sim, incident)))
		return;
	/* Told of an end, and not told again yet: no step has come to it since. */
	for (uint32_t i = 0; !fires; i++) {
		struct str told = incident_told(incident, i);

		if (told.n == 0)
			return;
		if (str_starts(told, str_from(last->receiver)))
			break;
	}
	notice_print(sim, last, &text);
	sim_fail(sim, "in the end %s believes that %s %s:%s", last->receiver, last->group_key,
	    fires ? "fires" : "does not fire", text.p);
	buf_fini(&text);
}

static void
check_climbs(struct chaos *chaos)
{
	static const char *const climbed[] = { "pager", "amy", "bob", "boss", "desk" };
	struct sim *sim = &chaos->sim;

	for (const struct notice *n = sim->world.notices; n != NULL; n = n->next) {
		bool is_climbed = false, is_last = true;

		for (size_t i = 0; i < ARRAY_LEN(climbed); i++)
			is_climbed = is_climbed || strcmp(n->receiver, climbed[i]) == 0;
		for (const struct notice *m = n->next; is_climbed && is_last && m != NULL;
		     m = m->next)
			is_last = strcmp(m->receiver, n->receiver) != 0 ||
				  strcmp(m->group_key, n->group_key) != 0;
		if (is_climbed && is_last && !sim_failed(sim))
			check_climbed(chaos, n);
	}
}

/*
 * Everybody is well for half a day.  Left out is what was muted when it ended:
 * the silenced instance, and Lag while Down: nobody is told of such an end.
 */
void
chaos_check_end(struct chaos *chaos)
{
	struct sim *sim = &chaos->sim;

	world_heal(&sim->world);
	sim_settle(sim);
	if (sim_failed(sim))
		return;
	judge_disk(sim, false);
	sim_run_until(sim, wall_add(sim_now(sim), HEAL_TIME));
	for (uint32_t i = 0; i < CHAOS_INSTANCES - 1 && !sim_failed(sim); i++) {
		check_belief(chaos, "ops", "Down", i, chaos->present[0][i]);
		check_belief(chaos, "team", "Down", i, chaos->present[0][i]);
		check_belief(chaos, "ops", "Hot", i, chaos->present[2][i]);
		check_belief(chaos, "team", "Hot", i, chaos->present[2][i]);
		if (chaos->present[1][i] && !chaos->present[0][i])
			check_belief(chaos, "ops", "Lag", i, true);
	}
	check_climbs(chaos);
	for (uint32_t i = 0; i < CHAOS_POSTED && !sim_failed(sim); i++)
		if (chaos->posted[i] != POSTED_UNKNOWN)
			check_belief(chaos, "ops", "Posted", i, chaos->posted[i] == POSTED_FIRING);
}
