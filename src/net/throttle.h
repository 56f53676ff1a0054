/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often an address failed to log in: THROTTLE_FAILURES_MAX within
 * THROTTLE_WINDOW, then it waits until the window is over.
 *
 * Only the address counts, never the user's name: nobody can lock somebody
 * else out from elsewhere.  IPv6 addresses count by their /64, since whoever
 * has one has all of it.  The table is bounded; a new address takes the place
 * of one whose window is over, else of the oldest that does not wait, so that
 * a spray of addresses lets nobody out early.
 *
 * Pure: time is an argument.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"

#define THROTTLE_FAILURES_MAX 10
#define THROTTLE_WINDOW	      DUR_S(60)
#define THROTTLE_PEERS_MAX    1024

struct throttle;

struct throttle *throttle_new(void);
void throttle_free(struct throttle *throttle); /* accepts NULL */
/* Seconds until the address may try again; 0: now. */
int throttle_wait(const struct throttle *throttle, const char *address, mono_t now);
/* One more failure; how many there are in this window. */
uint32_t throttle_failed(struct throttle *throttle, const char *address, mono_t now);
/* What was counted as a failure turned out to be none. */
void throttle_forgive(struct throttle *throttle, const char *address, mono_t now);
