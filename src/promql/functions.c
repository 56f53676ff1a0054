/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of PromQL: arguments, result, and which server has them. */
#include "config.h"

#include <stdlib.h>

#include "promql/internal.h"

#define V     PROMQL_VECTOR
#define S     PROMQL_SCALAR
#define NEW   PROMQL_NEEDS_3
#define TRIAL (PROMQL_NEEDS_3 | PROMQL_NEEDS_EXPERIMENTAL)
#define GONE  PROMQL_GONE_IN_3

/* Ordered by name: searched by halves. */
static const struct promql_function functions[] = {
	{ "abs", "v", 0, V, 0 },
	{ "absent", "v", 0, V, 0 },
	{ "absent_over_time", "m", 0, V, 0 },
	{ "acos", "v", 0, V, 0 },
	{ "acosh", "v", 0, V, 0 },
	{ "asin", "v", 0, V, 0 },
	{ "asinh", "v", 0, V, 0 },
	{ "atan", "v", 0, V, 0 },
	{ "atanh", "v", 0, V, 0 },
	{ "avg_over_time", "m", 0, V, 0 },
	{ "ceil", "v", 0, V, 0 },
	{ "changes", "m", 0, V, 0 },
	{ "clamp", "vss", 0, V, 0 },
	{ "clamp_max", "vs", 0, V, 0 },
	{ "clamp_min", "vs", 0, V, 0 },
	{ "cos", "v", 0, V, 0 },
	{ "cosh", "v", 0, V, 0 },
	{ "count_over_time", "m", 0, V, 0 },
	{ "day_of_month", "v", 1, V, 0 },
	{ "day_of_week", "v", 1, V, 0 },
	{ "day_of_year", "v", 1, V, 0 },
	{ "days_in_month", "v", 1, V, 0 },
	{ "deg", "v", 0, V, 0 },
	{ "delta", "m", 0, V, 0 },
	{ "deriv", "m", 0, V, 0 },
	{ "double_exponential_smoothing", "mss", 0, V, TRIAL },
	{ "end", "", 0, S, TRIAL },
	{ "exp", "v", 0, V, 0 },
	{ "first_over_time", "m", 0, V, TRIAL },
	{ "floor", "v", 0, V, 0 },
	{ "histogram_avg", "v", 0, V, NEW },
	{ "histogram_count", "v", 0, V, 0 },
	{ "histogram_fraction", "ssv", 0, V, 0 },
	{ "histogram_quantile", "sv", 0, V, 0 },
	{ "histogram_quantiles", "vtss", 9, V, TRIAL },
	{ "histogram_stddev", "v", 0, V, NEW },
	{ "histogram_stdvar", "v", 0, V, NEW },
	{ "histogram_sum", "v", 0, V, 0 },
	{ "holt_winters", "mss", 0, V, GONE },
	{ "hour", "v", 1, V, 0 },
	{ "idelta", "m", 0, V, 0 },
	{ "increase", "m", 0, V, 0 },
	{ "info", "vv", 1, V, TRIAL },
	{ "irate", "m", 0, V, 0 },
	{ "label_join", "vttt", -1, V, 0 },
	{ "label_replace", "vtttt", 0, V, 0 },
	{ "last_over_time", "m", 0, V, 0 },
	{ "ln", "v", 0, V, 0 },
	{ "log10", "v", 0, V, 0 },
	{ "log2", "v", 0, V, 0 },
	{ "mad_over_time", "m", 0, V, TRIAL },
	{ "max_of", "ss", 0, S, TRIAL },
	{ "max_over_time", "m", 0, V, 0 },
	{ "min_of", "ss", 0, S, TRIAL },
	{ "min_over_time", "m", 0, V, 0 },
	{ "minute", "v", 1, V, 0 },
	{ "month", "v", 1, V, 0 },
	{ "pi", "", 0, S, 0 },
	{ "predict_linear", "ms", 0, V, 0 },
	{ "present_over_time", "m", 0, V, 0 },
	{ "quantile_over_time", "sm", 0, V, 0 },
	{ "rad", "v", 0, V, 0 },
	{ "range", "", 0, S, TRIAL },
	{ "rate", "m", 0, V, 0 },
	{ "resets", "m", 0, V, 0 },
	{ "round", "vs", 1, V, 0 },
	{ "scalar", "v", 0, S, 0 },
	{ "sgn", "v", 0, V, 0 },
	{ "sin", "v", 0, V, 0 },
	{ "sinh", "v", 0, V, 0 },
	{ "sort", "v", 0, V, 0 },
	{ "sort_by_label", "vt", -1, V, TRIAL },
	{ "sort_by_label_desc", "vt", -1, V, TRIAL },
	{ "sort_desc", "v", 0, V, 0 },
	{ "sqrt", "v", 0, V, 0 },
	{ "start", "", 0, S, TRIAL },
	{ "start_timestamp", "v", 0, V, TRIAL },
	{ "stddev_over_time", "m", 0, V, 0 },
	{ "stdvar_over_time", "m", 0, V, 0 },
	{ "step", "", 0, S, TRIAL },
	{ "sum_over_time", "m", 0, V, 0 },
	{ "tan", "v", 0, V, 0 },
	{ "tanh", "v", 0, V, 0 },
	{ "time", "", 0, S, 0 },
	{ "timestamp", "v", 0, V, 0 },
	{ "ts_of_first_over_time", "m", 0, V, TRIAL },
	{ "ts_of_last_over_time", "m", 0, V, TRIAL },
	{ "ts_of_max_over_time", "m", 0, V, TRIAL },
	{ "ts_of_min_over_time", "m", 0, V, TRIAL },
	{ "vector", "s", 0, V, 0 },
	{ "year", "v", 1, V, 0 },
};

static int
compare_function(const void *key, const void *row)
{
	return str_cmp(
	    *(const struct str *)key, str_from(((const struct promql_function *)row)->name));
}

/* Unlike keywords, functions are not the same in another case. */
const struct promql_function *
promql_function(struct str name)
{
	return bsearch(
	    &name, functions, ARRAY_LEN(functions), sizeof(functions[0]), compare_function);
}

const struct promql_function *
promql_function_at(uint32_t i)
{
	return i < ARRAY_LEN(functions) ? &functions[i] : NULL;
}
