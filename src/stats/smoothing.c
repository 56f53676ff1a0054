/* SPDX-License-Identifier: Apache-2.0 */
/* Holt and Holt-Winters smoothing. */
#include "config.h"

#include "stats/smoothing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

struct stats_value
smoothing_holt(const double *x, size_t n, double sf, double tf)
{
	double before = 0.0, level = 0.0, trend = 0.0;
	size_t seen = 0;

	if (!(sf > 0.0 && sf < 1.0 && tf > 0.0 && tf < 1.0))
		return stats_value_undefined(STATS_INVALID);
	for (size_t i = 0; i < n; i++) {
		double next;

		if (isnan(x[i]))
			continue;
		if (!isfinite(x[i]))
			return stats_value_undefined(STATS_NOT_FINITE);
		if (seen++ == 0) {
			level = x[i];
			continue;
		}
		/* The first trend is the first difference and stays for one step. */
		trend = seen == 2 ? x[i] - level : tf * (level - before) + (1.0 - tf) * trend;
		next = sf * x[i] + (1.0 - sf) * (level + trend);
		before = level;
		level = next;
	}
	return seen < 2 ? stats_value_undefined(STATS_FEW) : stats_value_of(level);
}

static bool
is_share(double x)
{
	return x >= 0.0 && x <= 1.0;
}

enum stats_status
smoothing_winters_init(struct smoothing_winters *winters, double alpha, double beta, double gamma,
    size_t period, double level, double trend, const double *seasonal)
{
	*winters = (struct smoothing_winters){ 0 };
	if (!is_share(alpha) || !is_share(beta) || !is_share(gamma) || period < 2)
		return STATS_INVALID;
	if (period > SMOOTHING_PERIOD_MAX)
		return STATS_LIMIT;
	if (!isfinite(level) || !isfinite(trend) || !stats_all_finite(seasonal, period))
		return STATS_NOT_FINITE;
	*winters = (struct smoothing_winters){ .alpha = alpha,
		.beta = beta,
		.gamma = gamma,
		.period = period,
		.level = level,
		.trend = trend };
	winters->seasonal = xmalloc(period * sizeof(*seasonal));
	memcpy(winters->seasonal, seasonal, period * sizeof(*seasonal));
	return STATS_OK;
}

/* Line through the means of whole seasons: value at time t is mean + slope (t - middle). */
static void
season_line(const double *x, size_t period, size_t seasons, double *ret_mean, double *ret_slope)
{
	double mean = stats_sum(x, period * seasons) / (double)(period * seasons);
	double top = 0.0, bottom = 0.0;

	for (size_t s = 0; s < seasons; s++) {
		double at = ((double)s - 0.5 * (double)(seasons - 1)) * (double)period;

		top += at * (stats_sum(x + s * period, period) / (double)period - mean);
		bottom += at * at;
	}
	*ret_mean = mean;
	*ret_slope = top / bottom;
}

enum stats_status
smoothing_winters_fit(struct smoothing_winters *winters, double alpha, double beta, double gamma,
    size_t period, const double *x, size_t n)
{
	double mean, slope, middle, *seasonal;
	size_t seasons = period >= 2 ? n / period : 0;
	enum stats_status status;

	*winters = (struct smoothing_winters){ 0 };
	if (period > SMOOTHING_PERIOD_MAX)
		return STATS_LIMIT;
	if (period < 2)
		return STATS_INVALID;
	if (seasons < 2)
		return STATS_FEW;
	if (!stats_all_finite(x, n))
		return STATS_NOT_FINITE;
	season_line(x, period, seasons, &mean, &slope);
	middle = 0.5 * (double)(period * seasons - 1);
	seasonal = xcalloc(period, sizeof(*seasonal));
	for (size_t i = 0; i < period * seasons; i++)
		seasonal[i % period] +=
		    (x[i] - mean - slope * ((double)i - middle)) / (double)seasons;
	status = smoothing_winters_init(winters, alpha, beta, gamma, period,
	    mean + slope * ((double)(period - 1) - middle), slope, seasonal);
	free(seasonal);
	for (size_t i = period; i < n && status == STATS_OK; i++)
		(void)smoothing_winters_step(winters, x[i]);
	return status;
}

void
smoothing_winters_fini(struct smoothing_winters *winters)
{
	free(winters->seasonal);
	*winters = (struct smoothing_winters){ 0 };
}

double
smoothing_winters_step(struct smoothing_winters *winters, double x)
{
	double *season = &winters->seasonal[winters->at], before = winters->level;
	double predicted = before + winters->trend + *season;

	winters->at = (winters->at + 1) % winters->period;
	if (!isfinite(x)) {
		winters->level = before + winters->trend;
		return predicted;
	}
	winters->sse += (x - predicted) * (x - predicted);
	winters->steps++;
	winters->level =
	    winters->alpha * (x - *season) + (1.0 - winters->alpha) * (before + winters->trend);
	winters->trend =
	    winters->beta * (winters->level - before) + (1.0 - winters->beta) * winters->trend;
	*season = winters->gamma * (x - winters->level) + (1.0 - winters->gamma) * *season;
	return predicted;
}

double
smoothing_winters_predict(const struct smoothing_winters *winters, size_t h)
{
	return winters->level + (double)h * winters->trend +
	       winters->seasonal[(winters->at + h - 1) % winters->period];
}

struct stats_value
smoothing_winters_sd(const struct smoothing_winters *winters, size_t h)
{
	double factor = 1.0;

	if (winters->steps < winters->period || winters->steps == 0)
		return stats_value_undefined(STATS_FEW);
	if (h < 1 || h > SMOOTHING_PERIOD_MAX)
		return stats_value_undefined(STATS_INVALID);
	if (!(winters->sse > 0.0))
		return stats_value_undefined(
		    isnan(winters->sse) ? STATS_NOT_FINITE : STATS_CONSTANT);
	for (size_t j = 1; j < h; j++) {
		double weight = winters->alpha * (1.0 + (double)j * winters->beta);

		if (j % winters->period == 0)
			weight += winters->gamma * (1.0 - winters->alpha);
		factor += weight * weight;
	}
	return stats_value_of(sqrt(winters->sse / (double)winters->steps * factor));
}
