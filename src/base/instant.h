/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points in time and spans of time, as three types that do not mix.
 *
 * wall_t  nanoseconds since the Unix epoch, UTC: slots, `for`, timestamps.
 * mono_t  nanoseconds of a clock that never steps: timers, timeouts.
 * dur_t   a span, nanoseconds, may be negative as a difference.
 *
 * Nobody reads a clock here: now is an argument (loop/clock.c reads it).
 * { 0 } means "none" for wall_t and mono_t.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct { int64_t ns; } wall_t;
typedef struct { int64_t ns; } mono_t;
typedef struct { int64_t ns; } dur_t;

#define DUR_MS(n) ((dur_t){ (int64_t)(n) * 1000000 })
#define DUR_S(n) ((dur_t){ (int64_t)(n) * 1000000000 })
#define WALL_NONE ((wall_t){ 0 })
#define WALL_MAX ((wall_t){ INT64_MAX })

/* Sums and differences stop at the ends of what can be said: a configured 290y is "never", not the year 1734. */
static inline int64_t
instant_plus(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? (b > 0 ? INT64_MAX : INT64_MIN) : sum;
}

static inline int64_t
instant_minus(int64_t a, int64_t b)
{
	int64_t difference;

	return __builtin_sub_overflow(a, b, &difference) ? (b < 0 ? INT64_MAX : INT64_MIN) : difference;
}

static inline wall_t wall_add(wall_t t, dur_t d) { return (wall_t){ instant_plus(t.ns, d.ns) }; }
static inline wall_t wall_sub(wall_t t, dur_t d) { return (wall_t){ instant_minus(t.ns, d.ns) }; }
static inline dur_t wall_since(wall_t later, wall_t earlier) { return (dur_t){ instant_minus(later.ns, earlier.ns) }; }
static inline bool wall_before(wall_t a, wall_t b) { return a.ns < b.ns; }
static inline bool wall_is_set(wall_t t) { return t.ns != 0; }
static inline wall_t wall_max(wall_t a, wall_t b) { return a.ns > b.ns ? a : b; }
static inline wall_t wall_min(wall_t a, wall_t b) { return a.ns < b.ns ? a : b; }
static inline mono_t mono_add(mono_t t, dur_t d) { return (mono_t){ instant_plus(t.ns, d.ns) }; }
static inline dur_t mono_since(mono_t later, mono_t earlier) { return (dur_t){ later.ns - earlier.ns }; }
static inline bool mono_before(mono_t a, mono_t b) { return a.ns < b.ns; }
static inline bool dur_less(dur_t a, dur_t b) { return a.ns < b.ns; }
static inline double dur_seconds(dur_t d) { return (double)d.ns / 1e9; }
static inline double wall_seconds(wall_t t) { return (double)t.ns / 1e9; }
