/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the alerts of a notification have in common: status, counts, labels
 * and annotations; of all of them, or of the first few.  And the labels of
 * their route.
 */
#include "config.h"

#include "receiver/receiver.h"

/* Strings are interned, so a value is common when its pointer is. */
static struct label_view *
common(struct arena *arena, const struct notified_alert *alerts, uint32_t n, bool annotations,
    uint32_t *ret_n)
{
	const struct labels *first = annotations ? alerts[0].annotations : alerts[0].labels;
	struct label_view *views = ARENA_ARRAY(arena, first->n + 1, struct label_view);
	bool *gone = ARENA_ARRAY(arena, first->n + 1, bool);
	uint32_t left = first->n;

	for (uint32_t i = 1; i < n && left > 0; i++) {
		const struct labels *set = annotations ? alerts[i].annotations : alerts[i].labels;

		for (uint32_t k = 0; set != first && k < first->n; k++) {
			if (gone[k] ||
			    labels_get(set, istr_str(first->l[k].name)) == first->l[k].value)
				continue;
			gone[k] = true;
			left--;
		}
	}
	*ret_n = 0;
	for (uint32_t k = 0; k < first->n; k++) {
		if (!gone[k])
			views[(*ret_n)++] = (struct label_view){ istr_str(first->l[k].name),
				istr_str(first->l[k].value) };
	}
	return views;
}

void
message_sum_up(struct notification *n, struct arena *arena)
{
	n->n_firing = 0;
	for (uint32_t i = 0; i < n->n_alerts; i++)
		n->n_firing += n->alerts[i].firing;
	n->n_resolved = n->n_alerts - n->n_firing;
	n->firing = n->n_firing > 0;
	n->n_common_labels = n->n_common_annotations = 0;
	if (n->n_alerts == 0)
		return;
	n->common_labels = common(arena, n->alerts, n->n_alerts, false, &n->n_common_labels);
	n->common_annotations =
	    common(arena, n->alerts, n->n_alerts, true, &n->n_common_annotations);
}

void
message_set_route_labels(
    struct notification *n, const struct template_map *labels, struct arena *arena)
{
	struct label_view *views = ARENA_ARRAY(arena, labels->n + 1, struct label_view);
	struct buf text = { 0 };

	for (uint32_t i = 0; i < labels->n; i++) {
		buf_clear(&text);
		message_expand(labels->pairs[i].template, n, &text);
		views[i] = (struct label_view){ str_from(labels->pairs[i].key),
			arena_str(arena, buf_str(&text)) };
	}
	buf_fini(&text);
	n->route_labels = views;
	n->n_route_labels = labels->n;
}

struct notification
message_first(const struct notification *n, uint32_t max_alerts, struct arena *arena)
{
	struct notification first = *n;

	if (max_alerts == 0 || max_alerts >= n->n_alerts)
		return first;
	first.n_alerts = max_alerts;
	message_sum_up(&first, arena);
	return first;
}
