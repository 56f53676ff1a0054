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

static bool
is_asked_for(const struct view *view)
{
	return view->options.notify_on_unsilence || view->options.deliver_held_resolves;
}

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

/* What may have arrived counts as told, as in reason_for(). */
static struct fingerprint_set
told_firing(const struct channel *channel)
{
	struct fingerprints none = { NULL, 0 };

	return fingerprints_union(fingerprints_of(&channel->entry.firing),
	    channel->out != NULL && channel->out->maybe_sent
		? fingerprints_of(&channel->out->firing)
		: none);
}

void
held_note(struct notifier *notifier, struct channel *channel, const struct view *view)
{
	struct fingerprint_set old, told, new, all = { 0 };

	if (is_asked_for(view)) {
		old = keep_those_in(fingerprints_of(&channel->entry.held), view);
		told = told_firing(channel);
		new = fingerprints_both(fingerprints_of(&told), view->suppressed);
		all = fingerprints_union(fingerprints_of(&old), fingerprints_of(&new));
		free(old.fp);
		free(told.fp);
		free(new.fp);
	}
	nflog_set_held(notifier, channel, all);
}

/*
 * What the old message said to fire and the new one does not is told over by
 * the new one; but should that be replaced in its turn, nobody else remembers.
 */
void
held_note_replaced(struct notifier *notifier, struct channel *channel, const struct view *view)
{
	struct fingerprint_set gone, all;

	if (channel->out == NULL || !channel->out->maybe_sent || !is_asked_for(view))
		return;
	gone = fingerprints_minus(fingerprints_of(&channel->out->firing), view->firing);
	all = fingerprints_union(fingerprints_of(&channel->entry.held), fingerprints_of(&gone));
	free(gone.fp);
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
