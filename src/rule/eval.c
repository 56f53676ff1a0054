/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One evaluation of one rule: observations find their alerts, alerts take a
 * step, transitions become events, store rows and history.
 *
 * First everything is matched and checked, then everything moves: an error
 * leaves the rule as it was.
 */
#include "config.h"

#include "rule/eval.h"

#include "rule/record.h"

/* --- the rule's own alert: on_no_data, on_error ------------------------ */

static bool
is_own(struct eval *ev, const struct tracked *t)
{
	const struct rule_config *config = ev->rule->config;

	if (t->flags & TRACKED_OWN)
		return true;
	if (config == NULL)
		return false;
	/* After a restart its labels tell; an ordinary alert has met its series
	 * by then. */
	return !(t->flags & TRACKED_KEYED) && t->mark != ev->rule->mark &&
	       (config->on_no_data == ON_NO_DATA_ALERT || config->on_error == ON_ERROR_ALERT) &&
	       t->alert.labels == rule_own_labels(ev->engine, ev->rule);
}

/* Its labels may be those of an ordinary alert (a query without labels): then
 * that one breaches. */
static void
raise_own(struct eval *ev, uint8_t flag)
{
	struct labels *labels = rule_own_labels(ev->engine, ev->rule);

	if (labels == NULL)
		return;
	ev->own_flag = flag;
	for (size_t i = 0; i < ev->rule->n; i++) {
		struct tracked *t = ev->rule->tracked[i];

		if (t->alert.labels == labels) {
			t->mark = ev->rule->mark;
			t->observed = EVAL_NONE;
			return;
		}
	}
	ev->fresh = ARENA_NEW(ev->arena, struct fresh);
	ev->fresh[ev->n_fresh++] = (struct fresh){ labels_ref(labels), EVAL_NONE };
}

/* --- transitions ------------------------------------------------------- */

static void
put_history(struct eval *ev, const struct tracked *t, struct str kind, struct str encoded)
{
	struct history_row row = {
		.at = ev->now,
		.kind = kind,
		.labels = encoded,
		.fingerprint = labels_fingerprint(t->alert.labels),
		.value = t->alert.value,
		.subject = str_from(ev->rule->name),
		.detail = STR(""),
	};

	store_history_add(ev->engine->options.store, &row);
}

static void
put_row(struct eval *ev, const struct tracked *t, struct str encoded)
{
	const struct alert_times *times = &t->alert.times;
	struct rule_state *rule = ev->rule;
	struct store *store = ev->engine->options.store;
	struct rule_alert_row row = {
		.id = t->alert.id,
		.labels = encoded,
		.state = times->state,
		.active_at = times->active_at,
		.fired_at = times->fired_at,
		.resolved_at = times->resolved_at,
		.keep_firing_since = times->keep_firing_since,
		.value = t->alert.value,
	};

	if (rule->id == 0) {
		rule->id = store_next_id(store);
		store_rule_put(store, rule->id, str_from(rule->identity), str_from(rule->name));
	}
	row.rule_id = rule->id;
	store_rule_alert_put(store, &row);
}

/* What is to be kept of a change: the row, and a line of history. */
static void
record(struct eval *ev, const struct tracked *t, enum alert_change change, bool was_firing)
{
	struct buf *bytes = &ev->engine->bytes;
	struct str encoded;

	if (ev->engine->options.store == NULL)
		return;
	if (change == ALERT_BECAME_INACTIVE) {
		store_rule_alert_delete(ev->engine->options.store, t->alert.id);
		return;
	}
	buf_clear(bytes);
	labels_encode(t->alert.labels, bytes);
	encoded = buf_str(bytes);
	if (was_firing && change != ALERT_HELD)
		put_history(ev, t, STR("resolved"), encoded);
	if (change == ALERT_BECAME_RESOLVED) {
		store_rule_alert_delete(ev->engine->options.store, t->alert.id);
		return;
	}
	put_row(ev, t, encoded);
	if (change == ALERT_BECAME_PENDING)
		put_history(ev, t, STR("pending"), encoded);
	else if (change == ALERT_BECAME_FIRING)
		put_history(ev, t, STR("firing"), encoded);
}

/* +1 reference. */
static struct labels *
annotations_of(struct eval *ev, const struct tracked *t)
{
	struct label_view *views;
	uint32_t n;

	eval_views(ev, t->mark == ev->rule->mark ? t->observed : EVAL_NONE, &views, &n);
	return eval_annotations(ev->engine, ev->rule, t, views, n, ev->arena);
}

/* Of a rule that asks: when are its annotations expanded? */
static bool
is_asked_for(const struct tracked *t, const struct alert_times *times, enum alert_change change)
{
	return change == ALERT_BECAME_FIRING ||
	       (t->annotations == NULL &&
		   (times->state == ALERT_PENDING || times->state == ALERT_FIRING));
}

static void
keep_annotations(struct eval *ev, struct tracked *t, enum alert_change change)
{
	if (!is_asked_for(t, &t->alert.times, change) ||
	    (ev->engine->asking == NULL && change != ALERT_BECAME_FIRING))
		return;
	labels_unref(t->annotations);
	t->annotations = annotations_of(ev, t);
}

static void
emit(struct eval *ev, const struct tracked *t, const struct alert_times *times,
    enum alert_change change)
{
	struct rule_event event = {
		.rule = ev->rule->config,
		.labels = t->alert.labels,
		.generator_url = rule_generator_url(ev->engine, ev->rule),
		.change = change,
		.value = t->alert.value,
		.starts_at = times->fired_at,
		.ends_at = change == ALERT_BECAME_RESOLVED ? ev->now : WALL_NONE,
		.now = ev->now,
	};

	if (ev->engine->options.sink.event == NULL)
		return;
	if (change == ALERT_BECAME_FIRING)
		event.annotations =
		    t->annotations != NULL ? labels_ref(t->annotations) : annotations_of(ev, t);
	ev->engine->options.sink.event(ev->engine->options.sink.arg, &event);
	labels_unref(event.annotations);
}

/* One step; false: the alert is over and to be dropped. */
static bool
step(struct eval *ev, struct tracked *t, enum outcome outcome)
{
	struct alert_times before = t->alert.times;
	bool was_firing = before.state == ALERT_FIRING;
	enum alert_change change = alert_step(&t->alert.times, &ev->policy, outcome, ev->now);

	if (ev->rule->asks)
		keep_annotations(ev, t, change);
	if (change == ALERT_SAME)
		return true;
	rule_count(ev->engine, ev->rule, before.state, t->alert.times.state);
	record(ev, t, change, was_firing);
	switch (change) {
	case ALERT_SAME:
	case ALERT_HELD:
		break;
	case ALERT_BECAME_PENDING:
		if (was_firing)
			emit(ev, t, &before, ALERT_BECAME_RESOLVED);
		break;
	case ALERT_BECAME_FIRING:
	case ALERT_BECAME_RESOLVED:
		emit(ev, t, &t->alert.times, change);
		break;
	case ALERT_BECAME_INACTIVE:
	case ALERT_CHANGE_COUNT:
		break;
	}
	return change != ALERT_BECAME_RESOLVED && change != ALERT_BECAME_INACTIVE;
}

/* What this evaluation says of a tracked alert, and its new value. */
static enum outcome
outcome_for(struct eval *ev, struct tracked *t, double *ret_value)
{
	const struct observation *o;

	*ret_value = t->alert.value;
	if (t->mark != ev->rule->mark)
		return is_own(ev, t) && ev->absent != OUTCOME_ERROR && ev->own_flag == 0
			   ? OUTCOME_OK
			   : ev->absent;
	if (t->observed == EVAL_NONE) {
		*ret_value = (double)NAN;
		return OUTCOME_BREACH;
	}
	o = &ev->judgement.observations[t->observed];
	if (o->outcome == OUTCOME_BREACH || o->outcome == OUTCOME_HOLD)
		*ret_value = o->value;
	return o->outcome;
}

static void
step_tracked(struct eval *ev)
{
	struct rule_state *rule = ev->rule;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < ev->n_known; i++) {
		struct tracked *t = rule->tracked[i];
		bool seen = t->mark == rule->mark;
		enum outcome outcome = outcome_for(ev, t, &t->alert.value);

		if (seen) {
			t->flags &= (uint8_t) ~(TRACKED_ABSENT | TRACKED_OWN);
			if (t->observed == EVAL_NONE)
				t->flags |= ev->own_flag;
			else if (rule->keeps_samples)
				eval_keep_sample(ev, t, &ev->judgement.observations[t->observed]);
		} else if (ev->sets != NULL) {
			t->flags |= TRACKED_ABSENT;
		}
		if (!step(ev, t, outcome)) {
			rule_drop(ev->engine, rule, t);
			continue;
		}
		t->index = kept;
		rule->tracked[kept++] = t;
	}
	rule->n = kept;
}

static void
learn_keys(struct eval *ev)
{
	if (ev->rekey == NULL || !ev->rule->labels_fixed)
		return;
	for (uint32_t i = 0; i < ev->judgement.n; i++)
		if (ev->rekey[i])
			rule_set_key(ev->engine, ev->rule, ev->rule->tracked[ev->found[i]],
			    ev->judgement.observations[i].sample->key);
}

static void
step_fresh(struct eval *ev)
{
	for (uint32_t i = 0; i < ev->n_fresh; i++) {
		const struct fresh *fresh = &ev->fresh[i];
		const struct observation *o = fresh->observed != EVAL_NONE
						  ? &ev->judgement.observations[fresh->observed]
						  : NULL;
		struct tracked *t =
		    rule_add(ev->engine, ev->rule, fresh->labels, o != NULL ? o->level : 0);

		t->mark = ev->rule->mark;
		t->observed = fresh->observed;
		t->alert.value = o != NULL ? o->value : (double)NAN;
		if (o == NULL) {
			t->flags |= ev->own_flag;
		} else {
			if (ev->rule->labels_fixed)
				t = rule_set_key(ev->engine, ev->rule, t, o->sample->key);
			eval_keep_sample(ev, t, o);
		}
		step(ev, t, OUTCOME_BREACH);
	}
}

/* --- limits and entry points ------------------------------------------- */

static int
check_limit(struct eval *ev, struct err *err)
{
	int64_t limit = ev->rule->config->group->limit, left = ev->n_fresh;

	if (limit <= 0)
		return 0;
	for (uint32_t i = 0; i < ev->n_known; i++) {
		struct tracked *t = ev->rule->tracked[i];
		struct alert_times times = t->alert.times;
		double value;

		alert_step(&times, &ev->policy, outcome_for(ev, t, &value), ev->now);
		left += times.state == ALERT_PENDING || times.state == ALERT_FIRING;
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

		if (wall_is_set(o->sample->at) &&
		    dur_less(max_age, wall_since(ev->now, o->sample->at)))
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
		if (!has_no_data(answers, n))
			break;
		/* Nothing is known of the others while there is no data at all.
		 */
		ev->absent = OUTCOME_INSUFFICIENT;
		raise_own(ev, TRACKED_NO_DATA);
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
	if (rule->config != NULL)
		ev->policy =
		    (struct alert_policy){ rule->config->for_, rule->config->keep_firing_for };
	rule->mark++;
}

/* What the annotations of this evaluation will ask, before anything moves. */
static void
ask_all(struct eval *ev)
{
	for (uint32_t i = 0; i < ev->n_known; i++) {
		struct tracked *t = ev->rule->tracked[i];
		struct alert_times times = t->alert.times;
		enum alert_change change;
		double value;

		change =
		    alert_step(&times, &ev->policy, outcome_for(ev, t, &value), ev->now);
		if (is_asked_for(t, &times, change))
			eval_ask(ev, t->sample_labels != NULL ? t->sample_labels : t->alert.labels,
			    t->mark == ev->rule->mark ? t->observed : EVAL_NONE, value);
	}
	for (uint32_t i = 0; i < ev->n_fresh; i++) {
		const struct fresh *fresh = &ev->fresh[i];

		eval_ask(ev, fresh->labels, fresh->observed,
		    fresh->observed != EVAL_NONE
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
eval_rule(struct engine *engine, struct rule_state *rule, const struct source *source,
    const struct vector *answers, uint32_t n, wall_t now, struct arena *arena, struct err *err)
{
	const struct rule_input in = {
		.rule = rule->config,
		.now = now,
		.answers = answers,
		.sources = &source,
		.n = n,
		.arena = arena,
	};
	struct eval ev;
	int code;

	eval_init(&ev, engine, rule, now, arena);
	ev.source = source;
	code = rule->kind->judge(&in, &ev.judgement, err);
	if (code < 0)
		return code;
	mark_stale(&ev);
	ev.absent = ev.judgement.absent;
	code = eval_match(&ev, err);
	if (code == 0) {
		apply_no_data(&ev, answers, n);
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
	learn_keys(&ev);
	if (ev.n_known > 0)
		step_tracked(&ev);
	step_fresh(&ev);
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
	raise_own(&ev, TRACKED_ERROR);
	if (ev.n_known > 0)
		step_tracked(&ev);
	step_fresh(&ev);
}

void
eval_vanished(struct engine *engine, struct rule_state *rule, wall_t now)
{
	struct eval ev;

	eval_init(&ev, engine, rule, now, engine->scratch);
	ev.policy = (struct alert_policy){ 0 };
	step_tracked(&ev);
	if (rule->config != NULL && rule->config->source != NULL)
		record_vanished(
		    rule, engine_source(engine, rule->config->source->name), engine->scratch);
	if (rule->id != 0 && engine->options.store != NULL)
		store_rule_delete(engine->options.store, rule->id);
	rule_state_free(rule);
}
