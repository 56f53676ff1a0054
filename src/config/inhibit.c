/* SPDX-License-Identifier: Apache-2.0 */
/* Inhibition rules: matchers of both sides, and labels that must be equal. */
#include <config.h>

#include "config/internal.h"

struct inhibit_raw {
	const char *name;
	struct string_map source_match, source_match_re;
	struct string_map target_match, target_match_re;
	struct string_list source_matchers, target_matchers, equal;
	const struct yaml_node *node;
};

#define MEMBER(m) .offset = offsetof(struct inhibit_raw, m)

static const struct schema_field inhibit_fields[] = {
	{ .name = "name", .kind = FIELD_STRING, MEMBER(name),
	    .doc = "Name, for the log." },
	{ .name = "source_matchers", .kind = FIELD_STRING_LIST,
	    MEMBER(source_matchers), .doc = "Alerts that mute others." },
	{ .name = "target_matchers", .kind = FIELD_STRING_LIST,
	    MEMBER(target_matchers), .doc = "Alerts that are muted." },
	{ .name = "source_match", .kind = FIELD_STRING_MAP,
	    .flags = FIELD_DEPRECATED, MEMBER(source_match),
	    .doc = "Old form of source_matchers." },
	{ .name = "source_match_re", .kind = FIELD_STRING_MAP,
	    .flags = FIELD_DEPRECATED | FIELD_NONEMPTY, MEMBER(source_match_re),
	    .doc = "Old form of source_matchers." },
	{ .name = "target_match", .kind = FIELD_STRING_MAP,
	    .flags = FIELD_DEPRECATED, MEMBER(target_match),
	    .doc = "Old form of target_matchers." },
	{ .name = "target_match_re", .kind = FIELD_STRING_MAP,
	    .flags = FIELD_DEPRECATED | FIELD_NONEMPTY, MEMBER(target_match_re),
	    .doc = "Old form of target_matchers." },
	{ .name = "equal", .kind = FIELD_STRING_LIST, MEMBER(equal),
	    .doc = "Labels whose values must be the same on both sides." },
};

const struct schema schema_inhibit_rule = {
	.name = "inhibit rule",
	.doc = "While a source alert fires, target alerts are not sent.",
	.size = sizeof(struct inhibit_raw),
	SCHEMA_FIELDS(inhibit_fields),
	.node_offset = offsetof(struct inhibit_raw, node) + 1,
};

static void
inhibit_make(struct loader *l, const struct inhibit_raw *raw,
    struct inhibit_config *rule)
{
	rule->name = raw->name;
	rule->pos = raw->node->pos;
	rule->source = matchers_build(l, raw->node, "source_matchers",
	    "source_match", "source_match_re");
	rule->target = matchers_build(l, raw->node, "target_matchers",
	    "target_match", "target_match_re");
	rule->equal = ARENA_ARRAY(l->ctx.arena, raw->equal.n + 1, struct str);
	for (uint32_t i = 0; i < raw->equal.n; i++) {
		rule->equal[rule->n_equal++] = str_from(raw->equal.items[i]);
		if (raw->equal.items[i][0] == '\0') {
			diag_error(l->ctx.diag, raw->equal.pos[i],
			    "a label name in equal must not be empty");
		} else if (!label_name_is_allowed(str_from(raw->equal.items[i]))) {
			diag_error(l->ctx.diag, raw->equal.pos[i],
			    "'%s' is no label name in classic mode", raw->equal.items[i]);
		}
	}
}

void
inhibit_build(struct loader *l, const struct sub_list *raws)
{
	struct config *config = &l->generation->config;

	config->inhibit_rules = ARENA_ARRAY(l->ctx.arena, raws->n + 1,
	    struct inhibit_config);
	for (uint32_t i = 0; i < raws->n; i++) {
		const struct inhibit_raw *raw = raws->items[i];

		inhibit_make(l, raw,
		    &config->inhibit_rules[config->n_inhibit_rules++]);
	}
}
