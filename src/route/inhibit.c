/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inhibition: indexes stand between an alert and the rules.
 *
 * As a source, an alert finds its rules through one `name="value"` matcher of
 * their source side.  As a target it finds, through one such matcher of the
 * target side, families: rules that share this matcher and the names of their
 * `equal` labels.  A family has one map from the values of those labels to
 * the rules that have sources with them, so the cost of 200 rules is that of
 * the few families and hits.
 *
 * Within a rule, sources that match the target side too are kept apart: they
 * do not count against a target that is a source itself.  A set of sources
 * remembers when its last one ends, which answers "does any of them fire"
 * without looking at them; the guess errs on the late side only.
 */
#include "config.h"

#include "route/inhibit.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/xalloc.h"
#include "route/inhibit_index.h"

struct slot;
struct rule;

/* One alert's place among the sources of one rule; part of its note. */
struct entry {
	struct alert *alert;
	struct slot *slot;
	uint32_t place;
	bool both; /* in slot->both */
};

/* Alerts that are sources; some may have ended. */
struct sources {
	struct entry **entries;
	size_t n, cap;
	wall_t ends_at; /* not earlier than the end of any of them */
};

/* A rule's sources with the bucket's values. */
struct slot {
	const struct rule *rule;
	struct bucket *bucket;
	struct sources pure, both; /* both: match the target side too */
};

struct bucket {
	struct family *family;
	uint64_t hash;
	struct slot **slots;
	size_t n, cap;
	struct istr *values[]; /* of the family's equal labels; NULL: absent */
};

/* Rules of one target list with the same equal labels. */
struct family {
	const struct str *equal;
	uint32_t n_equal;
	struct map buckets;
};

struct rule {
	const struct inhibit_config *config;
	struct family *family;
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
	struct inhibit_index rules_by_source, families_by_target;
	struct map notes;
};

/* ---- families and buckets ------------------------------------------------------------ */

static bool
same_equal(const struct family *family, const struct inhibit_config *config)
{
	if (family->n_equal != config->n_equal)
		return false;
	for (uint32_t i = 0; i < config->n_equal; i++) {
		if (!str_eq(family->equal[i], config->equal[i]))
			return false;
	}
	return true;
}

static struct family *
family_of(struct inhibit_index *families, const struct inhibit_config *config)
{
	struct inhibit_list *list = inhibit_index_choose(families, config->target);
	struct family *family;

	for (size_t i = 0; i < list->n; i++) {
		if (same_equal(list->items[i], config))
			return list->items[i];
	}
	family = xcalloc(1, sizeof(*family));
	family->equal = config->equal;
	family->n_equal = config->n_equal;
	inhibit_list_add(list, family);
	return family;
}

struct bucket_key {
	const struct family *family;
	const struct labels *labels;
};

static bool
bucket_is(const void *value, const void *key)
{
	const struct bucket *bucket = value;
	const struct bucket_key *k = key;

	for (uint32_t i = 0; i < k->family->n_equal; i++) {
		if (bucket->values[i] != labels_get(k->labels, k->family->equal[i]))
			return false;
	}
	return true;
}

static uint64_t
equal_hash(const struct family *family, const struct labels *labels)
{
	uint64_t hash = family->n_equal;

	for (uint32_t i = 0; i < family->n_equal; i++) {
		const struct istr *value = labels_get(labels, family->equal[i]);

		hash = hash_mix(hash, value != NULL ? value->hash : 0);
	}
	return hash;
}

static struct bucket *
bucket_find(const struct family *family, const struct labels *labels)
{
	struct bucket_key key = { family, labels };

	if (family->buckets.n == 0)
		return NULL;
	return map_find(&family->buckets, equal_hash(family, labels), bucket_is, &key);
}

static struct bucket *
bucket_get(struct family *family, const struct labels *labels)
{
	struct bucket *bucket = bucket_find(family, labels);
	uint32_t n = family->n_equal;

	if (bucket != NULL)
		return bucket;
	bucket = xcalloc(1, sizeof(*bucket) + n * sizeof(bucket->values[0]));
	bucket->family = family;
	bucket->hash = equal_hash(family, labels);
	for (uint32_t i = 0; i < n; i++) {
		struct istr *value = labels_get(labels, family->equal[i]);

		bucket->values[i] = value != NULL ? istr_ref(value) : NULL;
	}
	map_insert(&family->buckets, bucket->hash, bucket);
	return bucket;
}

static struct slot *
slot_get(const struct rule *rule, const struct labels *labels)
{
	struct bucket *bucket = bucket_get(rule->family, labels);
	struct slot *slot;

	for (size_t i = 0; i < bucket->n; i++) {
		if (bucket->slots[i]->rule == rule)
			return bucket->slots[i];
	}
	slot = xcalloc(1, sizeof(*slot));
	slot->rule = rule;
	slot->bucket = bucket;
	bucket->slots = xgrow(bucket->slots, &bucket->cap, bucket->n + 1, sizeof(struct slot *));
	bucket->slots[bucket->n++] = slot;
	return slot;
}

static void
slot_free(struct slot *slot)
{
	free(slot->pure.entries);
	free(slot->both.entries);
	free(slot);
}

static void
bucket_free(struct bucket *bucket)
{
	for (size_t i = 0; i < bucket->n; i++)
		slot_free(bucket->slots[i]);
	for (uint32_t i = 0; i < bucket->family->n_equal; i++)
		istr_unref(bucket->values[i]);
	free(bucket->slots);
	free(bucket);
}

static void
slot_remove(struct slot *slot)
{
	struct bucket *bucket = slot->bucket;
	size_t i = 0;

	while (bucket->slots[i] != slot)
		i++;
	bucket->slots[i] = bucket->slots[--bucket->n];
	slot_free(slot);
	if (bucket->n == 0) {
		map_remove_value(&bucket->family->buckets, bucket->hash, bucket);
		bucket_free(bucket);
	}
}

/* ---- sources -------------------------------------------------------------------------- */

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
	return entry->both ? &entry->slot->both : &entry->slot->pure;
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
	struct slot *slot = entry->slot;
	struct sources *sources = sources_of(entry);

	entry_place(sources, sources->entries[--sources->n], entry->place);
	if (slot->pure.n == 0 && slot->both.n == 0)
		slot_remove(slot);
}

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
	struct alert *alert;
	struct entry *entries;
	size_t n, cap;
};

static bool
find_sources(void *arg, const struct inhibit_list *list)
{
	struct found *found = arg;
	const struct labels *labels = found->alert->labels;

	for (size_t i = 0; i < list->n; i++) {
		const struct rule *rule = list->items[i];

		if (!matchers_match(rule->config->source, labels))
			continue;
		found->entries =
		    xgrow(found->entries, &found->cap, found->n + 1, sizeof(*found->entries));
		found->entries[found->n++] = (struct entry){
			.alert = found->alert,
			.slot = slot_get(rule, labels),
			.both = matchers_match(rule->config->target, labels),
		};
	}
	return false;
}

static void
note_new(struct inhibitor *inhibitor, struct alert *alert)
{
	struct found found = { .alert = alert };
	struct note *note;

	inhibit_index_walk(&inhibitor->rules_by_source, alert->labels, find_sources, &found);
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

struct question {
	const struct labels *labels;
	wall_t now;
	const struct alert *answer;
};

static const struct alert *
slot_muting(struct slot *slot, const struct labels *labels, wall_t now)
{
	bool pure = now.ns < slot->pure.ends_at.ns, both = now.ns < slot->both.ends_at.ns;
	const struct alert *alert = NULL;

	if ((!pure && !both) || !matchers_match(slot->rule->config->target, labels))
		return NULL;
	alert = sources_firing(&slot->pure, now);
	if (alert == NULL && both && !matchers_match(slot->rule->config->source, labels))
		alert = sources_firing(&slot->both, now);
	return alert;
}

static bool
ask_families(void *arg, const struct inhibit_list *list)
{
	struct question *question = arg;

	for (size_t i = 0; i < list->n; i++) {
		const struct bucket *bucket = bucket_find(list->items[i], question->labels);

		for (size_t k = 0; bucket != NULL && k < bucket->n; k++) {
			question->answer =
			    slot_muting(bucket->slots[k], question->labels, question->now);
			if (question->answer != NULL)
				return true;
		}
	}
	return false;
}

const struct alert *
inhibitor_muting(const struct inhibitor *inhibitor, const struct labels *labels, wall_t now)
{
	struct question question = { .labels = labels, .now = now };

	if (inhibitor->notes.n > 0)
		inhibit_index_walk(&inhibitor->families_by_target, labels, ask_families, &question);
	return question.answer;
}

/* ---- life ---------------------------------------------------------------------------- */

/* Those without any matcher are inert. */
static const struct inhibit_config *
next_rule(const struct config *config, uint32_t *it)
{
	while (*it < config->n_inhibit_rules) {
		const struct inhibit_config *item = &config->inhibit_rules[(*it)++];

		if (item->source != NULL || item->target != NULL)
			return item;
	}
	return NULL;
}

struct inhibitor *
inhibitor_new(const struct config *config)
{
	struct inhibitor *inhibitor = xcalloc(1, sizeof(*inhibitor));
	const struct inhibit_config *item;

	inhibitor->rules = xcalloc(config->n_inhibit_rules + 1, sizeof(*inhibitor->rules));
	for (uint32_t it = 0; (item = next_rule(config, &it)) != NULL;) {
		struct rule *rule = &inhibitor->rules[inhibitor->n_rules++];

		rule->config = item;
		rule->family = family_of(&inhibitor->families_by_target, item);
		inhibit_list_add(
		    inhibit_index_choose(&inhibitor->rules_by_source, item->source), rule);
	}
	return inhibitor;
}

static bool
same_rule(const struct rule *rule, const struct inhibit_config *config)
{
	return matchers_equal(rule->config->source, config->source) &&
	       matchers_equal(rule->config->target, config->target) &&
	       same_equal(rule->family, config);
}

bool
inhibitor_adopt(struct inhibitor *inhibitor, const struct config *config)
{
	const struct inhibit_config *item;
	uint32_t n = 0;

	for (uint32_t it = 0; (item = next_rule(config, &it)) != NULL; n++)
		if (n == inhibitor->n_rules || !same_rule(&inhibitor->rules[n], item))
			return false;
	if (n != inhibitor->n_rules)
		return false;
	n = 0;
	for (uint32_t it = 0; (item = next_rule(config, &it)) != NULL; n++) {
		inhibitor->rules[n].config = item;
		inhibitor->rules[n].family->equal = item->equal;
	}
	return true;
}

static void
families_free(const struct inhibit_list *list)
{
	struct bucket *bucket;

	for (size_t i = 0; i < list->n; i++) {
		struct family *family = list->items[i];

		for (size_t it = 0; (bucket = map_next(&family->buckets, &it)) != NULL;)
			bucket_free(bucket);
		map_fini(&family->buckets);
		free(family);
	}
}

void
inhibitor_free(struct inhibitor *inhibitor)
{
	struct note *note;
	struct inhibit_list *list;

	if (inhibitor == NULL)
		return;
	for (size_t it = 0; (note = map_next(&inhibitor->notes, &it)) != NULL;)
		free(note);
	map_fini(&inhibitor->notes);
	families_free(&inhibitor->families_by_target.rest);
	for (size_t it = 0; (list = map_next(&inhibitor->families_by_target.lists, &it)) != NULL;)
		families_free(list);
	inhibit_index_fini(&inhibitor->rules_by_source);
	inhibit_index_fini(&inhibitor->families_by_target);
	free(inhibitor->rules);
	free(inhibitor);
}
