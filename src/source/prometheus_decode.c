/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes the answer of /api/v1/query.
 *
 * Pure, one pass, no tree, no copies: a sample's key is the metric object as
 * it stands in the body.  Members may come in any order.  What is only part
 * of the truth (warnings, isPartial) is an error, because an alert must
 * neither start nor end on half an answer.
 */
#include "config.h"

#include <math.h>

#include "base/json.h"
#include "source/rows.h"
#include "source/source.h"

#define ERROR_HEAD     120 /* bytes of a body shown in an error */
#define SAMPLES_FIRST  16
#define AT_TOLERANCE_S 0.002 /* the server cuts times to milliseconds */

enum result_type {
	RESULT_UNKNOWN,
	RESULT_VECTOR,
	RESULT_SCALAR,
	RESULT_MATRIX,
	RESULT_STRING,
	RESULT_STREAMS,
	RESULT_OTHER
};

struct answer {
	struct json_reader r;
	struct arena *arena;
	double at; /* evaluation time, Unix seconds */
	struct str status, error_type, error, warning, type_name;
	enum result_type type;
	struct str late; /* a result seen before its type */
	bool has_data, has_result, partial;
	struct sample *samples;
	uint32_t n, cap;
	struct rows *rows; /* NULL: the answer is samples */
	uint32_t n_series;
	int code; /* of rows; negative: err says why */
	struct err err;
};

static enum result_type
result_type_of(struct str name)
{
	static const struct {
		const char *name;
		enum result_type type;
	} types[] = {
		{ "vector", RESULT_VECTOR },
		{ "scalar", RESULT_SCALAR },
		{ "matrix", RESULT_MATRIX },
		{ "string", RESULT_STRING },
		{ "streams", RESULT_STREAMS },
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (str_is(name, types[i].name))
			return types[i].type;
	return RESULT_OTHER;
}

static struct sample *
add_sample(struct answer *a)
{
	if (a->n == a->cap) {
		uint32_t cap = a->cap != 0 ? a->cap * 2 : SAMPLES_FIRST;
		struct sample *samples = ARENA_ARRAY(a->arena, cap, struct sample);

		if (a->n != 0)
			memcpy(samples, a->samples, a->n * sizeof(*samples));
		a->samples = samples;
		a->cap = cap;
	}
	return &a->samples[a->n++];
}

/* [unix_seconds, "value"] */
static bool
read_point(struct answer *a, struct sample *sample)
{
	struct json_reader *r = &a->r;
	struct str text;
	bool escaped;
	double at;

	if (!json_enter(r, JSON_ARRAY) || !json_next_item(r) || !json_read_double(r, &at) ||
	    !json_next_item(r) || !json_read_raw(r, &text, &escaped))
		return json_fail(r, "a sample is [time, \"value\"]");
	if (escaped || !str_to_double(text, &sample->value))
		return json_fail(r, "a value that is no number");
	if (json_next_item(r))
		return json_fail(r, "a sample is [time, \"value\"]");
	if (r->err_text != NULL)
		return false;
	/*
	 * The server repeats the evaluation time, which says nothing of the
	 * datum's age; only another time does.
	 */
	if ((a->type == RESULT_MATRIX || fabs(at - a->at) > AT_TOLERANCE_S) && at > 0 && at < 9e9)
		sample->at = (wall_t){ llround(at * 1e3) * 1000000 };
	return true;
}

static bool
read_series(struct answer *a)
{
	struct json_reader *r = &a->r;
	struct sample *sample = add_sample(a);
	bool has_value = false;
	struct str key;

	*sample = (struct sample){ .key = STR("") };
	if (!json_enter(r, JSON_OBJECT))
		return false;
	while (json_next_key(r, &key)) {
		if (str_eq(key, STR("metric"))) {
			if (json_peek(r) != JSON_OBJECT)
				return json_fail(r, "\"metric\" is no object");
			if (!json_read_span(r, &sample->key))
				return false;
		} else if (str_eq(key, STR("value"))) {
			if (!read_point(a, sample))
				return false;
			has_value = true;
		} else if (str_eq(key, STR("histogram"))) {
			/* A native histogram: the series is there, its value is
			 * 0, as Prometheus' rules see it. */
			if (!json_skip(r))
				return false;
			has_value = true;
		} else if (!json_skip(r)) {
			return false;
		}
	}
	return r->err_text == NULL && (has_value || json_fail(r, "a series without a value"));
}

/* --- ranges and rows --------------------------------------------------------- */

static bool
rows_fail(struct answer *a, int code)
{
	if (code < 0)
		a->code = code;
	return code == 0 || json_fail(&a->r, "the rows have no room for it");
}

/* Labels that the query wants as they are. */
static bool
put_fields(struct answer *a, struct str metric)
{
	const struct rows_want *want = &a->rows->want;
	struct json_reader r;
	struct str name;

	if (want->n_fields == 0 || metric.n == 0)
		return true;
	json_reader_init(&r, metric);
	json_enter(&r, JSON_OBJECT);
	while (json_next_key(&r, &name)) {
		struct cell cell = { .kind = CELL_TEXT };
		uint32_t field = rows_field_named(want, name);

		if (!json_read_str(&r, a->arena, &cell.text))
			break;
		if (field != UINT32_MAX &&
		    !rows_fail(a, rows_field(a->rows, field, &cell, &a->err)))
			return false;
	}
	return true;
}

/* The next point of the series being read. */
static bool
put_point(struct answer *a, struct str metric, bool first)
{
	struct sample sample = { 0 };
	struct row *row;

	if (!rows_fail(a,
		first ? rows_begin_key(a->rows, metric, &a->err) : rows_again(a->rows, &a->err)) ||
	    (first && !put_fields(a, metric)) || !read_point(a, &sample))
		return false;
	row = &a->rows->items[a->rows->n - 1];
	row->value = sample.value;
	row->missing = false;
	row->at = sample.at;
	return true;
}

static bool
put_points(struct answer *a, struct str metric)
{
	bool first = true;

	if (!json_enter(&a->r, JSON_ARRAY))
		return false;
	while (json_next_item(&a->r)) {
		if (!put_point(a, metric, first))
			return false;
		first = false;
	}
	return a->r.err_text == NULL;
}

/* What comes before the labels is read once they are known. */
static bool
put_late(struct answer *a, struct str metric, struct str late, bool many)
{
	struct json_reader after = a->r;
	bool ok;

	a->r.p = late.p;
	a->r.end = late.p + late.n;
	ok = many ? put_points(a, metric) : put_point(a, metric, true);
	if (!ok)
		return false;
	a->r.p = after.p;
	a->r.end = after.end;
	a->r.first = after.first;
	return true;
}

static bool
read_series_rows(struct answer *a)
{
	struct json_reader *r = &a->r;
	struct str key, metric = STR(""), late = STR("");
	bool many = false, ok = true;

	if (!json_enter(r, JSON_OBJECT))
		return false;
	while (ok && json_next_key(r, &key)) {
		if (str_eq(key, STR("metric"))) {
			if (json_peek(r) != JSON_OBJECT)
				return json_fail(r, "\"metric\" is no object");
			ok = json_read_span(r, &metric);
		} else if (str_eq(key, STR("values")) || str_eq(key, STR("value"))) {
			many = key.n == 6;
			if (metric.n == 0)
				ok = json_read_span(r, &late);
			else
				ok = many ? put_points(a, metric) : put_point(a, metric, true);
		} else {
			ok = json_skip(r);
		}
	}
	if (ok && r->err_text == NULL && late.n > 0)
		ok = put_late(a, metric, late, many);
	return ok && r->err_text == NULL;
}

static bool
read_result_rows(struct answer *a)
{
	struct json_reader *r = &a->r;

	switch (a->type) {
	case RESULT_MATRIX:
	case RESULT_VECTOR:
		if (!json_enter(r, JSON_ARRAY))
			return false;
		while (json_next_item(r)) {
			if (a->n_series++ == SERIES_MAX)
				return json_fail(r, "too many series");
			if (!read_series_rows(a))
				return false;
		}
		return r->err_text == NULL;
	case RESULT_SCALAR:
		return put_point(a, STR(""), true);
	case RESULT_UNKNOWN:
	case RESULT_STRING:
	case RESULT_STREAMS:
	case RESULT_OTHER:
		break;
	}
	return json_skip(r);
}

/* --- the answer as a whole ----------------------------------------------------- */

static bool
read_result(struct answer *a)
{
	struct json_reader *r = &a->r;

	a->has_result = true;
	if (a->rows != NULL && a->type != RESULT_UNKNOWN)
		return read_result_rows(a);
	switch (a->type) {
	case RESULT_VECTOR:
		if (!json_enter(r, JSON_ARRAY))
			return false;
		while (json_next_item(r)) {
			if (a->n == SERIES_MAX)
				return json_fail(r, "too many series");
			if (!read_series(a))
				return false;
		}
		return r->err_text == NULL;
	case RESULT_SCALAR: {
		struct sample *sample = add_sample(a);

		*sample = (struct sample){ .key = STR("") };
		return read_point(a, sample);
	}
	case RESULT_UNKNOWN:
		return json_read_span(r, &a->late);
	case RESULT_MATRIX:
	case RESULT_STRING:
	case RESULT_STREAMS:
	case RESULT_OTHER:
		break;
	}
	return json_skip(r);
}

static bool
read_data(struct answer *a)
{
	struct json_reader *r = &a->r;
	struct str key;

	a->has_data = true;
	if (json_peek(r) == JSON_NULL)
		return json_read_null(r);
	if (!json_enter(r, JSON_OBJECT))
		return false;
	while (json_next_key(r, &key)) {
		if (str_eq(key, STR("resultType"))) {
			if (!json_read_str(r, a->arena, &a->type_name))
				return false;
			a->type = result_type_of(a->type_name);
		} else if (str_eq(key, STR("result"))) {
			if (a->has_result)
				return json_fail(r, "\"result\" twice");
			if (!read_result(a))
				return false;
		} else if (!json_skip(r)) {
			return false;
		}
	}
	if (r->err_text != NULL)
		return false;
	if (a->late.p != NULL && a->type != RESULT_UNKNOWN) {
		struct json_reader after = *r;
		bool ok;

		/* Reads the span where it stands, so that offsets stay true. */
		r->p = a->late.p;
		r->end = a->late.p + a->late.n;
		ok = read_result(a);
		r->end = after.end;
		if (!ok)
			return false;
		r->p = after.p;
		r->first = after.first;
	}
	return true;
}

/*
 * Prometheus 3 also warns of what a query does ("PromQL warning: quantile
 * value should be between 0 and 1"): its answer is whole.
 */
static bool
is_about_the_query(struct str warning)
{
	return str_starts(warning, STR("PromQL warning: ")) ||
	       str_ends(warning, STR(" more warning annotations omitted"));
}

/* The first of a list of strings that says that the answer is not whole. */
static bool
read_warnings(struct answer *a)
{
	struct json_reader *r = &a->r;
	struct str text;

	if (json_peek(r) == JSON_NULL)
		return json_read_null(r);
	if (!json_enter(r, JSON_ARRAY))
		return false;
	while (json_next_item(r)) {
		if (!json_read_str(r, a->arena, &text))
			return false;
		if (a->warning.p == NULL && !is_about_the_query(text))
			a->warning = text;
	}
	return r->err_text == NULL;
}

static bool
read_answer(struct answer *a)
{
	struct json_reader *r = &a->r;
	struct str key;
	bool ok = true;

	if (!json_enter(r, JSON_OBJECT))
		return false;
	while (ok && json_next_key(r, &key)) {
		if (str_eq(key, STR("status")))
			ok = json_read_str(r, a->arena, &a->status);
		else if (str_eq(key, STR("data")))
			ok = read_data(a);
		else if (str_eq(key, STR("errorType")))
			ok = json_read_str(r, a->arena, &a->error_type);
		else if (str_eq(key, STR("error")))
			ok = json_read_str(r, a->arena, &a->error);
		else if (str_eq(key, STR("warnings")))
			ok = read_warnings(a);
		else if (str_eq(key, STR("isPartial")))
			ok = json_read_bool(r, &a->partial);
		else
			ok = json_skip(r);
	}
	return ok && json_finish(r);
}

/* One line for an error message. */
static const char *
head_of(struct arena *arena, struct str body)
{
	struct str head = str_head(str_trim(body), ERROR_HEAD);
	char *text = arena_alloc(arena, (size_t)head.n + 1);

	for (uint32_t i = 0; i < head.n; i++)
		text[i] = (unsigned char)head.p[i] < 0x20 ? ' ' : head.p[i];
	return text;
}

static int
not_an_answer(const struct answer *a, struct str body, int status, struct err *err)
{
	struct str text = str_trim(body);

	if (status >= 300 && status < 400)
		return err_set(err, ERR_REMOTE,
		    "HTTP %d: a redirect that is not followed; give the url it "
		    "leads to",
		    status);
	if (status == 401 || status == 403)
		return err_set(
		    err, ERR_REMOTE, "HTTP %d: access refused; check http_config", status);
	if (status / 100 != 2)
		return err_set(err, ERR_REMOTE, "HTTP %d: %s", status,
		    text.n != 0 ? head_of(a->arena, text) : "no text");
	if (text.n == 0)
		return err_set(err, ERR_INVALID, "an empty answer (HTTP %d)", status);
	if (text.p[0] == '<')
		return err_set(err, ERR_INVALID,
		    "an HTML page instead of an answer; is this the url of a "
		    "Prometheus API?");
	if ((a->n == SERIES_MAX || a->n_series > SERIES_MAX) && a->r.err_text != NULL &&
	    str_is(str_from(a->r.err_text), "too many series"))
		return err_set(
		    err, ERR_LIMIT, "more than %d series; aggregate in the query", SERIES_MAX);
	return err_set(err, ERR_INVALID, "cannot read the answer: %s at byte %u: %s",
	    a->r.err_text != NULL ? a->r.err_text : "not a Prometheus answer", a->r.err_at,
	    head_of(a->arena, text));
}

static int
check_type(const struct answer *a, struct err *err)
{
	switch (a->type) {
	case RESULT_VECTOR:
	case RESULT_SCALAR:
		if (!a->has_result)
			return err_set(err, ERR_INVALID, "an answer without a result");
		return 0;
	case RESULT_MATRIX:
		if (a->rows != NULL)
			return 0;
		return err_set(err, ERR_INVALID,
		    "the expression yields a range vector, an instant one is "
		    "needed; use a function such as rate() or "
		    "last_over_time()");
	case RESULT_STRING:
		return err_set(err, ERR_INVALID, "the expression yields a string, not numbers");
	case RESULT_STREAMS:
		return err_set(err, ERR_INVALID,
		    "the query yields log lines, not numbers; use a metric "
		    "query such as rate()");
	case RESULT_UNKNOWN:
	case RESULT_OTHER:
		break;
	}
	return err_set(err, ERR_INVALID, "unknown result type '%.*s'",
	    STR_ARG(str_head(a->type_name, ERROR_HEAD)));
}

static int
decode(struct answer *a, struct str body, int status, struct err *err)
{
	bool readable;

	if (body.n > SOURCE_ANSWER_BYTES_MAX)
		return err_set(
		    err, ERR_LIMIT, "an answer of more than %u bytes", SOURCE_ANSWER_BYTES_MAX);
	json_reader_init(&a->r, body);
	readable = read_answer(a);
	if (a->code < 0) {
		*err = a->err;
		return a->code;
	}
	/* VictoriaMetrics and Mimir answer 4xx with the same shape; the text is
	 * what helps. */
	if (readable && str_is(a->status, "error"))
		return err_set(err, ERR_REMOTE, "%.*s: %.*s (HTTP %d)",
		    STR_ARG(a->error_type.n != 0 ? str_head(a->error_type, 40) : STR("error")),
		    STR_ARG(str_head(a->error, 180)), status);
	if (!readable || status / 100 != 2 || !str_is(a->status, "success") || !a->has_data)
		return not_an_answer(a, body, status, err);
	if (a->warning.p != NULL)
		return err_set(
		    err, ERR_REMOTE, "partial answer: %.*s", STR_ARG(str_head(a->warning, 200)));
	if (a->partial)
		return err_set(err, ERR_REMOTE, "partial answer: the server says isPartial");
	return check_type(a, err);
}

int
prometheus_decode(struct str body, int status, wall_t at, struct arena *arena, struct vector *ret,
    struct err *err)
{
	struct answer a = { .arena = arena, .at = wall_seconds(at) };
	int code = decode(&a, body, status, err);

	if (code < 0)
		return code;
	*ret = (struct vector){ a.samples, a.n };
	return 0;
}

int
prometheus_decode_rows(struct str body, int status, wall_t at, struct rows *rows,
    struct arena *scratch, struct err *err)
{
	struct answer a = { .arena = scratch, .at = wall_seconds(at), .rows = rows };

	return decode(&a, body, status, err);
}
