/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One rule's turn in its group's run: what it asks, judging the answers, what
 * comes of it.
 *
 * Queries answer in later turns; a judgement over many points is made on a
 * worker thread, which sees nothing but the run: its arena, its answers, the
 * configuration that the group holds, and a past that the engine does not
 * touch meanwhile (past.h).  Whatever ends the run early waits for that.
 */
#include "config.h"

#include "rule/run.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "rule/eval.h"
#include "rule/kept.h"
#include "rule/record.h"

#define RULE_ARENA_BYTES 4096

static struct rule_state *
rule_of(const struct run *run)
{
	return run->group->rules[run->group->at];
}

static struct arena *
run_arena(struct run *run)
{
	return run->arena != NULL ? run->arena : run->group->engine->scratch;
}

/* --- how it went ----------------------------------------------------------- */

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

static void
fail(struct run *run, const char *text)
{
	if (run->failure == NULL)
		run->failure = xstrdup(text);
}

static void
end_rule(struct run *run)
{
	struct group *group = run->group;
	struct engine *engine = group->engine;
	struct rule_state *rule = rule_of(run);

	if (run->failure != NULL) {
		engine->stats.failures++;
		group->failures++;
		set_error(group, rule, run->failure);
	} else {
		clear_error(group, rule);
	}
	engine->stats.evaluations++;
	group->evaluations++;
	for (uint32_t i = 0; i < run->plan.n; i++)
		group->samples_so_far += run->answers[i].n;
	rule->evaluated = true;
	rule->last_evaluation = loop_now(engine->options.loop);
	rule->evaluation_time = mono_since(loop_mono_exact(engine->options.loop), run->started);
	engine->stats.evaluation_seconds += dur_seconds(rule->evaluation_time);
	run_free(run);
	group->at++;
}

/* --- putting series ---------------------------------------------------------- */

/* Keeps what the rule has to write; false: nothing to wait for, and failure may say why. */
static bool
put_series(struct run *run, const struct recording *recording)
{
	struct err err;
	int code = run->source->ops->write(
	    run->source, recording->samples, recording->n, &run->write, &err);

	record_done(rule_of(run));
	if (code < 0)
		fail(run, err.text);
	return code > 0;
}

/* "results being visible to later rules of the same cycle": a rule that writes waits for it. */
static bool
evaluate_recording(struct run *run)
{
	struct recording recording;
	struct err err;

	if (record_series(rule_of(run), run->source, &run->answers[0], run->group->slot,
		run_arena(run), &recording, &err) < 0) {
		fail(run, err.text);
		return false;
	}
	return put_series(run, &recording);
}

/* ALERTS, where the source is told to keep them. */
static bool
put_alerts(struct run *run)
{
	struct rule_state *rule = rule_of(run);
	struct recording recording;
	struct err err;

	if (run->source == NULL || !run->source->writes_alerts) {
		record_vanished(rule, run->source, run_arena(run));
		return false;
	}
	if (record_alerts(rule, run->group->slot, run_arena(run), &recording, &err) < 0) {
		fail(run, err.text);
		return false;
	}
	return put_series(run, &recording);
}

/* --- judging ------------------------------------------------------------------ */

static void
judge_job(struct job *job)
{
	struct run *run = CONTAINER_OF(job, struct run, job);

	run->code = run->kind->judge(&run->in, &run->judgement, &run->err);
}

/* Answers are read by their sources, which must not be closed meanwhile. */
static void
hold_sources(struct run *run, uint32_t by)
{
	for (uint32_t i = 0; i < run->plan.n; i++)
		run->sources[i]->in_flight += by;
}

static void
judge_job_done(struct job *job, bool cancelled)
{
	struct run *run = CONTAINER_OF(job, struct run, job);

	hold_sources(run, UINT32_MAX); /* wraps: one less */
	past_unref(run->past);
	run->past = NULL;
	run->judging = false;
	run->judged = true;
	if (cancelled && run->code == 0)
		run->code = err_set(&run->err, ERR_CANCELLED, "cancelled");
	run_go_on(run);
}

static bool
is_heavy(const struct run *run)
{
	uint64_t points = 0;

	if (!run->kind->heavy || run->arena == NULL || run->group->engine->options.workers == NULL)
		return false;
	for (uint32_t i = 0; i < run->plan.n; i++)
		points += run->answers[i].n;
	return run->kind->heavy_always || points >= RULE_HEAVY_POINTS ||
	       past_points(run->in.past) >= RULE_HEAVY_POINTS;
}

/* True: it is being judged on a worker. */
static bool
judge(struct run *run)
{
	struct engine *engine = run->group->engine;
	struct rule_state *rule = rule_of(run);

	run->code = 0;
	if (rule->past != NULL)
		run->code = eval_meet_past(engine, rule, run, &run->err);
	run->in = (struct rule_input){
		.rule = rule->config,
		.now = run->group->slot,
		.answers = run->answers,
		.sources = (const struct source *const *)run->sources,
		.n = run->plan.n,
		.past = rule->past,
		.others = &engine->lookup,
		.arena = run_arena(run),
	};
	run->judgement = (struct judgement){ 0 };
	if (run->code == 0 && is_heavy(run)) {
		run->job = (struct job){ .run = judge_job, .done = judge_job_done };
		run->judging = worker_submit(engine->options.workers, &run->job);
		/* Here it would hold up everything else for as long as it takes. */
		if (!run->judging)
			run->code = err_set(&run->err, ERR_LIMIT,
			    "not judged: too many rules wait for a worker thread already");
	}
	if (run->judging) {
		run->past = past_ref(rule->past);
		hold_sources(run, 1);
		return true;
	}
	if (run->code == 0)
		judge_job(&run->job);
	run->judged = true;
	return false;
}

/* --- evaluating ------------------------------------------------------------------ */

/* Queries of the rule's texts, if it lacks any: then it is evaluated again. */
static bool
ask(struct run *run)
{
	struct engine_stats *stats = &run->group->engine->stats;

	if (run->asking.lacking == 0)
		return false;
	run->n_asked = asking_send(&run->asking);
	stats->queries += run->n_asked;
	stats->queries_in_flight += run->n_asked;
	return true;
}

static void
evaluate_alerting(struct run *run)
{
	struct engine *engine = run->group->engine;
	struct rule_state *rule = rule_of(run);
	int code = run->code;

	if (code == 0) {
		engine->asking = rule->asks && run->source != NULL ? &run->asking : NULL;
		code = eval_rule(engine, rule, run, &run->err);
		engine->asking = NULL;
	}
	if (code == EVAL_ASKS)
		return;
	if (code < 0) {
		set_error(run->group, rule, run->err.text);
		eval_failed(engine, rule, run->group->slot, run_arena(run));
		fail(run, run->err.text);
		return;
	}
	run->writing = put_alerts(run);
}

/* All answers are there, or failure says why not. False: what it asks, judges or writes is under
 * way. */
static bool
finish(struct run *run)
{
	struct engine *engine = run->group->engine;
	struct rule_state *rule = rule_of(run);

	if (run->failure != NULL) {
		set_error(run->group, rule, run->failure);
		eval_failed(engine, rule, run->group->slot, run_arena(run));
	} else if (rule->config->recording) {
		run->writing = evaluate_recording(run);
	} else {
		if (!run->judged && judge(run))
			return false;
		evaluate_alerting(run);
	}
	arena_reset(engine->scratch);
	if (ask(run))
		return false;
	arena_free(run->arena);
	run->arena = NULL;
	if (run->writing)
		return false;
	end_rule(run);
	return true;
}

void
run_go_on(struct run *run)
{
	struct group *group = run->group;

	if (group->retired || group->engine->stopping) {
		run_free(run);
		group_cut_short(group);
		return;
	}
	if (finish(run))
		group_advance(group);
}

/* --- asking ------------------------------------------------------------------------ */

/* For later runs, if the query may be answered by what is known. */
static void
keep_answer(struct run *run, uint32_t at)
{
	const struct rule_query *planned = &run->plan.queries[at];
	struct rule_state *rule;

	if (planned->cache.ns <= 0 || run->group->retired)
		return;
	rule = rule_of(run);
	if (rule->kept == NULL)
		rule->kept = xcalloc(RULE_QUERIES_MAX, sizeof(struct kept_answer *));
	kept_answer_unref(rule->kept[at]);
	rule->kept[at] = kept_answer_new(&run->answers[at], planned, run->sources[at]->config->name,
	    run->group->slot, run->group->generation);
}

static void
on_answer(struct source_query *query, const struct vector *vector, const struct err *err)
{
	struct run *run = query->arg;

	run->group->engine->stats.queries_in_flight--;
	if (err == NULL) {
		run->answers[query - run->queries] = *vector;
		keep_answer(run, (uint32_t)(query - run->queries));
	} else {
		fail(run, err->text);
	}
	if (--run->waiting == 0)
		run_go_on(run);
}

static void
on_asked(void *arg)
{
	struct run *run = arg;

	run->group->engine->stats.queries_in_flight -= run->n_asked;
	run->n_asked = 0;
	run_go_on(run);
}

static void
on_written(struct source_write *write, const struct err *err)
{
	struct run *run = CONTAINER_OF(write, struct run, write);
	struct group *group = run->group;

	run->writing = false;
	if (err != NULL)
		fail(run, err->text);
	end_rule(run);
	group_advance(group);
}

static void
make_plan(struct run *run, const struct rule_state *rule)
{
	struct err err;

	run->plan.n = 0;
	if (run->source == NULL && !run->kind->no_source) {
		fail(run, "there is no source to ask");
	} else if (run->kind->plan(rule->config, rule->past, run->group->slot, &run->plan, &err) <
		   0) {
		run->plan.n = 0;
		fail(run, err.text);
	}
}

/* False: all answers are known already. */
static bool
send_queries(struct run *run)
{
	struct engine *engine = run->group->engine;
	struct rule_state *rule = rule_of(run);
	uint32_t asked = 0;

	for (uint32_t i = 0; i < run->plan.n; i++) {
		const struct rule_query *planned = &run->plan.queries[i];

		run->sources[i] =
		    planned->source != NULL ? engine->sources[planned->source->index] : run->source;
		run->answers[i] = (struct vector){ NULL, 0 };
		run->queries[i] = (struct source_query){
			.text = planned->text,
			.at = planned->at,
			.shape = planned->shape,
			.from = planned->from,
			.to = planned->to,
			.step = planned->step,
			.fields = planned->fields,
			.n_fields = planned->n_fields,
			.arena = run_arena(run),
			.done = on_answer,
			.arg = run,
		};
		if (rule->kept != NULL &&
		    kept_answer_is_good(rule->kept[i], planned, run->sources[i]->config->name,
			run->group->slot, run->group->generation)) {
			run->kept[i] = kept_answer_ref(rule->kept[i]);
			run->answers[i] = run->kept[i]->vector;
		} else {
			asked++;
		}
	}
	run->waiting = asked;
	engine->stats.queries += asked;
	engine->stats.queries_in_flight += asked;
	for (uint32_t i = 0; i < run->plan.n; i++)
		if (run->kept[i] == NULL)
			run->sources[i]->ops->query(run->sources[i], &run->queries[i]);
	return asked > 0;
}

static struct run *
run_take(struct group *group)
{
	struct engine *engine = group->engine;
	struct run *run = engine->idle_runs;

	if (run != NULL)
		engine->idle_runs = run->next_idle;
	else
		run = xcalloc(1, sizeof(*run));
	run->group = group;
	run->judged = run->judging = run->writing = false;
	run->code = 0;
	run->n_asked = 0;
	run->asking.lacking = 0;
	run->asking.done = on_asked;
	run->asking.arg = run;
	run->write.done = on_written;
	group->run = run;
	return run;
}

void
run_free(struct run *run)
{
	struct engine *engine = run->group->engine;

	free(run->failure);
	run->failure = NULL;
	for (uint32_t i = 0; i < RULE_QUERIES_MAX; i++) {
		kept_answer_unref(run->kept[i]);
		run->kept[i] = NULL;
	}
	arena_free(run->arena);
	run->arena = NULL;
	run->group->run = NULL;
	run->next_idle = engine->idle_runs;
	engine->idle_runs = run;
}

bool
run_start(struct group *group)
{
	struct engine *engine = group->engine;
	struct rule_state *rule = group->rules[group->at];
	const struct source_config *source = rule->config->source;
	struct run *run = run_take(group);

	run->started = loop_mono(engine->options.loop);
	run->kind = rule->kind;
	run->source =
	    source != NULL && !run->kind->no_source ? engine->sources[source->index] : NULL;
	make_plan(run, rule);
	/* One answer is used up in the turn it arrives in; several have to be
	 * kept until the last. */
	if (run->plan.n > 1 || rule->asks || run->kind->heavy)
		run->arena = arena_new(RULE_ARENA_BYTES);
	if (rule->asks)
		asking_begin(&run->asking, run->source, group->slot, run_arena(run));
	if (run->failure != NULL || run->plan.n == 0)
		return !finish(run);
	return send_queries(run) || !finish(run);
}

void
run_cancel(struct run *run)
{
	struct group *group = run->group;

	if (run->writing) {
		list_remove(&run->write.link);
		run->writing = false;
		run_free(run);
		group_cut_short(group);
	} else if (run->n_asked > 0) {
		asking_cancel(&run->asking);
	} else if (!run->judging) {
		for (uint32_t i = 0; i < run->plan.n; i++)
			if (run->kept[i] == NULL)
				run->sources[i]->ops->cancel(run->sources[i], &run->queries[i]);
	}
}

void
runs_free(struct run *idle)
{
	while (idle != NULL) {
		struct run *next = idle->next_idle;

		free(idle);
		idle = next;
	}
}
