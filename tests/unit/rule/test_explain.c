/* SPDX-License-Identifier: Apache-2.0 */
/* The sentence that says why. */
#include "config.h"

#include <math.h>

#include "base/attr.h"
#include "base/buf.h"
#include "rule/explain.h"
#include "unit/rule/test_rule.h"

#define NONE ((double)NAN)

static const struct {
	double value, threshold, baseline, low, high, n_reference, n_current, statistic;
	const char *method, *detail, *text;
	double p_value, effect; /* 0: not there */
	const char *said;
} reasons[] = {
	{ 150, 100, NONE, NONE, NONE, NONE, NONE, NONE, NULL, "",
	    "150 against the threshold 100", 0, 0, NULL },
	{ 3, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NULL, "", "3", 0, 0, NULL },
	{ 0.3, 3.5, 0.15, 0.1, 0.2, 2016, 1, 9, "robust", "",
	    "0.3 is above the expected 0.1 to 0.2 (baseline 0.15, robust, statistic 9, "
	    "2016 reference points)", 0, 0, NULL },
	{ 0.05, 3.5, NONE, 0.1, NONE, NONE, NONE, -9, NULL, "",
	    "0.05 is below the expected minimum 0.1 (statistic -9)", 0, 0, NULL },
	{ 0.15, 3.5, NONE, 0.1, 0.2, NONE, NONE, 1, NULL, "",
	    "0.15 is within the expected 0.1 to 0.2 (statistic 1)", 0, 0, NULL },
	/* A step or a chart breaches where the value by itself is nothing unusual. */
	{ 0.15, 3.5, NONE, 0.1, 0.2, NONE, NONE, -4, NULL, "",
	    "0.15 alone is within the expected 0.1 to 0.2, its course is not (statistic -4)", 0,
	    0, NULL },
	{ 0.15, 3.5, NONE, 0.1, 0.2, NONE, NONE, NONE, NULL, "",
	    "0.15 is within the expected 0.1 to 0.2", 0, 0, NULL },
	/* An increase() is extrapolated. */
	{ 1, 2, NONE, NONE, NONE, 45000.9, 1.2, NONE, NULL, "",
	    "1 against the threshold 2 (45001 reference points, 1 current point)", 0, 0, NULL },
	{ 0.5, 0.3, NONE, NONE, NONE, NONE, NONE, NONE, "ks", "{\"features\":\"age, zip\"}",
	    "0.5 against the threshold 0.3 (ks): age, zip", 0, 0, NULL },
	/* A number that is several things is told once. */
	{ 0.001, 0.05, NONE, NONE, NONE, 500, 300, 0.3, "ks", "",
	    "p 0.001 against the threshold 0.05 (ks, statistic 0.3, 500 reference points, "
	    "300 current points)",
	    0.001, 0.3, NULL },
	{ 0.4, 0.2, NONE, NONE, NONE, NONE, NONE, 0.4, "psi", "",
	    "0.4 against the threshold 0.2 (psi, p 1e-09)", 1e-9, 0.4, NULL },
	{ NONE, 172800, NONE, NONE, NONE, 2, 3, NONE, "age", "",
	    "not there (age, 2 reference points, 3 current points)", 0, 0, "not there" },
	/* As much as a person reads, but never so little that a breach looks like none. */
	{ 0.587195, 0.15, 0.1234567, NONE, NONE, 6048000, 36000.2, 12.34567, "js", "",
	    "0.5872 against the threshold 0.15 (baseline 0.1235, js, statistic 12.35, p < 1e-300, "
	    "effect 2, 6048000 reference points, 36000 current points)",
	    1e-310, 2, NULL },
	{ 153840.25, 100000, NONE, NONE, NONE, NONE, NONE, NONE, NULL, "",
	    "153840 against the threshold 100000", 0, 0, NULL },
	{ 0.150004, 0.15, NONE, NONE, NONE, NONE, NONE, NONE, NULL, "",
	    "0.150004 against the threshold 0.15", 0, 0, NULL },
	{ 1e-310, 0.05, NONE, NONE, NONE, NONE, NONE, 46.285, "welch", "",
	    "p < 1e-300 against the threshold 0.05 (welch, statistic 46.28, effect 0.5)", 1e-310,
	    0.5, NULL },
	{ 0.04, 0.01, 0.01, NONE, NONE, NONE, NONE, 5, "fisher", "",
	    "0.05 against 0.01 (fisher, statistic 5, p 0.001, effect 0.04)", 0.001, 0.04,
	    "0.05 against 0.01" },
};

START_TEST(sentence_says_what_applies)
{
	struct explain e = explain_none;
	struct buf out = { 0 };

	e.value = reasons[_i].value;
	e.threshold = reasons[_i].threshold;
	e.baseline = reasons[_i].baseline;
	e.low = reasons[_i].low;
	e.high = reasons[_i].high;
	e.n_reference = reasons[_i].n_reference;
	e.n_current = reasons[_i].n_current;
	e.statistic = reasons[_i].statistic;
	if (reasons[_i].p_value != 0) {
		e.p_value = reasons[_i].p_value;
		e.effect = reasons[_i].effect;
	}
	e.said = str_from(reasons[_i].said);
	e.method = reasons[_i].method;
	e.detail = str_from(reasons[_i].detail);
	explain_put_text(&e, &out);
	buf_putc(&out, 0);
	ck_assert_str_eq(out.p, reasons[_i].text);
	buf_fini(&out);
}
END_TEST

TCase *
tcase_explain(void)
{
	TCase *t = tcase_create("explain");

	tcase_add_loop_test(t, sentence_says_what_applies, 0, (int)ARRAY_LEN(reasons));
	return t;
}
