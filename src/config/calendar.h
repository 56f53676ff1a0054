/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which named times a moment belongs to. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "config/time_intervals.h"

bool interval_contains(const struct time_interval *interval, wall_t at);

/* One of them does; false of none. */
bool intervals_contain(const struct time_interval *const *intervals, uint32_t n, wall_t at);
/* The first moment after `at` at which intervals_contain() changes; `limit` when it does not change before. */
wall_t intervals_change(const struct time_interval *const *intervals, uint32_t n, wall_t at, wall_t limit);
