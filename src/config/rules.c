/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads rule groups: Prometheus' format with a source, typed conditions, and
 * short forms for severity and runbook.
 *
 * Owns the reader, from a parsed file to the groups of the generation.  The
 * keys are in rule_tables.c, labels and annotations in rule_texts.c.
 * Conditions are the kinds' own tables; a rule has exactly one.  Raw structs
 * are reused from rule to rule, since there may be 200,000 of them.
 */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/xalloc.h"
#include "config/rules_internal.h"

struct rules_reader {
	struct loader *l;
	struct rule_group_config *groups;
	size_t n, cap;
	uint32_t n_rules;
	struct map identities;
	struct rule_raw *raw;
	bool no_source_reported;
};

/* ---- sources ------------------------------------------------------------------------ */

static const struct source_config *
source_named(struct rules_reader *r, const char *name,
    const struct yaml_node *node)
{
	struct loader *l = r->l;
	const struct source_config *source;
	const char **names, *meant;

	if (l->sources == NULL) {
		return NULL; /* checked alone */
	}
	source = config_source(l->sources, name);
	if (source != NULL) {
		return source;
	}
	names = ARENA_ARRAY(l->scratch, l->sources->n_sources + 1, const char *);
	for (uint32_t i = 0; i < l->sources->n_sources; i++) {
		names[i] = l->sources->sources[i].name;
	}
	meant = schema_suggest_among(names, l->sources->n_sources,
	    str_from(name));
	diag_error(l->ctx.diag, node->pos, "there is no source '%s'%s%s%s",
	    name, meant != NULL ? " (did you mean '" : "",
	    meant != NULL ? meant : "", meant != NULL ? "'?)" : "");
	return NULL;
}

static const struct source_config *
default_source(struct rules_reader *r, const struct yaml_node *group)
{
	struct loader *l = r->l;

	if (l->sources == NULL) {
		return NULL;
	}
	if (l->sources->n_sources > 0) {
		return &l->sources->sources[0];
	}
	if (!r->no_source_reported && yaml_get(group, "rules") != NULL) {
		diag_error(l->ctx.diag, group->pos,
		    "rules need a source and the configuration has none; add "
		    "'sources: [{name: prom, type: prometheus, url: "
		    "http://localhost:9090}]' to it");
		r->no_source_reported = true;
	}
	return NULL;
}

/* ---- rules -------------------------------------------------------------------------- */

/* The one condition; false and a finding when there is none or more. */
static bool
set_condition(struct rules_reader *r, const struct yaml_node *node,
    struct rule_config *rule, bool silent)
{
	const struct config_kinds *kinds = r->l->kinds;
	struct buf known = { 0 };

	for (size_t i = 0; kinds->rules[i] != NULL; i++) {
		buf_printf(&known, "%s'%s'", i > 0 ? ", " : "",
		    kinds->rules[i]->name);
		if (r->raw->conditions[i] == NULL) {
			continue;
		}
		if (rule->kind != NULL) {
			diag_error(r->l->ctx.diag,
			    yaml_get(node, kinds->rules[i]->name)->pos,
			    "a rule has one condition, and '%s' is given "
			    "besides '%s'",
			    kinds->rules[i]->name, rule->kind->name);
			buf_fini(&known);
			return false;
		}
		rule->kind = kinds->rules[i];
		rule->settings = r->raw->conditions[i];
	}
	if (rule->kind == NULL && !silent) {
		diag_error(r->l->ctx.diag, node->pos,
		    "the rule has no condition; add one of %s", known.p);
	}
	buf_fini(&known);
	return rule->kind != NULL;
}

static void
set_texts(struct rules_reader *r, const struct yaml_node *node,
    const struct group_raw *group, struct rule_config *rule)
{
	static const struct template_map none = { 0 };
	const struct rule_raw *raw = r->raw;

	rule_texts_check(r->l, &raw->labels, "a label");
	rule_texts_check(r->l, &raw->annotations, "an annotation");
	rule->labels = rule_texts_join(r->l, &group->labels, &raw->labels, "severity",
	    raw->severity, yaml_get(node, "severity"));
	rule->annotations = rule_texts_join(r->l, &none, &raw->annotations,
	    "runbook_url", raw->runbook_url, yaml_get(node, "runbook_url"));
}

static bool
has_text(const struct yaml_node *node)
{
	return node != NULL && node->kind != YAML_NULL &&
	    (node->kind != YAML_SCALAR || node->text.n > 0);
}

static bool
check_alert_or_record(struct loader *l, const struct yaml_node *node)
{
	const struct yaml_node *alert, *record;

	if (node->kind != YAML_MAPPING) {
		return true; /* said elsewhere */
	}
	alert = yaml_get(node, "alert");
	record = yaml_get(node, "record");
	if (has_text(alert) && has_text(record)) {
		diag_error(l->ctx.diag, record->pos,
		    "only one of 'record' and 'alert' must be set");
		diag_note(l->ctx.diag, alert->pos, "'alert' is here");
		return false;
	}
	if (!has_text(alert) && !has_text(record)) {
		diag_error(l->ctx.diag,
		    alert != NULL ? alert->pos :
			record != NULL ? record->pos : node->pos,
		    "one of 'record' or 'alert' must be set");
		return false;
	}
	return true;
}

static bool
recording_read(struct rules_reader *r, const struct yaml_node *node,
    const struct group_raw *group, const struct rule_group_config *owner,
    struct rule_config *rule)
{
	struct loader *l = r->l;
	const char *source;

	*rule = (struct rule_config){ .group = owner, .pos = node->pos };
	if (!record_read(l, node, &group->labels, rule, &source)) {
		return false;
	}
	rule->source = source != NULL ?
	    source_named(r, source, yaml_get(node, "source")) :
	    owner->source;
	if (!record_check_source(l, rule, yaml_get(node, "record")->pos)) {
		return false;
	}
	rule->kind->finish(&l->ctx, rule);
	if (!rule_query_check(l, rule, node,
		source != NULL || group->source != NULL)) {
		return false;
	}
	rule_identify(l, rule, &r->identities);
	return true;
}

/* False when the rule is not fit for use; what is wrong is in diag. */
static bool
rule_read(struct rules_reader *r, const struct yaml_node *node,
    const struct group_raw *group, const struct rule_group_config *owner,
    struct rule_config *rule)
{
	struct loader *l = r->l;
	const uint32_t errors = diag_errors(l->ctx.diag);
	struct rule_raw *raw = r->raw;

	if (!check_alert_or_record(l, node)) {
		return false;
	}
	if (has_text(yaml_get(node, "record"))) {
		return recording_read(r, node, group, owner, rule);
	}
	memset(raw, 0, l->tables->rule.size);
	schema_read(&l->ctx, &l->tables->rule, node, raw);
	if (node->kind != YAML_MAPPING) {
		return false;
	}
	*rule = (struct rule_config){ .group = owner,
		.name = raw->alert,
		.for_ = raw->for_,
		.keep_firing_for = raw->keep_firing_for,
		.on_no_data = (enum on_no_data)raw->on_no_data,
		.on_error = (enum on_error)raw->on_error,
		.max_age = raw->max_age,
		.pos = node->pos };
	if (raw->for_points != NULL) {
		rule->for_points.n = (uint32_t)raw->for_points->n;
		rule->for_points.of = (uint32_t)raw->for_points->of;
	}
	rule->min_samples = (uint32_t)raw->min_samples;
	rule->source = raw->source != NULL ?
	    source_named(r, raw->source, yaml_get(node, "source")) :
	    owner->source;
	set_texts(r, node, group, rule);
	if (!set_condition(r, node, rule, diag_errors(l->ctx.diag) != errors) ||
	    diag_errors(l->ctx.diag) != errors) {
		return false;
	}
	if (rule->min_samples > 0 && !rule->kind->min_samples) {
		diag_error(l->ctx.diag, yaml_get(node, "min_samples")->pos,
		    "'%s' counts no samples, so 'min_samples' says nothing",
		    rule->kind->name);
		return false;
	}
	if (rule->kind->finish != NULL) {
		rule->kind->finish(&l->ctx, rule);
	}
	if (!rule_query_check(l, rule, node,
		raw->source != NULL || group->source != NULL)) {
		return false;
	}
	rule_identify(l, rule, &r->identities);
	return true;
}

static void
rules_of_group(struct rules_reader *r, const struct group_raw *raw,
    struct rule_group_config *group)
{
	struct loader *l = r->l;
	const struct yaml_node *list = raw->rules;

	if (list == NULL ||
	    !schema_is_list(&l->ctx, list, "[{alert: ..., expr: ...}]")) {
		return;
	}
	if (list->n > RULES_MAX - r->n_rules) {
		diag_error(l->ctx.diag, list->pos, "more than %d rules",
		    RULES_MAX);
		return;
	}
	group->rules = ARENA_ARRAY(l->ctx.arena, list->n + 1,
	    struct rule_config);
	for (uint32_t i = 0; i < list->n; i++) {
		struct rule_config *rule = &group->rules[group->n_rules];

		if (rule_read(r, list->items[i], raw, group, rule)) {
			rule->index = group->n_rules++;
		}
	}
	r->n_rules += list->n;
}

/* ---- groups ------------------------------------------------------------------------- */

static void
group_read(struct rules_reader *r, const struct yaml_node *node,
    const char *file)
{
	struct loader *l = r->l;
	struct rule_group_config group = { .file = file, .pos = node->pos };
	struct group_raw raw = { 0 };

	schema_read(&l->ctx, &l->tables->group, node, &raw);
	if (node->kind != YAML_MAPPING) {
		return;
	}
	rule_texts_check(l, &raw.labels, "a label");
	group.name = raw.name != NULL ? raw.name : "";
	group.interval = raw.interval.ns > 0 ?
	    raw.interval :
	    l->generation->config.evaluation_interval;
	group.interval_assumed = raw.interval.ns <= 0 && l->sources == NULL;
	group.query_offset = raw.query_offset;
	group.limit = raw.limit > 0 ? raw.limit : 0;
	group.source = raw.source != NULL ?
	    source_named(r, raw.source, yaml_get(node, "source")) :
	    default_source(r, node);
	rules_of_group(r, &raw, &group);
	r->groups = xgrow(r->groups, &r->cap, r->n + 1, sizeof(*r->groups));
	r->groups[r->n++] = group;
}

static bool
node_has_text(const void *value, const void *key)
{
	return str_eq(((const struct yaml_node *)value)->text,
	    *(const struct str *)key);
}

static void
check_group_name(struct rules_reader *r, struct map *names,
    const struct yaml_node *group)
{
	const struct yaml_node *name = yaml_get(group, "name");
	const struct yaml_node *first;
	uint64_t hash;

	if (name == NULL || name->kind != YAML_SCALAR) {
		return;
	}
	hash = hash_bytes(name->text.p, name->text.n);
	first = map_find(names, hash, node_has_text, &name->text);
	if (first != NULL) {
		diag_error(r->l->ctx.diag, name->pos,
		    "groupname: \"%.*s\" is repeated in the same file",
		    STR_ARG(str_head(name->text, 80)));
		diag_note(r->l->ctx.diag, first->pos, "the first is here");
		return;
	}
	map_insert(names, hash, (struct yaml_node *)(uintptr_t)name);
}

void
rules_read(struct rules_reader *r, const struct yaml_node *root,
    const char *path)
{
	struct loader *l = r->l;
	const char *file = arena_strdup(l->ctx.arena, path);
	const struct yaml_node *list = NULL;
	struct map names = { 0 };

	if (l->second_document.line > 0) {
		diag_warning(l->ctx.diag, l->second_document,
		    "a second document begins here: it is ignored, as by "
		    "Prometheus; put it into a file of its own");
	}
	if (yaml_get(root, "apiVersion") != NULL &&
	    yaml_get(root, "spec") != NULL) {
		diag_error(l->ctx.diag, root->pos,
		    "this is a Kubernetes object; a rule file holds what is "
		    "under its 'spec'");
		return;
	}
	schema_read(&l->ctx, &l->tables->rule_file, root, &list);
	if (list == NULL || !schema_is_list(&l->ctx, list, "[{name: ...}]")) {
		return;
	}
	for (uint32_t i = 0; i < list->n; i++) {
		check_group_name(r, &names, list->items[i]);
		group_read(r, list->items[i], file);
	}
	map_fini(&names);
}

struct rules_reader *
rules_reader_new(struct loader *l)
{
	struct rules_reader *r = xcalloc(1, sizeof(*r));

	r->l = l;
	r->raw = xcalloc(1, l->tables->rule.size);
	return r;
}

/* What the kinds demand of all rules together; of a part of them it would be wrong. */
static void
check_together(struct loader *l, const struct config *config)
{
	const struct rule_kind_schema *const *kinds = l->kinds->rules;

	if (loader_failed(l))
		return;
	for (size_t i = 0; kinds[i] != NULL; i++) {
		bool used = false;

		for (uint32_t g = 0; g < config->n_groups && !used; g++)
			for (uint32_t k = 0; k < config->groups[g].n_rules && !used; k++)
				used = config->groups[g].rules[k].kind == kinds[i];
		if (used && kinds[i]->check_all != NULL)
			kinds[i]->check_all(&l->ctx, config, l->sources == config);
	}
}

void
rules_finish(struct rules_reader *r)
{
	struct config *config = &r->l->generation->config;

	config->groups = ARENA_ARRAY(r->l->ctx.arena, r->n + 1,
	    struct rule_group_config);
	for (size_t i = 0; i < r->n; i++) {
		struct rule_group_config *group = &config->groups[i];

		*group = r->groups[i];
		group->index = (uint32_t)i;
		for (uint32_t k = 0; k < group->n_rules; k++) {
			group->rules[k].group = group;
		}
		config->n_rules += group->n_rules;
	}
	config->n_groups = (uint32_t)r->n;
	check_together(r->l, config);
	map_fini(&r->identities);
	free(r->groups);
	free(r->raw);
	free(r);
}
