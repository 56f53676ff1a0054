/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus' functions that ask the source, in labels and annotations.
 *
 * Nothing is asked here: whoever expands has the answers (template_data.query)
 * or hears which one is wanted and expands again when it is there.
 */
#include "config.h"

#include <stdlib.h>

#include "template/func.h"

#define FN(name) static int name(struct exec *x, \
    const struct value *args, uint32_t n, struct value *ret)

static struct value
samples(struct exec *x, uint32_t n)
{
	struct value v = { .type = TYPE_SAMPLES };

	v.list.items = n > 0 ? ARENA_ARRAY(x->arena, n, struct value) : NULL;
	v.list.n = n;
	return v;
}

FN(fn_query)
{
	struct template_answer answer = { .state = TEMPLATE_FAILED,
		.error = "there is no source to ask here" };

	(void)n;
	if (x->data->query != NULL)
		x->data->query(x->data->query_arg, args[0].s, &answer);
	switch (answer.state) {
	case TEMPLATE_ANSWERED:
		break;
	case TEMPLATE_FAILED:
		return exec_fail(x, "%s", answer.error);
	case TEMPLATE_PENDING:
		return err_set(x->err, ERR_BUSY, "the answer is not here yet");
	}
	if (exec_charge(x, (size_t)answer.n * 2) < 0)
		return -ERR_LIMIT;
	*ret = samples(x, answer.n);
	for (uint32_t i = 0; i < answer.n; i++) {
		ret->list.items[i].type = TYPE_SAMPLE;
		ret->list.items[i].sample = &answer.samples[i];
	}
	return 0;
}

FN(fn_first)
{
	(void)n;
	if (args[0].list.n == 0)
		return exec_fail(x,
		    "first() called on vector with no elements");
	*ret = args[0].list.items[0];
	return 0;
}

FN(fn_label)
{
	(void)x;
	(void)n;
	*ret = VALUE_STR(value_label(&args[1].sample->labels, args[0].s));
	return 0;
}

FN(fn_value)
{
	(void)x;
	(void)n;
	*ret = VALUE_F(args[0].sample->value);
	return 0;
}

FN(fn_strvalue)
{
	(void)x;
	(void)n;
	*ret = VALUE_STR(
	    value_label(&args[0].sample->labels, STR("__value__")));
	return 0;
}

struct ordered {
	struct str key;
	uint32_t at;
};

/* Equal ones stay in the order they came in. */
static int
by_key(const void *pa, const void *pb)
{
	const struct ordered *a = pa, *b = pb;
	int order = str_cmp(a->key, b->key);

	return order != 0 ? order : (a->at > b->at) - (a->at < b->at);
}

FN(fn_sort)
{
	const struct list *list = &args[1].list;
	struct ordered *order;

	(void)n;
	if (exec_charge(x, (size_t)list->n * 4) < 0)
		return -ERR_LIMIT;
	order = ARENA_ARRAY(x->arena, list->n + 1, struct ordered);
	for (uint32_t i = 0; i < list->n; i++)
		order[i] = (struct ordered){
			value_label(&list->items[i].sample->labels, args[0].s), i
		};
	if (list->n > 1)
		qsort(order, list->n, sizeof(*order), by_key);
	*ret = samples(x, list->n);
	for (uint32_t i = 0; i < list->n; i++)
		ret->list.items[i] = list->items[order[i].at];
	return 0;
}

const struct func funcs_query[] = {
	{ "query", "s", TYPE_SAMPLES, fn_query, false, true },
	{ "first", "Q", TYPE_SAMPLE, fn_first, false, false },
	{ "label", "sS", TYPE_STRING, fn_label, false, false },
	{ "value", "S", TYPE_FLOAT, fn_value, false, false },
	{ "strvalue", "S", TYPE_STRING, fn_strvalue, false, false },
	{ "sortByLabel", "sQ", TYPE_SAMPLES, fn_sort, false, false },
	{ .name = NULL },
};
