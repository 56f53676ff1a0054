/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic of error budgets and of change.
 *
 * bad and total are counts over a window, 0 <= bad <= total (STATS_INVALID
 * otherwise); a total of 0 is STATS_FEW: no traffic burns no budget, and
 * proves nothing.  objective is the share that must be good, in (0, 1).
 */
#pragma once

#include <stdbool.h>

#include "stats/stats.h"

/* (bad/total)/(1 - objective): 1 spends the budget exactly over the period. */
struct stats_value burn_rate(double bad, double total, double objective);
/*
 * Multi-window rule (Google SRE workbook, ch. 5): are both rates above the
 * factor?  The short window ends the alert soon after the burning does.  An
 * undefined rate is not above.
 */
bool burn_is_above(struct stats_value long_rate, struct stats_value short_rate, double factor);
/* Share of the period's budget that a rate spends in a window; both in one unit of time. */
struct stats_value burn_budget_spent(double rate, double window, double period);
/* Time until the rest (share in [0, 1]) of the budget is gone; infinite at rate 0. */
struct stats_value burn_time_left(double rate, double rest, double period);

/*
 * (current - base)/|base|.  A base of 0 has no relative change (STATS_CONSTANT)
 * unless current is 0 too: then 0.
 */
struct stats_value burn_relative_change(double base, double current);
