/* SPDX-License-Identifier: Apache-2.0 */
/* Anderson-Darling for two samples, after Scholz and Stephens 1987. */
#include "config.h"

#include <math.h>

#include "stats/quadform.h"
#include "stats/rank.h"
#include "stats/rank_internal.h"

/* A^2_akN (mid-ranks) or A^2_kN (right-continuous) for k = 2 */
static double
a_squared(const struct sample_set *ref, const struct sample_set *cur, bool midrank)
{
	struct rank_group group = { 0 };
	double n = (double)ref->n, m = (double)cur->n, total = n + m, sum = 0.0, lost = 0.0;

	while (rank_group_next(ref, cur, &group)) {
		double size = (double)(group.ref + group.cur);
		double below = (double)(group.ref_before + group.cur_before);
		double part = midrank ? 0.5 : 1.0;
		double b = below + size * part;
		double own = (double)group.ref_before + (double)group.ref * part;
		double under = b * (total - b), gap = total * own - b * n, term, next;

		if (midrank)
			under -= total * size / 4.0;
		else if (b >= total)
			break;
		/* Both samples' terms: their gaps differ in sign alone. */
		term = size / total * gap * gap / under * (1.0 / n + 1.0 / m);
		next = sum + (term + lost);
		lost = term + lost - (next - sum);
		sum = next;
	}
	return midrank ? sum * (total - 1.0) / total : sum;
}

/* sigma_N of eq. 4, k = 2 */
static double
sigma(double n, double m)
{
	double total = n + m, big_h = 1.0 / n + 1.0 / m, h = 0.0, g = 0.0;
	double a, b, c, d;

	for (double i = total - 1.0; i > 1.0; i--) {
		h += 1.0 / i;
		g += h / (total - i + 1.0);
	}
	h += 1.0;
	a = (4.0 * g - 6.0) + (10.0 - 6.0 * g) * big_h;
	b = (2.0 * g - 4.0) * 4.0 + 16.0 * h + (2.0 * g - 14.0 * h - 4.0) * big_h - 8.0 * h +
	    4.0 * g - 6.0;
	c = (6.0 * h + 2.0 * g - 2.0) * 4.0 + (4.0 * h - 4.0 * g + 6.0) * 2.0 +
	    (2.0 * h - 6.0) * big_h + 4.0 * h;
	d = (2.0 * h + 6.0) * 4.0 - 8.0 * h;
	return sqrt((((a * total + b) * total + c) * total + d) /
		    ((total - 1.0) * (total - 2.0) * (total - 3.0)));
}

struct stats_test
rank_anderson(const struct sample_set *ref, const struct sample_set *cur, bool midrank)
{
	double n = (double)ref->n, m = (double)cur->n, a, stat;

	if (ref->n < 2 || cur->n < 2)
		return stats_test_undefined(STATS_FEW);
	if (rank_is_constant(ref, cur))
		return stats_test_of(-1.0 / sigma(n, m), 1.0, STATS_NAN, 0.0);
	a = a_squared(ref, cur, midrank);
	stat = (a - 1.0) / sigma(n, m);
	return stats_test_of(stat,
	    quadform_anderson_sf(1.0 + stat * sqrt(2.0 * (M_PI * M_PI - 9.0) / 3.0)), STATS_NAN,
	    a / (n + m));
}

/*
 * log p as a parabola in the critical value, fitted by least squares to the
 * seven published points for k = 2: b0 + b1 + b2 of table 2.
 */
double
rank_anderson_table_p(double statistic)
{
	static const double critical[] = { 0.325, 1.226, 1.961, 2.718, 3.752, 4.592, 6.546 };
	static const double level[] = { 0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001 };
	enum {
		POINTS = 7
	};
	double q0[POINTS], q1[POINTS], q2[POINTS], mean = 0.0, s1 = 0.0, s2 = 0.0;
	double slope = 0.0, b0 = 0.0, b1 = 0.0, b2 = 0.0, x1, x2;

	if (isnan(statistic))
		return statistic;
	if (statistic < critical[0])
		return level[0];
	if (statistic > critical[POINTS - 1])
		return level[POINTS - 1];
	/* Orthogonal polynomials on the points: no normal equations to invert. */
	for (int i = 0; i < POINTS; i++)
		mean += critical[i] / POINTS;
	for (int i = 0; i < POINTS; i++) {
		q0[i] = 1.0;
		q1[i] = critical[i] - mean;
		s1 += q1[i] * q1[i];
	}
	for (int i = 0; i < POINTS; i++)
		slope += q1[i] * q1[i] * q1[i] / s1;
	for (int i = 0; i < POINTS; i++) {
		q2[i] = (q1[i] - slope) * q1[i] - s1 / POINTS * q0[i];
		s2 += q2[i] * q2[i];
	}
	for (int i = 0; i < POINTS; i++) {
		double y = log(level[i]);

		b0 += y / POINTS;
		b1 += y * q1[i] / s1;
		b2 += y * q2[i] / s2;
	}
	x1 = statistic - mean;
	x2 = (x1 - slope) * x1 - s1 / POINTS;
	return exp(b0 + b1 * x1 + b2 * x2);
}
