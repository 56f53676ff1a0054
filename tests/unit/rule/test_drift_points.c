/* SPDX-License-Identifier: Apache-2.0 */
/* Drift of several columns at once: against a computation made elsewhere, and
 * what single columns do not show. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "unit/rule/answers.h"
#include "unit/rule/test_rule.h"

#define NOW   ((wall_t){ INT64_C(1763621040) * 1000000000 })
#define SIDES "reference: {query: r}, current: {query: c}, test: mmd"

static struct answers a;

static void
set_up(void)
{
	answers_init(&a);
}

static void
tear_down(void)
{
	answers_fini(&a);
}

static void
row(uint32_t at, const char *labels, const double *x, uint32_t n)
{
	char text[8][32];
	const char *fields[8];

	for (uint32_t i = 0; i < n; i++) {
		snprintf(text[i], sizeof(text[i]), "%.17g", x[i]);
		fields[i] = arena_strdup(a.arena, text[i]);
	}
	answers_cells(&a, at, labels, fields, n);
}

static const struct explain *
judged(const char *want)
{
	ck_assert_msg(answers_judge(&a, NOW) == 0, "%s", a.err.text);
	ck_assert_str_eq(answers_outcomes(&a), want);
	return a.judgement.observations[0].explain;
}

/*
 * numpy 1.24, from the definitions: each column divided by ref.std(ddof=1);
 * d2 = the sorted squared distances of the reference's pairs, sigma =
 * sqrt(d2[(len(d2)-1)//2] / 2); k(a, b) = exp(-|a-b|^2 / (2 sigma^2));
 * (k(x,x).sum()-n)/(n(n-1)) + (k(y,y).sum()-m)/(m(m-1)) - 2 k(x,y).mean();
 * p = share of itertools.combinations(range(11), 6) that gives at least as
 * much: 32 of 462.
 */
START_TEST(several_columns_are_points)
{
	static const double ref[][3] = { { 1.38, 1.96, 110.92 }, { 1.46, 2.97, 30.8 },
		{ -0.6, 2.36, -7.49 }, { 0.58, 14.9, 8.07 }, { 1.17, -12.09, -46.47 },
		{ 0.61, -4.6, 29.35 } };
	static const double cur[][3] = { { -0.1, 4.33, -100.12 }, { 0.34, 8.52, -45.55 },
		{ 0.56, 22.39, 92.01 }, { 1.14, 14.48, -35.98 }, { 1.16, 11.69, -32.53 } };
	const struct explain *e;

	answers_rule(&a, "drift", "{" SIDES ", columns: [x, y, z], min_samples: 5}");
	for (size_t i = 0; i < ARRAY_LEN(ref); i++)
		row(0, "", ref[i], 3);
	for (size_t i = 0; i < ARRAY_LEN(cur); i++)
		row(1, "", cur[i], 3);
	e = judged("ok{}");
	ck_assert_double_eq_tol(e->statistic, 0.16922263255362568, 1e-12);
	ck_assert_double_eq_tol(e->p_value, 32.0 / 462.0, 1e-12);
	ck_assert_double_eq_tol(e->n_reference, 6, 1e-9);
	ck_assert_double_eq_tol(e->n_current, 5, 1e-9);
	ck_assert_msg(strstr(e->detail.p, "\"shift\":{\"x\":-0.191049544248") != NULL &&
			  strstr(e->detail.p, "\"y\":1.2666856320") != NULL &&
			  strstr(e->detail.p, "\"z\":-0.862772770717") != NULL,
	    "%s", e->detail.p);
}
END_TEST

/* x and y normal with this correlation; each by itself is the same whatever it is. */
static void
add_pairs(uint32_t at, const char *labels, uint32_t n, double rho, uint64_t seed)
{
	struct rng rng;

	rng_init(&rng, seed);
	for (uint32_t i = 0; i < n; i++) {
		double u = random_normal(&rng), v = random_normal(&rng);

		row(at, labels,
		    (const double[]){ u, 1000.0 * (rho * u + sqrt(1.0 - rho * rho) * v) }, 2);
	}
}

START_TEST(a_correlation_that_is_gone_is_drift)
{
	answers_rule(&a, "drift", "{" SIDES ", columns: [x, y], by: [model]}");
	add_pairs(0, "model=a", 400, 0.8, 1);
	add_pairs(1, "model=a", 200, 0.8, 2);
	add_pairs(0, "model=b", 400, 0.8, 3);
	add_pairs(1, "model=b", 200, -0.2, 4);
	judged("ok{model=\"a\"} breach{model=\"b\"}");
}
END_TEST

START_TEST(rows_that_lack_a_column_are_left_out)
{
	static const char *const lacking[] = { "1", NULL }, *const nan_too[] = { "NaN", "1" };
	const struct explain *e;

	answers_rule(&a, "drift", "{" SIDES ", columns: [x, y]}");
	add_pairs(0, "", 100, 0, 1);
	add_pairs(1, "", 50, 0, 2);
	answers_cells(&a, 1, "", lacking, 2);
	answers_cells(&a, 1, "", nan_too, 2);
	e = judged("ok{}");
	ck_assert_double_eq_tol(e->n_current, 50, 1e-9);
	ck_assert_msg(strstr(e->detail.p, "\"missing_current\":2") != NULL, "%s", e->detail.p);
}
END_TEST

START_TEST(many_rows_are_thinned_alike_every_time)
{
	double first = 0;

	for (int i = 0; i < 2; i++) {
		const struct explain *e;

		answers_rule(&a, "drift", "{" SIDES ", columns: [x, y]}");
		answers_clear(&a);
		add_pairs(0, "", 3000, 0.5, 1);
		add_pairs(1, "", 300, 0.5, 2);
		e = judged("ok{}");
		ck_assert_double_eq_tol(e->n_reference, 3000, 1e-9);
		ck_assert_msg(strstr(e->detail.p, "\"points_reference\":500") != NULL &&
				  strstr(e->detail.p, "points_current") == NULL,
		    "%s", e->detail.p);
		if (i == 0)
			first = e->p_value;
		ck_assert_double_eq_tol(e->p_value, first, 1e-15);
	}
}
END_TEST

/* A column that never moved begins to; one that is constant everywhere says nothing. */
START_TEST(constant_columns_have_no_scale)
{
	answers_rule(&a, "drift", "{" SIDES ", columns: [x, y, c]}");
	for (uint32_t i = 0; i < 200; i++) {
		const double wave = sin(i), other = sin(1.7 * i);

		row(0, "", (const double[]){ wave, 5, 7 }, 3);
		row(1, "", (const double[]){ other, 5 + (i % 2), 7 }, 3);
	}
	judged("breach{}");
	answers_clear(&a);
	for (uint32_t i = 0; i < 50; i++) {
		row(0, "", (const double[]){ 1, 5, 7 }, 3);
		row(1, "", (const double[]){ 1, 5, 7 }, 3);
	}
	judged("insufficient{}");
}
END_TEST

/* Half of the points are one and the same: there is still a width. */
START_TEST(mostly_equal_points_are_judged)
{
	answers_rule(&a, "drift", "{" SIDES ", columns: [x, y]}");
	for (uint32_t i = 0; i < 200; i++) {
		row(0, "", (const double[]){ i % 10 == 0, i % 10 == 5 }, 2);
		row(1, "", (const double[]){ i % 2 == 0, i % 10 == 5 }, 2);
	}
	judged("breach{}");
}
END_TEST

static const struct {
	const char *yaml, *finding;
} refused[] = {
	{ "{reference: {query: r}, current: {query: c}, test: ks, columns: [x, y]}",
	    "columns are compared at once by mmd on samples; ks looks at one value a row" },
	{ "{" SIDES ", columns: [x, y, x]}", "the column 'x' is named twice" },
	{ "{" SIDES ", columns: [x, y], by: [y]}", "the column 'y' is named in by, too" },
	{ "{" SIDES
	  ", columns: [c1,c2,c3,c4,c5,c6,c7,c8,c9,c10,c11,c12,c13,c14,c15,c16,c17,c18,c19,"
	  "c20,c21,c22,c23,c24,c25,c26,c27,c28,c29,c30,c31,c32,c33]}",
	    "more than 32 columns" },
};

START_TEST(columns_that_make_no_sense_are_refused)
{
	const char *text = answers_finding(&a, "drift", refused[_i].yaml);

	ck_assert_msg(strstr(text, refused[_i].finding) != NULL, "%s: %s", refused[_i].yaml, text);
}
END_TEST

START_TEST(what_is_no_number_is_an_error)
{
	static const char *const red[] = { "1", "red" };

	answers_rule(&a, "drift", "{" SIDES ", columns: [x, y]}");
	answers_cells(&a, 0, "", red, 2);
	ck_assert_int_lt(answers_judge(&a, NOW), 0);
	ck_assert_msg(
	    strstr(a.err.text, "reference: row 1: column y has 'red'") != NULL, "%s", a.err.text);
}
END_TEST

TCase *
tcase_drift_points(void)
{
	TCase *t = tcase_create("drift of points");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, several_columns_are_points);
	tcase_add_test(t, a_correlation_that_is_gone_is_drift);
	tcase_add_test(t, rows_that_lack_a_column_are_left_out);
	tcase_add_test(t, many_rows_are_thinned_alike_every_time);
	tcase_add_test(t, constant_columns_have_no_scale);
	tcase_add_test(t, mostly_equal_points_are_judged);
	tcase_add_loop_test(t, columns_that_make_no_sense_are_refused, 0, ARRAY_LEN(refused));
	tcase_add_test(t, what_is_no_number_is_an_error);
	return t;
}
