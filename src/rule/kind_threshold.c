/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `threshold:`: a query, a comparison, one value or one per level, and how far
 * back a value must go before the alert clears.
 *
 * Each level is an alert of its own, told apart by the label severity.  With
 * recover, a value between threshold and recovery holds a firing alert and
 * starts none: a value that wobbles around the threshold does not flap.
 * Levels are kept from the mildest to the most severe.
 */
#include "config.h"

#include <assert.h>
#include <stdlib.h>

#include "rule/kinds.h"

enum op {
	OP_GT,
	OP_GE,
	OP_LT,
	OP_LE,
	OP_EQ,
	OP_NE,
	OP_COUNT
};
static const char *const op_names[] = { ">", ">=", "<", "<=", "==", "!=", NULL };
static_assert(ARRAY_LEN(op_names) == OP_COUNT + 1, "a name for every op");

struct recover {
	bool set;
	double value; /* for all levels; NAN: by_level */
	struct number_map by_level;
	struct pos pos;
};

struct level {
	const char *name; /* NULL: the rule has one value and no levels */
	double value;
	double recover; /* the value itself when there is no way back to go */
};

struct threshold_settings {
	const char *query;
	int op;
	double value;
	struct number_map levels;
	struct recover recover;
	struct pos pos;
	/* from the above */
	struct level level[RULE_LEVELS_MAX];
	uint32_t n_levels;
};

static bool
compare(enum op op, double a, double b)
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

static enum outcome
judge_value(enum op op, const struct level *level, const struct sample *sample)
{
	if (sample->missing || isnan(sample->value))
		return OUTCOME_INSUFFICIENT;
	if (compare(op, sample->value, level->value))
		return OUTCOME_BREACH;
	return compare(op, sample->value, level->recover) ? OUTCOME_HOLD : OUTCOME_OK;
}

static int
threshold_plan(const struct rule_config *rule, const struct past *past UNUSED, wall_t now,
    struct rule_plan *ret, struct err *err UNUSED)
{
	const struct threshold_settings *settings = rule->settings;

	rule_plan_one(rule, now, settings->query, ret);
	return 0;
}

static int
threshold_judge(const struct rule_input *in, struct judgement *ret, struct err *err UNUSED)
{
	const struct threshold_settings *settings = in->rule->settings;
	const struct vector *answers = in->answers;
	uint32_t total = answers->n * settings->n_levels;
	struct observation *observations = ARENA_ARRAY(in->arena, total, struct observation);
	struct observation *o = observations;

	for (uint32_t i = 0; i < answers->n; i++) {
		const struct sample *sample = &answers->samples[i];

		for (uint32_t level = 0; level < settings->n_levels; level++, o++) {
			*o = (struct observation){
				.sample = sample,
				.outcome = judge_value(
				    (enum op)settings->op, &settings->level[level], sample),
				.value = sample->missing ? (double)NAN : sample->value,
				.level = (uint8_t)level,
			};
		}
	}
	*ret = (struct judgement){ .observations = observations, .n = total };
	return 0;
}

static const char *
threshold_level_severity(const struct rule_config *rule, uint8_t level)
{
	const struct threshold_settings *settings = rule->settings;

	return level < settings->n_levels ? settings->level[level].name : NULL;
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

static void
read_recover(struct schema_context *ctx, const struct yaml_node *node, void *member)
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
level_named(const struct threshold_settings *settings, const char *name)
{
	for (uint32_t i = 0; i < settings->n_levels; i++)
		if (settings->level[i].name != NULL && strcmp(settings->level[i].name, name) == 0)
			return &settings->level[i];
	return NULL;
}

/* The way back must lie where the value is fine. */
static void
set_recover(struct schema_context *ctx, const struct threshold_settings *settings,
    struct level *level, double value, struct pos pos)
{
	enum op op = (enum op)settings->op;

	if (isnan(value))
		return;
	if (compare(op, value, level->value) && (value < level->value || value > level->value)) {
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
apply_recover(struct schema_context *ctx, struct threshold_settings *settings)
{
	const struct recover *recover = &settings->recover;

	if (!recover->set)
		return;
	if (settings->op == OP_EQ || settings->op == OP_NE) {
		diag_error(ctx->diag, recover->pos, "recover makes no sense with op '%s'",
		    op_names[settings->op]);
		return;
	}
	if (!isnan(recover->value)) {
		for (uint32_t i = 0; i < settings->n_levels; i++)
			set_recover(
			    ctx, settings, &settings->level[i], recover->value, recover->pos);
		return;
	}
	for (uint32_t i = 0; i < recover->by_level.n; i++) {
		const struct number_pair *pair = &recover->by_level.pairs[i];
		const struct level *level = level_named(settings, pair->key);

		if (level == NULL)
			diag_error(ctx->diag, pair->pos,
			    "recover names '%s', which is no level of this "
			    "rule",
			    pair->key);
		else
			set_recover(ctx, settings, &settings->level[level - settings->level],
			    pair->value, pair->pos);
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
read_levels(struct schema_context *ctx, struct threshold_settings *settings)
{
	const struct number_map *map = &settings->levels;
	enum op op = (enum op)settings->op;

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
		settings->level[settings->n_levels++] =
		    (struct level){ pair->key, pair->value, pair->value };
	}
	qsort(settings->level, settings->n_levels, sizeof(settings->level[0]),
	    op == OP_GT || op == OP_GE ? mildest_first_up : mildest_first_down);
}

static void
threshold_check(struct schema_context *ctx, void *value, const struct yaml_node *node UNUSED)
{
	struct threshold_settings *settings = value;

	settings->n_levels = 0;
	if (settings->op < 0) /* missing or wrong: said already */
		return;
	if (settings->query != NULL)
		settings->query = rule_query_text(ctx, settings->query, settings->pos, "query");
	if (settings->levels.n > 0)
		read_levels(ctx, settings);
	else if (!isnan(settings->value))
		settings->level[settings->n_levels++] =
		    (struct level){ NULL, settings->value, settings->value };
	else
		diag_error(ctx->diag, settings->pos,
		    "threshold needs value, or levels with a number each");
	apply_recover(ctx, settings);
}

static void
threshold_finish(struct schema_context *ctx UNUSED, struct rule_config *rule)
{
	const struct threshold_settings *settings = rule->settings;

	rule->query_text = settings->query;
}

static void
threshold_identity(const struct rule_config *rule, struct buf *out)
{
	const struct threshold_settings *settings = rule->settings;

	config_normalize_query(str_from(rule->query_text), out);
	buf_printf(out, "%c%d", '\0', settings->op);
	/* recover is left out: to change it is to change when alerts end, not
	 * what they are. */
	for (uint32_t i = 0; i < settings->n_levels; i++) {
		const struct level *level = &settings->level[i];

		buf_printf(
		    out, "%c%s=%.17g", '\0', level->name != NULL ? level->name : "", level->value);
	}
}

static const struct schema_field threshold_fields[] = {
	{ .name = "query",
	    .kind = FIELD_STRING,
	    .offset = offsetof(struct threshold_settings, query),
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .doc = "What to look at, in the source's language, without the "
		   "comparison." },
	{ .name = "op",
	    .kind = FIELD_ENUM,
	    .offset = offsetof(struct threshold_settings, op),
	    .flags = FIELD_REQUIRED,
	    .choices = op_names,
	    .doc = "How the value is compared with the threshold." },
	{ .name = "value",
	    .kind = FIELD_DOUBLE,
	    .offset = offsetof(struct threshold_settings, value),
	    .exclusive = "value or levels",
	    .doc = "The threshold." },
	{ .name = "levels",
	    .kind = FIELD_NUMBER_MAP,
	    .offset = offsetof(struct threshold_settings, levels),
	    .flags = FIELD_NONEMPTY,
	    .exclusive = "value or levels",
	    .doc = "Thresholds by name; each is an alert of its own with its "
		   "name as the label severity." },
	{ .name = "recover",
	    .kind = FIELD_CUSTOM,
	    .offset = offsetof(struct threshold_settings, recover),
	    .custom = read_recover,
	    .json_schema = "{\"anyOf\":[{\"type\":\"number\"},{\"type\":\"object\","
			   "\"additionalProperties\":{\"type\":\"number\"}}]}",
	    .doc = "A firing alert clears only beyond this; a number, or one "
		   "for each level." },
};

static const struct schema threshold_schema = {
	.name = "threshold",
	.doc = "Compares each series with a value or with several levels, with "
	       "hysteresis.",
	.size = sizeof(struct threshold_settings),
	SCHEMA_FIELDS(threshold_fields),
	.pos_offset = offsetof(struct threshold_settings, pos) + 1,
	.check = threshold_check,
};

const struct rule_kind_schema rule_kind_threshold_schema = {
	.name = "threshold",
	.schema = &threshold_schema,
	.finish = threshold_finish,
	.identity = threshold_identity,
};

const struct rule_kind rule_kind_threshold = {
	.schema = &rule_kind_threshold_schema,
	.plan = threshold_plan,
	.judge = threshold_judge,
	.level_severity = threshold_level_severity,
};
