/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random stories: series come and go, sources and receivers fail, the program
 * is killed at any turn, its configuration changes, its clock leaps.
 *
 * People acknowledge, snooze and stand in, and the escalation's steps are
 * edited while it climbs.
 *
 * What must hold besides what judge.c watches is chaos_check.c's.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "chaos.h"

#define RETENTION_SHORT DUR_S(4 * 3600) /* a kill copies the database */

static const char *const queries[CHAOS_QUERIES] = { "up == 0", "lag > 10", "temperature" };

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

static void
set_series(struct chaos *chaos, uint32_t q)
{
	struct answer *answer = world_answer(&chaos->sim.world, "prom", queries[q]);

	world_clear_answer(answer);
	for (uint32_t i = 0; i < CHAOS_INSTANCES; i++) {
		/* A temperature is always there; the other two are conditions. */
		if (!chaos->present[q][i] && q != 2)
			continue;
		answer->series[answer->n].labels = chaos_labels(NULL, i);
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

/* --- steps ------------------------------------------------------------------------ */

static void
kill_now(struct chaos *chaos)
{
	struct sim *sim = &chaos->sim;
	bool compare = !chaos->disk_fails;

	sim_settle(sim);
	if (sim_failed(sim))
		return;
	chaos_note(chaos);
	sim_kill(sim);
	chaos->disk_fails = false;
	if (chance(chaos, 30))
		sim->end = wall_add(sim->end, some_seconds(chaos, 600));
	sim_open(sim);
	if (!sim_failed(sim) && compare) {
		chaos_check_kept(chaos);
		chaos_check_acknowledged(chaos);
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

static void
step_series(struct chaos *chaos)
{
	uint32_t q = (uint32_t)rng_below(&chaos->rng, CHAOS_QUERIES);
	uint32_t i = (uint32_t)rng_below(&chaos->rng, CHAOS_INSTANCES);

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
	uint32_t i = (uint32_t)rng_below(&chaos->rng, CHAOS_POSTED);
	json_object *labels = chaos_labels("Posted", i);
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
	json_object *labels = chaos_labels(NULL, CHAOS_INSTANCES - 1);

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
	json_object *labels = chaos_labels(names[rng_below(&chaos->rng, ARRAY_LEN(names))],
	    (uint32_t)rng_below(&chaos->rng, CHAOS_INSTANCES));
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
		chaos_check_acknowledged(chaos);
	if (!sim_failed(&chaos->sim))
		sim_run_until(&chaos->sim, wall_add(sim_now(&chaos->sim), some_seconds(chaos, 45)));
	if (!sim_failed(&chaos->sim))
		judge_incidents(&chaos->sim);
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
	for (uint32_t q = 0; q < CHAOS_QUERIES; q++)
		set_series(chaos, q);
	for (; chaos->step < steps && !sim_failed(sim); chaos->step++)
		step(chaos);
	if (!sim_failed(sim))
		chaos_check_end(chaos);
	judge_epilogue(sim);
	rc = sim_failed(sim) ? 1 : 0;
	if (rc != 0)
		printf("seed %llu, step %u (%s), %.3f s: %s\n", (unsigned long long)seed,
		    chaos->step, chaos->last, dur_seconds(wall_since(sim_now(sim), sim->start)),
		    sim->judge.failure);
	else
		printf("%u kills, %u notifications\n", sim->kills, sim->world.n_notices);
	chaos_forget(chaos);
	sim_fini(sim);
	free(chaos);
	return rc;
}
