/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts that begin and end again and again (`flap_detection` of a route).
 *
 * What counts is what a flush sees, since only there somebody would be told: a
 * beginning after an end, an end after a beginning.  An alert with `changes`
 * of them `within` a time is flapping: one notice goes to each integration of
 * its group's receiver, and from then on it is left out of flushes, as if
 * silenced, while the rest of its group is told as ever.  When it has kept
 * still for `quiet` the notice is over, and what the receivers were told last
 * is set right: they hear that it fires, or that it is over, if they do not
 * know.  Only routes with the key cost anything, and of these only alerts that
 * have ended at least once.  All of it is kept in rows.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "route/groups.h"
#include "store/store_health.h"

#define FLAPS_PER_GROUP_MAX 256

struct flaps;
struct notifier;

struct flaps *flaps_new(struct notifier *notifier);
void flaps_free(struct flaps *flaps);
void flaps_restore(struct flaps *flaps, const struct flap_row *row);
void flaps_start(struct flaps *flaps);
void flaps_stop(struct flaps *flaps);
/* A flush looks at its group, before anything is decided. */
void flaps_observe(struct flaps *flaps, const struct alert_group *group, wall_t now);
bool flaps_is_flapping(const struct flaps *flaps, const struct alert_group *group, uint64_t fingerprint);

struct flap_look {
	const char *group_key;
	uint64_t fingerprint;
	wall_t since, changed_at;
	uint32_t changes; /* that are remembered */
	bool fires;
};
/* Those that flap now; calls fn for each. */
void flaps_each(const struct flaps *flaps, void (*fn)(void *arg, const struct flap_look *look), void *arg);
uint32_t flaps_count(const struct flaps *flaps);
