/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a flush tells the decision log.
 *
 * Alerts that are left out are noted together when they have the same reason:
 * one row per group and silence, however many alerts it silences.  Where a
 * group has very many different reasons of one kind (each alert inhibited by
 * another), those beyond REASONS_MAX share a row.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "notify/notify_internal.h"
#include "route/intervals.h"

#define REASONS_MAX     32u  /* of one kind in one group */
#define CAUSE_BYTES_MAX 500u

static int
absence_cmp(const void *a, const void *b)
{
	const struct absence *x = a, *y = b;

	if (x->why != y->why)
		return x->why < y->why ? -1 : 1;
	if (x->by != y->by)
		return (uintptr_t)x->by < (uintptr_t)y->by ? -1 : 1;
	if (x->firing != y->firing)
		return x->firing ? -1 : 1;
	return x->fingerprint < y->fingerprint ? -1 : x->fingerprint > y->fingerprint;
}

/* ---- one reason ------------------------------------------------------------------- */

struct reason {
	enum decision_verdict verdict;
	char ref[80];
	struct buf cause;
};

static void
say_silenced(struct reason *reason, const struct silence *silence)
{
	reason->verdict = DECISION_SILENCED;
	snprintf(reason->ref, sizeof(reason->ref), "%s", silence->id);
	buf_printf(&reason->cause, "by %.80s: %.300s", silence->created_by, silence->comment);
}

static void
say_inhibited(struct reason *reason, const struct alert *by)
{
	reason->verdict = DECISION_INHIBITED;
	snprintf(reason->ref, sizeof(reason->ref), "%016llx",
	    (unsigned long long)labels_fingerprint(by->labels));
	buf_puts(&reason->cause, "by ");
	labels_format(by->labels, &reason->cause);
}

static void
say_interval(struct reason *reason, const struct route_config *route, bool muted, wall_t now)
{
	const char *name;
	size_t n = 0;

	reason->verdict = muted ? DECISION_MUTED : DECISION_INACTIVE;
	for (uint32_t i = 0; (name = route_muted_by(route, now, i)) != NULL; i++) {
		int more = snprintf(reason->ref + n, sizeof(reason->ref) - n, "%s%s",
		    i > 0 ? "," : "", name);

		if (more < 0 || (size_t)more >= sizeof(reason->ref) - n)
			break;
		n += (size_t)more;
	}
	buf_printf(&reason->cause, "the route is %s", muted ? "muted then" : "active only then");
}

static void
say(struct reason *reason, const struct absence *absence, const struct alert_group *group,
    wall_t now)
{
	buf_clear(&reason->cause);
	reason->ref[0] = '\0';
	switch (absence->why) {
	case SUPPRESSED_SILENCED:
		say_silenced(reason, absence->by);
		break;
	case SUPPRESSED_INHIBITED:
		say_inhibited(reason, absence->by);
		break;
	case SUPPRESSED_MUTED:
	case SUPPRESSED_INACTIVE:
		say_interval(reason, group->route, absence->why == SUPPRESSED_MUTED, now);
		break;
	case SUPPRESSED_FLAPPING:
		reason->verdict = DECISION_FLAPPING;
		buf_puts(&reason->cause, "it began and ended too often; one notice said so");
		break;
	case SUPPRESSED_NOT:
	case SUPPRESSION_COUNT:
		break;
	}
}

/* ---- all of a view -------------------------------------------------------------------- */

static void
hold(struct notifier *notifier, const struct alert_group *group, struct reason *reason,
    const struct absence *absences, uint32_t n, wall_t now)
{
	uint64_t *fingerprints = notifier->absent; /* as large, and sorted anew below */
	uint32_t n_firing = 0;

	for (uint32_t i = 0; i < n; i++) {
		fingerprints[i] = absences[i].fingerprint;
		n_firing += absences[i].firing;
	}
	decision_hold(notifier->decisions,
	    &(struct decision){
		.verdict = reason->verdict,
		.group_key = str_from(group->key),
		.ref = str_from(reason->ref),
		.cause = str_head(buf_str(&reason->cause), CAUSE_BYTES_MAX),
		.firing = fingerprints,
		.n_firing = n_firing,
		.resolved = fingerprints + n_firing,
		.n_resolved = n - n_firing,
	    },
	    now);
}

/* Of one kind, beyond REASONS_MAX: as if by one. */
static uint32_t
merge_rest(struct absence *absences, uint32_t from, uint32_t n, struct reason *reason)
{
	uint32_t end = from;

	while (end < n && absences[end].why == absences[from].why)
		absences[end++].by = NULL;
	qsort(absences + from, end - from, sizeof(*absences), absence_cmp);
	buf_clear(&reason->cause);
	reason->ref[0] = '\0';
	buf_printf(&reason->cause, "by many others");
	return end;
}

static void
hold_absences(struct notifier *notifier, const struct alert_group *group, const struct view *view)
{
	struct absence *absences = view->absences;
	uint32_t n = view->suppressed.n, kinds = 0;
	struct reason reason = { 0 };

	qsort(absences, n, sizeof(*absences), absence_cmp);
	for (uint32_t i = 0, end; i < n; i = end) {
		kinds = i > 0 && absences[i - 1].why == absences[i].why ? kinds + 1 : 0;
		say(&reason, &absences[i], group, view->tick);
		if (kinds < REASONS_MAX) {
			for (end = i; end < n && absences[end].why == absences[i].why &&
				      absences[end].by == absences[i].by;)
				end++;
		} else {
			end = merge_rest(absences, i, n, &reason);
		}
		hold(notifier, group, &reason, absences + i, end - i, view->tick);
	}
	buf_fini(&reason.cause);
}

static int
fingerprint_cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The view's own list was used to sort by reason. */
static void
restore_absent(struct notifier *notifier, const struct view *view)
{
	for (uint32_t i = 0; i < view->suppressed.n; i++)
		notifier->absent[i] = view->absences[i].fingerprint;
	qsort(notifier->absent, view->suppressed.n, sizeof(uint64_t), fingerprint_cmp);
}

static void
hold_nobody(struct notifier *notifier, const struct alert_group *group, wall_t now)
{
	const struct receiver_config *receiver = group->route->receiver;
	char cause[200];

	snprintf(cause, sizeof(cause), "receiver '%.150s' tells nobody: it has no integrations",
	    receiver != NULL ? receiver->name : "");
	decision_hold(notifier->decisions,
	    &(struct decision){
		.verdict = DECISION_NOBODY,
		.group_key = str_from(group->key),
		.cause = str_from(cause),
	    },
	    now);
}

void
reasons_of_view(
    struct notifier *notifier, const struct alert_group *group, const struct view *view)
{
	const struct group_state *state = group->notify;

	decisions_begin(
	    notifier->decisions, DECISION_OF_FLUSH, str_from(group->key), group->route->id);
	if (view->suppressed.n > 0) {
		hold_absences(notifier, group, view);
		restore_absent(notifier, view);
	}
	if (state != NULL && state->n_own == 0 && view->n_items > 0)
		hold_nobody(notifier, group, view->tick);
	decisions_end(notifier->decisions, view->tick);
}

/* ---- one channel ---------------------------------------------------------------------- */

static void
note(struct notifier *notifier, const struct channel *channel, struct decision *decision,
    wall_t now)
{
	decision->group_key = str_from(channel->group_key);
	decision->target = str_from(channel->target->name);
	decision_note(notifier->decisions, decision, now);
}

void
reasons_sent(struct notifier *notifier, struct channel *channel)
{
	const struct delivery *delivery = channel->out;

	channel->noted = false;
	note(notifier, channel,
	    &(struct decision){
		.verdict = DECISION_SENT,
		.cause = str_from(notify_reason_text(delivery->reason)),
		.delivery_id = delivery->id,
		.firing = delivery->firing.fp,
		.n_firing = delivery->firing.n,
		.resolved = delivery->resolved.fp,
		.n_resolved = delivery->resolved.n,
	    },
	    delivery->tick_at);
}

/* Names no alert: it holds for all that the row before it named. */
void
reasons_nothing(struct notifier *notifier, struct channel *channel, const struct view *view)
{
	const struct log_entry *entry = &channel->entry;
	const struct group_state *state = channel->group != NULL ? channel->group->notify : NULL;

	if (channel->noted || entry->id == 0)
		return;
	channel->noted = true;
	note(notifier, channel,
	    &(struct decision){
		.verdict = DECISION_NOTHING_NEW,
		.cause = STR("told already, nothing is new"),
		.next_at = view->firing.n > 0 ? channel_repeats_at(channel, state) : WALL_NONE,
	    },
	    view->tick);
}

/* It is to be sent, and something stands in the way. */
void
reasons_waits(struct notifier *notifier, const struct delivery *delivery,
    enum decision_verdict verdict, const char *cause, wall_t next_at)
{
	note(notifier, delivery->channel,
	    &(struct decision){
		.verdict = verdict,
		.cause = str_from(cause),
		.delivery_id = delivery->id,
		.next_at = next_at,
		.firing = delivery->firing.fp,
		.n_firing = delivery->firing.n,
		.resolved = delivery->resolved.fp,
		.n_resolved = delivery->resolved.n,
	    },
	    loop_now(notifier->options.loop));
}

void
reasons_not_asked(struct notifier *notifier, struct channel *channel, const struct view *view)
{
	channel->noted = false;
	note(notifier, channel,
	    &(struct decision){
		.verdict = DECISION_NOT_ASKED,
		.cause = STR("send_resolved is false: ends are not told"),
		.resolved = view->resolved.fp,
		.n_resolved = view->resolved.n,
	    },
	    view->tick);
}
