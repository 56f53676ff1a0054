/* SPDX-License-Identifier: Apache-2.0 */
/*
 * for_points: breaches among the last data points of one alert.
 *
 * A point is a datum with a time of its own; the same time again is the same
 * datum and is not counted twice, however often it is evaluated.  Pure.
 *
 * A kind that reads several data of one series at once hands them over in
 * order of their time.  When they reach back over all that counts, they alone
 * say it: a datum that came late stands in its place.  When they do not, those
 * newer than the last one counted are taken, and one that came later than a
 * newer one is passed over.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"

#define TALLY_OF_MAX 64

struct data_point {
	wall_t at;
	double value;
	bool breach;
};

struct tally { /* { 0 }: none yet */
	uint64_t breaches; /* bit 0 is the last point; 1: it breached */
	uint32_t n;        /* points seen, at most TALLY_OF_MAX */
	wall_t last;       /* time of the last */
};

/* True: it is a new point and was taken. */
bool tally_take(struct tally *tally, bool breach, wall_t at);
/* n points, ascending by time; true: they say something new. */
bool tally_follow(struct tally *tally, const struct data_point *points, uint32_t n, uint32_t of);
/* Nothing was there, without a time: as good as a point that does not breach. */
void tally_pass(struct tally *tally);
/* Breaches among the last `of`. */
uint32_t tally_breaches(const struct tally *tally, uint32_t of);
