/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inhibition: a firing source alert mutes targets with
 * equal values of the `equal` labels.  Per rule an index from those values
 * to the small set of source alerts with them: never a scan.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "route/alerts.h"

struct inhibitor;

struct inhibitor *inhibitor_new(const struct config *config);
/*
 * A new configuration beside the old one, which must still be there: goes on with all it knows
 * when the rules are the same.  False: they are not, and nothing has changed.
 */
bool inhibitor_adopt(struct inhibitor *inhibitor, const struct config *config);
void inhibitor_free(struct inhibitor *inhibitor);
/* Tell it of every alert put or restored; it keeps those that are sources. Cheap when the alert is known. */
void inhibitor_note(struct inhibitor *inhibitor, struct alert *alert);
/* The alert is about to be freed. */
void inhibitor_forget(struct inhibitor *inhibitor, struct alert *alert);
/* The first alert that inhibits this label set now, or NULL. */
const struct alert *inhibitor_muting(const struct inhibitor *inhibitor, const struct labels *labels, wall_t now);
