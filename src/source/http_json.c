/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any HTTP server that answers in JSON.
 *
 * The request is a URL and a body with placeholders, the answer is read by
 * paths (json_path.h).  When no placeholder asks for the rule's query, the
 * query is the path to the value, so that several rules can watch several
 * numbers of one document.
 */
#include "config.h"

#include "source/http_json.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "source/backends.h"

#define REQUEST_BYTES_MAX (1u << 20)

static enum text_escape
body_escape(const struct http_json_settings *s)
{
	if (strstr(s->content_type, "json") != NULL)
		return TEXT_JSON;
	return strstr(s->content_type, "urlencoded") != NULL ? TEXT_URL : TEXT_RAW;
}

/* The request's texts; query and time may be stand-ins. */
static int
expand_request(const struct http_json_settings *s, const struct source_query *query,
    struct buf *url, struct buf *body, bool *ret_uses_query, struct err *err)
{
	int code;

	buf_init(url, REQUEST_BYTES_MAX);
	buf_init(body, REQUEST_BYTES_MAX);
	if (s->app_path != NULL) {
		struct buf base = { 0 };

		put_url(&base, s->url, s->app_path);
		code = http_json_expand(s, base.p, TEXT_URL, query, url, ret_uses_query, err);
		buf_fini(&base);
	} else {
		code = http_json_expand(s, s->url, TEXT_URL, query, url, ret_uses_query, err);
	}
	if (code == 0 && s->body != NULL)
		code =
		    http_json_expand(s, s->body, body_escape(s), query, body, ret_uses_query, err);
	if (code == 0 && (url->overflow || body->overflow))
		code =
		    err_set(err, ERR_LIMIT, "a request of more than %u bytes", REQUEST_BYTES_MAX);
	return code;
}

static int
build(const struct http_source *source, struct http_call *call, struct err *err)
{
	const struct http_json_settings *s = source->source.config->settings;
	struct xfer_request *request = call->request;
	bool uses_query = false;
	int code;

	code = expand_request(s, call->query, &request->url, &request->body, &uses_query, err);
	request->method = s->method;
	if (request->body.n > 0)
		request->content_type = s->content_type;
	for (uint32_t i = 0; i < s->headers.n; i++)
		http_call_header(call, s->headers.pairs[i].key, s->headers.pairs[i].value);
	if (code == 0 && s->api_key_header != NULL)
		code = http_call_secret(call, s->api_key_header, "", &s->api_key, err);
	if (code == 0 && s->app_key_header != NULL)
		code = http_call_secret(call, s->app_key_header, "", &s->app_key, err);
	return code;
}

static int
decode(const struct http_source *source, struct str body, int status UNUSED,
    const struct source_query *query, struct rows *rows, struct err *err)
{
	const struct http_json_settings *s = source->source.config->settings;
	struct arena *scratch = arena_new(0);
	struct json_path value;
	int code = 0;

	if (s->query_is_path)
		code = json_path_parse(scratch, query->text, &value, err);
	if (code == 0)
		code = json_rows_read(
		    &s->spec, s->query_is_path ? &value : NULL, body, scratch, rows, err);
	arena_free(scratch);
	return code;
}

/* A text with {{id}} besides the other placeholders. */
static int
expand_poll(const struct http_json_settings *s, struct str id, const struct source_query *query,
    struct buf *out, struct err *err)
{
	struct http_json_settings with = *s;
	char *text = xmemdup0(id.p, id.n);
	uint32_t n = s->variables.n;
	bool uses_query = false;
	int code;

	with.variables.pairs = xcalloc(n + 1, sizeof(*with.variables.pairs));
	for (uint32_t i = 0; i < n; i++)
		with.variables.pairs[i] = s->variables.pairs[i];
	with.variables.pairs[n] = (struct string_pair){ .key = "id", .value = text };
	with.variables.n = n + 1;
	code = http_json_expand(&with, s->poll_url, TEXT_URL, query, out, &uses_query, err);
	free(with.variables.pairs);
	free(text);
	return code;
}

/* The result is asked for by its id until it is complete. */
static int
more(const struct http_source *source, struct http_call *call, struct str body, dur_t *ret_delay,
    struct err *err)
{
	const struct http_json_settings *s = source->source.config->settings;
	struct json_place top = { .span = str_trim(body) };
	struct arena *scratch;
	struct cell cell;
	struct str span;
	int code;

	if (s->poll_url == NULL)
		return 0;
	code = json_whole(body, err);
	if (code < 0)
		return code;
	scratch = arena_new(0);
	if (json_path_first(&s->until, &top, scratch, &span) && str_is(span, "true")) {
		arena_free(scratch);
		return 0;
	}
	if (call->token.n == 0 && json_path_first(&s->id, &top, scratch, &span)) {
		json_cell(span, scratch, &cell);
		if (cell.kind == CELL_TEXT || cell.kind == CELL_NUMBER)
			buf_put_str(&call->token, cell.text);
	}
	if (call->token.n == 0) {
		code = err_set(err, ERR_INVALID, "the answer has no id to ask for its result: %s",
		    text_head(scratch, body));
	} else {
		buf_clear(&call->request->url);
		buf_clear(&call->request->body);
		call->request->method = "GET";
		call->request->content_type = NULL;
		code = expand_poll(s, buf_str(&call->token), call->query, &call->request->url, err);
	}
	arena_free(scratch);
	*ret_delay = s->poll_interval;
	return code < 0 ? code : 1;
}

static const struct http_backend backend = {
	.ops = &source_http_json,
	.build = build,
	.decode = decode,
	.more = more,
};

static struct source *
http_json_open(const struct source_config *config, struct loop *loop, struct xfer *xfer,
    struct worker_pool *workers, struct err *err UNUSED)
{
	const struct http_json_settings *s = config->settings;

	return http_source_read_on(
	    http_source_open(&backend, s->http, config, loop, xfer), workers);
}

static int
http_json_check(
    const struct source_config *config, const struct source_query *query, struct err *err)
{
	const struct http_json_settings *s = config->settings;
	struct arena *arena;
	struct json_path path;
	int code;

	if (!s->query_is_path)
		return 0;
	arena = arena_new(0);
	code = json_path_parse(arena, query->text, &path, err);
	arena_free(arena);
	return code;
}

/* {{now}}, {{from_ms}}, {{ to }}: anywhere in the request. */
static bool
asks_for(const struct http_json_settings *s, const char *name)
{
	const char *const texts[] = { s->url, s->app_path, s->body };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const char *open = texts[i];

		while (open != NULL && (open = strstr(open, "{{")) != NULL) {
			open += 2 + strspn(open + 2, " ");
			if (strncmp(open, name, strlen(name)) == 0)
				return true;
		}
	}
	return false;
}

static const char *
http_json_timeless(const struct source_config *config, struct str text UNUSED, bool span)
{
	const struct http_json_settings *s = config->settings;

	if (asks_for(s, "from") || (!span && (asks_for(s, "now") || asks_for(s, "to"))))
		return NULL;
	return span ? "the source's url and body have no {{from}}; add it, or leave the window out"
		    : "the source's url and body have no {{now}}; add it";
}

/* --- settings -------------------------------------------------------------------- */

static const char *
either(const char *own, const char *preset)
{
	return own != NULL ? own : preset;
}

static bool
has_variable(const struct string_map *map, const char *name)
{
	for (uint32_t i = 0; i < map->n; i++)
		if (strcmp(map->pairs[i].key, name) == 0)
			return true;
	return false;
}

static void
add_variables(
    struct schema_context *ctx, struct http_json_settings *s, const struct http_json_preset *preset)
{
	struct string_pair *pairs =
	    ARENA_ARRAY(ctx->arena, s->variables.n + preset->n_variables, struct string_pair);
	uint32_t n = s->variables.n;

	for (uint32_t i = 0; i < n; i++)
		pairs[i] = s->variables.pairs[i];
	for (size_t i = 0; i < preset->n_variables; i++)
		if (!has_variable(&s->variables, preset->variables[i].key))
			pairs[n++] = preset->variables[i];
	s->variables.pairs = pairs;
	s->variables.n = n;
}

static void
apply_preset(
    struct schema_context *ctx, struct http_json_settings *s, const struct http_json_preset *preset)
{
	const struct json_rows_settings *p = &preset->paths;

	s->url = either(s->url, preset->url);
	s->app_path = preset->path;
	s->method = either(s->method, preset->method);
	s->body = either(s->body, preset->body);
	s->api_key_header = either(s->api_key_header, preset->api_key_header);
	s->app_key_header = either(s->app_key_header, preset->app_key_header);
	s->paths.rows = either(s->paths.rows, p->rows);
	s->paths.value = either(s->paths.value, p->value);
	s->paths.labels_from = either(s->paths.labels_from, p->labels_from);
	if (s->paths.time == NULL && p->time != NULL) {
		s->paths.time = p->time;
		s->paths.time_unit = p->time_unit;
	}
	if (!s->paths.labels.set)
		s->paths.labels = p->labels;
	if (!s->paths.require.set)
		s->paths.require = p->require;
	if (!s->paths.errors.set)
		s->paths.errors = p->errors;
	if (!s->paths.partial.set)
		s->paths.partial = p->partial;
	if (preset->needs != NULL && !has_variable(&s->variables, preset->needs))
		diag_error(
		    ctx->diag, s->pos, "the preset needs variables: {%s: ...}", preset->needs);
	add_variables(ctx, s, preset);
}

/* Fills in what follows from the rest; false and a finding when it cannot work. */
static bool
check_request(struct schema_context *ctx, struct http_json_settings *s)
{
	const struct source_query query = { .text = STR("x"), .at = { 1 } };
	struct buf url, body;
	bool uses_query = false;
	struct err err;
	int code;

	if (s->url == NULL) {
		diag_error(ctx->diag, s->pos, "missing key 'url' in http_json source");
		return false;
	}
	if (strncmp(s->url, "http://", 7) != 0 && strncmp(s->url, "https://", 8) != 0) {
		diag_error(ctx->diag, s->pos, "url: expected http://... or https://...");
		return false;
	}
	s->method = either(s->method, s->body != NULL ? "POST" : "GET");
	if (s->content_type == NULL)
		s->content_type = "application/json";
	code = expand_request(s, &query, &url, &body, &uses_query, &err);
	buf_fini(&url);
	buf_fini(&body);
	if (code < 0) {
		diag_error(ctx->diag, s->pos, "%s", err.text);
		return false;
	}
	s->query_is_path = !uses_query;
	return true;
}

/* Where and how to ask for the result. */
static void
check_poll(
    struct schema_context *ctx, struct http_json_settings *s, const struct http_json_preset *preset)
{
	struct source_query query = { .text = STR("x"), .at = { 1 } };
	struct buf url = { 0 };
	struct err err;

	if (s->poll_url == NULL && preset != NULL && preset->poll_path != NULL) {
		put_url(&url, s->url, preset->poll_path);
		s->poll_url = arena_str(ctx->arena, buf_str(&url)).p;
		buf_fini(&url);
	}
	if (s->poll_url == NULL)
		return;
	if (expand_poll(s, STR("x"), &query, &url, &err) < 0 ||
	    json_path_parse(ctx->arena, str_from(s->poll_id), &s->id, &err) < 0 ||
	    json_path_parse(ctx->arena, str_from(s->poll_until), &s->until, &err) < 0)
		diag_error(ctx->diag, s->pos, "poll: %s", err.text);
	buf_fini(&url);
}

static void
settings_finish(struct schema_context *ctx, void *value)
{
	struct http_json_settings *s = value;
	const struct http_json_preset *preset = http_json_preset(s->preset);
	const uint32_t errors = diag_errors(ctx->diag);
	struct err err;

	if (preset != NULL)
		apply_preset(ctx, s, preset);
	if (diag_errors(ctx->diag) != errors || !check_request(ctx, s))
		return;
	check_poll(ctx, s, preset);
	if (s->paths.value == NULL && !s->query_is_path)
		s->paths.value = "value";
	if (s->paths.value != NULL && s->query_is_path)
		diag_error(ctx->diag, s->pos,
		    "there is no {{query}} in url or body, so a rule's query is the path of the "
		    "value: drop 'value', or say where the query goes");
	if (s->api_key_header == NULL && (s->api_key.value != NULL || s->api_key.file != NULL))
		diag_error(ctx->diag, s->pos, "api_key needs api_key_header");
	if (s->app_key_header == NULL && (s->app_key.value != NULL || s->app_key.file != NULL))
		diag_error(ctx->diag, s->pos, "app_key needs app_key_header");
	if (json_rows_parse(ctx->arena, &s->paths, &s->spec, &err) < 0)
		diag_error(ctx->diag, s->pos, "%s", err.text);
}

#define MEMBER(m) .offset = offsetof(struct http_json_settings, m)

static const struct schema_field settings_fields[] = {
	{ .name = "preset",
	    .kind = FIELD_ENUM,
	    .fallback = "none",
	    .choices = http_json_preset_names,
	    MEMBER(preset),
	    .doc =
		"Fills in the request and the paths of a known service; each may still be "
		"given. datadog: a query of metrics with .rollup(avg, 60); api_key and app_key; "
		"the last point, tags are labels. newrelic: NRQL that names its number AS value; "
		"api_key, variables {account: ...}; label facet (name more: labels: {app: "
		"appName}). signoz: PromQL (variables {query_type: clickhouse_sql, step: 60} for "
		"others), api_key; points that are not complete are left out. jaeger: "
		"latencies?service=...&quantile=0.95 and the like. wandb: the path of a number, "
		"node.summaryMetrics@json.val_loss; variables {entity, project, filters}, the key "
		"as http_config's basic_auth of user api. langsmith: the name of a number of "
		"runs/stats, error_rate; api_key, variables {session: id of the project}. "
		"honeycomb: the id of a saved query; api_key, variables {dataset: ...}; value is "
		"COUNT unless given, as '[\"AVG(duration_ms)\"]', and its breakdowns are labels "
		"by labels: {service: service}." },
	{ .name = "url",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY | FIELD_ENV,
	    MEMBER(url),
	    .doc = "The address, with placeholders such as {{query}}, {{now}}, {{from}} "
		   "(percent-encoded); with a preset only the server, such as "
		   "https://api.datadoghq.eu." },
	{ .name = "method",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY,
	    MEMBER(method),
	    .doc = "GET, or POST when there is a body." },
	{ .name = "body",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY | FIELD_ENV,
	    MEMBER(body),
	    .doc = "What is sent, with the same placeholders, escaped for the content_type; "
		   "{{query:json}} is a JSON string with quotes, {{query:raw}} the text as it "
		   "is." },
	{ .name = "content_type",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY,
	    MEMBER(content_type),
	    .doc = "Type of the body: application/json." },
	{ .name = "headers",
	    .kind = FIELD_STRING_MAP,
	    .flags = FIELD_ENV,
	    MEMBER(headers),
	    .doc = "Headers of each request; secrets belong to api_key or http_config." },
	{ .name = "variables",
	    .kind = FIELD_STRING_MAP,
	    .flags = FIELD_ENV,
	    MEMBER(variables),
	    .doc = "Further placeholders by name, such as {account: \"123\"}." },
	{ .name = "api_key",
	    .kind = FIELD_SECRET,
	    .flags = FIELD_ENV,
	    MEMBER(api_key),
	    .doc = "A key sent in the header api_key_header." },
	{ .name = "api_key_header",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY,
	    MEMBER(api_key_header),
	    .doc = "Name of the header for api_key." },
	{ .name = "app_key",
	    .kind = FIELD_SECRET,
	    .flags = FIELD_ENV,
	    MEMBER(app_key),
	    .doc = "A second key, sent in the header app_key_header." },
	{ .name = "app_key_header",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY,
	    MEMBER(app_key_header),
	    .doc = "Name of the header for app_key." },
	{ .name = "poll_url",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY | FIELD_ENV,
	    MEMBER(poll_url),
	    .doc = "For servers that answer with an id first: where the result is, with {{id}}." },
	{ .name = "poll_id",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY,
	    .fallback = "id",
	    MEMBER(poll_id),
	    .doc = "Path to the id in the first answer." },
	{ .name = "poll_until",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY,
	    .fallback = "complete",
	    MEMBER(poll_until),
	    .doc = "Path to what is true when the result is complete." },
	{ .name = "poll_interval",
	    .kind = FIELD_DURATION,
	    .flags = FIELD_POSITIVE,
	    .fallback = "1s",
	    MEMBER(poll_interval),
	    .doc = "Time between two looks; all of them together have the source's timeout." },
	{ .name = "window",
	    .kind = FIELD_DURATION,
	    .flags = FIELD_POSITIVE,
	    .fallback = "5m",
	    MEMBER(window),
	    .doc = "{{from}} is this long before {{now}} in rules without a window of their own." },
	{ .name = "http_config",
	    .kind = FIELD_SUB,
	    .sub = &schema_http_config,
	    MEMBER(http),
	    .doc = "Credentials, TLS, proxy and headers, as in Alertmanager." },
	JSON_ROWS_FIELDS(struct http_json_settings, paths),
};

static const struct schema settings_schema = {
	.name = "http_json source",
	.doc =
	    "Any HTTP server that answers in JSON: rows, values, labels and times are found by "
	    "paths ($.series[*], points[-1][1], [\"a.b\"], @json, @key, ^). Without {{query}} in "
	    "url or body a rule's query is the path of the value. Verified against protocol "
	    "doubles; the presets follow the services' published shapes and were not run "
	    "against the services.",
	.size = sizeof(struct http_json_settings),
	SCHEMA_FIELDS(settings_fields),
	.pos_offset = offsetof(struct http_json_settings, pos) + 1,
};

const struct source_kind source_http_json_kind = {
	.name = "http_json",
	.schema = &settings_schema,
	.finish = settings_finish,
};

const struct source_ops source_http_json = {
	.kind = &source_http_json_kind,
	.open = http_json_open,
	.close = http_source_close,
	.query = http_source_query,
	.cancel = http_source_cancel,
	.labels = rows_labels,
	.check = http_json_check,
	.timeless = http_json_timeless,
};
