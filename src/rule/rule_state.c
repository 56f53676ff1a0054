/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rule's alerts, and how a series finds its alert without any label work.
 *
 * The map by_key, which only larger rules have, goes from the raw bytes of a
 * series (and its level) to the alert.  Bytes are compared, never only hashes.
 * Alerts without a key (after a restart, or because labels change with $value)
 * are found by label set. Invariant: tracked[i]->index == i between
 * evaluations; an alert is in by_key, if there is one, exactly while
 * TRACKED_KEYED is set.
 */
#include "config.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/xalloc.h"
#include "rule/kept.h"
#include "rule/record.h"

#define KEY_SHARE_MAX UINT16_MAX
#define UNMAPPED_MAX  8 /* up to here a walk is as fast, and a map is dear */

struct rule_state *
rule_state_new(struct str identity, struct str name, int64_t id)
{
	struct rule_state *rule = xcalloc(1, sizeof(*rule));

	rule->identity = xmemdup0(identity.p, identity.n);
	rule->name = xmemdup0(name.p, name.n);
	rule->id = id;
	return rule;
}

static void
tracked_free(struct tracked *t)
{
	labels_unref(t->alert.labels);
	labels_unref(t->sample_labels);
	labels_unref(t->annotations);
	if (t->more != NULL)
		explained_free(t->more->explained);
	free(t->more);
	free(t);
}

void
rule_state_free(struct rule_state *rule)
{
	if (rule == NULL)
		return;
	for (size_t i = 0; i < rule->n; i++)
		tracked_free(rule->tracked[i]);
	free(rule->tracked);
	map_fini(&rule->by_key);
	record_forget(rule);
	rule_past_free(rule);
	kept_answers_free(rule->kept);
	labels_unref(rule->own_labels);
	free(rule->base_key);
	free(rule->generator_url);
	free(rule->last_error);
	free(rule->identity);
	free(rule->name);
	free(rule);
}

const char *
rule_level_severity(const struct rule_kind *kind, const struct rule_config *config, uint8_t level)
{
	return kind->level_severity != NULL ? kind->level_severity(config, level) : NULL;
}

/* --- binding to a generation --------------------------------------------- */

static bool
mentions(const struct template_map *map, const char *name)
{
	for (uint32_t i = 0; i < map->n; i++) {
		struct str text = template_text(map->pairs[i].template);

		if (memmem(text.p, text.n, name, strlen(name)) != NULL)
			return true;
	}
	return false;
}

/* All of $labels at once, rather than one by name. */
static bool
takes_whole_set(const struct template_map *map)
{
	static const char *const sets[] = { "$labels", ".Labels" };

	for (uint32_t i = 0; i < map->n; i++) {
		struct str text = template_text(map->pairs[i].template);

		for (size_t s = 0; s < ARRAY_LEN(sets); s++) {
			size_t n = strlen(sets[s]);
			const char *end = text.p + text.n, *p = text.p;

			while ((p = memmem(p, (size_t)(end - p), sets[s], n)) != NULL) {
				p += n;
				if (p == end || *p != '.')
					return true;
			}
		}
	}
	return false;
}

/*
 * Annotations speak of the sample's labels and the level's severity.  The
 * alert's own are the same but for __name__ and what the rule sets; only when an annotation may
 * mention one of these is the sample's set kept beside.
 */
static bool
needs_samples(const struct rule_state *rule)
{
	const struct template_map *annotations = &rule->config->annotations;
	const struct template_map *labels = &rule->config->labels;

	if (takes_whole_set(annotations) || mentions(annotations, "__name__") ||
	    mentions(annotations, "alertname"))
		return true;
	for (uint32_t i = 0; i < labels->n; i++)
		if (mentions(annotations, labels->pairs[i].key))
			return true;
	/* A version is no part of the alert's labels. */
	return rule->past != NULL && rule->past->need.reset_on != NULL &&
	       mentions(annotations, rule->past->need.reset_on);
}

/* The store does not keep levels: the label severity tells. */
static void
restore_level(const struct rule_state *rule, struct tracked *t)
{
	struct str severity = labels_value(t->alert.labels, STR("severity"));

	for (uint8_t level = 0; level < RULE_LEVELS_MAX; level++) {
		const char *name = rule_level_severity(rule->kind, rule->config, level);

		if (name == NULL)
			return;
		if (str_is(severity, name))
			t->alert.level = level;
	}
}

static bool
any(const struct template_map *map, bool (*is)(const struct template *t))
{
	for (uint32_t i = 0; i < map->n; i++)
		if (is(map->pairs[i].template))
			return true;
	return false;
}

void
rule_state_bind(struct engine *engine, struct rule_state *rule, const struct rule_config *config)
{
	bool restored = rule->config == NULL;

	rule->config = config;
	rule->kind = rule_kind_of(config->kind);
	rule->labels_fixed = true;
	rule->labels_external = false;
	for (uint32_t i = 0; i < config->labels.n; i++) {
		const struct template *t = config->labels.pairs[i].template;

		rule->labels_fixed = rule->labels_fixed && !template_uses_value(t);
		rule->labels_external = rule->labels_external || !template_is_constant(t);
	}
	if (!rule->labels_fixed)
		rule_forget_keys(engine, rule);
	rule_past_bind(engine, rule);
	rule->asks =
	    any(&config->labels, template_asks) || any(&config->annotations, template_asks);
	rule->explains =
	    any(&config->labels, template_explains) || any(&config->annotations, template_explains);
	rule->keeps_samples = needs_samples(rule);
	labels_unref(rule->own_labels);
	rule->own_labels = NULL;
	free(rule->generator_url);
	rule->generator_url = NULL;
	for (size_t i = 0; i < rule->n; i++) {
		if (restored)
			restore_level(rule, rule->tracked[i]);
		rule->tracked[i]->flags &= (uint8_t)~TRACKED_ABSENT;
		labels_unref(rule->tracked[i]->annotations);
		rule->tracked[i]->annotations = NULL;
	}
}

/* --- keys -------------------------------------------------------------- */

static uint64_t
key_hash(struct str key, uint8_t level)
{
	return hash_mix(hash_bytes(key.p, key.n), level);
}

static bool
key_is(const struct rule_state *rule, const struct tracked *t, struct str key, uint8_t level)
{
	const char *p = key.p;

	if (!(t->flags & TRACKED_KEYED) || t->alert.level != level ||
	    key.n != (uint32_t)t->key_head + t->key_middle_n + t->key_tail)
		return false;
	if (key.n == 0)
		return true;
	return memcmp(p, rule->base_key, t->key_head) == 0 &&
	       memcmp(p + t->key_head, t->key_middle, t->key_middle_n) == 0 &&
	       memcmp(p + t->key_head + t->key_middle_n,
		   rule->base_key + rule->base_n - t->key_tail, t->key_tail) == 0;
}

struct wanted {
	const struct rule_state *rule;
	struct str key;
	uint8_t level;
};

static bool
is_wanted(const void *value, const void *key)
{
	const struct wanted *wanted = key;

	return key_is(wanted->rule, value, wanted->key, wanted->level);
}

struct tracked *
rule_find(const struct rule_state *rule, struct str key, uint8_t level, uint32_t guess)
{
	struct wanted wanted = { rule, key, level };

	/* Answers mostly come in the same order each time. */
	if (guess < rule->n && key_is(rule, rule->tracked[guess], key, level))
		return rule->tracked[guess];
	if (rule->by_key.cap != 0)
		return map_find(&rule->by_key, key_hash(key, level), is_wanted, &wanted);
	for (size_t i = 0; i < rule->n; i++)
		if (key_is(rule, rule->tracked[i], key, level))
			return rule->tracked[i];
	return NULL;
}

/* Into engine->bytes. */
static struct str
key_of(struct engine *engine, const struct rule_state *rule, const struct tracked *t)
{
	buf_clear(&engine->bytes);
	buf_put(&engine->bytes, rule->base_key, t->key_head);
	buf_put(&engine->bytes, t->key_middle, t->key_middle_n);
	buf_put(&engine->bytes, rule->base_key + rule->base_n - t->key_tail, t->key_tail);
	return buf_str(&engine->bytes);
}

void
rule_forget_key(struct engine *engine, struct rule_state *rule, struct tracked *t)
{
	if (!(t->flags & TRACKED_KEYED))
		return;
	if (rule->by_key.cap != 0)
		map_remove_value(
		    &rule->by_key, key_hash(key_of(engine, rule, t), t->alert.level), t);
	t->flags &= (uint8_t)~TRACKED_KEYED;
	rule->n_keyed--;
}

void
rule_forget_keys(struct engine *engine, struct rule_state *rule)
{
	for (size_t i = 0; i < rule->n; i++)
		rule_forget_key(engine, rule, rule->tracked[i]);
	map_fini(&rule->by_key);
}

static uint32_t
common_head(struct str a, struct str b)
{
	uint32_t max = a.n < b.n ? a.n : b.n, n = 0;

	while (n < max && n < KEY_SHARE_MAX && a.p[n] == b.p[n])
		n++;
	return n;
}

static uint32_t
common_tail(struct str a, struct str b)
{
	uint32_t max = a.n < b.n ? a.n : b.n, n = 0;

	while (n < max && n < KEY_SHARE_MAX && a.p[a.n - 1 - n] == b.p[b.n - 1 - n])
		n++;
	return n;
}

static void
map_keys(struct engine *engine, struct rule_state *rule)
{
	for (size_t i = 0; i < rule->n; i++) {
		struct tracked *t = rule->tracked[i];

		if (t->flags & TRACKED_KEYED)
			map_insert(
			    &rule->by_key, key_hash(key_of(engine, rule, t), t->alert.level), t);
	}
}

struct tracked *
rule_set_key(struct engine *engine, struct rule_state *rule, struct tracked *t, struct str key)
{
	struct str base, rest;
	uint32_t head, tail;

	rule_forget_key(engine, rule, t);
	if (rule->n_keyed == 0) {
		free(rule->base_key);
		rule->base_key = xmemdup0(key.p, key.n);
		rule->base_n = key.n;
	}
	base = str_make(rule->base_key, rule->base_n);
	head = common_head(base, key);
	rest = str_make(key.p + head, key.n - head);
	tail = common_tail(str_make(base.p + head, base.n - head), rest);
	rest.n -= tail;
	t = xrealloc(t, sizeof(*t) + rest.n, 1);
	if (rest.n > 0)
		memcpy(t->key_middle, rest.p, rest.n);
	t->key_middle_n = rest.n;
	t->key_head = (uint16_t)head;
	t->key_tail = (uint16_t)tail;
	t->flags |= TRACKED_KEYED;
	rule->tracked[t->index] = t;
	rule->n_keyed++;
	if (rule->by_key.cap != 0)
		map_insert(&rule->by_key, key_hash(key, t->alert.level), t);
	else if (rule->n_keyed > UNMAPPED_MAX)
		map_keys(engine, rule);
	return t;
}

/* --- alerts ------------------------------------------------------------ */

struct tracked *
rule_add(struct engine *engine, struct rule_state *rule, struct labels *labels, uint8_t level)
{
	struct tracked *t = xcalloc(1, sizeof(*t));

	t->alert.labels = labels;
	t->alert.level = level;
	t->alert.id = engine->options.store != NULL ? store_next_id(engine->options.store)
						    : ++engine->next_id;
	t->index = (uint32_t)rule->n;
	if (rule->n == rule->cap)
		rule->tracked =
		    xgrow(rule->tracked, &rule->cap, rule->n + 1, sizeof(struct tracked *));
	rule->tracked[rule->n++] = t;
	return t;
}

void
rule_drop(struct engine *engine, struct rule_state *rule, struct tracked *t)
{
	rule_forget_key(engine, rule, t);
	tracked_free(t);
}

static void
count_one(struct engine *engine, struct rule_state *rule, enum alert_state state, uint32_t by)
{
	if (state == ALERT_PENDING) {
		rule->n_pending += by;
		engine->stats.alerts_pending += by;
	} else if (state == ALERT_FIRING) {
		rule->n_firing += by;
		engine->stats.alerts_firing += by;
	}
}

void
rule_count(
    struct engine *engine, struct rule_state *rule, enum alert_state from, enum alert_state to)
{
	count_one(engine, rule, from, UINT32_MAX); /* wraps: one less */
	count_one(engine, rule, to, 1);
}

/* As Go's url.QueryEscape: a space is '+'. */
static void
put_query_escaped(struct buf *out, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (uint32_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    c == '-' || c == '_' || c == '.' || c == '~')
			buf_putc(out, (char)c);
		else if (c == ' ')
			buf_putc(out, '+');
		else
			buf_put(out, (char[]){ '%', hex[c >> 4], hex[c & 15] }, 3);
	}
}

const char *
rule_generator_url(struct engine *engine, struct rule_state *rule)
{
	struct buf url = { 0 };

	if (rule->generator_url != NULL || rule->config == NULL)
		return rule->generator_url != NULL ? rule->generator_url : "";
	buf_puts(&url, engine->options.external_url != NULL ? engine->options.external_url : "");
	buf_puts(&url, "/graph?g0.expr=");
	put_query_escaped(&url, str_from(rule->config->query_text));
	buf_puts(&url, "&g0.tab=1");
	rule->generator_url = buf_take(&url);
	return rule->generator_url;
}

struct labels *
rule_own_labels(struct engine *engine, struct rule_state *rule)
{
	static const struct template_data nothing;
	struct labels_builder b;
	const char *severity = NULL;

	if (rule->own_labels != NULL)
		return rule->own_labels;
	arena_reset(engine->look);
	labels_builder_init(&b, engine->look);
	for (uint32_t i = 0; i < rule->config->labels.n; i++) {
		const struct template_pair *pair = &rule->config->labels.pairs[i];

		if (!template_is_constant(pair->template))
			continue;
		buf_clear(&engine->text);
		template_expand(pair->template, &nothing, &engine->text);
		labels_builder_set(
		    &b, str_from(pair->key), arena_str(engine->look, buf_str(&engine->text)));
	}
	/* Nobody knows how bad it is: the most severe level. */
	for (uint8_t level = 0; level < RULE_LEVELS_MAX; level++) {
		const char *name = rule_level_severity(rule->kind, rule->config, level);

		if (name != NULL)
			severity = name;
	}
	if (severity != NULL)
		labels_builder_set(&b, STR("severity"), str_from(severity));
	labels_builder_set(&b, STR("alertname"), str_from(rule->config->name));
	rule->own_labels = labels_intern(&b, NULL);
	return rule->own_labels;
}
