/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Depth first; the first matching child ends the search among its siblings
 * unless it says `continue`; a node none of whose children match is the match.
 */
#include "config.h"

#include "route/tree.h"

#include "labels/matcher.h"

struct matches {
	const struct route_config **ret;
	uint32_t n, max;
};

/* False when the node itself does not match. */
static bool
match_node(const struct route_config *route, const struct labels *labels, struct matches *matches)
{
	bool any_child = false;

	if (!matchers_match(route->matchers, labels))
		return false;
	for (uint32_t i = 0; i < route->n_children; i++) {
		const struct route_config *child = route->children[i];

		if (!match_node(child, labels, matches))
			continue;
		any_child = true;
		if (!child->continue_)
			break;
	}
	if (!any_child) {
		if (matches->n < matches->max)
			matches->ret[matches->n] = route;
		matches->n++;
	}
	return true;
}

uint32_t
tree_match(const struct route_config *root, const struct labels *labels,
    const struct route_config **ret, uint32_t max)
{
	struct matches matches = { .ret = ret, .max = max };

	match_node(root, labels, &matches);
	return matches.n;
}
