/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at the evaluator from outside: values and borrowed pointers, nothing
 * changes. */
#include "config.h"

#include <math.h>

#include "rule/internal.h"

const struct config *
engine_config(const struct engine *engine)
{
	return engine->config;
}

struct source *
engine_source(struct engine *engine, const char *name)
{
	for (uint32_t i = 0; engine->config != NULL && i < engine->config->n_sources; i++)
		if (name == NULL || strcmp(engine->config->sources[i].name, name) == 0)
			return engine->sources[i];
	return NULL;
}

void
engine_group_view(const struct engine *engine, uint32_t at, struct group_view *ret)
{
	const struct group *group = engine->groups[at];

	*ret = (struct group_view){
		.config = group->config,
		.last_evaluation = group->last_evaluation,
		.evaluation_time = group->evaluation_time,
		.iterations = group->iterations,
		.missed = group->missed,
		.evaluations = group->evaluations,
		.failures = group->failures,
		.samples = group->samples,
	};
	for (uint32_t i = 0; i < group->config->n_rules; i++)
		ret->rules_time.ns += group->rules[i]->evaluation_time.ns;
}

void
engine_rule_view(const struct engine *engine, uint32_t group, uint32_t at, struct rule_view *ret)
{
	const struct rule_state *rule = engine->groups[group]->rules[at];

	*ret = (struct rule_view){
		.config = rule->config,
		.state = rule->n_firing > 0    ? ALERT_FIRING
			 : rule->n_pending > 0 ? ALERT_PENDING
					       : ALERT_INACTIVE,
		.health = !rule->evaluated           ? RULE_HEALTH_UNKNOWN
			  : rule->last_error != NULL ? RULE_HEALTH_ERR
						     : RULE_HEALTH_OK,
		.last_error = rule->last_error != NULL ? rule->last_error : "",
		.last_evaluation = rule->last_evaluation,
		.evaluation_time = rule->evaluation_time,
		.n_alerts = (uint32_t)rule->n,
		.n_pending = rule->n_pending,
		.n_firing = rule->n_firing,
		.past_series = rule->past != NULL ? (uint32_t)rule->past->n : 0,
		.past_points = past_points(rule->past),
		.rule = rule,
	};
	memcpy(ret->outcomes, rule->outcomes, sizeof(ret->outcomes));
}

const struct rule_alert *
rule_alert_next(const struct rule_state *rule, uint32_t *it)
{
	return *it < rule->n ? &rule->tracked[(*it)++]->alert : NULL;
}

struct labels *
rule_alert_annotations(
    const struct engine *engine, const struct rule_state *rule, const struct rule_alert *alert)
{
	const struct tracked *t = (const struct tracked *)alert;

	if (t->annotations != NULL)
		return labels_ref(t->annotations);
	/* Its text buffer and arena are scratch space, not state. */
	struct engine *scratch = engine->groups[rule->config->group->index]->engine;

	arena_reset(scratch->look);
	return eval_annotations(scratch, rule, t, NULL, 0, scratch->look);
}

static bool
has_label(const struct labels *labels, const struct label *label)
{
	for (uint32_t i = 0; labels != NULL && i < labels->n; i++)
		if (labels->l[i].name == label->name && labels->l[i].value == label->value)
			return true;
	return false;
}

/* Are the routed labels these and external ones? Values are interned. */
static bool
is_routed_as(const struct labels *own, const struct labels *external, const struct labels *routed)
{
	if (routed == NULL || own->n > routed->n)
		return false;
	for (uint32_t i = 0; i < own->n; i++)
		if (!has_label(routed, &own->l[i]))
			return false;
	for (uint32_t i = 0; i < routed->n; i++)
		if (!has_label(own, &routed->l[i]) && !has_label(external, &routed->l[i]))
			return false;
	return true;
}

static void
explain_alert(const struct rule_state *rule, const struct tracked *t, struct explain_view *ret)
{
	*ret = (struct explain_view){
		.config = rule->config,
		.alert = &t->alert,
		.threshold = rule->kind->threshold != NULL
				 ? rule->kind->threshold(rule->config, t->alert.level)
				 : (double)NAN,
	};
	if (t->more == NULL || t->more->explained == NULL)
		return;
	ret->explain = &t->more->explained->explain;
	ret->at = t->more->explained->at;
}

bool
engine_explain(const struct engine *engine, uint64_t fingerprint, const struct labels *routed,
    struct explain_view *ret)
{
	for (uint32_t g = 0; engine->config != NULL && g < engine->config->n_groups; g++)
		for (uint32_t r = 0; r < engine->groups[g]->config->n_rules; r++) {
			const struct rule_state *rule = engine->groups[g]->rules[r];

			for (size_t i = 0; i < rule->n; i++) {
				const struct tracked *t = rule->tracked[i];

				if (t->alert.labels->fingerprint != fingerprint &&
				    !is_routed_as(
					t->alert.labels, engine->config->external_labels, routed))
					continue;
				explain_alert(rule, t, ret);
				return true;
			}
		}
	return false;
}

static void
add_rule(struct engine_stats *stats, const struct rule_state *rule)
{
	for (int i = 0; i < OUTCOME_COUNT; i++)
		stats->outcomes[i] += rule->outcomes[i];
	if (rule->past == NULL)
		return;
	stats->past_series += rule->past->n;
	stats->past_points += past_points(rule->past);
}

struct engine_stats
engine_stats(const struct engine *engine)
{
	struct engine_stats stats = engine->stats;

	for (uint32_t i = 0; engine->config != NULL && i < engine->config->n_sources; i++)
		write_stats_add(&stats.written, &engine->sources[i]->written);
	for (uint32_t g = 0; engine->config != NULL && g < engine->config->n_groups; g++)
		for (uint32_t r = 0; r < engine->groups[g]->config->n_rules; r++)
			add_rule(&stats, engine->groups[g]->rules[r]);
	LIST_FOREACH(link, &engine->retired_sources)
	write_stats_add(
	    &stats.written, &CONTAINER_OF(link, struct retired_source, link)->source->written);
	return stats;
}
