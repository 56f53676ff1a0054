/* SPDX-License-Identifier: Apache-2.0 */
/* Sources: common keys, and those of the type. */
#include <config.h>

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "config/internal.h"

#define SOURCES_MAX 1000

struct source_common {
	const char *name, *type;
	dur_t timeout;
	int64_t max_concurrency;
};

static_assert(sizeof(struct source_common) <= SOURCE_SETTINGS_OFFSET,
    "a kind's settings begin behind the common ones");

#define MEMBER(m) .offset = offsetof(struct source_common, m)

const struct schema_field source_common_fields[] = {
	{ .name = "name", .kind = FIELD_STRING,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY, MEMBER(name),
	    .doc = "Name that rule groups refer to; unique." },
	{ .name = "type", .kind = FIELD_STRING, .flags = FIELD_REQUIRED,
	    MEMBER(type), .doc = "What kind of backend it is." },
	{ .name = "timeout", .kind = FIELD_DURATION, .flags = FIELD_POSITIVE,
	    .fallback = "10s", MEMBER(timeout),
	    .doc = "A query that takes longer has failed." },
	{ .name = "max_concurrency", .kind = FIELD_INT, .fallback = "32",
	    .min = 1, .max = 10000, MEMBER(max_concurrency),
	    .doc = "Queries in flight at once; the others wait." },
};
const size_t source_common_n_fields = ARRAY_LEN(source_common_fields);

/* The index of the kind that `type` names, or -1 and a finding. */
static long
source_kind_of(struct loader *l, const struct yaml_node *node)
{
	const struct yaml_node *type = yaml_get(node, "type");
	struct buf known = { 0 };

	for (size_t i = 0; l->kinds->sources[i] != NULL; i++) {
		buf_printf(&known, "%s%s", i > 0 ? ", " : "",
		    l->kinds->sources[i]->name);
		if (type != NULL && type->kind == YAML_SCALAR &&
		    str_is(type->text, l->kinds->sources[i]->name)) {
			buf_fini(&known);
			return (long)i;
		}
	}
	if (type == NULL || type->kind == YAML_NULL) {
		diag_error(l->ctx.diag, node->pos,
		    "missing key 'type' in source (known types: %s)", known.p);
	} else {
		schema_expected(&l->ctx, type,
		    arena_printf(l->scratch, "a source type (%s)", known.p));
	}
	buf_fini(&known);
	return -1;
}

static void
source_add(struct loader *l, const struct source_common *common,
    const struct source_kind *kind, const void *settings, struct pos pos)
{
	struct config *config = &l->generation->config;
	const struct source_config *first = config_source(config, common->name);

	if (first != NULL) {
		diag_error(l->ctx.diag, pos, "there are two sources named '%s'",
		    common->name);
		diag_note(l->ctx.diag, first->pos, "the first is here");
		return;
	}
	config->sources[config->n_sources] = (struct source_config){
		common->name, kind, settings, common->timeout,
		(uint32_t)common->max_concurrency, config->n_sources, pos
	};
	config->n_sources++;
}

static void
source_make(struct loader *l, const struct yaml_node *node)
{
	const struct source_kind *kind;
	const struct schema *table;
	char *combined;
	const uint32_t errors = diag_errors(l->ctx.diag);
	void *settings;
	bool failed;
	long i;

	if (node->kind != YAML_MAPPING) {
		schema_expected(&l->ctx, node,
		    "a mapping such as {name: prom, type: prometheus, url: "
		    "http://localhost:9090}");
		return;
	}
	i = source_kind_of(l, node);
	if (i < 0) {
		return;
	}
	kind = l->kinds->sources[i];
	table = &l->tables->sources[i];
	combined = arena_alloc(l->ctx.arena, table->size);
	settings = combined + SOURCE_SETTINGS_OFFSET;
	schema_read(&l->ctx, table, node, combined);
	if (kind->schema->pos_offset > 0) {
		memcpy((char *)settings + kind->schema->pos_offset - 1,
		    &node->pos, sizeof(node->pos));
	}
	failed = diag_errors(l->ctx.diag) != errors;
	if (kind->schema->check != NULL && !failed) {
		kind->schema->check(&l->ctx, settings, node);
	}
	if (kind->finish != NULL && !failed) {
		kind->finish(&l->ctx, settings);
	}
	if (((const struct source_common *)(void *)combined)->name != NULL) {
		source_add(l, (void *)combined, kind, settings, node->pos);
	}
}

void
sources_build(struct loader *l, const struct yaml_node *list)
{
	struct config *config = &l->generation->config;

	if (list == NULL ||
	    !schema_is_list(&l->ctx, list, "[{name: prom, ...}]")) {
		return;
	}
	if (list->n > SOURCES_MAX) {
		diag_error(l->ctx.diag, list->pos, "more than %d sources",
		    SOURCES_MAX);
		return;
	}
	config->sources = ARENA_ARRAY(l->ctx.arena, list->n + 1,
	    struct source_config);
	l->ctx.expand_env = true;
	for (uint32_t i = 0; i < list->n; i++) {
		source_make(l, list->items[i]);
	}
	l->ctx.expand_env = false;
}

const struct source_config *
config_source(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->n_sources; i++) {
		if (strcmp(config->sources[i].name, name) == 0) {
			return &config->sources[i];
		}
	}
	return NULL;
}
