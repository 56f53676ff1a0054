/* SPDX-License-Identifier: Apache-2.0 */
/*
 * for_points: breaches among the last data points of one alert.
 *
 * A point is a datum with a time of its own; the same time again is the same
 * datum and is not counted twice, however often it is evaluated.  Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"

#define TALLY_OF_MAX 64

struct tally { /* { 0 }: none yet */
	uint64_t breaches; /* bit 0 is the last point; 1: it breached */
	uint32_t n;        /* points seen, at most TALLY_OF_MAX */
	wall_t last;       /* time of the last */
};

/* True: it is a new point and was taken. */
bool tally_take(struct tally *tally, bool breach, wall_t at);
/* Nothing was there, without a time: as good as a point that does not breach. */
void tally_pass(struct tally *tally);
/* Breaches among the last `of`. */
uint32_t tally_breaches(const struct tally *tally, uint32_t of);
