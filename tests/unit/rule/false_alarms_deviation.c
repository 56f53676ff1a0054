/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often does a deviation rule cry wolf, whatever the law of its series?
 *
 * Past and present are independent draws from one law: normal, skewed, heavy
 * on both sides, bounded, counts.  Each value is judged by the rule's own
 * judge() after a past of 1,000 points, three and a half days.  What is printed
 * is the share that breaches; sigmas says what is meant (3: 0.27 %, 3.5: 0.05 %).
 * method: auto makes no assumption of a law and is held to that; the others are
 * printed beside it, since they are made for laws near the normal one.
 */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "rule/past_keep.h"
#include "stats/dist.h"
#include "unit/rule/answers.h"
#include "unit/rule/false_alarms.h"

#define PAST_POINTS  1000
#define FRESH_VALUES 10 /* judged by one past */
#define TAP_VALUES   1000
#define TAP_MOST     2.0 /* times what sigmas says: long tails are estimated from few values */
#define SEED         UINT64_C(20261120)
#define NOW          ((wall_t){ INT64_C(1763596800) * 1000000000 })
#define STEP         DUR_S(300)

static double
uniform(struct rng *rng)
{
	return 1.0 - rng_unit(rng);
}

static double
exponential(struct rng *rng)
{
	return -log(uniform(rng));
}

static double
lognormal(struct rng *rng)
{
	return exp(random_normal(rng));
}

/* As latencies are: the tail falls as the third power. */
static double
pareto(struct rng *rng)
{
	return pow(uniform(rng), -1.0 / 3.0);
}

static double
gamma_2(struct rng *rng)
{
	return exponential(rng) + exponential(rng);
}

static double
laplace(struct rng *rng)
{
	return exponential(rng) - exponential(rng);
}

static double
student_4(struct rng *rng)
{
	double v = 0.0;

	for (int i = 0; i < 4; i++) {
		double z = random_normal(rng);

		v += z * z / 4.0;
	}
	return random_normal(rng) / sqrt(v);
}

static double
poisson_5(struct rng *rng)
{
	double t = exponential(rng), n = 0.0;

	for (; t < 5.0; n++)
		t += exponential(rng);
	return n;
}

static const struct law {
	const char *name;
	double (*draw)(struct rng *rng);
} laws[] = {
	{ "normal", random_normal },
	{ "uniform", uniform },
	{ "poisson, mean 5", poisson_5 },
	{ "gamma, shape 2", gamma_2 },
	{ "exponential", exponential },
	{ "lognormal", lognormal },
	{ "pareto, index 3", pareto },
	{ "laplace", laplace },
	{ "student t, 4 df", student_4 },
};

static const char *const methods[] = { "auto", "zscore", "robust", "iqr", "ewma", "cusum" };

static void
fill(struct answers *a, struct past *past, const struct law *law, struct rng *rng)
{
	struct past_line *line = past_line_add(past, STR("x"));

	answers_row(a, 0, "series=x", 0.0);
	past_line_set_key(past, line, a->vectors[0].samples[0].key);
	for (uint32_t i = 0; i < PAST_POINTS; i++)
		past_append(past, line,
		    wall_sub(NOW, (dur_t){ STEP.ns * (int64_t)(PAST_POINTS - i) }), law->draw(rng),
		    0);
	a->past = past;
}

/* The share of new values that breach. */
static double
share(const struct law *law, const char *method, double sigmas, uint32_t values)
{
	uint32_t breaches = 0;
	struct rng rng;
	char yaml[128];

	snprintf(yaml, sizeof(yaml), "{query: q, method: %s, window: 14d, step: 5m, sigmas: %g}",
	    method, sigmas);
	rng_init(&rng, SEED);
	for (uint32_t i = 0; i < values; i += FRESH_VALUES) {
		struct answers a;
		struct past_need need;
		struct past *past;

		answers_init(&a);
		a.group.interval = STEP;
		answers_rule(&a, "deviation", yaml);
		a.kind->remembers(&a.rule, &need);
		past = past_new(&need);
		fill(&a, past, law, &rng);
		for (uint32_t k = 0; k < FRESH_VALUES; k++) {
			a.vectors[0].samples[0].value = law->draw(&rng);
			breaches += answers_judge(&a, NOW) == 0 &&
				    a.judgement.observations[0].outcome == OUTCOME_BREACH;
		}
		past_unref(past);
		answers_fini(&a);
	}
	return (double)breaches / values;
}

void
deviation_table(uint32_t values, const char *only)
{
	const double sigmas = 3.5;

	printf("\nshare of %u values flagged by deviation at its default, 3.5 sigmas; past of %d "
	       "points of the same law; for a normal one %.5f is meant\n%-20s",
	    values, PAST_POINTS, 2.0 * dist_normal_sf(sigmas), "");
	for (size_t m = 0; m < ARRAY_LEN(methods); m++)
		printf("%9s", methods[m]);
	printf("\n");
	for (size_t l = 0; l < ARRAY_LEN(laws); l++) {
		if (only != NULL && strcmp(only, laws[l].name) != 0)
			continue;
		printf("%-20s", laws[l].name);
		for (size_t m = 0; m < ARRAY_LEN(methods); m++) {
			printf("%9.5f", share(&laws[l], methods[m], sigmas, values));
			fflush(stdout);
		}
		printf("\n");
	}
}

size_t
deviation_cases(void)
{
	return ARRAY_LEN(laws);
}

size_t
deviation_tap(size_t first)
{
	const double sigmas = 3.0, nominal = 2.0 * dist_normal_sf(sigmas);
	const double most = TAP_MOST * nominal + 3.0 * sqrt(TAP_MOST * nominal / TAP_VALUES);
	size_t failed = 0;

	for (size_t l = 0; l < ARRAY_LEN(laws); l++) {
		double got = share(&laws[l], "auto", sigmas, TAP_VALUES);

		printf("%sok %zu - deviation, auto, %s: %.4f flagged at %g sigmas; its level is "
		       "%.4f\n",
		    got <= most ? "" : "not ", first + l, laws[l].name, got, sigmas, nominal);
		fflush(stdout);
		failed += !(got <= most);
	}
	return failed;
}
