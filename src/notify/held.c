/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must be told when a silence, an inhibition or a mute time is over.
 *
 * Alertmanager forgets: an alert that is suppressed is absent, and by the
 * time it is back the log may have been overwritten without it, or the alert
 * has ended and gone.  Routes that ask for it (`notify_on_unsilence`,
 * `deliver_held_resolves`) get a third set in the log entry beside "told
 * firing" and "told resolved": what was told firing and was suppressed at a
 * later flush.  It is durable with the entry, and loses an alert when that is
 * told again, either way, or leaves the group.
 */
#include "config.h"

#include <stdlib.h>

#include "notify/notify_internal.h"

static struct fingerprint_set
keep_those_in(struct fingerprints set, const struct view *view)
{
	struct fingerprint_set kept = fingerprints_keep(set);

	kept.n = 0;
	for (uint32_t i = 0; i < set.n; i++) {
		if (fingerprints_have(view->suppressed, set.fp[i]) ||
		    fingerprints_have(view->firing, set.fp[i]) ||
		    fingerprints_have(view->resolved, set.fp[i]))
			kept.fp[kept.n++] = set.fp[i];
	}
	return kept;
}

void
held_note(struct notifier *notifier, struct channel *channel, const struct view *view)
{
	struct log_entry *entry = &channel->entry;
	struct fingerprint_set old, new, all = { 0 };

	if (entry->id == 0)
		return;
	if (view->options.notify_on_unsilence || view->options.deliver_held_resolves) {
		old = keep_those_in(fingerprints_of(&entry->held), view);
		new = fingerprints_both(fingerprints_of(&entry->firing), view->suppressed);
		all = fingerprints_union(fingerprints_of(&old), fingerprints_of(&new));
		free(old.fp);
		free(new.fp);
	}
	nflog_set_held(notifier, channel, all);
}

static bool
is_owed(const struct channel *channel, uint64_t fingerprint)
{
	const struct integration_config *config = channel->target->config;

	if (config == NULL || !INTEGRATION_COMMON(config)->send_resolved)
		return false;
	return fingerprints_have(fingerprints_of(&channel->entry.held), fingerprint) ||
	       (channel->out != NULL &&
		   fingerprints_have(fingerprints_of(&channel->out->firing), fingerprint));
}

void
held_keep(const struct group_state *state, const struct view *view)
{
	struct alert_group *group = state->group;

	if (!view->options.deliver_held_resolves || view->suppressed.n == 0)
		return;
	for (uint32_t i = 0; i < group->n_alerts; i++) {
		uint64_t fingerprint = labels_fingerprint(group->alerts[i]->labels);
		bool owed = false;

		if (group->seen[i] == 0 || !fingerprints_have(view->suppressed, fingerprint))
			continue;
		for (uint32_t k = 0; k < state->n && !owed; k++)
			owed = is_owed(state->channels[k], fingerprint);
		if (owed)
			group->seen[i] = 0;
	}
}
