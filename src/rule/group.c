/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group: its slots, and one run of its rules after the other.
 *
 * The timer is monotonic and set anew after each run for the next slot on the
 * wall clock; what the wall clock did meanwhile shows when it fires: slots
 * passed are counted as missed and one evaluation makes up for them, and when
 * the clock stepped back the group goes on from the slot it finds.
 * A run asks the source one rule at a time; queries answer in later turns.
 */
#include "config.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "rule/record.h"

#define RULE_ARENA_BYTES 4096

wall_t
slot_at(wall_t now, dur_t interval, uint64_t phase_hash)
{
	int64_t phase = (int64_t)(phase_hash % (uint64_t)interval.ns);
	int64_t past = (now.ns - phase) % interval.ns;

	if (past < 0)
		past += interval.ns;
	return (wall_t){ now.ns - past };
}

/* --- one rule ---------------------------------------------------------- */

static void
set_error(struct group *group, struct rule_state *rule, const char *text)
{
	bool news = rule->last_error == NULL;

	/* A new text of a rule that is ill already is shown by the API, not
	 * logged. */
	if (!news && strcmp(rule->last_error, text) == 0)
		return;
	free(rule->last_error);
	rule->last_error = xstrdup(text);
	if (news)
		log_warn("rule", "evaluation failed", LOG_Z("group", group->config->name),
		    LOG_Z("rule", rule->name), LOG_Z("error", text));
}

static void
clear_error(struct group *group, struct rule_state *rule)
{
	if (rule->last_error == NULL)
		return;
	free(rule->last_error);
	rule->last_error = NULL;
	log_info("rule", "evaluation works again", LOG_Z("group", group->config->name),
	    LOG_Z("rule", rule->name));
}

static struct arena *
run_arena(struct group *group)
{
	return group->arena != NULL ? group->arena : group->engine->scratch;
}

/* Keeps what the rule has to write; false: nothing to wait for, and failure may say why. */
static bool
put_series(struct group *group, const struct recording *recording)
{
	struct rule_state *rule = group->rules[group->at];
	struct source *source = group->source;
	struct err err;
	int code =
	    source->ops->write(source, recording->samples, recording->n, &group->write, &err);

	record_done(rule);
	if (code < 0)
		group->failure = xstrdup(err.text);
	return code > 0;
}

/* "results being visible to later rules of the same cycle": a rule that writes waits for it. */
static bool
evaluate_recording(struct group *group, struct err *err)
{
	struct rule_state *rule = group->rules[group->at];
	struct recording recording;

	if (record_series(rule, group->source, &group->answers[0], group->slot, run_arena(group),
		&recording, err) < 0) {
		group->failure = xstrdup(err->text);
		return false;
	}
	return put_series(group, &recording);
}

static bool
evaluate_alerting(struct group *group, struct err *err)
{
	struct engine *engine = group->engine;
	struct rule_state *rule = group->rules[group->at];
	struct arena *arena = run_arena(group);
	struct recording recording;
	int code;

	engine->asking = rule->asks ? &group->asking : NULL;
	code = eval_rule(engine, rule, group->source, group->answers, group->plan.n, group->slot,
	    arena, err);
	engine->asking = NULL;
	if (code == EVAL_ASKS)
		return false;
	if (code < 0) {
		set_error(group, rule, err->text);
		eval_failed(engine, rule, group->slot, arena);
		group->failure = xstrdup(err->text);
		return false;
	}
	if (!group->source->writes_alerts) {
		record_vanished(rule, group->source, arena);
		return false;
	}
	if (record_alerts(rule, group->slot, arena, &recording, err) < 0) {
		group->failure = xstrdup(err->text);
		return false;
	}
	return put_series(group, &recording);
}

static void
end_rule(struct group *group)
{
	struct engine *engine = group->engine;
	struct rule_state *rule = group->rules[group->at];

	if (group->failure != NULL) {
		engine->stats.failures++;
		group->failures++;
		set_error(group, rule, group->failure);
	} else {
		clear_error(group, rule);
	}
	engine->stats.evaluations++;
	group->evaluations++;
	for (uint32_t i = 0; i < group->plan.n; i++)
		group->samples_so_far += group->answers[i].n;
	rule->evaluated = true;
	rule->last_evaluation = loop_now(engine->options.loop);
	rule->evaluation_time =
	    mono_since(loop_mono_exact(engine->options.loop), group->rule_started);
	engine->stats.evaluation_seconds += dur_seconds(rule->evaluation_time);
	free(group->failure);
	group->failure = NULL;
	group->at++;
}

/* Queries of the rule's texts, if it lacks any: then it is evaluated again. */
static bool
ask(struct group *group)
{
	struct engine_stats *stats = &group->engine->stats;

	if (group->asking.lacking == 0)
		return false;
	group->n_asked = asking_send(&group->asking);
	stats->queries += group->n_asked;
	stats->queries_in_flight += group->n_asked;
	return true;
}

/* All answers are there, or group->failure says why not. False: what it asks or writes is under
 * way. */
static bool
finish_rule(struct group *group)
{
	struct engine *engine = group->engine;
	struct rule_state *rule = group->rules[group->at];
	struct err err;

	if (group->failure != NULL) {
		set_error(group, rule, group->failure);
		eval_failed(engine, rule, group->slot, run_arena(group));
	} else if (rule->config->recording) {
		group->writing = evaluate_recording(group, &err);
	} else {
		group->writing = evaluate_alerting(group, &err);
	}
	arena_reset(engine->scratch);
	if (ask(group))
		return false;
	arena_free(group->arena);
	group->arena = NULL;
	if (group->writing)
		return false;
	end_rule(group);
	return true;
}

static void
end_cancelled(struct group *group)
{
	free(group->failure);
	group->failure = NULL;
	arena_free(group->arena);
	group->arena = NULL;
	group->running = false;
	if (group->retired) {
		list_remove(&group->link);
		group_free(group);
	}
}

/* True: the rule waits for answers, or for its series to be written; false: it
 * is finished already. */
static bool
start_rule(struct group *group)
{
	struct engine *engine = group->engine;
	struct rule_state *rule = group->rules[group->at];
	const struct source_config *source = rule->config->source;
	struct err err;

	group->rule_started = loop_mono(engine->options.loop);
	group->source = source != NULL ? engine->sources[source->index] : NULL;
	group->plan.n = 0;
	if (group->source == NULL)
		err_set(&err, ERR_INVALID, "there is no source to ask");
	if (group->source == NULL ||
	    rule->kind->plan(rule->config, NULL, group->slot, &group->plan, &err) < 0)
		group->failure = xstrdup(err.text);
	/* One answer is used up in the turn it arrives in; several have to be
	 * kept until the last. */
	if (group->plan.n > 1 || rule->asks)
		group->arena = arena_new(RULE_ARENA_BYTES);
	if (rule->asks)
		asking_begin(&group->asking, group->source, group->slot, group->arena);
	if (group->failure != NULL || group->plan.n == 0)
		return !finish_rule(group);
	group->waiting = group->plan.n;
	engine->stats.queries += group->plan.n;
	engine->stats.queries_in_flight += group->plan.n;
	for (uint32_t i = 0; i < group->plan.n; i++) {
		struct source_query *query = &group->queries[i];

		query->text = group->plan.queries[i].text;
		query->at = group->plan.queries[i].at;
		query->arena = run_arena(group);
		group->source->ops->query(group->source, query);
	}
	return true;
}

/* --- slots ------------------------------------------------------------- */

static void
set_timer(struct group *group, wall_t due)
{
	struct loop *loop = group->engine->options.loop;
	dur_t wait = wall_since(due, loop_now(loop));

	if (wait.ns < 0)
		wait = (dur_t){ 0 };
	loop_timer_set(loop, &group->timer, mono_add(loop_mono(loop), wait));
}

static void
end_run(struct group *group)
{
	struct engine *engine = group->engine;

	group->running = false;
	group->iterations++;
	engine->stats.iterations++;
	group->last_evaluation = loop_now(engine->options.loop);
	group->evaluation_time = mono_since(loop_mono_exact(engine->options.loop), group->started);
	engine->stats.iteration_seconds += dur_seconds(group->evaluation_time);
	group->samples = group->samples_so_far;
	group->samples_so_far = 0;
	set_timer(group, wall_add(group->slot, group->config->interval));
}

static void
advance(struct group *group)
{
	while (group->at < group->config->n_rules)
		if (start_rule(group))
			return;
	end_run(group);
}

static void
on_answer(struct source_query *query, const struct vector *vector, const struct err *err)
{
	struct group *group = query->arg;

	group->engine->stats.queries_in_flight--;
	if (err == NULL)
		group->answers[query - group->queries] = *vector;
	else if (group->failure == NULL)
		group->failure = xstrdup(err->text);
	if (--group->waiting > 0)
		return;
	if (group->retired || group->engine->stopping) {
		end_cancelled(group);
		return;
	}
	if (finish_rule(group))
		advance(group);
}

static void
on_asked(void *arg)
{
	struct group *group = arg;

	group->engine->stats.queries_in_flight -= group->n_asked;
	group->n_asked = 0;
	if (group->retired || group->engine->stopping) {
		end_cancelled(group);
		return;
	}
	if (finish_rule(group))
		advance(group);
}

static void
on_written(struct source_write *write, const struct err *err)
{
	struct group *group = CONTAINER_OF(write, struct group, write);

	group->writing = false;
	if (err != NULL)
		group->failure = xstrdup(err->text);
	end_rule(group);
	advance(group);
}

static void
tick(void *arg)
{
	struct group *group = arg;
	struct engine *engine = group->engine;
	dur_t interval = group->config->interval;
	wall_t slot = slot_at(loop_now(engine->options.loop), interval, group->phase_hash);
	int64_t passed;

	if (wall_is_set(group->slot)) {
		passed = wall_since(slot, group->slot).ns / interval.ns;
		if (passed == 0 &&
		    slot.ns == group->slot.ns) { /* the clock is a little behind the timer */
			set_timer(group, wall_add(slot, interval));
			return;
		}
		/* "missed = floor((now - lastSlot)/interval) - 1;
		 * iterations_missed and iterations both += missed" */
		if (passed > 1) {
			group->missed += (uint64_t)passed - 1;
			group->iterations += (uint64_t)passed - 1;
			engine->stats.missed += (uint64_t)passed - 1;
			engine->stats.iterations += (uint64_t)passed - 1;
			log_warn("rule", "slots missed", LOG_Z("group", group->config->name),
			    LOG_INT("missed", passed - 1));
		} else if (passed < 0) {
			log_warn("rule", "the clock stepped back, slots start anew",
			    LOG_Z("group", group->config->name));
		}
	}
	group->slot = slot;
	group->running = true;
	group->at = 0;
	group->started = loop_mono(engine->options.loop);
	advance(group);
}

void
group_schedule(struct group *group)
{
	struct loop *loop = group->engine->options.loop;
	wall_t slot = slot_at(loop_now(loop), group->config->interval, group->phase_hash);

	if (!wall_is_set(group->slot) || slot.ns != group->slot.ns)
		loop_timer_set(loop, &group->timer, loop_mono(loop));
	else
		set_timer(group, wall_add(slot, group->config->interval));
}

/* --- life -------------------------------------------------------------- */

/* The same over restarts: `for` and the load on the source depend on it. */
static uint64_t
phase_hash_of(const struct rule_group_config *config)
{
	uint64_t h = fnv1a64(FNV1A64_INIT, config->file, strlen(config->file));

	h = fnv1a64(h, ";", 1);
	return fnv1a64(h, config->name, strlen(config->name));
}

struct group *
group_new(struct engine *engine, const struct rule_group_config *config)
{
	struct group *group = xcalloc(1, sizeof(*group));

	group->engine = engine;
	group->config = config;
	group->phase_hash = phase_hash_of(config);
	group->rules = xcalloc((size_t)config->n_rules + 1, sizeof(struct rule_state *));
	group->write.done = on_written;
	group->asking.done = on_asked;
	group->asking.arg = group;
	timer_init(&group->timer, tick, group);
	for (uint32_t i = 0; i < RULE_QUERIES_MAX; i++) {
		group->queries[i].done = on_answer;
		group->queries[i].arg = group;
	}
	return group;
}

void
group_free(struct group *group)
{
	config_unref(group->generation);
	free(group->rules);
	free(group);
}

void
group_cancel(struct group *group)
{
	struct source *source = group->source;

	loop_timer_stop(group->engine->options.loop, &group->timer);
	if (!group->running)
		return;
	if (group->writing) {
		list_remove(&group->write.link);
		group->writing = false;
		end_cancelled(group);
		return;
	}
	if (group->n_asked > 0) {
		asking_cancel(&group->asking);
		return;
	}
	for (uint32_t i = 0; i < group->plan.n; i++)
		source->ops->cancel(source, &group->queries[i]);
}

void
group_retire(struct group *group)
{
	group->retired = true;
	if (!group->running) {
		loop_timer_stop(group->engine->options.loop, &group->timer);
		group_free(group);
		return;
	}
	list_append(&group->engine->retired_groups, &group->link);
	group_cancel(group);
}
