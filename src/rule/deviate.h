/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a new value unlike the series' past?  One question, several methods.
 *
 * Every method answers with a score whose size is compared with
 * deviate_limit(): both are made so that `sigmas` means the same rarity for all
 * of them, that of a normal value further than so many standard deviations
 * from its mean (3: 0.27 %, 4: 0.006 %, one in 16,000).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/tz.h"
#include "rule/points.h"
#include "stats/stats.h"

enum deviate_method {
	DEVIATE_AUTO,         /* deviate_auto.c */
	DEVIATE_ZSCORE,       /* mean and standard deviation */
	DEVIATE_ROBUST,       /* median and MAD */
	DEVIATE_EWMA,         /* control chart: small lasting shifts */
	DEVIATE_SEASONAL,     /* the same time of past seasons */
	DEVIATE_IQR,          /* Tukey's fences */
	DEVIATE_CUSUM,        /* control chart: when did the level change */
	DEVIATE_HOLT_WINTERS, /* level, trend and season, predicted */
	DEVIATE_METHOD_COUNT
};
extern const char *const deviate_names[]; /* NULL-terminated */

struct deviate {
	enum deviate_method method;
	const struct points *all;      /* of the window, in order of time */
	const struct points *baseline; /* those of them that say what is normal */
	wall_t at;                     /* of the value, after all points */
	double value;
	double sigmas; /* for the band; levels are told apart by deviate_limit() */
	/* The least deviation that matters, and as a share of the usual value: where the spread is 0. */
	double floor, floor_share;
	dur_t step, season;
	const struct tz *zone; /* of the season */
	uint32_t periods_min;  /* seasonal */
	int direction;         /* 1: only above counts, -1: only below, 0: both */
	double lambda, k;      /* ewma; cusum */
	struct arena *arena;
};

struct deviation {
	enum stats_status status;
	double score;            /* signed: above the expected is positive */
	double expected, spread; /* spread NaN where there is none */
	double low, high;        /* the band at d->sigmas */
	double dev;              /* value - expected, or what the method takes for it */
	double n;                /* points of the baseline that were used */
	const char *view;        /* auto: what was odd; NULL */
};

struct deviation deviate(const struct deviate *d);
/* What stands in for a spread of 0; 0: nothing does. */
double deviate_floor(const struct deviate *d);
/* What |score| must exceed. n: deviation.n. */
double deviate_limit(enum deviate_method method, double n, double sigmas, double k);

/* deviate_auto.c */
struct deviation deviate_auto(const struct deviate *d);
double deviate_auto_limit(double sigmas);
/* The local time that a season is counted in, in seconds. */
int64_t deviate_local(const struct tz *zone, wall_t at);
