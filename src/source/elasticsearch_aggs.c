/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks nested aggregations.
 *
 * Labels are gathered on the way down: each bucket gives the name of its
 * aggregation the bucket's key.  A row is born at each metric, or at a bucket
 * that holds no aggregation.
 */
#include "config.h"

#include "source/elasticsearch_aggs.h"

#include "source/http_source.h"
#include "source/json_table.h"

#define LEVELS_MAX 32

struct walk {
	struct arena *scratch;
	struct rows *rows;
	struct {
		struct str name, value;
	} labels[LEVELS_MAX];
	uint32_t n;
};

static int walk_aggs(struct walk *w, struct str span, bool *ret_any, struct err *err);

static int
push(struct walk *w, struct str name, struct str value, struct err *err)
{
	if (w->n == LEVELS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d levels of buckets", LEVELS_MAX);
	w->labels[w->n].name = name;
	w->labels[w->n].value = value;
	w->n++;
	return 0;
}

static int
emit(struct walk *w, struct str label, struct str text, struct str value, struct err *err)
{
	struct cell cell;
	int code = rows_begin(w->rows, err);

	for (uint32_t i = 0; i < w->n && code == 0; i++)
		code = rows_label(w->rows, w->labels[i].name, w->labels[i].value, err);
	if (code == 0 && label.n > 0)
		code = rows_label(w->rows, label, text, err);
	if (code < 0)
		return code;
	json_cell(value, w->scratch, &cell);
	return rows_value(w->rows, &cell, err);
}

/* A composite bucket's key has a member for each of its sources. */
static int
push_composite(struct walk *w, struct str key, struct err *err)
{
	struct json_reader r;
	struct cell cell;
	struct str name;
	int code = 0;

	json_reader_init(&r, key);
	json_enter(&r, JSON_OBJECT);
	while (code == 0 && json_next_key(&r, &name) && json_read_cell(&r, w->scratch, &cell))
		if (cell.kind != CELL_NULL && cell.kind != CELL_OTHER)
			code = push(w, name, cell.text, err);
	return code;
}

/* named: the bucket's key when it is a member of an object. */
static int
walk_bucket(struct walk *w, struct str agg, struct str named, struct str span, struct err *err)
{
	struct str key = STR(""), text = STR(""), count = STR("");
	const struct json_member members[] = { { "key", &key }, { "key_as_string", &text },
		{ "doc_count", &count } };
	const uint32_t depth = w->n;
	struct cell cell;
	bool any = false;
	int code = 0;

	if (!json_members(span, members, ARRAY_LEN(members)))
		return err_set(err, ERR_INVALID, "a bucket of '%.*s' is no object",
		    STR_ARG(str_head(agg, 60)));
	if (key.n > 0 && key.p[0] == '{') {
		code = push_composite(w, key, err);
	} else if (key.n > 0 || named.n > 0) {
		/* A time is better as a number: key_as_string has a format of its own. */
		json_cell(text.n > 0 && !rows_is_time(&w->rows->want, agg) ? text : key, w->scratch,
		    &cell);
		code = push(w, agg, key.n > 0 ? cell.text : named, err);
	}
	if (code == 0)
		code = walk_aggs(w, span, &any, err);
	if (code == 0 && !any)
		code = count.n > 0
			   ? emit(w, STR(""), STR(""), count, err)
			   : err_set(err, ERR_INVALID, "a bucket of '%.*s' has no doc_count",
				 STR_ARG(str_head(agg, 60)));
	w->n = depth;
	return code;
}

static int
walk_buckets(struct walk *w, struct str agg, struct str span, struct err *err)
{
	struct json_reader r;
	struct str item, key = STR("");
	int code = 0;

	json_reader_init(&r, span);
	if (json_peek(&r) == JSON_OBJECT) {
		json_enter(&r, JSON_OBJECT);
		while (code == 0 && json_next_key(&r, &key) && json_read_span(&r, &item)) {
			if (memchr(key.p, '\\', key.n) != NULL)
				key = json_unescape(w->scratch, key);
			code = walk_bucket(w, agg, key, item, err);
		}
		return code;
	}
	if (!json_enter(&r, JSON_ARRAY))
		return err_set(err, ERR_INVALID, "the buckets of '%.*s' are no list",
		    STR_ARG(str_head(agg, 60)));
	while (code == 0 && json_next_item(&r) && json_read_span(&r, &item))
		code = walk_bucket(w, agg, STR(""), item, err);
	return code;
}

/* percentiles: {"95.0": 12.5, "95.0_as_string": ...} or [{"key": 95.0, "value": 12.5}] */
static int
walk_values(struct walk *w, struct str agg, struct str span, struct err *err)
{
	const uint32_t depth = w->n;
	struct json_reader r;
	struct str key, value;
	int code = 0;

	if (!str_is(agg, "value"))
		code = push(w, STR("metric"), agg, err);
	json_reader_init(&r, span);
	if (json_peek(&r) != JSON_OBJECT)
		return err_set(err, ERR_INVALID, "'%.*s': give its percentiles \"keyed\": true",
		    STR_ARG(str_head(agg, 60)));
	json_enter(&r, JSON_OBJECT);
	while (code == 0 && json_next_key(&r, &key) && json_read_span(&r, &value))
		if (!str_ends(key, STR("_as_string")))
			code = emit(w, STR("percentile"), key, value, err);
	w->n = depth;
	return code;
}

static int
walk_agg(struct walk *w, struct str name, struct str span, struct err *err)
{
	struct str buckets = STR(""), value = STR(""), values = STR(""), count = STR("");
	const struct json_member members[] = { { "buckets", &buckets }, { "value", &value },
		{ "values", &values }, { "doc_count", &count } };

	json_members(span, members, ARRAY_LEN(members));
	if (buckets.n > 0)
		return walk_buckets(w, name, buckets, err);
	if (values.n > 0)
		return walk_values(w, name, values, err);
	/* A single-bucket aggregation may hold one that is called value. */
	if (count.n > 0)
		return walk_bucket(w, name, STR(""), span, err);
	if (value.n > 0)
		return str_is(name, "value") ? emit(w, STR(""), STR(""), value, err)
					     : emit(w, STR("metric"), name, value, err);
	return err_set(err, ERR_INVALID,
	    "'%.*s' is an aggregation with several values; use those with one, such as avg or max",
	    STR_ARG(str_head(name, 60)));
}

/* Every member that is an object, but for a composite's key. */
static int
walk_aggs(struct walk *w, struct str span, bool *ret_any, struct err *err)
{
	struct json_reader r;
	struct str name, member;
	int code = 0;

	json_reader_init(&r, span);
	if (!json_enter(&r, JSON_OBJECT))
		return err_set(err, ERR_INVALID, "\"aggregations\" is no object");
	while (code == 0 && json_next_key(&r, &name) && json_read_span(&r, &member)) {
		if (member.p[0] != '{' || str_is(name, "key") || str_is(name, "meta"))
			continue;
		if (memchr(name.p, '\\', name.n) != NULL)
			name = json_unescape(w->scratch, name);
		*ret_any = true;
		code = walk_agg(w, name, member, err);
	}
	return code;
}

/* No aggregations: how many documents match. */
static int
read_total(struct walk *w, struct str hits, struct err *err)
{
	struct str total = STR(""), value = STR(""), relation = STR("");

	json_members(hits, (struct json_member[]){ { "total", &total } }, 1);
	if (total.n > 0 && total.p[0] == '{')
		json_members(total,
		    (struct json_member[]){ { "value", &value }, { "relation", &relation } }, 2);
	else
		value = total;
	if (value.n == 0)
		return err_set(err, ERR_INVALID, "an answer without aggregations and hits.total");
	if (relation.n > 0 && !str_is(relation, "\"eq\""))
		return err_set(err, ERR_REMOTE,
		    "partial answer: hits were not all counted; set \"track_total_hits\": true");
	return emit(w, STR(""), STR(""), value, err);
}

int
elasticsearch_aggs(struct str body, struct arena *scratch, struct rows *rows, struct err *err)
{
	struct str aggs = STR(""), hits = STR("");
	const struct json_member members[] = { { "aggregations", &aggs }, { "aggs", &aggs },
		{ "hits", &hits } };
	struct walk *w = ARENA_NEW(scratch, struct walk);
	bool any;

	w->scratch = scratch;
	w->rows = rows;
	json_members(body, members, ARRAY_LEN(members));
	if (aggs.n > 0)
		return walk_aggs(w, aggs, &any, err);
	if (hits.n > 0)
		return read_total(w, hits, err);
	return err_set(err, ERR_INVALID, "not an answer of a search: %s", text_head(scratch, body));
}
