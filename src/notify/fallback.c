/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is told instead: the fallback of a receiver that does not answer.
 *
 * A group's state has, behind the channels of its own receiver, those of the
 * receiver's fallback.  While none of the receiver's integrations has been
 * down for fallback_after they only tell ends, of what they told to fire: so
 * an end goes to exactly those who heard of the beginning.  When one has, they
 * are told like the receiver itself, from what waits at that moment on; and a
 * notice through each says which receiver does not answer, and why.
 * The receiver's own messages go on waiting, and arrive when it is back: late,
 * but then it knows what fires.
 */
#include "config.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/timestamp.h"
#include "base/xalloc.h"
#include "notify/notify_internal.h"

/* Channels looked at in one go. */
#define BATCH 2000

/* ---- the notice ------------------------------------------------------------------- */

static void
each_integration(struct target *target, const struct notice_text *text, bool over)
{
	const struct receiver_config *fallback = target->of->fallback;
	struct notifier *notifier = target->notifier;
	struct buf name = { 0 };

	for (uint32_t i = 0; i < fallback->n_integrations; i++) {
		const struct integration_config *config = &fallback->integrations[i];

		buf_clear(&name);
		buf_printf(
		    &name, "%s/%s[%u]", fallback->name, config->kind->name, config->index);
		if (over)
			notice_over(notifier, target_get(notifier, buf_str(&name)), text,
			    NOTIFY_FALLBACK);
		else
			notice_tell(notifier, target_get(notifier, buf_str(&name)), text,
			    NOTIFY_FALLBACK, false);
	}
	buf_fini(&name);
}

static void
tell(struct target *target, bool over)
{
	struct label_view labels[] = {
		{ STR("alertname"), STR("TocsinReceiverDown") },
		{ STR("receiver"), str_from(target->receiver) },
		{ STR("integration"), str_from(target->integration) },
		{ STR("severity"), STR("critical") },
	};
	char since[TIMESTAMP_TEXT_MAX];
	struct buf key = { 0 }, summary = { 0 };
	struct notice_text text;

	buf_printf(&key, "down:%s", target->name);
	buf_printf(&summary,
	    "Receiver %s has not answered since %s (%s). Its messages come here until it does.",
	    target->name, timestamp_format_ms(target->gate.opened_at, since), target->gate.error);
	text = (struct notice_text){ key.p, labels, ARRAY_LEN(labels), summary.p };
	each_integration(target, &text, over);
	buf_fini(&key);
	buf_fini(&summary);
}

/* ---- begin, end ---------------------------------------------------------------------- */

static bool
waits_for(const struct channel *channel, const struct target *target)
{
	return channel->target == target && channel->group != NULL &&
	       (channel->out != NULL || channel->dead_id != 0);
}

/* A table that changes meanwhile may hide a group until its next flush. */
void
fallback_go_on(void *arg)
{
	struct notifier *notifier = arg;
	struct target *target = notifier->falling;
	struct channel *channel;

	for (int i = 0; target != NULL && i < BATCH; i++) {
		channel = map_next(&notifier->channels, &notifier->fallback_at);
		if (channel == NULL) {
			notifier->fallback_at = 0;
			target = notifier->falling = NULL;
		} else if (waits_for(channel, target)) {
			flush_fallback(notifier, channel->group);
		}
	}
	/* Another may have gone down meanwhile. */
	for (size_t it = 0;
	     notifier->falling == NULL && (target = map_next(&notifier->targets, &it)) != NULL;) {
		if (target->falls) {
			target->falls = false;
			notifier->falling = target;
		}
	}
	if (notifier->falling != NULL && !notifier->stopping)
		loop_timer_set(notifier->options.loop, &notifier->fallback,
		    loop_mono(notifier->options.loop));
}

void
fallback_begin(struct target *target)
{
	struct notifier *notifier = target->notifier;

	if (target->of == NULL || target->of->fallback == NULL || notifier->stopping)
		return;
	log_error("notify", "receiver does not answer: its fallback is told",
	    LOG_Z("receiver", target->name), LOG_Z("fallback", target->of->fallback->name));
	tell(target, false);
	target->falls = true;
	loop_timer_set(
	    notifier->options.loop, &notifier->fallback, loop_mono(notifier->options.loop));
}

void
fallback_end(struct target *target)
{
	if (target->of != NULL && target->of->fallback != NULL)
		tell(target, true);
}

bool
fallback_is_on(struct notifier *notifier, const struct receiver_config *receiver)
{
	struct buf *name = &notifier->scratch;

	for (uint32_t i = 0; i < receiver->n_integrations; i++) {
		const struct integration_config *config = &receiver->integrations[i];

		buf_clear(name);
		buf_printf(
		    name, "%s/%s[%u]", receiver->name, config->kind->name, config->index);
		if (target_get(notifier, buf_str(name))->gate.fallback_on)
			return true;
	}
	return false;
}

/* ---- what the fallback is told ---------------------------------------------------------- */

/* Of the view only what this channel told to fire, or may have. */
struct view
fallback_view(const struct channel *channel, const struct view *view)
{
	struct fingerprints none = { NULL, 0 };
	struct fingerprint_set known = fingerprints_union(fingerprints_of(&channel->entry.firing),
	    channel->out != NULL ? fingerprints_of(&channel->out->firing) : none);
	struct fingerprint_set firing =
	    fingerprints_both(view->firing, fingerprints_of(&known));
	struct fingerprint_set resolved =
	    fingerprints_both(view->resolved, fingerprints_of(&known));
	struct view part = *view;

	part.items = xrealloc(NULL, view->n_items + 1, sizeof(*part.items));
	part.n_items = 0;
	for (uint32_t i = 0; i < view->n_items; i++) {
		if (fingerprints_have(fingerprints_of(&known),
			labels_fingerprint(view->items[i].alert->labels)))
			part.items[part.n_items++] = view->items[i];
	}
	part.firing = fingerprints_of(&firing);
	part.resolved = fingerprints_of(&resolved);
	free(known.fp);
	return part;
}

void
fallback_view_fini(struct view *part)
{
	free(part->items);
	free((void *)(uintptr_t)part->firing.fp);
	free((void *)(uintptr_t)part->resolved.fp);
}
