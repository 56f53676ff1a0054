/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What senders' alerts did, for the history: rules write their own.
 *
 * An alert is noted when a flush first sees that it fires, and when one sees
 * that it has ended, so nothing is paid while alerts come in or are refreshed.
 * Whether it was noted is a flag of its row.  In a storm only so many a second
 * are; the others when their group is looked at next, if they still fire.
 */
#include "config.h"

#include <math.h>

#include "notify/notify_internal.h"

#define NOTED_A_SECOND 1000u
#define LATE_MAX       DUR_S(3600)

static bool
may_note(struct notifier *notifier, wall_t now)
{
	int64_t second = now.ns / 1000000000;

	if (notifier->noted_second != second) {
		notifier->noted_second = second;
		notifier->noted = 0;
	}
	return notifier->noted++ < NOTED_A_SECOND;
}

/* A flush is late by the group's wait or interval; what senders say of long ago is not believed. */
static wall_t
when(const struct alert *alert, bool firing, wall_t now)
{
	wall_t said = firing ? alert->starts_at : alert->ends_at;

	return wall_before(now, said) || dur_less(LATE_MAX, wall_since(now, said)) ? now : said;
}

static void
note(struct notifier *notifier, struct alert *alert, bool firing, wall_t now)
{
	struct buf *encoded = &notifier->scratch;
	struct str name = labels_value(alert->labels, STR("alertname"));

	buf_clear(encoded);
	labels_encode(alert->labels, encoded);
	store_history_add(notifier->options.store,
	    &(struct history_row){
		.at = when(alert, firing, now),
		.kind = firing ? STR("firing") : STR("resolved"),
		.labels = buf_str(encoded),
		.fingerprint = labels_fingerprint(alert->labels),
		.value = NAN,
		.subject = name.n > 0 ? name : STR("(no alertname)"),
		.detail = STR(HISTORY_POSTED),
	    });
	alerts_set_in_history(notifier->options.alerts, alert, firing);
}

void
posted_note(struct notifier *notifier, const struct alert_group *group, wall_t now)
{
	for (uint32_t i = 0; i < group->n_alerts; i++) {
		struct alert *alert = group->alerts[i];
		bool firing = !alert_is_resolved(alert, now);
		bool noted = (alert->flags & ALERT_IN_HISTORY) != 0;

		if (alert->flags & ALERT_FROM_RULE || firing == noted)
			continue;
		if (!firing || may_note(notifier, now))
			note(notifier, alert, firing, now);
	}
}
