/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elasticsearch: ES|QL, or a search with aggregations.
 *
 * A query that begins with { is the body of a search, anything else ES|QL.
 * Both can answer 200 with half of the data (a shard failed, the time was up,
 * the default row limit cut the table): each of these is an error.
 */
#include "config.h"

#include <strings.h>

#include "source/backends.h"
#include "source/elasticsearch_aggs.h"
#include "source/http_source.h"
#include "source/json_rows.h"
#include "source/json_table.h"
#include "source/sql_params.h"

/* ES|QL cuts a table there unless LIMIT says otherwise, and in any case here. */
#define ESQL_ROWS_DEFAULT 1000
#define ESQL_ROWS_MAX     10000

struct elasticsearch_settings {
	const char *url, *index, *time_column;
	struct secret api_key;
	const struct http_options *http;
	struct json_rows_settings paths;
	struct pos pos;
	struct json_rows spec; /* when paths.rows is given */
};

static bool
is_search(struct str query)
{
	query = str_trim(query);
	return query.n > 0 && query.p[0] == '{';
}

/* The string ":from" as a whole is a time in milliseconds, as date fields take it. */
static int
put_search(struct str text, const struct sql_times *times, struct buf *out, struct err *err)
{
	static const char *const names[] = { "\":now\"", "\":from\"", "\":to\"" };

	for (uint32_t i = 0; i < text.n;) {
		size_t name = 0, n = 0;
		wall_t at;
		int code;

		for (; name < ARRAY_LEN(names); name++) {
			n = strlen(names[name]);
			if (text.n - i >= n && memcmp(text.p + i, names[name], n) == 0)
				break;
		}
		if (name == ARRAY_LEN(names)) {
			buf_putc(out, text.p[i++]);
			continue;
		}
		code = sql_param_value(str_make(names[name] + 2, n - 3), times, &at, err);
		if (code < 0)
			return code;
		buf_put_i64(out, at.ns / 1000000);
		i += (uint32_t)n;
	}
	return 0;
}

static int
build(const struct http_source *source, struct http_call *call, struct err *err)
{
	const struct elasticsearch_settings *s = source->source.config->settings;
	const struct sql_times times = sql_times_of(call->query);
	struct xfer_request *request = call->request;
	struct buf *url = &request->url, text = { 0 };
	int code;

	request->method = "POST";
	request->content_type = "application/json";
	if (is_search(call->query->text)) {
		if (s->index == NULL)
			return err_set(
			    err, ERR_INVALID, "a search needs the setting 'index' of its source");
		put_url(url, s->url, "/");
		for (const char *p = s->index; *p != '\0'; p++) /* a,b-* is a list */
			if (*p == ',' || *p == '*')
				buf_putc(url, *p);
			else
				url_escape(url, str_make(p, 1));
		buf_puts(url, "/_search?allow_partial_search_results=false");
		code = put_search(call->query->text, &times, &request->body, err);
	} else {
		put_url(url, s->url, "/_query");
		code = sql_params(call->query->text, PARAM_TEXT, &times, &text, NULL, err);
		buf_puts(&request->body, "{\"query\":");
		json_put_str(&request->body, buf_str(&text));
		buf_putc(&request->body, '}');
		buf_fini(&text);
	}
	if (code < 0)
		return code;
	return http_call_secret(call, "Authorization", "ApiKey ", &s->api_key, err);
}

/* {"error": {"type": ..., "reason": ...}, "status": 400}, or "error": "text" */
static int
remote_error(struct str error, int status, struct arena *scratch, struct err *err)
{
	struct str type = STR(""), reason = STR("");
	struct cell cell;

	json_members(error, (struct json_member[]){ { "type", &type }, { "reason", &reason } }, 2);
	json_cell(reason.n > 0 ? reason : type.n > 0 ? type : error, scratch, &cell);
	return err_set(err, ERR_REMOTE, "%s (HTTP %d)", text_head(scratch, cell.text), status);
}

static int
check_whole(struct str body, struct err *err)
{
	struct str timed_out = STR(""), early = STR(""), shards = STR(""), partial = STR(""),
		   clusters = STR(""), failed = STR(""), skipped = STR("");
	const struct json_member members[] = { { "timed_out", &timed_out },
		{ "terminated_early", &early }, { "_shards", &shards }, { "is_partial", &partial },
		{ "_clusters", &clusters } };

	json_members(body, members, ARRAY_LEN(members));
	if (str_is(timed_out, "true"))
		return err_set(err, ERR_REMOTE, "partial answer: the search timed out");
	if (str_is(early, "true"))
		return err_set(err, ERR_REMOTE, "partial answer: the search ended early");
	if (str_is(partial, "true"))
		return err_set(err, ERR_REMOTE, "partial answer: the server says is_partial");
	if (shards.n > 0)
		json_members(shards, (struct json_member[]){ { "failed", &failed } }, 1);
	if (failed.n > 0 && !str_is(failed, "0"))
		return err_set(err, ERR_REMOTE, "partial answer: %.*s shards failed",
		    STR_ARG(str_head(failed, 20)));
	failed = STR("");
	if (clusters.n > 0)
		json_members(clusters,
		    (struct json_member[]){ { "failed", &failed }, { "partial", &skipped } }, 2);
	if ((failed.n > 0 && !str_is(failed, "0")) || (skipped.n > 0 && !str_is(skipped, "0")))
		return err_set(err, ERR_REMOTE, "partial answer: a cluster failed");
	return 0;
}

static bool
has_word(struct str text, const char *word)
{
	size_t n = strlen(word);

	for (uint32_t i = 0; i + n <= text.n; i++)
		if (strncasecmp(text.p + i, word, n) == 0)
			return true;
	return false;
}

static int
decode_esql(const struct elasticsearch_settings *s, struct str body, struct str query,
    struct arena *scratch, struct rows *rows, struct err *err)
{
	const struct table_options options = { .time_column = s->time_column, .want = &rows->want };
	struct str columns = STR(""), values = STR("");
	const struct json_member members[] = { { "columns", &columns }, { "values", &values } };
	struct table *table = ARENA_NEW(scratch, struct table);
	int code;

	json_members(body, members, ARRAY_LEN(members));
	if (columns.n == 0 || values.n == 0)
		return err_set(
		    err, ERR_INVALID, "not an answer of ES|QL: %s", text_head(scratch, body));
	code = json_table_columns(columns, scratch, table, err);
	if (code == 0)
		code = table_classify(table, &options, err);
	if (code == 0)
		code = json_table_rows(values, table, &options, NULL, NULL, scratch, rows, err);
	if (code == 0 && rows->n == ESQL_ROWS_DEFAULT && !has_word(query, "limit"))
		return err_set(err, ERR_REMOTE,
		    "partial answer: %d rows, where ES|QL cuts; aggregate, or give a LIMIT",
		    ESQL_ROWS_DEFAULT);
	if (code == 0 && rows->n >= ESQL_ROWS_MAX)
		return err_set(err, ERR_REMOTE,
		    "partial answer: %d rows, the most that ES|QL gives; aggregate in the query",
		    ESQL_ROWS_MAX);
	return code;
}

static int
decode(const struct http_source *source, struct str body, int status,
    const struct source_query *query, struct rows *rows, struct err *err)
{
	const struct elasticsearch_settings *s = source->source.config->settings;
	struct str error = STR("");
	struct arena *scratch;
	int code;

	if (status == 429 || json_whole(body, NULL) < 0)
		return status / 100 != 2 ? http_refused(status, body, err) : json_whole(body, err);
	rows->want.time_column = s->time_column;
	body = str_trim(body);
	scratch = arena_new(0);
	json_members(body, (struct json_member[]){ { "error", &error } }, 1);
	if (error.n > 0)
		code = remote_error(error, status, scratch, err);
	else if (status / 100 != 2)
		code = http_refused(status, body, err);
	else
		code = check_whole(body, err);
	if (code == 0 && !is_search(query->text))
		code = decode_esql(s, body, query->text, scratch, rows, err);
	else if (code == 0 && s->paths.rows != NULL)
		code = json_rows_read(&s->spec, NULL, body, scratch, rows, err);
	else if (code == 0)
		code = elasticsearch_aggs(body, scratch, rows, err);
	arena_free(scratch);
	return code;
}

static const struct http_backend backend = {
	.ops = &source_elasticsearch,
	.build = build,
	.decode = decode,
	.all_statuses = true,
};

static struct source *
elasticsearch_open(const struct source_config *config, struct loop *loop, struct xfer *xfer,
    struct worker_pool *workers, struct err *err UNUSED)
{
	const struct elasticsearch_settings *s = config->settings;

	return http_source_read_on(
	    http_source_open(&backend, s->http, config, loop, xfer), workers);
}

static int
elasticsearch_check(
    const struct source_config *config, const struct source_query *query, struct err *err)
{
	const struct elasticsearch_settings *s = config->settings;
	const struct sql_times times = sql_times_of(query);
	struct buf out = { 0 };
	struct json_reader r;
	int code;

	if (!is_search(query->text)) {
		code = sql_params(query->text, PARAM_TEXT, &times, &out, NULL, err);
		buf_fini(&out);
		return code;
	}
	if (s->index == NULL)
		return err_set(
		    err, ERR_INVALID, "a search needs the setting 'index' of its source");
	json_reader_init(&r, query->text);
	if (!json_skip(&r) || !json_finish(&r))
		return err_set_at(err, ERR_INVALID, r.err_at,
		    "the search is no JSON: %s at byte %u", r.err_text, r.err_at);
	code = put_search(query->text, &times, &out, err);
	buf_fini(&out);
	return code;
}

static void
settings_finish(struct schema_context *ctx, void *value)
{
	struct elasticsearch_settings *s = value;
	struct err err;

	if (s->paths.value == NULL)
		s->paths.value = "value";
	if (json_rows_parse(ctx->arena, &s->paths, &s->spec, &err) < 0)
		diag_error(ctx->diag, s->pos, "%s", err.text);
}

#define MEMBER(m) .offset = offsetof(struct elasticsearch_settings, m)

static const struct schema_field settings_fields[] = {
	{ .name = "url",
	    .kind = FIELD_URL,
	    .flags = FIELD_REQUIRED | FIELD_ENV,
	    MEMBER(url),
	    .doc = "Base URL of the server, such as http://localhost:9200." },
	{ .name = "index",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY | FIELD_ENV,
	    MEMBER(index),
	    .doc = "What a search asks, such as logs-*; ES|QL names it in FROM." },
	{ .name = "time_column",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY,
	    MEMBER(time_column),
	    .doc =
		"A column of ES|QL, or a date_histogram of a search, that is the time of its row, "
		"for max_age, and no label; queries over a window take `ts` when this is "
		"absent." },
	{ .name = "api_key",
	    .kind = FIELD_SECRET,
	    .flags = FIELD_ENV,
	    MEMBER(api_key),
	    .doc = "Encoded API key, sent as Authorization: ApiKey." },
	{ .name = "http_config",
	    .kind = FIELD_SUB,
	    .sub = &schema_http_config,
	    MEMBER(http),
	    .doc = "Credentials, TLS, proxy and headers, as in Alertmanager." },
	JSON_ROWS_FIELDS(struct elasticsearch_settings, paths),
};

static const struct schema settings_schema = {
	.name = "elasticsearch source",
	.doc =
	    "Elasticsearch: a query is ES|QL (the column `value` is the value, others are "
	    "labels), or the JSON of a search. Of a search each bucket aggregation is a label "
	    "of its name; a metric aggregation named `value` is the value, another name becomes "
	    "the label `metric`, without any the bucket's doc_count counts. With `rows` the "
	    "paths say where values are instead. :now, :from and :to are times: in ES|QL as they "
	    "stand (@timestamp >= :from), in a search as whole strings (\":from\"). Verified "
	    "against a protocol double.",
	.size = sizeof(struct elasticsearch_settings),
	SCHEMA_FIELDS(settings_fields),
	.pos_offset = offsetof(struct elasticsearch_settings, pos) + 1,
};

const struct source_kind source_elasticsearch_kind = {
	.name = "elasticsearch",
	.schema = &settings_schema,
	.finish = settings_finish,
};

const struct source_ops source_elasticsearch = {
	.kind = &source_elasticsearch_kind,
	.open = elasticsearch_open,
	.close = http_source_close,
	.query = http_source_query,
	.cancel = http_source_cancel,
	.labels = rows_labels,
	.check = elasticsearch_check,
	.timeless = sql_timeless,
};
