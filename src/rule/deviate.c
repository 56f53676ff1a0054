/* SPDX-License-Identifier: Apache-2.0 */
/* The methods on a baseline and the control charts; see the header. */
#include "config.h"

#include "rule/deviate.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "stats/baseline.h"
#include "stats/chart.h"
#include "stats/dist.h"
#include "stats/sample.h"
#include "stats/smoothing.h"

#define CHART_POINTS   300 /* a chart's run: further back it has forgotten, or should have */
#define PERIODS_MAX    366
#define QUARTER_NORMAL 0.67448975019608171 /* Phi^-1(3/4) */
/* A median of n normal values scatters like a mean of 2n/pi. */
#define MEDIAN_COST 1.5707963267948966
/* The share of the information about a spread that a MAD keeps, so that a limit from few points is
 * as wide as it has to be. */
#define MAD_SHARE 0.37

const char *const deviate_names[] = { "auto", "zscore", "robust", "ewma", "seasonal", "iqr",
	"cusum", "holt_winters", NULL };
static_assert(ARRAY_LEN(deviate_names) == DEVIATE_METHOD_COUNT + 1, "a name for every method");

/* --- limits ------------------------------------------------------------ */

/*
 * CUSUM's h for one false alarm in as many points as a normal value is beyond
 * `sigmas` once in.  Siegmund 1985: with b = h + 1.166, a one-sided chart runs
 * (exp(2 k b) - 2 k b - 1)/(2 k^2) points; a two-sided one half as many.
 */
static double
cusum_limit(double sigmas, double k)
{
	double run = 1.0 / dist_normal_sf(sigmas), low = 0.1, high = 200.0;

	for (int i = 0; i < 60; i++) {
		double h = (low + high) / 2.0, b = 2.0 * k * (h + 1.166);

		if ((exp(b) - b - 1.0) / (2.0 * k * k) < run)
			low = h;
		else
			high = h;
	}
	return high;
}

double
deviate_limit(enum deviate_method method, double n, double sigmas, double k)
{
	double used = fmax(2.0, floor(n * MAD_SHARE));

	switch (method) {
	case DEVIATE_AUTO:
		return deviate_auto_limit(sigmas);
	case DEVIATE_ZSCORE:
		return baseline_limit((size_t)n, sigmas);
	case DEVIATE_ROBUST:
	case DEVIATE_SEASONAL:
		return baseline_limit((size_t)used, sigmas);
	case DEVIATE_IQR:
		return (baseline_limit((size_t)used, sigmas) - QUARTER_NORMAL) /
		       (2.0 * QUARTER_NORMAL);
	case DEVIATE_EWMA:
	case DEVIATE_HOLT_WINTERS:
		return baseline_limit((size_t)used, sigmas);
	case DEVIATE_CUSUM:
		return cusum_limit(baseline_limit((size_t)used, sigmas), k);
	case DEVIATE_METHOD_COUNT:
		break;
	}
	return (double)NAN;
}

/* --- one value against a baseline -------------------------------------- */

static struct deviation
undefined(enum stats_status status, double n)
{
	return (struct deviation){ .status = status,
		.score = (double)NAN,
		.expected = (double)NAN,
		.spread = (double)NAN,
		.low = (double)NAN,
		.high = (double)NAN,
		.dev = (double)NAN,
		.n = n };
}

double
deviate_floor(const struct deviate *d)
{
	double *x;

	if (!(d->floor_share > 0.0) || d->baseline->n == 0)
		return d->floor;
	x = ARENA_ARRAY(d->arena, d->baseline->n, double);
	memcpy(x, d->baseline->value, d->baseline->n * sizeof(*x));
	sample_sort(x, d->baseline->n);
	return fmax(d->floor, d->floor_share * fabs(sample_median(x, d->baseline->n)));
}

/*
 * A baseline without spread says nothing of what is much; only a least
 * deviation that matters, given in the rule, can.
 */
static struct deviation
without_spread(const struct deviate *d, double centre, double n)
{
	struct deviation out = undefined(STATS_CONSTANT, n);
	double limit = deviate_limit(d->method, n, d->sigmas, d->k), least = deviate_floor(d);

	out.expected = centre;
	out.dev = d->value - centre;
	if (!(least > 0.0))
		return out;
	out.status = STATS_OK;
	/* At the floor the score is at the limit, and a deviation of that size counts. */
	out.spread = least / limit * (1.0 - 1e-9);
	out.score = out.dev / out.spread;
	out.low = centre - least;
	out.high = centre + least;
	return out;
}

static struct deviation
of_baseline(const struct deviate *d, const struct baseline_score *score)
{
	struct deviation out = undefined(score->status, (double)score->n);
	double limit = deviate_limit(d->method, out.n, d->sigmas, d->k),
	       half = limit * score->spread;

	if (score->status == STATS_CONSTANT)
		return without_spread(d, score->centre, out.n);
	if (score->status != STATS_OK)
		return out;
	out.score = score->score;
	out.expected = score->centre;
	out.spread = score->spread;
	out.dev = d->value - score->centre;
	out.low = d->method == DEVIATE_IQR ? score->low : score->centre - half;
	out.high = d->method == DEVIATE_IQR ? score->high : score->centre + half;
	return out;
}

/* The functions leave the centre out when there is no spread. */
static struct deviation
on_baseline(const struct deviate *d)
{
	const struct points *b = d->baseline;
	struct baseline_score score;

	if (d->method == DEVIATE_ZSCORE)
		score = baseline_zscore(b->value, b->n, d->value, d->sigmas, 0.0);
	else if (d->method == DEVIATE_ROBUST)
		score = baseline_robust(b->value, b->n, d->value, d->sigmas, 0.0);
	else
		score = baseline_iqr(
		    b->value, b->n, d->value, deviate_limit(d->method, b->n, d->sigmas, d->k), 0.0);
	if (score.status == STATS_CONSTANT) {
		double *sorted = ARENA_ARRAY(d->arena, b->n, double);

		memcpy(sorted, b->value, b->n * sizeof(*sorted));
		sample_sort(sorted, b->n);
		score.centre = sample_median(sorted, b->n);
		score.n = b->n;
	}
	return of_baseline(d, &score);
}

/* --- the same time of past seasons ------------------------------------- */

int64_t
deviate_local(const struct tz *zone, wall_t at)
{
	int64_t sec = at.ns / DUR_S(1).ns;

	return sec + (zone != NULL ? tz_offset(zone, sec, NULL) : 0);
}

/* The instant at which the local clock shows what it shows at `at`, whole seasons earlier. */
static wall_t
seasons_ago(const struct deviate *d, uint32_t count)
{
	int64_t season = d->season.ns / DUR_S(1).ns;
	int64_t local = deviate_local(d->zone, d->at) - (int64_t)count * season;
	int64_t sec = d->zone != NULL ? tz_instant(d->zone, local) : local;

	return (wall_t){ sec * DUR_S(1).ns + d->at.ns % DUR_S(1).ns };
}

static uint32_t
first_not_before(const struct points *p, wall_t t)
{
	uint32_t low = 0, high = p->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (wall_before(p->at[middle], t))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct deviation
on_seasons(const struct deviate *d)
{
	struct baseline_period periods[PERIODS_MAX];
	const struct points *b = d->baseline;
	struct baseline_score score;
	size_t count = 0;
	dur_t half = { d->step.ns };

	for (uint32_t i = 1; i <= PERIODS_MAX && b->n > 0; i++) {
		wall_t then = seasons_ago(d, i);
		uint32_t from = first_not_before(b, wall_sub(then, half));
		uint32_t to = first_not_before(b, (wall_t){ then.ns + half.ns + 1 });

		if (wall_before(wall_add(then, half), b->at[0]))
			break;
		if (to > from)
			periods[count++] = (struct baseline_period){ b->value + from, to - from };
	}
	score = baseline_seasonal(periods, count, d->periods_min, d->value, d->sigmas, 0.0);
	if (score.status == STATS_CONSTANT)
		score.centre = periods[0].x[0];
	return of_baseline(d, &score);
}

/* --- control charts ---------------------------------------------------- */

/* Level and spread of the baseline, robust; false: *ret says why not. */
static bool
measure(const struct deviate *d, double *mu, double *sigma, struct deviation *ret)
{
	const struct points *b = d->baseline;
	struct baseline_score score =
	    baseline_robust(b->value, b->n, b->n > 0 ? b->value[0] : 0.0, d->sigmas, 0.0);

	*ret = undefined(score.status, (double)score.n);
	if (score.status != STATS_OK)
		return false;
	*mu = score.centre;
	*sigma = score.spread;
	if (!(*sigma > 0.0)) {
		*ret = without_spread(d, *mu, ret->n);
		return false;
	}
	return true;
}

static struct deviation
on_ewma(const struct deviate *d)
{
	struct deviation out;
	struct chart_ewma chart;
	double mu, sigma, sd, limit;
	uint32_t first = d->all->n > CHART_POINTS ? d->all->n - CHART_POINTS : 0;

	if (!measure(d, &mu, &sigma, &out))
		return out;
	if (chart_ewma_init(&chart, mu, sigma, d->lambda, d->sigmas) != STATS_OK)
		return undefined(STATS_INVALID, out.n);
	for (uint32_t i = first; i < d->all->n; i++)
		chart_ewma_step(&chart, d->all->value[i]);
	chart_ewma_step(&chart, d->value);
	/* The level is an estimate, too. */
	sd =
	    sigma * sqrt(d->lambda / (2.0 - d->lambda) * (1.0 - chart.decay) + MEDIAN_COST / out.n);
	limit = deviate_limit(d->method, out.n, d->sigmas, d->k);
	out.status = STATS_OK;
	out.expected = mu;
	out.spread = sd;
	out.dev = chart.z - mu;
	out.score = out.dev / sd;
	out.low = mu - limit * sd;
	out.high = mu + limit * sd;
	return out;
}

/* The points since the sum that stands began to grow. */
struct run {
	double sum; /* of what they are above the level */
	uint32_t n;
};

static void
cusum_step(struct chart_cusum *chart, double x, double most, struct run *run)
{
	chart_cusum_step(chart, x);
	/* Far beyond the limit it is no longer news, and the way back must not take for ever. */
	chart->up = fmin(chart->up, most);
	chart->down = fmin(chart->down, most);
	if (chart->up > 0.0 || chart->down > 0.0) {
		run->sum += x - chart->mu;
		run->n++;
	} else {
		*run = (struct run){ 0 };
	}
}

static struct deviation
on_cusum(const struct deviate *d)
{
	struct deviation out;
	struct chart_cusum chart;
	double mu, sigma, limit, k;
	uint32_t first = d->all->n > CHART_POINTS ? d->all->n - CHART_POINTS : 0;
	struct run run = { 0 };

	if (!measure(d, &mu, &sigma, &out))
		return out;
	limit = deviate_limit(d->method, out.n, d->sigmas, d->k);
	/* An error of the level would add up: the chart allows for it. */
	k = d->k + sqrt(MEDIAN_COST / out.n);
	if (chart_cusum_init(&chart, mu, sigma, k, limit) != STATS_OK)
		return undefined(STATS_INVALID, out.n);
	for (uint32_t i = first; i < d->all->n; i++)
		cusum_step(&chart, d->all->value[i], 2.0 * limit, &run);
	cusum_step(&chart, d->value, 2.0 * limit, &run);
	out.status = STATS_OK;
	out.expected = mu;
	out.spread = sigma;
	out.score = chart.up >= chart.down ? chart.up : -chart.down;
	out.dev = run.n > 0 ? run.sum / run.n : 0.0;
	out.low = mu - k * sigma;
	out.high = mu + k * sigma;
	return out;
}

/* --- level, trend, season ---------------------------------------------- */

#define WINTERS_ALPHA 0.2
#define WINTERS_BETA  0.01
#define WINTERS_GAMMA 0.1

/* The points as a row of equal steps that ends at the last one; gaps are NaN. */
static double *
as_row(const struct deviate *d, uint32_t period, uint32_t *ret_n)
{
	const struct points *p = d->baseline;
	int64_t step = d->step.ns, last = p->at[p->n - 1].ns;
	uint32_t n = (uint32_t)((last - p->at[0].ns + step / 2) / step) + 1;
	double *row = ARENA_ARRAY(d->arena, n, double);

	for (uint32_t i = 0; i < n; i++)
		row[i] = (double)NAN;
	for (uint32_t i = 0; i < p->n; i++)
		row[n - 1 - (uint32_t)((last - p->at[i].ns + step / 2) / step)] = p->value[i];
	/* What is missing: as a season ago, else as before. */
	for (uint32_t i = 1; i < n; i++)
		if (isnan(row[i]))
			row[i] = i >= period ? row[i - period] : row[i - 1];
	*ret_n = n;
	return row;
}

static struct deviation
on_winters(const struct deviate *d)
{
	struct smoothing_winters winters;
	struct stats_value sd;
	struct deviation out = undefined(STATS_FEW, d->baseline->n);
	uint32_t period = (uint32_t)((d->season.ns + d->step.ns / 2) / d->step.ns), n;
	int64_t ahead;
	double *row, limit;

	if (d->baseline->n < 2 || period < 2 ||
	    wall_since(d->at, d->baseline->at[0]).ns / d->step.ns > (int64_t)4 * PAST_POINTS_MAX)
		return out;
	row = as_row(d, period, &n);
	/* Many gaps: what was put into them is not known, but guessed. */
	if (n < 2 * period || d->baseline->n < n / 2)
		return out;
	out.status = smoothing_winters_fit(
	    &winters, WINTERS_ALPHA, WINTERS_BETA, WINTERS_GAMMA, period, row, n);
	if (out.status != STATS_OK)
		return out;
	ahead = (wall_since(d->at, d->baseline->at[d->baseline->n - 1]).ns + d->step.ns / 2) /
		d->step.ns;
	out.expected = smoothing_winters_predict(&winters, ahead > 0 ? (size_t)ahead : 1);
	sd = smoothing_winters_sd(&winters, ahead > 0 ? (size_t)ahead : 1);
	smoothing_winters_fini(&winters);
	if (sd.status == STATS_CONSTANT)
		return without_spread(d, out.expected, out.n);
	limit = deviate_limit(d->method, out.n, d->sigmas, d->k);
	out.status = sd.status;
	out.spread = sd.value;
	out.dev = d->value - out.expected;
	out.score = out.dev / sd.value;
	out.low = out.expected - limit * sd.value;
	out.high = out.expected + limit * sd.value;
	return out;
}

struct deviation
deviate(const struct deviate *d)
{
	switch (d->method) {
	case DEVIATE_AUTO:
		return deviate_auto(d);
	case DEVIATE_ZSCORE:
	case DEVIATE_ROBUST:
	case DEVIATE_IQR:
		return on_baseline(d);
	case DEVIATE_SEASONAL:
		return on_seasons(d);
	case DEVIATE_EWMA:
		return on_ewma(d);
	case DEVIATE_CUSUM:
		return on_cusum(d);
	case DEVIATE_HOLT_WINTERS:
		return on_winters(d);
	case DEVIATE_METHOD_COUNT:
		break;
	}
	return undefined(STATS_INVALID, 0);
}
