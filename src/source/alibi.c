/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A drift detector's answer over HTTP: Alibi Detect's dictionary, or the
 * inference response of Seldon, MLServer or another V2 server.
 */
#include "config.h"

#include "source/backends.h"
#include "source/http_source.h"
#include "source/inference.h"
#include "source/selector.h"

#define NAME_BYTES_MAX 200

struct alibi_settings {
	const char *url, *body;
	const struct http_options *http;
	struct string_list features;
	struct pos pos;
};

static int
check_name(struct str name, struct err *err)
{
	if (name.n == 0 || name.n > NAME_BYTES_MAX)
		return err_set(err, ERR_INVALID,
		    "expected the name of an output, such as is_drift, p_val or distance");
	for (uint32_t i = 0; i < name.n; i++)
		if (strchr(" \t\n=<>(){}'\",;", name.p[i]) != NULL)
			return err_set_at(err, ERR_INVALID, i,
			    "expected the name of an output and matchers, such as "
			    "p_val{feature=\"age\"}");
	return 0;
}

static int
check_query(const struct source_query *query, struct err *err)
{
	struct matchers *matchers;
	struct str what;
	int code = selector_parse(query->text, &what, &matchers, err);

	if (code < 0)
		return code;
	matchers_free(matchers);
	return check_name(what, err);
}

static int
build(const struct http_source *source, struct http_call *call, struct err *err)
{
	const struct alibi_settings *s = source->source.config->settings;
	struct xfer_request *request = call->request;
	int code = check_query(call->query, err);

	if (code < 0)
		return code;
	buf_puts(&request->url, s->url);
	if (s->body == NULL)
		return 0;
	request->method = "POST";
	request->content_type = "application/json";
	buf_puts(&request->body, s->body);
	return 0;
}

static int
read_answer(const struct alibi_settings *s, struct str what, struct str body, struct rows *rows,
    wall_t at, struct arena *arena, struct err *err)
{
	struct inference inference;
	int code = inference_read(body, arena, &inference, err);

	if (code < 0)
		return code;
	if (inference.n > 0 && inference_find(&inference, what) == NULL)
		return err_set(err, ERR_NOT_FOUND, "the detector gave no '%.*s', only %s",
		    STR_ARG(str_head(what, 60)), inference_names(&inference, arena));
	return inference_rows(&inference, what, &s->features, at, rows, err);
}

static int
decode(const struct http_source *source, struct str body, int status UNUSED,
    const struct source_query *query, struct rows *rows, struct err *err)
{
	/* The answer is of now: a window of it has one point. */
	wall_t at = query->shape == QUERY_INSTANT ? WALL_NONE : query->at;
	struct matchers *matchers;
	struct arena *arena;
	struct str what;
	int code = selector_parse(query->text, &what, &matchers, err);

	if (code < 0)
		return code;
	arena = arena_new(0);
	code = read_answer(source->source.config->settings, what, body, rows, at, arena, err);
	matchers_free(matchers);
	arena_free(arena);
	return code;
}

static const struct http_backend backend = {
	.ops = &source_alibi,
	.build = build,
	.decode = decode,
	.selects = true,
};

static struct source *
alibi_open(const struct source_config *config, struct loop *loop, struct xfer *xfer,
    struct worker_pool *workers UNUSED, struct err *err UNUSED)
{
	const struct alibi_settings *s = config->settings;

	return http_source_open(&backend, s->http, config, loop, xfer);
}

static int
alibi_check(
    const struct source_config *config UNUSED, const struct source_query *query, struct err *err)
{
	return check_query(query, err);
}

static const char *
alibi_timeless(const struct source_config *config UNUSED, struct str text UNUSED, bool span)
{
	return span ? NULL : "a detector has its last answer only; keep them in a store and "
			     "read that";
}

#define MEMBER(m) .offset = offsetof(struct alibi_settings, m)

static const struct schema_field settings_fields[] = {
	{ .name = "url",
	    .kind = FIELD_URL,
	    .flags = FIELD_REQUIRED | FIELD_ENV,
	    MEMBER(url),
	    .doc = "Where the detector's last answer is, or with `body` where it is asked, such as "
		   "http://mlserver:8080/v2/models/income-drift/infer." },
	{ .name = "body",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY | FIELD_ENV,
	    MEMBER(body),
	    .doc = "An inference request in JSON, sent by POST; GET without one." },
	{ .name = "http_config",
	    .kind = FIELD_SUB,
	    .sub = &schema_http_config,
	    MEMBER(http),
	    .doc = "Credentials, TLS, proxy and headers, as in Alertmanager." },
	{ .name = "features",
	    .kind = FIELD_STRING_LIST,
	    MEMBER(features),
	    .doc = "Names of the features in the detector's order, for the label feature; their "
		   "numbers from 0 when absent." },
};

static const struct schema settings_schema = {
	.name = "alibi source",
	.doc =
	    "What a drift detector answers over HTTP: Alibi Detect's dictionary (data, meta) or an "
	    "inference response of the V2 protocol (Seldon, MLServer). A query is the name of an "
	    "output and matchers: is_drift, p_val{feature=\"age\"}, distance, threshold. A list "
	    "has a row for each feature. Labels: model, model_version, detector, feature, and for "
	    "p_val and distance direction; p_val has its threshold as a label, distance as a field "
	    "when asked for. An answer without outputs (a batch that is not complete yet) is no "
	    "data. Verified against protocol doubles.",
	.size = sizeof(struct alibi_settings),
	SCHEMA_FIELDS(settings_fields),
	.pos_offset = offsetof(struct alibi_settings, pos) + 1,
};

const struct source_kind source_alibi_kind = {
	.name = "alibi",
	.schema = &settings_schema,
	.series = true,
};

const struct source_ops source_alibi = {
	.kind = &source_alibi_kind,
	.open = alibi_open,
	.close = http_source_close,
	.query = http_source_query,
	.cancel = http_source_cancel,
	.labels = rows_labels,
	.check = alibi_check,
	.timeless = alibi_timeless,
};
