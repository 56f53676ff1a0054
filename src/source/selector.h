/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries of sources without a language of their own: what is wanted, and
 * {matchers} over the labels of the answer.  Matchers are interned values:
 * they are parsed, used and freed on the loop thread.
 */
#pragma once

#include "labels/matcher.h"
#include "source/rows.h"

/* What a query wants to be read: its range, or back from its time. */
void query_window(const struct source_query *query, dur_t lookback, wall_t *ret_from, wall_t *ret_to);
/* After rows_finish(): drops the samples whose labels do not match; loop thread. */
void selector_apply(const struct matchers *matchers, struct rows *rows);
/* "text {matchers}" into its parts; *ret_matchers NULL: none. what: part of text. */
int selector_parse(struct str text, struct str *ret_what, struct matchers **ret_matchers, struct err *err);
