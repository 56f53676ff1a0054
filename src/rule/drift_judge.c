/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verdict of a drift rule: every feature compared, corrected for their
 * number, put together into alerts, and explained.
 */
#include "config.h"

#include "rule/drift_judge.h"

#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/xalloc.h"
#include "rule/drift_gather.h"
#include "rule/drift_points.h"
#include "rule/verdicts.h"

/* What the explanation has no member for. */
static void
put_points(const struct string_list *columns, const struct drift_pair *pair, struct buf *out)
{
	double shift[DRIFT_COLUMNS_MAX];

	if (pair->ref_rows > (double)pair->ref_points.n)
		verdict_put_number(out, "points_reference", (double)pair->ref_points.n);
	if (pair->cur_rows > (double)pair->cur_points.n)
		verdict_put_number(out, "points_current", (double)pair->cur_points.n);
	drift_points_shift(pair, columns->n, shift);
	buf_puts(out, out->n > 0 ? ",\"shift\":{" : "\"shift\":{");
	for (uint32_t i = 0; i < columns->n; i++) {
		if (isnan(shift[i]))
			continue;
		if (out->p[out->n - 1] != '{')
			buf_putc(out, ',');
		json_put_str(out, str_from(columns->items[i]));
		buf_putc(out, ':');
		json_put_double(out, shift[i]);
	}
	buf_putc(out, '}');
}

static struct str
more_of(struct arena *arena, const struct drift_settings *s, const struct drift_pair *pair,
    const struct drift_result *r)
{
	struct buf out = { 0 };

	verdict_put_number(&out, "p_value_raw", r->p);
	if (pair->ref_nulls + pair->cur_nulls > 0) {
		verdict_put_number(&out, "missing_reference", pair->ref_nulls);
		verdict_put_number(&out, "missing_current", pair->cur_nulls);
	}
	/* Only where some were left out. */
	if (pair->ref.v != NULL && pair->ref_rows > (double)pair->ref.n)
		verdict_put_number(&out, "rows_reference", pair->ref_rows);
	if (pair->cur.v != NULL && pair->cur_rows > (double)pair->cur.n)
		verdict_put_number(&out, "rows_current", pair->cur_rows);
	if (s->columns.n > 0 && r->reason == NULL)
		put_points(&s->columns, pair, &out);
	return verdict_keep(arena, &out);
}

static struct explain
explain_base(const struct drift_settings *s)
{
	struct explain explain = explain_none;

	explain.method = drift_test_names[s->spec.test];
	explain.threshold = s->spec.level;
	if (dur_is_set(s->current->window))
		explain.window = s->current->window;
	return explain;
}

static void
set_verdict(struct arena *arena, const struct drift_settings *s, const struct drift_pair *pair,
    const struct drift_result *r, struct verdict *ret)
{
	bool distance = drift_is_distance(s->spec.test);
	struct explain *e = &ret->explain;

	ret->outcome = r->reason != NULL ? OUTCOME_INSUFFICIENT
		       : r->drifted      ? OUTCOME_BREACH
					 : OUTCOME_OK;
	ret->reason = r->reason;
	ret->value = distance ? r->statistic : r->p_adjusted;
	ret->rank = distance ? -r->statistic : r->p;
	ret->more = more_of(arena, s, pair, r);
	ret->data_at = pair->cur_at;
	*e = explain_base(s);
	e->value = ret->value;
	e->baseline = r->baseline;
	e->n_reference = r->n_ref;
	e->n_current = r->n_cur;
	e->statistic = r->statistic;
	e->p_value = r->p_adjusted;
	e->effect = r->effect;
}

int
drift_judge(const struct rule_input *in, struct judgement *ret, struct err *err)
{
	const struct drift_settings *s = in->rule->settings;
	struct explain base = explain_base(s);
	struct drift_spec spec = s->spec;
	struct drift_gathered gathered;
	struct drift_result *results;
	struct verdict *verdicts;
	int code = drift_gather(in, s, &gathered, err);

	if (code < 0)
		return code;
	/* The rule's own min_samples, where the block has none. */
	if (in->rule->min_samples > 0 && !s->min_samples.given)
		spec.min_reference = spec.min_current = in->rule->min_samples;
	results = xcalloc(gathered.n + 1, sizeof(*results));
	verdicts = ARENA_ARRAY(in->arena, gathered.n + 1, struct verdict);
	for (uint32_t i = 0; i < gathered.n; i++)
		drift_compare(&spec, &gathered.pairs[i], &results[i]);
	drift_decide(&spec, (enum multiple_method)s->correct, results, gathered.n);
	for (uint32_t i = 0; i < gathered.n; i++) {
		verdicts[i].labels = &gathered.features[i];
		set_verdict(in->arena, s, &gathered.pairs[i], &results[i], &verdicts[i]);
	}
	*ret = (struct judgement){ .absent = OUTCOME_OK, .no_data = in->answers[1].n == 0 };
	verdicts_observe(in->arena, verdicts, gathered.n, &s->aggregate, &s->group, &base, ret);
	free(results);
	drift_gathered_fini(&gathered);
	return 0;
}
