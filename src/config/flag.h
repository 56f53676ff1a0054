/* SPDX-License-Identifier: Apache-2.0 */
/* A truth value that knows whether it was given at all. */
#pragma once

#include "config/schema.h"

enum flag { FLAG_ABSENT, FLAG_FALSE, FLAG_TRUE };

/* FIELD_CUSTOM's function for a member of type enum flag, and its JSON Schema. */
void flag_read(struct schema_context *ctx, const struct yaml_node *node, void *member);
#define FLAG_JSON_SCHEMA "{\"type\": \"boolean\"}"

static inline bool
flag_or(enum flag flag, bool when_absent)
{
	return flag == FLAG_ABSENT ? when_absent : flag == FLAG_TRUE;
}
