/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `composite:`: a condition over what other rules say.
 *
 * It asks nobody: it looks at the alerts that the rules it names have pending
 * or firing, as they were evaluated last.  With `by`, the alerts are put into
 * groups by these labels and each group is judged by itself; without, there is
 * one group of all.  A name that no rule has, and a composite that depends on
 * itself, are errors when the configuration is loaded.
 */
#include "config.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/xalloc.h"
#include "rule/kinds.h"
#include "rule/series.h"
#include "rule/when.h"

#define GROUPS_MAX 50000
#define CHAIN_MAX  32 /* composites of composites of ... */

enum counted {
	COUNTED_FIRING,
	COUNTED_PENDING
};
static const char *const counted_names[] = { "firing", "pending", NULL };

struct condition {
	const char *text;
	const struct when *when; /* NULL: wrong, said already */
	struct pos *pos;         /* of each name */
};

struct composite_settings {
	struct {
		const char *text;
		const struct when *when; /* NULL: wrong, said already */
		struct pos *pos;         /* of each name */
	} when;
	struct string_list by;
	int counted;
	struct pos pos;
};

static int
composite_plan(const struct rule_config *rule UNUSED, const struct past *past UNUSED,
    wall_t now UNUSED, struct rule_plan *ret, struct err *err UNUSED)
{
	ret->n = 0;
	return 0;
}

/* --- judging ----------------------------------------------------------- */

struct group_of {
	struct str key;
	struct label_view *labels; /* sorted by name */
	uint32_t n_labels;
	uint32_t *counts;
};

struct gathering {
	const struct composite_settings *settings;
	struct arena *arena;
	struct map groups; /* of struct group_of */
	struct group_of **order;
	size_t cap;
	uint32_t n;
	uint32_t name; /* whose alerts are being told */
	bool overflow;
};

static bool
group_is(const void *value, const void *key)
{
	return str_eq(((const struct group_of *)value)->key, *(const struct str *)key);
}

/* The values of the `by` labels, which is the group; by is sorted. */
static struct str
put_key(struct gathering *g, const struct labels *labels)
{
	struct buf text = { 0 };
	struct str whole;

	for (uint32_t i = 0; i < g->settings->by.n; i++) {
		struct str value = labels_value(labels, str_from(g->settings->by.items[i]));

		buf_put_u32le(&text, value.n);
		buf_put_str(&text, value);
	}
	whole = arena_str(g->arena, buf_str(&text));
	buf_fini(&text);
	return whole;
}

static struct group_of *
group_for(struct gathering *g, const struct labels *labels)
{
	struct str key = labels != NULL ? put_key(g, labels) : STR("");
	uint64_t hash = hash_bytes(key.p, key.n);
	struct group_of *group = map_find(&g->groups, hash, group_is, &key);

	if (group != NULL)
		return group;
	if (g->n == GROUPS_MAX) {
		g->overflow = true;
		return NULL;
	}
	group = ARENA_NEW(g->arena, struct group_of);
	*group = (struct group_of){ .key = key,
		.labels = ARENA_ARRAY(g->arena, g->settings->by.n, struct label_view),
		.counts = ARENA_ARRAY(g->arena, WHEN_NAMES_MAX, uint32_t) };
	for (uint32_t i = 0; labels != NULL && i < g->settings->by.n; i++) {
		struct str name = str_from(g->settings->by.items[i]);
		struct str value = labels_value(labels, name);

		if (value.n > 0)
			group->labels[group->n_labels++] =
			    (struct label_view){ name, arena_str(g->arena, value) };
	}
	map_insert(&g->groups, hash, group);
	g->order = xgrow(g->order, &g->cap, (size_t)g->n + 1, sizeof(struct group_of *));
	g->order[g->n++] = group;
	return group;
}

static void
take_alert(void *arg, const struct labels *labels, enum alert_state state)
{
	struct gathering *g = arg;
	struct group_of *group;

	if (state != ALERT_FIRING &&
	    !(state == ALERT_PENDING && g->settings->counted == COUNTED_PENDING))
		return;
	group = group_for(g, labels);
	if (group != NULL)
		group->counts[g->name]++;
}

static const struct explain *
explain_group(
    const struct composite_settings *settings, const struct group_of *group, struct arena *arena)
{
	const struct when *when = settings->when.when;
	struct explain *explain = ARENA_NEW(arena, struct explain);
	struct buf detail = { 0 }, one = { 0 }, said = { 0 };

	*explain = explain_none;
	explain->method = "composite";
	buf_puts(&detail, "{\"alerts\":");
	buf_putc(&one, '{');
	for (uint32_t i = 0; i < when->n_names; i++) {
		detail_number(&one, when->names[i], group->counts[i]);
		buf_printf(&said, "%s%s %u", i > 0 ? ", " : "", when->names[i], group->counts[i]);
	}
	buf_printf(&detail, "%s}}", one.p);
	explain->detail = arena_str(arena, buf_str(&detail));
	explain->said = arena_str(arena, buf_str(&said));
	buf_fini(&said);
	buf_fini(&one);
	buf_fini(&detail);
	return explain;
}

static void
judge_groups(const struct gathering *g, struct judgement *ret)
{
	const struct when *when = g->settings->when.when;

	series_observations(g->arena, g->n, 1, ret);
	for (uint32_t i = 0; i < g->n; i++) {
		const struct group_of *group = g->order[i];
		uint32_t total = 0;

		for (uint32_t k = 0; k < when->n_names; k++)
			total += group->counts[k];
		ret->observations[ret->n++] = (struct observation){
			.made = true,
			.labels = group->labels,
			.n_labels = group->n_labels,
			.outcome = when_holds(when, group->counts) ? OUTCOME_BREACH : OUTCOME_OK,
			.value = total,
			.explain = explain_group(g->settings, group, g->arena),
		};
	}
}

static int
composite_judge(const struct rule_input *in, struct judgement *ret, struct err *err)
{
	const struct composite_settings *settings = in->rule->settings;
	struct gathering g = { .settings = settings, .arena = in->arena };
	int code = 0;

	if (in->others == NULL)
		return err_set(err, ERR_INVALID, "there are no other rules to look at here");
	if (settings->by.n == 0)
		group_for(&g, NULL);
	for (g.name = 0; g.name < settings->when.when->n_names; g.name++)
		in->others->alerts(
		    in->others->arg, str_from(settings->when.when->names[g.name]), take_alert, &g);
	if (g.overflow)
		code = err_set(err, ERR_LIMIT, "more than %d groups", GROUPS_MAX);
	else
		judge_groups(&g, ret);
	map_fini(&g.groups);
	free(g.order);
	return code;
}

static const char *
composite_level_severity(const struct rule_config *rule UNUSED, uint8_t level UNUSED)
{
	return NULL;
}

/* --- settings ---------------------------------------------------------- */

static void
read_when(struct schema_context *ctx, const struct yaml_node *node, void *member)
{
	struct condition *condition = member;
	struct err err = { .at = ERR_NOWHERE };
	const struct when *when;

	condition->text = schema_scalar(ctx, node, "a condition such as A and not B");
	if (condition->text == NULL)
		return;
	when = when_parse(ctx->arena, str_from(condition->text), &err);
	condition->when = when;
	if (when == NULL) {
		schema_error_in(ctx, node, &err, "when");
		return;
	}
	condition->pos = ARENA_ARRAY(ctx->arena, when->n_names, struct pos);
	for (uint32_t i = 0; i < when->n_names; i++)
		condition->pos[i] = yaml_pos_at(node, when->at[i]);
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
composite_check(struct schema_context *ctx, void *value, const struct yaml_node *node UNUSED)
{
	struct composite_settings *settings = value;

	if (settings->by.n > 1)
		qsort(
		    settings->by.items, settings->by.n, sizeof(*settings->by.items), compare_texts);
	for (uint32_t i = 0; i < settings->by.n; i++) {
		if (strcmp(settings->by.items[i], "alertname") == 0)
			diag_error(ctx->diag, settings->by.pos[i],
			    "alerts of different rules never share alertname; group by what "
			    "they have in common");
		if (i > 0 && strcmp(settings->by.items[i], settings->by.items[i - 1]) == 0)
			diag_error(ctx->diag, settings->by.pos[i], "'%s' is named twice",
			    settings->by.items[i]);
	}
}

static void
composite_finish(struct schema_context *ctx UNUSED, struct rule_config *rule)
{
	rule->query_text = ((const struct composite_settings *)rule->settings)->when.text;
}

static void
composite_identity(const struct rule_config *rule, struct buf *out)
{
	const struct composite_settings *settings = rule->settings;

	config_normalize_query(str_from(settings->when.text), out);
	buf_printf(out, "%c%d", '\0', settings->counted);
	for (uint32_t i = 0; i < settings->by.n; i++)
		buf_printf(out, "%c%s", '\0', settings->by.items[i]);
}

/* --- all rules together ------------------------------------------------ */

/* The alerting rules of one name. */
struct named {
	const char *name;
	const struct rule_config *rule; /* a composite of that name, NULL: none */
	const struct named *next;       /* of the composites with this name */
	enum {
		UNSEEN,
		UNDER_WAY,
		DONE
	} state;
};

struct survey {
	struct schema_context *ctx;
	const struct config *config;
	struct map by_name;
	struct named **list; /* composites */
	uint32_t n;
	bool complete;
};

static bool
named_is(const void *value, const void *key)
{
	return strcmp(((const struct named *)value)->name, key) == 0;
}

static struct named *
find_named(const struct survey *s, const char *name)
{
	return map_find(&s->by_name, hash_bytes(name, strlen(name)), named_is, name);
}

static void
add_rule(struct survey *s, const struct rule_config *rule)
{
	bool is_composite = rule->kind == &rule_kind_composite_schema;
	struct named *known = find_named(s, rule->name), *named;

	if (known != NULL && !is_composite)
		return;
	named = ARENA_NEW(s->ctx->arena, struct named);
	*named = (struct named){ .name = rule->name, .rule = is_composite ? rule : NULL };
	if (is_composite)
		s->list[s->n++] = named;
	if (known != NULL) {
		named->next = known->next;
		known->next = named;
	} else {
		map_insert(&s->by_name, hash_bytes(rule->name, strlen(rule->name)), named);
	}
}

static const char *
suggest(const struct survey *s, const char *name)
{
	const char **names = ARENA_ARRAY(s->ctx->arena, s->by_name.n, const char *);
	const struct named *named;
	size_t n = 0;

	for (size_t it = 0; (named = map_next(&s->by_name, &it)) != NULL;)
		names[n++] = named->name;
	return schema_suggest_among(names, n, str_from(name));
}

static void
check_names(const struct survey *s, const struct rule_config *rule)
{
	const struct composite_settings *settings = rule->settings;

	for (uint32_t i = 0; i < settings->when.when->n_names; i++) {
		const char *name = settings->when.when->names[i], *meant;

		if (find_named(s, name) != NULL)
			continue;
		meant = suggest(s, name);
		diag_error(s->ctx->diag, settings->when.pos[i],
		    "no rule raises an alert '%s'%s%s%s", name,
		    meant != NULL ? " (did you mean '" : "", meant != NULL ? meant : "",
		    meant != NULL ? "'?)" : "");
	}
}

static bool follow(struct survey *s, struct named *named, uint32_t depth);

static bool
follow_name(struct survey *s, const struct composite_settings *settings, uint32_t i, uint32_t depth)
{
	struct named *to = find_named(s, settings->when.when->names[i]);

	for (; to != NULL; to = (struct named *)(uintptr_t)to->next) {
		if (to->rule == NULL || to->state == DONE)
			continue;
		if (to->state == UNDER_WAY) {
			diag_error(s->ctx->diag, settings->when.pos[i],
			    "'%s' depends on itself: composites must not form a circle", to->name);
			diag_note(s->ctx->diag, to->rule->pos, "the rule is here");
			return false;
		}
		if (!follow(s, to, depth + 1))
			return false;
	}
	return true;
}

/* False: a circle was found and told of. */
static bool
follow(struct survey *s, struct named *named, uint32_t depth)
{
	const struct composite_settings *settings = named->rule->settings;
	bool ok = true;

	if (depth > CHAIN_MAX) {
		diag_error(s->ctx->diag, named->rule->pos,
		    "composites depend on composites more than %d deep", CHAIN_MAX);
		return false;
	}
	named->state = UNDER_WAY;
	for (uint32_t i = 0; ok && i < settings->when.when->n_names; i++)
		ok = follow_name(s, settings, i, depth);
	named->state = DONE;
	return ok;
}

static void
composite_check_all(struct schema_context *ctx, const struct config *config, bool complete)
{
	struct survey s = { .ctx = ctx, .config = config, .complete = complete };

	s.list = ARENA_ARRAY(ctx->arena, config->n_rules, struct named *);
	for (uint32_t g = 0; g < config->n_groups; g++)
		for (uint32_t r = 0; r < config->groups[g].n_rules; r++)
			if (!config->groups[g].rules[r].recording)
				add_rule(&s, &config->groups[g].rules[r]);
	for (uint32_t i = 0; i < s.n; i++) {
		if (complete)
			check_names(&s, s.list[i]->rule);
		if (s.list[i]->state == UNSEEN)
			follow(&s, s.list[i], 1);
	}
	map_fini(&s.by_name);
}

static const struct schema_field composite_fields[] = {
	{ .name = "when",
	    .kind = FIELD_CUSTOM,
	    .offset = offsetof(struct composite_settings, when),
	    .flags = FIELD_REQUIRED,
	    .custom = read_when,
	    .json_schema = "{\"type\":\"string\",\"minLength\":1}",
	    .doc = "A condition over the names of alerts, with and, or, not and parentheses: a "
		   "name is true while one of its alerts fires. count(A, B) >= 3 compares the "
		   "number of alerts. A name with other than letters, digits, _ : - and . stands "
		   "in quotes." },
	{ .name = "by",
	    .kind = FIELD_STRING_LIST,
	    .offset = offsetof(struct composite_settings, by),
	    .doc = "Alerts are put into groups by these labels; each group in which any of the "
		   "named alerts fires is judged by itself and is an alert with these labels. "
		   "Default: all together." },
	{ .name = "state",
	    .kind = FIELD_ENUM,
	    .offset = offsetof(struct composite_settings, counted),
	    .choices = counted_names,
	    .fallback = "firing",
	    .doc = "What counts as true: alerts that fire, or pending ones, too." },
};

static const struct schema composite_schema = {
	.name = "composite",
	.doc = "Combines what other rules say: several at once, one without another, so many of "
	       "them.",
	.size = sizeof(struct composite_settings),
	SCHEMA_FIELDS(composite_fields),
	.pos_offset = offsetof(struct composite_settings, pos) + 1,
	.check = composite_check,
};

const struct rule_kind_schema rule_kind_composite_schema = {
	.name = "composite",
	.schema = &composite_schema,
	.finish = composite_finish,
	.check_all = composite_check_all,
	.identity = composite_identity,
};

const struct rule_kind rule_kind_composite = {
	.schema = &rule_kind_composite_schema,
	.plan = composite_plan,
	.judge = composite_judge,
	.level_severity = composite_level_severity,
	.no_source = true,
};
