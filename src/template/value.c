/* SPDX-License-Identifier: Apache-2.0 */
/* Typed values: what they are called, what is true, maps and lists of them. */
#include "config.h"

#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "base/xalloc.h"
#include "template/func.h"

#define JSON_NESTING_MAX 64u

static const struct {
	const char *name;
	enum type item; /* of a list or map */
} types[] = {
	[TYPE_ANY] = { "interface {}", TYPE_ANY },
	[TYPE_NONE] = { "<nil>", TYPE_ANY },
	[TYPE_BOOL] = { "bool", TYPE_ANY },
	[TYPE_INT] = { "int", TYPE_ANY },
	[TYPE_INT64] = { "int64", TYPE_ANY },
	[TYPE_BYTE] = { "uint8", TYPE_ANY },
	[TYPE_MONTH] = { "time.Month", TYPE_ANY },
	[TYPE_WEEKDAY] = { "time.Weekday", TYPE_ANY },
	[TYPE_DURATION] = { "time.Duration", TYPE_ANY },
	[TYPE_FLOAT] = { "float64", TYPE_ANY },
	[TYPE_STRING] = { "string", TYPE_ANY },
	[TYPE_HTML] = { "template.HTML", TYPE_ANY },
	[TYPE_URL] = { "template.URL", TYPE_ANY },
	[TYPE_TIME] = { "time.Time", TYPE_ANY },
	[TYPE_STRINGS] = { "[]string", TYPE_STRING },
	[TYPE_LIST] = { "[]interface {}", TYPE_ANY },
	[TYPE_ALERTS] = { "template.Alerts", TYPE_ALERT },
	[TYPE_ALERT_LIST] = { "[]template.Alert", TYPE_ALERT },
	[TYPE_PAIRS] = { "template.Pairs", TYPE_PAIR },
	[TYPE_SAMPLES] = { "template.queryResult", TYPE_SAMPLE },
	[TYPE_LABELS] = { "map[string]string", TYPE_STRING },
	[TYPE_KV] = { "template.KV", TYPE_STRING },
	[TYPE_DICT] = { "map[string]interface {}", TYPE_ANY },
	[TYPE_RULE_DATA] = { "struct", TYPE_ANY },
	[TYPE_DATA] = { "*template.Data", TYPE_ANY },
	[TYPE_ALERT] = { "template.Alert", TYPE_ANY },
	[TYPE_PAIR] = { "template.Pair", TYPE_ANY },
	[TYPE_SAMPLE] = { "*template.sample", TYPE_ANY },
	[TYPE_EXPLAIN] = { "*template.explain", TYPE_ANY },
};
_Static_assert(sizeof(types) / sizeof(types[0]) == TYPE_COUNT, "a type has no name");

const char *
type_name(enum type type)
{
	return types[type].name;
}

enum type
type_item(enum type type)
{
	return types[type].item;
}

bool
type_is_map(enum type type)
{
	return type == TYPE_LABELS || type == TYPE_KV || type == TYPE_DICT;
}

bool
type_is_list(enum type type)
{
	return type == TYPE_STRINGS || type == TYPE_LIST ||
	    type == TYPE_ALERTS || type == TYPE_ALERT_LIST ||
	    type == TYPE_PAIRS || type == TYPE_SAMPLES;
}

bool
value_is_text(const struct value *v)
{
	return v->type == TYPE_STRING || v->type == TYPE_HTML ||
	    v->type == TYPE_URL;
}

bool
value_is_int(const struct value *v)
{
	return v->type == TYPE_INT || v->type == TYPE_INT64 ||
	    v->type == TYPE_BYTE || v->type == TYPE_MONTH ||
	    v->type == TYPE_WEEKDAY || v->type == TYPE_DURATION;
}

/* Structs are true whatever they hold, a point in time included. */
bool
value_truth(const struct value *v)
{
	if (v->type == TYPE_BOOL || value_is_int(v))
		return v->i != 0;
	if (v->type == TYPE_FLOAT)
		return v->f != 0;
	if (value_is_text(v))
		return v->s.n > 0;
	if (type_is_list(v->type))
		return v->list.n > 0;
	if (type_is_map(v->type))
		return v->map->n > 0;
	return v->type != TYPE_NONE && v->type != TYPE_ANY;
}

struct value
value_time(wall_t t)
{
	struct value v = { .type = TYPE_TIME };

	v.time.sec = GO_ZERO_SECONDS;
	if (wall_is_set(t)) {
		v.time.sec = t.ns / 1000000000;
		v.time.nsec = (int32_t)(t.ns % 1000000000);
		if (v.time.nsec < 0) {
			v.time.nsec += 1000000000;
			v.time.sec--;
		}
	}
	return v;
}

struct value
value_strings(struct exec *x, uint32_t n)
{
	struct value v = { .type = TYPE_STRINGS };

	v.list.items = n > 0 ? ARENA_ARRAY(x->arena, n, struct value) : NULL;
	v.list.n = n;
	return v;
}

struct value
value_item(const struct value *list, uint32_t i)
{
	return list->list.items[i];
}

struct value
value_field(struct exec *x, const struct value *v, struct str name)
{
	const struct member *m = member_find(v->type, name);
	struct value ret = { .type = TYPE_NONE };

	if (m != NULL)
		(void)m->get(x, v, 1, &ret);
	return ret;
}

/* ---- maps ------------------------------------------------------------------- */

static uint32_t
count_labels(const struct template_labels *labels)
{
	return labels->labels != NULL ? labels->labels->n : labels->n_views;
}

static struct label_view
label_view_at(const struct template_labels *labels, uint32_t i)
{
	if (labels->labels != NULL)
		return (struct label_view){
			istr_str(labels->labels->l[i].name),
			istr_str(labels->labels->l[i].value),
		};
	return labels->views[i];
}

/* Sorted only when somebody goes through it. */
struct map *
value_labels(struct exec *x, const struct template_labels *labels)
{
	struct map *map = ARENA_NEW(x->arena, struct map);

	map->source = labels;
	map->n = count_labels(labels);
	return map;
}

struct str
value_label(const struct template_labels *labels, struct str name)
{
	if (labels->labels != NULL)
		return labels_value(labels->labels, name);
	for (uint32_t i = 0; i < labels->n_views; i++) {
		if (str_eq(labels->views[i].name, name))
			return labels->views[i].value;
	}
	return STR("");
}

static int
entry_cmp(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;

	return str_cmp(a->key, b->key);
}

void
value_map_order(struct map *map)
{
	if (map->n > 1)
		qsort(map->entries, map->n, sizeof(*map->entries), entry_cmp);
}

int
value_map_sort(struct exec *x, struct map *map)
{
	struct value *values;

	if (map->entries != NULL || map->n == 0)
		return 0;
	if (exec_charge(x, (size_t)map->n * 4) < 0)
		return -ERR_LIMIT;
	map->entries = ARENA_ARRAY(x->arena, map->n, struct entry);
	values = ARENA_ARRAY(x->arena, map->n, struct value);
	for (uint32_t i = 0; i < map->n; i++) {
		struct label_view view = label_view_at(map->source, i);

		values[i] = VALUE_STR(view.value);
		map->entries[i].key = view.name;
		map->entries[i].value = &values[i];
	}
	value_map_order(map);
	return 0;
}

struct value
value_map_get(const struct value *map, struct str key)
{
	struct entry want = { .key = key }, *found;

	if (map->map->source != NULL)
		return VALUE_STR(value_label(map->map->source, key));
	found = map->map->n == 0 ? NULL
				 : bsearch(&want, map->map->entries,
				       map->map->n, sizeof(want), entry_cmp);
	if (found != NULL)
		return *found->value;
	if (map->type == TYPE_DICT)
		return (struct value){ .type = TYPE_NONE };
	return VALUE_STR(STR(""));
}

/* ---- JSON ------------------------------------------------------------------- */

static int
json_list(struct exec *x, const struct value *v, struct buf *out,
    uint32_t depth)
{
	int rc = 0;

	buf_putc(out, '[');
	for (uint32_t i = 0; i < v->list.n && rc == 0; i++) {
		struct value item = value_item(v, i);

		if (i > 0)
			buf_putc(out, ',');
		rc = value_json(x, &item, out, depth + 1);
	}
	buf_putc(out, ']');
	return rc;
}

static int
json_map(struct exec *x, const struct value *v, struct buf *out,
    uint32_t depth)
{
	int rc = value_map_sort(x, v->map);

	buf_putc(out, '{');
	for (uint32_t i = 0; i < v->map->n && rc == 0; i++) {
		if (i > 0)
			buf_putc(out, ',');
		json_put_str_html(out, v->map->entries[i].key);
		buf_putc(out, ':');
		rc = value_json(x, v->map->entries[i].value, out, depth + 1);
	}
	buf_putc(out, '}');
	return rc;
}

/* The keys of the webhook body; a rule's data has none, hence the Go names. */
static int
json_struct(struct exec *x, const struct value *v, struct buf *out,
    uint32_t depth)
{
	static const struct { enum type of; const char *field, *key; } keys[] = {
		{ TYPE_DATA, "Receiver", "receiver" },
		{ TYPE_DATA, "Status", "status" },
		{ TYPE_DATA, "Alerts", "alerts" },
		{ TYPE_DATA, "GroupLabels", "groupLabels" },
		{ TYPE_DATA, "CommonLabels", "commonLabels" },
		{ TYPE_DATA, "CommonAnnotations", "commonAnnotations" },
		{ TYPE_DATA, "ExternalURL", "externalURL" },
		{ TYPE_ALERT, "Status", "status" },
		{ TYPE_ALERT, "Labels", "labels" },
		{ TYPE_ALERT, "Annotations", "annotations" },
		{ TYPE_ALERT, "StartsAt", "startsAt" },
		{ TYPE_ALERT, "EndsAt", "endsAt" },
		{ TYPE_ALERT, "GeneratorURL", "generatorURL" },
		{ TYPE_ALERT, "Fingerprint", "fingerprint" },
		{ TYPE_PAIR, "Name", "Name" }, { TYPE_PAIR, "Value", "Value" },
		{ TYPE_SAMPLE, "Labels", "Labels" },
		{ TYPE_SAMPLE, "Value", "Value" },
		{ TYPE_RULE_DATA, "Labels", "Labels" },
		{ TYPE_RULE_DATA, "ExternalLabels", "ExternalLabels" },
		{ TYPE_RULE_DATA, "ExternalURL", "ExternalURL" },
		{ TYPE_RULE_DATA, "Value", "Value" },
		{ TYPE_EXPLAIN, "text", "text" },
		{ TYPE_EXPLAIN, "method", "method" },
		{ TYPE_EXPLAIN, "window", "window" },
	};
	const char *comma = "{";
	int rc = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && rc == 0; i++) {
		struct value field;

		if (keys[i].of != v->type)
			continue;
		field = value_field(x, v, str_from(keys[i].field));
		buf_printf(out, "%s\"%s\":", comma, keys[i].key);
		comma = ",";
		rc = value_json(x, &field, out, depth + 1);
	}
	buf_puts(out, "}");
	return rc;
}

static void
json_time(struct exec *x, const struct value *v, struct buf *out)
{
	(void)x;
	buf_putc(out, '"');
	gotime_format(out, v->time, STR("2006-01-02T15:04:05.999999999Z07:00"));
	buf_putc(out, '"');
}

int
value_json(struct exec *x, const struct value *v, struct buf *out,
    uint32_t depth)
{
	if (exec_charge(x, 1) < 0)
		return -ERR_LIMIT;
	if (depth > JSON_NESTING_MAX)
		return exec_fail(x, "nested too deeply for JSON");
	if (v->type == TYPE_BOOL)
		buf_puts(out, v->i != 0 ? "true" : "false");
	else if (value_is_int(v))
		buf_put_i64(out, v->i);
	else if (value_is_text(v))
		json_put_str_html(out, v->s);
	else if (type_is_list(v->type))
		return json_list(x, v, out, depth);
	else if (type_is_map(v->type))
		return json_map(x, v, out, depth);
	else if (v->type == TYPE_TIME)
		json_time(x, v, out);
	else if (v->type == TYPE_FLOAT && !isfinite(v->f))
		return exec_fail(x, "json: unsupported value: NaN or Inf");
	else if (v->type == TYPE_FLOAT)
		json_put_double(out, v->f);
	else if (type_has_members(v->type))
		return json_struct(x, v, out, depth);
	else
		buf_puts(out, "null");
	return 0;
}
