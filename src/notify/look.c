/* SPDX-License-Identifier: Apache-2.0 */
/* Values of a moment, for whoever wants to show them; nothing changes here. */
#include "config.h"

#include "notify/look.h"

#include "notify/notify_internal.h"

static const char *
state_text(enum intent_state state)
{
	switch (state) {
	case INTENT_COMMITTING:
		return "committing";
	case INTENT_WAITING:
		return "waiting";
	case INTENT_READY:
		return "ready";
	case INTENT_SENDING:
		return "sending";
	}
	return "";
}

bool
notifier_look_channel(const struct notifier *notifier, const struct alert_group *group, uint32_t i,
    uint64_t fingerprint, struct channel_look *ret)
{
	const struct group_state *state = group->notify;
	const struct channel *channel;
	const struct log_entry *entry;

	(void)notifier;
	if (state == NULL || i >= state->n)
		return false;
	channel = state->channels[i];
	entry = &channel->entry;
	*ret = (struct channel_look){
		.target = channel->target->name,
		.told = entry->id != 0,
		.told_firing = fingerprints_have(fingerprints_of(&entry->firing), fingerprint),
		.told_resolved = fingerprints_have(fingerprints_of(&entry->resolved), fingerprint),
		.told_at = entry->at,
		.error = "",
		.state = "",
	};
	if (ret->told_firing && wall_is_set(entry->at))
		ret->repeat_at = wall_add(entry->at, channel->repeat_interval);
	if (channel->out != NULL &&
	    (fingerprints_have(fingerprints_of(&channel->out->firing), fingerprint) ||
		fingerprints_have(fingerprints_of(&channel->out->resolved), fingerprint))) {
		ret->delivery_id = channel->out->id;
		ret->attempts = channel->out->attempts;
		ret->due_at = channel->out->due_at;
		ret->error = channel->out->error;
		ret->state = state_text(channel->out->state);
	}
	return true;
}
