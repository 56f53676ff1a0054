/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rule groups under Prometheus' names, so that the alerts people have about
 * their rules (PrometheusRuleFailures, PrometheusMissingRuleEvaluations) work.
 */
#include "config.h"

#include "api/handlers.h"
#include "base/json.h"

enum group_metric {
	GROUP_EVALUATIONS,
	GROUP_FAILURES,
	GROUP_INTERVAL,
	GROUP_ITERATIONS,
	GROUP_MISSED,
	GROUP_LAST_DURATION,
	GROUP_LAST_RULES_SUM,
	GROUP_LAST_TIMESTAMP,
	GROUP_LAST_SAMPLES,
	GROUP_RULES,
	GROUP_METRIC_COUNT
};

static const struct {
	const char *name, *type, *help;
} rows[] = {
	[GROUP_EVALUATIONS] = { "prometheus_rule_evaluations_total", "counter",
	    "Rule evaluations." },
	[GROUP_FAILURES] = { "prometheus_rule_evaluation_failures_total", "counter",
	    "Rule evaluations that failed." },
	[GROUP_INTERVAL] = { "prometheus_rule_group_interval_seconds", "gauge",
	    "Interval of the group." },
	[GROUP_ITERATIONS] = { "prometheus_rule_group_iterations_total", "counter",
	    "Slots of the group that were due." },
	[GROUP_MISSED] = { "prometheus_rule_group_iterations_missed_total", "counter",
	    "Slots missed because the one before took too long." },
	[GROUP_LAST_DURATION] = { "prometheus_rule_group_last_duration_seconds", "gauge",
	    "How long the last evaluation of the group took." },
	[GROUP_LAST_RULES_SUM] = { "prometheus_rule_group_last_rule_duration_sum_seconds",
	    "gauge", "Of its rules in the last evaluation, together." },
	[GROUP_LAST_TIMESTAMP] = { "prometheus_rule_group_last_evaluation_timestamp_seconds",
	    "gauge", "When the group was last evaluated." },
	[GROUP_LAST_SAMPLES] = { "prometheus_rule_group_last_evaluation_samples", "gauge",
	    "Samples that the last evaluation got." },
	[GROUP_RULES] = { "prometheus_rule_group_rules", "gauge", "Rules of the group." },
};
_Static_assert(ARRAY_LEN(rows) == GROUP_METRIC_COUNT, "a row for each");

static double
value_of(const struct group_view *view, enum group_metric metric)
{
	switch (metric) {
	case GROUP_EVALUATIONS:
		return (double)view->evaluations;
	case GROUP_FAILURES:
		return (double)view->failures;
	case GROUP_INTERVAL:
		return dur_seconds(view->config->interval);
	case GROUP_ITERATIONS:
		return (double)(view->iterations + view->missed);
	case GROUP_MISSED:
		return (double)view->missed;
	case GROUP_LAST_DURATION:
		return dur_seconds(view->evaluation_time);
	case GROUP_LAST_RULES_SUM:
		return dur_seconds(view->rules_time);
	case GROUP_LAST_TIMESTAMP:
		return wall_is_set(view->last_evaluation) ? wall_seconds(view->last_evaluation) : 0;
	case GROUP_LAST_SAMPLES:
		return (double)view->samples;
	case GROUP_RULES:
		return (double)view->config->n_rules;
	case GROUP_METRIC_COUNT:
		break;
	}
	return 0;
}

static void
put_escaped(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\\' || *text == '"')
			buf_putc(out, '\\');
		if (*text == '\n')
			buf_puts(out, "\\n");
		else
			buf_putc(out, *text);
	}
}

static void
put_durations(const struct engine *engine, struct buf *out)
{
	static const char name[] = "prometheus_rule_evaluation_duration_seconds";
	struct engine_stats stats = engine_stats(engine);

	buf_printf(out, "# HELP %s Time of evaluations, waiting for sources included.\n"
			"# TYPE %s summary\n", name, name);
	buf_printf(out, "%s_sum %.9g\n%s_count %llu\n", name, stats.evaluation_seconds, name,
	    (unsigned long long)stats.evaluations);
	buf_puts(out,
	    "# HELP prometheus_rule_group_duration_seconds Time of evaluations of groups.\n"
	    "# TYPE prometheus_rule_group_duration_seconds summary\n");
	buf_printf(out,
	    "prometheus_rule_group_duration_seconds_sum %.9g\n"
	    "prometheus_rule_group_duration_seconds_count %llu\n",
	    stats.iteration_seconds, (unsigned long long)stats.iterations);
}

/* Series that could not be judged are as worth an alert as those that breach. */
static void
put_outcomes(const struct engine *engine, struct buf *out)
{
	struct engine_stats stats = engine_stats(engine);

	buf_puts(out,
	    "# HELP tocsin_rule_series Series by what their rules' last evaluation found.\n"
	    "# TYPE tocsin_rule_series gauge\n");
	for (int i = 0; i < OUTCOME_COUNT; i++)
		buf_printf(out, "tocsin_rule_series{outcome=\"%s\"} %llu\n",
		    outcome_name((enum outcome)i), (unsigned long long)stats.outcomes[i]);
	buf_puts(out, "# HELP tocsin_rule_past_points Points that rules remember of their series.\n"
		      "# TYPE tocsin_rule_past_points gauge\n");
	buf_printf(out, "tocsin_rule_past_points %llu\n", (unsigned long long)stats.past_points);
	buf_puts(out, "# HELP tocsin_rule_past_series Series that rules remember.\n"
		      "# TYPE tocsin_rule_past_series gauge\n");
	buf_printf(out, "tocsin_rule_past_series %llu\n", (unsigned long long)stats.past_series);
}

void
metrics_rules_put(const struct engine *engine, struct buf *out)
{
	const struct config *config = engine_config(engine);

	put_durations(engine, out);
	put_outcomes(engine, out);
	for (int m = 0; m < GROUP_METRIC_COUNT; m++) {
		buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", rows[m].name, rows[m].help,
		    rows[m].name, rows[m].type);
		for (uint32_t g = 0; config != NULL && g < config->n_groups; g++) {
			struct group_view view;

			engine_group_view(engine, g, &view);
			buf_printf(out, "%s{rule_group=\"", rows[m].name);
			put_escaped(out, view.config->file);
			buf_putc(out, ';');
			put_escaped(out, view.config->name);
			buf_puts(out, "\"} ");
			put_prom_double(out, value_of(&view, (enum group_metric)m));
			buf_putc(out, '\n');
		}
	}
}
