/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds by name, for kind.c and for themselves; nobody else includes this.
 */
#pragma once

#include "rule/kind.h"

#define RULE_KIND(name)                                                                            \
	extern const struct rule_kind rule_kind_##name;                                            \
	extern const struct rule_kind_schema rule_kind_##name##_schema;
#include "rule/kinds.inc"
#undef RULE_KIND

/* Where a group's queries look: its query_offset before the slot. */
wall_t rule_query_at(const struct rule_config *rule, wall_t now);
/* The usual plan: one query at rule_query_at(). */
void rule_plan_one(
    const struct rule_config *rule, wall_t now, const char *query, struct rule_plan *ret);
/* The text without white space around it, in the arena; a finding and "" when
 * nothing is left. */
const char *rule_query_text(
    struct schema_context *ctx, const char *text, struct pos pos, const char *what);
