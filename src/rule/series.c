/* SPDX-License-Identifier: Apache-2.0 */
/* Groups, joins, observations; see the header. */
#include "config.h"

#include "rule/series.h"

#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/json.h"

/* --- groups ------------------------------------------------------------ */

static void
set_init(struct series_set *set, uint32_t most, struct arena *arena)
{
	uint32_t slots = 8;

	while (slots < most + most / 2)
		slots *= 2;
	*set = (struct series_set){
		.list = ARENA_ARRAY(arena, most, struct series),
		.slots = ARENA_ARRAY(arena, slots, uint32_t),
		.mask = slots - 1,
	};
}

/* Where the key's index is or would be. */
static uint32_t *
slot_of(const struct series_set *set, struct str key)
{
	uint32_t at = (uint32_t)hash_bytes(key.p, key.n) & set->mask;

	while (set->slots[at] != 0 && !str_eq(set->list[set->slots[at] - 1].key, key))
		at = (at + 1) & set->mask;
	return &set->slots[at];
}

static struct series *
set_add(struct series_set *set, struct str key)
{
	uint32_t *slot = slot_of(set, key);

	if (*slot == 0) {
		set->list[set->n] = (struct series){ .key = key };
		*slot = ++set->n;
	}
	return &set->list[*slot - 1];
}

const struct series *
series_find(const struct series_set *set, struct str key)
{
	uint32_t at = set->n > 0 ? *slot_of(set, key) : 0;

	return at != 0 ? &set->list[at - 1] : NULL;
}

/* keys NULL: the samples' own. */
static void
group_by(const struct vector *answer, const struct str *keys, struct arena *arena,
    struct series_set *ret)
{
	uint32_t *which = ARENA_ARRAY(arena, answer->n, uint32_t);
	const struct sample **order = ARENA_ARRAY(arena, answer->n, const struct sample *);
	uint32_t at = 0;

	set_init(ret, answer->n, arena);
	for (uint32_t i = 0; i < answer->n; i++) {
		struct str key = keys != NULL ? keys[i] : answer->samples[i].key;
		struct series *series;

		/* Samples of a series mostly stand together. */
		if (i > 0 && str_eq(key, ret->list[which[i - 1]].key))
			which[i] = which[i - 1];
		else
			which[i] = (uint32_t)(set_add(ret, key) - ret->list);
		series = &ret->list[which[i]];
		series->n++;
	}
	for (uint32_t i = 0; i < ret->n; i++) {
		ret->list[i].samples = order + at;
		at += ret->list[i].n;
		ret->list[i].n = 0;
	}
	for (uint32_t i = 0; i < answer->n; i++) {
		struct series *series = &ret->list[which[i]];

		order[(uint32_t)(series->samples - (const struct sample *const *)order) +
		      series->n++] = &answer->samples[i];
	}
}

void
series_group(const struct vector *answer, struct arena *arena, struct series_set *ret)
{
	group_by(answer, NULL, arena, ret);
}

/* --- joins ------------------------------------------------------------- */

static int
compare_names(const void *a, const void *b)
{
	return str_cmp(((const struct label_view *)a)->name, ((const struct label_view *)b)->name);
}

static struct str
value_named(const struct label_view *views, uint32_t n, const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (str_is(views[i].name, name))
			return views[i].value;
	return STR("");
}

static uint32_t
select_names(struct label_view *views, uint32_t n, const char *const *names, uint32_t n_names,
    struct label_view *out)
{
	uint32_t kept = 0;

	if (names != NULL) {
		for (uint32_t i = 0; i < n_names; i++)
			out[kept++] = (struct label_view){ str_from(names[i]),
				value_named(views, n, names[i]) };
		return kept;
	}
	for (uint32_t i = 0; i < n; i++)
		if (!str_is(views[i].name, "__name__") && views[i].value.n > 0)
			out[kept++] = views[i];
	if (kept > 1)
		qsort(out, kept, sizeof(*out), compare_names);
	return kept;
}

int
series_labels(const struct source *source, const struct sample *sample, const char *const *names,
    uint32_t n_names, struct arena *arena, struct str *ret, struct err *err)
{
	struct label_view *views, *chosen;
	uint32_t n, bytes = 0, at = 0;
	char *text;
	int code = sample_labels(source, sample, arena, &views, &n, err);

	if (code < 0)
		return code;
	chosen = ARENA_ARRAY(arena, n > n_names ? n : n_names, struct label_view);
	n = select_names(views, n, names, n_names, chosen);
	for (uint32_t i = 0; i < n; i++)
		bytes += chosen[i].name.n + chosen[i].value.n + 2 * (uint32_t)sizeof(uint32_t);
	text = arena_alloc(arena, bytes + 1);
	for (uint32_t i = 0; i < n; i++) {
		const struct str parts[] = { chosen[i].name, chosen[i].value };

		for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
			memcpy(text + at, &parts[k].n, sizeof(uint32_t));
			at += (uint32_t)sizeof(uint32_t);
			if (parts[k].n > 0)
				memcpy(text + at, parts[k].p, parts[k].n);
			at += parts[k].n;
		}
	}
	*ret = str_make(text, bytes);
	return 0;
}

void
series_join_init(struct series_join *join, const struct source *source, const struct vector *answer,
    struct arena *arena)
{
	*join = (struct series_join){ .source = source, .arena = arena };
	series_group(answer, arena, &join->by_key);
}

static int
join_by_labels(struct series_join *join, struct err *err)
{
	uint32_t n = join->by_key.n;

	join->has_labels = true;
	set_init(&join->by_labels, n, join->arena);
	for (uint32_t i = 0; i < n; i++) {
		struct series *from = &join->by_key.list[i], *to;
		struct str labels;
		int code = series_labels(
		    join->source, from->samples[0], NULL, 0, join->arena, &labels, err);

		if (code < 0)
			return code;
		join->is_common = n == 1 && labels.n == 0;
		to = set_add(&join->by_labels, labels);
		to->samples = from->samples;
		to->n = from->n;
	}
	return 0;
}

int
series_join_find(struct series_join *join, const struct source *source, const struct sample *sample,
    const struct sample **ret, struct err *err)
{
	const struct series *found = series_find(&join->by_key, sample->key);
	struct str labels;
	int code = 0;

	*ret = NULL;
	if (found == NULL && join->by_key.n > 0) {
		if (!join->has_labels)
			code = join_by_labels(join, err);
		if (code == 0 && join->is_common) {
			found = &join->by_key.list[0];
		} else if (code == 0) {
			code = series_labels(source, sample, NULL, 0, join->arena, &labels, err);
			if (code == 0)
				found = series_find(&join->by_labels, labels);
		}
	}
	if (code == 0 && found != NULL)
		*ret = found->samples[0];
	return code;
}

int
series_is_guarded(struct series_join *guard, const struct source *source,
    const struct sample *sample, bool *ret_passes, struct err *err)
{
	const struct sample *found;
	int code = series_join_find(guard, source, sample, &found, err);

	*ret_passes = code == 0 && found != NULL && !found->missing && !isnan(found->value) &&
		      (found->value > 0.0 || found->value < 0.0);
	return code;
}

/* --- observations ------------------------------------------------------ */

struct current
series_current(const struct sample *sample, wall_t asked_at)
{
	struct current current = {
		.value = sample->missing ? (double)NAN : sample->value,
		.at = wall_is_set(sample->at) ? sample->at : asked_at,
	};

	current.usable = isfinite(current.value);
	return current;
}

struct observation *
series_observations(struct arena *arena, uint32_t series, uint32_t levels, struct judgement *ret)
{
	*ret = (struct judgement){
		.observations = ARENA_ARRAY(arena, (size_t)series * levels, struct observation),
	};
	return ret->observations;
}

/* --- reasons ----------------------------------------------------------- */

static void
put_name(struct buf *out, const char *name)
{
	if (out->n > 1)
		buf_putc(out, ',');
	json_put_str(out, str_from(name));
	buf_putc(out, ':');
}

void
detail_number(struct buf *out, const char *name, double value)
{
	put_name(out, name);
	json_put_double(out, value);
}

void
detail_text(struct buf *out, const char *name, const char *value)
{
	put_name(out, name);
	json_put_str(out, str_from(value));
}
