/* SPDX-License-Identifier: Apache-2.0 */
/* From the verdicts on many features to one alert. */
#include "config.h"

#include "rule/aggregate.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/map.h"

static bool
is_positive(const struct yaml_node *node, double max, bool whole, double *ret)
{
	return node->kind == YAML_SCALAR && str_to_double(node->text, ret) && *ret > 0 &&
	       *ret <= max && (!whole || *ret == floor(*ret));
}

void
aggregate_read(struct schema_context *ctx, const struct yaml_node *node, void *member)
{
	struct aggregate *aggregate = member;

	if (node->kind == YAML_SCALAR && str_is(node->text, "any")) {
		aggregate->how = AGGREGATE_ANY;
	} else if (node->kind == YAML_SCALAR && str_is(node->text, "all")) {
		aggregate->how = AGGREGATE_ALL;
	} else if (node->kind == YAML_MAPPING && node->n == 1 &&
		   str_is(node->pairs[0].key->text, "count") &&
		   is_positive(node->pairs[0].value, CELLS_GROUPS_MAX, true, &aggregate->limit)) {
		aggregate->how = AGGREGATE_COUNT;
	} else if (node->kind == YAML_MAPPING && node->n == 1 &&
		   str_is(node->pairs[0].key->text, "share") &&
		   is_positive(node->pairs[0].value, 1.0, false, &aggregate->limit)) {
		aggregate->how = AGGREGATE_SHARE;
	} else {
		diag_error(ctx->diag, node->pos,
		    "aggregate is any (an alert for each), all, {count: 3} or {share: 0.3}");
	}
}

double
aggregate_value(const struct aggregate *aggregate, const struct aggregate_tally *tally)
{
	if (aggregate->how == AGGREGATE_SHARE)
		return tally->judged > 0 ? (double)tally->bad / tally->judged : (double)NAN;
	return tally->bad;
}

double
aggregate_limit(const struct aggregate *aggregate, const struct aggregate_tally *tally)
{
	switch (aggregate->how) {
	case AGGREGATE_ANY:
		return 1;
	case AGGREGATE_ALL:
		return tally->judged;
	case AGGREGATE_COUNT:
	case AGGREGATE_SHARE:
		break;
	}
	return aggregate->limit;
}

enum outcome
aggregate_outcome(const struct aggregate *aggregate, const struct aggregate_tally *tally)
{
	if (tally->judged == 0)
		return OUTCOME_INSUFFICIENT;
	return aggregate_value(aggregate, tally) >= aggregate_limit(aggregate, tally)
		   ? OUTCOME_BREACH
		   : OUTCOME_OK;
}

/* --- groups of features ------------------------------------------------ */

struct known_group {
	const struct label_view *labels;
	uint32_t n_labels, index;
};

static bool
same_labels(const void *value, const void *key)
{
	const struct known_group *a = value, *b = key;

	if (a->n_labels != b->n_labels)
		return false;
	for (uint32_t i = 0; i < a->n_labels; i++)
		if (!str_eq(a->labels[i].name, b->labels[i].name) ||
		    !str_eq(a->labels[i].value, b->labels[i].value))
			return false;
	return true;
}

static bool
is_in(const struct string_list *list, struct str name)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (str_is(name, list->items[i]))
			return true;
	return false;
}

static uint64_t
hash_labels(const struct known_group *group)
{
	uint64_t hash = group->n_labels;

	for (uint32_t i = 0; i < group->n_labels; i++)
		hash = hash_mix(
		    hash_mix(hash, hash_bytes(group->labels[i].name.p, group->labels[i].name.n)),
		    hash_bytes(group->labels[i].value.p, group->labels[i].value.n));
	return hash;
}

uint32_t
aggregate_groups(struct arena *arena, const struct string_list *group,
    const struct cells_group *features, uint32_t n, uint32_t *ret_of_feature,
    struct cells_group **ret_groups)
{
	struct cells_group *groups = ARENA_ARRAY(arena, n + 1, struct cells_group);
	struct map known = { 0 };
	uint32_t n_groups = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct label_view *labels =
		    ARENA_ARRAY(arena, features[i].n_labels + 1, struct label_view);
		struct known_group wanted = { labels, 0, n_groups }, *found;
		uint64_t hash;

		for (uint32_t k = 0; k < features[i].n_labels; k++)
			if (is_in(group, features[i].labels[k].name))
				labels[wanted.n_labels++] = features[i].labels[k];
		hash = hash_labels(&wanted);
		found = map_find(&known, hash, same_labels, &wanted);
		if (found == NULL) {
			found = ARENA_NEW(arena, struct known_group);
			*found = wanted;
			map_insert(&known, hash, found);
			groups[n_groups++] = (struct cells_group){ labels, wanted.n_labels };
		}
		ret_of_feature[i] = found->index;
	}
	map_fini(&known);
	*ret_groups = groups;
	return n_groups;
}

void
aggregate_put_name(
    const struct cells_group *feature, const struct string_list *group, struct buf *out)
{
	size_t start = out->n;

	for (uint32_t i = 0; i < feature->n_labels; i++) {
		if (is_in(group, feature->labels[i].name))
			continue;
		if (out->n > start)
			buf_putc(out, '/');
		buf_put_str(out, feature->labels[i].value);
	}
}
