/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The notifier's life: made, given a configuration, started with what a
 * previous run left, stopped, freed.
 *
 * Order at start: nflog and deliveries are restored first, then the
 * configuration is applied, then notifier_start() arms what is due.
 * Freed while requests are on the wire, it stays as a shell (targets, whose
 * lanes xfer still uses) until the last of them has come back.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "notify/notify_internal.h"

/* An entry whose group has not been flushed since the start is not swept before this. */
#define RESTORED_GRACE DUR_S(24 * 3600)

struct notifier *
notifier_new(const struct notifier_options *options)
{
	struct notifier *notifier = xcalloc(1, sizeof(*notifier));

	notifier->options = *options;
	if (notifier->options.ops_of == NULL)
		notifier->options.ops_of = receiver_ops_of;
	rng_init(&notifier->rng, options->seed);
	list_init(&notifier->states);
	list_init(&notifier->busy);
	timer_init(&notifier->pump, send_pump, notifier);
	notifier->decisions = decisions_new(options->store);
	if (options->incidents != NULL) {
		struct incidents_hooks hooks = *escalate_hooks();

		hooks.arg = notifier;
		incidents_set_hooks(options->incidents, &hooks);
	}
	notifier->notices = alerts_new(NULL);
	notifier->flaps = flaps_new(notifier);
	timer_init(&notifier->fallback, fallback_go_on, notifier);
	notifier->silence_watch =
	    silence_watch_new(options->loop, options->alerts, options->silences);
	return notifier;
}

/* ---- a new configuration ------------------------------------------------------------ */

static void
name_targets(struct notifier *notifier, const struct config *config)
{
	struct target *target;
	struct buf name = { 0 };

	for (size_t it = 0; (target = map_next(&notifier->targets, &it)) != NULL;) {
		target->config = NULL;
		target->of = NULL;
	}
	for (uint32_t i = 0; i < config->n_receivers; i++) {
		const struct receiver_config *receiver = &config->receivers[i];

		for (uint32_t k = 0; k < receiver->n_integrations; k++) {
			const struct integration_config *integration = &receiver->integrations[k];

			buf_clear(&name);
			buf_printf(&name, "%s/%s[%u]", receiver->name, integration->kind->name,
			    integration->index);
			target = target_get(notifier, buf_str(&name));
			target->config = integration;
			target->of = receiver;
			target->ops = notifier->options.ops_of(integration->kind);
		}
	}
	buf_fini(&name);
	for (size_t it = 0; (target = map_next(&notifier->targets, &it)) != NULL;)
		gate_apply(target);
}

static bool
is_told_by(const struct route_config *route, const char *receiver)
{
	const struct receiver_config *own = route->receiver;

	return own != NULL &&
	       (strcmp(own->name, receiver) == 0 ||
		   (own->fallback != NULL && strcmp(own->fallback->name, receiver) == 0));
}

static bool
has_route(const struct config *config, const struct delivery *delivery)
{
	for (uint32_t i = 0; config->root != NULL && i < config->n_routes; i++) {
		const struct route_config *route = config->routes[i];

		if (strcmp(route->id, delivery->route_id) == 0)
			return is_told_by(route, delivery->channel->target->receiver);
	}
	return false;
}

/* An escalation told this receiver, whatever the route says. */
static bool
is_of_incident(const struct notifier *notifier, const struct channel *channel)
{
	const struct incident *incident =
	    notifier->options.incidents != NULL
		? incidents_by_key(notifier->options.incidents,
		      str_from(channel->group_key), str_from(channel->out->route_id))
		: NULL;

	return incident != NULL && incident_was_told(incident, channel->target->name);
}

static void
check_delivery(struct notifier *notifier, struct channel *channel)
{
	struct delivery *delivery = channel->out;
	const char *why = NULL;

	if (channel->target->config == NULL)
		why = "its receiver is no longer configured";
	else if (notice_is_key(channel->group_key))
		why = channel->notice == NULL ? "said anew if it still holds" : NULL;
	else if (channel->group == NULL && !is_of_incident(notifier, channel) &&
		 !has_route(notifier->config, delivery))
		why = "its route is no longer configured";
	else if (delivery->n_items == 0)
		why = "none of its alerts is known any more";
	if (why == NULL)
		return;
	if (delivery->state == INTENT_SENDING) {
		delivery->abandoned = why;
		xfer_cancel(notifier->options.xfer, delivery->outgoing->request);
	} else {
		intent_cancel(notifier, channel, why);
	}
}

void
notifier_apply(struct notifier *notifier, struct config *config, struct inhibitor *inhibitor)
{
	struct config *old = notifier->config;
	struct channel *channel;

	notifier->config = config_ref(config);
	notifier->inhibitor = inhibitor;
	notifier->generation++;
	silence_watch_apply(notifier->silence_watch, config);
	if (notifier->options.incidents != NULL)
		incidents_apply(notifier->options.incidents, config);
	name_targets(notifier, config);
	for (size_t it = 0; (channel = map_next(&notifier->channels, &it)) != NULL;) {
		if (channel->out != NULL)
			check_delivery(notifier, channel);
		if (channel->out != NULL)
			intent_reconsider(channel->out, loop_now(notifier->options.loop));
	}
	config_unref(old);
}

/* What it was to hear of its acknowledgement went with the process. */
static void
show_after(struct group_state *state)
{
	for (uint32_t i = 0; i < state->n; i++) {
		struct channel *channel = state->channels[i];

		if (channel->out != NULL && channel->out->origin.kind != INTENT_ACKNOWLEDGED)
			channel->ack_after = true;
	}
}

/* Receivers that escalations of an earlier run told belong to their groups at once. */
static void
find_told(struct notifier *notifier)
{
	const struct incidents *incidents = notifier->options.incidents;
	struct incident *incident;

	if (incidents == NULL)
		return;
	for (size_t it = 0; (incident = incidents_next(incidents, &it)) != NULL;) {
		if (incident->group == NULL)
			continue;
		if (incident_is_quiet(incident))
			show_after(flush_state(notifier, incident->group));
		else if (incident_told(incident, 0).n > 0)
			(void)flush_state(notifier, incident->group);
	}
}

void
notifier_start(struct notifier *notifier, wall_t now)
{
	struct channel *channel;

	silence_watch_start(notifier->silence_watch);
	find_told(notifier);
	for (size_t it = 0; (channel = map_next(&notifier->channels, &it)) != NULL;) {
		channel->entry.expires_at =
		    wall_max(channel->entry.expires_at, wall_add(now, RESTORED_GRACE));
		if (channel->out != NULL && channel->out->state == INTENT_WAITING)
			intent_start(channel->out, now);
	}
	gate_start(notifier);
	flaps_start(notifier->flaps);
}

/* ---- end ------------------------------------------------------------------------------ */

void
notifier_stop(struct notifier *notifier)
{
	struct target *target;

	notifier->stopping = true;
	if (notifier->silence_watch != NULL)
		silence_watch_stop(notifier->silence_watch);
	loop_timer_stop(notifier->options.loop, &notifier->pump);
	loop_timer_stop(notifier->options.loop, &notifier->fallback);
	if (notifier->flaps != NULL)
		flaps_stop(notifier->flaps);
	for (size_t it = 0; (target = map_next(&notifier->targets, &it)) != NULL;)
		gate_stop(target);
}

bool
notifier_idle(const struct notifier *notifier)
{
	return notifier->in_flight == 0;
}

void
notifier_destroy(struct notifier *notifier)
{
	struct target *target;

	for (size_t it = 0; (target = map_next(&notifier->targets, &it)) != NULL;)
		target_free(target);
	map_fini(&notifier->targets);
	free(notifier);
}

static void
free_states(struct notifier *notifier)
{
	while (!list_empty(&notifier->states)) {
		struct group_state *state =
		    CONTAINER_OF(notifier->states.next, struct group_state, link);

		list_remove(&state->link);
		free(state);
	}
}

void
notifier_free(struct notifier *notifier)
{
	struct channel *channel;

	if (notifier == NULL)
		return;
	notifier_stop(notifier);
	notifier->closing = true;
	silence_watch_free(notifier->silence_watch);
	notifier->silence_watch = NULL;
	for (size_t it = 0; (channel = map_next(&notifier->channels, &it)) != NULL;) {
		if (channel->out != NULL) {
			send_abandon(channel->out);
			intent_free(channel->out);
		}
		channel_free(channel);
	}
	map_fini(&notifier->channels);
	free_states(notifier);
	alerts_free(notifier->notices);
	flaps_free(notifier->flaps);
	notifier->flaps = NULL;
	config_unref(notifier->config);
	free(notifier->items);
	free(notifier->firing);
	free(notifier->resolved);
	free(notifier->absent);
	free(notifier->absences);
	decisions_free(notifier->decisions);
	buf_fini(&notifier->scratch);
	buf_fini(&notifier->scratch2);
	buf_fini(&notifier->scratch3);
	if (notifier->in_flight == 0)
		notifier_destroy(notifier);
}

/* ---- looking ------------------------------------------------------------------------------ */

struct flaps *
notifier_flaps(const struct notifier *notifier)
{
	return notifier->flaps;
}

struct decisions *
notifier_decisions(const struct notifier *notifier)
{
	return notifier->decisions;
}

void
notifier_on_delivered(struct notifier *notifier, void (*fn)(void *arg), void *arg)
{
	notifier->on_delivered = fn;
	notifier->on_delivered_arg = arg;
}

struct notifier_stats
notifier_stats(const struct notifier *notifier)
{
	struct notifier_stats stats = {
		.pending = notifier->pending - notifier->in_flight,
		.sending = notifier->in_flight,
		.dead = notifier->dead,
	};
	const struct target *target;

	for (size_t it = 0; (target = map_next(&notifier->targets, &it)) != NULL;) {
		stats.notifications_total += target->notifications;
		for (int i = 0; i < FAILED_COUNT; i++)
			stats.failed_total += target->failed[i];
		stats.requests_total += target->requests;
		stats.requests_failed_total += target->requests_failed;
	}
	return stats;
}
