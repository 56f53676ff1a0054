/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group's time has come: who is told what.
 *
 * Alerts that are suppressed (view.c) are absent from all that follows.  Each
 * channel then decides for itself.  When every channel of the group has
 * been told, or has nothing to be told, the alerts that this flush saw
 * resolved are let go.
 */
#include "config.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "notify/notify_internal.h"

/* ---- one channel ------------------------------------------------------------------- */

static void
nothing_to_say(struct notifier *notifier, struct channel *channel, const char *why)
{
	intent_cancel(notifier, channel, why);
	channel->done = true;
}

static enum notify_reason
reason_against(const struct channel *channel, struct fingerprints firing,
    struct fingerprints resolved, const struct view *view, bool send_resolved)
{
	const struct log_entry *entry = &channel->entry;
	const struct nflog_entry_view told = {
		.present = entry->id != 0 || firing.n > 0,
		.firing = firing,
		.resolved = resolved,
		.at = entry->id != 0 ? entry->at : view->tick,
	};
	enum notify_reason reason = dedup_decide(&told, view->firing, view->resolved, send_resolved,
	    channel->repeat_interval, view->tick);

	/* Told at no time: nobody knows whether it arrived. */
	return reason == NOTIFY_REPEAT && !wall_is_set(told.at) ? NOTIFY_FIRST : reason;
}

static bool
have_common(struct fingerprints a, struct fingerprints b)
{
	for (uint32_t i = 0; i < a.n; i++) {
		if (fingerprints_have(b, a.fp[i]))
			return true;
	}
	return false;
}

/*
 * The five rules; and where they say "nothing" while a message that was
 * never confirmed may have arrived, once more as if it had: the receiver must
 * hear the end of what it may believe to fire.
 */
static enum notify_reason
reason_for(const struct channel *channel, const struct view *view, bool send_resolved)
{
	struct fingerprints firing = fingerprints_of(&channel->entry.firing);
	struct fingerprints resolved = fingerprints_of(&channel->entry.resolved);
	enum notify_reason reason = reason_against(channel, firing, resolved, view, send_resolved);

	if (reason == NOTIFY_NOTHING && send_resolved && channel->out != NULL &&
	    channel->out->maybe_sent) {
		struct fingerprints said = fingerprints_of(&channel->out->firing);
		struct fingerprint_set all = fingerprints_union(firing, said);
		struct fingerprint_set over = fingerprints_minus(resolved, said);

		reason = reason_against(
		    channel, fingerprints_of(&all), fingerprints_of(&over), view, send_resolved);
		/* `out` is that resolve itself, or took the place of a firing one. */
		if (reason == NOTIFY_NOTHING && view->firing.n == 0)
			reason = NOTIFY_ALL_RESOLVED;
		free(all.fp);
		free(over.fp);
	}
	/* Its end may have arrived, and it fires again. */
	if ((reason == NOTIFY_NOTHING || reason == NOTIFY_REPEAT) && channel->out != NULL &&
	    channel->out->maybe_sent &&
	    have_common(fingerprints_of(&channel->out->resolved), view->firing))
		reason = NOTIFY_NEW_ALERTS;
	return reason;
}

static void
decide(struct notifier *notifier, struct channel *channel, const struct view *view)
{
	const struct integration_config *config = channel->target->config;
	bool send_resolved = config != NULL && INTEGRATION_COMMON(config)->send_resolved;
	enum notify_reason reason;
	mono_t begun;

	channel->done = false;
	if (channel->out != NULL && channel->out->state == INTENT_SENDING) {
		channel->recheck = true;
		return;
	}
	if (channel->out != NULL && channel->out->origin.kind == INTENT_ACKNOWLEDGED) {
		if (view->firing.n > 0) { /* first the one, then the other */
			channel->recheck = true;
			return;
		}
		intent_cancel(notifier, channel, "resolved before it could be delivered");
	}
	if (config == NULL) {
		nothing_to_say(notifier, channel, "the receiver is no longer configured");
		return;
	}
	if (view->n_items == 0) {
		if (channel->out != NULL && channel->out->maybe_sent && send_resolved)
			nflog_set_unsure(notifier, channel, channel->out);
		nothing_to_say(
		    notifier, channel, "silenced, inhibited or muted before it could be delivered");
		return;
	}
	if (channel->out != NULL && channel->out->origin.kind == INTENT_ESCALATION &&
	    view->firing.n > 0) {
		/* A step said so; what the receiver knows already is no reason not to. */
		if (!intent_is(channel->out, view))
			intent_set(channel, notifier, view, NOTIFY_ESCALATED);
		return;
	}
	begun = loop_mono_exact(notifier->options.loop);
	reason = reason_for(channel, view, send_resolved);
	histogram_add(&notifier->nflog_queries, &histogram_seconds,
	    dur_seconds(mono_since(loop_mono_exact(notifier->options.loop), begun)));
	reason = escalate_withhold(channel, view, reason);
	if (reason == NOTIFY_NOTHING && !channel->is_extra)
		reason = held_decide(fingerprints_of(&channel->entry.held), view->firing,
		    view->resolved, send_resolved, view->options);
	if (reason == NOTIFY_NOTHING) {
		nothing_to_say(notifier, channel,
		    view->firing.n == 0 ? "resolved before it could be delivered"
					: "no longer news");
		reasons_nothing(notifier, channel, view);
	} else if (view->firing.n == 0 && !send_resolved) {
		nothing_to_say(notifier, channel, "resolved before it could be delivered");
		reasons_not_asked(notifier, channel, view);
		nflog_set(notifier, channel, view->firing, view->resolved, view->tick, "");
	} else if (channel->out == NULL || !intent_is(channel->out, view)) {
		if (channel->fallback && view->firing.n > 0)
			reason = NOTIFY_FALLBACK;
		held_note_replaced(notifier, channel, view);
		intent_set(channel, notifier, view, reason);
		reasons_sent(notifier, channel);
	}
}

/* ---- the channels of a group --------------------------------------------------------- */

static void
detach(struct notifier *notifier, struct channel *channel, const char *why)
{
	channel->group = NULL;
	channel->recheck = false;
	if (channel->out != NULL && channel->out->state == INTENT_SENDING)
		channel->out->abandoned = why;
	else
		intent_cancel(notifier, channel, why);
	channel_release(notifier, channel);
}

static bool
state_has(const struct group_state *state, const struct channel *channel)
{
	for (uint32_t i = 0; i < state->n; i++) {
		if (state->channels[i] == channel)
			return true;
	}
	return false;
}

/* Another group that has it; there is one. */
static struct alert_group *
holder_of(const struct notifier *notifier, const struct channel *channel)
{
	LIST_FOREACH(link, &notifier->states)
	{
		const struct group_state *state = CONTAINER_OF(link, struct group_state, link);

		if (state_has(state, channel))
			return state->group;
	}
	return NULL;
}

/* The state, which is no longer among the notifier's or no longer has it, lets go of it. */
static void
let_go(struct notifier *notifier, const struct group_state *state, struct channel *channel,
    const char *why)
{
	if (--channel->holders == 0)
		detach(notifier, channel, why);
	else if (channel->group == state->group)
		channel->group = holder_of(notifier, channel);
}

struct channel *
flush_add_channel(struct notifier *notifier, struct alert_group *group, struct target *target)
{
	struct group_state *state = group->notify;
	struct channel *channel = channel_get(notifier, str_from(group->key), target);

	if (state_has(state, channel)) {
		channel->is_extra = channel->is_extra || channel->fallback;
		return channel;
	}
	list_remove(&state->link);
	state = xrealloc(state, 1, sizeof(*state) + (state->n + 1) * sizeof(state->channels[0]));
	state->link = (struct link){ 0 };
	list_append(&notifier->states, &state->link);
	state->channels[state->n++] = channel;
	if (channel->holders++ == 0)
		channel->is_extra = true; /* else as it is to the other */
	channel->group = group;
	channel->repeat_interval = group->route->repeat_interval;
	group->notify = state;
	return channel;
}

/* Those that were told of the incident beside the route's own. */
static void
add_told(struct notifier *notifier, struct alert_group *group, const struct incident *incident)
{
	struct str told;

	for (uint32_t i = 0; (told = incident_told(incident, i)).n > 0; i++)
		flush_add_channel(notifier, group, target_get(notifier, told));
}

static void
state_add(struct notifier *notifier, struct group_state *state,
    const struct receiver_config *receiver, bool fallback)
{
	struct buf name = { 0 };

	for (uint32_t i = 0; receiver != NULL && i < receiver->n_integrations; i++) {
		const struct integration_config *config = &receiver->integrations[i];
		struct channel *channel;

		buf_clear(&name);
		buf_printf(&name, "%s/%s[%u]", receiver->name, config->kind->name, config->index);
		channel = channel_get(notifier, str_from(state->group->key),
		    target_get(notifier, buf_str(&name)));
		channel->group = state->group;
		channel->fallback = fallback;
		channel->is_extra = false;
		/* An answer may call for a decision before the first flush after a start. */
		channel->repeat_interval = state->group->route->repeat_interval;
		state->channels[state->n++] = channel;
		channel->holders++;
	}
	buf_fini(&name);
}

static struct group_state *
state_new(struct notifier *notifier, struct alert_group *group)
{
	const struct receiver_config *receiver = group->route->receiver;
	const struct receiver_config *fallback = receiver != NULL ? receiver->fallback : NULL;
	uint32_t n = (receiver != NULL ? receiver->n_integrations : 0) +
		     (fallback != NULL ? fallback->n_integrations : 0);
	struct group_state *state = xcalloc(1, sizeof(*state) + n * sizeof(state->channels[0]));

	state->group = group;
	state->generation = notifier->generation;
	if (notifier->options.incidents != NULL)
		state->incident = incidents_of(notifier->options.incidents, group);
	state_add(notifier, state, receiver, false);
	state->n_own = state->n;
	state_add(notifier, state, fallback, true);
	list_append(&notifier->states, &state->link);
	group->notify = state;
	if (state->incident != NULL)
		add_told(notifier, group, state->incident);
	return group->notify;
}

/* After a reload the receiver may have other integrations than before. */
struct group_state *
flush_state(struct notifier *notifier, struct alert_group *group)
{
	struct group_state *old = group->notify, *state;

	if (old != NULL && old->generation == notifier->generation)
		return old;
	state = state_new(notifier, group);
	if (old == NULL)
		return state;
	list_remove(&old->link);
	for (uint32_t i = 0; i < old->n; i++)
		let_go(
		    notifier, old, old->channels[i], "its route no longer has this receiver");
	free(old);
	return state;
}

void
flush_forget_group(struct notifier *notifier, struct group_state *state)
{
	list_remove(&state->link);
	for (uint32_t i = 0; i < state->n; i++)
		let_go(notifier, state, state->channels[i], "its group has ended");
	free(state);
}

/* Nobody escalated to it any more. */
void
flush_drop_extra(struct notifier *notifier, struct group_state *state, struct channel *channel,
    const char *why)
{
	uint32_t i = 0;

	while (i < state->n && state->channels[i] != channel)
		i++;
	if (i == state->n)
		return;
	if (state->incident != NULL)
		incident_drop_told(state->incident, channel->target->name);
	for (state->n--; i < state->n; i++)
		state->channels[i] = state->channels[i + 1];
	if (channel->holders == 1)
		channel->is_extra = false;
	let_go(notifier, state, channel, why);
}

static bool
believes_firing(const struct channel *channel)
{
	return channel->entry.firing.n > 0 || channel->entry.held.n > 0 ||
	       (channel->out != NULL && channel->out->maybe_sent);
}

/*
 * Another incident while the end of the last one has not reached everybody:
 * who still believes in that one belongs to this one, the others do not.
 */
static void
hand_over(struct notifier *notifier, struct group_state *state)
{
	for (uint32_t i = state->n; i-- > 0;) {
		struct channel *channel = state->channels[i];

		if (!channel->is_extra)
			continue;
		if (believes_firing(channel))
			incident_add_told(state->incident, channel->target->name);
		else
			flush_drop_extra(notifier, state, channel, "its incident has ended");
	}
}

/* Opens, changes or ends the group's incident. */
static void
observe(struct notifier *notifier, struct alert_group *group, const struct view *view, wall_t now)
{
	struct group_state *state = group->notify;
	int64_t before = state->incident != NULL ? state->incident->id : 0;
	struct incident_facts facts;

	if (notifier->options.incidents == NULL)
		return;
	facts = escalate_facts(group, view);
	state->incident = incidents_observe(notifier->options.incidents, group, &facts, now);
	if (before != 0 && state->incident != NULL && state->incident->id != before)
		hand_over(notifier, state);
}

/* What is due of its escalation, after the route's own receiver; uses the view's memory. */
static void
escalate(struct notifier *notifier, struct alert_group *group, wall_t now)
{
	const struct group_state *state = group->notify;

	if (state->incident == NULL)
		return;
	incident_run(state->incident, now);
	escalate_note_conditions(notifier, group, now);
}

/* May free the group. */
static void
let_go_when_done(struct notifier *notifier, struct alert_group *group)
{
	const struct group_state *state = group->notify;

	for (uint32_t i = 0; i < state->n; i++) {
		if (!state->channels[i]->done)
			return;
	}
	groups_forget_resolved(group, loop_now(notifier->options.loop));
}

static void
decide_own(struct notifier *notifier, struct channel *channel, const struct view *view)
{
	held_note(notifier, channel, view);
	decide(notifier, channel, view);
	held_note(notifier, channel, view);
}

/* While it only stands by: it is told the ends of what it was told to fire. */
static void
decide_standing_by(struct notifier *notifier, struct channel *channel, const struct view *view)
{
	struct view part;

	channel->done = true;
	channel->repeat_interval = DUR_NEVER;
	if (channel->out != NULL && !channel->out->maybe_sent && channel->out->firing.n > 0)
		intent_cancel(notifier, channel, "the group's own receiver answers again");
	if (channel->out == NULL && channel->entry.firing.n == 0)
		return;
	part = fallback_view(channel, view);
	if (part.n_items > 0)
		decide(notifier, channel, &part);
	fallback_view_fini(&part);
}

/* One that an escalation told as well is the escalation's. */
static bool
is_fallback(const struct channel *channel)
{
	return channel->fallback && !channel->is_extra;
}

static void
decide_fallback(
    struct notifier *notifier, const struct group_state *state, const struct view *view)
{
	bool on = state->n > state->n_own && state->group->route->receiver->fallback != NULL &&
		  fallback_is_on(notifier, state->group->route->receiver);

	for (uint32_t i = state->n_own; i < state->n; i++) {
		struct channel *channel = state->channels[i];

		if (!is_fallback(channel))
			continue;
		channel->group = state->group;
		channel->repeat_interval = state->group->route->repeat_interval;
		if (on)
			decide_own(notifier, channel, view);
		else
			decide_standing_by(notifier, channel, view);
	}
}

void
flush_fallback(struct notifier *notifier, struct alert_group *group)
{
	wall_t now = loop_now(notifier->options.loop);
	struct group_state *state = flush_state(notifier, group);
	struct view view = view_of(notifier, group, now);

	decide_fallback(notifier, state, &view);
	held_keep(state, &view);
}

void
notifier_flush(void *arg, struct alert_group *group, wall_t now)
{
	struct notifier *notifier = arg;
	struct group_state *state;
	struct view view;

	/* Also while stopping: what is decided now is sent after the restart. */
	state = flush_state(notifier, group);
	flaps_observe(notifier->flaps, group, now);
	posted_note(notifier, group, now);
	view = view_of(notifier, group, now);
	reasons_of_view(notifier, group, &view);
	observe(notifier, group, &view, now);
	for (uint32_t i = 0; i < state->n; i++) {
		struct channel *channel = state->channels[i];

		if (is_fallback(channel))
			continue;
		channel->group = group;
		channel->repeat_interval = group->route->repeat_interval;
		decide_own(notifier, channel, &view);
	}
	decide_fallback(notifier, state, &view);
	held_keep(state, &view);
	escalate(notifier, group, now);
	channels_sweep(notifier, now);
	let_go_when_done(notifier, group);
}

void
flush_resume(struct notifier *notifier, struct channel *channel)
{
	struct alert_group *group = channel->group;

	if (group == NULL) {
		if (channel->notice != NULL && channel->recheck)
			notice_push(notifier, channel->notice);
		channel_release(notifier, channel);
		return;
	}
	if (channel->recheck) {
		wall_t now = loop_now(notifier->options.loop);
		struct view view = view_of(notifier, group, now);

		channel->recheck = false;
		reasons_of_view(notifier, group, &view);
		if (is_fallback(channel))
			decide_fallback(notifier, group->notify, &view);
		else
			decide_own(notifier, channel, &view);
		held_keep(group->notify, &view);
	}
	escalate_resume(notifier, channel);
	let_go_when_done(notifier, group);
}

void
notifier_group_gone(void *arg, struct alert_group *group)
{
	struct notifier *notifier = arg;

	decisions_over(notifier->decisions, str_from(group->key), group->route->id,
	    loop_now(notifier->options.loop));
	if (group->notify != NULL)
		flush_forget_group(arg, group->notify);
	group->notify = NULL;
	if (notifier->options.incidents != NULL)
		incidents_group_gone(notifier->options.incidents, group);
}
