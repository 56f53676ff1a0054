/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ClickHouse over HTTP.
 *
 * The answer comes as JSONCompact with NaN and infinities in quotes, so that
 * null is NULL alone.  The server is told to read only, to give up in time,
 * and to hold the answer back until it is whole; what still breaks off in the
 * middle is an error, because the text is no JSON or its count is wrong.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "source/backends.h"
#include "source/http_source.h"
#include "source/json_table.h"
#include "source/sql_params.h"

#define EXCEPTION "DB::Exception"

struct clickhouse_settings {
	const char *url, *database, *time_column;
	bool limits;
	struct string_map params;
	const struct http_options *http;
};

static int
build(const struct http_source *source, struct http_call *call, struct err *err)
{
	const struct clickhouse_settings *s = source->source.config->settings;
	struct buf *url = &call->request->url;
	int64_t seconds = source->source.config->timeout.ns / 1000000000;
	char number[24];
	const struct source_query *query = call->query;
	const struct sql_times times = sql_times_of(query);

	put_url(url, s->url, "/");
	put_url_param(url, "default_format", STR("JSONCompact"));
	if (s->database != NULL)
		put_url_param(url, "database", str_from(s->database));
	if (s->limits) {
		snprintf(number, sizeof(number), "%" PRId64, seconds > 0 ? seconds : 1);
		put_url_param(url, "readonly", STR("2"));
		put_url_param(url, "max_execution_time", str_from(number));
		snprintf(number, sizeof(number), "%d",
		    (query->shape == QUERY_INSTANT ? SERIES_MAX : POINTS_MAX) + 1);
		put_url_param(url, "max_result_rows", str_from(number));
		put_url_param(url, "result_overflow_mode", STR("throw"));
		put_url_param(url, "output_format_json_quote_denormals", STR("1"));
		put_url_param(url, "wait_end_of_query", STR("1"));
	}
	put_url_params(url, &s->params);
	call->request->method = "POST";
	call->request->content_type = "text/plain; charset=utf-8";
	return sql_params(query->text, PARAM_SECONDS, &times, &call->request->body, NULL, err);
}

/* "Code: 60, e.displayText() = DB::Exception: Table ..." from wherever it begins. */
static bool
find_exception(struct str body, struct str *ret)
{
	const char *at = memmem(body.p, body.n, EXCEPTION, strlen(EXCEPTION));
	const char *start = at;

	if (at == NULL)
		return false;
	while (start > body.p && start[-1] != '\n' && start[-1] != '"' && at - start < 80)
		start--;
	*ret = str_make(start, (size_t)(body.p + body.n - start));
	return true;
}

static int
exception(struct str text, int status, struct err *err)
{
	struct arena *arena = arena_new(0);
	int code;

	/* The message is what helps; what went wrong inside follows its first line. */
	code = err_set(err, ERR_REMOTE, "%s (HTTP %d)", text_head(arena, text), status);
	arena_free(arena);
	return code;
}

static int
decode_table(const struct http_source *source, struct str body, struct arena *scratch,
    struct rows *rows, struct err *err)
{
	const struct clickhouse_settings *s = source->source.config->settings;
	const struct table_options options = { .time_column = s->time_column, .want = &rows->want };
	struct str meta = STR(""), data = STR(""), count = STR(""), failed = STR("");
	const struct json_member members[] = { { "meta", &meta }, { "data", &data },
		{ "rows", &count }, { "exception", &failed } };
	struct table *table = ARENA_NEW(scratch, struct table);
	int64_t wanted;
	int code;

	if (!json_members(body, members, ARRAY_LEN(members)) || meta.n == 0 || data.n == 0)
		return err_set(err, ERR_INVALID, "an answer that is no JSONCompact: %s",
		    text_head(scratch, body));
	if (failed.n != 0)
		return err_set(err, ERR_REMOTE, "%s", text_head(scratch, failed));
	code = json_table_columns(meta, scratch, table, err);
	if (code == 0)
		code = table_classify(table, &options, err);
	if (code == 0)
		code = json_table_rows(data, table, &options, NULL, NULL, scratch, rows, err);
	if (code < 0)
		return code;
	if (!str_to_i64(count, &wanted) || (uint64_t)wanted != rows->n)
		return err_set(err, ERR_REMOTE, "partial answer: %zu rows of %.*s", rows->n,
		    STR_ARG(count.n > 0 ? count : STR("an unknown number")));
	return 0;
}

static int
decode(const struct http_source *source, struct str body, int status,
    const struct source_query *query UNUSED, struct rows *rows, struct err *err)
{
	const struct clickhouse_settings *s = source->source.config->settings;
	struct arena *scratch;
	struct str text;
	int code;

	rows->want.time_column = s->time_column;
	if (status / 100 != 2)
		return find_exception(body, &text) ? exception(text, status, err)
						   : http_refused(status, body, err);
	code = json_whole(body, err);
	if (code < 0)
		return find_exception(body, &text) ? exception(text, status, err) : code;
	scratch = arena_new(0);
	code = decode_table(source, str_trim(body), scratch, rows, err);
	arena_free(scratch);
	return code;
}

static const struct http_backend backend = {
	.ops = &source_clickhouse,
	.build = build,
	.decode = decode,
	.all_statuses = true,
};

static struct source *
clickhouse_open(const struct source_config *config, struct loop *loop, struct xfer *xfer,
    struct worker_pool *workers, struct err *err UNUSED)
{
	const struct clickhouse_settings *s = config->settings;

	return http_source_read_on(
	    http_source_open(&backend, s->http, config, loop, xfer), workers);
}

static int
clickhouse_check(
    const struct source_config *config UNUSED, const struct source_query *query, struct err *err)
{
	const struct sql_times times = sql_times_of(query);
	struct buf out = { 0 };
	int code = sql_params(query->text, PARAM_SECONDS, &times, &out, NULL, err);

	buf_fini(&out);
	return code;
}

#define MEMBER(m) .offset = offsetof(struct clickhouse_settings, m)

static const struct schema_field settings_fields[] = {
	{ .name = "url",
	    .kind = FIELD_URL,
	    .flags = FIELD_REQUIRED | FIELD_ENV,
	    MEMBER(url),
	    .doc = "Address of the HTTP interface, such as http://localhost:8123." },
	{ .name = "database",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY | FIELD_ENV,
	    MEMBER(database),
	    .doc = "Database of names without one." },
	{ .name = "time_column",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY,
	    MEMBER(time_column),
	    .doc = "A column of this name is the time of its row, for max_age, and no label; "
		   "use toUnixTimestamp(), since a DateTime comes without its zone and is read "
		   "as UTC. Queries over a window take `ts` when this is absent." },
	{ .name = "limits",
	    .kind = FIELD_BOOL,
	    .fallback = "true",
	    MEMBER(limits),
	    .doc = "Send readonly, max_execution_time and output settings; false for a user whose "
		   "profile is readonly = 1 and may not change settings (NaN is then null)." },
	{ .name = "params",
	    .kind = FIELD_STRING_MAP,
	    .flags = FIELD_ENV,
	    MEMBER(params),
	    .doc = "Further settings of every query, sent in the URL." },
	{ .name = "http_config",
	    .kind = FIELD_SUB,
	    .sub = &schema_http_config,
	    MEMBER(http),
	    .doc = "User and password (basic_auth), TLS, proxy and headers." },
};

static const struct schema settings_schema = {
	.name = "clickhouse source",
	.doc =
	    "ClickHouse: the column `value` of a query is the value, other columns are labels; "
	    ":now is the time of evaluation, :from and :to the window of a rule that has one, in "
	    "Unix seconds (toUnixTimestamp(ts) >= :from). Verified against a real server "
	    "(18.16).",
	.size = sizeof(struct clickhouse_settings),
	SCHEMA_FIELDS(settings_fields),
};

const struct source_kind source_clickhouse_kind = {
	.name = "clickhouse",
	.schema = &settings_schema,
};

const struct source_ops source_clickhouse = {
	.kind = &source_clickhouse_kind,
	.open = clickhouse_open,
	.close = http_source_close,
	.query = http_source_query,
	.cancel = http_source_cancel,
	.labels = rows_labels,
	.check = clickhouse_check,
	.timeless = sql_timeless,
};
