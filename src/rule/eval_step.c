/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an evaluation does to alerts: steps, and what becomes of transitions:
 * events, store rows, history.
 */
#include "config.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "rule/eval.h"

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
void
eval_raise_own(struct eval *ev, uint8_t flag)
{
	struct labels *labels = rule_own_labels(ev->engine, ev->rule);

	if (labels == NULL)
		return;
	ev->own_flag = flag;
	for (size_t i = 0; i < ev->rule->n; i++) {
		struct tracked *t = ev->rule->tracked[i];

		if (t->alert.labels == labels) {
			t->mark = ev->rule->mark;
			t->observed = EVAL_OWN;
			return;
		}
	}
	ev->fresh = ARENA_NEW(ev->arena, struct fresh);
	ev->fresh[ev->n_fresh++] = (struct fresh){ labels_ref(labels), EVAL_OWN };
}

/* --- transitions ------------------------------------------------------- */

static void
put_history(struct eval *ev, const struct tracked *t, struct str kind, struct str encoded)
{
	struct buf detail = { 0 };
	struct history_row row = {
		.at = ev->now,
		.kind = kind,
		.labels = encoded,
		.fingerprint = labels_fingerprint(t->alert.labels),
		.value = t->alert.value,
		.subject = str_from(ev->rule->name),
	};

	if (t->more != NULL && t->more->explained != NULL && ev->rule->config != NULL)
		explained_put_json(
		    t->more->explained, str_from(ev->rule->config->query_text), &detail);
	row.detail = buf_str(&detail);
	store_history_add(ev->engine->options.store, &row);
	buf_fini(&detail);
}

void
eval_store_rule(struct engine *engine, struct rule_state *rule)
{
	struct store *store = engine->options.store;

	if (rule->id != 0)
		return;
	rule->id = store_next_id(store);
	store_rule_put(store, rule->id, str_from(rule->identity), str_from(rule->name));
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

	eval_store_rule(ev->engine, rule);
	row.rule_id = rule->id;
	if (t->more != NULL) {
		row.points = t->more->tally.breaches;
		row.points_n = t->more->tally.n;
		row.points_at = t->more->tally.last;
	}
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

	eval_views(ev, t->mark == ev->rule->mark ? t->observed : EVAL_OWN, &views, &n);
	return eval_annotations(ev->engine, ev->rule, t, views, n, ev->arena);
}

/* Of a rule that asks: when are its annotations expanded? */
bool
eval_is_asked_for(
    const struct tracked *t, const struct alert_times *times, enum alert_change change)
{
	return change == ALERT_BECAME_FIRING ||
	       (t->annotations == NULL &&
		   (times->state == ALERT_PENDING || times->state == ALERT_FIRING));
}

static void
keep_annotations(struct eval *ev, struct tracked *t, enum alert_change change)
{
	if (!eval_is_asked_for(t, &t->alert.times, change) ||
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

static struct tracked_more *
more_of(struct tracked *t)
{
	if (t->more == NULL)
		t->more = xcalloc(1, sizeof(*t->more));
	return t->more;
}

/* Do the points count that the kind has found?  What is stale says nothing, nor do its neighbours.
 */
static bool
has_points(const struct observation *o)
{
	return o != NULL && o->n_points > 0 && o->outcome != OUTCOME_STALE;
}

static const struct observation *
observed(const struct eval *ev, const struct tracked *t)
{
	if (t->mark != ev->rule->mark || t->observed == EVAL_OWN)
		return NULL;
	return &ev->judgement.observations[t->observed];
}

/* Is there a breach that counts now, or will with the next point? */
static bool
has_begun(const struct eval *ev, const struct tally *tally)
{
	const uint32_t n = ev->rule->config->for_points.n, of = ev->rule->config->for_points.of;

	return tally_breaches(tally, of) >= n || tally_breaches(tally, of - 1) > 0;
}

bool
eval_begins_by_points(const struct eval *ev, const struct observation *o)
{
	struct tally tally = { 0 };

	if (!ev->counts || !has_points(o))
		return false;
	tally_follow(&tally, o->points, o->n_points, ev->rule->config->for_points.of);
	return has_begun(ev, &tally);
}

/* What of one evaluation counts: with for_points the last data points do, else this outcome. */
static enum outcome
count_points(const struct eval *ev, const struct tracked *t, enum outcome outcome, wall_t at,
    struct tally *tally, struct alert_policy *ret_policy)
{
	const uint32_t n = ev->rule->config->for_points.n, of = ev->rule->config->for_points.of;
	const struct observation *o = observed(ev, t);
	const bool firing = t->alert.times.state == ALERT_FIRING, many = has_points(o);
	const bool news = many && tally_follow(tally, o->points, o->n_points, of);
	uint32_t breaches;

	if (outcome != OUTCOME_OK && outcome != OUTCOME_BREACH && outcome != OUTCOME_HOLD && !news)
		return outcome;
	if (!many && wall_is_set(at))
		tally_take(
		    tally, outcome == OUTCOME_BREACH || (outcome == OUTCOME_HOLD && firing), at);
	else if (!many)
		tally_pass(tally); /* its series is gone, which has no time */
	breaches = tally_breaches(tally, of);
	ret_policy->collecting = breaches < n;
	if (breaches >= n)
		return OUTCOME_BREACH;
	return firing || breaches == 0 ? OUTCOME_OK : OUTCOME_BREACH;
}

/* Ended, but some of the points that will count with the next one breach: it waits for that. */
static enum alert_change
go_on_counting(const struct eval *ev, struct tried *tried, enum alert_change change)
{
	if (change != ALERT_BECAME_RESOLVED || !has_begun(ev, &tried->tally))
		return change;
	tried->times = (struct alert_times){ .state = ALERT_PENDING, .active_at = ev->now };
	return ALERT_BECAME_PENDING;
}

enum alert_change
eval_try(const struct eval *ev, const struct tracked *t, enum outcome outcome, wall_t at,
    struct tried *ret)
{
	struct alert_policy policy = ev->policy;

	ret->times = t->alert.times;
	ret->tally = t->more != NULL ? t->more->tally : (struct tally){ 0 };
	if (!ev->counts || (t->flags & TRACKED_OWN) || t->observed == EVAL_OWN)
		return alert_step(&ret->times, &policy, outcome, ev->now);
	outcome = count_points(ev, t, outcome, at, &ret->tally, &policy);
	return go_on_counting(ev, ret, alert_step(&ret->times, &policy, outcome, ev->now));
}

/* One step; false: the alert is over and to be dropped. */
static bool
step(struct eval *ev, struct tracked *t, enum outcome outcome, wall_t at)
{
	struct alert_times before = t->alert.times;
	bool was_firing = before.state == ALERT_FIRING, counted = false;
	struct tried tried;
	enum alert_change change = eval_try(ev, t, outcome, at, &tried);

	t->alert.times = tried.times;
	if (ev->counts) {
		struct tally *tally = &more_of(t)->tally;

		counted = tally->last.ns != tried.tally.last.ns ||
			  tally->breaches != tried.tally.breaches;
		*tally = tried.tally;
	}
	if (ev->rule->asks)
		keep_annotations(ev, t, change);
	if (change == ALERT_SAME && counted)
		change = ALERT_HELD;
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

/* The value of the last point that breaches. */
static double
last_breach(const struct observation *o, double otherwise)
{
	for (uint32_t i = o->n_points; i-- > 0;)
		if (o->points[i].breach)
			return o->points[i].value;
	return otherwise;
}

/* What this evaluation says of a tracked alert, its new value, and the datum's time. */
enum outcome
eval_outcome(struct eval *ev, const struct tracked *t, double *ret_value, wall_t *ret_at)
{
	const struct observation *o;

	*ret_value = t->alert.value;
	*ret_at = WALL_NONE;
	if (t->mark != ev->rule->mark)
		return is_own(ev, t) && ev->absent != OUTCOME_ERROR && ev->own_flag == 0
			   ? OUTCOME_OK
			   : ev->absent;
	if (t->observed == EVAL_OWN) {
		*ret_value = (double)NAN;
		return OUTCOME_BREACH;
	}
	o = &ev->judgement.observations[t->observed];
	*ret_at = eval_data_at(ev, o);
	if (o->outcome == OUTCOME_BREACH || o->outcome == OUTCOME_HOLD)
		*ret_value = o->value;
	else if (ev->counts && has_points(o))
		*ret_value = last_breach(o, *ret_value);
	return o->outcome;
}

/* Why it is as it is, as long as it is. */
static void
keep_explained(struct eval *ev, struct tracked *t)
{
	const struct observation *o;

	if (t->mark != ev->rule->mark || t->observed == EVAL_OWN)
		return;
	o = &ev->judgement.observations[t->observed];
	if (o->explain != NULL)
		explained_keep(&more_of(t)->explained, o->explain, ev->now);
}

void
eval_step_tracked(struct eval *ev)
{
	struct rule_state *rule = ev->rule;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < ev->n_known; i++) {
		struct tracked *t = rule->tracked[i];
		bool seen = t->mark == rule->mark;
		wall_t at;
		enum outcome outcome = eval_outcome(ev, t, &t->alert.value, &at);

		if (seen) {
			t->flags &= (uint8_t) ~(TRACKED_ABSENT | TRACKED_OWN);
			if (t->observed == EVAL_OWN)
				t->flags |= ev->own_flag;
			else if (rule->keeps_samples)
				eval_keep_sample(ev, t, &ev->judgement.observations[t->observed]);
		} else if (ev->sets != NULL) {
			t->flags |= TRACKED_ABSENT;
		}
		keep_explained(ev, t);
		if (!step(ev, t, outcome, at)) {
			rule_drop(ev->engine, rule, t);
			continue;
		}
		t->index = kept;
		rule->tracked[kept++] = t;
	}
	rule->n = kept;
}

void
eval_learn_keys(struct eval *ev)
{
	if (ev->rekey == NULL || !ev->rule->labels_fixed)
		return;
	for (uint32_t i = 0; i < ev->judgement.n; i++)
		if (ev->rekey[i])
			rule_set_key(
			    ev->engine, ev->rule, ev->rule->tracked[ev->found[i]], eval_key(ev, i));
}

void
eval_step_fresh(struct eval *ev)
{
	for (uint32_t i = 0; i < ev->n_fresh; i++) {
		const struct fresh *fresh = &ev->fresh[i];
		const struct observation *o = fresh->observed != EVAL_OWN
						  ? &ev->judgement.observations[fresh->observed]
						  : NULL;
		struct tracked *t =
		    rule_add(ev->engine, ev->rule, fresh->labels, o != NULL ? o->level : 0);

		t->mark = ev->rule->mark;
		t->observed = fresh->observed;
		t->alert.value = o == NULL                      ? (double)NAN
				 : o->outcome == OUTCOME_BREACH ? o->value
								: last_breach(o, o->value);
		if (o == NULL) {
			t->flags |= ev->own_flag;
		} else {
			if (ev->rule->labels_fixed)
				t = rule_set_key(
				    ev->engine, ev->rule, t, eval_key(ev, fresh->observed));
			eval_keep_sample(ev, t, o);
		}
		keep_explained(ev, t);
		step(ev, t, o != NULL ? o->outcome : OUTCOME_BREACH,
		    o != NULL ? eval_data_at(ev, o) : WALL_NONE);
	}
}
