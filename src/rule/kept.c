/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of answers. */
#include "config.h"

#include "rule/kept.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

static const struct str *
copy_fields(struct arena *arena, const struct str *fields, uint32_t n)
{
	struct str *copy = ARENA_ARRAY(arena, n, struct str);

	for (uint32_t i = 0; i < n; i++)
		if (fields[i].p != NULL)
			copy[i] = arena_str(arena, fields[i]);
	return copy;
}

struct kept_answer *
kept_answer_new(const struct vector *vector, const struct rule_query *query, const char *source,
    wall_t slot, const struct config *generation)
{
	struct kept_answer *kept = xcalloc(1, sizeof(*kept));
	struct str key = { NULL, 0 };

	kept->refs = 1;
	kept->arena = arena_new(64u << 10);
	kept->vector.n = vector->n;
	kept->vector.samples = ARENA_ARRAY(kept->arena, vector->n + 1, struct sample);
	for (uint32_t i = 0; i < vector->n; i++) {
		struct sample *copy = &kept->vector.samples[i];

		*copy = vector->samples[i];
		/* Rows of a series stand together, most often. */
		if (key.p == NULL || !str_eq(key, copy->key))
			key = arena_str(kept->arena, copy->key);
		copy->key = key;
		if (copy->fields != NULL)
			copy->fields = copy_fields(kept->arena, copy->fields, query->n_fields);
	}
	kept->text = arena_str(kept->arena, query->text);
	kept->source = arena_str(kept->arena, str_from(source));
	kept->at = slot;
	memcpy(kept->generation, generation->hash, sizeof(kept->generation));
	return kept;
}

struct kept_answer *
kept_answer_ref(struct kept_answer *kept)
{
	kept->refs++;
	return kept;
}

void
kept_answer_unref(struct kept_answer *kept)
{
	if (kept == NULL || --kept->refs > 0)
		return;
	arena_free(kept->arena);
	free(kept);
}

void
kept_answers_free(struct kept_answer **kept)
{
	for (uint32_t i = 0; kept != NULL && i < RULE_QUERIES_MAX; i++)
		kept_answer_unref(kept[i]);
	free(kept);
}

bool
kept_answer_is_good(const struct kept_answer *kept, const struct rule_query *query,
    const char *source, wall_t slot, const struct config *generation)
{
	dur_t age;

	if (kept == NULL || query->cache.ns <= 0)
		return false;
	age = wall_since(slot, kept->at);
	return age.ns >= 0 && dur_less(age, query->cache) && str_eq(kept->text, query->text) &&
	       str_is(kept->source, source) &&
	       memcmp(kept->generation, generation->hash, sizeof(kept->generation)) == 0;
}
