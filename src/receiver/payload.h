/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree of lists, mappings and templates, as YAML has it, and the JSON it
 * expands to.
 *
 * Texts are templates.  One whose expansion is JSON of another kind (a number,
 * true, a list from toJson) becomes that, as Alertmanager does it with YAML.
 */
#pragma once

#include "base/buf.h"
#include "config/schema.h"
#include "receiver/receiver.h"

struct payload;

/* FIELD_CUSTOM's function for a member of type struct payload *, and its JSON Schema. */
void payload_read(struct schema_context *ctx, const struct yaml_node *node, void *member);
#define PAYLOAD_JSON_SCHEMA "{}"
/* The same, but only a mapping will do. */
void payload_read_map(struct schema_context *ctx, const struct yaml_node *node, void *member);
#define PAYLOAD_MAP_JSON_SCHEMA "{\"type\": \"object\"}"

enum payload_texts {
	PAYLOAD_TYPED,    /* any JSON in a text becomes that */
	PAYLOAD_TEXTS,    /* only lists and mappings do; the rest stays text */
};
void payload_put(const struct payload *payload, const struct notification *n, enum payload_texts texts, struct buf *out);

struct payload_member {
	struct str key; /* expanded, in the arena */
	const struct payload *value;
};
/* A mapping's members in the order of the file; NULL: none. */
uint32_t payload_members(const struct payload *payload, const struct notification *n, struct arena *arena, struct payload_member **ret);
