/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From points in any order to an answer of the shape that was asked for.
 * Pure.
 */
#pragma once

#include "source/rows.h"

/*
 * QUERY_INSTANT: the newest point of each series that is not after `at`;
 * QUERY_RANGE: those from `from` to `to`, series together, in order of time,
 * the last of each step; QUERY_ROWS: the same in order of time alone.  Points
 * without a time are of `at`.  Of points of one series at one time the last
 * that was put there counts (rows: each; instant with `ties`: each of the newest
 * time, for samples of a distribution).
 */
void points_arrange(struct rows *rows, enum query_shape shape, bool ties, wall_t at, wall_t from,
    wall_t to, dur_t step);
