/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which alert an observation is about.
 *
 * A series whose bytes are known costs one comparison; labels are only built
 * for a series that breaches and is new, and once for one that might be a
 * known alert under other bytes.
 */
#include "config.h"

#include "base/hash.h"
#include "base/log.h"
#include "rule/eval.h"

static const char duplicate[] = "vector contains metrics with the same "
				"labelset after applying alert labels";

/* --- labels and annotations -------------------------------------------- */

static struct template_data
template_data_of(
    const struct engine *engine, const struct label_view *views, uint32_t n, double value)
{
	const char *url = engine->options.external_url;

	return (struct template_data){
		.labels = { .views = views, .n_views = n },
		.value = value,
		.external_labels = { .labels = engine->config != NULL
						   ? engine->config->external_labels
						   : NULL },
		.external_url = str_from(url != NULL ? url : ""),
		.query = asking_answer,
		.query_arg = engine->asking,
	};
}

static struct str
expand(struct engine *engine, const struct template *t, const struct template_data *data,
    struct arena *arena)
{
	buf_clear(&engine->text);
	template_expand(t, data, &engine->text);
	return arena_str(arena, buf_str(&engine->text));
}

/* The severity of a level is a label like those of the sample, whose own it hides. */
static void
add_severity(const char *severity, const struct label_view *labels, uint32_t n, struct arena *arena,
    struct label_view **ret, uint32_t *ret_n)
{
	struct label_view *all = ARENA_ARRAY(arena, (size_t)n + 1, struct label_view);
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++)
		if (severity == NULL || !str_is(labels[i].name, "severity"))
			all[kept++] = labels[i];
	if (severity != NULL)
		all[kept++] = (struct label_view){ STR("severity"), str_from(severity) };
	*ret = all;
	*ret_n = kept;
}

/* Those of its sample, or the ones the kind has made; and its level's. */
static int
observed_labels(struct eval *ev, const struct observation *o, struct label_view **ret,
    uint32_t *ret_n, struct err *err)
{
	const char *severity = rule_level_severity(ev->rule->kind, ev->rule->config, o->level);
	int code;

	if (o->made) {
		add_severity(severity, o->labels, o->n_labels, ev->arena, ret, ret_n);
		return 0;
	}
	code = sample_labels(ev->source, o->sample, ev->arena, ret, ret_n, err);
	if (code == 0 && severity != NULL)
		add_severity(severity, *ret, *ret_n, ev->arena, ret, ret_n);
	return code;
}

/* No source's key begins like that. */
#define MADE_MARK '\xff'

void
eval_make_keys(struct eval *ev)
{
	struct buf key = { 0 };

	for (uint32_t i = 0; i < ev->judgement.n; i++) {
		const struct observation *o = &ev->judgement.observations[i];

		if (!o->made)
			continue;
		if (ev->keys == NULL)
			ev->keys = ARENA_ARRAY(ev->arena, ev->judgement.n, struct str);
		buf_clear(&key);
		buf_putc(&key, MADE_MARK);
		for (uint32_t l = 0; l < o->n_labels; l++) {
			buf_put_u32le(&key, o->labels[l].name.n);
			buf_put_str(&key, o->labels[l].name);
			buf_put_u32le(&key, o->labels[l].value.n);
			buf_put_str(&key, o->labels[l].value);
		}
		ev->keys[i] = arena_str(ev->arena, buf_str(&key));
	}
	buf_fini(&key);
}

struct str
eval_key(const struct eval *ev, uint32_t observed)
{
	const struct observation *o = &ev->judgement.observations[observed];

	return o->made ? ev->keys[observed] : o->sample->key;
}

wall_t
eval_data_at(const struct eval *ev, const struct observation *o)
{
	if (wall_is_set(o->data_at))
		return o->data_at;
	return o->sample != NULL && wall_is_set(o->sample->at) ? o->sample->at : ev->now;
}

/*
 * "labels = sample labels minus __name__, then each rule label := expand(value)
 *  (empty expansion removes the label), then alertname := rule name (always
 *  wins)"
 */
static int
build_labels(
    struct eval *ev, const struct observation *o, struct labels_builder *b, struct err *err)
{
	const struct rule_config *config = ev->rule->config;
	const char *severity = rule_level_severity(ev->rule->kind, config, o->level);
	const char *reset_on = ev->rule->past != NULL ? ev->rule->past->need.reset_on : NULL;
	struct template_data data;
	struct label_view *views;
	uint32_t n;
	int code;

	code = observed_labels(ev, o, &views, &n, err);
	if (code < 0)
		return code;
	labels_builder_init(b, ev->arena);
	for (uint32_t i = 0; i < n; i++)
		if (!str_eq(views[i].name, STR("__name__")) &&
		    (reset_on == NULL || !str_is(views[i].name, reset_on)))
			labels_builder_set(b, views[i].name, views[i].value);
	data = template_data_of(ev->engine, views, n, o->value);
	if (ev->rule->explains)
		data.explain = explain_for_text(o->explain, ev->arena);
	asking_next_alert(ev->engine->asking);
	for (uint32_t i = 0; i < config->labels.n; i++)
		labels_builder_set(b, str_from(config->labels.pairs[i].key),
		    expand(ev->engine, config->labels.pairs[i].template, &data, ev->arena));
	if (severity != NULL)
		labels_builder_set(b, STR("severity"), str_from(severity));
	labels_builder_set(b, STR("alertname"), str_from(config->name));
	return 0;
}

struct labels *
eval_annotations(struct engine *engine, const struct rule_state *rule, const struct tracked *t,
    const struct label_view *views, uint32_t n, struct arena *arena)
{
	const struct template_map *annotations = &rule->config->annotations;
	struct template_data data = template_data_of(engine, views, n, t->alert.value);
	struct labels_builder b;
	struct err err;
	struct labels *ret;

	if (views == NULL)
		data.labels.labels = t->sample_labels != NULL ? t->sample_labels : t->alert.labels;
	if (rule->explains && t->more != NULL && t->more->explained != NULL)
		data.explain = explain_for_text(&t->more->explained->explain, arena);
	asking_next_alert(engine->asking);
	labels_builder_init(&b, arena);
	if (t->flags & TRACKED_NO_DATA)
		labels_builder_set(&b, STR("no_data"), STR("the query returned no series"));
	if ((t->flags & TRACKED_ERROR) && rule->last_error != NULL)
		labels_builder_set(&b, STR("error"), str_from(rule->last_error));
	for (uint32_t i = 0; i < annotations->n; i++)
		labels_builder_set(&b, str_from(annotations->pairs[i].key),
		    expand(engine, annotations->pairs[i].template, &data, arena));
	ret = labels_intern(&b, &err);
	if (ret != NULL)
		return ret;
	/* Not UTF-8, or too long: the alert matters more than its prose. */
	log_warn(
	    "rule", "annotations dropped", LOG_Z("rule", rule->name), LOG_Z("error", err.text));
	labels_builder_init(&b, arena);
	return labels_intern(&b, NULL);
}

void
eval_views(struct eval *ev, uint32_t observed, struct label_view **ret, uint32_t *ret_n)
{
	*ret = NULL;
	*ret_n = 0;
	if (observed != EVAL_OWN && ev->rule->keeps_samples)
		observed_labels(ev, &ev->judgement.observations[observed], ret, ret_n, NULL);
}

void
eval_ask(struct eval *ev, const struct labels *labels, uint32_t observed, double value)
{
	const struct template_map *annotations = &ev->rule->config->annotations;
	struct template_data data;
	struct label_view *views;
	uint32_t n;

	eval_views(ev, observed, &views, &n);
	data = template_data_of(ev->engine, views, n, value);
	if (views == NULL)
		data.labels.labels = labels;
	if (ev->rule->explains && observed != EVAL_OWN)
		data.explain =
		    explain_for_text(ev->judgement.observations[observed].explain, ev->arena);
	asking_next_alert(ev->engine->asking);
	for (uint32_t i = 0; i < annotations->n; i++)
		if (template_asks(annotations->pairs[i].template))
			expand(ev->engine, annotations->pairs[i].template, &data, ev->arena);
}

void
eval_keep_sample(struct eval *ev, struct tracked *t, const struct observation *o)
{
	struct label_view *views;
	struct labels_builder b;
	uint32_t n;

	if (!ev->rule->keeps_samples || t->sample_labels != NULL ||
	    observed_labels(ev, o, &views, &n, NULL) < 0)
		return;
	labels_builder_init(&b, ev->arena);
	for (uint32_t i = 0; i < n; i++)
		labels_builder_set(&b, views[i].name, views[i].value);
	t->sample_labels = labels_intern(&b, NULL);
}

/* --- matching ---------------------------------------------------------- */

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

/* Does an alert begin with it? */
static bool
begins(const struct eval *ev, const struct observation *o)
{
	return o->outcome == OUTCOME_BREACH || (o->n_points > 0 && eval_begins_by_points(ev, o));
}

/* By its bytes; counts outcomes along the way. */
static int
match_known(struct eval *ev, uint32_t *ret_unknown, uint32_t *ret_quiet, struct err *err)
{
	uint32_t guess = 0, unknown = 0, quiet = 0;

	for (uint32_t i = 0; i < ev->judgement.n; i++) {
		const struct observation *o = &ev->judgement.observations[i];
		struct tracked *t = rule_find(ev->rule, eval_key(ev, i), o->level, guess);

		ev->found[i] = EVAL_NONE;
		if (t == NULL) {
			bool fresh = begins(ev, o);

			unknown += fresh;
			quiet += !fresh;
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
add_fresh(struct eval *ev, struct labels_builder *b, uint32_t observed, struct err *err)
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
	return begins(ev, o) ? add_fresh(ev, &b, i, err) : 0;
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

		lost +=
		    t->mark != rule->mark && !(t->flags & TRACKED_OWN) && (t->flags & gone) != gone;
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
		struct str key = eval_key(ev, i);
		uint32_t at = ((uint32_t)hash_bytes(key.p, key.n) + o->level) & (cap - 1);

		for (; slots[at] != NULL; at = (at + 1) & (cap - 1))
			if (slots[at]->level == o->level &&
			    str_eq(eval_key(ev, (uint32_t)(slots[at] - ev->judgement.observations)),
				key))
				return err_set(err, ERR_INVALID, "%s", duplicate);
		slots[at] = o;
	}
	return 0;
}

int
eval_match(struct eval *ev, struct err *err)
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
		if (ev->found[i] != EVAL_NONE ||
		    (lost == 0 && !begins(ev, &ev->judgement.observations[i])))
			continue;
		code = match_by_labels(ev, i, err);
		if (code < 0)
			return code;
	}
	return ev->n_fresh > 0 && quiet > 0 ? check_keys_differ(ev, err) : 0;
}
