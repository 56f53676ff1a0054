/* SPDX-License-Identifier: Apache-2.0 */
/* What `tocsin check` warns of, and what it must not. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <check.h>

#include "base/attr.h"
#include "rule/kind.h"
#include "rule/lint.h"
#include "source/source.h"
#include "unit/rule/test_rule.h"

#define TEXTS ", annotations: {runbook_url: 'http://x'}"

/* want: the warnings, "line:column text-up-to-the-first-colon-or-comma", one a line. */
static const struct {
	const char *label, *group, *rules, *want;
} cases[] = {
	{ "a rule with everything is fine", "interval: 1m",
	    "  - {alert: A, expr: m > 0, for: 1m, labels: {severity: page}" TEXTS "}\n", "" },
	{ "the short forms count", "interval: 1m",
	    "  - {alert: A, expr: m > 0, severity: page, runbook_url: 'http://x'}\n", "" },
	{ "the group's labels count", "labels: {severity: page}",
	    "  - {alert: A, expr: m > 0" TEXTS "}\n", "" },
	{ "levels are severities", "interval: 1m",
	    "  - {alert: A, threshold: {query: m, op: '>', levels: {warning: 1, critical: 2}}" TEXTS
	    "}\n",
	    "" },
	{ "one warning a rule for both", "interval: 1m", "  - {alert: A, expr: m > 0}\n",
	    "5:5 'A' has no label 'severity' and no annotation 'runbook_url'\n" },
	{ "no severity", "interval: 1m", "  - {alert: A, expr: m > 0" TEXTS "}\n",
	    "5:5 'A' has no label 'severity'\n" },
	{ "no runbook", "interval: 1m", "  - {alert: A, expr: m > 0, severity: page}\n",
	    "5:5 'A' has no annotation 'runbook_url'\n" },
	{ "recording rules need neither", "interval: 1m", "  - {record: a, expr: m}\n", "" },
	{ "for shorter than the interval", "interval: 1m",
	    "  - {alert: A, expr: m > 0, for: 59s, severity: page, runbook_url: x}\n",
	    "5:5 'A' has for: 59s, less than the interval of its group (1m)\n" },
	{ "an interval that is not known is not judged", "limit: 0",
	    "  - {alert: A, expr: m > 0, for: 5s, severity: page, runbook_url: x}\n", "" },
	{ "a label with the value", "interval: 1m",
	    "  - {alert: A, expr: m > 0, severity: '{{ $value }}', labels: {b: '{{ $labels.b }}'}, "
	    "runbook_url: x}\n",
	    "5:39 the label 'severity' of 'A' varies with the value\n" },
	{ "an annotation with the value is fine", "interval: 1m",
	    "  - {alert: A, expr: m > 0, severity: page, annotations: {runbook_url: x, v: "
	    "'{{ $value }}'}}\n",
	    "" },
	{ "the same rule twice", "interval: 1m",
	    "  - {alert: A, expr: m > 1, severity: page, runbook_url: x}\n"
	    "  - {alert: A, expr: 'm  >  1', severity: page, runbook_url: y}\n",
	    "6:5 duplicate rule\n" },
	{ "another condition is another rule", "interval: 1m",
	    "  - {alert: A, expr: m > 1, severity: page, runbook_url: x}\n"
	    "  - {alert: A, expr: m > 2, severity: page, runbook_url: y}\n",
	    "" },
	{ "other labels are another rule", "interval: 1m",
	    "  - {alert: A, expr: m > 1, severity: page, runbook_url: x}\n"
	    "  - {alert: A, expr: m > 1, severity: mail, runbook_url: y}\n",
	    "" },
	{ "a series recorded twice, however it is computed", "interval: 1m",
	    "  - {record: a, expr: m}\n  - {record: a, expr: n}\n", "6:5 duplicate rule\n" },
	{ "a series recorded with other labels", "interval: 1m",
	    "  - {record: a, expr: m}\n  - {record: a, expr: n, labels: {b: c}}\n", "" },
	{ "an expression that asks nothing of the value fires always", "interval: 1m",
	    "  - {alert: A, expr: 'sum by (job) (rate(m[5m]))', severity: page, runbook_url: x}\n",
	    "5:5 'A' fires for every series of its expression, whatever the value\n" },
	{ "a threshold compares by itself", "interval: 1m",
	    "  - {alert: A, threshold: {query: m, op: '>', value: 1}, severity: page, runbook_url: "
	    "x}\n",
	    "" },
	{ "an alert that always fires on purpose", "interval: 1m",
	    "  - {alert: A, expr: vector(1), severity: none, runbook_url: x}\n", "" },
	{ "another alert's state is a condition", "interval: 1m",
	    "  - {alert: A, expr: \"ALERTS{alertname='B'}\", severity: page, runbook_url: x}\n",
	    "" },
	{ "an experimental function, once", "interval: 1m",
	    "  - {record: a, expr: 'mad_over_time(m[5m]) + mad_over_time(n[5m])'}\n",
	    "5:5 the expression of 'a' uses mad_over_time, which Prometheus has only behind a "
	    "feature flag\n" },
	{ "a function that is gone", "interval: 1m",
	    "  - {record: a, expr: 'holt_winters(m[5m], 0.5, 0.5)'}\n",
	    "5:5 the expression of 'a' uses holt_winters, which Prometheus 3 does not have any "
	    "more\n" },
	{ "an alert and a series of one name", "interval: 1m",
	    "  - {record: A, expr: m}\n  - {alert: A, expr: m>0, severity: page, runbook_url: x}\n",
	    "" },
};

static void
warnings_of(const char *path, struct buf *out)
{
	static const struct integration_kind *const none[] = { NULL };
	const struct config_kinds kinds = { none, source_kinds, rule_kind_schemas };
	struct diag *diag = diag_new();
	struct config *config = NULL;

	ck_assert_int_ge(config_check_file(path, &kinds, NULL, diag, &config), 0);
	rule_lint(config, diag);
	ck_assert_uint_eq(diag_errors(diag), 0);
	for (uint32_t i = 0; i < diag_count(diag); i++) {
		const struct finding *f = diag_at(diag, i);
		const char *end = strpbrk(f->text, ":");

		/* the colon of `for: 59s` is none */
		if (end != NULL && end[1] == ' ' && end - f->text > 3 &&
		    strncmp(end - 3, "for", 3) == 0)
			end = strchr(end + 1, ':');
		if (f->level == DIAG_WARNING)
			buf_printf(out, "%u:%u %.*s\n", f->pos.line, f->pos.col,
			    end != NULL ? (int)(end - f->text) : (int)strlen(f->text), f->text);
	}
	config_unref(config);
	diag_free(diag);
}

START_TEST(warnings)
{
	char path[] = "/tmp/tocsin-lint-XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");
	struct buf out = { 0 };

	ck_assert_ptr_nonnull(f);
	fprintf(f, "groups:\n- name: g\n  %s\n  rules:\n%s", cases[_i].group, cases[_i].rules);
	fclose(f);
	warnings_of(path, &out);
	unlink(path);
	ck_assert_msg(str_is(buf_str(&out), cases[_i].want), "%s: %s", cases[_i].label, out.p);
	buf_fini(&out);
}
END_TEST

TCase *
tcase_lint(void)
{
	TCase *t = tcase_create("lint");

	tcase_add_loop_test(t, warnings, 0, ARRAY_LEN(cases));
	return t;
}
