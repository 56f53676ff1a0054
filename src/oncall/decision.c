/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions, counted by reason: see decision.h. */
#include "config.h"

#include "oncall/decision.h"

#include <assert.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/xalloc.h"

static const char *const names[] = {
	[DECISION_SENT] = "sent",
	[DECISION_DUPLICATE] = "duplicate",
	[DECISION_SILENCED] = "silenced",
	[DECISION_INHIBITED] = "inhibited",
	[DECISION_MUTED] = "muted",
	[DECISION_HELD] = "held",
	[DECISION_ACKNOWLEDGED] = "acknowledged",
	[DECISION_RATE_LIMITED] = "rate_limited",
	[DECISION_NOBODY_ON_CALL] = "nobody_on_call",
	[DECISION_FAILED] = "failed",
	[DECISION_EXHAUSTED] = "exhausted",
	[DECISION_CONDITION] = "condition",
};
static_assert(ARRAY_LEN(names) == DECISION_REASON_COUNT, "a name for each reason");

struct decisions {
	struct store *store;
	uint64_t counts[DECISION_REASON_COUNT];
};

struct decisions *
decisions_new(struct store *store)
{
	struct decisions *decisions = xcalloc(1, sizeof(*decisions));

	decisions->store = store;
	return decisions;
}

void
decisions_free(struct decisions *decisions)
{
	free(decisions);
}

void
decision_note(struct decisions *decisions, const struct decision *decision)
{
	if (decisions != NULL)
		decisions->counts[decision->reason]++;
}

const char *
decision_reason_name(enum decision_reason reason)
{
	return names[reason];
}

uint64_t
decisions_count(const struct decisions *decisions, enum decision_reason reason)
{
	return decisions->counts[reason];
}

void
decisions_put_metrics(const struct decisions *decisions, struct buf *out)
{
	static const char name[] = "tocsin_notification_decisions_total";

	buf_printf(out,
	    "# HELP %s Notifications considered, by what became of them.\n# TYPE %s counter\n",
	    name, name);
	for (int i = 0; i < DECISION_REASON_COUNT; i++)
		buf_printf(out, "%s{reason=\"%s\"} %llu\n", name, names[i],
		    (unsigned long long)decisions->counts[i]);
}
