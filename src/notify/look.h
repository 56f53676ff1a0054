/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at what a group's receivers were told, and at the receivers themselves. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"

struct alert_group;
struct notifier;

/* One integration of a group's receiver, as it stands towards one alert. */
struct channel_look {
	const char *target;     /* "ops/webhook[0]" */
	bool told;              /* it was told something of the group */
	bool told_firing, told_resolved; /* the alert was in it */
	wall_t told_at;         /* WALL_NONE: never, or nobody knows whether it arrived */
	wall_t repeat_at;       /* when the same would be told again; WALL_NONE: would not */
	bool fallback;          /* tells only while the group's own receiver does not answer */
	/* the delivery under way, if the alert is in it */
	int64_t delivery_id;    /* 0: none */
	uint32_t attempts;
	wall_t due_at;
	const char *error;      /* of its last attempt, "" */
	const char *state;      /* "committing", "waiting", "ready", "sending" */
};
/* False: there is no i-th one. */
bool notifier_look_channel(const struct notifier *notifier, const struct alert_group *group, uint32_t i,
    uint64_t fingerprint, struct channel_look *ret);

/* One integration of a receiver. */
struct target_look {
	const char *target;     /* "ops/webhook[0]" */
	const char *circuit;    /* "closed", "open", "half_open" */
	bool has_breaker, fallback_on;
	uint32_t failures;      /* in a row */
	wall_t opened_at, probe_at; /* while it is not closed */
	const char *error;      /* of the last failure, "" once something arrived */
	uint32_t budget_n;      /* 0: no budget */
	dur_t budget_interval;
	uint32_t waiting;       /* over the budget */
	uint32_t queued, sending; /* ready to leave, on the wire */
	uint64_t delivered, retries, dead, cancelled; /* since start */
};
struct receiver_config;
/* False: the receiver has no i-th integration. */
bool notifier_look_target(const struct notifier *notifier, const struct receiver_config *receiver, uint32_t i,
    struct target_look *ret);
/*
 * Since when the oldest delivery that is tried has not arrived; WALL_NONE: all
 * arrive.  One whose fallback is told does not count.
 */
wall_t notifier_stuck_since(const struct notifier *notifier);
