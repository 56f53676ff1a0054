/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stored scores in order of their data's time: what for_points counts.
 *
 * Between two evaluations several batches may have been written; each of their
 * rows is a point of its series, judged as an evaluation at its time would have
 * done it.  Where scores are judged together (a correction for many, one alert
 * for many) they are taken in rounds: as many rows as there are without a
 * series twice, from the newest backwards, rows of one time together; in each
 * round a series that has no row in it stands as it stood before.  Pure; what
 * is returned lives in the arena.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "rule/aggregate.h"
#include "rule/score_method.h"
#include "rule/tally.h"
#include "stats/multiple.h"

#define SCORE_ROUNDS_MAX 256    /* the newest; what is older is not judged any more */
#define SCORE_CELLS_MAX  200000 /* rounds times series: fewer rounds where series are many */

/* One row of a series. */
struct score {
	bool seen, missing, inclusive;
	enum score_direction direction;
	double value, threshold, adjusted;
	const char *method; /* NULL: the rule says the direction */
	wall_t at;
};

struct score_row {
	struct score score;
	uint32_t series, index; /* index: where it stood */
};

struct score_history {
	struct score_row *rows; /* in any order; those without a time are passed over */
	uint32_t n;
	const struct cells_group *series;
	uint32_t n_series;
	enum multiple_method correct;
	const struct aggregate *aggregate;
	const struct string_list *group;
};

struct score_points {
	struct data_point *points; /* ascending, at most TALLY_OF_MAX */
	uint32_t n;
};

/* Scores that are p-values are corrected together; others stay as they are. */
void scores_correct(
    struct score *scores, uint32_t n, enum multiple_method method, struct arena *arena);
bool score_is_drift(const struct score *score);
/* Why it is not judged, static; NULL: it is. */
const char *score_reason(const struct score *score);
/* One for each series, or with an aggregate for many one for each group, in their order; sorts the rows. */
struct score_points *score_points_of(struct score_history *history, struct arena *arena);
