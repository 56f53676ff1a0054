/* SPDX-License-Identifier: Apache-2.0 */
/*
 * InfluxDB: InfluxQL over /query (1.x, and 2.x with its compatibility), SQL
 * over /api/v3/query_sql (3.x).
 *
 * 1.x says most of its errors with status 200, and an unknown measurement with
 * an answer without series, which is an empty vector here.  Of queries it
 * takes one SELECT without INTO; 3.x refuses to write by itself.
 */
#include "config.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "source/backends.h"
#include "source/http_source.h"
#include "source/json_table.h"
#include "source/sql_params.h"

#define MEASUREMENT "measurement"

struct influxdb_settings {
	const char *url, *database, *value_column, *time_column;
	int version; /* 0: 1.x, 1: 3.x */
	struct string_map params;
	const struct http_options *http;
};

enum {
	VERSION_1,
	VERSION_3
};
static const char *const versions[] = { "1", "3", NULL };

struct reading {
	const struct influxdb_settings *settings;
	struct table_options options;
	struct arena *scratch;
	struct rows *rows;
	struct str tags, name; /* of the series being read */
};

/* Is there this word from at on? */
static bool
word_at(struct str text, uint32_t at, const char *word)
{
	uint32_t n = (uint32_t)strlen(word);

	if (text.n - at < n || strncasecmp(text.p + at, word, n) != 0 ||
	    (at > 0 && (isalnum((unsigned char)text.p[at - 1]) || text.p[at - 1] == '_')))
		return false;
	return text.n - at == n ||
	       !(isalnum((unsigned char)text.p[at + n]) || text.p[at + n] == '_');
}

/*
 * 1.x obeys DROP and SELECT INTO by GET, too, so the fence is here.  It looks
 * into quotes and regular expressions as well: what they hide depends on a
 * grammar, and a fence must not.
 */
static int
check_reads_only(struct str text, struct err *err)
{
	text = str_trim(text);
	while (text.n > 0 && text.p[text.n - 1] == ';')
		text = str_trim(str_make(text.p, text.n - 1));
	if (!word_at(text, 0, "select"))
		return err_set_at(err, ERR_INVALID, 0, "only reading is allowed: one SELECT");
	for (uint32_t i = 0; i < text.n; i++) {
		if (text.p[i] == ';')
			return err_set_at(err, ERR_INVALID, i,
			    "one statement only: no ; within the query, not even in quotes");
		if (word_at(text, i, "into"))
			return err_set_at(err, ERR_INVALID, i,
			    "only reading is allowed: no INTO, not even in quotes");
	}
	return 0;
}

static int
build_sql(const struct influxdb_settings *s, struct http_call *call, struct err *err)
{
	const struct sql_times times = sql_times_of(call->query);
	struct buf text = { 0 }, *body = &call->request->body;
	int code = sql_params(call->query->text, PARAM_SECONDS, &times, &text, NULL, err);

	put_url(&call->request->url, s->url, "/api/v3/query_sql");
	put_url_params(&call->request->url, &s->params);
	buf_puts(body, "{\"db\":");
	json_put_str(body, str_from(s->database));
	buf_puts(body, ",\"format\":\"json\",\"q\":");
	json_put_str(body, buf_str(&text));
	buf_putc(body, '}');
	buf_fini(&text);
	call->request->method = "POST";
	call->request->content_type = "application/json";
	return code;
}

static int
build(const struct http_source *source, struct http_call *call, struct err *err)
{
	const struct influxdb_settings *s = source->source.config->settings;
	const struct sql_times times = sql_times_of(call->query);
	struct buf text = { 0 }, *url = &call->request->url;
	int code;

	if (s->version == VERSION_3)
		return build_sql(s, call, err);
	code = check_reads_only(call->query->text, err);
	if (code < 0)
		return code;
	code = sql_params(call->query->text, PARAM_MS, &times, &text, NULL, err);
	put_url(url, s->url, "/query");
	put_url_param(url, "db", str_from(s->database));
	put_url_param(url, "epoch", STR("ms"));
	put_url_params(url, &s->params);
	put_url_param(url, "q", buf_str(&text));
	buf_fini(&text);
	return code;
}

/* --- 1.x ------------------------------------------------------------------------- */

static int
series_labels(void *arg, struct rows *rows, struct err *err)
{
	struct reading *r = arg;
	struct json_reader in;
	struct cell cell;
	struct str key;
	bool named = false;
	int code = 0;

	if (r->tags.n > 0 && r->tags.p[0] == '{') {
		json_reader_init(&in, r->tags);
		json_enter(&in, JSON_OBJECT);
		while (code == 0 && json_next_key(&in, &key) &&
		       json_read_cell(&in, r->scratch, &cell)) {
			named |= str_is(key, MEASUREMENT);
			if (memchr(key.p, '\\', key.n) != NULL)
				key = json_unescape(r->scratch, key);
			/* A series without the tag has it empty. */
			if (cell.text.n > 0)
				code = rows_cell_label(rows, key, &cell, err);
		}
	}
	if (code == 0 && !named && r->name.n > 0) {
		json_cell(r->name, r->scratch, &cell);
		code = rows_cell_label(rows, STR(MEASUREMENT), &cell, err);
	}
	return code;
}

static int
read_series(struct reading *r, struct str span, struct err *err)
{
	struct str columns = STR(""), values = STR(""), partial = STR("");
	const struct json_member members[] = { { "name", &r->name }, { "tags", &r->tags },
		{ "columns", &columns }, { "values", &values }, { "partial", &partial } };
	struct table *table = ARENA_NEW(r->scratch, struct table);
	int code;

	r->name = r->tags = STR("");
	if (!json_members(span, members, ARRAY_LEN(members)))
		return err_set(err, ERR_INVALID, "a series that is no object");
	if (str_is(partial, "true"))
		return err_set(err, ERR_REMOTE, "partial answer: a series is cut off");
	code = json_table_columns(columns, r->scratch, table, err);
	if (code == 0)
		code = table_classify(table, &r->options, err);
	if (code == 0 && values.n > 0)
		code = json_table_rows(
		    values, table, &r->options, series_labels, r, r->scratch, r->rows, err);
	return code;
}

static int
remote_error(struct reading *r, struct str span, int status, struct err *err)
{
	struct cell cell;

	json_cell(span, r->scratch, &cell);
	return err_set(err, ERR_REMOTE, "%s (HTTP %d)", text_head(r->scratch, cell.text), status);
}

static int
read_result(struct reading *r, struct str span, struct err *err)
{
	struct str series = STR(""), error = STR(""), partial = STR(""), item;
	const struct json_member members[] = { { "series", &series }, { "error", &error },
		{ "partial", &partial } };
	struct json_reader in;
	int code = 0;

	if (!json_members(span, members, ARRAY_LEN(members)))
		return err_set(err, ERR_INVALID, "a result that is no object");
	if (error.n > 0)
		return remote_error(r, error, 200, err);
	if (str_is(partial, "true"))
		return err_set(err, ERR_REMOTE, "partial answer: a result is cut off");
	if (series.n == 0)
		return 0;
	json_reader_init(&in, series);
	if (!json_enter(&in, JSON_ARRAY))
		return err_set(err, ERR_INVALID, "\"series\" is no list");
	while (code == 0 && json_next_item(&in) && json_read_span(&in, &item))
		code = read_series(r, item, err);
	return code;
}

static int
decode_1(struct reading *r, struct str body, int status, struct err *err)
{
	struct str results = STR(""), error = STR(""), item;
	const struct json_member members[] = { { "results", &results }, { "error", &error } };
	struct json_reader in;
	int code = 0;

	if (!json_members(body, members, ARRAY_LEN(members)))
		return err_set(
		    err, ERR_INVALID, "not an answer of InfluxDB: %s", text_head(r->scratch, body));
	if (error.n > 0)
		return remote_error(r, error, status, err);
	if (status / 100 != 2)
		return http_refused(status, body, err);
	json_reader_init(&in, results);
	if (results.n == 0 || !json_enter(&in, JSON_ARRAY))
		return err_set(err, ERR_INVALID, "an answer without results");
	while (code == 0 && json_next_item(&in) && json_read_span(&in, &item))
		code = read_result(r, item, err);
	return code;
}

/* --- 3.x -------------------------------------------------------------------------- */

/* A row is an object; a column that is NULL may be left out. */
static int
read_object(struct reading *r, struct str span, bool *ret_has_value, struct err *err)
{
	const char *wanted = r->options.value_column != NULL ? r->options.value_column : "value";
	struct json_reader in;
	struct cell cell;
	struct str key;
	int code = rows_begin(r->rows, err);

	json_reader_init(&in, span);
	if (code == 0 && !json_enter(&in, JSON_OBJECT))
		return err_set(err, ERR_INVALID, "row %zu is no object", r->rows->n);
	while (code == 0 && json_next_key(&in, &key) && json_read_cell(&in, r->scratch, &cell)) {
		if (str_is(key, wanted) && rows_field_named(&r->rows->want, key) == UINT32_MAX) {
			*ret_has_value = true;
			code = rows_value(r->rows, &cell, err);
		} else if (r->options.time_column != NULL && str_is(key, r->options.time_column)) {
			code = rows_time(r->rows, &cell, TIME_AUTO, err);
		} else if (!str_is(key, r->options.ignored)) {
			if (memchr(key.p, '\\', key.n) != NULL)
				key = json_unescape(r->scratch, key);
			code = rows_cell_label(r->rows, key, &cell, err);
		}
	}
	return code;
}

static int
decode_3(struct reading *r, struct str body, int status, struct err *err)
{
	struct str error = STR(""), item;
	const struct json_member members[] = { { "error", &error }, { "message", &error } };
	struct json_reader in;
	bool has_value = false;
	int code = 0;

	if (json_members(body, members, ARRAY_LEN(members)) && error.n > 0)
		return remote_error(r, error, status, err);
	if (status / 100 != 2)
		return http_refused(status, body, err);
	json_reader_init(&in, body);
	if (!json_enter(&in, JSON_ARRAY))
		return err_set(
		    err, ERR_INVALID, "not a list of rows: %s", text_head(r->scratch, body));
	while (code == 0 && json_next_item(&in) && json_read_span(&in, &item))
		code = read_object(r, item, &has_value, err);
	if (code == 0 && r->rows->n > 0 && !has_value && r->rows->want.n_fields == 0)
		return err_set(err, ERR_INVALID, "no column is named %s; write `... AS value`",
		    r->options.value_column != NULL ? r->options.value_column : "value");
	return code;
}

static int
decode(const struct http_source *source, struct str body, int status,
    const struct source_query *query, struct rows *rows, struct err *err)
{
	const struct influxdb_settings *s = source->source.config->settings;
	struct reading r = { .settings = s, .rows = rows };
	bool windowed = query->step.ns > 0 && sql_mentions(query->text, ":from");
	int code;

	if (status == 429 || json_whole(body, NULL) < 0)
		return status / 100 != 2 ? http_refused(status, body, err) : json_whole(body, err);
	/* Each row has its time; of one point per series it is rarely the datum's own. */
	r.options = (struct table_options){ .value_column = s->value_column,
		.time_column = s->time_column != NULL                          ? s->time_column
			       : rows->want.shape != QUERY_INSTANT || windowed ? "time"
									       : NULL,
		.ignored = "time",
		.only_one = s->value_column == NULL,
		.want = &rows->want };
	rows->want.time_column = r.options.time_column;
	r.scratch = arena_new(0);
	body = str_trim(body);
	code = s->version == VERSION_3 ? decode_3(&r, body, status, err)
				       : decode_1(&r, body, status, err);
	arena_free(r.scratch);
	return code;
}

static const struct http_backend backend = {
	.ops = &source_influxdb,
	.build = build,
	.decode = decode,
	.all_statuses = true,
};

static struct source *
influxdb_open(const struct source_config *config, struct loop *loop, struct xfer *xfer,
    struct worker_pool *workers, struct err *err UNUSED)
{
	const struct influxdb_settings *s = config->settings;

	return http_source_read_on(
	    http_source_open(&backend, s->http, config, loop, xfer), workers);
}

static int
influxdb_check(
    const struct source_config *config, const struct source_query *query, struct err *err)
{
	const struct influxdb_settings *s = config->settings;
	const struct sql_times times = sql_times_of(query);
	struct buf out = { 0 };
	int code = s->version == VERSION_1 ? check_reads_only(query->text, err) : 0;

	if (code < 0)
		return code;
	code = sql_params(query->text, s->version == VERSION_3 ? PARAM_SECONDS : PARAM_MS, &times,
	    &out, NULL, err);
	buf_fini(&out);
	return code;
}

#define MEMBER(m) .offset = offsetof(struct influxdb_settings, m)

static const struct schema_field settings_fields[] = {
	{ .name = "url",
	    .kind = FIELD_URL,
	    .flags = FIELD_REQUIRED | FIELD_ENV,
	    MEMBER(url),
	    .doc = "Base URL of the server, such as http://localhost:8086." },
	{ .name = "database",
	    .kind = FIELD_STRING,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY | FIELD_ENV,
	    MEMBER(database),
	    .doc = "Database that is asked." },
	{ .name = "version",
	    .kind = FIELD_ENUM,
	    .fallback = "1",
	    .choices = versions,
	    MEMBER(version),
	    .doc = "1: InfluxQL over /query (also 2.x with its compatibility API); 3: SQL over "
		   "/api/v3/query_sql." },
	{ .name = "value_column",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY,
	    MEMBER(value_column),
	    .doc = "The column that is the value: `value`, or with version 1 the only one besides "
		   "time." },
	{ .name = "time_column",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY,
	    MEMBER(time_column),
	    .doc = "A column of this name is the time of its row, for max_age; `time` is the "
		   "datum's own for last() and plain fields, but the window's start for other "
		   "functions. Queries over a window take `time` when this is absent." },
	{ .name = "params",
	    .kind = FIELD_STRING_MAP,
	    .flags = FIELD_ENV,
	    MEMBER(params),
	    .doc = "Further parameters of every query, such as {rp: autogen}." },
	{ .name = "http_config",
	    .kind = FIELD_SUB,
	    .sub = &schema_http_config,
	    MEMBER(http),
	    .doc = "Credentials (basic_auth, or authorization with a token), TLS, proxy and "
		   "headers." },
};

static const struct schema settings_schema = {
	.name = "influxdb source",
	.doc = "InfluxDB: tags and further columns are labels, `measurement` is the name of the "
	       "series (1.x); ask for one row per series (last(), LIMIT 1) with one SELECT without "
	       "INTO. :now is the time of "
	       "evaluation, :from and :to the window of a rule that has one: literals like "
	       "1763621040500ms in InfluxQL, Unix seconds in SQL. "
	       "Version 1 verified against a real server (1.6.7), version 3 against a protocol "
	       "double.",
	.size = sizeof(struct influxdb_settings),
	SCHEMA_FIELDS(settings_fields),
};

const struct source_kind source_influxdb_kind = {
	.name = "influxdb",
	.schema = &settings_schema,
};

const struct source_ops source_influxdb = {
	.kind = &source_influxdb_kind,
	.open = influxdb_open,
	.close = http_source_close,
	.query = http_source_query,
	.cancel = http_source_cancel,
	.labels = rows_labels,
	.check = influxdb_check,
	.timeless = sql_timeless,
};
