/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From points in any order to an answer of the shape that was asked for.
 * Pure.
 */
#pragma once

#include "source/rows.h"

/* Rows for points, whatever shape is asked for: many of a series, each with its time. */
void points_init(struct rows *rows, const struct source_query *query);
/* The same for what is read from a table on the way: every column is a label. */
void points_init_plain(struct rows *rows);
/*
 * QUERY_INSTANT: the newest point of each series that is not after `at` (with
 * `ties` all of that time, for samples of a distribution); QUERY_ROWS: those
 * from `from` to `to` in order of time; QUERY_RANGE is rows_finish()'s.  Points
 * without a time are of `at`.  rows_finish() is called here: nothing is added
 * afterwards.
 */
int points_finish(struct rows *rows, enum query_shape shape, bool ties, wall_t at, wall_t from,
    wall_t to, struct err *err);
