/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Incidents' hands: what they ask for when a step is due or somebody answers.
 *
 * A receiver that an escalation tells becomes a channel of the group, behind
 * those of the route's own receiver.  From then on it hears what they hear,
 * news and the end; but reminders come from the policy alone, and while the
 * incident is acknowledged or snoozed it hears of nothing but the end.
 * Invariant: the extra channels of a group are those its incident remembers
 * as told.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/severity.h"
#include "notify/notify_internal.h"

/* ---- what there is to tell -------------------------------------------------------- */

/* As a flush would see it, but not counted as one. */
static struct view
peek(struct notifier *notifier, const struct alert_group *group, wall_t now)
{
	uint64_t counts[SUPPRESSION_COUNT];
	struct view view;

	memcpy(counts, notifier->suppressed, sizeof(counts));
	view = view_of(notifier, group, now);
	memcpy(notifier->suppressed, counts, sizeof(counts));
	return view;
}

static const struct alert *
worst_of(const struct view *view, bool firing_only)
{
	const struct alert *worst = NULL;
	uint32_t worst_rank = UINT32_MAX;

	for (uint32_t i = 0; i < view->n_items && worst_rank > 0; i++) {
		const struct alert *alert = view->items[i].alert;
		uint32_t rank;

		if (firing_only && !view->items[i].firing)
			continue;
		rank = severity_rank(labels_value(alert->labels, STR("severity")));
		if (worst == NULL || rank < worst_rank) {
			worst = alert;
			worst_rank = rank;
		}
	}
	return worst;
}

/* The highest of what fires, else of what did. */
struct str
view_severity(const struct view *view)
{
	const struct alert *worst = worst_of(view, view->firing.n > 0);

	return worst != NULL ? labels_value(worst->labels, STR("severity")) : STR("");
}

struct incident_facts
escalate_facts(const struct alert_group *group, const struct view *view)
{
	struct incident_facts facts = { .firing = view->firing.n, .firing_all = view->firing.n };
	const struct alert *worst = worst_of(view, true);

	for (uint32_t i = 0; i < view->suppressed.n; i++)
		facts.firing_all += view->absences[i].firing;
	if (worst != NULL) {
		facts.severity = labels_value(worst->labels, STR("severity"));
		facts.runbook = labels_value(worst->annotations, STR("runbook_url"));
	}
	for (uint32_t i = 0; i < view->n_items && group->route->escalation != NULL; i++) {
		if (view->items[i].firing)
			facts.youngest =
			    wall_max(facts.youngest, view->items[i].alert->starts_at);
	}
	return facts;
}

static struct incident_facts
look(void *arg, struct alert_group *group, wall_t now)
{
	struct notifier *notifier = arg;
	struct view view = peek(notifier, group, now);

	return escalate_facts(group, &view);
}

/* ---- a step ------------------------------------------------------------------------- */

static enum tell_result
tell_channel(struct notifier *notifier, struct channel *channel, const struct view *view,
    const struct intent_origin *origin)
{
	channel->done = false;
	if (channel->out != NULL && channel->out->origin.kind == INTENT_ACKNOWLEDGED) {
		/* It was taken back before it arrived. */
		send_abandon(channel->out);
		intent_end(channel->out, DELIVERY_CANCELLED, "it is no longer acknowledged");
	}
	if (channel->out != NULL && channel->out->state == INTENT_SENDING) {
		/* What has changed meanwhile follows. */
		channel->recheck = true;
		return TELL_DUPLICATE;
	}
	if (channel->out != NULL && intent_is(channel->out, view))
		return TELL_DUPLICATE;
	intent_set_as(channel, notifier, view, NOTIFY_ESCALATED, origin);
	reasons_sent(notifier, channel);
	return channel->out->held ? TELL_HELD : TELL_SENT;
}

static enum tell_result
tell(void *arg, struct incident *incident, const struct receiver_config *receiver,
    const char *place, wall_t now)
{
	struct notifier *notifier = arg;
	struct alert_group *group = incident->group;
	enum tell_result result = TELL_IMPOSSIBLE;
	struct intent_origin origin = { .kind = INTENT_ESCALATION, .incident = incident->id };
	struct buf name = { 0 };
	struct view view;

	(void)flush_state(notifier, group);
	snprintf(origin.place, sizeof(origin.place), "%s", place);
	view = peek(notifier, group, now);
	for (uint32_t i = 0; i < receiver->n_integrations && view.firing.n > 0; i++) {
		const struct integration_config *config = &receiver->integrations[i];
		struct channel *channel;
		enum tell_result one;

		buf_clear(&name);
		buf_printf(&name, "%s/%s[%u]", receiver->name, config->kind->name, config->index);
		channel =
		    flush_add_channel(notifier, group, target_get(notifier, buf_str(&name)));
		if (channel->is_extra)
			incident_add_told(incident, channel->target->name);
		one = tell_channel(notifier, channel, &view, &origin);
		if (result == TELL_IMPOSSIBLE || one == TELL_SENT)
			result = one;
	}
	buf_fini(&name);
	return result;
}

/* ---- how it stands ------------------------------------------------------------ */

/* It was not told, so it need not hear of the end. */
static bool
is_idle_extra(const struct channel *channel)
{
	return channel->is_extra && channel->out == NULL && channel->entry.firing.n == 0 &&
	       channel->entry.held.n == 0;
}

static void
stop_channel(struct notifier *notifier, struct channel *channel, const char *why)
{
	struct delivery *out = channel->out;

	if (out == NULL || out->origin.kind != INTENT_ESCALATION)
		return;
	if (out->state == INTENT_SENDING) {
		out->abandoned = why;
		return;
	}
	if (out->maybe_sent)
		nflog_set_unsure(notifier, channel, out);
	intent_cancel(notifier, channel, why);
	channel->done = true;
}

static void
stop(void *arg, struct incident *incident, const char *why)
{
	struct notifier *notifier = arg;
	struct group_state *state;

	if (incident->group == NULL)
		return;
	state = flush_state(notifier, incident->group);
	for (uint32_t i = state->n; i-- > 0;) {
		struct channel *channel = state->channels[i];

		stop_channel(notifier, channel, why);
		if (is_idle_extra(channel))
			flush_drop_extra(notifier, state, channel, why);
	}
}

/* "pagerduty:alice": PagerDuty knows already. */
static bool
was_said_there(const struct incident *incident, const struct target *target)
{
	const char *by = incident->work != NULL ? incident->work->changed_by : NULL;
	const char *kind = target->config->kind->name;
	size_t n = strlen(kind);

	return by != NULL && strncmp(by, kind, n) == 0 && by[n] == ':';
}

/* Two integrations of PagerDuty are two incidents there, each to be acknowledged. */
static bool
is_only_one(const struct group_state *state, const struct target *target)
{
	for (uint32_t i = 0; i < state->n; i++) {
		const struct channel *channel = state->channels[i];

		if (channel->target != target && channel->target->ops == target->ops &&
		    (channel->out != NULL || channel->entry.firing.n > 0))
			return false;
	}
	return true;
}

static bool
wants_state(const struct group_state *state, const struct target *target)
{
	const struct incident *incident = state->incident;

	if (target->config == NULL || target->ops->hears_acknowledged == NULL ||
	    !target->ops->hears_acknowledged(target->config->settings))
		return false;
	return target->ops->shows_acknowledged ||
	       (incident->state == INCIDENT_ACKNOWLEDGED &&
		   !(was_said_there(incident, target) && is_only_one(state, target)));
}

static void
show_channel(struct notifier *notifier, struct channel *channel, const struct view *view)
{
	const struct group_state *state = channel->group->notify;
	const struct incident *incident = state->incident;
	struct intent_origin origin = { .kind = INTENT_ACKNOWLEDGED, .incident = incident->id };

	if (view->firing.n == 0)
		return;
	if (!wants_state(state, channel->target)) {
		/* Taken back before it could say that somebody has it in hand. */
		if (incident->state != INCIDENT_ACKNOWLEDGED && channel->out != NULL &&
		    channel->out->origin.kind == INTENT_ACKNOWLEDGED &&
		    channel->out->state != INTENT_SENDING)
			intent_cancel(notifier, channel, "it is no longer acknowledged");
		return;
	}
	if (channel->out != NULL)
		channel->ack_after = true;
	else if (channel->entry.firing.n > 0)
		intent_set_as(channel, notifier, view, NOTIFY_ACKNOWLEDGED, &origin);
}

static void
show(void *arg, struct incident *incident, wall_t now)
{
	struct notifier *notifier = arg;
	struct group_state *state;
	struct view view;

	if (incident->group == NULL)
		return;
	state = flush_state(notifier, incident->group);
	state->incident = incident;
	view = peek(notifier, incident->group, now);
	for (uint32_t i = 0; i < state->n; i++)
		show_channel(notifier, state->channels[i], &view);
}

void
escalate_resume(struct notifier *notifier, struct channel *channel)
{
	const struct group_state *state = channel->group->notify;
	const struct incident *incident = state->incident;

	if (channel->out != NULL || incident == NULL)
		return;
	if (channel->ack_after && incident->state != INCIDENT_RESOLVED) {
		struct view view =
		    peek(notifier, channel->group, loop_now(notifier->options.loop));

		channel->ack_after = false;
		show_channel(notifier, channel, &view);
	}
	channel->ack_after = false;
	if (incident_is_quiet(incident) && is_idle_extra(channel))
		flush_drop_extra(notifier, channel->group->notify, channel,
		    "acknowledged before it was told");
}

enum notify_reason
escalate_withhold(
    const struct channel *channel, const struct view *view, enum notify_reason reason)
{
	const struct group_state *state = channel->group->notify;
	const struct incident *incident = state->incident;

	/* What may have arrived in part is brought to its end. */
	if (incident == NULL || view->firing.n == 0 ||
	    (channel->out != NULL && channel->out->maybe_sent))
		return reason;
	if (channel->is_extra)
		return reason == NOTIFY_REPEAT || incident->state != INCIDENT_OPEN ||
			       !incident_was_told(incident, channel->target->name)
			   ? NOTIFY_NOTHING
			   : reason;
	return reason == NOTIFY_REPEAT && incident_is_quiet(incident) ? NOTIFY_NOTHING : reason;
}

/* ---- the decision log --------------------------------------------------------------------- */

static void
note(void *arg, const struct incident *incident, enum incident_note what, const char *target,
    const char *cause, wall_t until, wall_t now)
{
	static const enum decision_verdict verdicts[] = {
		[INCIDENT_NOTE_SKIPPED] = DECISION_SKIPPED,
		[INCIDENT_NOTE_NOBODY] = DECISION_NOBODY,
		[INCIDENT_NOTE_DUPLICATE] = DECISION_SKIPPED,
		[INCIDENT_NOTE_IMPOSSIBLE] = DECISION_FAILED,
		[INCIDENT_NOTE_HELD] = DECISION_HELD,
		[INCIDENT_NOTE_EXHAUSTED] = DECISION_SKIPPED,
	};
	struct notifier *notifier = arg;
	struct view view = { .n_items = 0 };

	if (incident->group != NULL)
		view = peek(notifier, incident->group, now);
	decision_note(notifier->decisions,
	    &(struct decision){
		.verdict = verdicts[what],
		.firing = view.firing.fp,
		.n_firing = view.firing.n,
		.group_key = str_from(incident->key),
		.target = str_from(target),
		.cause = str_from(cause),
		.next_at = until,
	    },
	    now);
}

static void
hold_state(struct notifier *notifier, const struct incident *incident, wall_t now)
{
	const struct incident_work *work = incident->work;
	/* By name: an alert of several groups is not found by one of them. */
	struct view view = peek(notifier, incident->group, now);

	decision_hold(notifier->decisions,
	    &(struct decision){
		.verdict = incident->state == INCIDENT_SNOOZED ? DECISION_SNOOZED
							       : DECISION_ACKNOWLEDGED,
		.group_key = str_from(incident->key),
		.ref = str_from(work->changed_by),
		.cause = str_from(work->comment),
		.next_at = work->due_at,
		.firing = view.firing.fp,
		.n_firing = view.firing.n,
	    },
	    now);
}

void
escalate_note_conditions(struct notifier *notifier, const struct alert_group *group, wall_t now)
{
	const struct group_state *state = group->notify;
	const struct incident *incident = state->incident;

	decisions_begin(notifier->decisions, DECISION_OF_ONCALL, str_from(group->key),
	    group->route->id);
	if (incident != NULL && incident->work != NULL &&
	    (incident_is_quiet(incident) || incident->work->by_hand))
		hold_state(notifier, incident, now);
	for (uint32_t i = 0; i < state->n; i++) {
		const struct delivery *out = state->channels[i]->out;

		if (out == NULL || !out->held)
			continue;
		decision_hold(notifier->decisions,
		    &(struct decision){
			.verdict = DECISION_HELD,
			.group_key = str_from(group->key),
			.target = str_from(state->channels[i]->target->name),
			.cause = STR("quiet hours"),
			.delivery_id = out->id,
			.next_at = out->due_at,
			.firing = out->firing.fp,
			.n_firing = out->firing.n,
			.resolved = out->resolved.fp,
			.n_resolved = out->resolved.n,
		    },
		    now);
	}
	decisions_end(notifier->decisions, now);
}

static void
changed(void *arg, struct incident *incident, wall_t now)
{
	struct notifier *notifier = arg;

	if (incident->group != NULL && incident->group->notify != NULL)
		escalate_note_conditions(notifier, incident->group, now);
}

const struct incidents_hooks *
escalate_hooks(void)
{
	static const struct incidents_hooks hooks = {
		.look = look,
		.tell = tell,
		.note = note,
		.changed = changed,
		.stop = stop,
		.show = show,
	};

	return &hooks;
}
