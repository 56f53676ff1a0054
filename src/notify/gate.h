/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a message may leave now: the circuit breaker and the budget of one
 * receiver integration.
 *
 * Breaker.  After `failures` attempts in a row that did not succeed (refusals
 * count: nobody was told) the circuit is open: what is due waits, its rows
 * pending.  Every probe_interval (or as long as Retry-After says) one message
 * is let through; when it arrives, or the service answers it well, the circuit
 * closes and the others follow.  That a circuit is open, and since when,
 * outlives a restart.  Once it has been open for fallback_after, the
 * receiver's fallback is told of every group that waits (fallback.c).
 *
 * Budget.  At most n messages that arrived, or are on the wire, in any stretch
 * of the interval.  What is beyond waits, pending and visible, and leaves in
 * order of arrival when there is room.  While something waits, one message a
 * stretch sums up how much.  That summary tells nobody of any group: each
 * group is still told for itself, unless what it would say is no longer so.
 * So nothing is lost, and whoever reads the summary knows that there is more
 * and where to look.  A message in which something critical fires never waits,
 * and neither does the summary; both count.  The stretch begins anew with a
 * restart.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "base/list.h"
#include "base/str.h"
#include "config/health.h"
#include "loop/loop.h"

struct target;
struct delivery;
struct notifier;

enum circuit_state { CIRCUIT_CLOSED, CIRCUIT_OPEN, CIRCUIT_PROBING, CIRCUIT_STATE_COUNT };

struct gate {
	/* of the current configuration */
	struct budget_config budget;   /* n 0: none */
	struct breaker_config breaker; /* failures 0: none */
	/* breaker */
	enum circuit_state circuit;
	uint32_t failures;    /* in a row */
	wall_t opened_at, probe_at;
	char error[200];      /* of the last failure */
	struct timer probe, fallback;
	bool fallback_on;     /* the fallback is told since opened_at + fallback_after */
	uint64_t opened_total;
	/* budget */
	wall_t *left_at;      /* ring of the last n that counted */
	uint32_t n_ring, at;  /* at: the oldest */
	struct link held;     /* deliveries that wait for room */
	uint32_t n_held;
	struct timer room, summary;
	wall_t summed_up_at;  /* WALL_NONE: no summary is in force */
	uint64_t held_total;
};

void gate_init(struct target *target);
void gate_fini(struct target *target);
/* The target's configuration is new. */
void gate_apply(struct target *target);
/* Is the circuit such that something may be sent? */
bool gate_is_open(const struct target *target);
/* False: there is no room for this delivery, it was put aside. */
bool gate_admits(struct target *target, struct delivery *delivery);
/* The delivery is put aside no longer (it ends, or is replaced). */
void gate_forget(struct delivery *delivery);
/* An attempt ended; retry_after: what the service asked for, or NULL. */
void gate_outcome(struct target *target, bool arrived, const char *error, const dur_t *retry_after);
void gate_start(struct notifier *notifier);
const char *circuit_state_name(enum circuit_state state);
