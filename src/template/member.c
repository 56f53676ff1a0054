/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields and methods: of the data of rules and notifications, of label sets
 * and pairs; those of points in time and durations are member_time.c's.  One
 * table serves the checker, which refuses a name that is not in it, and the
 * evaluation.
 */
#include "config.h"

#include "template/member.h"

#include <math.h>

/* ---- data ------------------------------------------------------------------- */

static int
put_labels(struct exec *x, const struct template_labels *labels,
    enum type type, struct value *ret)
{
	*ret = (struct value){ .type = type };
	ret->map = value_labels(x, labels);
	return 0;
}

#define GET_LABELS(name, of, type)                                   \
	GET(name)                                                    \
	{                                                            \
		UNUSED_ALL;                                          \
		return put_labels(x, &(of), type, ret);              \
	}
#define GET_STR(name, of)                                            \
	GET(name)                                                    \
	{                                                            \
		UNUSED_ALL;                                          \
		*ret = VALUE_STR(of);                                \
		return 0;                                            \
	}

GET_LABELS(rule_labels, x->data->labels, TYPE_LABELS)
GET_LABELS(rule_external, x->data->external_labels, TYPE_LABELS)
GET_STR(data_url, x->data->external_url)
GET_STR(data_status, x->data->status)
GET_STR(data_receiver, x->data->receiver)
GET_STR(data_reason, x->data->notification_reason)
GET_LABELS(data_group, x->data->group_labels, TYPE_KV)
GET_LABELS(data_common, x->data->common_labels, TYPE_KV)
GET_LABELS(data_annotations, x->data->common_annotations, TYPE_KV)
GET_LABELS(data_route, x->data->route_labels, TYPE_KV)
GET_STR(alert_status, args[0].alert->status)
GET_STR(alert_generator, args[0].alert->generator_url)
GET_STR(alert_fingerprint, args[0].alert->fingerprint)
GET_LABELS(alert_labels, args[0].alert->labels, TYPE_KV)
GET_LABELS(alert_annotations, args[0].alert->annotations, TYPE_KV)
GET_LABELS(sample_labels_of, args[0].sample->labels, TYPE_LABELS)
GET_STR(pair_name, *args[0].pair.name)
GET_STR(pair_value, *args[0].pair.value)

GET(sample_value)
{
	UNUSED_ALL;
	*ret = VALUE_F(args[0].sample->value);
	return 0;
}

GET(rule_value)
{
	UNUSED_ALL;
	*ret = VALUE_F(x->data->value);
	return 0;
}

/* Why the rule says so; where nobody does, numbers are NaN and texts empty. */
static const struct template_explain *
explain_of(const struct exec *x)
{
	static const struct template_explain none = { .value = (double)NAN,
		.threshold = (double)NAN, .baseline = (double)NAN,
		.low = (double)NAN, .high = (double)NAN,
		.n_reference = (double)NAN, .n_current = (double)NAN,
		.statistic = (double)NAN, .p_value = (double)NAN,
		.effect = (double)NAN, .method = { "", 0 },
		.window = { "", 0 }, .text = { "", 0 }, .detail = { "", 0 },
		.features = { "", 0 } };

	return x->data->explain != NULL ? x->data->explain : &none;
}

GET(rule_explain)
{
	UNUSED_ALL;
	*ret = (struct value){ .type = TYPE_EXPLAIN };
	return 0;
}

#define GET_EXPLAINED(name)                            \
	GET(explain_##name)                            \
	{                                              \
		UNUSED_ALL;                            \
		*ret = VALUE_F(explain_of(x)->name);   \
		return 0;                              \
	}
GET_EXPLAINED(value)
GET_EXPLAINED(threshold)
GET_EXPLAINED(baseline)
GET_EXPLAINED(low)
GET_EXPLAINED(high)
GET_EXPLAINED(n_reference)
GET_EXPLAINED(n_current)
GET_EXPLAINED(statistic)
GET_EXPLAINED(p_value)
GET_EXPLAINED(effect)
GET_STR(explain_method, explain_of(x)->method)
GET_STR(explain_window, explain_of(x)->window)
GET_STR(explain_text, explain_of(x)->text)
GET_STR(explain_detail, explain_of(x)->detail)
GET_STR(explain_features, explain_of(x)->features)

GET(alert_starts)
{
	UNUSED_ALL;
	*ret = value_time(args[0].alert->starts_at);
	return 0;
}

GET(alert_ends)
{
	UNUSED_ALL;
	*ret = value_time(args[0].alert->ends_at);
	return 0;
}

/* status: NULL for all. */
static int
put_alerts(struct exec *x, const char *status, enum type type,
    const struct value *from, struct value *ret)
{
	const struct template_data *data = x->data;
	uint32_t n = from != NULL ? from->list.n : data->n_alerts;
	struct value v = { .type = type };

	if (exec_charge(x, (size_t)n * 2) < 0)
		return -ERR_LIMIT;
	v.list.items = n > 0 ? ARENA_ARRAY(x->arena, n, struct value) : NULL;
	for (uint32_t i = 0; i < n; i++) {
		const struct template_alert *alert = from != NULL
		    ? from->list.items[i].alert
		    : &data->alerts[i];

		if (status != NULL && !str_is(alert->status, status))
			continue;
		v.list.items[v.list.n].type = TYPE_ALERT;
		v.list.items[v.list.n++].alert = alert;
	}
	*ret = v;
	return 0;
}

GET(data_alerts)
{
	UNUSED_ALL;
	return put_alerts(x, NULL, TYPE_ALERTS, NULL, ret);
}

GET(alerts_firing)
{
	UNUSED_ALL;
	return put_alerts(x, "firing", TYPE_ALERT_LIST, &args[0], ret);
}

GET(alerts_resolved)
{
	UNUSED_ALL;
	return put_alerts(x, "resolved", TYPE_ALERT_LIST, &args[0], ret);
}

/* ---- label sets and pairs ---------------------------------------------------- */

GET(kv_pairs)
{
	struct map *map = args[0].map;
	struct value v = { .type = TYPE_PAIRS };
	uint32_t first = UINT32_MAX;

	UNUSED_ALL;
	if (value_map_sort(x, map) < 0 || exec_charge(x, map->n * 2ull) < 0)
		return -ERR_LIMIT;
	v.list.items =
	    map->n > 0 ? ARENA_ARRAY(x->arena, map->n, struct value) : NULL;
	for (uint32_t i = 0; i < map->n; i++) {
		if (str_is(map->entries[i].key, "alertname"))
			first = i;
	}
	/* The name of the alert first, the others as sorted. */
	for (uint32_t i = 0; i < map->n; i++) {
		uint32_t k = first == UINT32_MAX || i > first ? i
		    : i == 0				      ? first
							      : i - 1;
		struct value *pair = &v.list.items[v.list.n++];

		pair->type = TYPE_PAIR;
		pair->pair.name = &map->entries[k].key;
		pair->pair.value = &map->entries[k].value->s;
	}
	*ret = v;
	return 0;
}

static int
strings_of_pairs(struct exec *x, const struct value *pairs, bool names,
    struct value *ret)
{
	if (exec_charge(x, pairs->list.n * 2ull) < 0)
		return -ERR_LIMIT;
	*ret = value_strings(x, pairs->list.n);
	for (uint32_t i = 0; i < pairs->list.n; i++) {
		const struct value *pair = &pairs->list.items[i];

		ret->list.items[i] = VALUE_STR(
		    names ? *pair->pair.name : *pair->pair.value);
	}
	return 0;
}

GET(pairs_names)
{
	UNUSED_ALL;
	return strings_of_pairs(x, &args[0], true, ret);
}

GET(pairs_values)
{
	UNUSED_ALL;
	return strings_of_pairs(x, &args[0], false, ret);
}

GET(kv_names)
{
	struct value pairs;
	int rc = kv_pairs(x, args, n, &pairs);

	return rc < 0 ? rc : strings_of_pairs(x, &pairs, true, ret);
}

GET(kv_values)
{
	struct value pairs;
	int rc = kv_pairs(x, args, n, &pairs);

	return rc < 0 ? rc : strings_of_pairs(x, &pairs, false, ret);
}

GET(kv_remove)
{
	struct map *map = args[0].map, *left = ARENA_NEW(x->arena, struct map);
	const struct list *names = &args[1].list;

	UNUSED_ALL;
	if (value_map_sort(x, map) < 0 ||
	    exec_charge(x, map->n * (2ull + names->n)) < 0)
		return -ERR_LIMIT;
	left->entries = ARENA_ARRAY(x->arena, map->n + 1, struct entry);
	for (uint32_t i = 0; i < map->n; i++) {
		bool drop = false;

		for (uint32_t k = 0; k < names->n && !drop; k++)
			drop = str_eq(names->items[k].s, map->entries[i].key);
		if (!drop)
			left->entries[left->n++] = map->entries[i];
	}
	*ret = (struct value){ .type = TYPE_KV };
	ret->map = left;
	return 0;
}

int
member_string(struct exec *x, const struct value *args, uint32_t n, struct value *ret)
{
	struct buf buf = { .max = TEMPLATE_OUTPUT_MAX };

	UNUSED_ALL;
	print_value(x, &buf, &args[0]);
	return exec_take(x, &buf, ret);
}

/* ---- the table -------------------------------------------------------------- */

static const struct member members[] = {
	{ TYPE_RULE_DATA, "Labels", NULL, TYPE_LABELS, rule_labels },
	{ TYPE_RULE_DATA, "ExternalLabels", NULL, TYPE_LABELS, rule_external },
	{ TYPE_RULE_DATA, "ExternalURL", NULL, TYPE_STRING, data_url },
	{ TYPE_RULE_DATA, "Value", NULL, TYPE_FLOAT, rule_value },
	{ TYPE_RULE_DATA, "Explain", NULL, TYPE_EXPLAIN, rule_explain },
	{ TYPE_EXPLAIN, "value", NULL, TYPE_FLOAT, explain_value },
	{ TYPE_EXPLAIN, "threshold", NULL, TYPE_FLOAT, explain_threshold },
	{ TYPE_EXPLAIN, "baseline", NULL, TYPE_FLOAT, explain_baseline },
	{ TYPE_EXPLAIN, "low", NULL, TYPE_FLOAT, explain_low },
	{ TYPE_EXPLAIN, "high", NULL, TYPE_FLOAT, explain_high },
	{ TYPE_EXPLAIN, "n_reference", NULL, TYPE_FLOAT, explain_n_reference },
	{ TYPE_EXPLAIN, "n_current", NULL, TYPE_FLOAT, explain_n_current },
	{ TYPE_EXPLAIN, "statistic", NULL, TYPE_FLOAT, explain_statistic },
	{ TYPE_EXPLAIN, "p_value", NULL, TYPE_FLOAT, explain_p_value },
	{ TYPE_EXPLAIN, "effect", NULL, TYPE_FLOAT, explain_effect },
	{ TYPE_EXPLAIN, "method", NULL, TYPE_STRING, explain_method },
	{ TYPE_EXPLAIN, "window", NULL, TYPE_STRING, explain_window },
	{ TYPE_EXPLAIN, "text", NULL, TYPE_STRING, explain_text },
	{ TYPE_EXPLAIN, "detail", NULL, TYPE_STRING, explain_detail },
	{ TYPE_EXPLAIN, "features", NULL, TYPE_STRING, explain_features },
	{ TYPE_DATA, "Receiver", NULL, TYPE_STRING, data_receiver },
	{ TYPE_DATA, "Status", NULL, TYPE_STRING, data_status },
	{ TYPE_DATA, "Alerts", NULL, TYPE_ALERTS, data_alerts },
	{ TYPE_DATA, "GroupLabels", NULL, TYPE_KV, data_group },
	{ TYPE_DATA, "CommonLabels", NULL, TYPE_KV, data_common },
	{ TYPE_DATA, "CommonAnnotations", NULL, TYPE_KV, data_annotations },
	{ TYPE_DATA, "ExternalURL", NULL, TYPE_STRING, data_url },
	{ TYPE_DATA, "RouteLabels", NULL, TYPE_KV, data_route },
	{ TYPE_DATA, "NotificationReason", NULL, TYPE_STRING, data_reason },
	{ TYPE_ALERT, "Status", NULL, TYPE_STRING, alert_status },
	{ TYPE_ALERT, "Labels", NULL, TYPE_KV, alert_labels },
	{ TYPE_ALERT, "Annotations", NULL, TYPE_KV, alert_annotations },
	{ TYPE_ALERT, "StartsAt", NULL, TYPE_TIME, alert_starts },
	{ TYPE_ALERT, "EndsAt", NULL, TYPE_TIME, alert_ends },
	{ TYPE_ALERT, "GeneratorURL", NULL, TYPE_STRING, alert_generator },
	{ TYPE_ALERT, "Fingerprint", NULL, TYPE_STRING, alert_fingerprint },
	{ TYPE_ALERTS, "Firing", "", TYPE_ALERT_LIST, alerts_firing },
	{ TYPE_ALERTS, "Resolved", "", TYPE_ALERT_LIST, alerts_resolved },
	{ TYPE_KV, "SortedPairs", "", TYPE_PAIRS, kv_pairs },
	{ TYPE_KV, "Remove", "L", TYPE_KV, kv_remove },
	{ TYPE_KV, "Names", "", TYPE_STRINGS, kv_names },
	{ TYPE_KV, "Values", "", TYPE_STRINGS, kv_values },
	{ TYPE_KV, "String", "", TYPE_STRING, member_string },
	{ TYPE_PAIRS, "Names", "", TYPE_STRINGS, pairs_names },
	{ TYPE_PAIRS, "Values", "", TYPE_STRINGS, pairs_values },
	{ TYPE_PAIRS, "String", "", TYPE_STRING, member_string },
	{ TYPE_PAIR, "Name", NULL, TYPE_STRING, pair_name },
	{ TYPE_PAIR, "Value", NULL, TYPE_STRING, pair_value },
	{ TYPE_SAMPLE, "Labels", NULL, TYPE_LABELS, sample_labels_of },
	{ TYPE_SAMPLE, "Value", NULL, TYPE_FLOAT, sample_value },
	{ TYPE_MONTH, "String", "", TYPE_STRING, member_string },
	{ TYPE_WEEKDAY, "String", "", TYPE_STRING, member_string },
	{ .name = NULL },
};

static const struct member *
table_of(enum type type)
{
	return type == TYPE_TIME || type == TYPE_DURATION ? member_time_table : members;
}

const struct member *
member_find(enum type of, struct str name)
{
	for (const struct member *m = table_of(of); m->name != NULL; m++) {
		if (m->of == of && str_is(name, m->name))
			return m;
	}
	return NULL;
}

const char *
member_nearest(enum type of, struct str name)
{
	uint32_t best = 3;
	const char *ret = NULL;

	for (const struct member *m = table_of(of); m->name != NULL; m++) {
		uint32_t d = m->of == of ? str_distance(name, str_from(m->name), 3) : 4;

		if (d < best) {
			best = d;
			ret = m->name;
		}
	}
	return ret;
}

bool
type_has_members(enum type type)
{
	return type == TYPE_RULE_DATA || type == TYPE_DATA ||
	    type == TYPE_ALERT || type == TYPE_PAIR || type == TYPE_SAMPLE ||
	    type == TYPE_EXPLAIN;
}
