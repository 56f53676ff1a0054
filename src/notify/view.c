/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a group has to say: its alerts without those that are suppressed.
 *
 * The order of asking is Alertmanager's and decides
 * under which reason an alert is counted; it is absent for any of them.
 */
#include "config.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "notify/notify_internal.h"
#include "route/intervals.h"

static int
fingerprint_cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* ret_by: the alert or the silence that does it. */
static enum suppression
suppression_of(struct notifier *notifier, const struct alert *alert, enum route_voice voice,
    wall_t now, const void **ret_by)
{
	const struct silence *silence = NULL;
	mono_t begun;
	uint32_t muting;

	*ret_by = NULL;
	if (notifier->inhibitor != NULL) {
		*ret_by = inhibitor_muting(notifier->inhibitor, alert->labels, now);
		if (*ret_by != NULL)
			return SUPPRESSED_INHIBITED;
	}
	if (voice != ROUTE_SPEAKS)
		return voice == ROUTE_INACTIVE ? SUPPRESSED_INACTIVE : SUPPRESSED_MUTED;
	begun = loop_mono_exact(notifier->options.loop);
	muting = silences_muting(notifier->options.silences, alert->labels, now, &silence, 1);
	histogram_add(&notifier->silence_queries, &histogram_seconds,
	    dur_seconds(mono_since(loop_mono_exact(notifier->options.loop), begun)));
	*ret_by = muting > 0 ? silence : NULL;
	return muting > 0 ? SUPPRESSED_SILENCED : SUPPRESSED_NOT;
}

static void
reserve(struct notifier *notifier, uint32_t n)
{
	notifier->items = xgrow(notifier->items, &notifier->cap_items, n + 1, sizeof(struct item));
	notifier->firing = xgrow(notifier->firing, &notifier->cap_firing, n + 1, sizeof(uint64_t));
	notifier->resolved =
	    xgrow(notifier->resolved, &notifier->cap_resolved, n + 1, sizeof(uint64_t));
	notifier->absent = xgrow(notifier->absent, &notifier->cap_absent, n + 1, sizeof(uint64_t));
	notifier->absences =
	    xgrow(notifier->absences, &notifier->cap_absences, n + 1, sizeof(struct absence));
}

struct view
view_of(struct notifier *notifier, const struct alert_group *group, wall_t now)
{
	const struct route_config *route = group->route;
	enum route_voice voice = route_voice(route, now);
	uint32_t n = 0, n_firing = 0, n_resolved = 0, n_absent = 0;

	reserve(notifier, group->n_alerts);
	for (uint32_t i = 0; i < group->n_alerts; i++) {
		struct alert *alert = group->alerts[i];
		uint64_t fingerprint = labels_fingerprint(alert->labels);
		bool firing = !alert_is_resolved(alert, now);
		const void *by;
		enum suppression why = suppression_of(notifier, alert, voice, now, &by);

		if (why == SUPPRESSED_NOT && flaps_is_flapping(notifier->flaps, group, fingerprint))
			why = SUPPRESSED_FLAPPING;

		if (why != SUPPRESSED_NOT) {
			notifier->suppressed[why]++;
			notifier->absences[n_absent] =
			    (struct absence){ fingerprint, why, firing, by };
			notifier->absent[n_absent++] = fingerprint;
			continue;
		}
		alerts_settle(notifier->options.alerts, alert, now);
		notifier->items[n++] = (struct item){ alert, alert->ends_at, firing };
		if (firing)
			notifier->firing[n_firing++] = fingerprint;
		else
			notifier->resolved[n_resolved++] = fingerprint;
	}
	qsort(notifier->firing, n_firing, sizeof(uint64_t), fingerprint_cmp);
	qsort(notifier->resolved, n_resolved, sizeof(uint64_t), fingerprint_cmp);
	qsort(notifier->absent, n_absent, sizeof(uint64_t), fingerprint_cmp);
	return (struct view){
		.items = notifier->items,
		.n_items = n,
		.firing = { notifier->firing, n_firing },
		.resolved = { notifier->resolved, n_resolved },
		.suppressed = { notifier->absent, n_absent },
		.absences = notifier->absences,
		.options = { .notify_on_unsilence = route->notify_on_unsilence,
		    .deliver_held_resolves = route->deliver_held_resolves || route->flap != NULL },
		.tick = now,
	};
}
