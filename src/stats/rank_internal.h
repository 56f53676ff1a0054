/* SPDX-License-Identifier: Apache-2.0 */
/* Walking two sorted samples group by group; shared by the rank tests. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "stats/sample.h"

/* One group of equal values in the pooled order. */
struct rank_group {
	size_t ref_before, cur_before; /* points below the group */
	size_t ref, cur;               /* points in it */
};

/* Start from { 0 }; false after the last group. */
static inline bool
rank_group_next(const struct sample_set *ref, const struct sample_set *cur, struct rank_group *group)
{
	size_t i = group->ref_before + group->ref, j = group->cur_before + group->cur;
	size_t i_end = i, j_end = j;
	double x;

	if (i >= ref->n && j >= cur->n)
		return false;
	x = j >= cur->n || (i < ref->n && ref->v[i] <= cur->v[j]) ? ref->v[i] : cur->v[j];
	while (i_end < ref->n && ref->v[i_end] == x)
		i_end++;
	while (j_end < cur->n && cur->v[j_end] == x)
		j_end++;
	*group = (struct rank_group){ i, j, i_end - i, j_end - j };
	return true;
}

/* Are both samples one and the same constant?  Neither may be empty. */
static inline bool
rank_is_constant(const struct sample_set *ref, const struct sample_set *cur)
{
	return ref->v[0] == ref->v[ref->n - 1] && cur->v[0] == cur->v[cur->n - 1]
	    && ref->v[0] == cur->v[0];
}
