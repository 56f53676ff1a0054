/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts into observations, and what explains them. */
#include "config.h"

#include "rule/verdicts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

void
verdict_put_number(struct buf *out, const char *name, double value)
{
	if (isnan(value))
		return;
	buf_printf(out, "%s\"%s\":", out->n > 0 && out->p[out->n - 1] != '{' ? "," : "", name);
	json_put_double(out, value);
}

struct str
verdict_keep(struct arena *arena, struct buf *text)
{
	struct str kept = arena_str(arena, buf_str(text));

	buf_fini(text);
	return kept;
}

static void
put_more(struct buf *out, const struct verdict *v)
{
	if (v->reason != NULL)
		buf_printf(out, ",\"reason\":\"%s\"", v->reason);
	if (v->more.n > 0) {
		buf_putc(out, ',');
		buf_put_str(out, v->more);
	}
}

/* --- one alert each ---------------------------------------------------- */

static void
observe_each(struct arena *arena, const struct verdict *verdicts, uint32_t n, struct judgement *ret)
{
	ret->observations = ARENA_ARRAY(arena, n + 1, struct observation);
	ret->n = n;
	for (uint32_t i = 0; i < n; i++) {
		const struct verdict *v = &verdicts[i];
		struct explain *explain = ARENA_NEW(arena, struct explain);
		struct buf detail = { 0 };

		buf_printf(&detail, "{\"judged\":%s", v->reason == NULL ? "true" : "false");
		put_more(&detail, v);
		buf_putc(&detail, '}');
		*explain = v->explain;
		explain->detail = verdict_keep(arena, &detail);
		ret->observations[i] = (struct observation){
			.outcome = v->outcome,
			.value = v->value,
			.made = true,
			.labels = v->labels->labels,
			.n_labels = v->labels->n_labels,
			.data_at = v->data_at,
			.explain = explain,
		};
	}
}

/* --- one alert for many ------------------------------------------------ */

struct together {
	struct arena *arena;
	const struct aggregate *aggregate;
	const struct string_list *group;
	const struct explain *base;
	const struct verdict **list; /* of the group at hand */
	uint32_t n;
	struct aggregate_tally tally;
};

static int
order_of(const struct verdict *v)
{
	return v->outcome == OUTCOME_BREACH ? 0 : v->reason == NULL ? 1 : 2;
}

static int
worst_first(const void *a, const void *b)
{
	const struct verdict *x = *(const struct verdict *const *)a;
	const struct verdict *y = *(const struct verdict *const *)b;
	double p = isnan(x->rank) ? (double)INFINITY : x->rank;
	double q = isnan(y->rank) ? (double)INFINITY : y->rank;

	if (order_of(x) != order_of(y))
		return order_of(x) - order_of(y);
	if (p < q || p > q)
		return p < q ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void
put_one(struct buf *out, const struct verdict *v)
{
	const struct explain *e = &v->explain;

	buf_puts(out, "{\"labels\":");
	cells_put_json(v->labels, out);
	verdict_put_number(out, "value", v->value);
	verdict_put_number(out, "threshold", e->threshold);
	verdict_put_number(out, "n_reference", e->n_reference);
	verdict_put_number(out, "n_current", e->n_current);
	verdict_put_number(out, "statistic", e->statistic);
	verdict_put_number(out, "effect", e->effect);
	verdict_put_number(out, "p_value", e->p_value);
	if (v->reason == NULL)
		buf_printf(out, ",\"breach\":%s", v->outcome == OUTCOME_BREACH ? "true" : "false");
	put_more(out, v);
	buf_putc(out, '}');
}

/* The names of those that breach, and each one's numbers. */
static struct str
detail_of(const struct together *t)
{
	struct buf out = { 0 }, names = { 0 };
	uint32_t listed = t->n < VERDICTS_LISTED_MAX ? t->n : VERDICTS_LISTED_MAX;

	for (uint32_t i = 0; i < listed && t->list[i]->outcome == OUTCOME_BREACH; i++) {
		if (i > 0)
			buf_puts(&names, ", ");
		aggregate_put_name(t->list[i]->labels, t->group, &names);
	}
	if (t->tally.bad > listed)
		buf_printf(&names, " and %u more", t->tally.bad - listed);
	buf_puts(&out, "{\"features\":");
	json_put_str(&out, buf_str(&names));
	buf_printf(&out, ",\"breaches\":%u,\"judged\":%u,\"insufficient\":%u,\"list\":[",
	    t->tally.bad, t->tally.judged, t->tally.insufficient);
	for (uint32_t i = 0; i < listed; i++) {
		if (i > 0)
			buf_putc(&out, ',');
		put_one(&out, t->list[i]);
	}
	buf_puts(&out, "]}");
	buf_fini(&names);
	return verdict_keep(t->arena, &out);
}

static double
sum(double a, double b)
{
	return isnan(a) ? b : isnan(b) ? a : a + b;
}

static void
observe_group(struct together *t, const struct cells_group *labels, struct observation *ret)
{
	struct explain *explain = ARENA_NEW(t->arena, struct explain);
	wall_t data_at = WALL_NONE;

	if (t->n > 1)
		qsort(t->list, t->n, sizeof(*t->list), worst_first);
	*explain = *t->base;
	for (uint32_t i = 0; i < t->n; i++) {
		explain->n_reference = sum(explain->n_reference, t->list[i]->explain.n_reference);
		explain->n_current = sum(explain->n_current, t->list[i]->explain.n_current);
		data_at = wall_max(data_at, t->list[i]->data_at);
	}
	if (t->n > 0) {
		explain->statistic = t->list[0]->explain.statistic;
		explain->p_value = t->list[0]->explain.p_value;
		explain->effect = t->list[0]->explain.effect;
	}
	explain->value = aggregate_value(t->aggregate, &t->tally);
	explain->threshold = aggregate_limit(t->aggregate, &t->tally);
	explain->detail = detail_of(t);
	*ret = (struct observation){
		.outcome = aggregate_outcome(t->aggregate, &t->tally),
		.value = explain->value,
		.made = true,
		.labels = labels->labels,
		.n_labels = labels->n_labels,
		.data_at = data_at,
		.explain = explain,
	};
}

static void
observe_together(
    struct together *t, const struct verdict *verdicts, uint32_t n, struct judgement *ret)
{
	struct cells_group *features = ARENA_ARRAY(t->arena, n + 1, struct cells_group), *groups;
	uint32_t *of_verdict = ARENA_ARRAY(t->arena, n + 1, uint32_t), *start, n_groups;
	const struct verdict **order = ARENA_ARRAY(t->arena, n + 1, const struct verdict *);

	for (uint32_t i = 0; i < n; i++)
		features[i] = *verdicts[i].labels;
	n_groups = aggregate_groups(t->arena, t->group, features, n, of_verdict, &groups);
	/* Without a feature there is still the one alert of a rule without groups. */
	if (n_groups == 0 && t->group->n == 0)
		n_groups = 1;
	ret->observations = ARENA_ARRAY(t->arena, n_groups + 1, struct observation);
	ret->n = n_groups;
	/* Counting sort: start[g] is where group g begins. */
	start = ARENA_ARRAY(t->arena, n_groups + 2, uint32_t);
	for (uint32_t i = 0; i < n; i++)
		start[of_verdict[i] + 2]++;
	for (uint32_t g = 2; g < n_groups + 2; g++)
		start[g] += start[g - 1];
	for (uint32_t i = 0; i < n; i++)
		order[start[of_verdict[i] + 1]++] = &verdicts[i];
	for (uint32_t g = 0; g < n_groups; g++) {
		t->list = order + start[g];
		t->n = start[g + 1] - start[g];
		t->tally = (struct aggregate_tally){ 0 };
		for (uint32_t i = 0; i < t->n; i++) {
			t->tally.bad += t->list[i]->outcome == OUTCOME_BREACH;
			t->tally.judged += t->list[i]->reason == NULL;
			t->tally.insufficient += t->list[i]->reason != NULL;
		}
		observe_group(t, &groups[g], &ret->observations[g]);
	}
}

void
verdicts_observe(struct arena *arena, const struct verdict *verdicts, uint32_t n,
    const struct aggregate *aggregate, const struct string_list *group, const struct explain *base,
    struct judgement *ret)
{
	struct together t = {
		.arena = arena, .aggregate = aggregate, .group = group, .base = base
	};

	if (aggregate->how == AGGREGATE_ANY)
		observe_each(arena, verdicts, n, ret);
	else
		observe_together(&t, verdicts, n, ret);
}
