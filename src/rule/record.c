/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rule writes at one evaluation, and what ends with it.
 *
 * The new series are gathered in a set of their own first: an error leaves
 * the old set, so that no series ends because an evaluation failed.
 */
#include "config.h"

#include "rule/record.h"

#include "rule/kinds.h"

struct gathering {
	struct rule_state *rule;
	struct arena *arena;
	struct map series; /* of struct labels, +1 reference each */
	wall_t at;
	struct recording *recording;
};

static bool
is_same(const void *value, const void *key)
{
	return value == key;
}

static void
release(struct map *series)
{
	struct labels *labels;

	for (size_t it = 0; (labels = map_next(series, &it)) != NULL;)
		labels_unref(labels);
	map_fini(series);
}

static void
begin(struct gathering *g, struct rule_state *rule, size_t n, wall_t now, struct arena *arena,
    struct recording *ret)
{
	*g = (struct gathering){
		.rule = rule,
		.arena = arena,
		.at = rule_query_at(rule->config, now),
		.recording = ret,
	};
	*ret = (struct recording){
		.samples = ARENA_ARRAY(arena, n + rule->written.n + 1, struct write_sample),
	};
}

static int
add(struct gathering *g, struct labels_builder *b, double value, struct err *err)
{
	struct labels *labels = labels_intern(b, err);

	if (labels == NULL)
		return -(int)ERR_INVALID;
	if (map_find(&g->series, labels->hash, is_same, labels) != NULL) {
		labels_unref(labels);
		return err_set(err, ERR_INVALID,
		    "vector contains metrics with the same labelset after applying rule labels");
	}
	map_insert(&g->series, labels->hash, labels);
	g->recording->samples[g->recording->n++] = (struct write_sample){
		.labels = labels,
		.value = value,
		.at = g->at,
	};
	return 0;
}

/* "every series emitted in the previous one but not now gets a StaleNaN at slot-offset" */
static void
end(struct gathering *g)
{
	struct rule_state *rule = g->rule;
	struct labels *labels;

	for (size_t it = 0; (labels = map_next(&rule->written, &it)) != NULL;)
		if (map_find(&g->series, labels->hash, is_same, labels) == NULL)
			g->recording->samples[g->recording->n++] = (struct write_sample){
				.labels = labels,
				.stale = true,
				.at = g->at,
			};
	rule->ended = rule->written;
	rule->written = g->series;
	rule->written_at = g->at;
}

/* "metric name := record, then rule labels override" */
static int
build(const struct rule_config *config, const struct source *source, const struct sample *sample,
    struct arena *arena, struct labels_builder *b, struct err *err)
{
	struct label_view *views;
	uint32_t n;
	int code = sample_labels(source, sample, arena, &views, &n, err);

	if (code < 0)
		return code;
	labels_builder_init(b, arena);
	for (uint32_t i = 0; i < n; i++)
		labels_builder_set(b, views[i].name, views[i].value);
	labels_builder_set(b, STR("__name__"), str_from(config->name));
	for (uint32_t i = 0; i < config->literals.n; i++)
		labels_builder_set(b, str_from(config->literals.pairs[i].key),
		    str_from(config->literals.pairs[i].value));
	return 0;
}

int
record_series(struct rule_state *rule, const struct source *source, const struct vector *answer,
    wall_t now, struct arena *arena, struct recording *ret, struct err *err)
{
	int64_t limit = rule->config->group->limit;
	struct gathering g;
	int code = 0;

	begin(&g, rule, answer->n, now, arena, ret);
	for (uint32_t i = 0; i < answer->n && code == 0; i++) {
		const struct sample *sample = &answer->samples[i];
		struct labels_builder b;

		if (sample->missing)
			continue;
		code = build(rule->config, source, sample, arena, &b, err);
		if (code == 0)
			code = add(&g, &b, sample->value, err);
	}
	if (code == 0 && limit > 0 && ret->n > limit)
		code = err_set(err, ERR_LIMIT, "exceeded limit of %lld with %u series",
		    (long long)limit, ret->n);
	if (code < 0) {
		release(&g.series);
		return code;
	}
	memset(rule->outcomes, 0, sizeof(rule->outcomes));
	rule->outcomes[OUTCOME_OK] = ret->n;
	end(&g);
	return 0;
}

static int
add_alert(struct gathering *g, const struct rule_alert *alert, bool for_state, struct err *err)
{
	struct labels_builder b;

	labels_builder_init(&b, g->arena);
	for (uint32_t i = 0; i < alert->labels->n; i++)
		labels_builder_set(
		    &b, istr_str(alert->labels->l[i].name), istr_str(alert->labels->l[i].value));
	labels_builder_set(
	    &b, STR("__name__"), for_state ? STR("ALERTS_FOR_STATE") : STR("ALERTS"));
	if (!for_state)
		labels_builder_set(
		    &b, STR("alertstate"), str_from(alert_state_name(alert->times.state)));
	return add(g, &b, for_state ? (double)(alert->times.active_at.ns / 1000000000) : 1.0, err);
}

int
record_alerts(struct rule_state *rule, wall_t now, struct arena *arena, struct recording *ret,
    struct err *err)
{
	struct gathering g;

	begin(&g, rule, 2 * rule->n, now, arena, ret);
	for (size_t i = 0; i < rule->n; i++) {
		const struct rule_alert *alert = &rule->tracked[i]->alert;
		int code;

		if (alert->times.state != ALERT_PENDING && alert->times.state != ALERT_FIRING)
			continue;
		code = add_alert(&g, alert, false, err);
		if (code == 0)
			code = add_alert(&g, alert, true, err);
		if (code < 0) {
			release(&g.series);
			return code;
		}
	}
	end(&g);
	return 0;
}

void
record_done(struct rule_state *rule)
{
	release(&rule->ended);
	rule->ended = (struct map){ 0 };
}

/*
 * Just after what was written last, not now: whatever writes the same series
 * from here on may do so at a slot that has passed.
 */
void
record_vanished(struct rule_state *rule, struct source *source, struct arena *arena)
{
	struct write_sample *samples;
	struct labels *labels;
	uint32_t n = 0;
	struct err err;

	if (source != NULL && source->writes && rule->written.n > 0) {
		samples = ARENA_ARRAY(arena, rule->written.n, struct write_sample);
		for (size_t it = 0; (labels = map_next(&rule->written, &it)) != NULL;)
			samples[n++] = (struct write_sample){
				.labels = labels,
				.stale = true,
				.at = wall_add(rule->written_at, DUR_MS(1)),
			};
		/* When it fails they wait in the queue, or the source is gone. */
		(void)source->ops->write(source, samples, n, NULL, &err);
	}
	record_forget(rule);
}

void
record_forget(struct rule_state *rule)
{
	release(&rule->ended);
	release(&rule->written);
	rule->ended = rule->written = (struct map){ 0 };
}
