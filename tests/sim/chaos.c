/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random stories: series come and go, sources and receivers fail, the program
 * is killed at any turn, its configuration changes, its clock leaps.
 *
 * People acknowledge, snooze and stand in, and the escalation's steps are
 * edited while it climbs.
 *
 * Beyond what judge.c watches, a kill loses no alert, no pending age and no
 * silence that was acknowledged; and when everybody is well again, every
 * receiver comes to know what is true.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "oncall/incidents_internal.h"
#include "sim.h"

#define INSTANCES      6
#define QUERIES        3
#define POSTED         4
#define SILENCED_INSTANCE "i5" /* INSTANCES - 1 */
#define RETENTION_SHORT DUR_S(4 * 3600) /* a kill copies the database */
#define HEAL_TIME      DUR_S(12 * 3600)
#define KNOWN_MAX      64
#define KNOWN_INCIDENTS_MAX 256
#define TOLD_BYTES_MAX 1600

static const char *const queries[QUERIES] = { "up == 0", "lag > 10", "temperature" };

/* %s: for, and an annotation that does not matter. */
static const char rules_text[] =
    "groups:\n"
    "- name: chaos\n"
    "  interval: 30s\n"
    "  rules:\n"
    "  - alert: Down\n"
    "    expr: up == 0\n"
    "    for: 2m\n"
    "    labels: {severity: critical}\n"
    "    annotations: {summary: '%s {{ $labels.instance }}'}\n"
    "  - alert: Lag\n"
    "    expr: lag > 10\n"
    "    keep_firing_for: 3m\n"
    "- name: levels\n"
    "  interval: 1m\n"
    "  rules:\n"
    "  - alert: Hot\n"
    "    threshold: {query: temperature, op: '>', value: 80, recover: 70}\n"
    "    for: %s\n";

/* %s: after the second step, and who is told then. */
static const char config_text[] =
    "rule_files: [rules.yml]\n"
    "sources:\n"
    "- {name: prom, type: prometheus, url: 'http://source/prom', timeout: 10s}\n"
    "route:\n"
    "  receiver: ops\n"
    "  group_by: [alertname]\n"
    "  group_wait: 20s\n"
    "  group_interval: 2m\n"
    "  repeat_interval: 2h\n"
    "  routes:\n"
    "  - receiver: team\n"
    "    matchers: ['alertname=~\"Down|Hot\"']\n"
    "    continue: true\n"
    "    group_by: [instance]\n"
    "    escalation: climb\n"
    "  - {receiver: quiet, matchers: ['alertname=Lag'], continue: true,\n"
    "     flap_detection: {changes: 6, within: 1h, quiet: 20m}}\n"
    "  - {receiver: ops, matchers: ['alertname=~\".+\"'], escalation: climb}\n"
    "inhibit_rules:\n"
    "- source_matchers: ['alertname=Down']\n"
    "  target_matchers: ['alertname=Lag']\n"
    "  equal: [instance]\n"
    "receivers:\n"
    "- {name: ops, webhook_configs: [{url: 'http://receiver/ops', send_resolved: true}]}\n"
    "- {name: team, webhook_configs: [{url: 'http://receiver/team', send_resolved: true}],\n"
    "    circuit_breaker: {failures: 3, probe_interval: 1m}, fallback_receiver: stand-in,\n"
    "    fallback_after: 5m}\n"
    "- {name: quiet, webhook_configs: [{url: 'http://receiver/quiet', send_resolved: false}],\n"
    "    max_per_interval: {n: 3, interval: 10m}}\n"
    "- {name: stand-in, webhook_configs: [{url: 'http://receiver/in', send_resolved: true}]}\n"
    "- {name: pager, webhook_configs: [{url: 'http://receiver/pager', send_resolved: true}]}\n"
    "- {name: amy, webhook_configs: [{url: 'http://receiver/amy', send_resolved: true}]}\n"
    "- {name: bob, webhook_configs: [{url: 'http://receiver/bob', send_resolved: true}]}\n"
    "- {name: boss, webhook_configs: [{url: 'http://receiver/boss', send_resolved: true}]}\n"
    "- {name: desk, webhook_configs: [{url: 'http://receiver/desk', send_resolved: true}]}\n"
    "time_intervals:\n"
    "- {name: day, time_intervals: [{times: [{start_time: '06:00', end_time: '20:00'}]}]}\n"
    "- {name: night, time_intervals: [{times: [{start_time: '00:00', end_time: '05:00'}]}]}\n"
    "quiet_hours: [{time_intervals: [night], receivers: [amy, bob]}]\n"
    "users: [{name: amy, receivers: {page: amy}}, {name: bob, receivers: {page: bob}}]\n"
    "schedules:\n"
    "- name: primary\n"
    "  time_zone: Europe/Berlin\n"
    "  layers: [{users: [amy, bob], rotation: custom, every: 7h, active_time_intervals: [day]}]\n"
    "escalation_policies:\n"
    "- name: climb\n"
    "  repeat: 1\n"
    "  repeat_after: 10m\n"
    "  ack_timeout: 40m\n"
    "  fallback: desk\n"
    "  steps:\n"
    "  - {notify: [ops]}\n"
    "  - {after: 3m, notify: [pager, {schedule: primary, via: page}]}\n"
    "  - {after: %s, notify: [%s], severity: [critical]}\n";

struct known { /* a rule's alert as it was before a kill */
	json_object *labels;
	struct alert_times times;
};

struct known_incident { /* as it was before a kill */
	int64_t id;
	uint8_t state;
	uint32_t generation, loop, step;
	wall_t due_at;
};

struct chaos {
	struct sim sim;
	struct rng rng;
	uint32_t step;
	bool present[QUERIES][INSTANCES];
	enum {
		POSTED_RESOLVED,
		POSTED_FIRING,
		POSTED_UNKNOWN
	} posted[POSTED];
	char silence[37]; /* acknowledged, in force */
	wall_t silence_ends;
	struct known known[KNOWN_MAX];
	uint32_t n_known;
	struct known_incident incidents[KNOWN_INCIDENTS_MAX];
	uint32_t n_incidents;
	bool disk_fails;
	char last[64]; /* what the step did */
};

static bool
chance(struct chaos *chaos, uint32_t percent)
{
	return rng_below(&chaos->rng, 100) < percent;
}

static dur_t
some_seconds(struct chaos *chaos, uint32_t most)
{
	return DUR_MS(rng_below(&chaos->rng, (uint64_t)most * 1000));
}

static json_object *
instance_labels(const char *alertname, uint32_t i)
{
	json_object *labels = json_object_new_object();
	char name[8];

	snprintf(name, sizeof(name), "i%u", i);
	json_object_object_add(labels, "instance", json_object_new_string(name));
	if (alertname != NULL)
		json_object_object_add(labels, "alertname", json_object_new_string(alertname));
	return labels;
}

static void
set_series(struct chaos *chaos, uint32_t q)
{
	struct answer *answer = world_answer(&chaos->sim.world, "prom", queries[q]);

	world_clear_answer(answer);
	for (uint32_t i = 0; i < INSTANCES; i++) {
		/* A temperature is always there; the other two are conditions. */
		if (!chaos->present[q][i] && q != 2)
			continue;
		answer->series[answer->n].labels = instance_labels(NULL, i);
		answer->series[answer->n++].value = chaos->present[q][i] ? 95 : 60;
	}
}

/* The two differ in the escalation's last step. */
static void
write_config(struct chaos *chaos, bool other)
{
	char text[sizeof(config_text) + 64];

	snprintf(text, sizeof(text), config_text, other ? "9m" : "5m",
	    other ? "boss, desk" : "boss");
	sim_write(&chaos->sim, "tocsin.yml", str_from(text));
}

static void
write_rules(struct chaos *chaos, bool other)
{
	char text[2048];

	snprintf(text, sizeof(text), rules_text, other ? "look at" : "see", other ? "3m" : "2m");
	sim_write(&chaos->sim, "rules.yml", str_from(text));
}

/* --- what a kill must not lose ------------------------------------------------- */

static void
forget_known(struct chaos *chaos)
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

	forget_known(chaos);
	for (uint32_t g = 0; g < config->n_groups; g++)
		for (uint32_t r = 0; r < config->groups[g].n_rules; r++) {
			const struct rule_alert *alert;
			struct rule_view view;

			engine_rule_view(engine, g, r, &view);
			for (uint32_t it = 0; (alert = rule_alert_next(view.rule, &it)) != NULL;) {
				struct known *known = &chaos->known[chaos->n_known++];

				known->labels = labels_to_json(alert->labels);
				known->times = alert->times;
			}
		}
}

static struct known_incident
known_of(const struct incident *incident)
{
	const struct incident_work *work = incident->work;
	struct known_incident known = { .id = incident->id, .state = incident->state };

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
		if (chaos->n_incidents < KNOWN_INCIDENTS_MAX)
			chaos->incidents[chaos->n_incidents++] = known_of(incident);
}

/* Right after the start: where each escalation stood, it stands. */
static void
check_incidents(struct chaos *chaos)
{
	struct sim *sim = &chaos->sim;

	for (uint32_t i = 0; i < chaos->n_incidents && !sim_failed(sim); i++) {
		const struct known_incident *was = &chaos->incidents[i];
		const struct incident *incident = incidents_find(sim->core.incidents, was->id);
		struct known_incident is = incident != NULL ? known_of(incident)
							    : (struct known_incident){ 0 };

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
		const struct known *known = &chaos->known[i];
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

static void
check_acknowledged(struct chaos *chaos)
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
	for (uint32_t i = 0; i < POSTED; i++) {
		json_object *labels = instance_labels("Posted", i);
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

static void
kill_now(struct chaos *chaos)
{
	struct sim *sim = &chaos->sim;
	bool compare = !chaos->disk_fails;

	sim_settle(sim);
	if (sim_failed(sim))
		return;
	note_known(chaos);
	note_incidents(chaos);
	sim_kill(sim);
	chaos->disk_fails = false;
	if (chance(chaos, 30))
		sim->end = wall_add(sim->end, some_seconds(chaos, 600));
	sim_open(sim);
	if (!sim_failed(sim) && compare) {
		check_known(chaos);
		check_incidents(chaos);
		check_acknowledged(chaos);
	}
}

/* After a few turns of a busy moment: between a change, its commit and what follows from it. */
static void
kill_in_the_middle(struct chaos *chaos)
{
	struct sim *sim = &chaos->sim;

	sim_run_until(sim, wall_add(sim_now(sim), some_seconds(chaos, 30)));
	if (sim_failed(sim) || !sim->is_open)
		return;
	for (uint64_t n = rng_below(&chaos->rng, 6); n > 0 && !sim->is_dying; n--)
		loop_turn(sim->core.loop, (dur_t){ 0 });
	sim_kill(sim);
	chaos->disk_fails = false;
}

/* --- steps ------------------------------------------------------------------------ */

static void
step_series(struct chaos *chaos)
{
	uint32_t q = (uint32_t)rng_below(&chaos->rng, QUERIES);
	uint32_t i = (uint32_t)rng_below(&chaos->rng, INSTANCES);

	chaos->present[q][i] = !chaos->present[q][i];
	set_series(chaos, q);
}

static void
step_source(struct chaos *chaos)
{
	static const enum conduct conducts[] = { CONDUCT_OK, CONDUCT_OK, CONDUCT_OK, CONDUCT_OK,
		CONDUCT_STATUS, CONDUCT_HANG, CONDUCT_REFUSE, CONDUCT_PARTIAL, CONDUCT_GARBAGE };
	struct peer *peer = world_source(&chaos->sim.world, "prom");

	peer->conduct = conducts[rng_below(&chaos->rng, ARRAY_LEN(conducts))];
	peer->status = 503;
	peer->latency = chance(chaos, 20) ? some_seconds(chaos, 9) : DUR_S(0);
}

static void
step_receiver(struct chaos *chaos)
{
	static const char *const names[] = { "ops", "team", "quiet", "pager", "amy", "bob", "boss",
		"desk" };
	static const enum conduct conducts[] = { CONDUCT_OK, CONDUCT_OK, CONDUCT_OK, CONDUCT_OK,
		CONDUCT_STATUS, CONDUCT_STATUS, CONDUCT_HANG, CONDUCT_LOST, CONDUCT_REFUSE,
		CONDUCT_KILL, CONDUCT_KILL_TAKEN };
	static const int statuses[] = { 500, 503, 429, 400 };
	struct peer *peer =
	    world_receiver(&chaos->sim.world, names[rng_below(&chaos->rng, ARRAY_LEN(names))]);

	peer->conduct = conducts[rng_below(&chaos->rng, ARRAY_LEN(conducts))];
	peer->status = statuses[rng_below(&chaos->rng, ARRAY_LEN(statuses))];
	peer->retry_after = chance(chaos, 30) ? some_seconds(chaos, 300) : DUR_S(0);
	peer->latency = chance(chaos, 20) ? some_seconds(chaos, 9) : DUR_S(0);
}

/* Refused, and nothing taken, while the disk fails or until a failed commit is tried again. */
static bool
is_disks_fault(const struct sim *sim, int status)
{
	return status == 503 && wall_before(sim_now(sim), sim->judge.disk_fails_until);
}

static void
step_post(struct chaos *chaos)
{
	struct sim *sim = &chaos->sim;
	uint32_t i = (uint32_t)rng_below(&chaos->rng, POSTED);
	json_object *labels = instance_labels("Posted", i);
	bool fires = chance(chaos, 60);
	int status;

	/* Far away: these alerts end by being resolved, never by silence. */
	status =
	    sim_post(sim, labels, fires ? wall_add(sim_now(sim), DUR_S(30 * 86400)) : sim_now(sim));
	if (status == 200)
		chaos->posted[i] = fires ? POSTED_FIRING : POSTED_RESOLVED;
	else if (status == 0)
		chaos->posted[i] = POSTED_UNKNOWN; /* nobody was promised anything */
	else if (!is_disks_fault(sim, status))
		sim_fail(sim, "POST /api/v2/alerts: %d", status);
	json_object_put(labels);
}

static void
step_silence(struct chaos *chaos)
{
	struct sim *sim = &chaos->sim;
	wall_t now = sim_now(sim);

	if (chaos->disk_fails)
		return;
	if (chaos->silence[0] != '\0' && wall_before(now, chaos->silence_ends)) {
		int status = sim_unsilence(sim, chaos->silence);

		if (is_disks_fault(sim, status))
			return; /* it stays in force */
		if (status != 200 && status != 0)
			sim_fail(sim, "DELETE /api/v2/silence: %d", status);
		chaos->silence[0] = '\0';
		return;
	}
	json_object *labels = instance_labels(NULL, INSTANCES - 1);

	chaos->silence[0] = '\0'; /* the last one is over */
	chaos->silence_ends = wall_add(now, DUR_S(60 + rng_below(&chaos->rng, 3600)));
	int status = sim_silence(sim, labels, now, chaos->silence_ends, chaos->silence);

	if (status != 200 && status != 0 && !is_disks_fault(sim, status))
		sim_fail(sim, "POST /api/v2/silences: %d", status);
	json_object_put(labels);
}

/* Somebody acknowledges, snoozes, takes it back or calls it over. */
static void
step_people(struct chaos *chaos)
{
	static const struct {
		const char *verb;
		bool for_a_while;
	} verbs[] = { { "ack", false }, { "ack", false }, { "ack", true }, { "snooze", true },
		{ "unack", false }, { "resolve", false } };
	static const char *const names[] = { "Down", "Lag", "Hot", "Posted" };
	struct sim *sim = &chaos->sim;
	size_t which = rng_below(&chaos->rng, ARRAY_LEN(verbs));
	json_object *labels = instance_labels(names[rng_below(&chaos->rng, ARRAY_LEN(names))],
	    (uint32_t)rng_below(&chaos->rng, INSTANCES));
	char body[96], path[96];
	int status;

	snprintf(body, sizeof(body), "{\"by\":\"chaos\"}");
	if (verbs[which].for_a_while)
		snprintf(body, sizeof(body), "{\"by\":\"chaos\",\"for\":\"%us\"}",
		    (unsigned)(60 + rng_below(&chaos->rng, 7200)));
	sim_settle(sim);
	if (!sim_failed(sim) && strcmp(verbs[which].verb, "resolve") == 0) {
		const struct incident *incident = sim_incident(sim, labels);

		snprintf(path, sizeof(path), "/api/tocsin/v1/incidents/%lld/resolve",
		    (long long)(incident != NULL ? incident->id : 1));
		status = sim_call(sim, "POST", path, body, NULL);
	} else {
		status = sim_failed(sim) ? 0 : sim_act(sim, labels, verbs[which].verb, body);
	}
	if (status != 200 && status != 0 && status != 404 && status != 409 &&
	    !is_disks_fault(sim, status))
		sim_fail(sim, "%s: %d", verbs[which].verb, status);
	json_object_put(labels);
}

static void
step_override(struct chaos *chaos)
{
	char body[160];
	int status;

	snprintf(body, sizeof(body),
	    "{\"schedule\":\"primary\",\"user\":\"%s\",\"for\":\"%us\"}",
	    chance(chaos, 50) ? "amy" : "bob", (unsigned)(60 + rng_below(&chaos->rng, 20000)));
	status = sim_call(&chaos->sim, "POST", "/api/tocsin/v1/overrides", body, NULL);
	if (status != 200 && status != 0 && status != 503)
		sim_fail(&chaos->sim, "POST /api/tocsin/v1/overrides: %d", status);
}

static void
step_reload(struct chaos *chaos)
{
	struct buf text = { 0 };
	bool other = chance(chaos, 50), broken = chance(chaos, 20);

	sim_settle(&chaos->sim);
	if (sim_failed(&chaos->sim))
		return;
	write_rules(chaos, other);
	write_config(chaos, chance(chaos, 50));
	if (broken)
		sim_write(&chaos->sim, "rules.yml", STR("groups: [{nam: x}]\n"));
	bool failed = core_reload(&chaos->sim.core, &text) < 0;

	if (failed != broken)
		sim_fail(&chaos->sim, "a reload: %s", text.p != NULL ? text.p : "succeeded");
	if (!failed)
		judge_rules(&chaos->sim.judge, chaos->sim.core.config);
	if (broken)
		write_rules(chaos, other); /* for the next start */
	buf_fini(&text);
}

static void
step_disk(struct chaos *chaos)
{
	if (!chaos->sim.is_open)
		return;
	chaos->disk_fails = !chaos->disk_fails;
	judge_disk(&chaos->sim, chaos->disk_fails);
}

static void
step_leap(struct chaos *chaos)
{
	sim_settle(&chaos->sim);
	if (sim_failed(&chaos->sim))
		return;
	sim_leap(&chaos->sim, chance(chaos, 80) ? some_seconds(chaos, 1200) : DUR_S(-40));
}

static void
step_stop(struct chaos *chaos)
{
	sim_close(&chaos->sim);
	chaos->disk_fails = false;
}

static void
step(struct chaos *chaos)
{
	/* clang-format off */
	static const struct {
		uint32_t weight;
		const char *name;
		void (*run)(struct chaos *chaos);
	} steps[] = {
		{ 30, "series", step_series },
		{ 8, "source", step_source },
		{ 12, "receiver", step_receiver },
		{ 8, "post", step_post },
		{ 3, "silence", step_silence },
		{ 3, "reload", step_reload },
		{ 2, "disk", step_disk },
		{ 1, "leap", step_leap },
		{ 3, "kill", kill_now },
		{ 3, "kill in the middle", kill_in_the_middle },
		{ 1, "stop", step_stop },
		{ 5, "people", step_people },
		{ 1, "override", step_override },
		{ 20, "time", NULL },
	};
	/* clang-format on */
	uint64_t at = rng_below(&chaos->rng, 100);
	size_t i = 0;

	while (at >= steps[i].weight)
		at -= steps[i++].weight;
	snprintf(chaos->last, sizeof(chaos->last), "%s", steps[i].name);
	if (getenv("SIM_TRACE") != NULL)
		printf("%.3fs step %u: %s\n",
		    dur_seconds(wall_since(sim_now(&chaos->sim), chaos->sim.start)), chaos->step,
		    chaos->last);
	if (steps[i].run != NULL)
		steps[i].run(chaos);
	if (!sim_failed(&chaos->sim) && !chaos->disk_fails && chance(chaos, 5))
		check_acknowledged(chaos);
	if (!sim_failed(&chaos->sim))
		sim_run_until(&chaos->sim, wall_add(sim_now(&chaos->sim), some_seconds(chaos, 45)));
	if (!sim_failed(&chaos->sim))
		judge_incidents(&chaos->sim);
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
	json_object *labels = instance_labels(alertname, i);
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

/* Whoever an escalation told last knows whether it goes on. */
static void
check_climbed(struct chaos *chaos, const struct notice *last)
{
	struct sim *sim = &chaos->sim;
	const struct incident *incident =
	    incidents_by_key(sim->core.incidents, str_from(last->group_key));
	bool over = incident == NULL || incident->state == INCIDENT_RESOLVED;
	bool by_hand = incident != NULL && incident->work != NULL && incident->work->by_hand;
	bool fires = false;
	struct buf text = { 0 };

	for (uint32_t i = 0; i < last->n; i++) {
		struct str instance = str_from(notice_value(&last->alerts[i], "instance"));

		fires = fires || last->alerts[i].firing;
		/* The silenced one: nobody is told of such an end. */
		if (str_is(instance, SILENCED_INSTANCE) && last->alerts[i].firing)
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
static void
check_end(struct chaos *chaos)
{
	struct sim *sim = &chaos->sim;

	world_heal(&sim->world);
	sim_settle(sim);
	if (sim_failed(sim))
		return;
	judge_disk(sim, false);
	sim_run_until(sim, wall_add(sim_now(sim), HEAL_TIME));
	for (uint32_t i = 0; i < INSTANCES - 1 && !sim_failed(sim); i++) {
		check_belief(chaos, "ops", "Down", i, chaos->present[0][i]);
		check_belief(chaos, "team", "Down", i, chaos->present[0][i]);
		check_belief(chaos, "ops", "Hot", i, chaos->present[2][i]);
		check_belief(chaos, "team", "Hot", i, chaos->present[2][i]);
		if (chaos->present[1][i] && !chaos->present[0][i])
			check_belief(chaos, "ops", "Lag", i, true);
	}
	check_climbs(chaos);
	for (uint32_t i = 0; i < POSTED && !sim_failed(sim); i++)
		if (chaos->posted[i] != POSTED_UNKNOWN)
			check_belief(chaos, "ops", "Posted", i, chaos->posted[i] == POSTED_FIRING);
}

int
chaos_run(uint64_t seed, uint32_t steps)
{
	struct chaos *chaos = xcalloc(1, sizeof(*chaos));
	struct sim *sim = &chaos->sim;
	int rc;

	rng_init(&chaos->rng, seed);
	sim_init(sim);
	sim->options.retention = RETENTION_SHORT;
	write_config(chaos, false);
	write_rules(chaos, false);
	for (uint32_t q = 0; q < QUERIES; q++)
		set_series(chaos, q);
	for (; chaos->step < steps && !sim_failed(sim); chaos->step++)
		step(chaos);
	if (!sim_failed(sim))
		check_end(chaos);
	judge_epilogue(sim);
	rc = sim_failed(sim) ? 1 : 0;
	if (rc != 0)
		printf("seed %llu, step %u (%s), %.3f s: %s\n", (unsigned long long)seed,
		    chaos->step, chaos->last, dur_seconds(wall_since(sim_now(sim), sim->start)),
		    sim->judge.failure);
	else
		printf("%u kills, %u notifications\n", sim->kills, sim->world.n_notices);
	forget_known(chaos);
	sim_fini(sim);
	free(chaos);
	return rc;
}
