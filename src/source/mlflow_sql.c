/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MLflow's own tables.  Instant queries read latest_metrics, in which MLflow
 * keeps the last value of each run and key; ranges read metrics.
 */
#include "config.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "source/backends.h"
#include "source/mlflow.h"
#include "source/points.h"
#include "source/sqlite_read.h"

/* Kept between jobs. */
struct keep {
	struct sqlite_conn *sqlite;
	struct postgres_conn *postgres;
};

static void
keep_free(void *arg)
{
	struct keep *keep = arg;

	if (keep == NULL)
		return;
	sqlite_conn_close(keep->sqlite);
	postgres_conn_close(keep->postgres);
	free(keep);
}

static void
put_literal(struct buf *sql, struct str text)
{
	buf_putc(sql, '\'');
	for (uint32_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\'')
			buf_putc(sql, '\'');
		if (text.p[i] != '\0')
			buf_putc(sql, text.p[i]);
	}
	buf_putc(sql, '\'');
}

static bool
is_pattern(struct str what)
{
	return what.n == 0 || memchr(what.p, '*', what.n) != NULL ||
	       memchr(what.p, '?', what.n) != NULL;
}

/* The alias' version, as `v`. */
static void
put_model(struct buf *sql, const struct mlflow_settings *s)
{
	buf_puts(sql, " registered_model_aliases a JOIN model_versions v ON v.name = a.name AND "
		      "v.version = a.version WHERE a.name = ");
	put_literal(sql, str_from(s->model));
	buf_puts(sql, " AND a.alias = ");
	put_literal(sql, str_from(s->alias));
}

static void
put_points(struct buf *sql, const struct job_call *call)
{
	const struct mlflow_settings *s = call->config->settings;

	buf_puts(sql, "SELECT m.key AS metric, e.name AS experiment, r.name AS run, "
		      "m.run_uuid AS run_id, CAST(m.timestamp AS TEXT) AS ms, "
		      "CAST(m.is_nan AS TEXT) AS nan, m.value AS value");
	for (uint32_t i = 0; i < s->tag_labels.n; i++) {
		buf_puts(sql, ", (SELECT t.value FROM tags t WHERE t.run_uuid = m.run_uuid AND "
			      "t.key = ");
		put_literal(sql, str_from(s->tag_labels.items[i]));
		buf_printf(sql, ") AS tag%u", i);
	}
	if (s->model != NULL)
		buf_puts(sql, ", CAST(w.version AS TEXT) AS version");
	buf_printf(sql, " FROM %s m", call->shape == QUERY_INSTANT ? "latest_metrics" : "metrics");
	buf_puts(sql, " JOIN runs r ON r.run_uuid = m.run_uuid JOIN experiments e ON "
		      "e.experiment_id = r.experiment_id");
	if (s->model != NULL) {
		buf_puts(sql, " JOIN (SELECT v.run_id AS run_id, v.version AS version FROM");
		put_model(sql, s);
		buf_puts(sql, ") w ON w.run_id = m.run_uuid");
	}
	buf_printf(sql,
	    " WHERE r.lifecycle_stage = 'active' AND e.lifecycle_stage = 'active' AND "
	    "m.timestamp >= %lld AND m.timestamp <= %lld",
	    (long long)(call->from.ns / 1000000), (long long)(call->to.ns / 1000000));
	if (!is_pattern(call->what)) {
		buf_puts(sql, " AND m.key = ");
		put_literal(sql, call->what);
	}
	for (uint32_t i = 0; i < s->experiments.n; i++) {
		buf_puts(sql, i == 0 ? " AND e.name IN (" : ", ");
		put_literal(sql, str_from(s->experiments.items[i]));
		buf_puts(sql, i + 1 == s->experiments.n ? ")" : "");
	}
	/* Several values of one time: the last step's counts. */
	buf_puts(sql, " ORDER BY m.timestamp, m.step");
}

static void
put_version(struct buf *sql, const struct mlflow_settings *s)
{
	buf_puts(sql, "SELECT v.version AS value, CAST(v.version AS TEXT) AS version, "
		      "v.run_id AS run_id FROM");
	put_model(sql, s);
}

/* A row of the statement into a point. */
static int
take_row(struct job_call *call, struct str key, double value, bool missing, struct arena *scratch,
    struct err *err)
{
	const struct mlflow_settings *s = call->config->settings;
	struct mlflow_run run = { .tags = ARENA_ARRAY(scratch, s->tag_labels.n, struct str) };
	struct sample sample = { .key = key };
	struct str metric =
	    str_is(call->what, MLFLOW_VERSION_QUERY) ? STR("version") : str_make(NULL, 0);
	struct label_view *views;
	int64_t ms = 0, tag;
	bool nan = false;
	uint32_t n;
	int code = rows_labels(NULL, &sample, scratch, &views, &n, err);

	for (uint32_t i = 0; code == 0 && i < n; i++) {
		struct str name = views[i].name, text = views[i].value;

		if (str_is(name, "metric"))
			metric = text;
		else if (str_is(name, "experiment"))
			run.experiment = text;
		else if (str_is(name, "run"))
			run.name = text;
		else if (str_is(name, "run_id"))
			run.id = text;
		else if (str_is(name, "version"))
			run.version = text;
		else if (str_is(name, "ms") && !str_to_i64(text, &ms))
			return err_set(err, ERR_INVALID, "timestamp '%.*s' is no number",
			    STR_ARG(str_head(text, 40)));
		else if (str_is(name, "nan"))
			nan = str_is(text, "1") || str_is(text, "true");
		else if (str_starts(name, STR("tag")) &&
			 str_to_i64(str_make(name.p + 3, name.n - 3), &tag))
			run.tags[tag] = text;
	}
	if (code < 0 ||
	    (!str_is(call->what, MLFLOW_VERSION_QUERY) && !mlflow_is_asked(call->what, metric)))
		return code;
	code = mlflow_begin(s, &run, metric, call->rows, err);
	if (code == 0) {
		struct row *row = &call->rows->items[call->rows->n - 1];

		row->value = nan ? (double)NAN : mlflow_number(value);
		row->missing = missing && !nan;
		row->at = ms > 0 && ms < INT64_MAX / 1000000 ? (wall_t){ ms * 1000000 } : WALL_NONE;
	}
	return code;
}

static int
take_rows(struct job_call *call, const struct rows *rows, struct err *err)
{
	struct arena *scratch = arena_new(0);
	int code = 0;

	for (size_t i = 0; i < rows->n && code == 0; i++) {
		const struct row *row = &rows->items[i];

		code = take_row(call, str_make(rows->keys.p + row->key_at, row->key_n), row->value,
		    row->missing, scratch, err);
		arena_reset(scratch);
	}
	arena_free(scratch);
	return code;
}

static int
ask(struct job_call *call, struct keep *keep, struct str sql, struct err *err)
{
	const struct mlflow_settings *s = call->config->settings;
	struct rows rows;
	const struct sqlite_query lite = {
		.path = s->path,
		.text = sql,
		.times = { .now = call->at },
		.timeout = call->config->timeout,
		.stop = call->stop,
		.rows = &rows,
	};
	const struct postgres_query pg = {
		.settings = s->postgres,
		.text = sql,
		.times = { .now = call->at },
		.timeout = call->config->timeout,
		.wake = call->wake,
		.rows = &rows,
	};
	int code;

	points_init_plain(&rows);
	code = s->postgres != NULL ? postgres_read(&keep->postgres, &pg, err)
				   : sqlite_read(&keep->sqlite, &lite, err);
	if (code == 0)
		code = take_rows(call, &rows, err);
	rows_fini(&rows);
	return code;
}

static int
run(struct job_call *call, void **kept, struct err *err)
{
	const struct mlflow_settings *s = call->config->settings;
	struct keep *keep = *kept;
	struct buf sql = { 0 };
	int code = mlflow_check_what(s, call->what, err);

	if (code < 0)
		return code;
	if (keep == NULL)
		*kept = keep = xcalloc(1, sizeof(*keep));
	if (str_is(call->what, MLFLOW_VERSION_QUERY))
		put_version(&sql, s);
	else
		put_points(&sql, call);
	code = ask(call, keep, buf_str(&sql), err);
	buf_fini(&sql);
	return code;
}

static dur_t
lookback(const void *settings)
{
	return ((const struct mlflow_settings *)settings)->lookback;
}

const struct job_backend mlflow_sql = {
	.pool = JOB_POOL(&source_mlflow, keep_free),
	.name = "mlflow",
	.threads = 4,
	.run = run,
	.lookback = lookback,
};
