/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quiet hours: what is not urgent waits until they are over.  Pure.
 */
#pragma once

#include "base/instant.h"
#include "base/str.h"
#include "config/config.h"

/* Nothing is held for longer, whatever the intervals say. */
#define QUIET_HOLD_MAX DUR_S(14 * 86400)

/* WALL_NONE: this receiver may be told now; else when it may. */
wall_t quiet_until(const struct config *config, const char *receiver, struct str severity, wall_t now);
