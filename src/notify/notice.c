/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of our own to one receiver integration: "12 more groups wait", "X
 * does not answer, you are told instead", "this alert is flapping".
 *
 * A notice is an alert that nobody posts, in a table of the notifier's own,
 * told through a channel of its own.  It fires, and later it is over, like any
 * alert, so that a receiver that keeps incidents closes them.  It belongs to no
 * group: its channel's key says what it is about, and its labels are made from
 * that alone, so that after a restart the same notice is the same alert.
 *
 * What is wanted is kept here; a delivery under way is waited for.  After a
 * restart a pending notice is cancelled: whoever wants it says so again.
 */
#include "config.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "notify/notify_internal.h"

struct notice {
	struct channel *channel;
	struct alert *alert;     /* in notifier->notices; NULL: never fired in this life */
	struct labels *labels;
	enum notify_reason reason;
	bool firing;             /* wanted */
	bool again;              /* wanted once more, though it was told */
};

bool
notice_is_key(const char *group_key)
{
	return str_starts(str_from(group_key), STR(NOTICE_KEY));
}

struct labels *
notice_labels(const struct notice *notice)
{
	return notice->labels;
}

bool
notice_is_wanted(const struct notice *notice)
{
	return notice->firing;
}

static struct labels *
intern(const struct label_view *views, uint32_t n)
{
	struct arena *arena = arena_new(0);
	struct labels_builder builder;
	struct labels *labels;
	struct err err;

	labels_builder_init(&builder, arena);
	for (uint32_t i = 0; i < n; i++)
		labels_builder_set(&builder, views[i].name, views[i].value);
	labels = labels_intern(&builder, &err);
	arena_free(arena);
	return labels;
}

static struct notice *
notice_get(struct notifier *notifier, struct target *via, const struct notice_text *text)
{
	struct channel *channel;
	struct notice *notice;
	struct buf key = { 0 };

	buf_printf(&key, "%s%s", NOTICE_KEY, text->key);
	channel = channel_get(notifier, buf_str(&key), via);
	buf_fini(&key);
	if (channel->notice != NULL)
		return channel->notice;
	notice = xcalloc(1, sizeof(*notice));
	notice->channel = channel;
	notice->labels = intern(text->labels, text->n_labels);
	if (notice->labels == NULL) { /* a name that is no label value */
		free(notice);
		channel_release(notifier, channel);
		return NULL;
	}
	channel->notice = notice;
	return notice;
}

void
notice_free(struct notice *notice)
{
	if (notice == NULL)
		return;
	if (notice->alert != NULL) {
		struct notifier *notifier = notice->channel->target->notifier;

		notice->alert->pins--;
		alerts_release(
		    notifier->notices, notice->alert, loop_now(notifier->options.loop));
	}
	labels_unref(notice->labels);
	free(notice);
}

/* ---- telling ---------------------------------------------------------------------- */

static struct alert *
put_alert(struct notifier *notifier, struct notice *notice, const struct notice_text *text,
    wall_t now)
{
	struct labels *annotations = intern(
	    (const struct label_view[]){ { STR("summary"), str_from(text->summary) } }, 1);
	struct alert_update update = {
		.labels = notice->labels,
		.annotations = annotations,
		.starts_at = now,
		.ends_at = WALL_MAX,
		.flags = ALERT_FROM_RULE,
	};

	if (annotations == NULL)
		return notice->alert;
	if (notice->alert == NULL) {
		notice->alert = alerts_put(notifier->notices, &update, now, NULL);
		notice->alert->pins++;
	} else {
		alerts_put(notifier->notices, &update, now, NULL);
	}
	labels_unref(annotations);
	return notice->alert;
}

static void
say(struct notifier *notifier, struct notice *notice, bool firing)
{
	uint64_t fingerprint = labels_fingerprint(notice->labels);
	struct item item = { notice->alert, notice->alert->ends_at, firing };
	struct view view = {
		.items = &item,
		.n_items = 1,
		.tick = loop_now(notifier->options.loop),
	};

	*(firing ? &view.firing : &view.resolved) = (struct fingerprints){ &fingerprint, 1 };
	intent_set(notice->channel, notifier, &view, notice->reason);
	reasons_sent(notifier, notice->channel);
}

static bool
tells_ends(const struct channel *channel)
{
	const struct integration_config *config = channel->target->config;

	return config != NULL && INTEGRATION_COMMON(config)->send_resolved;
}

static void
end(struct notifier *notifier, struct notice *notice, bool told)
{
	struct channel *channel = notice->channel;
	struct fingerprints none = { NULL, 0 };
	wall_t now = loop_now(notifier->options.loop);

	if (notice->alert == NULL && told) { /* told in an earlier life */
		const struct notice_text text = { .summary = "This is over." };

		put_alert(notifier, notice, &text, now);
	}
	if (notice->alert != NULL && !alert_is_resolved(notice->alert, now))
		alerts_resolve(notifier->notices, notice->alert, now, now);
	if (told && tells_ends(channel)) {
		if (channel->out == NULL || channel->out->firing.n > 0)
			say(notifier, notice, false);
		return;
	}
	intent_cancel(notifier, channel, "it was over before it could be delivered");
	if (told)
		nflog_set(notifier, channel, none, none, now, "");
}

/* The channel is told what is wanted, unless it was, or something is on the wire. */
void
notice_push(struct notifier *notifier, struct notice *notice)
{
	struct channel *channel = notice->channel;
	uint64_t fingerprint = labels_fingerprint(notice->labels);
	bool told = fingerprints_have(fingerprints_of(&channel->entry.firing), fingerprint);

	if (channel->out != NULL && channel->out->state == INTENT_SENDING) {
		channel->recheck = true;
		return;
	}
	channel->recheck = false;
	if (channel->target->config == NULL) {
		intent_cancel(notifier, channel, "the receiver is no longer configured");
	} else if (notice->firing) {
		if (channel->out != NULL && channel->out->firing.n > 0 && !notice->again)
			return;
		if (!told || notice->again || channel->out != NULL)
			say(notifier, notice, true);
		notice->again = false;
	} else {
		told = told || (channel->out != NULL && channel->out->maybe_sent);
		end(notifier, notice, told);
	}
}

void
notice_tell(struct notifier *notifier, struct target *via, const struct notice_text *text,
    enum notify_reason reason, bool again)
{
	struct notice *notice = notice_get(notifier, via, text);

	if (notice == NULL)
		return;
	notice->again = again && notice->firing;
	notice->firing = true;
	notice->reason = reason;
	if (put_alert(notifier, notice, text, loop_now(notifier->options.loop)) != NULL)
		notice_push(notifier, notice);
}

/* No-op unless it was told, or is about to be. */
void
notice_over(struct notifier *notifier, struct target *via, const struct notice_text *text,
    enum notify_reason reason)
{
	struct notice *notice = notice_get(notifier, via, text);

	if (notice == NULL)
		return;
	notice->firing = notice->again = false;
	notice->reason = reason;
	notice_push(notifier, notice);
	channel_release(notifier, notice->channel);
}

void
notice_over_everywhere(
    struct notifier *notifier, const struct notice_text *text, enum notify_reason reason)
{
	struct target *target;
	struct buf key = { 0 };

	buf_printf(&key, "%s%s", NOTICE_KEY, text->key);
	for (size_t it = 0; (target = map_next(&notifier->targets, &it)) != NULL;) {
		if (target->config != NULL &&
		    channel_find(notifier, buf_str(&key), target) != NULL)
			notice_over(notifier, target, text, reason);
	}
	buf_fini(&key);
}
