/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of the file of cases, and what can be known before a case is run.
 */
#include "config.h"

#include "cli/route_cases.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/timestamp.h"
#include "base/xalloc.h"
#include "cli/route_case.h"
#include "daemon/core.h"
#include "labels/matcher.h"
#include "yaml/yaml.h"

/* ---- reading --------------------------------------------------------------------------- */

/* +1 reference, or NULL with a finding. */
static struct labels *
read_set(struct schema_context *ctx, const struct yaml_node *node)
{
	struct err err = { .at = ERR_NOWHERE };
	struct labels_builder builder;
	struct labels *labels;

	if (node->kind != YAML_MAPPING) {
		schema_expected(ctx, node, "labels such as {alertname: DiskFull, team: ml}");
		return NULL;
	}
	labels_builder_init(&builder, ctx->arena);
	for (uint32_t i = 0; i < node->n; i++) {
		const struct yaml_node *value = node->pairs[i].value;
		if (value->kind != YAML_SCALAR) {
			schema_expected(ctx, value, "a label's value");
			return NULL;
		}
		labels_builder_set(&builder, node->pairs[i].key->text, value->text);
	}
	labels = labels_intern(&builder, &err);
	if (labels == NULL)
		diag_error(ctx->diag, node->pos, "%s", err.text);
	return labels;
}

static void
read_labels(struct schema_context *ctx, const struct yaml_node *node, void *member)
{
	*(struct labels **)member = read_set(ctx, node);
}

static void
read_sets(struct schema_context *ctx, const struct yaml_node *node, void *member)
{
	struct label_sets *sets = member;

	if (!schema_is_list(ctx, node, "[{alertname: NodeDown, node: n1}]"))
		return;
	if (node->n > ROUTE_CASE_ALERTS_MAX) {
		diag_error(ctx->diag, node->pos, "more than %d alerts", ROUTE_CASE_ALERTS_MAX);
		return;
	}
	sets->items = ARENA_ARRAY(ctx->arena, node->n, struct labels *);
	for (uint32_t i = 0; i < node->n; i++) {
		struct labels *labels = read_set(ctx, node->items[i]);
		if (labels != NULL)
			sets->items[sets->n++] = labels;
	}
}

/* As the API refuses them. */
static bool
mutes_everything(const struct matchers *matchers)
{
	for (uint32_t i = 0; i < matchers->n; i++)
		if (!matcher_matches_empty(&matchers->m[i]))
			return false;
	return true;
}

static struct matchers *
read_silence(struct schema_context *ctx, const struct yaml_node *node)
{
	struct err err = { .at = ERR_NOWHERE };
	struct matchers *matchers;

	if (node->kind != YAML_SCALAR) {
		schema_expected(ctx, node, "matchers such as 'team=\"ml\", env=~\"a|b\"'");
		return NULL;
	}
	matchers = matchers_parse(node->text, &err);
	if (matchers == NULL) {
		schema_error_in(ctx, node, &err, NULL);
	} else if (mutes_everything(matchers)) {
		diag_error(ctx->diag, node->pos,
		    "a silence needs a matcher that does not match the empty string");
		matchers_free(matchers);
		matchers = NULL;
	}
	return matchers;
}

static void
read_silences(struct schema_context *ctx, const struct yaml_node *node, void *member)
{
	struct case_silences *silences = member;

	if (!schema_is_list(ctx, node, "['team=\"ml\"']"))
		return;
	silences->items = ARENA_ARRAY(ctx->arena, node->n, struct matchers *);
	for (uint32_t i = 0; i < node->n; i++) {
		struct matchers *matchers = read_silence(ctx, node->items[i]);
		if (matchers != NULL)
			silences->items[silences->n++] = matchers;
	}
}

static void
read_time(struct schema_context *ctx, const struct yaml_node *node, void *member)
{
	wall_t *at = member;

	if (node->kind != YAML_SCALAR || !timestamp_parse(node->text, at) || !wall_is_set(*at))
		schema_expected(ctx, node, "a time such as 2026-11-20T03:00:00Z");
}

static void
check_case(struct schema_context *ctx, void *value, const struct yaml_node *node UNUSED)
{
	const struct route_case *c = value;

	if (c->expect->muted >= 0 && !wall_is_set(c->at))
		diag_error(ctx->diag, c->expect->pos,
		    "'muted' needs the case's time: at: 2026-11-20T03:00:00Z");
}

static const char *const truths[] = { "false", "true", NULL };

#define EXPECTED(member) .offset = offsetof(struct expectation, member)
static const struct schema_field expect_fields[] = {
	{ .name = "receivers",
	    .kind = FIELD_STRING_LIST,
	    EXPECTED(receivers),
	    .doc = "Who is told in the end, in the order of the routes; [] is nobody." },
	{ .name = "routes_to",
	    .kind = FIELD_STRING_LIST,
	    EXPECTED(routes_to),
	    .doc = "Who would be told without silences, inhibition and time intervals." },
	{ .name = "silenced",
	    .kind = FIELD_ENUM,
	    .choices = truths,
	    EXPECTED(silenced),
	    .doc = "One of the case's silences matches." },
	{ .name = "inhibited",
	    .kind = FIELD_ENUM,
	    .choices = truths,
	    EXPECTED(inhibited),
	    .doc = "An alert that fires at the same time inhibits it." },
	{ .name = "muted",
	    .kind = FIELD_ENUM,
	    .choices = truths,
	    EXPECTED(muted),
	    .doc = "A time interval keeps at least one of its routes silent." },
	{ .name = "group_by",
	    .kind = FIELD_STRING_LIST,
	    EXPECTED(group_by),
	    .doc = "What all its routes group by, in any order; [...] is all labels." },
	{ .name = "group_wait",
	    .kind = FIELD_DURATION,
	    EXPECTED(group_wait),
	    .doc = "Of all its routes." },
	{ .name = "group_interval",
	    .kind = FIELD_DURATION,
	    EXPECTED(group_interval),
	    .doc = "Of all its routes." },
	{ .name = "repeat_interval",
	    .kind = FIELD_DURATION,
	    EXPECTED(repeat_interval),
	    .doc = "Of all its routes." },
};

static const struct schema expect_schema = {
	.name = "expectation",
	.doc = "What must come of the alert.",
	.size = sizeof(struct expectation),
	SCHEMA_FIELDS(expect_fields),
	.pos_offset = offsetof(struct expectation, pos) + 1,
};

static const struct schema_field case_fields[] = {
	{ .name = "name",
	    .kind = FIELD_STRING,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .offset = offsetof(struct route_case, name),
	    .doc = "What the case shows." },
	{ .name = "alert",
	    .kind = FIELD_CUSTOM,
	    .flags = FIELD_REQUIRED,
	    .custom = read_labels,
	    .offset = offsetof(struct route_case, labels),
	    .doc = "The labels of the alert." },
	{ .name = "firing",
	    .kind = FIELD_CUSTOM,
	    .custom = read_sets,
	    .offset = offsetof(struct route_case, firing),
	    .doc = "The labels of other alerts that fire at the same time." },
	{ .name = "silences",
	    .kind = FIELD_CUSTOM,
	    .custom = read_silences,
	    .offset = offsetof(struct route_case, silences),
	    .doc = "The matchers of silences that are active." },
	{ .name = "at",
	    .kind = FIELD_CUSTOM,
	    .custom = read_time,
	    .offset = offsetof(struct route_case, at),
	    .doc = "When; without it no time interval keeps a route silent." },
	{ .name = "expect",
	    .kind = FIELD_SUB,
	    .flags = FIELD_REQUIRED,
	    .sub = &expect_schema,
	    .offset = offsetof(struct route_case, expect),
	    .doc = "What must come of it." },
};

static const struct schema case_schema = {
	.name = "case",
	.doc = "An alert, what is around it, and who must be told.",
	.size = sizeof(struct route_case),
	SCHEMA_FIELDS(case_fields),
	.pos_offset = offsetof(struct route_case, pos) + 1,
	.check = check_case,
};

static const struct schema_field file_fields[] = {
	{ .name = "config",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY | FIELD_PATH,
	    .offset = offsetof(struct route_cases, config_path),
	    .doc = "The configuration, relative to this file." },
	{ .name = "cases",
	    .kind = FIELD_SUB_LIST,
	    .flags = FIELD_REQUIRED,
	    .sub = &case_schema,
	    .offset = offsetof(struct route_cases, list),
	    .doc = "One expectation each." },
};

static const struct schema file_schema = {
	.name = "file of cases",
	.doc = "Who must be told of what.",
	.size = sizeof(struct route_cases),
	SCHEMA_FIELDS(file_fields),
	.pos_offset = offsetof(struct route_cases, pos) + 1,
};

/* ---- against the configuration ----------------------------------------------------------- */

static void
check_names(const struct route_cases *cases, const struct string_list *names, struct diag *diag)
{
	const struct config *config = cases->config;
	const char **known = ARENA_ARRAY(cases->arena, config->n_receivers + 1, const char *);

	for (uint32_t i = 0; i < config->n_receivers; i++)
		known[i] = config->receivers[i].name;
	for (uint32_t i = 0; i < names->n; i++) {
		if (config_receiver(config, names->items[i]) != NULL)
			continue;
		const char *near =
		    schema_suggest_among(known, config->n_receivers, str_from(names->items[i]));
		if (near != NULL)
			diag_error(diag, names->pos[i],
			    "there is no receiver '%s' (did you mean '%s'?)", names->items[i],
			    near);
		else
			diag_error(
			    diag, names->pos[i], "there is no receiver '%s'", names->items[i]);
	}
}

static void
check_receivers(const struct route_cases *cases, struct diag *diag)
{
	for (uint32_t i = 0; i < cases->list.n; i++) {
		const struct route_case *c = cases->list.items[i];
		check_names(cases, &c->expect->receivers, diag);
		check_names(cases, &c->expect->routes_to, diag);
	}
}

static void
load_config(struct route_cases *cases, const char *config_path, struct diag *diag)
{
	if (cases->list.n == 0) {
		diag_error(diag, cases->pos, "there is no case in it");
		return;
	}
	if (config_path == NULL) {
		diag_error(diag, cases->pos,
		    "no configuration is named: config: tocsin.yml (or give --config.file)");
		return;
	}
	cases->config = config_load(config_path, core_kinds(), diag);
	if (cases->config != NULL && cases->config->root == NULL)
		diag_error(diag, cases->pos, "%s has no routes", config_path);
	else if (cases->config != NULL)
		check_receivers(cases, diag);
}

struct route_cases *
route_cases_read(const char *path, const char *config_path, struct diag *diag)
{
	struct route_cases *cases = xcalloc(1, sizeof(*cases));
	struct arena *arena = arena_new(0);
	const char *slash = strrchr(path, '/');
	struct schema_context ctx = {
		.arena = arena,
		.diag = diag,
		.dir = slash == NULL ? "."
				     : arena_printf(arena, "%.*s",
					   slash == path ? 1 : (int)(slash - path), path),
	};
	const struct yaml_node *root = yaml_parse_file(arena, diag, path);

	if (root != NULL)
		schema_read(&ctx, &file_schema, root, cases);
	cases->arena = arena;
	if (diag_errors(diag) == 0)
		load_config(cases, config_path != NULL ? config_path : cases->config_path, diag);
	if (diag_errors(diag) == 0)
		return cases;
	route_cases_free(cases);
	return NULL;
}

static void
case_fini(struct route_case *c)
{
	labels_unref(c->labels);
	for (uint32_t i = 0; i < c->firing.n; i++)
		labels_unref(c->firing.items[i]);
	for (uint32_t i = 0; i < c->silences.n; i++)
		matchers_free(c->silences.items[i]);
}

void
route_cases_free(struct route_cases *cases)
{
	if (cases == NULL)
		return;
	for (uint32_t i = 0; i < cases->list.n; i++)
		case_fini(cases->list.items[i]);
	config_unref(cases->config);
	arena_free(cases->arena);
	free(cases);
}

uint32_t
route_cases_count(const struct route_cases *cases)
{
	return cases->list.n;
}
