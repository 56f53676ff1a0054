/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The evaluator as a whole: taking a configuration, giving rules the alerts
 * they had, opening and closing sources.
 *
 * A rule keeps its alerts as long as a rule of the same identity exists: over
 * a reload in memory, over a restart through the store.  A generation stays
 * alive until the last query that points into it has ended.
 */
#include "config.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "rule/run.h"

#define SCRATCH_BYTES (64 << 10)
#define LOOK_BYTES    (4 << 10)
#define REAP_EVERY    DUR_MS(100)

void
write_stats_add(struct source_write_stats *sum, const struct source_write_stats *more)
{
	sum->samples += more->samples;
	sum->dropped += more->dropped;
	sum->requests += more->requests;
	sum->failures += more->failures;
	sum->pending += more->pending;
}

/* --- closing what is still in use -------------------------------------- */

static void
reap(void *arg)
{
	struct engine *engine = arg;

	LIST_FOREACH_SAFE(link, next, &engine->retired_sources)
	{
		struct retired_source *retired = CONTAINER_OF(link, struct retired_source, link);

		if (retired->source->in_flight > 0 || retired->source->writing > 0)
			continue;
		list_remove(&retired->link);
		retired->source->written.pending = 0;
		write_stats_add(&engine->stats.written, &retired->source->written);
		retired->source->ops->close(retired->source);
		config_unref(retired->generation);
		free(retired);
	}
	if (!list_empty(&engine->retired_sources))
		loop_timer_set(engine->options.loop, &engine->reap,
		    mono_add(loop_mono(engine->options.loop), REAP_EVERY));
}

static void
retire_sources(
    struct engine *engine, struct source **sources, uint32_t n, struct config *generation)
{
	for (uint32_t i = 0; i < n; i++) {
		struct retired_source *retired = xcalloc(1, sizeof(*retired));

		retired->source = sources[i];
		retired->generation = config_ref(generation);
		list_append(&engine->retired_sources, &retired->link);
	}
	free(sources);
	reap(engine);
}

/* --- life -------------------------------------------------------------- */

/* What other rules have raised so far: those that were evaluated before in this slot are new. */
static void
lookup_alerts(void *arg, struct str name,
    void (*fn)(void *fn_arg, const struct labels *labels, enum alert_state state), void *fn_arg)
{
	const struct engine *engine = arg;

	for (uint32_t g = 0; engine->config != NULL && g < engine->config->n_groups; g++)
		for (uint32_t r = 0; r < engine->groups[g]->config->n_rules; r++) {
			const struct rule_state *rule = engine->groups[g]->rules[r];

			if (!str_is(name, rule->name))
				continue;
			for (size_t i = 0; i < rule->n; i++)
				fn(fn_arg, rule->tracked[i]->alert.labels,
				    rule->tracked[i]->alert.times.state);
		}
}

struct engine *
engine_new(const struct engine_options *options)
{
	struct engine *engine = xcalloc(1, sizeof(*engine));

	engine->options = *options;
	list_init(&engine->retired_groups);
	list_init(&engine->retired_sources);
	timer_init(&engine->reap, reap, engine);
	engine->scratch = arena_new(SCRATCH_BYTES);
	engine->look = arena_new(LOOK_BYTES);
	engine->lookup = (struct rule_lookup){ engine, lookup_alerts };
	return engine;
}

static void
map_free_rules(struct map *rules)
{
	struct rule_state *rule;

	for (size_t it = 0; (rule = map_next(rules, &it)) != NULL;)
		rule_state_free(rule);
	map_fini(rules);
}

void
engine_free(struct engine *engine)
{
	uint32_t n_groups, n_sources;

	if (engine == NULL)
		return;
	assert(engine_idle(engine));
	n_groups = engine->config != NULL ? engine->config->n_groups : 0;
	n_sources = engine->config != NULL ? engine->config->n_sources : 0;
	for (uint32_t i = 0; i < n_groups; i++) {
		loop_timer_stop(engine->options.loop, &engine->groups[i]->timer);
		for (uint32_t r = 0; r < engine->groups[i]->config->n_rules; r++)
			rule_state_free(engine->groups[i]->rules[r]);
		group_free(engine->groups[i]);
	}
	free(engine->groups);
	retire_sources(engine, engine->sources, n_sources, engine->config);
	assert(list_empty(&engine->retired_sources));
	loop_timer_stop(engine->options.loop, &engine->reap);
	map_free_rules(&engine->restored);
	map_fini(&engine->restored_by_id);
	config_unref(engine->config);
	runs_free(engine->idle_runs);
	arena_free(engine->scratch);
	arena_free(engine->look);
	buf_fini(&engine->text);
	buf_fini(&engine->bytes);
	free(engine);
}

void
engine_start(struct engine *engine)
{
	engine->started = true;
	engine->stopping = false;
	for (uint32_t i = 0; engine->config != NULL && i < engine->config->n_groups; i++)
		if (!engine->groups[i]->running)
			group_schedule(engine->groups[i]);
}

static void
stop_source(struct source *source)
{
	if (source->ops->stop != NULL)
		source->ops->stop(source);
}

void
engine_stop(struct engine *engine)
{
	engine->started = false;
	engine->stopping = true;
	for (uint32_t i = 0; engine->config != NULL && i < engine->config->n_groups; i++) {
		for (uint32_t r = 0; r < engine->groups[i]->config->n_rules; r++)
			rule_past_save(engine, engine->groups[i]->rules[r]);
		group_cancel(engine->groups[i]);
	}
	for (uint32_t i = 0; engine->config != NULL && i < engine->config->n_sources; i++)
		stop_source(engine->sources[i]);
	LIST_FOREACH(link, &engine->retired_sources)
	stop_source(CONTAINER_OF(link, struct retired_source, link)->source);
}

bool
engine_idle(const struct engine *engine)
{
	for (uint32_t i = 0; engine->config != NULL && i < engine->config->n_groups; i++)
		if (engine->groups[i]->running)
			return false;
	for (uint32_t i = 0; engine->config != NULL && i < engine->config->n_sources; i++)
		if (engine->sources[i]->writing > 0)
			return false;
	LIST_FOREACH(link, &engine->retired_sources)
	if (CONTAINER_OF(link, struct retired_source, link)->source->writing > 0)
		return false;
	return list_empty(&engine->retired_groups);
}

/* --- what the store kept ----------------------------------------------- */

static uint64_t
identity_hash(const char *identity)
{
	return hash_bytes(identity, strlen(identity));
}

static bool
has_identity(const void *value, const void *key)
{
	return strcmp(((const struct rule_state *)value)->identity, key) == 0;
}

static bool
has_id(const void *value, const void *key)
{
	return ((const struct rule_state *)value)->id == *(const int64_t *)key;
}

void
engine_restore_rule(struct engine *engine, int64_t id, struct str identity, struct str name)
{
	struct rule_state *rule = rule_state_new(identity, name, id);
	uint64_t hash = identity_hash(rule->identity);

	if (map_find(&engine->restored, hash, has_identity, rule->identity) != NULL) {
		log_warn("rule", "rule stored twice", LOG_Z("rule", rule->name));
		rule_state_free(rule);
		return;
	}
	map_insert(&engine->restored, hash, rule);
	map_insert(&engine->restored_by_id, (uint64_t)id, rule);
}

void
engine_restore_alert(struct engine *engine, const struct rule_alert_row *row)
{
	struct rule_state *rule =
	    map_find(&engine->restored_by_id, (uint64_t)row->rule_id, has_id, &row->rule_id);
	struct labels *labels;
	struct tracked *t;
	struct err err;

	if (rule == NULL || (row->state != ALERT_PENDING && row->state != ALERT_FIRING)) {
		log_warn("rule", "stored alert without a rule or a state", LOG_INT("id", row->id));
		return;
	}
	labels = labels_decode(row->labels, &err);
	if (labels == NULL) {
		log_warn("rule", "stored alert with mangled labels", LOG_INT("id", row->id),
		    LOG_Z("error", err.text));
		return;
	}
	t = rule_add(engine, rule, labels, 0);
	t->alert.id = row->id;
	t->alert.value = row->value;
	t->alert.times = (struct alert_times){
		.state = (enum alert_state)row->state,
		.active_at = row->active_at,
		.fired_at = row->fired_at,
		.keep_firing_since = row->keep_firing_since,
	};
	if (row->points_n > 0) {
		t->more = xcalloc(1, sizeof(*t->more));
		t->more->tally = (struct tally){
			.breaches = row->points,
			.n = row->points_n < TALLY_OF_MAX ? row->points_n : TALLY_OF_MAX,
			.last = row->points_at,
		};
	}
	rule_count(engine, rule, ALERT_INACTIVE, t->alert.times.state);
}

void
engine_restore_past_series(struct engine *engine, const struct past_series_row *row)
{
	struct rule_state *rule =
	    map_find(&engine->restored_by_id, (uint64_t)row->rule_id, has_id, &row->rule_id);

	if (rule != NULL)
		rule_past_restore_series(rule, row);
	engine->restored_series = rule;
}

void
engine_restore_past_chunk(struct engine *engine, const struct past_chunk_row *row)
{
	struct rule_state *rule = engine->restored_series;

	/* Ids of series and of chunks come in the same order; rules change now and then. */
	if (rule != NULL && rule_past_restore_chunk(rule, row))
		return;
	for (size_t it = 0; (rule = map_next(&engine->restored, &it)) != NULL;)
		if (rule_past_restore_chunk(rule, row)) {
			engine->restored_series = rule;
			return;
		}
	log_warn("rule", "stored points without a series", LOG_INT("series", row->series_id));
}

/* --- taking a configuration -------------------------------------------- */

static int
open_sources(
    struct engine *engine, const struct config *config, struct source ***ret, struct err *err)
{
	struct source **sources = xcalloc((size_t)config->n_sources + 1, sizeof(struct source *));

	for (uint32_t i = 0; i < config->n_sources; i++) {
		const struct source_config *source = &config->sources[i];
		const struct source_ops *ops = source_ops_of(source->kind);

		sources[i] = ops->open(source, engine->options.loop, engine->options.xfer,
		    engine->options.workers, err);
		if (sources[i] != NULL)
			continue;
		while (i > 0) {
			i--;
			sources[i]->ops->close(sources[i]);
		}
		free(sources);
		return err_wrap(err, "source '%s'", source->name);
	}
	*ret = sources;
	return 0;
}

/* All rules there are, by identity; the old groups give theirs up. */
static void
collect_rules(struct engine *engine, struct map *ret)
{
	*ret = engine->restored;
	engine->restored = (struct map){ 0 };
	map_fini(&engine->restored_by_id);
	for (uint32_t g = 0; engine->config != NULL && g < engine->config->n_groups; g++) {
		struct group *group = engine->groups[g];

		for (uint32_t r = 0; r < group->config->n_rules; r++) {
			map_insert(ret, identity_hash(group->rules[r]->identity), group->rules[r]);
			group->rules[r] = NULL;
		}
	}
}

static void
adopt_rules(struct engine *engine, struct group *group, struct map *rules, bool external_changed)
{
	for (uint32_t i = 0; i < group->config->n_rules; i++) {
		const struct rule_config *config = &group->config->rules[i];
		struct rule_state *rule = map_remove(
		    rules, identity_hash(config->identity), has_identity, config->identity);

		if (rule == NULL)
			rule =
			    rule_state_new(str_from(config->identity), str_from(config->name), 0);
		rule_state_bind(engine, rule, config);
		if (external_changed && rule->labels_external)
			rule_forget_keys(engine, rule);
		group->rules[i] = rule;
	}
}

static bool
same_group(const void *value, const void *key)
{
	const struct group *a = value;
	const struct rule_group_config *b = key;

	return strcmp(a->config->file, b->file) == 0 && strcmp(a->config->name, b->name) == 0;
}

static uint64_t
group_hash(const struct rule_group_config *config)
{
	return hash_mix(hash_bytes(config->file, strlen(config->file)),
	    hash_bytes(config->name, strlen(config->name)));
}

/* Its slot and counters go on; a run that the reload cut short is done again.
 */
static void
adopt_group(struct group *group, const struct group *old)
{
	group->last_evaluation = old->last_evaluation;
	group->evaluation_time = old->evaluation_time;
	group->iterations = old->iterations;
	group->missed = old->missed;
	group->evaluations = old->evaluations;
	group->failures = old->failures;
	group->samples = old->samples;
	group->slot = old->running ? WALL_NONE : old->slot;
}

static void
make_groups(
    struct engine *engine, struct config *config, const struct map *old_groups, struct map *rules)
{
	bool external_changed =
	    engine->config == NULL || engine->config->external_labels != config->external_labels;
	struct group **groups = xcalloc((size_t)config->n_groups + 1, sizeof(struct group *));

	for (uint32_t i = 0; i < config->n_groups; i++) {
		const struct rule_group_config *group_config = &config->groups[i];
		const struct group *old =
		    map_find(old_groups, group_hash(group_config), same_group, group_config);

		groups[i] = group_new(engine, group_config);
		groups[i]->generation = config_ref(config);
		if (old != NULL)
			adopt_group(groups[i], old);
		adopt_rules(engine, groups[i], rules, external_changed);
	}
	engine->groups = groups;
}

/* Samples that are not written yet pass to the source's successor. */
static void
adopt_writes(struct engine *engine, struct source **sources, const struct config *config)
{
	for (uint32_t i = 0; i < config->n_sources; i++) {
		struct source *old = engine_source(engine, config->sources[i].name);

		if (old != NULL && old->ops == sources[i]->ops && old->ops->adopt != NULL)
			old->ops->adopt(sources[i], old);
	}
}

int
engine_apply(struct engine *engine, struct config *config, struct err *err)
{
	struct map old_groups = { 0 }, rules;
	struct source **sources = NULL, **old_sources = engine->sources;
	struct group **old = engine->groups;
	struct config *old_config = engine->config;
	uint32_t n_old = old_config != NULL ? old_config->n_groups : 0;
	struct rule_state *rule;
	int code;

	code = open_sources(engine, config, &sources, err);
	if (code < 0)
		return code;
	for (uint32_t i = 0; i < n_old; i++)
		map_insert(&old_groups, group_hash(old[i]->config), old[i]);
	collect_rules(engine, &rules);
	make_groups(engine, config, &old_groups, &rules);
	/* What is left belongs to no rule any more; its old configuration is
	 * still there for the events. */
	for (size_t it = 0; (rule = map_next(&rules, &it)) != NULL;)
		eval_vanished(engine, rule, loop_now(engine->options.loop));
	arena_reset(engine->scratch);
	adopt_writes(engine, sources, config);
	map_fini(&rules);
	map_fini(&old_groups);
	for (uint32_t i = 0; i < n_old; i++)
		group_retire(old[i]);
	free(old);
	engine->config = config_ref(config);
	engine->sources = sources;
	engine->stats.groups = config->n_groups;
	engine->stats.rules = config->n_rules;
	retire_sources(
	    engine, old_sources, old_config != NULL ? old_config->n_sources : 0, old_config);
	config_unref(old_config);
	if (engine->started)
		engine_start(engine);
	return 0;
}
