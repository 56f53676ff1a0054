/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How noisy rules are: sums over the history.
 *
 * Rows are given newest first, as the store lists them, so that an end is seen
 * before its beginning.  A fire counts when it begins inside of the time; one
 * that still fires has no duration.  A fire is acknowledged when its group was
 * while it fired, and muted when a decision says that it was silenced,
 * inhibited or outside of its route's hours while it fired.
 *
 * Owns copies of all it needs; bounded by NOISE_ALERTS_MAX.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/instant.h"
#include "base/str.h"
#include "store/store.h"
#include "store/store_decision.h"

#define NOISE_ALERTS_MAX 200000 /* of which something is remembered */
#define NOISE_FIRES_MAX  1000000
#define NOISE_SHORT      DUR_S(300)

struct noise;

struct noise *noise_new(void);
void noise_free(struct noise *noise);
/* A rule there is: it is listed though it never fired. */
void noise_rule(struct noise *noise, struct str name, bool has_runbook);
/* First the decisions, then the history; both newest first. */
void noise_told(struct noise *noise, const struct decision_row *row);
void noise_acked(struct noise *noise, const struct decision_row *row, wall_t now);
void noise_muted(struct noise *noise, const struct decision_row *row, wall_t now);
void noise_event(struct noise *noise, const struct history_row *row, wall_t now);
/* Rules by fires, the most first; then what never fired and what has no runbook. */
void noise_put_json(struct noise *noise, wall_t since, wall_t now, struct buf *out);
