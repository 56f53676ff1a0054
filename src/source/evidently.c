/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidently's drift scores and metrics: its SQL storage in SQLite or
 * PostgreSQL, a workspace folder of snapshots, or files of report.json().
 *
 * The query is a metric's short name, * and ? allowed, and matchers over the
 * points' labels.  What a file holds is kept as points until it changes; of a
 * database only the newest point of each series is asked for, unless a range
 * is wanted.
 */
#include "config.h"

#include <fnmatch.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/xalloc.h"
#include "source/backends.h"
#include "source/evidently_format.h"
#include "source/files.h"
#include "source/job_source.h"
#include "source/points.h"
#include "source/postgres_read.h"
#include "source/sqlite_read.h"

#define SQLITE_MAGIC   "SQLite format 3"
#define NAME_BYTES_MAX 200
#define METADATA       "/metadata.json"

struct evidently_settings {
	const char *path;
	struct postgres_settings *postgres;
	const char *time_zone;
	struct string_map methods;
	dur_t lookback;
	struct pos pos;
	struct evidently_options options;
};

/* What a file held when it was read. */
struct known {
	char *path;
	int64_t size, changed_ns;
	struct rows rows;
};

/* Kept between jobs. */
struct keep {
	struct known *known; /* by path */
	size_t n;
	struct sqlite_conn *sqlite;
	struct postgres_conn *postgres;
};

static void
forget(struct known *known)
{
	free(known->path);
	rows_fini(&known->rows);
}

static void
keep_free(void *arg)
{
	struct keep *keep = arg;

	if (keep == NULL)
		return;
	for (size_t i = 0; i < keep->n; i++)
		forget(&keep->known[i]);
	free(keep->known);
	sqlite_conn_close(keep->sqlite);
	postgres_conn_close(keep->postgres);
	free(keep);
}

/* Is it one of the metrics that are asked for? what: NUL-terminated. */
static bool
is_asked(const char *what, struct str metric)
{
	char name[NAME_BYTES_MAX + 1];

	if (*what == '\0')
		return true;
	if (metric.n > NAME_BYTES_MAX)
		return false;
	memcpy(name, metric.p, metric.n);
	name[metric.n] = '\0';
	return fnmatch(what, name, 0) == 0;
}

static int
check_name(struct str what, struct err *err)
{
	if (what.n > NAME_BYTES_MAX)
		return err_set(
		    err, ERR_LIMIT, "a metric's name of more than %d bytes", NAME_BYTES_MAX);
	for (uint32_t i = 0; i < what.n; i++)
		if (strchr(" \t\n=<>(){}'\",;", what.p[i]) != NULL)
			return err_set_at(err, ERR_INVALID, i,
			    "expected a metric's name and matchers, such as "
			    "ValueDrift{column=\"age\"}");
	return 0;
}

/* A kept point into the answer; its labels one by one, since some may be wanted as fields. */
static int
copy_row(const struct rows *from, const struct row *row, struct arena *scratch, struct rows *to,
    struct err *err)
{
	struct sample sample = { .key = str_make(from->keys.p + row->key_at, row->key_n) };
	struct label_view *views;
	uint32_t n;
	int code = rows_labels(NULL, &sample, scratch, &views, &n, err);

	if (code == 0)
		code = rows_begin(to, err);
	for (uint32_t i = 0; i < n && code == 0; i++)
		code = rows_label(to, views[i].name, views[i].value, err);
	if (code == 0) {
		to->items[to->n - 1].value = row->value;
		to->items[to->n - 1].missing = row->missing;
		to->items[to->n - 1].at = row->at;
	}
	return code;
}

/* --- files -------------------------------------------------------------------------- */

/* The project's own name, out of metadata.json beside its snapshots. */
static void
read_project_name(const char *root, struct str project, struct arena *arena, struct str *ret)
{
	const char *path = arena_printf(arena, "%s/%.*s" METADATA, root, STR_ARG(project));
	struct buf text = { 0 };
	struct json_reader r;
	struct str key, name;

	if (project.n == 0 || file_read(path, 1u << 20, &text, NULL) < 0)
		return;
	json_reader_init(&r, buf_str(&text));
	if (json_peek(&r) == JSON_OBJECT && json_enter(&r, JSON_OBJECT))
		while (json_next_key(&r, &key)) {
			if (!str_is(key, "name") || json_peek(&r) != JSON_STRING) {
				json_skip(&r);
				continue;
			}
			if (json_read_str(&r, arena, &name))
				*ret = arena_str(arena, name);
		}
	buf_fini(&text);
}

static int
read_file(const struct evidently_settings *s, const struct file_entry *file, struct rows *rows,
    struct err *err)
{
	struct arena *arena = arena_new(0);
	struct str folder = file_folder(s->path, file);
	struct evidently_origin origin = { .at = { file->changed_ns } };
	struct buf text = { 0 };
	bool is;
	int code;

	/* <workspace>/<project>/snapshots/<id>.json */
	for (origin.project = str_make(folder.p, 0);
	     origin.project.n < folder.n && folder.p[origin.project.n] != '/';)
		origin.project.n++;
	read_project_name(s->path, origin.project, arena, &origin.project_name);
	code = file_read(file->path, EVIDENTLY_FILE_BYTES_MAX, &text, err);
	if (code == 0)
		code = evidently_read(buf_str(&text), &s->options, &origin, rows, &is, err);
	if (code < 0)
		err_wrap(err, "%s", file->path);
	buf_fini(&text);
	arena_free(arena);
	return code;
}

static int
known_by_path(const void *key, const void *item)
{
	return strcmp(key, ((const struct known *)item)->path);
}

/* Brings what is known up to date; both lists are sorted alike. */
static int
get_to_know(struct job_call *call, struct keep *keep, const struct file_list *list, struct err *err)
{
	const struct evidently_settings *s = call->config->settings;
	struct known *now = xcalloc(list->n + 1, sizeof(*now));
	size_t n = 0, points = 0;
	int code = 0;

	for (size_t i = 0; i < list->n && code == 0; i++) {
		const struct file_entry *file = &list->items[i];
		struct known *before = keep->n == 0 ? NULL
						    : bsearch(file->path, keep->known, keep->n,
							  sizeof(*keep->known), known_by_path);

		if (str_ends(str_from(file->path), STR(METADATA)))
			continue;
		now[n] = (struct known){ .path = xstrdup(file->path),
			.size = file->size,
			.changed_ns = file->changed_ns };
		if (before != NULL && before->size == file->size &&
		    before->changed_ns == file->changed_ns) {
			now[n].rows = before->rows;
			before->rows = (struct rows){ 0 };
			points += now[n++].rows.n;
			continue;
		}
		points_init_plain(&now[n].rows);
		code = job_goes_on(call, err);
		if (code == 0)
			code = read_file(s, file, &now[n].rows, err);
		points += now[n].rows.n;
		if (code == 0 && points > POINTS_MAX)
			code = err_set(err, ERR_LIMIT,
			    "more than %d points in all files; remove old snapshots, or give a "
			    "smaller folder",
			    POINTS_MAX);
		if (code < 0)
			forget(&now[n]);
		else
			n++;
	}
	for (size_t i = 0; i < keep->n; i++)
		forget(&keep->known[i]);
	free(keep->known);
	keep->known = now;
	keep->n = n;
	return code;
}

static int
ask_files(struct job_call *call, struct keep *keep, const char *what, struct err *err)
{
	const struct evidently_settings *s = call->config->settings;
	struct arena *scratch;
	struct file_list list;
	int code = files_list(s->path, ".json", &list, err);

	if (code < 0)
		return code;
	scratch = arena_new(0);
	code = get_to_know(call, keep, &list, err);
	for (size_t i = 0; i < keep->n && code == 0; i++) {
		const struct rows *rows = &keep->known[i].rows;

		for (size_t j = 0; j < rows->n && code == 0; j++) {
			const struct row *row = &rows->items[j];
			struct str key = str_make(rows->keys.p + row->key_at, row->key_n);

			if (!wall_before(row->at, call->from) && !wall_before(call->to, row->at) &&
			    is_asked(what, evidently_metric(key)))
				code = copy_row(rows, row, scratch, call->rows, err);
			arena_reset(scratch);
		}
	}
	arena_free(scratch);
	files_fini(&list);
	return code;
}

/* --- SQL ------------------------------------------------------------------------------- */

/* Only what a metric's name is made of gets into the text of a statement. */
static bool
is_plain(const char *what)
{
	for (; *what != '\0'; what++)
		if (!((*what >= 'a' && *what <= 'z') || (*what >= 'A' && *what <= 'Z') ||
			(*what >= '0' && *what <= '9')))
			return false;
	return true;
}

static void
put_statement(struct buf *sql, const struct job_call *call, const char *what, bool postgres)
{
	const struct evidently_settings *s = call->config->settings;
	bool newest = call->shape == QUERY_INSTANT;

	buf_puts(sql, "SELECT project, project_name, metric, params, taken, value FROM (SELECT "
		      "CAST(p.project_id AS TEXT) AS project, j.name AS project_name, "
		      "p.metric_type AS metric, CAST(p.params AS TEXT) AS params, "
		      "CAST(s.timestamp AS TEXT) AS taken, p.value AS value, ");
	buf_puts(sql, newest ? "row_number() OVER (PARTITION BY p.project_id, p.metric_type, "
			       "CAST(p.params AS TEXT) ORDER BY s.timestamp DESC, p.id DESC) "
			     : "1 ");
	buf_puts(sql, "AS place FROM points p JOIN snapshots s ON s.id = p.snapshot_id LEFT JOIN "
		      "projects j ON j.id = p.project_id WHERE s.timestamp >= '");
	evidently_put_time(sql, call->from, s->options.tz, postgres);
	buf_puts(sql, "' AND s.timestamp <= '");
	/* Texts compare as texts: later digits of the same millisecond belong to it. */
	evidently_put_time(sql, call->to, s->options.tz, postgres);
	buf_puts(sql, postgres ? "'" : "999'");
	if (*what != '\0' && is_plain(what))
		buf_printf(
		    sql, " AND (p.metric_type = '%s' OR p.metric_type LIKE '%%:%s')", what, what);
	buf_puts(sql, ") AS newest WHERE place = 1");
}

/* One row of the statement into a point. */
static int
take_row(struct job_call *call, const char *what, struct str key, double value, bool missing,
    struct arena *scratch, struct err *err)
{
	const struct evidently_settings *s = call->config->settings;
	struct sample sample = { .key = key };
	struct evidently_origin origin = { 0 };
	struct str metric = { NULL, 0 }, params = { NULL, 0 }, ts = { NULL, 0 };
	struct label_view *views;
	uint32_t n, at;
	int code = rows_labels(NULL, &sample, scratch, &views, &n, err);

	for (uint32_t i = 0; code == 0 && i < n; i++) {
		struct str *to = str_is(views[i].name, "project")        ? &origin.project
				 : str_is(views[i].name, "project_name") ? &origin.project_name
				 : str_is(views[i].name, "metric")       ? &metric
				 : str_is(views[i].name, "params")       ? &params
									 : &ts;

		*to = views[i].value;
	}
	if (code < 0)
		return code;
	for (at = metric.n; at > 0 && metric.p[at - 1] != ':';)
		at--;
	if (!is_asked(what, str_make(metric.p + at, metric.n - at)))
		return 0;
	if (!evidently_time(ts, s->options.tz, &origin.at))
		return err_set(err, ERR_INVALID, "snapshots.timestamp '%.*s' is no time",
		    STR_ARG(str_head(ts, 60)));
	code = evidently_point(metric, params, &s->options, &origin, call->rows, err);
	if (code == 0) {
		call->rows->items[call->rows->n - 1].value = value;
		call->rows->items[call->rows->n - 1].missing = missing;
	}
	return code;
}

static int
take_rows(struct job_call *call, const char *what, const struct rows *rows, struct err *err)
{
	struct arena *scratch = arena_new(0);
	int code = 0;

	for (size_t i = 0; i < rows->n && code == 0; i++) {
		const struct row *row = &rows->items[i];

		code = take_row(call, what, str_make(rows->keys.p + row->key_at, row->key_n),
		    row->value, row->missing, scratch, err);
		arena_reset(scratch);
	}
	arena_free(scratch);
	return code;
}

static int
ask_sqlite(struct job_call *call, struct keep *keep, const char *what, struct err *err)
{
	const struct evidently_settings *s = call->config->settings;
	struct buf sql = { 0 };
	struct rows rows;
	struct sqlite_query read = {
		.path = s->path,
		.times = { .now = call->at },
		.timeout = call->config->timeout,
		.stop = call->stop,
		.rows = &rows,
	};
	int code;

	points_init_plain(&rows);
	put_statement(&sql, call, what, false);
	read.text = buf_str(&sql);
	code = sqlite_read(&keep->sqlite, &read, err);
	if (code == 0)
		code = take_rows(call, what, &rows, err);
	rows_fini(&rows);
	buf_fini(&sql);
	return code;
}

static int
ask_postgres(struct job_call *call, struct keep *keep, const char *what, struct err *err)
{
	const struct evidently_settings *s = call->config->settings;
	struct buf sql = { 0 };
	struct rows rows;
	struct postgres_query read = {
		.settings = s->postgres,
		.times = { .now = call->at },
		.timeout = call->config->timeout,
		.wake = call->wake,
		.rows = &rows,
	};
	int code;

	points_init_plain(&rows);
	put_statement(&sql, call, what, true);
	read.text = buf_str(&sql);
	code = postgres_read(&keep->postgres, &read, err);
	if (code == 0)
		code = take_rows(call, what, &rows, err);
	rows_fini(&rows);
	buf_fini(&sql);
	return code;
}

/* --- the source ---------------------------------------------------------------------------- */

static bool
is_sqlite(const char *path)
{
	char head[sizeof(SQLITE_MAGIC)];

	return file_head(path, head, sizeof(head)) == sizeof(head) &&
	       memcmp(head, SQLITE_MAGIC, sizeof(head)) == 0;
}

static int
run(struct job_call *call, void **kept, struct err *err)
{
	const struct evidently_settings *s = call->config->settings;
	struct keep *keep = *kept;
	char *what;
	int code = check_name(call->what, err);

	if (code < 0)
		return code;
	what = xmemdup0(call->what.p, call->what.n);
	if (keep == NULL)
		*kept = keep = xcalloc(1, sizeof(*keep));
	if (s->postgres != NULL)
		code = ask_postgres(call, keep, what, err);
	else if (is_sqlite(s->path))
		code = ask_sqlite(call, keep, what, err);
	else
		code = ask_files(call, keep, what, err);
	free(what);
	return code;
}

static dur_t
lookback(const void *settings)
{
	return ((const struct evidently_settings *)settings)->lookback;
}

static const struct job_backend backend = {
	.pool = JOB_POOL(&source_evidently, keep_free),
	.name = "evidently",
	.threads = 2,
	.run = run,
	.lookback = lookback,
};

static struct source *
evidently_open(const struct source_config *config, struct loop *loop, struct xfer *xfer UNUSED,
    struct worker_pool *workers UNUSED, struct err *err UNUSED)
{
	return job_source_open(&backend, config, loop);
}

static int
evidently_check(
    const struct source_config *config UNUSED, const struct source_query *query, struct err *err)
{
	struct matchers *matchers;
	struct str what;
	int code = selector_parse(query->text, &what, &matchers, err);

	if (code < 0)
		return code;
	matchers_free(matchers);
	return check_name(what, err);
}

static void
settings_finish(struct schema_context *ctx, void *value)
{
	struct evidently_settings *s = value;

	if (s->postgres != NULL)
		source_postgres_kind.finish(ctx, s->postgres);
	if ((s->path != NULL) == (s->postgres != NULL))
		diag_error(
		    ctx->diag, s->pos, "an evidently source has either 'path' or 'postgres'");
	s->options.tz = tz_find(str_from(s->time_zone));
	if (s->options.tz == NULL)
		diag_error(ctx->diag, s->pos,
		    "time_zone: there is no time zone '%s'; names are such as Europe/Berlin, UTC "
		    "or "
		    "Local",
		    s->time_zone);
	s->options.methods = &s->methods;
	for (uint32_t i = 0; i < s->methods.n; i++)
		if (strcmp(s->methods.pairs[i].value, "low") != 0 &&
		    strcmp(s->methods.pairs[i].value, "high") != 0)
			diag_error(ctx->diag, s->methods.pairs[i].value_pos,
			    "methods: expected low (small values are drift, as of p-values) or "
			    "high, got "
			    "'%s'",
			    s->methods.pairs[i].value);
}

#define MEMBER(m) .offset = offsetof(struct evidently_settings, m)

static const struct schema_field settings_fields[] = {
	{ .name = "path",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY | FIELD_ENV | FIELD_PATH,
	    MEMBER(path),
	    .doc = "The SQLite database of its SQL storage, a workspace folder (its projects' "
		   "snapshots), a folder of reports (*.json), or one report. It is only read." },
	{ .name = "postgres",
	    .kind = FIELD_SUB,
	    .sub = &postgres_settings_schema,
	    MEMBER(postgres),
	    .doc =
		"Instead of a path: the PostgreSQL database of its SQL storage, with the settings "
		"of a postgres source." },
	{ .name = "time_zone",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY,
	    .fallback = "UTC",
	    MEMBER(time_zone),
	    .doc = "The zone of snapshots' times: Evidently writes the local time of the machine "
		   "that made them, without saying which; such as Europe/Berlin, or Local for this "
		   "machine's." },
	{ .name = "methods",
	    .kind = FIELD_STRING_MAP,
	    MEMBER(methods),
	    .doc = "For drift methods of your own: low where small scores are drift (p-values), "
		   "high where large ones are." },
	{ .name = "lookback",
	    .kind = FIELD_DURATION,
	    .flags = FIELD_POSITIVE,
	    .fallback = "30d",
	    MEMBER(lookback),
	    .doc = "Snapshots older than this are not looked at." },
};

static const struct schema settings_schema = {
	.name = "evidently source",
	.doc =
	    "Evidently's results: its SQL storage (0.7) in SQLite or PostgreSQL, its workspace of "
	    "JSON "
	    "snapshots, and files of report.json() (0.4 to 0.7; without a time of their own they "
	    "have the file's). A query is a metric's name and matchers over the answer's labels: "
	    "ValueDrift{column=~\"age|income\"}, DriftedColumnsCount{value_type=\"share\"}, Test, "
	    "or "
	    "in reports before 0.7 DataDriftTable and DatasetDriftMetric{field=\"drift_share\"}. "
	    "Labels: metric, project, project_name, column, method, threshold, value_type, label, "
	    "what else the metric was given, and direction: low or high, the side that means "
	    "drift, "
	    "by the method; a method that is not known is an error. A test is 1 when it failed, 0 "
	    "when not, and has no value when it could not be computed. Verified against the real "
	    "format.",
	.size = sizeof(struct evidently_settings),
	SCHEMA_FIELDS(settings_fields),
	.pos_offset = offsetof(struct evidently_settings, pos) + 1,
};

const struct source_kind source_evidently_kind = {
	.name = "evidently",
	.schema = &settings_schema,
	.finish = settings_finish,
	.series = true,
};

const struct source_ops source_evidently = {
	.kind = &source_evidently_kind,
	.open = evidently_open,
	.close = sql_pool_close,
	.query = sql_pool_query,
	.cancel = sql_pool_cancel,
	.labels = rows_labels,
	.check = evidently_check,
};
