/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a path to a generation, or to findings.
 *
 * Every part is read whatever happened to the others, so that one run shows
 * all mistakes; parts that refer to others come after them.  Trees and raw
 * structs live in the scratch arena and go when the load ends; what stays was
 * copied into the generation's own.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/xalloc.h"
#include "config/internal.h"

#define PROJECTION_BYTES_MAX (16u << 20)

/* ---- the loader ------------------------------------------------------------------ */

struct loader *
loader_new(const char *path, const struct config_kinds *kinds,
    struct diag *diag)
{
	struct arena *scratch = arena_new(64u << 10);
	struct loader *l = ARENA_NEW(scratch, struct loader);
	const char *slash = strrchr(path, '/');

	l->scratch = scratch;
	l->kinds = kinds;
	l->tables = tables_new(scratch, kinds);
	l->hash = FNV1A64_INIT;
	l->errors_before = diag_errors(diag);
	l->generation = xcalloc(1, sizeof(*l->generation));
	l->generation->config.refs = 1;
	l->generation->config.arena = arena_new(16u << 10);
	l->generation->config.path =
	    arena_strdup(l->generation->config.arena, path);
	l->generation->config.evaluation_interval = DUR_S(60);
	l->ctx = (struct schema_context){
		.arena = l->generation->config.arena,
		.diag = diag,
		.check_files = true,
		.dir = slash == NULL ?
		    "." :
		    arena_printf(scratch, "%.*s",
			slash == path ? 1 : (int)(slash - path), path)
	};
	return l;
}

struct config *
loader_end(struct loader *l)
{
	struct config *config = &l->generation->config;

	diag_sort(l->ctx.diag);
	snprintf(config->hash, sizeof(config->hash), "%016llx",
	    (unsigned long long)l->hash);
	if (loader_failed(l)) {
		config_unref(config);
		config = NULL;
	}
	arena_free(l->scratch);
	return config;
}

bool
loader_file(struct loader *l, const char *path, struct yaml_node **ret_root)
{
	struct str text;
	char bytes[8];

	if (!yaml_read_file(l->scratch, l->ctx.diag, path, &text)) {
		return false;
	}
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (char)((uint64_t)text.n >> (8 * i));
	}
	l->hash = fnv1a64(l->hash, bytes, sizeof(bytes));
	l->hash = fnv1a64(l->hash, text.p, text.n);
	l->second_document = (struct pos){ 0 };
	*ret_root = yaml_parse_first(l->scratch, l->ctx.diag, path, text,
	    &l->second_document);
	return *ret_root != NULL;
}

/* ---- parts ------------------------------------------------------------------------ */

static void
external_labels_build(struct loader *l, const struct string_map *map)
{
	struct config *config = &l->generation->config;
	struct labels_builder builder;
	struct err err = { .at = ERR_NOWHERE };

	labels_builder_init(&builder, l->scratch);
	for (uint32_t i = 0; i < map->n; i++) {
		const struct string_pair *pair = &map->pairs[i];

		if (pair->key[0] == '\0' || strcmp(pair->key, "__name__") == 0) {
			diag_error(l->ctx.diag, pair->key_pos,
			    "'%s' cannot be an external label", pair->key);
			continue;
		}
		labels_builder_set(&builder, str_from(pair->key),
		    str_from(pair->value));
	}
	config->external_labels = labels_intern(&builder, &err);
	if (config->external_labels == NULL) {
		diag_error(l->ctx.diag,
		    map->n > 0 ? map->pairs[0].key_pos : (struct pos){ 0 },
		    "external_labels: %s", err.text);
	}
}

static void
projection_build(struct loader *l, const struct yaml_node *root)
{
	const struct yaml_node *pure = schema_project(l->scratch,
	    &l->tables->top, root);
	struct buf buf;

	buf_init(&buf, PROJECTION_BYTES_MAX);
	yaml_emit(pure, &buf);
	l->generation->config.original = arena_str(l->ctx.arena,
	    buf_str(&buf));
	buf_fini(&buf);
}

void
config_build(struct loader *l, const struct yaml_node *root)
{
	struct config *config = &l->generation->config;
	struct top_raw *raw = ARENA_NEW(l->scratch, struct top_raw);
	struct rules_reader *rules;

	if (l->second_document.line > 0) {
		yaml_second_document(l->ctx.diag, l->second_document);
		return;
	}
	if (root->kind == YAML_NULL) {
		diag_error(l->ctx.diag, root->pos,
		    "the file is empty: no route provided");
		return;
	}
	templates_build(l, root->kind == YAML_MAPPING ? yaml_get(root, "templates") : NULL);
	schema_read(&l->ctx, &l->tables->top, root, raw);
	if (root->kind != YAML_MAPPING) {
		return;
	}
	config->global = raw->global;
	config->evaluation_interval = raw->evaluation_interval;
	receivers_build(l, &raw->receivers);
	time_intervals_build(l, &raw->time_intervals,
	    &raw->mute_time_intervals);
	heartbeats_build(l, &raw->heartbeats, &raw->expected);
	oncall_build(l, raw);
	escalation_build(l, &raw->escalation_policies);
	route_build(l, raw->route, root);
	inhibit_build(l, &raw->inhibit_rules);
	external_labels_build(l, &raw->external_labels);
	delivery_build(l, &raw->delivery);
	sources_build(l, raw->sources);
	l->sources = l->ctx.config = config;
	rules = rules_reader_new(l);
	rule_files_read(l, rules, raw->rule_files);
	rules_finish(rules);
	if (!loader_failed(l)) {
		projection_build(l, root);
	}
}

/* ---- life -------------------------------------------------------------------------- */

struct config *
config_load(const char *path, const struct config_kinds *kinds,
    struct diag *diag)
{
	struct loader *l = loader_new(path, kinds, diag);
	struct yaml_node *root;

	if (loader_file(l, path, &root)) {
		config_build(l, root);
	}
	return loader_end(l);
}

struct config *
config_ref(struct config *config)
{
	config->refs++;
	return config;
}

void
config_unref(struct config *config)
{
	struct generation *g;

	if (config == NULL || --config->refs > 0) {
		return;
	}
	g = CONTAINER_OF(config, struct generation, config);
	for (size_t i = 0; i < g->n_matchers; i++) {
		matchers_free(g->matchers[i]);
	}
	free(g->matchers);
	labels_unref(config->external_labels);
	arena_free(config->arena);
	free(g);
}
