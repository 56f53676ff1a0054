/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often does a drift rule at its default settings cry wolf?  (And a
 * deviation rule: false_alarms_deviation.c.)
 *
 * Nothing drifts: reference and current are drawn from one law, 2,000 rows and
 * 30 to 1,000.  Each evaluation is the rule's own judge().  A test may be wrong
 * as often as its level says, a distance in 1 % at most, at every size, three
 * standard deviations of the count allowed for.
 *
 *   false_alarms                 TAP, for make check
 *   false_alarms ROUNDS [NAME]   a table with so many evaluations in each cell
 *
 * Seeded, so never flaky.
 */
#include "config.h"

#include "unit/rule/false_alarms.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/hash.h"
#include "unit/rule/answers.h"

#define N_REFERENCE    2000
#define VALUES_A_ROUND 10 /* of a series against its past: more are needed to see what is rare */
#define ROUNDS         200
#define SLOW_ROUNDS    20
#define QUICK_SIZES    4
/* A rule that never fires has no false alarms: a standard deviation at 300 rows must be seen. */
#define SHIFT        1.0
#define SHIFT_SIZE   300
#define POWER_ROUNDS 10
#define POWER_MIN    0.95
#define SEED         UINT64_C(20261120)

/* The first few are for make check. */
static const uint32_t sizes[] = { 30, 100, 300, 1000, 50, 500 };

enum data {
	NUMBERS,
	NAMES
};
static const struct {
	const char *label, *settings;
	enum data data;
	double most; /* share of evaluations that may be a breach */
	bool slow;
} cases[] = {
	{ "ks", "test: ks", NUMBERS, 0.05, false },
	{ "cvm", "test: cvm", NUMBERS, 0.05, false },
	{ "ad", "test: ad", NUMBERS, 0.05, false },
	{ "mann_whitney", "test: mann_whitney", NUMBERS, 0.05, false },
	{ "welch", "test: welch", NUMBERS, 0.05, false },
	{ "epps_singleton", "test: epps_singleton", NUMBERS, 0.05, true },
	{ "mmd", "test: mmd", NUMBERS, 0.05, true },
	{ "chi2", "test: chi2", NAMES, 0.05, false },
	{ "chi2, deciles", "test: chi2, bins: {ref_quantiles: 10}", NUMBERS, 0.05, false },
	{ "chi2_gof", "test: chi2_gof", NAMES, 0.05, false },
	{ "g", "test: g", NAMES, 0.05, false },
	{ "psi", "test: psi", NUMBERS, 0.01, false },
	{ "psi, sturges", "test: psi, bins: sturges_pooled", NUMBERS, 0.01, false },
	{ "psi, names", "test: psi, bins: distinct", NAMES, 0.01, false },
	{ "js", "test: js", NUMBERS, 0.01, false },
	{ "js, sturges", "test: js, bins: sturges_pooled", NUMBERS, 0.01, false },
	{ "js, names", "test: js, bins: distinct", NAMES, 0.01, false },
	{ "kl", "test: kl", NUMBERS, 0.01, false },
	{ "hellinger", "test: hellinger", NUMBERS, 0.01, false },
	{ "hellinger, sturges", "test: hellinger, bins: sturges_pooled", NUMBERS, 0.01, false },
	{ "tv", "test: tv", NUMBERS, 0.01, false },
	{ "l_infinity", "test: l_infinity", NUMBERS, 0.01, false },
	{ "wasserstein_normed", "test: wasserstein_normed", NUMBERS, 0.01, false },
	{ "wasserstein", "test: wasserstein, value: 0.1", NUMBERS, 0.01, false },
	{ "energy", "test: energy, value: 0.1", NUMBERS, 0.01, false },
};

static struct rng rng;
static double shift; /* of what is current; 0: nothing drifts */

static void
draw(struct answers *a, uint32_t at, enum data data, uint32_t n)
{
	double moved = at == 1 ? shift : 0;

	static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" };

	for (uint32_t i = 0; i < n; i++) {
		if (data == NUMBERS) {
			answers_row(a, at, "", random_normal(&rng) + moved);
		} else {
			/* Ten names, the rarest with 2 % of the rows. */
			double u = pow(rng_unit(&rng), 1 + moved);
			const char *name = names[(size_t)(10.0 * u * (0.2 + 0.8 * u))];

			answers_cells(a, at, "", &name, 1);
		}
	}
}

/* The share of evaluations that are a breach. */
static double
share(size_t which, uint32_t n, uint32_t rounds)
{
	uint32_t breaches = 0;
	char yaml[256];

	snprintf(yaml, sizeof(yaml), "{reference: {query: r}, current: {query: c}, %s}",
	    cases[which].settings);
	for (uint32_t round = 0; round < rounds; round++) {
		struct answers a;
		const struct observation *o;

		answers_init(&a);
		answers_rule(&a, "drift", yaml);
		draw(&a, 0, cases[which].data, N_REFERENCE);
		draw(&a, 1, cases[which].data, n);
		if (answers_judge(&a, (wall_t){ 1 }) < 0) {
			fprintf(stderr, "%s: %s\n", cases[which].label, a.err.text);
			exit(EXIT_FAILURE);
		}
		o = &a.judgement.observations[0];
		if (o->outcome == OUTCOME_INSUFFICIENT) {
			fprintf(
			    stderr, "%s, %u: %s\n", cases[which].label, n, o->explain->detail.p);
			exit(EXIT_FAILURE);
		}
		breaches += o->outcome == OUTCOME_BREACH;
		answers_fini(&a);
	}
	return (double)breaches / rounds;
}

static int
print_table(uint32_t rounds, const char *only)
{
	printf("share of %u evaluations flagged, nothing drifts, reference %d\n%-20s", rounds,
	    N_REFERENCE, "");
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		printf("%8u", sizes[i]);
	printf("%9s\n", "at most");
	for (size_t which = 0; which < ARRAY_LEN(cases); which++) {
		uint32_t n = cases[which].slow ? rounds / 10 + 1 : rounds;

		if (only != NULL && strcmp(only, cases[which].label) != 0)
			continue;
		rng_init(&rng, SEED);
		printf("%-20s", cases[which].label);
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			printf("%8.4f", share(which, sizes[i], n));
			fflush(stdout);
		}
		printf("%9.2f\n", cases[which].most);
	}
	deviation_table(rounds * VALUES_A_ROUND, only);
	return EXIT_SUCCESS;
}

static int
run_tap(void)
{
	bool failed = false;

	printf("1..%zu\n", ARRAY_LEN(cases) + deviation_cases());
	for (size_t which = 0; which < ARRAY_LEN(cases); which++) {
		uint32_t n = cases[which].slow ? SLOW_ROUNDS : ROUNDS;
		double most = cases[which].most, worst = 0, power;
		uint32_t at = 0;
		bool ok;

		rng_init(&rng, SEED);
		for (size_t i = 0; i < QUICK_SIZES; i++) {
			double got = share(which, sizes[i], n);

			if (got > worst) {
				worst = got;
				at = sizes[i];
			}
		}
		ok = worst <= most + 3 * sqrt(most * (1 - most) / n);
		shift = SHIFT;
		power = share(which, SHIFT_SIZE, POWER_ROUNDS);
		shift = 0;
		ok = ok && power >= POWER_MIN;
		failed = failed || !ok;
		printf("%sok %zu - %s: at most %.3f flagged, at %u rows; its level is %.2f; sees "
		       "%.2f of shifts\n",
		    ok ? "" : "not ", which + 1, cases[which].label, worst, at, most, power);
		fflush(stdout);
	}
	failed = deviation_tap(ARRAY_LEN(cases) + 1) > 0 || failed;
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	int64_t rounds;

	hash_seed(1);
	if (argc == 1)
		return run_tap();
	if (argc > 3 || !str_to_i64(str_from(argv[1]), &rounds) || rounds < 1 || rounds > 1000000) {
		fprintf(stderr, "usage: false_alarms [ROUNDS [NAME]]\n");
		return 2;
	}
	return print_table((uint32_t)rounds, argc > 2 ? argv[2] : NULL);
}
