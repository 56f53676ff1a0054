/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verdict of a drift rule: every feature compared, corrected for their
 * number, put together into alerts, and explained.
 */
#include "config.h"

#include "rule/drift_judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/xalloc.h"
#include "rule/drift_gather.h"

/* --- explanations ------------------------------------------------------ */

static void
put_member(struct buf *out, const char *name, double value)
{
	if (isnan(value))
		return;
	buf_printf(out, ",\"%s\":", name);
	json_put_double(out, value);
}

static void
put_rows(struct buf *out, const struct drift_pair *pair)
{
	if (pair->ref_nulls + pair->cur_nulls > 0) {
		put_member(out, "missing_reference", pair->ref_nulls);
		put_member(out, "missing_current", pair->cur_nulls);
	}
	/* Only where some were left out. */
	if (pair->ref.v != NULL && pair->ref_rows > (double)pair->ref.n)
		put_member(out, "rows_reference", pair->ref_rows);
	if (pair->cur.v != NULL && pair->cur_rows > (double)pair->cur.n)
		put_member(out, "rows_current", pair->cur_rows);
}

static void
put_feature(struct buf *out, const struct cells_group *labels, const struct drift_pair *pair,
    const struct drift_result *r)
{
	buf_puts(out, "{\"labels\":");
	cells_put_json(labels, out);
	put_member(out, "n_reference", r->n_ref);
	put_member(out, "n_current", r->n_cur);
	put_member(out, "statistic", r->statistic);
	put_member(out, "effect", r->effect);
	put_member(out, "p_value_raw", r->p);
	put_member(out, "p_value", r->p_adjusted);
	put_rows(out, pair);
	if (r->reason != NULL)
		buf_printf(out, ",\"reason\":\"%s\"", r->reason);
	else
		buf_printf(out, ",\"drifted\":%s", r->drifted ? "true" : "false");
	buf_putc(out, '}');
}

static struct explain *
explain_new(const struct drift_settings *s, struct arena *arena)
{
	struct explain *explain = ARENA_NEW(arena, struct explain);

	*explain = explain_none;
	explain->method = drift_test_names[s->spec.test];
	explain->threshold = s->spec.level;
	if (dur_is_set(s->current->window))
		explain->window = s->current->window;
	return explain;
}

static struct str
keep(struct arena *arena, struct buf *text)
{
	struct str kept = arena_str(arena, buf_str(text));

	buf_fini(text);
	return kept;
}

/* --- one alert per feature --------------------------------------------- */

static double
value_of(const struct drift_settings *s, const struct drift_result *r)
{
	return drift_is_distance(s->spec.test) ? r->statistic : r->p_adjusted;
}

static struct str
detail_of_one(struct arena *arena, const struct drift_pair *pair, const struct drift_result *r)
{
	struct buf out = { 0 };

	buf_printf(&out, "{\"judged\":%s", r->reason == NULL ? "true" : "false");
	if (r->reason != NULL)
		buf_printf(&out, ",\"reason\":\"%s\"", r->reason);
	put_member(&out, "p_value_raw", r->p);
	put_rows(&out, pair);
	buf_putc(&out, '}');
	return keep(arena, &out);
}

static void
observe_each(const struct rule_input *in, const struct drift_settings *s,
    const struct drift_gathered *g, const struct drift_result *results, struct judgement *ret)
{
	struct observation *observations = ARENA_ARRAY(in->arena, g->n + 1, struct observation);

	for (uint32_t i = 0; i < g->n; i++) {
		const struct drift_result *r = &results[i];
		struct explain *explain = explain_new(s, in->arena);

		explain->value = value_of(s, r);
		explain->baseline = r->baseline;
		explain->n_reference = r->n_ref;
		explain->n_current = r->n_cur;
		explain->statistic = r->statistic;
		explain->p_value = r->p_adjusted;
		explain->effect = r->effect;
		explain->detail = detail_of_one(in->arena, &g->pairs[i], r);
		observations[i] = (struct observation){
			.outcome = r->reason != NULL ? OUTCOME_INSUFFICIENT
				   : r->drifted      ? OUTCOME_BREACH
						     : OUTCOME_OK,
			.value = explain->value,
			.made = true,
			.labels = g->features[i].labels,
			.n_labels = g->features[i].n_labels,
			.explain = explain,
		};
	}
	ret->observations = observations;
	ret->n = g->n;
}

/* --- one alert for many ------------------------------------------------ */

struct ranked {
	uint32_t index;
	bool drifted, judged;
	double p, size;
};

/* Drifted ones, then judged ones, then the others; each by p, then by size. */
static int
worst_first(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->drifted != y->drifted)
		return x->drifted ? -1 : 1;
	if (x->judged != y->judged)
		return x->judged ? -1 : 1;
	if (x->p < y->p || x->p > y->p)
		return x->p < y->p ? -1 : 1;
	if (x->size < y->size || x->size > y->size)
		return x->size > y->size ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

struct put_together {
	const struct rule_input *in;
	const struct drift_settings *s;
	const struct drift_gathered *g;
	const struct drift_result *results;
	struct ranked *ranked; /* of the group at hand */
	uint32_t n;
	struct aggregate_tally tally;
};

/* The names of those that drift, and each one's numbers. */
static struct str
detail_of_many(const struct put_together *p)
{
	struct buf out = { 0 }, names = { 0 };
	uint32_t listed = p->n < DRIFT_LISTED_MAX ? p->n : DRIFT_LISTED_MAX;

	for (uint32_t i = 0; i < listed && p->ranked[i].drifted; i++) {
		if (i > 0)
			buf_puts(&names, ", ");
		aggregate_put_name(&p->g->features[p->ranked[i].index], &p->s->group, &names);
	}
	if (p->tally.bad > listed)
		buf_printf(&names, " and %u more", p->tally.bad - listed);
	buf_puts(&out, "{\"features\":");
	json_put_str(&out, buf_str(&names));
	buf_printf(&out, ",\"drifted\":%u,\"judged\":%u,\"insufficient\":%u,\"list\":[",
	    p->tally.bad, p->tally.judged, p->tally.insufficient);
	for (uint32_t i = 0; i < listed; i++) {
		uint32_t at = p->ranked[i].index;

		if (i > 0)
			buf_putc(&out, ',');
		put_feature(&out, &p->g->features[at], &p->g->pairs[at], &p->results[at]);
	}
	buf_puts(&out, "]}");
	buf_fini(&names);
	return keep(p->in->arena, &out);
}

static void
observe_group(struct put_together *p, const struct cells_group *labels, struct observation *ret)
{
	struct explain *explain = explain_new(p->s, p->in->arena);
	double n_ref = 0, n_cur = 0;

	qsort(p->ranked, p->n, sizeof(*p->ranked), worst_first);
	for (uint32_t i = 0; i < p->n; i++) {
		n_ref += p->results[p->ranked[i].index].n_ref;
		n_cur += p->results[p->ranked[i].index].n_cur;
	}
	explain->value = aggregate_value(&p->s->aggregate, &p->tally);
	explain->threshold = aggregate_limit(&p->s->aggregate, &p->tally);
	explain->n_reference = n_ref;
	explain->n_current = n_cur;
	if (p->n > 0) {
		/* Of the worst one. */
		const struct drift_result *worst = &p->results[p->ranked[0].index];

		explain->statistic = worst->statistic;
		explain->p_value = worst->p_adjusted;
		explain->effect = worst->effect;
	}
	explain->detail = detail_of_many(p);
	*ret = (struct observation){
		.outcome = aggregate_outcome(&p->s->aggregate, &p->tally),
		.value = explain->value,
		.made = true,
		.labels = labels->labels,
		.n_labels = labels->n_labels,
		.explain = explain,
	};
}

static void
add_ranked(struct put_together *p, uint32_t index)
{
	const struct drift_result *r = &p->results[index];

	p->tally.bad += r->reason == NULL && r->drifted;
	p->tally.judged += r->reason == NULL;
	p->tally.insufficient += r->reason != NULL;
	p->ranked[p->n++] = (struct ranked){ index, r->reason == NULL && r->drifted,
		r->reason == NULL, isnan(r->p) ? 1.0 : r->p, isnan(r->effect) ? 0.0 : r->effect };
}

static void
observe_together(const struct rule_input *in, const struct drift_settings *s,
    const struct drift_gathered *g, const struct drift_result *results, struct judgement *ret)
{
	uint32_t *of_feature = ARENA_ARRAY(in->arena, g->n + 1, uint32_t);
	uint32_t *start, *order;
	struct cells_group *groups;
	uint32_t n = aggregate_groups(in->arena, &s->group, g->features, g->n, of_feature, &groups);
	struct put_together p = { .in = in, .s = s, .g = g, .results = results };

	/* Without a feature there is still the one alert of a rule without groups. */
	if (n == 0 && s->group.n == 0)
		n = 1;
	ret->observations = ARENA_ARRAY(in->arena, n + 1, struct observation);
	ret->n = n;
	start = ARENA_ARRAY(in->arena, n + 2, uint32_t);
	order = ARENA_ARRAY(in->arena, g->n + 1, uint32_t);
	p.ranked = ARENA_ARRAY(in->arena, g->n + 1, struct ranked);
	for (uint32_t i = 0; i < g->n; i++)
		start[of_feature[i] + 1]++;
	for (uint32_t i = 0; i < n; i++)
		start[i + 1] += start[i];
	for (uint32_t i = g->n; i-- > 0;)
		order[--start[of_feature[i] + 1]] = i;
	for (uint32_t group = 0; group < n; group++) {
		uint32_t end = group + 2 < n + 1 ? start[group + 2] : g->n;

		p.n = 0;
		p.tally = (struct aggregate_tally){ 0 };
		for (uint32_t i = start[group + 1]; i < end; i++)
			add_ranked(&p, order[i]);
		observe_group(&p, &groups[group], &ret->observations[group]);
	}
}

int
drift_judge(const struct rule_input *in, struct judgement *ret, struct err *err)
{
	const struct drift_settings *s = in->rule->settings;
	struct drift_spec spec = s->spec;
	struct drift_gathered gathered;
	struct drift_result *results;
	int code = drift_gather(in, s, &gathered, err);

	if (code < 0)
		return code;
	/* The rule's own min_samples, where the block has none. */
	if (in->rule->min_samples > 0 && !s->min_samples.given)
		spec.min_reference = spec.min_current = in->rule->min_samples;
	results = xcalloc(gathered.n + 1, sizeof(*results));
	for (uint32_t i = 0; i < gathered.n; i++)
		drift_compare(&spec, &gathered.pairs[i], &results[i]);
	drift_decide(&spec, (enum multiple_method)s->correct, results, gathered.n);
	*ret = (struct judgement){ .absent = OUTCOME_OK };
	if (s->aggregate.how == AGGREGATE_ANY)
		observe_each(in, s, &gathered, results, ret);
	else
		observe_together(in, s, &gathered, results, ret);
	free(results);
	drift_gathered_fini(&gathered);
	return 0;
}
