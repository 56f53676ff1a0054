/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MLflow's REST API, version 2.0.
 *
 * One query is several requests: the experiments' names (or the version that
 * an alias points to), their runs page by page, and for a range the history
 * of the metric in each run that has it.  More than the limits below is an
 * error, never a part of the answer.
 */
#include "config.h"

#include <math.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "source/backends.h"
#include "source/json_pick.h"
#include "source/mlflow.h"
#include "source/points.h"

#define API             "/api/2.0/mlflow"
#define PAGE_RUNS       1000
#define PAGE_HISTORY    25000
#define RUNS_MAX        10000
#define HISTORY_RUNS    200 /* one request each */
#define EXPERIMENTS_MAX 5000
#define REQUESTS_MAX    2000 /* a server whose pages never end */

enum step {
	STEP_ALIAS,
	STEP_RUN,
	STEP_EXPERIMENTS,
	STEP_RUNS,
	STEP_HISTORY
};

struct experiment {
	struct str id, name;
};

struct rest {
	const struct mlflow_settings *s;
	enum step step;
	struct str what; /* points into the query's text */
	struct matchers *matchers;
	struct arena *arena; /* texts of all answers */
	struct experiment *experiments;
	size_t n_experiments, cap_experiments;
	struct mlflow_run *runs; /* those with the metric, for histories */
	size_t n_runs, cap_runs, at_run;
	size_t seen_runs;
	struct str version;
	struct rows rows;
	wall_t from, to;
	bool range;
};

static void
rest_free(void *arg)
{
	struct rest *rest = arg;

	matchers_free(rest->matchers);
	rows_fini(&rest->rows);
	free(rest->experiments);
	free(rest->runs);
	arena_free(rest->arena);
	free(rest);
}

/* --- requests ------------------------------------------------------------------------ */

static void
get(struct http_call *call, const char *path)
{
	const struct mlflow_settings *s = call->source->source.config->settings;

	buf_clear(&call->request->url);
	buf_clear(&call->request->body);
	put_url(&call->request->url, s->url, API);
	buf_puts(&call->request->url, path);
	call->request->method = "GET";
	call->request->content_type = NULL;
}

static struct buf *
post(struct http_call *call, const char *path)
{
	get(call, path);
	call->request->method = "POST";
	call->request->content_type = "application/json";
	return &call->request->body;
}

static void
put_member(struct buf *body, const char *name, struct str text)
{
	buf_printf(body, ",\"%s\":", name);
	json_put_str(body, text);
}

static void
ask_experiments(struct http_call *call, struct str page)
{
	struct buf *body = post(call, "/experiments/search");

	buf_printf(body, "{\"max_results\":%d,\"view_type\":\"ACTIVE_ONLY\"", PAGE_RUNS);
	if (page.n > 0)
		put_member(body, "page_token", page);
	buf_putc(body, '}');
}

static void
ask_runs(struct http_call *call, struct str page)
{
	const struct rest *rest = call->state;
	struct buf *body = post(call, "/runs/search");

	buf_printf(body,
	    "{\"max_results\":%d,\"run_view_type\":\"ACTIVE_ONLY\",\"order_by\":"
	    "[\"attributes.start_time DESC\"],\"experiment_ids\":[",
	    PAGE_RUNS);
	for (size_t i = 0; i < rest->n_experiments; i++) {
		buf_puts(body, i > 0 ? "," : "");
		json_put_str(body, rest->experiments[i].id);
	}
	buf_putc(body, ']');
	if (rest->s->filter != NULL)
		put_member(body, "filter", str_from(rest->s->filter));
	if (page.n > 0)
		put_member(body, "page_token", page);
	buf_putc(body, '}');
}

static void
ask_history(struct http_call *call, struct str page)
{
	const struct rest *rest = call->state;

	get(call, "/metrics/get-history");
	put_url_param(&call->request->url, "run_id", rest->runs[rest->at_run].id);
	put_url_param(&call->request->url, "metric_key", rest->what);
	buf_printf(&call->request->url, "&max_results=%d", PAGE_HISTORY);
	if (page.n > 0)
		put_url_param(&call->request->url, "page_token", page);
}

static void
ask_alias(struct http_call *call)
{
	const struct rest *rest = call->state;

	get(call, "/registered-models/alias");
	put_url_param(&call->request->url, "name", str_from(rest->s->model));
	put_url_param(&call->request->url, "alias", str_from(rest->s->alias));
}

static bool
is_pattern(struct str what)
{
	return what.n == 0 || memchr(what.p, '*', what.n) != NULL ||
	       memchr(what.p, '?', what.n) != NULL;
}

static int
build(const struct http_source *source, struct http_call *call, struct err *err)
{
	const struct mlflow_settings *s = source->source.config->settings;
	struct rest *rest = xcalloc(1, sizeof(*rest));
	int code;

	rest->s = s;
	rest->arena = arena_new(0);
	points_init(&rest->rows, call->query);
	call->state = rest;
	call->state_free = rest_free;
	query_window(call->query, s->lookback, &rest->from, &rest->to);
	code = selector_parse(call->query->text, &rest->what, &rest->matchers, err);
	if (code == 0)
		code = mlflow_check_what(s, rest->what, err);
	/* Rows without a window: what there is of them, here the newest of each metric. */
	rest->range = call->query->shape == QUERY_RANGE ||
		      (call->query->shape == QUERY_ROWS &&
			  (wall_is_set(call->query->from) || !is_pattern(rest->what)));
	if (code == 0 && rest->range && is_pattern(rest->what))
		code = err_set(err, ERR_INVALID,
		    "the history of several metrics at once is not to be had from the server; "
		    "write one metric's whole key");
	if (code < 0)
		return code;
	rest->step = s->model != NULL ? STEP_ALIAS : STEP_EXPERIMENTS;
	if (s->model != NULL)
		ask_alias(call);
	else
		ask_experiments(call, str_make(NULL, 0));
	return 0;
}

/* --- answers ------------------------------------------------------------------------- */

static int
no_shape(struct err *err, const char *what)
{
	return err_set(
	    err, ERR_INVALID, "the answer has no %s as MLflow's has; is this the right url?", what);
}

static struct str
keep_text(struct rest *rest, struct str span)
{
	return arena_str(rest->arena, json_pick_text(span, rest->arena));
}

static bool
is_wanted_experiment(const struct mlflow_settings *s, struct str name)
{
	for (uint32_t i = 0; i < s->experiments.n; i++)
		if (str_is(name, s->experiments.items[i]))
			return true;
	return s->experiments.n == 0;
}

static int
take_experiments(struct rest *rest, struct str list, struct err *err)
{
	static const char *const keys[] = { "experiment_id", "name" };
	struct json_reader r;
	struct str item, got[2];

	if (list.n == 0)
		return 0;
	json_reader_init(&r, list);
	if (!json_enter(&r, JSON_ARRAY))
		return no_shape(err, "list of experiments");
	while (json_next_item(&r) && json_read_span(&r, &item)) {
		struct str name;

		if (!JSON_PICK(item, keys, got) || got[0].n == 0)
			return no_shape(err, "experiment_id");
		name = keep_text(rest, got[1]);
		if (!is_wanted_experiment(rest->s, name))
			continue;
		if (rest->n_experiments == EXPERIMENTS_MAX)
			return err_set(err, ERR_LIMIT,
			    "more than %d experiments; name some under 'experiments'",
			    EXPERIMENTS_MAX);
		if (rest->n_experiments == rest->cap_experiments)
			rest->experiments = xgrow(rest->experiments, &rest->cap_experiments,
			    rest->n_experiments + 1, sizeof(*rest->experiments));
		rest->experiments[rest->n_experiments++] =
		    (struct experiment){ keep_text(rest, got[0]), name };
	}
	return 0;
}

/* {"key", "value", "timestamp"} of a run into a point. */
static int
take_metric(struct rest *rest, const struct mlflow_run *run, struct str item, struct err *err)
{
	static const char *const keys[] = { "key", "value", "timestamp" };
	struct str got[3], metric, text, time;
	wall_t at = WALL_NONE;
	struct row *row;
	double value;
	int code;

	if (!JSON_PICK(item, keys, got) || got[0].n == 0 || got[1].n == 0)
		return no_shape(err, "metric");
	metric = json_pick_text(got[0], rest->arena);
	if (!mlflow_is_asked(rest->what, metric))
		return 0;
	text = json_pick_text(got[1], rest->arena);
	if (!number_parse(text, &value))
		return err_set(err, ERR_INVALID, "metric '%.*s': value '%.*s' is no number",
		    STR_ARG(str_head(metric, 60)), STR_ARG(str_head(text, 40)));
	time = json_pick_text(got[2], rest->arena);
	if (time.n > 0 && !time_parse(time, TIME_MS, &at))
		return err_set(err, ERR_INVALID, "metric '%.*s': timestamp '%.*s' is no time",
		    STR_ARG(str_head(metric, 60)), STR_ARG(str_head(time, 40)));
	if (wall_is_set(at) && (wall_before(at, rest->from) || wall_before(rest->to, at)))
		return 0;
	code = mlflow_begin(rest->s, run, metric, &rest->rows, err);
	if (code < 0)
		return code;
	row = &rest->rows.items[rest->rows.n - 1];
	row->value = mlflow_number(value);
	row->missing = false;
	row->at = at;
	return 0;
}

/* Every metric of the list, or (for a range) only whether the one is there. */
static int
take_metrics(struct rest *rest, const struct mlflow_run *run, struct str list, struct err *err)
{
	static const char *const keys[] = { "key" };
	struct json_reader r;
	struct str item, got[1];
	int code = 0;

	if (list.n == 0)
		return 0;
	json_reader_init(&r, list);
	if (!json_enter(&r, JSON_ARRAY))
		return no_shape(err, "list of metrics");
	while (code == 0 && json_next_item(&r) && json_read_span(&r, &item)) {
		if (!rest->range || rest->step == STEP_HISTORY) {
			code = take_metric(rest, run, item, err);
		} else if (JSON_PICK(item, keys, got) &&
			   str_eq(json_pick_text(got[0], rest->arena), rest->what)) {
			if (rest->n_runs == HISTORY_RUNS)
				return err_set(err, ERR_LIMIT,
				    "the histories of more than %d runs; narrow them with "
				    "'filter', "
				    "'experiments' or a model's alias",
				    HISTORY_RUNS);
			if (rest->n_runs == rest->cap_runs)
				rest->runs = xgrow(rest->runs, &rest->cap_runs, rest->n_runs + 1,
				    sizeof(*rest->runs));
			rest->runs[rest->n_runs++] = *run;
		}
	}
	return code;
}

static void
take_tags(struct rest *rest, struct mlflow_run *run, struct str list)
{
	static const char *const keys[] = { "key", "value" };
	struct json_reader r;
	struct str item, got[2];

	if (list.n == 0 || rest->s->tag_labels.n == 0)
		return;
	run->tags = ARENA_ARRAY(rest->arena, rest->s->tag_labels.n, struct str);
	json_reader_init(&r, list);
	if (!json_enter(&r, JSON_ARRAY))
		return;
	while (json_next_item(&r) && json_read_span(&r, &item))
		for (uint32_t i = 0; JSON_PICK(item, keys, got) && i < rest->s->tag_labels.n; i++)
			if (str_is(
				json_pick_text(got[0], rest->arena), rest->s->tag_labels.items[i]))
				run->tags[i] = keep_text(rest, got[1]);
}

static int
take_run(struct rest *rest, struct str object, struct err *err)
{
	static const char *const keys[] = { "info", "data" };
	static const char *const info_keys[] = { "run_id", "run_uuid", "run_name",
		"experiment_id" };
	static const char *const data_keys[] = { "metrics", "tags" };
	struct str got[2], info[4], data[2] = { { NULL, 0 }, { NULL, 0 } };
	struct mlflow_run run = { .version = rest->version };

	if (!JSON_PICK(object, keys, got) || !JSON_PICK(got[0], info_keys, info))
		return no_shape(err, "run");
	if (++rest->seen_runs > RUNS_MAX)
		return err_set(err, ERR_LIMIT,
		    "more than %d runs; narrow them with 'filter', 'experiments' or a model's "
		    "alias",
		    RUNS_MAX);
	run.id = keep_text(rest, info[0].n > 0 ? info[0] : info[1]);
	run.name = keep_text(rest, info[2]);
	run.experiment = keep_text(rest, info[3]);
	for (size_t i = 0; i < rest->n_experiments; i++)
		if (str_eq(rest->experiments[i].id, run.experiment)) {
			run.experiment = rest->experiments[i].name;
			break;
		}
	if (got[1].n > 0 && !JSON_PICK(got[1], data_keys, data))
		return no_shape(err, "data of a run");
	take_tags(rest, &run, data[1]);
	return take_metrics(rest, &run, data[0], err);
}

static int
take_runs(struct rest *rest, struct str list, struct err *err)
{
	struct json_reader r;
	struct str item;
	int code = 0;

	if (list.n == 0)
		return 0;
	json_reader_init(&r, list);
	if (!json_enter(&r, JSON_ARRAY))
		return no_shape(err, "list of runs");
	while (code == 0 && json_next_item(&r) && json_read_span(&r, &item))
		code = take_run(rest, item, err);
	return code;
}

/* 1: the run is asked for next; 0: the version was all. */
static int
take_alias(struct http_call *call, struct str object, struct err *err)
{
	static const char *const keys[] = { "version", "run_id", "last_updated_timestamp" };
	struct rest *rest = call->state;
	struct str got[3], run_id;
	struct mlflow_run run = { 0 };
	double version;
	int code;

	if (!JSON_PICK(object, keys, got) || got[0].n == 0)
		return no_shape(err, "model_version");
	rest->version = keep_text(rest, got[0]);
	run_id = keep_text(rest, got[1]);
	if (str_is(rest->what, MLFLOW_VERSION_QUERY)) {
		run.version = rest->version;
		run.id = run_id;
		if (!str_to_double(rest->version, &version))
			return no_shape(err, "number as version");
		code = mlflow_begin(rest->s, &run, STR("version"), &rest->rows, err);
		if (code < 0)
			return code;
		rest->rows.items[rest->rows.n - 1].value = version;
		rest->rows.items[rest->rows.n - 1].missing = false;
		return 0;
	}
	if (run_id.n == 0)
		return err_set(err, ERR_NOT_FOUND, "version %.*s of '%s' was not made by a run",
		    STR_ARG(rest->version), rest->s->model);
	get(call, "/runs/get");
	put_url_param(&call->request->url, "run_id", run_id);
	rest->step = STEP_RUN;
	return 1;
}

/* After the runs: their histories, if that was the question. */
static int
begin_histories(struct http_call *call)
{
	struct rest *rest = call->state;

	if (!rest->range || rest->n_runs == 0)
		return 0;
	rest->step = STEP_HISTORY;
	rest->at_run = 0;
	ask_history(call, str_make(NULL, 0));
	return 1;
}

static int
more(const struct http_source *source UNUSED, struct http_call *call, struct str body,
    dur_t *ret_delay UNUSED, struct err *err)
{
	static const char *const keys[] = { "experiments", "runs", "run", "metrics",
		"model_version", "next_page_token" };
	struct rest *rest = call->state;
	struct str got[6], page;
	int code = json_whole(body, err);

	if (code < 0)
		return code;
	if (call->asked > REQUESTS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d requests for one query", REQUESTS_MAX);
	if (!JSON_PICK(body, keys, got))
		return no_shape(err, "object");
	page = json_pick_text(got[5], rest->arena);
	switch (rest->step) {
	case STEP_ALIAS:
		return take_alias(call, got[4], err);
	case STEP_RUN:
		code = take_run(rest, got[2], err);
		return code < 0 ? code : begin_histories(call);
	case STEP_EXPERIMENTS:
		code = take_experiments(rest, got[0], err);
		if (code < 0)
			return code;
		if (page.n > 0) {
			ask_experiments(call, page);
			return 1;
		}
		if (rest->n_experiments == 0)
			return rest->s->experiments.n > 0
				   ? err_set(err, ERR_NOT_FOUND, "there is no experiment '%s'",
					 rest->s->experiments.items[0])
				   : 0;
		rest->step = STEP_RUNS;
		ask_runs(call, page);
		return 1;
	case STEP_RUNS:
		code = take_runs(rest, got[1], err);
		if (code < 0)
			return code;
		if (page.n > 0) {
			ask_runs(call, page);
			return 1;
		}
		return begin_histories(call);
	case STEP_HISTORY:
		code = take_metrics(rest, &rest->runs[rest->at_run], got[3], err);
		if (code < 0)
			return code;
		if (page.n == 0 && ++rest->at_run == rest->n_runs)
			return 0;
		ask_history(call, page);
		return 1;
	}
	return 0;
}

static int
collect(struct http_call *call, struct rows *rows, struct err *err)
{
	struct rest *rest = call->state;
	const struct source_query *query = call->query;
	int code;

	rows_fini(rows);
	*rows = rest->rows;
	points_init(&rest->rows, query);
	code = points_finish(rows, query->shape, false, query->at, rest->from, rest->to, err);
	if (code == 0)
		selector_apply(rest->matchers, rows);
	return code;
}

const struct http_backend mlflow_rest = {
	.ops = &source_mlflow,
	.build = build,
	.more = more,
	.collect = collect,
};
