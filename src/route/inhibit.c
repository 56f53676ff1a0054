/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inhibition: two indexes stand between an alert and the rules.
 *
 * Rules are found through one `name="value"` matcher of the side in question
 * (source or target), so 200 rules cost what the few that can apply cost.
 * Within a rule, source alerts sit in buckets by their values of the `equal`
 * labels; in a bucket, those that match the rule's target side too are kept
 * apart, because they do not count against a target that is a source itself.
 *
 * A bucket remembers when its last alert ends, which answers "does any of
 * them fire" without looking at them; the guess errs on the late side only.
 */
#include "config.h"

#include "route/inhibit.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/xalloc.h"

struct rule;
struct bucket;

/* One alert's place in one bucket; part of its note. */
struct entry {
	struct alert *alert;
	struct bucket *bucket;
	uint32_t place;
	bool both; /* in bucket->both */
};

/* Alerts that are sources; some may have ended. */
struct sources {
	struct entry **entries;
	size_t n, cap;
	wall_t ends_at; /* not earlier than the end of any of them */
};

struct bucket {
	struct rule *rule;
	uint64_t hash;
	struct sources pure, both; /* both: match the target side too */
	struct istr *values[];     /* of the rule's equal labels; NULL: absent */
};

struct rule {
	const struct inhibit_config *config;
	struct map buckets;
};

/* Rules that share a matcher. */
struct rule_list {
	struct istr *name, *value;
	struct rule **rules;
	size_t n, cap;
};

struct rule_index {
	struct map lists;
	struct rule_list rest; /* rules with no equality matcher on this side */
};

/* What is known of an alert: where it is a source. */
struct note {
	struct alert *alert;
	uint32_t n;
	struct entry in[];
};

struct inhibitor {
	struct rule *rules;
	uint32_t n_rules;
	struct rule_index by_source, by_target;
	struct map notes;
};

/* ---- rules by matcher ----------------------------------------------------------- */

struct pair {
	const struct istr *name, *value;
};

static bool
list_is(const void *value, const void *key)
{
	const struct rule_list *list = value;
	const struct pair *pair = key;

	return list->value == pair->value && list->name == pair->name;
}

static struct rule_list *
list_find(const struct rule_index *index, const struct istr *name, const struct istr *value)
{
	struct pair pair = { name, value };

	return map_find(&index->lists, hash_mix(name->hash, value->hash), list_is, &pair);
}

static struct rule_list *
list_choose(struct rule_index *index, const struct matchers *matchers)
{
	const struct matcher *best = NULL;
	size_t best_n = SIZE_MAX;

	for (uint32_t i = 0; matchers != NULL && i < matchers->n; i++) {
		const struct matcher *m = &matchers->m[i];
		const struct rule_list *list;
		size_t n;

		if (m->op != MATCH_EQUAL || m->value->n == 0)
			continue;
		list = list_find(index, m->name, m->value);
		n = list != NULL ? list->n : 0;
		if (n < best_n) {
			best = m;
			best_n = n;
		}
	}
	if (best == NULL)
		return &index->rest;
	struct rule_list *list = list_find(index, best->name, best->value);
	if (list == NULL) {
		list = xcalloc(1, sizeof(*list));
		list->name = istr_ref(best->name);
		list->value = istr_ref(best->value);
		map_insert(&index->lists, hash_mix(best->name->hash, best->value->hash), list);
	}
	return list;
}

static void
index_rule(struct rule_index *index, const struct matchers *matchers, struct rule *rule)
{
	struct rule_list *list = list_choose(index, matchers);

	list->rules = xgrow(list->rules, &list->cap, list->n + 1, sizeof(*list->rules));
	list->rules[list->n++] = rule;
}

static void
index_fini(struct rule_index *index)
{
	struct rule_list *list;

	for (size_t it = 0; (list = map_next(&index->lists, &it)) != NULL;) {
		istr_unref(list->name);
		istr_unref(list->value);
		free(list->rules);
		free(list);
	}
	free(index->rest.rules);
	map_fini(&index->lists);
}

/* ---- buckets ---------------------------------------------------------------------- */

struct bucket_key {
	const struct rule *rule;
	const struct labels *labels;
};

static bool
bucket_is(const void *value, const void *key)
{
	const struct bucket *bucket = value;
	const struct bucket_key *k = key;
	const struct inhibit_config *config = k->rule->config;

	for (uint32_t i = 0; i < config->n_equal; i++) {
		if (bucket->values[i] != labels_get(k->labels, config->equal[i]))
			return false;
	}
	return true;
}

static uint64_t
equal_hash(const struct rule *rule, const struct labels *labels)
{
	uint64_t hash = rule->config->n_equal;

	for (uint32_t i = 0; i < rule->config->n_equal; i++) {
		const struct istr *value = labels_get(labels, rule->config->equal[i]);

		hash = hash_mix(hash, value != NULL ? value->hash : 0);
	}
	return hash;
}

static struct bucket *
bucket_find(const struct rule *rule, const struct labels *labels)
{
	struct bucket_key key = { rule, labels };

	return map_find(&rule->buckets, equal_hash(rule, labels), bucket_is, &key);
}

static struct bucket *
bucket_get(struct rule *rule, const struct labels *labels)
{
	struct bucket *bucket = bucket_find(rule, labels);
	uint32_t n = rule->config->n_equal;

	if (bucket != NULL)
		return bucket;
	bucket = xcalloc(1, sizeof(*bucket) + n * sizeof(bucket->values[0]));
	bucket->rule = rule;
	bucket->hash = equal_hash(rule, labels);
	for (uint32_t i = 0; i < n; i++) {
		struct istr *value = labels_get(labels, rule->config->equal[i]);

		bucket->values[i] = value != NULL ? istr_ref(value) : NULL;
	}
	map_insert(&rule->buckets, bucket->hash, bucket);
	return bucket;
}

static void
bucket_free(struct bucket *bucket)
{
	for (uint32_t i = 0; i < bucket->rule->config->n_equal; i++)
		istr_unref(bucket->values[i]);
	free(bucket->pure.entries);
	free(bucket->both.entries);
	free(bucket);
}

static void
entry_place(struct sources *sources, struct entry *entry, size_t place)
{
	sources->entries[place] = entry;
	entry->place = (uint32_t)place;
}

/* A firing one, or NULL; learns the true end when there is none. */
static const struct alert *
sources_firing(struct sources *sources, wall_t now)
{
	wall_t end = WALL_NONE;

	if (sources->ends_at.ns <= now.ns)
		return NULL;
	for (size_t i = 0; i < sources->n; i++) {
		struct entry *entry = sources->entries[i];

		if (!alert_is_resolved(entry->alert, now)) {
			/* The next question finds it at once. */
			entry_place(sources, sources->entries[0], i);
			entry_place(sources, entry, 0);
			return entry->alert;
		}
		end = wall_max(end, entry->alert->ends_at);
	}
	sources->ends_at = end;
	return NULL;
}

static struct sources *
sources_of(const struct entry *entry)
{
	return entry->both ? &entry->bucket->both : &entry->bucket->pure;
}

static void
entry_add(struct entry *entry)
{
	struct sources *sources = sources_of(entry);

	sources->entries =
	    xgrow(sources->entries, &sources->cap, sources->n + 1, sizeof(struct entry *));
	entry_place(sources, entry, sources->n++);
	sources->ends_at = wall_max(sources->ends_at, entry->alert->ends_at);
}

static void
entry_remove(struct entry *entry)
{
	struct bucket *bucket = entry->bucket;
	struct sources *sources = sources_of(entry);

	entry_place(sources, sources->entries[--sources->n], entry->place);
	if (bucket->pure.n == 0 && bucket->both.n == 0) {
		map_remove_value(&bucket->rule->buckets, bucket->hash, bucket);
		bucket_free(bucket);
	}
}

/* ---- sources ----------------------------------------------------------------------- */

static bool
note_is(const void *value, const void *key)
{
	return ((const struct note *)value)->alert == key;
}

static uint64_t
note_hash(const struct alert *alert)
{
	return alert->labels->hash;
}

struct found {
	struct entry *entries;
	size_t n, cap;
};

static void
try_list(const struct rule_list *list, struct alert *alert, struct found *found)
{
	for (size_t i = 0; i < list->n; i++) {
		struct rule *rule = list->rules[i];

		if (!matchers_match(rule->config->source, alert->labels))
			continue;
		found->entries =
		    xgrow(found->entries, &found->cap, found->n + 1, sizeof(*found->entries));
		found->entries[found->n++] = (struct entry){
			.alert = alert,
			.bucket = bucket_get(rule, alert->labels),
			.both = matchers_match(rule->config->target, alert->labels),
		};
	}
}

static void
note_new(struct inhibitor *inhibitor, struct alert *alert)
{
	const struct labels *labels = alert->labels;
	struct found found = { 0 };
	struct note *note;

	try_list(&inhibitor->by_source.rest, alert, &found);
	for (uint32_t i = 0; inhibitor->by_source.lists.n > 0 && i < labels->n; i++) {
		const struct rule_list *list =
		    list_find(&inhibitor->by_source, labels->l[i].name, labels->l[i].value);

		if (list != NULL)
			try_list(list, alert, &found);
	}
	note = xmalloc(sizeof(*note) + found.n * sizeof(note->in[0]));
	note->alert = alert;
	note->n = (uint32_t)found.n;
	for (uint32_t i = 0; i < note->n; i++) {
		note->in[i] = found.entries[i];
		entry_add(&note->in[i]);
	}
	free(found.entries);
	map_insert(&inhibitor->notes, note_hash(alert), note);
}

void
inhibitor_note(struct inhibitor *inhibitor, struct alert *alert)
{
	struct note *note;

	if (inhibitor->n_rules == 0)
		return;
	note = map_find(&inhibitor->notes, note_hash(alert), note_is, alert);
	if (note == NULL) {
		note_new(inhibitor, alert);
		return;
	}
	for (uint32_t i = 0; i < note->n; i++) {
		struct sources *sources = sources_of(&note->in[i]);

		sources->ends_at = wall_max(sources->ends_at, alert->ends_at);
	}
}

void
inhibitor_forget(struct inhibitor *inhibitor, struct alert *alert)
{
	struct note *note = map_remove(&inhibitor->notes, note_hash(alert), note_is, alert);

	if (note == NULL)
		return;
	for (uint32_t i = 0; i < note->n; i++)
		entry_remove(&note->in[i]);
	free(note);
}

/* ---- targets ------------------------------------------------------------------------ */

static const struct alert *
muting_in_list(const struct rule_list *list, const struct labels *labels, wall_t now)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct rule *rule = list->rules[i];
		const struct alert *alert;
		struct bucket *bucket;

		if (rule->buckets.n == 0 || !matchers_match(rule->config->target, labels))
			continue;
		bucket = bucket_find(rule, labels);
		if (bucket == NULL)
			continue;
		alert = sources_firing(&bucket->pure, now);
		if (alert == NULL && !matchers_match(rule->config->source, labels))
			alert = sources_firing(&bucket->both, now);
		if (alert != NULL)
			return alert;
	}
	return NULL;
}

const struct alert *
inhibitor_muting(const struct inhibitor *inhibitor, const struct labels *labels, wall_t now)
{
	const struct alert *alert;

	if (inhibitor->notes.n == 0)
		return NULL;
	alert = muting_in_list(&inhibitor->by_target.rest, labels, now);
	for (uint32_t i = 0; alert == NULL && i < labels->n; i++) {
		const struct rule_list *list =
		    list_find(&inhibitor->by_target, labels->l[i].name, labels->l[i].value);

		if (list != NULL)
			alert = muting_in_list(list, labels, now);
	}
	return alert;
}

/* ---- life ---------------------------------------------------------------------------- */

struct inhibitor *
inhibitor_new(const struct config *config)
{
	struct inhibitor *inhibitor = xcalloc(1, sizeof(*inhibitor));

	inhibitor->rules = xcalloc(config->n_inhibit_rules + 1, sizeof(*inhibitor->rules));
	for (uint32_t i = 0; i < config->n_inhibit_rules; i++) {
		const struct inhibit_config *item = &config->inhibit_rules[i];
		struct rule *rule = &inhibitor->rules[inhibitor->n_rules];

		if (item->source == NULL && item->target == NULL)
			continue;
		rule->config = item;
		inhibitor->n_rules++;
		index_rule(&inhibitor->by_source, item->source, rule);
		index_rule(&inhibitor->by_target, item->target, rule);
	}
	return inhibitor;
}

static void
rule_fini(struct rule *rule)
{
	struct bucket *bucket;

	for (size_t it = 0; (bucket = map_next(&rule->buckets, &it)) != NULL;)
		bucket_free(bucket);
	map_fini(&rule->buckets);
}

void
inhibitor_free(struct inhibitor *inhibitor)
{
	struct note *note;

	if (inhibitor == NULL)
		return;
	for (size_t it = 0; (note = map_next(&inhibitor->notes, &it)) != NULL;)
		free(note);
	map_fini(&inhibitor->notes);
	for (uint32_t i = 0; i < inhibitor->n_rules; i++)
		rule_fini(&inhibitor->rules[i]);
	free(inhibitor->rules);
	index_fini(&inhibitor->by_source);
	index_fini(&inhibitor->by_target);
	free(inhibitor);
}
