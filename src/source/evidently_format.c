/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads Evidently's JSON without a tree: snapshots carry megabytes of widgets
 * that are stepped over.
 */
#include "config.h"

#include "source/evidently_format.h"

#include <string.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "source/http_source.h"
#include "source/json_pick.h"

#define LABEL_BYTES_MAX 512
#define SHOWN           60

/* Names that Evidently shows and names that its users give, and which side is drift. */
static const struct {
	const char *shown, *given, *direction;
} methods[] = {
	{ "K-S p_value", "ks", "low" },
	{ "chi-square p_value", "chisquare", "low" },
	{ "Z-test p_value", "z", "low" },
	{ "Anderson-Darling", "anderson", "low" },
	{ "Cramer-von Mises", "cramer_von_mises", "low" },
	{ "Epps-Singleton", "es", "low" },
	{ "Fisher's Exact test", "fisher_exact", "low" },
	{ "g_test", "g_test", "low" },
	{ "Mann-Whitney U-rank test", "mannw", "low" },
	{ "t_test", "t_test", "low" },
	{ "empirical_mmd", "empirical_mmd", "low" },
	{ "Total-Variation-Distance", "TVD", "low" }, /* a p-value, whatever its name says */
	{ "PSI", "psi", "high" },
	{ "Jensen-Shannon distance", "jensenshannon", "high" },
	{ "Kullback-Leibler divergence", "kl_div", "high" },
	{ "Hellinger distance", "hellinger", "high" },
	{ "Wasserstein distance (normed)", "wasserstein", "high" },
	{ "Energy-distance", "ed", "high" },
	{ "Percentile text content drift", "perc_text_content_drift", "high" },
	{ "Absolute text content drift", "abs_text_content_drift", "high" },
};

const char *
evidently_direction(const struct evidently_options *options, struct str method)
{
	for (uint32_t i = 0; options->methods != NULL && i < options->methods->n; i++)
		if (str_is(method, options->methods->pairs[i].key))
			return options->methods->pairs[i].value;
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (str_is(method, methods[i].shown) || str_is(method, methods[i].given))
			return methods[i].direction;
	return NULL;
}

/* --- times ------------------------------------------------------------------------ */

/* The clock of a zone showed `local`; of two such times the earlier, of none the next. */
static int64_t
from_local(int64_t local, const struct tz *tz)
{
	int64_t early = local - tz_offset(tz, local - 86400, NULL);
	int64_t late = local - tz_offset(tz, local + 86400, NULL);

	if (early + tz_offset(tz, early, NULL) == local)
		return early;
	if (late + tz_offset(tz, late, NULL) == local)
		return late;
	return early;
}

/* A date and a time of day, and nothing that says where. */
static bool
is_naive(struct str text)
{
	if (text.n < 19 || text.p[4] != '-')
		return false;
	for (uint32_t i = 19; i < text.n; i++)
		if (text.p[i] != '.' && !(text.p[i] >= '0' && text.p[i] <= '9'))
			return false;
	return true;
}

bool
evidently_time(struct str text, const struct tz *tz, wall_t *ret)
{
	wall_t at;

	text = str_trim(text);
	if (!time_parse(text, TIME_AUTO, &at))
		return false;
	if (is_naive(text)) {
		int64_t sec = at.ns / 1000000000;

		at.ns = from_local(sec, tz) * 1000000000 + at.ns % 1000000000;
	}
	*ret = at;
	return true;
}

void
evidently_put_time(struct buf *out, wall_t at, const struct tz *tz, bool with_offset)
{
	int32_t offset = tz_offset(tz, at.ns / 1000000000, NULL);
	char text[TIMESTAMP_TEXT_MAX];

	timestamp_format_ms(wall_add(at, DUR_S(offset)), text);
	/* 2026-11-20T06:24:00.500Z */
	for (const char *c = text; *c != '\0' && *c != 'Z'; c++)
		buf_putc(out, *c == 'T' ? ' ' : *c);
	if (with_offset)
		buf_printf(out, "%c%02d:%02d", offset < 0 ? '-' : '+',
		    (offset < 0 ? -offset : offset) / 3600,
		    (offset < 0 ? -offset : offset) / 60 % 60);
}

/* --- one point --------------------------------------------------------------------- */

static struct str
short_name(struct str type)
{
	for (uint32_t i = type.n; i > 0; i--)
		if (type.p[i - 1] == ':')
			return str_make(type.p + i, type.n - i);
	return type;
}

struct str
evidently_metric(struct str key)
{
	uint32_t at = 4 + 6, n;

	if (key.n < at + 4)
		return str_make(key.p, 0);
	n = get_u32le(key.p + at);
	return n <= key.n - at - 4 ? str_make(key.p + at + 4, n) : str_make(key.p, 0);
}

static int
begin(struct str type, const struct evidently_origin *origin, struct rows *rows, struct err *err)
{
	int code = rows_begin(rows, err);

	if (code == 0)
		code = rows_label(rows, STR("metric"), short_name(type), err);
	if (code == 0 && origin->project.n > 0)
		code = rows_label(rows, STR("project"), origin->project, err);
	if (code == 0 && origin->project_name.n > 0)
		code = rows_label(rows, STR("project_name"), origin->project_name, err);
	if (code == 0)
		rows->items[rows->n - 1].at = origin->at;
	return code;
}

static void
set_value(struct rows *rows, double value)
{
	rows->items[rows->n - 1].value = value;
	rows->items[rows->n - 1].missing = false;
}

static int
put_direction(
    struct str method, const struct evidently_options *options, struct rows *rows, struct err *err)
{
	const char *direction = evidently_direction(options, method);

	if (direction == NULL)
		return err_set(err, ERR_INVALID,
		    "a drift score of the method '%.*s', of which is not known which side is "
		    "drift; "
		    "say so in the source: methods: {'%.*s': high}",
		    STR_ARG(str_head(method, SHOWN)), STR_ARG(str_head(method, SHOWN)));
	return rows_label(rows, STR("direction"), str_from(direction), err);
}

static bool
is_given(const struct cell *cell)
{
	return cell->kind != CELL_NULL && cell->kind != CELL_OTHER && cell->text.n > 0 &&
	       cell->text.n <= LABEL_BYTES_MAX && !str_is(cell->text, "None");
}

static bool
is_inner(struct str key)
{
	static const char *const inner[] = { "type", "tests", "count_tests", "share_tests",
		"mean_tests", "std_tests", "metric" };

	for (size_t i = 0; i < ARRAY_LEN(inner); i++)
		if (str_is(key, inner[i]))
			return true;
	return false;
}

/* Adds an object's entries as labels; what is None, a list or an object is none. */
static int
put_params(struct str params, struct rows *rows, struct arena *scratch, struct str *ret_method,
    struct str *ret_share, struct err *err)
{
	struct json_reader r;
	struct str key;
	struct cell cell;
	int code = 0;

	if (params.n == 0 || str_is(params, "null"))
		return 0;
	json_reader_init(&r, params);
	json_enter(&r, JSON_OBJECT);
	while (code == 0 && json_next_key(&r, &key)) {
		key = json_unescape(scratch, key);
		if (!json_read_cell(&r, scratch, &cell))
			break;
		if (is_inner(key) || !is_given(&cell))
			continue;
		if (str_is(key, "method"))
			*ret_method = cell.text;
		if (str_is(key, "drift_share"))
			*ret_share = cell.text;
		code = rows_label(rows, key, cell.text, err);
	}
	if (code == 0 && !json_finish(&r))
		return err_set(err, ERR_INVALID, "parameters: %s", r.err_text);
	return code;
}

/* A point without its value; more: entries of the value itself, such as {"value_type": "count"}. */
static int
put_point(struct str type, struct str params, struct str more,
    const struct evidently_options *options, const struct evidently_origin *origin,
    struct rows *rows, struct err *err)
{
	struct arena *scratch = arena_new(0);
	struct str method = { NULL, 0 }, share = { NULL, 0 }, ignored = { NULL, 0 };
	struct str name = short_name(type);
	int code = begin(type, origin, rows, err);

	if (code == 0)
		code = put_params(params, rows, scratch, &method, &share, err);
	if (code == 0)
		code = put_params(more, rows, scratch, &ignored, &ignored, err);
	if (code == 0 && str_is(name, "ValueDrift") && method.n > 0)
		code = put_direction(method, options, rows, err);
	if (code == 0 && str_is(name, "DriftedColumnsCount"))
		code = rows_label(rows, STR("direction"), STR("high"), err);
	arena_free(scratch);
	return code;
}

int
evidently_point(struct str type, struct str params, const struct evidently_options *options,
    const struct evidently_origin *origin, struct rows *rows, struct err *err)
{
	return put_point(type, params, str_make(NULL, 0), options, origin, rows, err);
}

/* --- JSON ------------------------------------------------------------------------------ */

struct reading {
	const struct evidently_options *options;
	struct evidently_origin origin;
	struct rows *rows;
	struct arena *scratch;
	struct err *err;
};

/* {"label": "x"} or {"value_type": "count"} of what has no parameters of its own. */
static struct str
implied(struct reading *g, const char *key, struct str value)
{
	struct buf out = { 0 };
	struct str kept;

	buf_puts(&out, "{");
	json_put_str(&out, str_from(key));
	buf_puts(&out, ":");
	json_put_str(&out, value);
	buf_puts(&out, "}");
	kept = arena_str(g->scratch, buf_str(&out));
	buf_fini(&out);
	return kept;
}

struct metric {
	struct str type, params, more;
};

static int read_result(struct reading *g, struct str object, const struct metric *outer, int depth);

static int
put_value(struct reading *g, const struct metric *m, double value)
{
	int code = put_point(m->type, m->params, m->more, g->options, &g->origin, g->rows, g->err);

	if (code == 0)
		set_value(g->rows, value);
	return code;
}

/* A map from labels to results, or to numbers. */
static int
read_map(struct reading *g, struct str map, const struct metric *outer, const char *name, int depth)
{
	struct json_reader r;
	struct str key, span;
	double value;
	int code = 0;

	json_reader_init(&r, map);
	if (json_peek(&r) != JSON_OBJECT)
		return 0;
	json_enter(&r, JSON_OBJECT);
	while (code == 0 && json_next_key(&r, &key) && json_read_span(&r, &span)) {
		struct metric inner = *outer;

		inner.more = implied(g, name, json_unescape(g->scratch, key));
		if (json_pick_number(span, &value))
			code = put_value(g, &inner, value);
		else
			code = read_result(g, span, &inner, depth + 1);
	}
	return code;
}

/* A metric's result in a snapshot: a value, or several results by name. */
static int
read_result(struct reading *g, struct str object, const struct metric *outer, int depth)
{
	static const char *const keys[] = { "value", "metric_value_location", "count", "share",
		"mean", "std", "values", "counts", "shares" };
	static const char *const place_keys[] = { "metric", "param" };
	static const char *const metric_keys[] = { "params" };
	static const char *const type_keys[] = { "type" };
	struct str got[9], place[2], params[1], type[1];
	struct metric m = *outer;
	double value;
	int code = 0;

	if (depth > EVIDENTLY_FIELD_DEPTH || !json_pick(object, keys, got, 9))
		return 0;
	if (json_pick(got[1], place_keys, place, 2) &&
	    json_pick(place[0], metric_keys, params, 1)) {
		m.params = params[0];
		m.more = place[1];
		if (json_pick(params[0], type_keys, type, 1) && type[0].n > 0)
			m.type = json_pick_text(type[0], g->scratch);
	}
	if (json_pick_number(got[0], &value))
		return m.type.n > 0 ? put_value(g, &m, value) : 0;
	for (size_t i = 2; i < 6 && code == 0; i++) {
		struct metric inner = m;

		if (got[i].n == 0)
			continue;
		inner.more = implied(g, "value_type", str_from(keys[i]));
		code = json_pick_number(got[i], &value) ? put_value(g, &inner, value)
							: read_result(g, got[i], &inner, depth + 1);
	}
	for (size_t i = 6; i < 9 && code == 0; i++)
		if (got[i].n > 0)
			code = read_map(g, got[i], &m, "label", depth);
	return code;
}

static int
read_snapshot(struct reading *g, struct str results)
{
	static const struct metric none = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };
	struct json_reader r;
	struct str key, span;
	int code = 0;

	json_reader_init(&r, results);
	if (json_peek(&r) != JSON_OBJECT)
		return err_set(g->err, ERR_INVALID, "metric_results is no object");
	json_enter(&r, JSON_OBJECT);
	while (code == 0 && json_next_key(&r, &key) && json_read_span(&r, &span))
		code = read_result(g, span, &none, 0);
	return code;
}

/* --- reports of 0.4 to 0.6 --------------------------------------------------------------- */

/* {column_name, stattest_name, drift_score, stattest_threshold, ...}; false: it is none. */
static bool
is_column_drift(struct reading *g, struct str type, struct str object, int *ret_code)
{
	static const char *const keys[] = { "column_name", "stattest_name", "drift_score",
		"stattest_threshold", "column_type" };
	struct str got[5], method;
	double score;
	int code;

	if (!json_pick(object, keys, got, 5) || got[1].n == 0 || !json_pick_number(got[2], &score))
		return false;
	code = begin(type, &g->origin, g->rows, g->err);
	method = json_pick_text(got[1], g->scratch);
	if (code == 0)
		code =
		    rows_label(g->rows, STR("column"), json_pick_text(got[0], g->scratch), g->err);
	if (code == 0)
		code = rows_label(g->rows, STR("method"), method, g->err);
	if (code == 0 && json_pick_text(got[3], g->scratch).n > 0)
		code = rows_label(
		    g->rows, STR("threshold"), json_pick_text(got[3], g->scratch), g->err);
	if (code == 0)
		code = put_direction(method, g->options, g->rows, g->err);
	if (code == 0)
		set_value(g->rows, score);
	*ret_code = code;
	return true;
}

/* The numbers of a result, each with the path to it as the label field. */
static int
read_fields(struct reading *g, struct str type, struct str object, struct str path, int depth)
{
	struct json_reader r;
	struct str key, span;
	double value;
	int code = 0;

	json_reader_init(&r, object);
	if (json_peek(&r) != JSON_OBJECT || depth > EVIDENTLY_FIELD_DEPTH)
		return 0;
	if (is_column_drift(g, type, object, &code))
		return code;
	json_enter(&r, JSON_OBJECT);
	while (code == 0 && json_next_key(&r, &key) && json_read_span(&r, &span)) {
		struct str field;

		key = json_unescape(g->scratch, key);
		if (path.n > 0) {
			const char *joined =
			    arena_printf(g->scratch, "%.*s.%.*s", STR_ARG(path), STR_ARG(key));

			field = str_from(joined);
		} else {
			field = key;
		}
		if (json_pick_number(span, &value)) {
			code = begin(type, &g->origin, g->rows, g->err);
			if (code == 0)
				code = rows_label(g->rows, STR("field"), field, g->err);
			if (code == 0)
				set_value(g->rows, value);
		} else {
			code = read_fields(g, type, span, field, depth + 1);
		}
	}
	return code;
}

/* ",threshold=" from here on: how long the name with its marks is; 0: no parameter begins here. */
static uint32_t
parameter_at(struct str text, uint32_t at)
{
	uint32_t i = at + 1;

	if (at >= text.n || (text.p[at] != '(' && text.p[at] != ','))
		return 0;
	while (i < text.n && ((text.p[i] >= 'a' && text.p[i] <= 'z') || text.p[i] == '_'))
		i++;
	return i > at + 1 && i < text.n && text.p[i] == '=' ? i - at + 1 : 0;
}

/*
 * "ValueDrift(column=age,method=Wasserstein distance (normed),threshold=0.1)" as an object of its
 * parameters: the first reports of 0.7 have no config, and call the name metric_id.
 */
static struct str
params_of_name(struct reading *g, struct str name, uint32_t open)
{
	struct buf out = { 0 };
	struct str ret;
	uint32_t at = open, n;

	if (name.p[name.n - 1] == ')')
		name.n--;
	buf_putc(&out, '{');
	while ((n = parameter_at(name, at)) > 0) {
		uint32_t end = at + n;

		while (end < name.n && parameter_at(name, end) == 0)
			end++;
		if (out.n > 1)
			buf_putc(&out, ',');
		json_put_str(&out, str_make(name.p + at + 1, n - 2));
		buf_putc(&out, ':');
		json_put_str(&out, str_make(name.p + at + n, end - at - n));
		at = end;
	}
	buf_putc(&out, '}');
	ret = arena_str(g->scratch, buf_str(&out));
	buf_fini(&out);
	return ret;
}

/* A metric of 0.7's report: {"metric_name", "config", "value"}. */
static int
read_report_metric(struct reading *g, struct str name, struct str config, struct str value)
{
	static const char *const type_keys[] = { "type" };
	static const char *const count_keys[] = { "count", "share", "mean", "std" };
	struct metric m = { .params = config };
	struct str type[1], got[4];
	double number;
	int code = 0;
	bool known = false;

	if (json_pick(config, type_keys, type, 1))
		m.type = json_pick_text(type[0], g->scratch);
	if (m.type.n == 0) { /* "ValueDrift(column=age,...)" */
		m.type = name;
		for (uint32_t i = 0; i < name.n; i++)
			if (name.p[i] == '(') {
				m.type = str_make(name.p, i);
				m.params = params_of_name(g, name, i);
				break;
			}
	}
	if (m.type.n == 0 || value.n == 0)
		return 0;
	if (json_pick_number(value, &number))
		return put_value(g, &m, number);
	if (!json_pick(value, count_keys, got, 4))
		return 0;
	for (size_t i = 0; i < 4 && code == 0; i++)
		if (json_pick_number(got[i], &number)) {
			m.more = implied(g, "value_type", str_from(count_keys[i]));
			code = put_value(g, &m, number);
			known = true;
		}
	m.more = str_make(NULL, 0);
	return code < 0 || known ? code : read_map(g, value, &m, "label", 0);
}

static int
read_metrics(struct reading *g, struct str list)
{
	static const char *const keys[] = { "metric", "result", "metric_name", "config", "value",
		"metric_id" };
	struct json_reader r;
	struct str item, got[6];
	int code = 0;

	json_reader_init(&r, list);
	if (json_peek(&r) != JSON_ARRAY)
		return err_set(g->err, ERR_INVALID, "metrics is no list");
	json_enter(&r, JSON_ARRAY);
	while (code == 0 && json_next_item(&r) && json_read_span(&r, &item)) {
		if (!json_pick(item, keys, got, 6))
			continue;
		if (got[2].n == 0)
			got[2] = got[5];
		if (got[1].n > 0)
			code = read_fields(
			    g, json_pick_text(got[0], g->scratch), got[1], str_make(NULL, 0), 0);
		else
			code = read_report_metric(
			    g, json_pick_text(got[2], g->scratch), got[3], got[4]);
	}
	return code;
}

/* Tests: 1 has failed, 0 has not; one that could not be computed has no value. */
static int
read_tests(struct reading *g, struct str list)
{
	static const char *const keys[] = { "name", "status", "group", "description" };
	struct json_reader r;
	struct str item, got[4];
	int code = 0;

	json_reader_init(&r, list);
	if (json_peek(&r) != JSON_ARRAY)
		return 0;
	json_enter(&r, JSON_ARRAY);
	while (code == 0 && json_next_item(&r) && json_read_span(&r, &item)) {
		struct str status;

		if (!json_pick(item, keys, got, 4))
			continue;
		status = json_pick_text(got[1], g->scratch);
		if (status.n == 0 || str_is(status, "SKIPPED") || str_is(status, "skipped"))
			continue;
		code = begin(STR("Test"), &g->origin, g->rows, g->err);
		if (code == 0)
			code = rows_label(
			    g->rows, STR("test"), json_pick_text(got[0], g->scratch), g->err);
		if (code == 0 && json_pick_text(got[2], g->scratch).n > 0)
			code = rows_label(
			    g->rows, STR("group"), json_pick_text(got[2], g->scratch), g->err);
		if (code == 0 && !str_is(status, "ERROR") && !str_is(status, "error"))
			set_value(g->rows, str_is(status, "FAIL") || str_is(status, "fail"));
	}
	return code;
}

int
evidently_read(struct str json, const struct evidently_options *options,
    const struct evidently_origin *origin, struct rows *rows, bool *ret_is, struct err *err)
{
	static const char *const keys[] = { "metric_results", "metrics", "tests", "timestamp",
		"summary" };
	struct reading g = { .options = options, .origin = *origin, .rows = rows, .err = err };
	struct str got[5], text;
	int code = json_whole(json, err);

	*ret_is = false;
	if (code < 0)
		return code;
	if (!json_pick(json, keys, got, 5) || (got[0].n == 0 && got[1].n == 0 && got[2].n == 0))
		return 0;
	*ret_is = true;
	g.scratch = arena_new(0);
	text = json_pick_text(got[3], g.scratch);
	if (text.n > 0 && !evidently_time(text, options->tz, &g.origin.at))
		code = err_set(err, ERR_INVALID, "timestamp '%.*s' is no time",
		    STR_ARG(str_head(text, SHOWN)));
	if (code == 0 && got[0].n > 0)
		code = read_snapshot(&g, got[0]);
	else if (code == 0 && got[1].n > 0)
		code = read_metrics(&g, got[1]);
	if (code == 0 && got[2].n > 0)
		code = read_tests(&g, got[2]);
	if (code == 0 && got[4].n > 0)
		code = read_fields(&g, STR("TestSuite"), got[4], str_make(NULL, 0), 0);
	arena_free(g.scratch);
	return code;
}
