/* SPDX-License-Identifier: Apache-2.0 */
/* Operators, levels and the way back: read, checked, judged. */
#include "config.h"

#include "rule/levels.h"

#include <assert.h>
#include <stdlib.h>

const char *const op_names[] = { ">", ">=", "<", "<=", "==", "!=", NULL };
static_assert(ARRAY_LEN(op_names) == OP_COUNT + 1, "a name for every op");

bool
op_holds(enum op op, double a, double b)
{
	switch (op) {
	case OP_GT:
		return a > b;
	case OP_GE:
		return a >= b;
	case OP_LT:
		return a < b;
	case OP_LE:
		return a <= b;
	case OP_EQ:
		return !(a < b) && !(a > b);
	case OP_NE:
		return a < b || a > b;
	case OP_COUNT:
		break;
	}
	return false;
}

enum outcome
levels_judge(const struct levels *levels, uint32_t level, double value)
{
	const struct level *l = &levels->level[level];

	if (isnan(value))
		return OUTCOME_INSUFFICIENT;
	if (op_holds((enum op)levels->op, value, l->value))
		return OUTCOME_BREACH;
	return op_holds((enum op)levels->op, value, l->recover) ? OUTCOME_HOLD : OUTCOME_OK;
}

const char *
levels_severity(const struct levels *levels, uint8_t level)
{
	return level < levels->n ? levels->level[level].name : NULL;
}

void
levels_identity(const struct levels *levels, struct buf *out)
{
	buf_printf(out, "%c%d", '\0', levels->op);
	for (uint32_t i = 0; i < levels->n; i++) {
		const struct level *level = &levels->level[i];

		buf_printf(
		    out, "%c%s=%.17g", '\0', level->name != NULL ? level->name : "", level->value);
	}
}

/* --- reading the settings ------------------------------------------------ */

static void
read_number(struct schema_context *ctx, const struct yaml_node *node, double *ret)
{
	if (node->kind != YAML_SCALAR || !str_to_double(node->text, ret) || isnan(*ret)) {
		diag_error(ctx->diag, node->pos, "recover is a number, or a number for each level");
		*ret = (double)NAN;
	}
}

void
levels_read_recover(struct schema_context *ctx, const struct yaml_node *node, void *member)
{
	struct recover *recover = member;

	recover->set = true;
	recover->pos = node->pos;
	recover->value = (double)NAN;
	if (node->kind != YAML_MAPPING) {
		read_number(ctx, node, &recover->value);
		return;
	}
	recover->by_level.pairs = ARENA_ARRAY(ctx->arena, node->n, struct number_pair);
	recover->by_level.n = node->n;
	for (uint32_t i = 0; i < node->n; i++) {
		struct number_pair *pair = &recover->by_level.pairs[i];

		pair->key = arena_str(ctx->arena, node->pairs[i].key->text).p;
		pair->pos = node->pairs[i].value->pos;
		read_number(ctx, node->pairs[i].value, &pair->value);
	}
}

static const struct level *
level_named(const struct levels *levels, const char *name)
{
	for (uint32_t i = 0; i < levels->n; i++)
		if (levels->level[i].name != NULL && strcmp(levels->level[i].name, name) == 0)
			return &levels->level[i];
	return NULL;
}

/* The way back must lie where the value is fine. */
static void
set_recover(struct schema_context *ctx, const struct levels *levels, struct level *level,
    double value, struct pos pos)
{
	enum op op = (enum op)levels->op;

	if (isnan(value))
		return;
	if (op_holds(op, value, level->value) && (value < level->value || value > level->value)) {
		diag_error(ctx->diag, pos,
		    "recover %g must be %s than the threshold %g, since the "
		    "alert is for values %s %g",
		    value, op == OP_GT || op == OP_GE ? "less" : "greater", level->value,
		    op_names[op], level->value);
		return;
	}
	level->recover = value;
}

static void
apply_recover(struct schema_context *ctx, struct levels *levels)
{
	const struct recover *recover = &levels->recover;

	if (!recover->set)
		return;
	if (levels->op == OP_EQ || levels->op == OP_NE) {
		diag_error(ctx->diag, recover->pos, "recover makes no sense with op '%s'",
		    op_names[levels->op]);
		return;
	}
	if (!isnan(recover->value)) {
		for (uint32_t i = 0; i < levels->n; i++)
			set_recover(ctx, levels, &levels->level[i], recover->value, recover->pos);
		return;
	}
	for (uint32_t i = 0; i < recover->by_level.n; i++) {
		const struct number_pair *pair = &recover->by_level.pairs[i];
		const struct level *level = level_named(levels, pair->key);

		if (level == NULL)
			diag_error(ctx->diag, pair->pos,
			    "recover names '%s', which is no level of this "
			    "rule",
			    pair->key);
		else
			set_recover(ctx, levels, &levels->level[level - levels->level], pair->value,
			    pair->pos);
	}
}

/* How bad a well-known name is; -1: not known. */
static int
severity_rank(const char *name)
{
	static const struct {
		const char *name;
		int rank;
	} ranks[] = {
		{ "none", 0 },
		{ "info", 0 },
		{ "notice", 0 },
		{ "low", 0 },
		{ "warning", 1 },
		{ "warn", 1 },
		{ "minor", 1 },
		{ "medium", 1 },
		{ "error", 2 },
		{ "major", 2 },
		{ "high", 2 },
		{ "critical", 3 },
		{ "page", 3 },
		{ "fatal", 4 },
		{ "emergency", 4 },
		{ "disaster", 4 },
	};

	for (size_t i = 0; i < ARRAY_LEN(ranks); i++)
		if (strcmp(name, ranks[i].name) == 0)
			return ranks[i].rank;
	return -1;
}

/* Is b further out than a? */
static bool
is_beyond(enum op op, double b, double a)
{
	return op == OP_GT || op == OP_GE ? b > a : b < a;
}

static void
check_pair(struct schema_context *ctx, enum op op, const struct number_pair *a,
    const struct number_pair *b)
{
	int rank_a = severity_rank(a->key), rank_b = severity_rank(b->key);

	if (!is_beyond(op, a->value, b->value) && !is_beyond(op, b->value, a->value)) {
		diag_error(
		    ctx->diag, b->pos, "levels '%s' and '%s' have the same value", a->key, b->key);
		return;
	}
	if (rank_a < 0 || rank_b < 0 || rank_a == rank_b)
		return;
	if (rank_a > rank_b) {
		const struct number_pair *swap = a;

		a = b;
		b = swap;
	}
	if (!is_beyond(op, b->value, a->value))
		diag_error(ctx->diag, b->pos,
		    "level '%s' (%g) must lie beyond '%s' (%g) for op '%s'", b->key, b->value,
		    a->key, a->value, op_names[op]);
}

static int
mildest_first_up(const void *a, const void *b)
{
	const struct level *x = a, *y = b;

	return x->value < y->value ? -1 : x->value > y->value;
}

static int
mildest_first_down(const void *a, const void *b)
{
	return mildest_first_up(b, a);
}

static void
read_levels(struct schema_context *ctx, struct levels *levels)
{
	const struct number_map *map = &levels->map;
	enum op op = (enum op)levels->op;

	if (op == OP_EQ || op == OP_NE) {
		diag_error(ctx->diag, map->pairs[0].pos,
		    "levels make no sense with op '%s'; use value", op_names[op]);
		return;
	}
	if (map->n > RULE_LEVELS_MAX) {
		diag_error(ctx->diag, map->pairs[RULE_LEVELS_MAX].pos, "more than %d levels",
		    RULE_LEVELS_MAX);
		return;
	}
	for (uint32_t i = 0; i < map->n; i++) {
		const struct number_pair *pair = &map->pairs[i];

		if (pair->key[0] == '\0')
			diag_error(ctx->diag, pair->pos,
			    "a level needs a name; it becomes the label "
			    "severity");
		for (uint32_t j = 0; j < i; j++)
			check_pair(ctx, op, &map->pairs[j], pair);
		levels->level[levels->n++] = (struct level){ pair->key, pair->value, pair->value };
	}
	qsort(levels->level, levels->n, sizeof(levels->level[0]),
	    op == OP_GT || op == OP_GE ? mildest_first_up : mildest_first_down);
}

void
levels_check(struct schema_context *ctx, struct levels *levels, struct pos pos, const char *kind,
    const char *key)
{
	levels->n = 0;
	if (levels->map.n > 0)
		read_levels(ctx, levels);
	else if (!isnan(levels->value))
		levels->level[levels->n++] = (struct level){ NULL, levels->value, levels->value };
	else
		diag_error(ctx->diag, pos, "%s needs %s, or levels with a number each", kind, key);
	apply_recover(ctx, levels);
}
