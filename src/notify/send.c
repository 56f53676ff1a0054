/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a durable intent to its outcome.
 *
 * Deliveries that may be sent wait in their target's queue; a message is
 * rendered only when its target has room for it, and only for so long per
 * turn.  An outcome and everything that follows from it are written in the
 * turn in which it arrives, so they are one transaction.
 */
#include "config.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "notify/notify_internal.h"

/* Rendering per turn; the rest waits for the next. */
#define SEND_BUDGET DUR_MS(3)
/* A delivery whose group is no more is given up after this. */
#define ORPHAN_RETRY_MAX DUR_S(3600)

const struct histogram_bounds arrival_bounds = { 10,
	{ 0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600, 14400 },
	{ "0.05", "0.25", "1", "5", "15", "60", "300", "900", "3600", "14400" } };

static const double latency_bounds[LATENCY_BUCKETS] = { 1, 5, 10, 15, 20 };

static void
set_error(struct delivery *delivery, const char *text)
{
	snprintf(delivery->error, sizeof(delivery->error), "%s", text);
}

/* ---- outcomes -------------------------------------------------------------------- */

/* It changes nothing in what the receiver believes to fire. */
static void
acknowledged(struct delivery *delivery, const struct verdict *verdict)
{
	struct log_entry *entry = &delivery->channel->entry;

	if (verdict->thread[0] != '\0' && entry->id != 0)
		nflog_set_thread(delivery->notifier, delivery->channel, verdict->thread);
	intent_history(delivery, "notified", notify_reason_text(delivery->reason));
	intent_end(delivery, DELIVERY_DELIVERED, "");
}

static void
delivered(struct delivery *delivery, const struct verdict *verdict)
{
	struct notifier *notifier = delivery->notifier;
	struct channel *channel = delivery->channel;
	const char *thread = NULL;
	wall_t now = loop_now(notifier->options.loop);

	if (delivery->origin.kind == INTENT_ACKNOWLEDGED) {
		acknowledged(delivery, verdict);
		return;
	}
	if (delivery->firing.n == 0)
		thread = ""; /* everything is over: the next message begins anew */
	else if (verdict->thread[0] != '\0')
		thread = verdict->thread;
	histogram_add(&channel->target->arrival, &arrival_bounds,
	    dur_seconds(wall_since(now, delivery->created_at)));
	nflog_set(notifier, channel, fingerprints_of(&delivery->firing),
	    fingerprints_of(&delivery->resolved), delivery->tick_at, thread);
	intent_history(delivery, "notified", notify_reason_text(delivery->reason));
	intent_end(delivery, DELIVERY_DELIVERED, "");
	channel->done = !channel->recheck;
	if (notifier->on_delivered != NULL) {
		void (*fn)(void *arg) = notifier->on_delivered;

		notifier->on_delivered = NULL;
		fn(notifier->on_delivered_arg);
	}
}

static void
refused(struct delivery *delivery, const char *why)
{
	log_error("notify", "delivery refused", LOG_Z("receiver", delivery->channel->target->name),
	    LOG_INT("delivery", delivery->id), LOG_Z("group", delivery->channel->group_key),
	    LOG_Z("err", why));
	if (delivery->maybe_sent && delivery->origin.kind != INTENT_ACKNOWLEDGED &&
	    delivery->channel->notice == NULL)
		nflog_set_unsure(delivery->notifier, delivery->channel, delivery);
	intent_history(delivery, "dead", why);
	intent_end(delivery, DELIVERY_DEAD, why);
}

static bool
is_given_up(const struct delivery *delivery, wall_t now)
{
	return delivery->channel->group == NULL &&
	       wall_before(wall_add(delivery->created_at, ORPHAN_RETRY_MAX), now);
}

static void
try_again(struct delivery *delivery, const struct verdict *verdict)
{
	struct notifier *notifier = delivery->notifier;
	wall_t now = loop_now(notifier->options.loop);
	dur_t delay = retry_delay(delivery->attempts,
	    verdict->has_retry_after ? &verdict->retry_after : NULL, &notifier->rng);

	delivery->channel->target->outcomes[OUTCOME_RETRY]++;
	if (delivery->abandoned != NULL) {
		/* Its group lives: should it have arrived, the end must be told. */
		if (delivery->maybe_sent && delivery->channel->group != NULL &&
		    delivery->origin.kind != INTENT_ACKNOWLEDGED)
			nflog_set_unsure(notifier, delivery->channel, delivery);
		intent_history(delivery, "cancelled", delivery->abandoned);
		intent_end(delivery, DELIVERY_CANCELLED, delivery->abandoned);
		return;
	}
	if (is_given_up(delivery, now)) {
		refused(delivery, verdict->text);
		return;
	}
	log_warn("notify", "delivery failed, will be tried again",
	    LOG_Z("receiver", delivery->channel->target->name), LOG_INT("delivery", delivery->id),
	    LOG_INT("attempt", delivery->attempts), LOG_DUR("in", delay),
	    LOG_Z("err", verdict->text));
	/* Once per intent: a receiver that is down for a day must not fill the history. */
	if (delivery->attempts == 1)
		intent_history(delivery, "retry", verdict->text);
	delivery->state = INTENT_WAITING;
	delivery->due_at = wall_add(now, delay);
	set_error(delivery, verdict->text);
	intent_update(delivery, DELIVERY_PENDING, WALL_NONE);
	loop_timer_set_wall(notifier->options.loop, &delivery->timer, delivery->due_at);
}

static void
next_step(struct delivery *delivery, const struct verdict *verdict)
{
	delivery->step++;
	delivery->attempts = 0;
	free(delivery->carried);
	delivery->carried = verdict->carry[0] != '\0' ? xstrdup(verdict->carry) : NULL;
	send_ready(delivery);
}

/* Frees the delivery unless it is to be tried again. */
static void
take_outcome(struct delivery *delivery, const struct verdict *verdict)
{
	struct notifier *notifier = delivery->notifier;
	struct channel *channel = delivery->channel;

	delivery->outgoing = NULL;
	if (verdict->kind == DELIVERY_OK && verdict->more && delivery->abandoned == NULL) {
		next_step(delivery, verdict);
		return;
	}
	if (delivery->abandoned == NULL)
		gate_outcome(channel->target, verdict->kind == DELIVERY_OK, verdict->text,
		    verdict->has_retry_after ? &verdict->retry_after : NULL);
	switch (verdict->kind) {
	case DELIVERY_OK:
		delivered(delivery, verdict);
		break;
	case DELIVERY_RETRY:
		if (verdict->thread_gone) {
			/* Kept in memory only: after a restart the receiver says so again. */
			free(channel->entry.thread);
			channel->entry.thread = NULL;
		}
		if (verdict->from_start)
			delivery->step = 0;
		channel->target->requests_failed++;
		try_again(delivery, verdict);
		break;
	case DELIVERY_REJECTED:
		channel->target->requests_failed++;
		refused(delivery, verdict->text);
		break;
	}
	flush_resume(notifier, channel);
}

/* An answer that says "failed" means what it says, except from a gateway, which does not know. */
static bool
may_have_arrived(const struct xfer_response *response)
{
	if (response->failure != ERR_NONE)
		return response->maybe_received;
	return response->status == 408 || response->status == 502 || response->status == 504;
}

static enum failed_reason
failed_reason_of(const struct xfer_response *response)
{
	int status = response->status;

	if (response->failure != ERR_NONE)
		return response->failure == ERR_TIMEOUT     ? FAILED_DEADLINE
		       : response->failure == ERR_CANCELLED ? FAILED_CANCELED
							    : FAILED_OTHER;
	if (status == 401 || status == 403)
		return FAILED_AUTH;
	if (status == 429)
		return FAILED_RATE_LIMIT;
	return status >= 500 ? FAILED_SERVER : status >= 400 ? FAILED_CLIENT : FAILED_OTHER;
}

static void
count_latency(struct target *target, dur_t took)
{
	double seconds = dur_seconds(took);
	int i = 0;

	while (i < LATENCY_BUCKETS && seconds > latency_bounds[i])
		i++;
	target->latency[i]++;
	target->latency_sum += seconds;
}

static void
pump_soon(struct notifier *notifier)
{
	struct loop *loop = notifier->options.loop;

	if (!notifier->stopping && !timer_is_set(&notifier->pump))
		loop_timer_set(loop, &notifier->pump, loop_mono(loop));
}

static void
on_done(struct xfer_request *request, const struct xfer_response *response, void *arg)
{
	struct outgoing *outgoing = arg;
	struct notifier *notifier = outgoing->notifier;
	struct target *target = outgoing->target;
	struct delivery *delivery = outgoing->delivery;

	(void)request;
	notifier->in_flight--;
	target->in_flight--;
	if (delivery != NULL) {
		struct verdict verdict =
		    outgoing->ops->classify(outgoing->settings, &outgoing->notification, response);

		/* What we took back ourselves says nothing about the receiver. */
		if (response->failure == ERR_CANCELLED)
			verdict.kind = DELIVERY_RETRY;
		if (verdict.kind == DELIVERY_RETRY && may_have_arrived(response))
			delivery->maybe_sent = true;
		delivery->failed = failed_reason_of(response);
		count_latency(target, response->took);
		take_outcome(delivery, &verdict);
	}
	outgoing_free(outgoing);
	if (notifier->closing && notifier->in_flight == 0)
		notifier_destroy(notifier);
	else if (!notifier->closing && !list_empty(&target->ready))
		pump_soon(notifier);
}

/* ---- sending ----------------------------------------------------------------------- */

static void
failed_here(struct outgoing *outgoing, enum delivery_kind kind, const struct err *err)
{
	struct verdict verdict = { .kind = kind };
	struct delivery *delivery = outgoing->delivery;

	snprintf(verdict.text, sizeof(verdict.text), "%.*s",
	    STR_ARG(str_head(str_from(err->text), sizeof(verdict.text) - 1)));
	outgoing_free(outgoing);
	take_outcome(delivery, &verdict);
}

/* A local receiver: the outcome is known at once. */
static void
write_here(struct outgoing *outgoing)
{
	struct delivery *delivery = outgoing->delivery;
	struct verdict verdict = { .kind = DELIVERY_OK };
	struct err err = { 0 };

	if (outgoing->ops->write(outgoing->settings, &outgoing->notification, &err) < 0) {
		failed_here(
		    outgoing, err.code == ERR_INVALID ? DELIVERY_REJECTED : DELIVERY_RETRY, &err);
		return;
	}
	outgoing_free(outgoing);
	count_latency(delivery->channel->target, DUR_S(0));
	take_outcome(delivery, &verdict);
}

static void
send(struct delivery *delivery)
{
	struct notifier *notifier = delivery->notifier;
	struct target *target = delivery->channel->target;
	struct outgoing *outgoing = outgoing_new(delivery);
	struct err err = { 0 };

	delivery->state = INTENT_SENDING;
	delivery->attempts++;
	delivery->outgoing = outgoing;
	target->requests++;
	if (outgoing->ops->write != NULL) {
		write_here(outgoing);
		return;
	}
	outgoing->request = outgoing_request(outgoing->config);
	if (outgoing->ops->render(outgoing->settings, &outgoing->notification, outgoing->arena,
		outgoing->request, &err) < 0) {
		/* A secret's file that is not there (yet) is no reason to lose the message. */
		failed_here(
		    outgoing, err.code == ERR_IO ? DELIVERY_RETRY : DELIVERY_REJECTED, &err);
		return;
	}
	notifier->in_flight++;
	target->in_flight++;
	xfer_submit(notifier->options.xfer, &target->lane, outgoing->request, on_done, outgoing);
}

static bool
turn_is_spent(struct notifier *notifier)
{
	struct loop *loop = notifier->options.loop;
	mono_t turn = loop_mono(loop), now = loop_mono_exact(loop);

	if (notifier->turn.ns != turn.ns) {
		notifier->turn = turn;
		notifier->turn_sends = now;
	}
	return dur_less(SEND_BUDGET, mono_since(now, notifier->turn_sends));
}

static bool
has_work(const struct target *target)
{
	return !list_empty(&target->ready) && target->in_flight < TARGET_IN_FLIGHT_MAX &&
	       gate_is_open(target);
}

/* False when the turn is spent. */
static bool
send_some(struct notifier *notifier, struct target *target)
{
	while (has_work(target)) {
		struct delivery *delivery;

		if (turn_is_spent(notifier))
			return false;
		delivery = CONTAINER_OF(target->ready.next, struct delivery, link);
		list_remove(&delivery->link);
		if (gate_admits(target, delivery))
			send(delivery);
	}
	return true;
}

/* A target whose place on the wire is taken stays in the list; an outcome pumps again. */
void
send_pump(void *arg)
{
	struct notifier *notifier = arg;

	if (notifier->stopping)
		return;
	LIST_FOREACH_SAFE(link, next, &notifier->busy)
	{
		struct target *target = CONTAINER_OF(link, struct target, busy);

		if (!send_some(notifier, target)) {
			/* The others come first next time. */
			list_remove(link);
			list_append(&notifier->busy, link);
			pump_soon(notifier);
			return;
		}
		if (list_empty(&target->ready))
			list_remove(link);
	}
}

void
send_soon(struct target *target)
{
	struct notifier *notifier = target->notifier;

	if (list_empty(&target->ready))
		return;
	if (target->busy.next == NULL)
		list_append(&notifier->busy, &target->busy);
	pump_soon(notifier);
}

void
send_ready(struct delivery *delivery)
{
	struct target *target = delivery->channel->target;

	delivery->state = INTENT_READY;
	list_append(&target->ready, &delivery->link);
	if (target->busy.next == NULL)
		list_append(&delivery->notifier->busy, &target->busy);
	if (!gate_is_open(target))
		reasons_waits(delivery->notifier, delivery, DECISION_BROKEN, target->gate.error,
		    target->gate.probe_at);
	pump_soon(delivery->notifier);
}

void
send_abandon(struct delivery *delivery)
{
	struct outgoing *outgoing = delivery->outgoing;

	if (outgoing == NULL)
		return;
	delivery->outgoing = NULL;
	outgoing->delivery = NULL;
	xfer_cancel(delivery->notifier->options.xfer, outgoing->request);
}
