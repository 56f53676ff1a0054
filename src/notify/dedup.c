/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pure decisions: is there something to say (Alertmanager's five rules, and
 * what our own keys add), and when to try again (2.7).
 */
#include "config.h"

#include <assert.h>

#include "notify/notify.h"

#define RETRY_FIRST_S 0.5
#define RETRY_GROWTH  1.5
#define RETRY_MAX_S   60.0

static const char *const reason_text[] = {
	[NOTIFY_NOTHING] = "nothing to say",
	[NOTIFY_FIRST] = "first notification",
	[NOTIFY_NEW_ALERTS] = "new alerts added",
	[NOTIFY_ALL_RESOLVED] = "all alerts resolved",
	[NOTIFY_SOME_RESOLVED] = "some alerts resolved",
	[NOTIFY_REPEAT] = "repeat interval elapsed",
	[NOTIFY_UNSUPPRESSED] = "no longer suppressed",
	[NOTIFY_HELD_RESOLVED] = "resolved while suppressed",
	[NOTIFY_ESCALATED] = "escalation",
	[NOTIFY_ACKNOWLEDGED] = "acknowledged",
	[NOTIFY_FALLBACK] = "its receiver does not answer",
	[NOTIFY_SUMMARY] = "over the budget",
	[NOTIFY_FLAPPING] = "flapping",
	[NOTIFY_REPLAY] = "replayed",
};
static_assert(ARRAY_LEN(reason_text) == NOTIFY_REASON_COUNT, "a text for each reason");

const char *
notify_reason_text(enum notify_reason reason)
{
	return reason_text[reason];
}

/* Both ascending. */
static bool
is_subset(struct fingerprints part, struct fingerprints whole)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < part.n; i++) {
		while (at < whole.n && whole.fp[at] < part.fp[i])
			at++;
		if (at == whole.n || whole.fp[at] != part.fp[i])
			return false;
	}
	return true;
}

enum notify_reason
dedup_decide(const struct nflog_entry_view *entry, struct fingerprints firing,
    struct fingerprints resolved, bool send_resolved, dur_t repeat_interval, wall_t tick)
{
	/* 1. never told: tell if anything fires */
	if (!entry->present)
		return firing.n > 0 ? NOTIFY_FIRST : NOTIFY_NOTHING;
	/* 2. something fires that was not told as firing */
	if (!is_subset(firing, entry->firing))
		return entry->firing.n == 0 ? NOTIFY_FIRST : NOTIFY_NEW_ALERTS;
	/*
	 * 3. nothing fires: tell if something did, whether resolves are sent or not, to clear
	 * the log
	 */
	if (firing.n == 0)
		return entry->firing.n > 0 ? NOTIFY_ALL_RESOLVED : NOTIFY_NOTHING;
	/* 4. a resolve that was not told */
	if (send_resolved && !is_subset(resolved, entry->resolved))
		return NOTIFY_SOME_RESOLVED;
	/* 5. the same again after repeat_interval */
	return wall_before(entry->at, wall_sub(tick, repeat_interval)) ? NOTIFY_REPEAT
								       : NOTIFY_NOTHING;
}

static bool
have_common(struct fingerprints a, struct fingerprints b)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < a.n; i++) {
		while (at < b.n && b.fp[at] < a.fp[i])
			at++;
		if (at < b.n && b.fp[at] == a.fp[i])
			return true;
	}
	return false;
}

enum notify_reason
held_decide(struct fingerprints held, struct fingerprints firing, struct fingerprints resolved,
    bool send_resolved, struct held_options options)
{
	if (options.notify_on_unsilence && have_common(held, firing))
		return NOTIFY_UNSUPPRESSED;
	if (options.deliver_held_resolves && send_resolved && have_common(held, resolved))
		return NOTIFY_HELD_RESOLVED;
	return NOTIFY_NOTHING;
}

dur_t
retry_delay(uint32_t attempt, const dur_t *retry_after, struct rng *rng)
{
	double delay = RETRY_FIRST_S;
	dur_t wait;

	for (uint32_t i = 1; i < attempt && delay < RETRY_MAX_S; i++)
		delay *= RETRY_GROWTH;
	if (delay > RETRY_MAX_S)
		delay = RETRY_MAX_S;
	delay *= 0.5 + rng_unit(rng);
	if (delay > RETRY_MAX_S)
		delay = RETRY_MAX_S;
	wait = (dur_t){ (int64_t)(delay * 1e9) };
	return retry_after != NULL && dur_less(wait, *retry_after) ? *retry_after : wait;
}
