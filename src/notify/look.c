/* SPDX-License-Identifier: Apache-2.0 */
/* Values of a moment, for whoever wants to show them; nothing changes here. */
#include "config.h"

#include "notify/look.h"

#include "notify/notify_internal.h"

static const char *
state_text(const struct delivery *delivery)
{
	if (delivery->aside)
		return delivery->channel->target->gate.circuit == CIRCUIT_CLOSED ? "budget"
										 : "circuit";
	if (delivery->held && delivery->state == INTENT_WAITING)
		return "held";
	switch (delivery->state) {
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

/* As escalate_withhold(): what escalations told is not repeated, nor what somebody has in hand. */
wall_t
channel_repeats_at(const struct channel *channel, const struct group_state *state)
{
	if (!wall_is_set(channel->entry.at) || channel->is_extra ||
	    channel->repeat_interval.ns == DUR_NEVER.ns ||
	    (state != NULL && incident_is_quiet(state->incident)))
		return WALL_NONE;
	return wall_add(channel->entry.at, channel->repeat_interval);
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
		.fallback = channel->fallback && !channel->is_extra,
		.error = "",
		.state = "",
	};
	if (ret->told_firing)
		ret->repeat_at = channel_repeats_at(channel, state);
	if (channel->out != NULL &&
	    (fingerprints_have(fingerprints_of(&channel->out->firing), fingerprint) ||
		fingerprints_have(fingerprints_of(&channel->out->resolved), fingerprint))) {
		ret->delivery_id = channel->out->id;
		ret->attempts = channel->out->attempts;
		ret->due_at = channel->out->due_at;
		ret->error = channel->out->error;
		ret->state = state_text(channel->out);
	}
	return true;
}

static uint32_t
list_length(const struct link *list)
{
	uint32_t n = 0;

	LIST_FOREACH(link, list)
	n++;
	return n;
}

bool
notifier_look_target(const struct notifier *notifier, const struct receiver_config *receiver,
    uint32_t i, struct target_look *ret)
{
	const struct target *target = NULL;
	const struct gate *gate;

	if (i >= receiver->n_integrations)
		return false;
	for (size_t it = 0; (target = map_next(&notifier->targets, &it)) != NULL;) {
		if (target->config == &receiver->integrations[i])
			break;
	}
	if (target == NULL)
		return false;
	gate = &target->gate;
	*ret = (struct target_look){
		.target = target->name,
		.circuit = circuit_state_name(gate->circuit),
		.has_breaker = gate->breaker.failures > 0,
		.fallback_on = gate->fallback_on,
		.failures = gate->failures,
		.error = gate->error,
		.budget_n = gate->n_ring,
		.budget_interval = gate->budget.interval,
		.waiting = gate->n_held,
		.queued = list_length(&target->ready),
		.sending = target->in_flight,
		.delivered = target->outcomes[OUTCOME_DELIVERED],
		.retries = target->outcomes[OUTCOME_RETRY],
		.dead = target->outcomes[OUTCOME_DEAD],
		.cancelled = target->outcomes[OUTCOME_CANCELLED],
	};
	if (gate->circuit != CIRCUIT_CLOSED) {
		ret->opened_at = gate->opened_at;
		ret->probe_at = gate->probe_at;
	}
	return true;
}

/* Over its budget, or held by quiet hours, it waits as it should. */
static bool
is_stuck(const struct delivery *delivery)
{
	return delivery->attempts > 0 && !delivery->aside && !delivery->held &&
	       !delivery->channel->target->gate.fallback_on;
}

wall_t
notifier_stuck_since(const struct notifier *notifier)
{
	const struct channel *channel;
	wall_t oldest = WALL_MAX;

	if (notifier->pending == 0)
		return WALL_NONE;
	for (size_t it = 0; (channel = map_next(&notifier->channels, &it)) != NULL;) {
		if (channel->out != NULL && is_stuck(channel->out))
			oldest = wall_min(oldest, channel->out->created_at);
	}
	return oldest.ns == WALL_MAX.ns ? WALL_NONE : oldest;
}
