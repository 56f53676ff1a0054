/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be asked of a column of a whylogs profile.
 *
 *   expression  term { (+ | -) term }
 *   term        factor { (* | /) factor }
 *   factor      number | path | name | function | (expression) | - factor
 *   path        a metric as whylogs names it: counts/null, distribution/mean
 *   name        n null_ratio mean stddev min max distinct distinct_lower
 *               distinct_upper rank_error ks ks_excess
 *   function    quantile(q) rank(x) frequency("text") reference(expression)
 *
 * A slash that divides has white space on both sides.  Two questions stand
 * alone and have several answers for a column: frequent_items (how often, with
 * the label item) and samples(n) (n values at even ranks: a sample of the
 * column, for tests that want one).
 *
 * Pure; depends on base, stats and rows.h.
 */
#pragma once

#include "source/rows.h"
#include "source/whylogs_profile.h"

#define WHYLOGS_SAMPLES_MAX 10000

/* Puts a row's labels: begins it, too. */
typedef int whylogs_row_fn(void *arg, struct rows *rows, struct err *err);

struct whylogs_question {
	struct str text;
	const struct whylogs_column *column;    /* NULL: only the text is checked */
	const struct whylogs_column *reference; /* the same column of the reference; NULL: none */
	bool has_reference;                     /* is there a reference profile at all? */
	wall_t at;
	whylogs_row_fn *begin;
	void *arg;
};

/*
 * Adds the column's rows; none when the column has not what is asked for,
 * which *ret_absent says.  err->at is the offset in the text.
 */
int whylogs_ask(const struct whylogs_question *question, struct rows *rows, bool *ret_absent, struct err *err);
