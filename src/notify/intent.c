/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deliveries as rows: made, replaced, cancelled, ended, read back.
 *
 * A delivery is written in the transaction of the flush that makes it, and is
 * sent only when that is durable.  It names its alerts by id and says which
 * fired, so the row is small; the alerts are pinned until it ends.
 * Invariant: a channel has at most one unfinished delivery, and the row of
 * every other delivery of it says how it ended.
 */
#include "config.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/severity.h"
#include "base/xalloc.h"
#include "notify/notify_internal.h"
#include "oncall/quiet.h"

#define ITEM_BYTES  17u /* i64 id, u8 flags, i64 ends_at */
#define ITEM_FIRING 1u

/* ---- rows ---------------------------------------------------------------------- */

static struct str
items_encode(struct buf *buf, const struct delivery *delivery)
{
	buf_clear(buf);
	/* A notice is made anew after a restart, if it is still wanted. */
	for (uint32_t i = 0; i < delivery->n_items && delivery->channel->notice == NULL; i++) {
		const struct item *item = &delivery->items[i];

		buf_put_u64le(buf, (uint64_t)item->alert->id);
		buf_putc(buf, item->firing ? (char)ITEM_FIRING : 0);
		buf_put_u64le(buf, (uint64_t)item->ends_at.ns);
	}
	return buf_str(buf);
}

static void
write_row(const struct delivery *delivery)
{
	struct notifier *notifier = delivery->notifier;
	const struct channel *channel = delivery->channel;

	buf_clear(&notifier->scratch2);
	labels_encode(delivery->group_labels, &notifier->scratch2);
	store_delivery_put(
	    notifier->options.store, &(struct delivery_row){
					 .id = delivery->id,
					 .group_key = str_from(channel->group_key),
					 .receiver = str_from(channel->target->receiver),
					 .integration = str_from(channel->target->integration),
					 .group_labels = buf_str(&notifier->scratch2),
					 .route_id = str_from(delivery->route_id),
					 .reason = str_from(notify_reason_text(delivery->reason)),
					 .alerts = items_encode(&notifier->scratch, delivery),
					 .state = DELIVERY_PENDING,
					 .attempts = delivery->attempts,
					 .n_firing = delivery->firing.n,
					 .n_resolved = delivery->resolved.n,
					 .created_at = delivery->created_at,
					 .due_at = delivery->due_at,
					 .error = str_from(delivery->error),
					 .maybe_sent = delivery->maybe_sent,
					 .tick_at = delivery->tick_at,
					 .kind = delivery->origin.kind,
					 .incident = delivery->origin.incident,
					 .place = str_from(delivery->origin.place),
				     });
}

static void
update_row(struct notifier *notifier, int64_t id, const struct delivery *delivery,
    enum delivery_state state, wall_t finished_at, const char *error)
{
	store_delivery_update(notifier->options.store, &(struct delivery_row){
							   .id = id,
							   .state = state,
							   .attempts = delivery->attempts,
							   .due_at = delivery->due_at,
							   .finished_at = finished_at,
							   .error = str_from(error),
							   .maybe_sent = delivery->maybe_sent,
						       });
}

void
intent_update(struct delivery *delivery, enum delivery_state state, wall_t finished_at)
{
	update_row(delivery->notifier, delivery->id, delivery, state, finished_at, delivery->error);
}

void
intent_history(const struct delivery *delivery, const char *kind, const char *text)
{
	struct notifier *notifier = delivery->notifier;
	struct buf detail = { 0 };

	buf_printf(&detail, "%s: %u firing, %u resolved; delivery %lld, group %s", text,
	    delivery->firing.n, delivery->resolved.n, (long long)delivery->id,
	    delivery->channel->group_key);
	buf_clear(&notifier->scratch);
	labels_encode(delivery->group_labels, &notifier->scratch);
	store_history_add(
	    notifier->options.store, &(struct history_row){
					 .at = loop_now(notifier->options.loop),
					 .kind = str_from(kind),
					 .labels = buf_str(&notifier->scratch),
					 .fingerprint =
					     delivery->origin.incident != 0
						 ? incident_mark(delivery->origin.incident)
						 : 0,
					 .subject = str_from(delivery->channel->target->name),
					 .detail = buf_str(&detail),
				     });
	buf_fini(&detail);
}

/* ---- life ------------------------------------------------------------------------- */

void
intent_free(struct delivery *delivery)
{
	loop_timer_stop(delivery->notifier->options.loop, &delivery->timer);
	store_wait_cancel(&delivery->waiter);
	gate_forget(delivery);
	list_remove(&delivery->link);
	labels_unref(delivery->group_labels);
	free(delivery->route_id);
	free(delivery->carried);
	free(delivery->items);
	free(delivery->firing.fp);
	free(delivery->resolved.fp);
	free(delivery);
}

static struct alerts *
alerts_of(const struct delivery *delivery)
{
	const struct notifier *notifier = delivery->notifier;

	return delivery->channel->notice != NULL ? notifier->notices : notifier->options.alerts;
}

static void
unpin(struct delivery *delivery)
{
	struct notifier *notifier = delivery->notifier;
	wall_t now = loop_now(notifier->options.loop);

	for (uint32_t i = 0; i < delivery->n_items; i++) {
		struct alert *alert = delivery->items[i].alert;

		alert->pins--;
		alerts_release(alerts_of(delivery), alert, now);
	}
	delivery->n_items = 0;
}

/* The previous delivery was refused; this one says the same or newer things. */
static void
bury_dead(struct channel *channel, const struct delivery *by)
{
	char why[64];

	if (channel->dead_id == 0)
		return;
	snprintf(why, sizeof(why), "replaced by delivery %lld", (long long)by->id);
	update_row(by->notifier, channel->dead_id, by, DELIVERY_CANCELLED,
	    loop_now(by->notifier->options.loop), why);
	channel->dead_id = 0;
}

static void
count_end(struct delivery *delivery, enum delivery_state state)
{
	struct target *target = delivery->channel->target;

	if (state == DELIVERY_DELIVERED) {
		target->outcomes[OUTCOME_DELIVERED]++;
		target->notifications++;
	} else if (state == DELIVERY_DEAD) {
		target->outcomes[OUTCOME_DEAD]++;
		delivery->notifier->dead++;
	} else {
		target->outcomes[OUTCOME_CANCELLED]++;
	}
	if (state != DELIVERY_DELIVERED && delivery->attempts > 0) {
		target->notifications++;
		target->failed[state == DELIVERY_DEAD ? delivery->failed : FAILED_CANCELED]++;
	}
}

void
intent_end(struct delivery *delivery, enum delivery_state state, const char *error)
{
	struct channel *channel = delivery->channel;

	if (state != DELIVERY_CANCELLED)
		bury_dead(channel, delivery);
	if (state == DELIVERY_DEAD)
		channel->dead_id = delivery->id;
	update_row(delivery->notifier, delivery->id, delivery, state,
	    loop_now(delivery->notifier->options.loop), error);
	count_end(delivery, state);
	delivery->notifier->pending--;
	channel->out = NULL;
	unpin(delivery);
	intent_free(delivery);
}

void
intent_cancel(struct notifier *notifier, struct channel *channel, const char *why)
{
	struct delivery *delivery = channel->out;

	(void)notifier;
	if (delivery == NULL || delivery->state == INTENT_SENDING)
		return;
	intent_history(delivery, "cancelled", why);
	intent_end(delivery, DELIVERY_CANCELLED, why);
}

bool
intent_is(const struct delivery *delivery, const struct view *view)
{
	return fingerprints_equal(fingerprints_of(&delivery->firing), view->firing) &&
	       fingerprints_equal(fingerprints_of(&delivery->resolved), view->resolved);
}

/* ---- waiting ------------------------------------------------------------------------ */

static void
wait_or_send(struct delivery *delivery)
{
	struct loop *loop = delivery->notifier->options.loop;

	if (wall_before(loop_now(loop), delivery->due_at)) {
		delivery->state = INTENT_WAITING;
		loop_timer_set_wall(loop, &delivery->timer, delivery->due_at);
	} else {
		send_ready(delivery);
	}
}

static void
on_due(void *arg)
{
	send_ready(arg);
}

/* ok is false only when the store closes; the row then stays as it was, or is not there. */
static void
on_durable(void *arg, bool ok)
{
	if (ok)
		wait_or_send(arg);
}

static struct delivery *
delivery_new(struct notifier *notifier, struct channel *channel, int64_t id)
{
	struct delivery *delivery = xcalloc(1, sizeof(*delivery));

	delivery->notifier = notifier;
	delivery->channel = channel;
	delivery->id = id;
	timer_init(&delivery->timer, on_due, delivery);
	delivery->waiter.fn = on_durable;
	delivery->waiter.arg = delivery;
	notifier->pending++;
	return delivery;
}

static void
take_items(struct delivery *delivery, const struct view *view)
{
	struct alerts *alerts = alerts_of(delivery);

	delivery->items = xrealloc(NULL, view->n_items, sizeof(*delivery->items));
	delivery->n_items = view->n_items;
	memcpy(delivery->items, view->items, view->n_items * sizeof(*delivery->items));
	for (uint32_t i = 0; i < view->n_items; i++) {
		delivery->items[i].alert->pins++;
		alerts_keep(alerts, delivery->items[i].alert);
	}
	delivery->firing = fingerprints_keep(view->firing);
	delivery->resolved = fingerprints_keep(view->resolved);
}

/* The old one said of something that it fires, and the new one does not. */
static bool
says_less(const struct delivery *delivery, const struct delivery *old)
{
	for (uint32_t i = 0; i < old->firing.n; i++) {
		if (!fingerprints_have(fingerprints_of(&delivery->firing), old->firing.fp[i]))
			return true;
	}
	return false;
}

/*
 * The backoff goes on: a receiver that is down must not be asked more often because there is
 * news.
 */
static void
inherit(struct delivery *delivery, struct delivery *old)
{
	char why[64];

	if (old->maybe_sent && says_less(delivery, old))
		nflog_set_unsure(delivery->notifier, delivery->channel, old);

	delivery->attempts = old->attempts;
	delivery->maybe_sent = delivery->maybe_sent || old->maybe_sent;
	memcpy(delivery->error, old->error, sizeof(delivery->error));
	if (old->attempts > 0)
		delivery->due_at = wall_max(delivery->due_at, old->due_at);
	snprintf(why, sizeof(why), "replaced by delivery %lld", (long long)delivery->id);
	intent_end(old, DELIVERY_CANCELLED, why);
}

/* Held, not dropped: it leaves when they are over, unless something newer takes its place. */
static void
hold_in_quiet_hours(struct delivery *delivery, const struct view *view)
{
	const struct config *config = delivery->notifier->config;
	wall_t until;

	if (config == NULL || config->n_quiet_hours == 0)
		return;
	until = quiet_until(
	    config, delivery->channel->target->receiver, view_severity(view), view->tick);
	delivery->held = wall_is_set(until);
	if (delivery->held)
		delivery->due_at = until;
}

/* News that take the place of an escalation's message are the escalation's. */
void
intent_set(struct channel *channel, struct notifier *notifier, const struct view *view,
    enum notify_reason reason)
{
	const struct group_state *state = channel->group != NULL ? channel->group->notify : NULL;
	struct intent_origin origin = { .kind = INTENT_NEWS };

	if (channel->out != NULL && channel->out->origin.kind == INTENT_ESCALATION)
		origin = channel->out->origin;
	else if (state != NULL && state->incident != NULL)
		origin.incident = state->incident->id;
	intent_set_as(channel, notifier, view, reason, &origin);
}

void
intent_set_as(struct channel *channel, struct notifier *notifier, const struct view *view,
    enum notify_reason reason, const struct intent_origin *origin)
{
	struct delivery *delivery =
	    delivery_new(notifier, channel, store_next_id(notifier->options.store));

	if (channel->notice != NULL) {
		delivery->group_labels = labels_ref(notice_labels(channel->notice));
		delivery->route_id = xstrdup("");
	} else {
		delivery->group_labels = labels_ref(channel->group->labels);
		delivery->route_id = xstrdup(channel->group->route->id);
	}
	delivery->reason = reason;
	delivery->origin = *origin;
	delivery->created_at = delivery->tick_at = delivery->due_at = view->tick;
	if (origin->kind != INTENT_ACKNOWLEDGED)
		hold_in_quiet_hours(delivery, view);
	take_items(delivery, view);
	if (channel->out != NULL)
		inherit(delivery, channel->out);
	channel->out = delivery;
	write_row(delivery);
	delivery->state = INTENT_COMMITTING;
	store_wait(notifier->options.store, &delivery->waiter);
}

/* ---- reading back -------------------------------------------------------------------- */

static enum notify_reason
reason_from(struct str text)
{
	for (int reason = NOTIFY_FIRST; reason < NOTIFY_REASON_COUNT; reason++) {
		if (str_is(text, notify_reason_text((enum notify_reason)reason)))
			return (enum notify_reason)reason;
	}
	return NOTIFY_NEW_ALERTS;
}

static int
fingerprint_cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
restore_items(struct delivery *delivery, struct str bytes)
{
	struct alerts *alerts = delivery->notifier->options.alerts;
	uint32_t n = bytes.n / ITEM_BYTES;

	delivery->items = xcalloc(n + 1, sizeof(*delivery->items));
	delivery->firing.fp = xcalloc(n + 1, sizeof(uint64_t));
	delivery->resolved.fp = xcalloc(n + 1, sizeof(uint64_t));
	for (uint32_t i = 0; i < n; i++) {
		const char *p = bytes.p + (size_t)i * ITEM_BYTES;
		struct alert *alert = alerts_by_id(alerts, (int64_t)get_u64le(p));
		bool firing = ((unsigned char)p[8] & ITEM_FIRING) != 0;
		struct fingerprint_set *set = firing ? &delivery->firing : &delivery->resolved;

		if (alert == NULL)
			continue;
		alert->pins++;
		delivery->items[delivery->n_items++] = (struct item){
			.alert = alert,
			.ends_at = { (int64_t)get_u64le(p + 9) },
			.firing = firing,
		};
		set->fp[set->n++] = labels_fingerprint(alert->labels);
	}
	qsort(delivery->firing.fp, delivery->firing.n, sizeof(uint64_t), fingerprint_cmp);
	qsort(delivery->resolved.fp, delivery->resolved.n, sizeof(uint64_t), fingerprint_cmp);
}

/* Whether it left before we stopped is not known, so it may have. */
void
notifier_restore_delivery(struct notifier *notifier, const struct delivery_row *row)
{
	struct labels *group_labels = labels_decode(row->group_labels, NULL);
	struct buf *name = &notifier->scratch;
	struct delivery *delivery;
	struct channel *channel;

	if (group_labels == NULL) {
		log_error("store", "delivery row cannot be read", LOG_INT("id", row->id));
		return;
	}
	buf_clear(name);
	buf_put_str(name, row->receiver);
	buf_putc(name, '/');
	buf_put_str(name, row->integration);
	channel = channel_get(notifier, row->group_key, target_get(notifier, buf_str(name)));
	delivery = delivery_new(notifier, channel, row->id);
	delivery->state = INTENT_WAITING;
	delivery->group_labels = group_labels;
	delivery->route_id = xmemdup0(row->route_id.p, row->route_id.n);
	delivery->reason = reason_from(row->reason);
	delivery->attempts = row->attempts;
	delivery->created_at = row->created_at;
	delivery->due_at = row->due_at;
	delivery->tick_at = row->tick_at;
	delivery->origin.kind =
	    row->kind <= INTENT_ACKNOWLEDGED ? (enum intent_kind)row->kind : INTENT_NEWS;
	delivery->origin.incident = row->incident;
	snprintf(delivery->origin.place, sizeof(delivery->origin.place), "%.*s",
	    STR_ARG(str_head(row->place, INTENT_PLACE_MAX - 1)));
	delivery->held = row->attempts == 0 && wall_before(row->tick_at, row->due_at);
	/* What is held has not left. */
	delivery->maybe_sent = !delivery->held ||
			       !wall_before(loop_now(notifier->options.loop), row->due_at);
	snprintf(delivery->error, sizeof(delivery->error), "%.*s", STR_ARG(row->error));
	restore_items(delivery, row->alerts);
	if (channel->out != NULL)
		inherit(delivery, channel->out);
	channel->out = delivery;
}

void
intent_reconsider(struct delivery *delivery, wall_t now)
{
	struct str severity = STR("");
	wall_t until;

	if (!delivery->held || delivery->state != INTENT_WAITING)
		return;
	for (uint32_t i = 0; i < delivery->n_items; i++) {
		struct str word = labels_value(delivery->items[i].alert->labels, STR("severity"));

		if (delivery->items[i].firing && severity_rank(word) < severity_rank(severity))
			severity = word;
	}
	until = quiet_until(
	    delivery->notifier->config, delivery->channel->target->receiver, severity, now);
	delivery->held = wall_is_set(until);
	delivery->due_at = delivery->held ? until : now;
	intent_update(delivery, DELIVERY_PENDING, WALL_NONE);
	if (timer_is_set(&delivery->timer))
		loop_timer_set_wall(
		    delivery->notifier->options.loop, &delivery->timer, delivery->due_at);
}

void
intent_start(struct delivery *delivery, wall_t now)
{
	delivery->due_at = wall_max(delivery->due_at, now);
	loop_timer_set_wall(delivery->notifier->options.loop, &delivery->timer, delivery->due_at);
}

/* ---- dead letters once more ------------------------------------------------------------ */

/* As its alerts are now: what ended since is told as over. */
static void
freshen(struct delivery *delivery, wall_t now)
{
	delivery->firing.n = delivery->resolved.n = 0;
	for (uint32_t i = 0; i < delivery->n_items; i++) {
		struct item *item = &delivery->items[i];
		struct fingerprint_set *set;

		item->firing = !alert_is_resolved(item->alert, now);
		item->ends_at = item->alert->ends_at;
		set = item->firing ? &delivery->firing : &delivery->resolved;
		set->fp[set->n++] = labels_fingerprint(item->alert->labels);
	}
	qsort(delivery->firing.fp, delivery->firing.n, sizeof(uint64_t), fingerprint_cmp);
	qsort(delivery->resolved.fp, delivery->resolved.n, sizeof(uint64_t), fingerprint_cmp);
}

static int
replay_in(struct notifier *notifier, struct channel *channel, const struct delivery_row *row,
    int64_t *ret_id, struct err *err)
{
	wall_t now = loop_now(notifier->options.loop);
	struct delivery *delivery;
	char why[64];

	if (channel->target->config == NULL)
		return err_set(err, ERR_NOT_FOUND, "receiver '%s' is no longer configured",
		    channel->target->name);
	if (channel->out != NULL)
		return err_set(err, ERR_BUSY,
		    "delivery %lld of the same group is under way, and newer",
		    (long long)channel->out->id);
	delivery = delivery_new(notifier, channel, store_next_id(notifier->options.store));
	delivery->group_labels = labels_decode(row->group_labels, NULL);
	delivery->route_id = xmemdup0(row->route_id.p, row->route_id.n);
	delivery->reason = NOTIFY_REPLAY;
	delivery->created_at = delivery->tick_at = delivery->due_at = now;
	delivery->origin.incident = row->incident;
	restore_items(delivery, row->alerts);
	if (delivery->n_items == 0 || delivery->group_labels == NULL) {
		notifier->pending--;
		intent_free(delivery);
		return err_set(err, ERR_NOT_FOUND,
		    "none of its alerts is known any more: nothing is left to tell");
	}
	freshen(delivery, now);
	channel->out = delivery;
	channel->dead_id = 0;
	snprintf(why, sizeof(why), "replayed as delivery %lld", (long long)delivery->id);
	update_row(notifier, row->id, &(struct delivery){ .attempts = row->attempts },
	    DELIVERY_CANCELLED, now, why);
	write_row(delivery);
	reasons_sent(notifier, channel);
	delivery->state = INTENT_COMMITTING;
	store_wait(notifier->options.store, &delivery->waiter);
	*ret_id = delivery->id;
	return 0;
}

int
notifier_replay(struct notifier *notifier, const struct delivery_row *row, int64_t *ret_id,
    struct err *err)
{
	struct buf name = { 0 };
	struct channel *channel;
	int rc;

	buf_put_str(&name, row->receiver);
	buf_putc(&name, '/');
	buf_put_str(&name, row->integration);
	channel = channel_get(notifier, row->group_key, target_get(notifier, buf_str(&name)));
	buf_fini(&name);
	rc = replay_in(notifier, channel, row, ret_id, err);
	channel_release(notifier, channel);
	return rc;
}
