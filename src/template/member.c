/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields and methods: of the data of rules and notifications, of label sets,
 * pairs, points in time and durations.  One table serves the checker, which
 * refuses a name that is not in it, and the evaluation.
 */
#include "config.h"

#include <math.h>
#include <stdlib.h>

#include "template/func.h"

#define SECOND 1000000000ll

__extension__ typedef __int128 wide_t;

#define GET(name) static int name(struct exec *x, \
    const struct value *args, uint32_t n, struct value *ret)
#define UNUSED_ALL (void)x, (void)args, (void)n

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

GET(any_string)
{
	struct buf buf = { .max = TEMPLATE_OUTPUT_MAX };

	UNUSED_ALL;
	print_value(x, &buf, &args[0]);
	return exec_take(x, &buf, ret);
}

/* ---- time ------------------------------------------------------------------- */

static int
put_int(struct value *ret, enum type type, int64_t i)
{
	*ret = (struct value){ .type = type };
	ret->i = i;
	return 0;
}

static int
put_time(struct value *ret, struct time time)
{
	*ret = (struct value){ .type = TYPE_TIME };
	while (time.nsec < 0) {
		time.nsec += (int32_t)SECOND;
		time.sec--;
	}
	ret->time = time;
	return 0;
}

#define GET_CIVIL(name, type, field)                                          \
	GET(name)                                                             \
	{                                                                     \
		UNUSED_ALL;                                                   \
		return put_int(                                               \
		    ret, type, gotime_civil(args[0].time, NULL, NULL).field); \
	}

GET_CIVIL(time_year, TYPE_INT, year)
GET_CIVIL(time_month, TYPE_MONTH, month)
GET_CIVIL(time_day, TYPE_INT, day)
GET_CIVIL(time_hour, TYPE_INT, hour)
GET_CIVIL(time_minute, TYPE_INT, minute)
GET_CIVIL(time_second, TYPE_INT, second)
GET_CIVIL(time_weekday, TYPE_WEEKDAY, weekday)
GET_CIVIL(time_yearday, TYPE_INT, yearday)

#define GET_INT(name, type, value)                        \
	GET(name)                                         \
	{                                                 \
		UNUSED_ALL;                               \
		return put_int(ret, type, (int64_t)(value)); \
	}
#define NS(t) ((int64_t)((uint64_t)(t).sec * 1000000000u + (uint64_t)(t).nsec))

GET_INT(time_nanosecond, TYPE_INT, args[0].time.nsec)
GET_INT(time_unix, TYPE_INT64, args[0].time.sec)
GET_INT(time_unix_nano, TYPE_INT64, NS(args[0].time))
GET_INT(time_unix_milli, TYPE_INT64,
    (uint64_t)args[0].time.sec * 1000u + (uint64_t)args[0].time.nsec / 1000000u)

static int
time_cmp(struct time a, struct time b)
{
	if (a.sec != b.sec)
		return a.sec < b.sec ? -1 : 1;
	return (a.nsec > b.nsec) - (a.nsec < b.nsec);
}

#define GET_BOOL(name, value)                 \
	GET(name)                             \
	{                                     \
		UNUSED_ALL;                   \
		*ret = VALUE_B(value);        \
		return 0;                     \
	}

GET_BOOL(time_before, time_cmp(args[0].time, args[1].time) < 0)
GET_BOOL(time_after, time_cmp(args[0].time, args[1].time) > 0)
GET_BOOL(time_equal, time_cmp(args[0].time, args[1].time) == 0)
GET_BOOL(time_is_zero, args[0].time.sec == GO_ZERO_SECONDS &&
    args[0].time.nsec == 0)

GET(time_utc)
{
	struct time t = args[0].time;

	UNUSED_ALL;
	t.zone = NULL;
	return put_time(ret, t);
}

GET(time_sub)
{
	struct time a = args[0].time, b = args[1].time;
	int64_t sec, ns;

	UNUSED_ALL;
	/* As far as a duration reaches. */
	if (__builtin_sub_overflow(a.sec, b.sec, &sec) ||
	    __builtin_mul_overflow(sec, SECOND, &ns) ||
	    __builtin_add_overflow(ns, (int64_t)(a.nsec - b.nsec), &ns))
		ns = time_cmp(a, b) < 0 ? INT64_MIN : INT64_MAX;
	return put_int(ret, TYPE_DURATION, ns);
}

GET(time_add)
{
	struct time t = args[0].time;
	int64_t ns = t.nsec + args[1].i % SECOND;

	UNUSED_ALL;
	t.sec += args[1].i / SECOND + ns / SECOND;
	t.nsec = (int32_t)(ns % SECOND);
	return put_time(ret, t);
}

GET(time_add_date)
{
	struct time t = args[0].time;
	int32_t offset;
	struct civil c = gotime_civil(t, &offset, NULL);
	int64_t days;

	UNUSED_ALL;
	for (int i = 1; i <= 3; i++) {
		if (args[i].i > 1000000 || args[i].i < -1000000)
			return exec_fail(x, "AddDate takes at most a million");
	}
	days = gotime_days(c.year + args[1].i, c.month + (int)args[2].i, 1) +
	    c.day - 1 + args[3].i;
	t.sec = days * 86400 + c.hour * 3600 + c.minute * 60 + c.second -
	    offset;
	return put_time(ret, t);
}

GET(time_truncate)
{
	struct time t = args[0].time;
	int64_t by = args[1].i;
	wide_t ns;

	UNUSED_ALL;
	if (by > 0) {
		/* Counted from year 1, as Go counts. */
		ns = (wide_t)(t.sec - GO_ZERO_SECONDS) * SECOND + t.nsec;
		ns -= ns % by;
		t.sec = (int64_t)(ns / SECOND) + GO_ZERO_SECONDS;
		t.nsec = (int32_t)(ns % SECOND);
	}
	return put_time(ret, t);
}

GET(time_format)
{
	struct buf buf = { .max = TEMPLATE_OUTPUT_MAX };

	UNUSED_ALL;
	gotime_format(&buf, args[0].time, args[1].s);
	return exec_take(x, &buf, ret);
}

#define GET_FLOAT(name, value)                \
	GET(name)                             \
	{                                     \
		UNUSED_ALL;                   \
		*ret = VALUE_F(value);        \
		return 0;                     \
	}
#define SPLIT(unit) ((double)(args[0].i / (unit)) + (double)(args[0].i % (unit)) / (double)(unit))

GET_FLOAT(duration_seconds, SPLIT(SECOND))
GET_FLOAT(duration_minutes, SPLIT(60 * SECOND))
GET_FLOAT(duration_hours, SPLIT(3600 * SECOND))
GET_INT(duration_milli, TYPE_INT64, args[0].i / 1000000)
GET_INT(duration_micro, TYPE_INT64, args[0].i / 1000)
GET_INT(duration_nano, TYPE_INT64, args[0].i)
GET_INT(duration_truncate, TYPE_DURATION,
    args[1].i > 0 ? args[0].i - args[0].i % args[1].i : args[0].i)
GET_INT(duration_abs, TYPE_DURATION,
    args[0].i < 0 ? 0 - (uint64_t)args[0].i : (uint64_t)args[0].i)

GET(duration_round)
{
	int64_t d = args[0].i, by = args[1].i, rest, up;

	UNUSED_ALL;
	if (by <= 0)
		return put_int(ret, TYPE_DURATION, d);
	rest = d % by;
	if (llabs(rest) < by - llabs(rest))
		return put_int(ret, TYPE_DURATION, d - rest);
	if (__builtin_add_overflow(d - rest, d < 0 ? -by : by, &up))
		up = d < 0 ? INT64_MIN : INT64_MAX;
	return put_int(ret, TYPE_DURATION, up);
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
	{ TYPE_KV, "String", "", TYPE_STRING, any_string },
	{ TYPE_PAIRS, "Names", "", TYPE_STRINGS, pairs_names },
	{ TYPE_PAIRS, "Values", "", TYPE_STRINGS, pairs_values },
	{ TYPE_PAIRS, "String", "", TYPE_STRING, any_string },
	{ TYPE_PAIR, "Name", NULL, TYPE_STRING, pair_name },
	{ TYPE_PAIR, "Value", NULL, TYPE_STRING, pair_value },
	{ TYPE_SAMPLE, "Labels", NULL, TYPE_LABELS, sample_labels_of },
	{ TYPE_SAMPLE, "Value", NULL, TYPE_FLOAT, sample_value },
	{ TYPE_TIME, "Format", "s", TYPE_STRING, time_format },
	{ TYPE_TIME, "String", "", TYPE_STRING, any_string },
	{ TYPE_TIME, "Year", "", TYPE_INT, time_year },
	{ TYPE_TIME, "Month", "", TYPE_MONTH, time_month },
	{ TYPE_TIME, "Day", "", TYPE_INT, time_day },
	{ TYPE_TIME, "Hour", "", TYPE_INT, time_hour },
	{ TYPE_TIME, "Minute", "", TYPE_INT, time_minute },
	{ TYPE_TIME, "Second", "", TYPE_INT, time_second },
	{ TYPE_TIME, "Nanosecond", "", TYPE_INT, time_nanosecond },
	{ TYPE_TIME, "Weekday", "", TYPE_WEEKDAY, time_weekday },
	{ TYPE_TIME, "YearDay", "", TYPE_INT, time_yearday },
	{ TYPE_TIME, "Unix", "", TYPE_INT64, time_unix },
	{ TYPE_TIME, "UnixMilli", "", TYPE_INT64, time_unix_milli },
	{ TYPE_TIME, "UnixNano", "", TYPE_INT64, time_unix_nano },
	{ TYPE_TIME, "UTC", "", TYPE_TIME, time_utc },
	{ TYPE_TIME, "Local", "", TYPE_TIME, time_utc },
	{ TYPE_TIME, "Sub", "T", TYPE_DURATION, time_sub },
	{ TYPE_TIME, "Add", "D", TYPE_TIME, time_add },
	{ TYPE_TIME, "AddDate", "iii", TYPE_TIME, time_add_date },
	{ TYPE_TIME, "Truncate", "D", TYPE_TIME, time_truncate },
	{ TYPE_TIME, "Before", "T", TYPE_BOOL, time_before },
	{ TYPE_TIME, "After", "T", TYPE_BOOL, time_after },
	{ TYPE_TIME, "Equal", "T", TYPE_BOOL, time_equal },
	{ TYPE_TIME, "IsZero", "", TYPE_BOOL, time_is_zero },
	{ TYPE_DURATION, "String", "", TYPE_STRING, any_string },
	{ TYPE_DURATION, "Seconds", "", TYPE_FLOAT, duration_seconds },
	{ TYPE_DURATION, "Minutes", "", TYPE_FLOAT, duration_minutes },
	{ TYPE_DURATION, "Hours", "", TYPE_FLOAT, duration_hours },
	{ TYPE_DURATION, "Milliseconds", "", TYPE_INT64, duration_milli },
	{ TYPE_DURATION, "Microseconds", "", TYPE_INT64, duration_micro },
	{ TYPE_DURATION, "Nanoseconds", "", TYPE_INT64, duration_nano },
	{ TYPE_DURATION, "Round", "D", TYPE_DURATION, duration_round },
	{ TYPE_DURATION, "Truncate", "D", TYPE_DURATION, duration_truncate },
	{ TYPE_DURATION, "Abs", "", TYPE_DURATION, duration_abs },
	{ TYPE_MONTH, "String", "", TYPE_STRING, any_string },
	{ TYPE_WEEKDAY, "String", "", TYPE_STRING, any_string },
};

const struct member *
member_find(enum type of, struct str name)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (members[i].of == of && str_is(name, members[i].name))
			return &members[i];
	}
	return NULL;
}

const char *
member_nearest(enum type of, struct str name)
{
	uint32_t best = 3;
	const char *ret = NULL;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		uint32_t d = members[i].of == of
		    ? str_distance(name, str_from(members[i].name), 3)
		    : 4;

		if (d < best) {
			best = d;
			ret = members[i].name;
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
