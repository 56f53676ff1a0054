/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold whatever happens:
 *
 *  - nobody is told that an alert fires unless a sender posted it, or its
 *    rule's condition was seen to hold for as long as the rule's `for`;
 *  - nobody is told twice what they already know by flushes less than the
 *    route's repeat_interval apart, unless it is the same delivery whose answer was lost, by
 *    the network or by a kill while it was on its way;
 *  - nobody is told twice for one step of an escalation;
 *  - an incident that is open has its next step before it or is exhausted, and
 *    no step is overdue;
 *  - every intent to notify ends in an outcome;
 *  - what the program allocated for its state is freed when it ends.
 *
 * The judge knows only what sources were asked and answered and what
 * receivers got: it shares no code with the state machine.  Where a kill may
 * have undone what the program had just learnt, both worlds are allowed.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "rule/kind.h"
#include <json-c/json_tokener.h>

#include "notify/look.h"
#include "sim.h"

#define EPILOGUE       DUR_S(3600)
#define COMMIT_AGAIN   DUR_S(2) /* a failed commit is tried again within */
#define HEARD_WITHIN   DUR_S(6 * 3600) /* with all that clocks leap meanwhile */
#define TOLD_BYTES_MAX 1600

void
judge_init(struct judge *judge)
{
	memset(judge, 0, sizeof(*judge));
	judge->posted = json_object_new_array();
}

void
judge_fini(struct judge *judge)
{
	for (uint32_t i = 0; i < judge->n_rules; i++) {
		free(judge->rules[i].name);
		free(judge->rules[i].query);
	}
	for (uint32_t i = 0; i < judge->n_series; i++) {
		free(judge->series[i].query);
		json_object_put(judge->series[i].labels);
	}
	json_object_put(judge->posted);
}

static struct judged_rule *
find_rule(struct judge *judge, const char *name, const char *query)
{
	for (uint32_t i = 0; i < judge->n_rules; i++)
		if (strcmp(judge->rules[i].name, name) == 0 &&
		    strcmp(judge->rules[i].query, query) == 0)
			return &judge->rules[i];
	if (judge->n_rules == JUDGE_RULES_MAX)
		abort();
	judge->rules[judge->n_rules] = (struct judged_rule){
		.name = xstrdup(name),
		.query = xstrdup(query),
		.for_ = { INT64_MAX },
	};
	return &judge->rules[judge->n_rules++];
}

/* What the rule will ask, in the source's words. */
static void
judge_rule(struct judge *judge, const struct rule_config *config)
{
	const struct rule_kind *kind = rule_kind_of(config->kind);
	struct rule_plan plan = { 0 };
	struct err err;

	if (kind->plan(config, NULL, (wall_t){ 1 }, &plan, &err) < 0)
		return;
	for (uint32_t i = 0; i < plan.n; i++) {
		char *query = xmemdup0(plan.queries[i].text.p, plan.queries[i].text.n);
		struct judged_rule *rule = find_rule(judge, config->name, query);

		if (dur_less(config->for_, rule->for_))
			rule->for_ = config->for_;
		if (config->on_no_data == ON_NO_DATA_ALERT || config->on_error == ON_ERROR_ALERT)
			rule->lenient = true;
		free(query);
	}
}

void
judge_rules(struct judge *judge, const struct config *config)
{
	for (uint32_t g = 0; g < config->n_groups; g++)
		for (uint32_t r = 0; r < config->groups[g].n_rules; r++)
			judge_rule(judge, &config->groups[g].rules[r]);
}

void
judge_posted(struct judge *judge, json_object *labels)
{
	for (size_t i = 0; i < json_object_array_length(judge->posted); i++)
		if (labels_json_equal(json_object_array_get_idx(judge->posted, i), labels))
			return;
	json_object_array_add(judge->posted, json_object_get(labels));
}

/* --- what the program was told --------------------------------------------------- */

static struct judged_series *
find_series(struct judge *judge, const char *query, json_object *labels)
{
	for (uint32_t i = 0; i < judge->n_series; i++)
		if (strcmp(judge->series[i].query, query) == 0 &&
		    labels_json_equal(judge->series[i].labels, labels))
			return &judge->series[i];
	if (judge->n_series == JUDGE_SERIES_MAX)
		abort();
	judge->series[judge->n_series] = (struct judged_series){
		.query = xstrdup(query),
		.labels = json_object_get(labels),
	};
	return &judge->series[judge->n_series++];
}

static bool
answer_has(const struct answer *answer, json_object *labels)
{
	for (uint32_t i = 0; i < answer->n; i++)
		if (labels_json_equal(answer->series[i].labels, labels))
			return true;
	return false;
}

/* There may be changes that only memory has. */
static bool
disk_was_failing(const struct judge *judge, wall_t now)
{
	return wall_is_set(judge->disk_fails_since) && wall_before(now, judge->disk_fails_until);
}

/* A streak is over once the answer that says so has arrived and no kill can undo it. */
static void
settle_streak(const struct judge *judge, struct judged_series *series, wall_t now)
{
	wall_t sure = disk_was_failing(judge, now) ? judge->disk_fails_since : now;

	if (wall_is_set(series->over_at) && wall_before(series->over_at, sure)) {
		series->since = WALL_NONE;
		series->over_at = WALL_NONE;
	}
}

void
judge_told(struct sim *sim, const struct answer *answer, wall_t slot, wall_t arrives)
{
	struct judge *judge = &sim->judge;
	wall_t now = sim_now(sim);

	for (uint32_t i = 0; i < judge->n_series; i++) {
		struct judged_series *series = &judge->series[i];

		if (strcmp(series->query, answer->query) != 0)
			continue;
		settle_streak(judge, series, now);
		if (wall_is_set(series->since) && !wall_is_set(series->over_at) &&
		    !answer_has(answer, series->labels))
			series->over_at = arrives;
	}
	for (uint32_t i = 0; i < answer->n; i++) {
		struct judged_series *series =
		    find_series(judge, answer->query, answer->series[i].labels);

		/* A clock that stepped back dates the beginning back, too. */
		if (!wall_is_set(series->since) || wall_before(slot, series->since))
			series->since = slot;
		dur_t streak = wall_since(slot, series->since);

		if (dur_less(series->longest, streak))
			series->longest = streak;
	}
}

void
judge_killed(struct sim *sim)
{
	struct judge *judge = &sim->judge;
	wall_t now = sim_now(sim);
	wall_t since = disk_was_failing(judge, now) ? judge->disk_fails_since : now;

	/* Outcomes that did not reach the disk. */
	for (struct notice *notice = sim->world.newest;
	     notice != NULL && wall_before(since, wall_add(notice->at, HEARD_WITHIN));
	     notice = notice->older) {
		wall_t heard = wall_add(notice->at, notice->latency);

		if (!wall_before(heard, since))
			notice->lost = true;
	}
	judge->disk_fails_since = WALL_NONE;
	for (uint32_t i = 0; i < judge->n_series; i++)
		if (!wall_before(judge->series[i].over_at, since))
			judge->series[i].over_at = WALL_NONE;
}

void
judge_disk(struct sim *sim, bool fails)
{
	struct judge *judge = &sim->judge;

	if (!fails)
		judge->disk_fails_until = wall_add(sim_now(sim), COMMIT_AGAIN);
	else if (!disk_was_failing(judge, sim_now(sim)))
		judge->disk_fails_since = sim_now(sim);
	if (fails)
		judge->disk_fails_until = WALL_MAX;
	store_set_failing(sim->core.store, fails);
}

/* What is on its way arrives when it would have, by a clock that does not leap. */
void
judge_leap(struct sim *sim, dur_t by)
{
	struct judge *judge = &sim->judge;
	wall_t now = sim_now(sim);

	for (struct notice *notice = sim->world.newest;
	     notice != NULL && wall_before(now, wall_add(notice->at, HEARD_WITHIN));
	     notice = notice->older)
		if (!wall_before(wall_add(notice->at, notice->latency), now))
			notice->latency.ns += by.ns;
	for (uint32_t i = 0; i < judge->n_series; i++)
		if (!wall_before(judge->series[i].over_at, now))
			judge->series[i].over_at = wall_add(judge->series[i].over_at, by);
	/* The store tries again by that clock, too. */
	if (disk_was_failing(judge, now) && judge->disk_fails_until.ns != WALL_MAX.ns)
		judge->disk_fails_until = wall_add(judge->disk_fails_until, by);
}

/* --- what receivers were told ------------------------------------------------------ */

static bool
was_posted(const struct judge *judge, json_object *labels)
{
	for (size_t i = 0; i < json_object_array_length(judge->posted); i++)
		if (labels_json_has(labels, json_object_array_get_idx(judge->posted, i)))
			return true;
	return false;
}

static bool
may_fire(struct judge *judge, json_object *labels)
{
	json_object *name;

	if (was_posted(judge, labels))
		return true;
	if (!json_object_object_get_ex(labels, "alertname", &name))
		return false;
	if (strncmp(json_object_get_string(name), "Tocsin", 6) == 0 ||
	    strcmp(json_object_get_string(name), "HeartbeatMissing") == 0)
		return true; /* the program's own */
	for (uint32_t r = 0; r < judge->n_rules; r++) {
		const struct judged_rule *rule = &judge->rules[r];

		if (strcmp(rule->name, json_object_get_string(name)) != 0)
			continue;
		if (rule->lenient)
			return true;
		for (uint32_t s = 0; s < judge->n_series; s++) {
			const struct judged_series *series = &judge->series[s];

			if (strcmp(series->query, rule->query) == 0 &&
			    !dur_less(series->longest, rule->for_) &&
			    labels_json_has(labels, series->labels))
				return true;
		}
	}
	return false;
}

/* The end of another episode is news: its beginning may have arrived unheard of. */
static bool
same_alert(const struct notice_alert *a, const struct notice_alert *b)
{
	return a->firing == b->firing && labels_json_equal(a->labels, b->labels) &&
	       (a->firing || strcmp(a->starts_at, b->starts_at) == 0);
}

static bool
notice_has(const struct notice *notice, const struct notice_alert *alert)
{
	for (uint32_t i = 0; i < notice->n; i++)
		if (same_alert(&notice->alerts[i], alert))
			return true;
	return false;
}

/* Nothing in it that the receiver does not know from the one before. */
static bool
says_nothing_new(const struct notice *notice, const struct notice *before)
{
	uint32_t firing = 0, firing_before = 0;

	for (uint32_t i = 0; i < notice->n; i++) {
		if (!notice_has(before, &notice->alerts[i]))
			return false;
		firing += notice->alerts[i].firing;
	}
	for (uint32_t i = 0; i < before->n; i++)
		firing_before += before->alerts[i].firing;
	return firing > 0 || firing_before == 0;
}

static dur_t
repeat_interval(struct sim *sim, const struct notice *notice)
{
	const struct alert_group *group =
	    groups_find(sim->core.groups, str_from(notice->group_key));

	return group != NULL ? group->route->repeat_interval : DUR_S(0);
}

/* Without send_resolved nobody hears of an end, and the next beginning sounds like the last. */
static bool
tells_resolved(struct sim *sim, const struct notice *notice)
{
	const struct receiver_config *receiver =
	    config_receiver(sim->core.config, notice->receiver);

	return receiver != NULL && receiver->n_integrations > 0 &&
	       INTEGRATION_COMMON(&receiver->integrations[0])->send_resolved;
}

/* With everything that this receiver was told of the group. */
static void
fail_repeated(struct sim *sim, const struct notice *notice)
{
	struct buf text = { 0 };

	for (const struct notice *n = sim->world.notices; n != NULL; n = n->next)
		if (strcmp(n->receiver, notice->receiver) == 0 &&
		    strcmp(n->group_key, notice->group_key) == 0)
			notice_print(sim, n, &text);
	notice_print(sim, notice, &text);
	/* The last ones say what went wrong. */
	sim_fail(sim, "%s was told twice of %s:%s", notice->receiver, notice->group_key,
	    text.n > TOLD_BYTES_MAX ? text.p + text.n - TOLD_BYTES_MAX : text.p);
	buf_fini(&text);
}

/* For this very step, by another message, and the program knew that it arrived. */
static bool
was_told_for(const struct notice *notice)
{
	for (const struct notice *n = notice->before; n != NULL; n = n->before) {
		if (strcmp(n->place, notice->place) == 0 &&
		    strcmp(n->delivery, notice->delivery) != 0 && n->answered && !n->lost)
			return true;
	}
	return false;
}

static void
check_not_repeated(struct sim *sim, const struct notice *notice)
{
	const struct notice *before = notice->before;
	const struct peer *receiver = world_receiver(&sim->world, notice->receiver);

	if (before == NULL || !says_nothing_new(notice, before) || !tells_resolved(sim, notice))
		return;
	if (!dur_less(wall_since(notice->flushed, before->flushed), repeat_interval(sim, notice)))
		return;
	/* Another step of an escalation may say the same; the same step may not. */
	if (notice->place[0] != '\0' && !was_told_for(notice))
		return;
	/*
	 * An answer that did not come, or an attempt that failed since, leaves
	 * the program unsure of what the receiver believes: it says it again.
	 * Forgotten by a kill: told again, by the same name, unless there is
	 * less to tell by now.
	 */
	if (!before->answered || !wall_before(receiver->failed_at, before->at))
		return;
	if (before->lost &&
	    (before->n != notice->n || strcmp(before->delivery, notice->delivery) == 0))
		return;
	/* Forgotten, and then taken back by an acknowledgement or a silence: nobody knows. */
	if (before->lost && before->place[0] != '\0')
		return;
	fail_repeated(sim, notice);
}

void
judge_notice(struct sim *sim, struct notice *notice)
{
	for (uint32_t i = 0; i < notice->n; i++) {
		const struct notice_alert *alert = &notice->alerts[i];

		if (alert->firing && !may_fire(&sim->judge, alert->labels))
			sim_fail(sim, "%s was told that %s fires, and nothing says so",
			    notice->receiver,
			    json_object_to_json_string_ext(alert->labels, JSON_C_TO_STRING_PLAIN));
	}
	check_not_repeated(sim, notice);
}

/* ---- incidents ------------------------------------------------------------------- */

static void
check_incident(struct sim *sim, const struct incident *incident, wall_t now)
{
	const struct incident_work *work = incident->work;
	bool escalates = work != NULL && work->policy != NULL;
	const char *wrong = NULL;

	if (incident->state != INCIDENT_RESOLVED && incident->group == NULL)
		wrong = "its group is gone";
	else if (incident->state != INCIDENT_RESOLVED && wall_is_set(incident->resolved_at))
		wrong = "it has an end";
	else if (incident->state == INCIDENT_RESOLVED && !wall_is_set(incident->resolved_at))
		wrong = "it has no end";
	else if (work != NULL && incident->state == INCIDENT_RESOLVED && wall_is_set(work->due_at))
		wrong = "a step is due";
	else if (escalates && incident->state == INCIDENT_OPEN &&
		 wall_is_set(work->due_at) == work->exhausted)
		wrong = work->exhausted ? "exhausted, and a step is due" : "no step is due";
	else if (work != NULL && incident->state == INCIDENT_SNOOZED && !wall_is_set(work->due_at))
		wrong = "snoozed without end";
	else if (escalates && !work->waits && wall_is_set(work->due_at) &&
		 wall_before(wall_add(work->due_at, DUR_S(5)), now))
		wrong = "its step is overdue";
	if (wrong != NULL)
		sim_fail(sim, "incident %lld of %s is %s: %s", (long long)incident->id,
		    incident->key, incident_state_name((enum incident_state)incident->state),
		    wrong);
}

void
judge_incidents(struct sim *sim)
{
	const struct incident *incident;
	wall_t now = sim_now(sim);

	if (!sim->is_open || sim->is_dying)
		return;
	for (size_t it = 0; (incident = incidents_next(sim->core.incidents, &it)) != NULL;)
		check_incident(sim, incident, now);
}

/* --- nobody is left untold without a word ------------------------------------------- */

#define ALERTS_ASKED_MAX 20

/* Does a decision that holds now say why? */
static bool
is_explained(struct sim *sim, const struct alert *alert, const char *target)
{
	struct buf answer = { 0 };
	char path[96];
	bool found = false;

	snprintf(path, sizeof(path), "/api/tocsin/v1/alerts/%016llx/decisions?limit=1000",
	    (unsigned long long)labels_fingerprint(alert->labels));
	if (sim_call(sim, "GET", path, NULL, &answer) != 200) {
		buf_fini(&answer);
		return true; /* killed, or the disk fails */
	}
	json_object *root = json_tokener_parse(answer.p), *rows = NULL;
	buf_fini(&answer);
	if (!json_object_object_get_ex(root, "decisions", &rows))
		rows = NULL;
	for (size_t i = 0; rows != NULL && i < json_object_array_length(rows); i++) {
		json_object *row = json_object_array_get_idx(rows, i), *of = NULL, *until = NULL;

		json_object_object_get_ex(row, "target", &of);
		json_object_object_get_ex(row, "until", &until);
		if (until == NULL && (strcmp(json_object_get_string(of), "") == 0 ||
					 strcmp(json_object_get_string(of), target) == 0))
			found = true;
	}
	json_object_put(root);
	return found;
}

static void
check_told(struct sim *sim, const struct alert *alert)
{
	uint64_t fingerprint = labels_fingerprint(alert->labels);

	for (uint32_t g = 0; g < alert->n_groups; g++) {
		const struct alert_group *group = alert_group(alert, g);
		struct channel_look look;

		for (uint32_t i = 0; notifier_look_channel(
			 sim->core.notifier, group, i, fingerprint, &look);
		     i++) {
			if (look.told_firing || look.delivery_id != 0 || look.fallback ||
			    is_explained(sim, alert, look.target))
				continue;
			sim_fail(sim, "%s was not told of %s, and no decision says why",
			    look.target, group->key);
			return;
		}
	}
}

static void
check_reasons(struct sim *sim)
{
	struct alert *alerts[ALERTS_ASKED_MAX], *alert;
	uint32_t n = 0;

	for (size_t it = 0;
	     n < ALERTS_ASKED_MAX && (alert = alerts_next(sim->core.alerts, &it)) != NULL;) {
		if (!alert_is_resolved(alert, sim_now(sim)))
			alerts[n++] = alert;
	}
	for (uint32_t i = 0; i < n && !sim_failed(sim); i++)
		check_told(sim, alerts[i]);
}

void
judge_epilogue(struct sim *sim)
{
	struct notifier_stats stats;

	if (sim_failed(sim))
		return;
	world_heal(&sim->world);
	sim_run_until(sim, wall_add(sim_now(sim), EPILOGUE));
	if (sim_failed(sim))
		return;
	stats = notifier_stats(sim->core.notifier);
	if (stats.pending + stats.sending > 0)
		sim_fail(sim, "%u deliveries have no outcome an hour after everybody is well",
		    stats.pending + stats.sending);
	if (!sim_failed(sim))
		check_reasons(sim);
	sim_close(sim);
}
