/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Silences by what they match.
 *
 * A silence that is not yet over is in exactly one bucket: that of one of its
 * `name="value"` matchers (the one with the fewest silences), or the last
 * resort bucket when it has none.  A label set is matched against the buckets
 * of its own labels and the last resort: nothing is scanned, nothing cached.
 */
#include "config.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/xalloc.h"
#include "route/silences_internal.h"

/* ---- buckets ---------------------------------------------------------------- */

struct pair {
	const struct istr *name, *value;
};

static bool
bucket_is(const void *value, const void *key)
{
	const struct silence_bucket *bucket = value;
	const struct pair *pair = key;

	return bucket->value == pair->value && bucket->name == pair->name;
}

static uint64_t
pair_hash(const struct istr *name, const struct istr *value)
{
	return hash_mix(name->hash, value->hash);
}

static struct silence_bucket *
bucket_find(const struct silences *silences, const struct istr *name, const struct istr *value)
{
	struct pair pair = { name, value };

	return map_find(&silences->buckets, pair_hash(name, value), bucket_is, &pair);
}

static struct silence_bucket *
bucket_get(struct silences *silences, struct istr *name, struct istr *value)
{
	struct silence_bucket *bucket = bucket_find(silences, name, value);

	if (bucket == NULL) {
		bucket = xcalloc(1, sizeof(*bucket));
		bucket->name = istr_ref(name);
		bucket->value = istr_ref(value);
		map_insert(&silences->buckets, pair_hash(name, value), bucket);
	}
	return bucket;
}

/* An empty value would mean "label absent", which no label leads to. */
static struct silence_bucket *
index_choose(struct silences *silences, const struct matchers *matchers)
{
	const struct matcher *best = NULL;
	uint32_t best_n = UINT32_MAX;

	for (uint32_t i = 0; i < matchers->n; i++) {
		const struct matcher *m = &matchers->m[i];
		const struct silence_bucket *bucket;

		if (m->op != MATCH_EQUAL || m->value->n == 0)
			continue;
		bucket = bucket_find(silences, m->name, m->value);
		if (best == NULL || (bucket != NULL ? bucket->n : 0) < best_n) {
			best = m;
			best_n = bucket != NULL ? bucket->n : 0;
		}
	}
	return best != NULL ? bucket_get(silences, best->name, best->value)
			    : &silences->last_resort;
}

void
silence_index_add(struct silences *silences, struct silence *silence)
{
	struct silence_bucket *bucket = index_choose(silences, silence->matchers);

	silence->bucket = bucket;
	silence->next_indexed = bucket->first;
	silence->at_indexed = &bucket->first;
	if (bucket->first != NULL)
		bucket->first->at_indexed = &silence->next_indexed;
	bucket->first = silence;
	bucket->n++;
}

void
silence_index_remove(struct silences *silences, struct silence *silence)
{
	struct silence_bucket *bucket = silence->bucket;

	if (bucket == NULL)
		return;
	*silence->at_indexed = silence->next_indexed;
	if (silence->next_indexed != NULL)
		silence->next_indexed->at_indexed = silence->at_indexed;
	silence->bucket = NULL;
	if (--bucket->n == 0 && bucket->name != NULL) {
		map_remove_value(
		    &silences->buckets, pair_hash(bucket->name, bucket->value), bucket);
		istr_unref(bucket->name);
		istr_unref(bucket->value);
		free(bucket);
	}
}

/* ---- looking ---------------------------------------------------------------------- */

struct muting {
	const struct silence **ret;
	uint32_t n, max;
};

/* Keeps the max smallest ids, in order. */
static void
muting_add(struct muting *muting, const struct silence *silence)
{
	uint32_t at = muting->n < muting->max ? muting->n : muting->max;

	muting->n++;
	if (at == muting->max) {
		if (at == 0 || strcmp(muting->ret[at - 1]->id, silence->id) < 0)
			return;
		at--;
	}
	for (; at > 0 && strcmp(muting->ret[at - 1]->id, silence->id) > 0; at--)
		muting->ret[at] = muting->ret[at - 1];
	muting->ret[at] = silence;
}

static void
muting_in_bucket(struct muting *muting, const struct silence_bucket *bucket,
    const struct labels *labels, wall_t now)
{
	for (const struct silence *s = bucket->first; s != NULL; s = s->next_indexed) {
		if (silence_state(s, now) == SILENCE_ACTIVE && matchers_match(s->matchers, labels))
			muting_add(muting, s);
	}
}

uint32_t
silences_muting(const struct silences *silences, const struct labels *labels, wall_t now,
    const struct silence **ret, uint32_t max)
{
	struct muting muting = { .ret = ret, .max = max };

	muting_in_bucket(&muting, &silences->last_resort, labels, now);
	for (uint32_t i = 0; silences->buckets.n > 0 && i < labels->n; i++) {
		const struct silence_bucket *bucket =
		    bucket_find(silences, labels->l[i].name, labels->l[i].value);

		if (bucket != NULL)
			muting_in_bucket(&muting, bucket, labels, now);
	}
	return muting.n;
}

static void
mark_in_bucket(
    struct silence_bucket *bucket, const struct labels *labels, uint32_t round, wall_t now)
{
	for (struct silence *s = bucket->first; s != NULL; s = s->next_indexed) {
		if (s->until_resolved && s->marked != round &&
		    silence_state(s, now) == SILENCE_ACTIVE && matchers_match(s->matchers, labels))
			s->marked = round;
	}
}

void
silences_mark(struct silences *silences, const struct labels *labels, uint32_t round, wall_t now)
{
	mark_in_bucket(&silences->last_resort, labels, round, now);
	for (uint32_t i = 0; silences->buckets.n > 0 && i < labels->n; i++) {
		struct silence_bucket *bucket =
		    bucket_find(silences, labels->l[i].name, labels->l[i].value);

		if (bucket != NULL)
			mark_in_bucket(bucket, labels, round, now);
	}
}
