/* SPDX-License-Identifier: Apache-2.0 */
/* The only place that reads a clock. */
#include "loop/clock.h"

#include <time.h>

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts = { 0 };

	clock_gettime(id, &ts); /* cannot fail for these two */
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

wall_t
clock_wall(void)
{
	return (wall_t){ read_clock(CLOCK_REALTIME) };
}

/* Stands still while the machine is suspended; the loop notices by the drift.
 */
mono_t
clock_mono(void)
{
	return (mono_t){ read_clock(CLOCK_MONOTONIC) };
}
