/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One evaluation of one rule: observations find their alerts, alerts take a
 * step (eval_step.c), and what is to be remembered is (eval_past.c).
 *
 * First everything is matched and checked, then everything moves: an error
 * leaves the rule as it was.
 */
#include "config.h"

#include "rule/eval.h"

#include "rule/record.h"
#include "rule/run.h"

static int
check_limit(struct eval *ev, struct err *err)
{
	int64_t limit = ev->rule->config->group->limit, left = ev->n_fresh;

	if (limit <= 0)
		return 0;
	for (uint32_t i = 0; i < ev->n_known; i++) {
		struct tracked *t = ev->rule->tracked[i];
		struct tried tried;
		double value;
		wall_t at;
		enum outcome outcome = eval_outcome(ev, t, &value, &at);

		eval_try(ev, t, outcome, at, &tried);
		left += tried.times.state == ALERT_PENDING || tried.times.state == ALERT_FIRING;
	}
	if (left > limit)
		return err_set(err, ERR_LIMIT, "exceeded limit of %lld with %lld alerts",
		    (long long)limit, (long long)left);
	return 0;
}

static void
mark_stale(struct eval *ev)
{
	dur_t max_age = ev->rule->config->max_age;

	if (!dur_is_set(max_age) || max_age.ns <= 0)
		return;
	for (uint32_t i = 0; i < ev->judgement.n; i++) {
		struct observation *o = &ev->judgement.observations[i];
		wall_t at = wall_is_set(o->data_at) ? o->data_at
			    : o->sample != NULL	    ? o->sample->at
						    : WALL_NONE;

		if (wall_is_set(at) && dur_less(max_age, wall_since(ev->now, at)))
			o->outcome = OUTCOME_STALE;
	}
}

static bool
has_no_data(const struct vector *answers, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (answers[i].n > 0)
			return false;
	return true;
}

static void
apply_no_data(struct eval *ev, const struct vector *answers, uint32_t n)
{
	switch (ev->rule->config->on_no_data) {
	case ON_NO_DATA_OK:
		break;
	case ON_NO_DATA_KEEP:
		ev->absent = OUTCOME_INSUFFICIENT;
		break;
	case ON_NO_DATA_ALERT:
		if (!has_no_data(answers, n) && !ev->judgement.no_data)
			break;
		/* Nothing is known of the others while there is no data at all.
		 */
		ev->absent = OUTCOME_INSUFFICIENT;
		eval_raise_own(ev, TRACKED_NO_DATA);
		break;
	}
}

static void
eval_init(struct eval *ev, struct engine *engine, struct rule_state *rule, wall_t now,
    struct arena *arena)
{
	*ev = (struct eval){
		.engine = engine,
		.rule = rule,
		.arena = arena,
		.now = now,
		.n_known = (uint32_t)rule->n,
		.absent = OUTCOME_OK,
	};
	if (rule->config != NULL) {
		ev->policy.for_ = rule->config->for_;
		ev->policy.keep_firing_for = rule->config->keep_firing_for;
		ev->counts = rule->config->for_points.n > 0;
	}
	rule->mark++;
}

/* What the annotations of this evaluation will ask, before anything moves. */
static void
ask_all(struct eval *ev)
{
	for (uint32_t i = 0; i < ev->n_known; i++) {
		struct tracked *t = ev->rule->tracked[i];
		struct tried tried;
		double value;
		wall_t at;
		enum outcome outcome = eval_outcome(ev, t, &value, &at);
		enum alert_change change = eval_try(ev, t, outcome, at, &tried);

		if (eval_is_asked_for(t, &tried.times, change))
			eval_ask(ev, t->sample_labels != NULL ? t->sample_labels : t->alert.labels,
			    t->mark == ev->rule->mark ? t->observed : EVAL_OWN, value);
	}
	for (uint32_t i = 0; i < ev->n_fresh; i++) {
		const struct fresh *fresh = &ev->fresh[i];

		eval_ask(ev, fresh->labels, fresh->observed,
		    fresh->observed != EVAL_OWN
			? ev->judgement.observations[fresh->observed].value
			: (double)NAN);
	}
}

/* Are answers lacking?  An error may come of that alone. */
static bool
is_lacking(const struct eval *ev)
{
	return ev->engine->asking != NULL && ev->engine->asking->lacking > 0;
}

int
eval_rule(struct engine *engine, struct rule_state *rule, struct run *run, struct err *err)
{
	struct eval ev;
	int code;

	eval_init(&ev, engine, rule, run->group->slot, run->in.arena);
	ev.source = run->source;
	ev.judgement = run->judgement;
	eval_make_keys(&ev);
	mark_stale(&ev);
	ev.absent = ev.judgement.absent;
	code = eval_match(&ev, err);
	if (code == 0) {
		if (run->plan.n > 0)
			apply_no_data(&ev, run->answers, run->plan.n);
		code = check_limit(&ev, err);
	}
	if (code == 0 && engine->asking != NULL)
		ask_all(&ev);
	if (is_lacking(&ev))
		code = EVAL_ASKS;
	if (code != 0) {
		for (uint32_t i = 0; i < ev.n_fresh; i++)
			labels_unref(ev.fresh[i].labels);
		return code;
	}
	memset(rule->outcomes, 0, sizeof(rule->outcomes));
	for (uint32_t i = 0; i < ev.judgement.n; i++)
		rule->outcomes[ev.judgement.observations[i].outcome]++;
	eval_learn_keys(&ev);
	if (ev.n_known > 0)
		eval_step_tracked(&ev);
	eval_step_fresh(&ev);
	if (rule->past != NULL)
		eval_remember(&ev);
	return 0;
}

void
eval_failed(struct engine *engine, struct rule_state *rule, wall_t now, struct arena *arena)
{
	struct eval ev;

	memset(rule->outcomes, 0, sizeof(rule->outcomes));
	rule->outcomes[OUTCOME_ERROR] = 1;
	if (rule->config->on_error != ON_ERROR_ALERT)
		return;
	eval_init(&ev, engine, rule, now, arena);
	ev.absent = OUTCOME_ERROR;
	eval_raise_own(&ev, TRACKED_ERROR);
	if (ev.n_known > 0)
		eval_step_tracked(&ev);
	eval_step_fresh(&ev);
}

void
eval_vanished(struct engine *engine, struct rule_state *rule, wall_t now)
{
	struct eval ev;

	eval_init(&ev, engine, rule, now, engine->scratch);
	ev.policy = (struct alert_policy){ 0 };
	ev.counts = false;
	eval_step_tracked(&ev);
	if (rule->config != NULL && rule->config->source != NULL)
		record_vanished(
		    rule, engine_source(engine, rule->config->source->name), engine->scratch);
	if (rule->id != 0 && engine->options.store != NULL)
		store_rule_delete(engine->options.store, rule->id);
	rule_state_free(rule);
}
