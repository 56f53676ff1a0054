/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One evaluation of one rule: observations find their alerts, alerts take a
 * step, transitions become events, store rows and history.
 *
 * First everything is matched and checked, then everything moves: an error
 * leaves the rule as it was.  A series whose bytes are known costs one
 * comparison; labels are only built for a series that breaches and is new,
 * and once for one that might be a known alert under other bytes.
 */
#include "config.h"

#include "base/hash.h"
#include "base/log.h"
#include "rule/internal.h"

#define NONE UINT32_MAX /* no alert */

static const char duplicate[] = "vector contains metrics with the same "
				"labelset after applying alert labels";

/* An alert that does not exist yet. */
struct fresh {
	struct labels *labels; /* +1 reference, given to the alert */
	uint32_t observed;     /* NONE: the rule's own alert */
};

/* Label set to alert, by pointer; made only when a series is not known by its
 * bytes. */
struct set_slot {
	const struct labels *labels; /* NULL: free */
	uint32_t
	    at; /* index of a tracked alert, or of a fresh one behind those */
};

struct eval {
	struct engine *engine;
	struct rule_state *rule;
	const struct source *source;
	struct arena *arena;
	wall_t now;
	struct alert_policy policy;
	struct judgement judgement;
	uint32_t *found; /* tracked alert of each observation, or NONE */
	bool *rekey;     /* it was found by labels: its bytes are new */
	struct fresh *fresh;
	uint32_t n_fresh;
	uint32_t n_known; /* tracked alerts when matching began */
	uint32_t n_matched;
	struct set_slot *sets;
	uint32_t sets_mask;
	enum outcome absent;
	uint8_t
	    own_flag; /* why the rule's own alert breaches; 0: it does not */
};

/* --- labels and annotations -------------------------------------------------
 */

static struct template_data
template_data_of(const struct engine *engine, const struct label_view *views,
    uint32_t n, double value)
{
	const char *url = engine->options.external_url;

	return (struct template_data){
		.labels = { .views = views, .n_views = n },
		.value = value,
		.external_labels = { .labels =
					 engine->config != NULL
					     ? engine->config->external_labels
					     : NULL },
		.external_url = str_from(url != NULL ? url : ""),
	};
}

static struct str
expand(struct engine *engine, const struct template *t,
    const struct template_data *data, struct arena *arena)
{
	buf_clear(&engine->text);
	template_expand(t, data, &engine->text);
	return arena_str(arena, buf_str(&engine->text));
}

/*
 * "labels = sample labels minus __name__, then each rule label := expand(value)
 *  (empty expansion removes the label), then alertname := rule name (always
 *  wins)"
 */
static int
build_labels(struct eval *ev, const struct observation *o,
    struct labels_builder *b, struct err *err)
{
	const struct rule_config *config = ev->rule->config;
	const char *severity = ev->rule->kind->level_severity(config, o->level);
	struct template_data data;
	struct label_view *views;
	uint32_t n;
	int code;

	code = sample_labels(ev->source, o->sample, ev->arena, &views, &n, err);
	if (code < 0)
		return code;
	labels_builder_init(b, ev->arena);
	for (uint32_t i = 0; i < n; i++)
		if (!str_eq(views[i].name, STR("__name__")))
			labels_builder_set(b, views[i].name, views[i].value);
	data = template_data_of(ev->engine, views, n, o->value);
	for (uint32_t i = 0; i < config->labels.n; i++)
		labels_builder_set(b, str_from(config->labels.pairs[i].key),
		    expand(ev->engine, config->labels.pairs[i].template, &data,
			ev->arena));
	if (severity != NULL)
		labels_builder_set(b, STR("severity"), str_from(severity));
	labels_builder_set(b, STR("alertname"), str_from(config->name));
	return 0;
}

struct labels *
eval_annotations(struct engine *engine, const struct rule_state *rule,
    const struct tracked *t, const struct label_view *views, uint32_t n,
    struct arena *arena)
{
	const struct template_map *annotations = &rule->config->annotations;
	struct template_data data =
	    template_data_of(engine, views, n, t->alert.value);
	struct labels_builder b;
	struct err err;
	struct labels *ret;

	if (views == NULL)
		data.labels.labels = t->sample_labels != NULL ? t->sample_labels
							      : t->alert.labels;
	labels_builder_init(&b, arena);
	if (t->flags & TRACKED_NO_DATA)
		labels_builder_set(
		    &b, STR("no_data"), STR("the query returned no series"));
	if ((t->flags & TRACKED_ERROR) && rule->last_error != NULL)
		labels_builder_set(
		    &b, STR("error"), str_from(rule->last_error));
	for (uint32_t i = 0; i < annotations->n; i++)
		labels_builder_set(&b, str_from(annotations->pairs[i].key),
		    expand(
			engine, annotations->pairs[i].template, &data, arena));
	ret = labels_intern(&b, &err);
	if (ret != NULL)
		return ret;
	/* Not UTF-8, or too long: the alert matters more than its prose. */
	log_warn("rule", "annotations dropped", LOG_Z("rule", rule->name),
	    LOG_Z("error", err.text));
	labels_builder_init(&b, arena);
	return labels_intern(&b, NULL);
}

/* Labels of the sample whole, for annotations that will be looked at later. */
static void
keep_sample(struct eval *ev, struct tracked *t, const struct observation *o)
{
	struct label_view *views;
	struct labels_builder b;
	uint32_t n;

	if (!ev->rule->keeps_samples || t->sample_labels != NULL ||
	    sample_labels(ev->source, o->sample, ev->arena, &views, &n, NULL) <
		0)
		return;
	labels_builder_init(&b, ev->arena);
	for (uint32_t i = 0; i < n; i++)
		labels_builder_set(&b, views[i].name, views[i].value);
	t->sample_labels = labels_intern(&b, NULL);
}

/* --- matching
 * ----------------------------------------------------------------- */

static struct set_slot *
set_find(const struct eval *ev, const struct labels *labels)
{
	uint32_t i = (uint32_t)labels->hash & ev->sets_mask;

	while (ev->sets[i].labels != NULL && ev->sets[i].labels != labels)
		i = (i + 1) & ev->sets_mask;
	return &ev->sets[i];
}

static void
sets_make(struct eval *ev)
{
	const struct rule_state *rule = ev->rule;
	size_t need = 2 * (rule->n + ev->judgement.n + 1), cap = 16;

	if (ev->sets != NULL)
		return;
	while (cap < need)
		cap *= 2;
	ev->sets = ARENA_ARRAY(ev->arena, cap, struct set_slot);
	ev->sets_mask = (uint32_t)(cap - 1);
	for (uint32_t i = 0; i < rule->n; i++)
		*set_find(ev, rule->tracked[i]->alert.labels) =
		    (struct set_slot){ rule->tracked[i]->alert.labels, i };
}

static int
take(struct eval *ev, uint32_t i, struct tracked *t, struct err *err)
{
	if (t->mark == ev->rule->mark)
		return err_set(err, ERR_INVALID, "%s", duplicate);
	t->mark = ev->rule->mark;
	t->observed = i;
	ev->found[i] = t->index;
	ev->n_matched++;
	return 0;
}

/* By its bytes; counts outcomes along the way. */
static int
match_known(struct eval *ev, uint32_t *ret_unknown, uint32_t *ret_quiet,
    struct err *err)
{
	uint32_t guess = 0, unknown = 0, quiet = 0;

	for (uint32_t i = 0; i < ev->judgement.n; i++) {
		const struct observation *o = &ev->judgement.observations[i];
		struct tracked *t =
		    rule_find(ev->rule, o->sample->key, o->level, guess);

		ev->found[i] = NONE;
		if (t == NULL) {
			unknown += o->outcome == OUTCOME_BREACH;
			quiet += o->outcome != OUTCOME_BREACH;
			continue;
		}
		if (take(ev, i, t, err) < 0)
			return -(int)ERR_INVALID;
		guess = t->index + 1;
	}
	*ret_unknown = unknown;
	*ret_quiet = quiet;
	return 0;
}

static int
add_fresh(struct eval *ev, struct labels_builder *b, uint32_t observed,
    struct err *err)
{
	struct labels *labels = labels_intern(b, err);
	struct set_slot *slot;

	if (labels == NULL)
		return err != NULL ? -(int)err->code : -(int)ERR_INVALID;
	slot = set_find(ev, labels);
	ev->fresh[ev->n_fresh] = (struct fresh){ labels, observed };
	*slot = (struct set_slot){ labels, ev->n_known + ev->n_fresh++ };
	return 0;
}

static int
match_by_labels(struct eval *ev, uint32_t i, struct err *err)
{
	const struct observation *o = &ev->judgement.observations[i];
	struct labels_builder b;
	struct labels *labels;
	int code = build_labels(ev, o, &b, err);

	if (code < 0)
		return code;
	labels = labels_lookup(&b);
	if (labels != NULL) {
		const struct set_slot *slot = set_find(ev, labels);

		if (slot->labels != NULL && slot->at >= ev->n_known)
			return err_set(err, ERR_INVALID, "%s", duplicate);
		if (slot->labels != NULL) {
			ev->rekey[i] = true;
			return take(ev, i, ev->rule->tracked[slot->at], err);
		}
	}
	return o->outcome == OUTCOME_BREACH ? add_fresh(ev, &b, i, err) : 0;
}

/*
 * Alerts that may hide behind bytes that are not known: after a restart, or
 * when the same series is written otherwise.  One that was looked for in vain
 * is not looked for again, as long as its own bytes would bring it back.
 */
static uint32_t
count_lost(const struct rule_state *rule)
{
	const uint8_t gone = TRACKED_ABSENT | TRACKED_KEYED;
	uint32_t lost = 0;

	for (size_t i = 0; i < rule->n; i++) {
		const struct tracked *t = rule->tracked[i];

		lost += t->mark != rule->mark && !(t->flags & TRACKED_OWN) &&
			(t->flags & gone) != gone;
	}
	return lost;
}

/* New alerts beside series that are quiet: the same series twice would hide
 * behind that. */
static int
check_keys_differ(struct eval *ev, struct err *err)
{
	uint32_t cap = 16;
	const struct observation **slots;

	while (cap < 2 * ev->judgement.n)
		cap *= 2;
	slots = ARENA_ARRAY(ev->arena, cap, const struct observation *);
	for (uint32_t i = 0; i < ev->judgement.n; i++) {
		const struct observation *o = &ev->judgement.observations[i];
		uint32_t at =
		    ((uint32_t)hash_bytes(o->sample->key.p, o->sample->key.n) +
			o->level) &
		    (cap - 1);

		for (; slots[at] != NULL; at = (at + 1) & (cap - 1))
			if (slots[at]->level == o->level &&
			    str_eq(slots[at]->sample->key, o->sample->key))
				return err_set(
				    err, ERR_INVALID, "%s", duplicate);
		slots[at] = o;
	}
	return 0;
}

static int
match(struct eval *ev, struct err *err)
{
	struct rule_state *rule = ev->rule;
	uint32_t unknown, quiet, lost;
	int code;

	ev->n_known = (uint32_t)rule->n;
	ev->found = ARENA_ARRAY(ev->arena, ev->judgement.n, uint32_t);
	code = match_known(ev, &unknown, &quiet, err);
	if (code < 0)
		return code;
	lost = ev->n_matched < rule->n ? count_lost(rule) : 0;
	if (unknown == 0 && (quiet == 0 || lost == 0))
		return 0;
	ev->rekey = ARENA_ARRAY(ev->arena, ev->judgement.n, bool);
	ev->fresh = ARENA_ARRAY(ev->arena, (size_t)unknown + 1, struct fresh);
	sets_make(ev);
	for (uint32_t i = 0; i < ev->judgement.n; i++) {
		if (ev->found[i] != NONE ||
		    (ev->judgement.observations[i].outcome != OUTCOME_BREACH &&
			lost == 0))
			continue;
		code = match_by_labels(ev, i, err);
		if (code < 0)
			return code;
	}
	return ev->n_fresh > 0 && quiet > 0 ? check_keys_differ(ev, err) : 0;
}

/* --- the rule's own alert: on_no_data, on_error
 * --------------------------------- */

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
	       (config->on_no_data == ON_NO_DATA_ALERT ||
		   config->on_error == ON_ERROR_ALERT) &&
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
			t->observed = NONE;
			return;
		}
	}
	ev->fresh = ARENA_NEW(ev->arena, struct fresh);
	ev->fresh[ev->n_fresh++] = (struct fresh){ labels_ref(labels), NONE };
}

/* --- transitions
 * ------------------------------------------------------------------ */

static void
put_history(struct eval *ev, const struct tracked *t, struct str kind,
    struct str encoded)
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
		store_rule_put(store, rule->id, str_from(rule->identity),
		    str_from(rule->name));
	}
	row.rule_id = rule->id;
	store_rule_alert_put(store, &row);
}

/* What is to be kept of a change: the row, and a line of history. */
static void
record(struct eval *ev, const struct tracked *t, enum alert_change change,
    bool was_firing)
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
		.ends_at =
		    change == ALERT_BECAME_RESOLVED ? ev->now : WALL_NONE,
		.now = ev->now,
	};
	struct label_view *views = NULL;
	uint32_t n = 0;

	if (ev->engine->options.sink.event == NULL)
		return;
	if (change == ALERT_BECAME_FIRING) {
		if (t->mark == ev->rule->mark && t->observed != NONE &&
		    ev->rule->keeps_samples)
			sample_labels(ev->source,
			    ev->judgement.observations[t->observed].sample,
			    ev->arena, &views, &n, NULL);
		event.annotations = eval_annotations(
		    ev->engine, ev->rule, t, views, n, ev->arena);
	}
	ev->engine->options.sink.event(ev->engine->options.sink.arg, &event);
	labels_unref(event.annotations);
}

/* One step; false: the alert is over and to be dropped. */
static bool
step(struct eval *ev, struct tracked *t, enum outcome outcome)
{
	struct alert_times before = t->alert.times;
	bool was_firing = before.state == ALERT_FIRING;
	enum alert_change change =
	    alert_step(&t->alert.times, &ev->policy, outcome, ev->now);

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
	return change != ALERT_BECAME_RESOLVED &&
	       change != ALERT_BECAME_INACTIVE;
}

/* What this evaluation says of a tracked alert, and its new value. */
static enum outcome
outcome_for(struct eval *ev, struct tracked *t, double *ret_value)
{
	const struct observation *o;

	*ret_value = t->alert.value;
	if (t->mark != ev->rule->mark)
		return is_own(ev, t) && ev->absent != OUTCOME_ERROR &&
			       ev->own_flag == 0
			   ? OUTCOME_OK
			   : ev->absent;
	if (t->observed == NONE) {
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
			if (t->observed == NONE)
				t->flags |= ev->own_flag;
			else if (rule->keeps_samples)
				keep_sample(ev, t,
				    &ev->judgement.observations[t->observed]);
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
			rule_set_key(ev->engine, ev->rule,
			    ev->rule->tracked[ev->found[i]],
			    ev->judgement.observations[i].sample->key);
}

static void
step_fresh(struct eval *ev)
{
	for (uint32_t i = 0; i < ev->n_fresh; i++) {
		const struct fresh *fresh = &ev->fresh[i];
		const struct observation *o =
		    fresh->observed != NONE
			? &ev->judgement.observations[fresh->observed]
			: NULL;
		struct tracked *t = rule_add(ev->engine, ev->rule,
		    fresh->labels, o != NULL ? o->level : 0);

		t->mark = ev->rule->mark;
		t->observed = fresh->observed;
		t->alert.value = o != NULL ? o->value : (double)NAN;
		if (o == NULL) {
			t->flags |= ev->own_flag;
		} else {
			if (ev->rule->labels_fixed)
				t = rule_set_key(
				    ev->engine, ev->rule, t, o->sample->key);
			keep_sample(ev, t, o);
		}
		step(ev, t, OUTCOME_BREACH);
	}
}

/* --- limits and entry points
 * ---------------------------------------------------------- */

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

		alert_step(
		    &times, &ev->policy, outcome_for(ev, t, &value), ev->now);
		left +=
		    times.state == ALERT_PENDING || times.state == ALERT_FIRING;
	}
	if (left > limit)
		return err_set(err, ERR_LIMIT,
		    "exceeded limit of %lld with %lld alerts", (long long)limit,
		    (long long)left);
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
eval_init(struct eval *ev, struct engine *engine, struct rule_state *rule,
    wall_t now, struct arena *arena)
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
		ev->policy = (struct alert_policy){ rule->config->for_,
			rule->config->keep_firing_for };
	rule->mark++;
}

int
eval_rule(struct engine *engine, struct rule_state *rule,
    const struct source *source, const struct vector *answers, uint32_t n,
    wall_t now, struct arena *arena, struct err *err)
{
	struct eval ev;
	int code;

	eval_init(&ev, engine, rule, now, arena);
	ev.source = source;
	code = rule->kind->judge(
	    rule->config, answers, n, now, arena, &ev.judgement, err);
	if (code < 0)
		return code;
	mark_stale(&ev);
	ev.absent = ev.judgement.absent;
	code = match(&ev, err);
	if (code == 0) {
		apply_no_data(&ev, answers, n);
		code = check_limit(&ev, err);
	}
	if (code < 0) {
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
eval_failed(struct engine *engine, struct rule_state *rule, wall_t now,
    struct arena *arena)
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
	if (rule->id != 0 && engine->options.store != NULL)
		store_rule_delete(engine->options.store, rule->id);
	rule_state_free(rule);
}
