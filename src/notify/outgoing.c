/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a receiver is shown: the alerts of a delivery in order, and what they
 * have in common.
 *
 * Which alerts, and whether they fire, is as the flush saw it; labels and
 * annotations are current.  Everything the request points to is held here
 * until its answer has been classified, whatever happens to the alerts or
 * the configuration meanwhile.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "notify/notify_internal.h"

static int
item_cmp(const void *a, const void *b)
{
	const struct item *const *x = a, *const *y = b;

	return alert_notify_cmp((*x)->alert, (*y)->alert);
}

/* Without send_resolved only the firing ones are shown. */
static uint32_t
choose_items(const struct delivery *delivery, bool send_resolved, const struct item **chosen)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < delivery->n_items; i++) {
		if (delivery->items[i].firing || send_resolved)
			chosen[n++] = &delivery->items[i];
	}
	qsort(chosen, n, sizeof(*chosen), item_cmp);
	return n;
}

static void
hold(struct outgoing *outgoing, const struct alert *alert)
{
	uint32_t i = outgoing->n_held++;

	outgoing->held[i] = labels_ref(alert->annotations);
	outgoing->held_urls[i] =
	    alert->generator_url != NULL ? istr_ref(alert->generator_url) : NULL;
}

static void
fill_alerts(struct outgoing *outgoing, const struct item **items, uint32_t n)
{
	struct notified_alert *alerts = ARENA_ARRAY(outgoing->arena, n + 1, struct notified_alert);
	struct notification *notification = &outgoing->notification;

	outgoing->held = ARENA_ARRAY(outgoing->arena, n + 1, struct labels *);
	outgoing->held_urls = ARENA_ARRAY(outgoing->arena, n + 1, struct istr *);
	for (uint32_t i = 0; i < n; i++) {
		const struct alert *alert = items[i]->alert;

		hold(outgoing, alert);
		alerts[i] = (struct notified_alert){
			.labels = alert->labels,
			.annotations = alert->annotations,
			.generator_url = istr_str(alert->generator_url),
			.starts_at = alert->starts_at,
			.ends_at = items[i]->firing ? WALL_NONE : items[i]->ends_at,
			.firing = items[i]->firing,
		};
	}
	notification->alerts = alerts;
	notification->n_alerts = n;
}

/* A group that has not been flushed since the start does not know it yet. */
static const struct incident *
incident_of(const struct delivery *delivery)
{
	const struct incidents *incidents = delivery->notifier->options.incidents;
	const struct group_state *state =
	    delivery->channel->group != NULL ? delivery->channel->group->notify : NULL;

	if (state != NULL && state->incident != NULL)
		return state->incident;
	return incidents != NULL && delivery->origin.incident != 0
		   ? incidents_find(incidents, delivery->origin.incident)
		   : NULL;
}

static void
fill_origin(struct outgoing *outgoing, const struct delivery *delivery)
{
	static const enum notification_kind kinds[] = {
		[INTENT_NEWS] = NOTIFICATION_NEWS,
		[INTENT_ESCALATION] = NOTIFICATION_ESCALATION,
		[INTENT_ACKNOWLEDGED] = NOTIFICATION_ACKNOWLEDGED,
	};
	struct notification *notification = &outgoing->notification;
	const struct incident *incident = incident_of(delivery);
	const struct incident_work *work = incident != NULL ? incident->work : NULL;

	notification->kind = kinds[delivery->origin.kind];
	notification->incident = delivery->origin.incident;
	if (notification->incident == 0 && incident != NULL)
		notification->incident = incident->id;
	notification->place =
	    arena_str(outgoing->arena, str_from(delivery->origin.place));
	if (work != NULL && incident_is_quiet(incident)) {
		notification->standing = incident->state == INCIDENT_SNOOZED
					     ? STANDING_SNOOZED
					     : STANDING_ACKNOWLEDGED;
		notification->until = work->due_at;
		notification->acknowledged_by =
		    arena_str(outgoing->arena, str_from(work->changed_by));
		notification->comment = arena_str(outgoing->arena, str_from(work->comment));
	}
}

/* Of a group that is no more the route is known by its id. */
static const struct route_config *
route_of(const struct delivery *delivery)
{
	const struct config *config = delivery->notifier->config;

	if (delivery->channel->group != NULL)
		return delivery->channel->group->route;
	for (uint32_t i = 0; delivery->route_id != NULL && i < config->n_routes; i++)
		if (strcmp(config->routes[i]->id, delivery->route_id) == 0)
			return config->routes[i];
	return NULL;
}

static void
fill_route(struct outgoing *outgoing, const struct delivery *delivery)
{
	const struct route_config *route = route_of(delivery);

	if (route != NULL && route->labels.n > 0)
		message_set_route_labels(
		    &outgoing->notification, &route->labels, outgoing->arena);
}

struct outgoing *
outgoing_new(struct delivery *delivery)
{
	struct notifier *notifier = delivery->notifier;
	struct target *target = delivery->channel->target;
	struct outgoing *outgoing = xcalloc(1, sizeof(*outgoing));
	struct notification *notification = &outgoing->notification;
	const char *thread = delivery->channel->entry.thread;
	const struct item **items;
	uint32_t n;

	outgoing->notifier = notifier;
	outgoing->target = target;
	outgoing->delivery = delivery;
	outgoing->ops = target->ops;
	outgoing->settings = target->config->settings;
	outgoing->config = config_ref(notifier->config);
	outgoing->arena = arena_new(0);
	outgoing->group_labels = labels_ref(delivery->group_labels);
	items = ARENA_ARRAY(outgoing->arena, delivery->n_items + 1, const struct item *);
	n = choose_items(delivery, INTEGRATION_COMMON(target->config)->send_resolved, items);
	fill_alerts(outgoing, items, n);
	notification->receiver = target->receiver;
	notification->group_key =
	    arena_str(outgoing->arena, str_from(delivery->channel->group_key));
	notification->group_labels = outgoing->group_labels;
	message_sum_up(notification, outgoing->arena);
	notification->external_url = notifier->options.external_url;
	notification->link_key = notifier->options.link_key;
	notification->reason = notify_reason_text(delivery->reason);
	notification->delivery_id = delivery->id;
	notification->thread = arena_str(outgoing->arena, str_from(thread));
	notification->now = delivery->tick_at;
	notification->sending_at = loop_now(notifier->options.loop);
	fill_origin(outgoing, delivery);
	fill_route(outgoing, delivery);
	notification->step = delivery->step;
	notification->carried = arena_str(outgoing->arena, str_from(delivery->carried));
	return outgoing;
}

struct xfer_request *
outgoing_request(const struct config *config)
{
	struct xfer_request *request = xfer_request_new(XFER_HTTP);

	request->fresh_connection = true;
	request->reach = &config->reach;
	return request;
}

void
outgoing_free(struct outgoing *outgoing)
{
	for (uint32_t i = 0; i < outgoing->n_held; i++) {
		labels_unref(outgoing->held[i]);
		istr_unref(outgoing->held_urls[i]);
	}
	xfer_request_free(outgoing->request);
	labels_unref(outgoing->group_labels);
	arena_free(outgoing->arena);
	config_unref(outgoing->config);
	free(outgoing);
}
