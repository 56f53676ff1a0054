/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TraceQL metrics of Grafana Tempo.
 *
 * Not Prometheus' shape: protobuf's JSON, in which 64-bit integers are texts
 * and fields that are zero may be absent, values of 0 among them.  An answer
 * with the status PARTIAL is an error.  The bucket that the end of a range
 * falls into is not complete yet, so ranges end at a whole step.
 */
#include "config.h"

#include <stdio.h>

#include "base/duration.h"
#include "source/backends.h"
#include "source/http_source.h"
#include "source/json_pick.h"

#define API          "/api/metrics/query"
#define STEP_DEFAULT DUR_S(60)

struct tempo_settings {
	const char *url;
	const struct http_options *http;
	struct string_map params;
	dur_t window;
};

static void
put_seconds(struct buf *url, const char *name, wall_t at)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)(at.ns / 1000000000));
	put_url_param(url, name, str_from(text));
}

static int
build(const struct http_source *source, struct http_call *call, struct err *err)
{
	const struct tempo_settings *s = source->source.config->settings;
	const struct source_query *query = call->query;
	struct buf *url = &call->request->url;
	bool range = query->shape != QUERY_INSTANT && wall_is_set(query->from);
	wall_t to = range && wall_is_set(query->to) ? query->to : query->at;
	dur_t step = query->step.ns >= 1000000000 ? query->step : STEP_DEFAULT;
	char text[DURATION_TEXT_MAX];

	if (str_trim(query->text).n == 0)
		return err_set(err, ERR_INVALID, "an empty query");
	put_url(url, s->url, range ? API "_range" : API);
	put_url_param(url, "q", query->text);
	if (range) {
		step.ns -= step.ns % 1000000000;
		to.ns -= to.ns % step.ns;
		put_seconds(url, "start", query->from);
		put_url_param(url, "step", str_from(duration_format(step, text)));
	} else {
		put_seconds(url, "start", wall_sub(to, s->window));
	}
	put_seconds(url, "end", to);
	put_url_params(url, &s->params);
	return 0;
}

/* {"stringValue": "x"}, {"intValue": "3"}, ...: {} is an empty text. */
static struct str
attribute(struct str value, struct arena *arena)
{
	static const char *const keys[] = { "stringValue", "intValue", "doubleValue", "boolValue" };
	struct str got[4], text;
	struct cell cell;

	if (!JSON_PICK(value, keys, got))
		return str_make("", 0);
	for (size_t i = 0; i < 3; i++) {
		text = json_pick_text(got[i], arena);
		if (text.n > 0)
			return text;
	}
	if (got[3].n == 0)
		return str_make("", 0);
	json_cell(got[3], arena, &cell);
	return cell.text;
}

/* Opens a row with the series' labels. */
static int
begin(struct str labels, struct arena *arena, struct rows *rows, struct err *err)
{
	static const char *const keys[] = { "key", "value" };
	struct json_reader r;
	struct str item, got[2];
	int code = rows_begin(rows, err);

	if (labels.n == 0)
		return code;
	json_reader_init(&r, labels);
	if (!json_enter(&r, JSON_ARRAY))
		return err_set(err, ERR_INVALID, "labels is no list");
	while (code == 0 && json_next_item(&r) && json_read_span(&r, &item)) {
		struct str value;

		if (!JSON_PICK(item, keys, got))
			return err_set(err, ERR_INVALID, "a label that is no object");
		value = attribute(got[1], arena);
		if (value.n > 0)
			code = rows_label(rows, json_pick_text(got[0], arena), value, err);
	}
	return code;
}

/* A number, or a text for what JSON has no number for; absent: 0. */
static int
set_value(struct rows *rows, struct str span, struct arena *arena, struct err *err)
{
	struct cell cell = { .kind = CELL_DOUBLE, .number = 0 };

	if (span.n > 0)
		json_cell(span, arena, &cell);
	return rows_value(rows, &cell, err);
}

static int
read_samples(
    struct str labels, struct str samples, struct arena *arena, struct rows *rows, struct err *err)
{
	static const char *const keys[] = { "timestampMs", "value" };
	struct json_reader r;
	struct str item, got[2];
	bool first = true;
	int code = 0;

	json_reader_init(&r, samples);
	if (!json_enter(&r, JSON_ARRAY))
		return err_set(err, ERR_INVALID, "samples is no list");
	while (code == 0 && json_next_item(&r) && json_read_span(&r, &item)) {
		struct cell time = { .kind = CELL_NULL };

		if (!JSON_PICK(item, keys, got) || got[0].n == 0)
			return err_set(err, ERR_INVALID, "a sample without its timestampMs");
		code = first ? begin(labels, arena, rows, err) : rows_again(rows, err);
		first = false;
		json_cell(got[0], arena, &time);
		if (code == 0)
			code = rows_time(rows, &time, TIME_MS, err);
		if (code == 0)
			code = set_value(rows, got[1], arena, err);
	}
	return code;
}

static int
read_series(struct str series, const struct source_query *query, struct arena *arena,
    struct rows *rows, struct err *err)
{
	static const char *const keys[] = { "labels", "samples", "value" };
	bool range = query->shape != QUERY_INSTANT;
	struct json_reader r;
	struct str item, got[3];
	int code = 0;

	json_reader_init(&r, series);
	if (!json_enter(&r, JSON_ARRAY))
		return err_set(err, ERR_INVALID, "series is no list");
	while (code == 0 && json_next_item(&r) && json_read_span(&r, &item)) {
		if (!JSON_PICK(item, keys, got))
			return err_set(err, ERR_INVALID, "a series that is no object");
		if (got[1].n > 0) {
			code = read_samples(got[0], got[1], arena, rows, err);
		} else if (!range || !wall_is_set(query->from)) {
			code = begin(got[0], arena, rows, err);
			if (code == 0)
				code = set_value(rows, got[2], arena, err);
			if (code == 0 && range)
				rows->items[rows->n - 1].at = query->at;
		}
	}
	return code;
}

static int
decode(const struct http_source *source UNUSED, struct str body, int status UNUSED,
    const struct source_query *query, struct rows *rows, struct err *err)
{
	static const char *const keys[] = { "series", "status", "message" };
	struct arena *arena;
	struct str got[3], state;
	int code = json_whole(body, err);

	if (code < 0)
		return code;
	if (!JSON_PICK(str_trim(body), keys, got))
		return err_set(err, ERR_INVALID, "the answer is no object; is this a Tempo?");
	arena = arena_new(0);
	state = json_pick_text(got[1], arena);
	if (str_is(state, "PARTIAL") || str_is(state, "1"))
		code = err_set(err, ERR_REMOTE, "a partial answer: %s",
		    got[2].n > 0 ? text_head(arena, json_pick_text(got[2], arena))
				 : "Tempo does not say why");
	else if (got[0].n > 0 && !str_is(got[0], "null"))
		code = read_series(got[0], query, arena, rows, err);
	arena_free(arena);
	return code;
}

static const struct http_backend backend = {
	.ops = &source_tempo,
	.build = build,
	.decode = decode,
};

static struct source *
tempo_open(const struct source_config *config, struct loop *loop, struct xfer *xfer,
    struct worker_pool *workers UNUSED, struct err *err UNUSED)
{
	const struct tempo_settings *s = config->settings;

	return http_source_open(&backend, s->http, config, loop, xfer);
}

#define MEMBER(m) .offset = offsetof(struct tempo_settings, m)

static const struct schema_field settings_fields[] = {
	{ .name = "url",
	    .kind = FIELD_URL,
	    .flags = FIELD_REQUIRED | FIELD_ENV,
	    MEMBER(url),
	    .doc = "Base URL of Tempo; /api/metrics/query is added." },
	{ .name = "http_config",
	    .kind = FIELD_SUB,
	    .sub = &schema_http_config,
	    MEMBER(http),
	    .doc = "Credentials, TLS, proxy and headers, as in Alertmanager; the tenant is the "
		   "header X-Scope-OrgID." },
	{ .name = "params",
	    .kind = FIELD_STRING_MAP,
	    .flags = FIELD_ENV,
	    MEMBER(params),
	    .doc = "Extra parameters of every query." },
	{ .name = "window",
	    .kind = FIELD_DURATION,
	    .flags = FIELD_POSITIVE,
	    .fallback = "5m",
	    MEMBER(window),
	    .doc = "An instant query is over the traces of this time before its evaluation." },
};

static const struct schema settings_schema = {
	.name = "tempo source",
	.doc =
	    "TraceQL metrics of Grafana Tempo, such as { resource.service.name = \"fraud\" } | "
	    "quantile_over_time(duration, .95) by (span.model). Attributes by which it groups are "
	    "labels. Partial answers are errors. A range ends at a whole step, because Tempo's "
	    "last "
	    "bucket is incomplete. Verified against protocol doubles.",
	.size = sizeof(struct tempo_settings),
	SCHEMA_FIELDS(settings_fields),
};

const struct source_kind source_tempo_kind = {
	.name = "tempo",
	.schema = &settings_schema,
	.series = true,
};

const struct source_ops source_tempo = {
	.kind = &source_tempo_kind,
	.open = tempo_open,
	.close = http_source_close,
	.query = http_source_query,
	.cancel = http_source_cancel,
	.labels = rows_labels,
};
