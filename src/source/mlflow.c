/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MLflow's runs: metrics, their history, and which run a registered model's
 * alias points to.
 */
#include "config.h"

#include "source/mlflow.h"

#include <fnmatch.h>
#include <math.h>

#include "source/backends.h"

int
mlflow_begin(const struct mlflow_settings *s, const struct mlflow_run *run, struct str metric,
    struct rows *rows, struct err *err)
{
	const struct {
		const char *name;
		struct str value;
	} labels[] = {
		{ "metric", metric },
		{ "experiment", run->experiment },
		{ "run", run->name },
		{ "run_id", run->id },
		{ "model", run->version.n > 0 ? str_from(s->model) : run->version },
		{ "model_version", run->version },
	};
	int code = rows_begin(rows, err);

	for (size_t i = 0; i < ARRAY_LEN(labels) && code == 0; i++)
		if (labels[i].value.n > 0)
			code = rows_label(rows, str_from(labels[i].name), labels[i].value, err);
	for (uint32_t i = 0; i < s->tag_labels.n && code == 0 && run->tags != NULL; i++)
		if (run->tags[i].n > 0)
			code =
			    rows_label(rows, str_from(s->tag_labels.items[i]), run->tags[i], err);
	return code;
}

double
mlflow_number(double value)
{
	return fabs(value) >= 1.7976931348623157e308 ? copysign((double)INFINITY, value) : value;
}

bool
mlflow_is_asked(struct str what, struct str metric)
{
	char pattern[MLFLOW_KEY_BYTES_MAX + 1], name[MLFLOW_KEY_BYTES_MAX + 1];

	if (what.n > MLFLOW_KEY_BYTES_MAX || metric.n > MLFLOW_KEY_BYTES_MAX)
		return false;
	if (what.n == 0 || str_eq(what, metric))
		return true;
	memcpy(pattern, what.p, what.n);
	pattern[what.n] = '\0';
	memcpy(name, metric.p, metric.n);
	name[metric.n] = '\0';
	return strpbrk(pattern, "*?") != NULL && fnmatch(pattern, name, FNM_NOESCAPE) == 0;
}

int
mlflow_check_what(const struct mlflow_settings *s, struct str what, struct err *err)
{
	if (what.n > MLFLOW_KEY_BYTES_MAX)
		return err_set(
		    err, ERR_LIMIT, "a metric's key of more than %d bytes", MLFLOW_KEY_BYTES_MAX);
	if (str_is(what, MLFLOW_VERSION_QUERY) && s->model == NULL)
		return err_set(err, ERR_INVALID,
		    MLFLOW_VERSION_QUERY " needs the source's settings model and alias");
	for (uint32_t i = 0; i < what.n; i++)
		if (strchr("{}()'\"<>=;\n", what.p[i]) != NULL)
			return err_set_at(err, ERR_INVALID, i,
			    "expected a metric's key and matchers, such as "
			    "val_accuracy{run=\"nightly\"}");
	return 0;
}

static bool
over_http(const struct source_config *config)
{
	return ((const struct mlflow_settings *)config->settings)->url != NULL;
}

static struct source *
mlflow_open(const struct source_config *config, struct loop *loop, struct xfer *xfer,
    struct worker_pool *workers UNUSED, struct err *err UNUSED)
{
	const struct mlflow_settings *s = config->settings;

	return over_http(config) ? http_source_open(&mlflow_rest, s->http, config, loop, xfer)
				 : job_source_open(&mlflow_sql, config, loop);
}

static void
mlflow_close(struct source *source)
{
	if (over_http(source->config))
		http_source_close(source);
	else
		sql_pool_close(source);
}

static void
mlflow_query(struct source *source, struct source_query *query)
{
	if (over_http(source->config))
		http_source_query(source, query);
	else
		sql_pool_query(source, query);
}

static void
mlflow_cancel(struct source *source, struct source_query *query)
{
	if (over_http(source->config))
		http_source_cancel(source, query);
	else
		sql_pool_cancel(source, query);
}

static int
mlflow_check(const struct source_config *config, const struct source_query *query, struct err *err)
{
	struct matchers *matchers;
	struct str what;
	int code = selector_parse(query->text, &what, &matchers, err);

	if (code < 0)
		return code;
	matchers_free(matchers);
	return mlflow_check_what(config->settings, what, err);
}

static void
settings_finish(struct schema_context *ctx, void *value)
{
	struct mlflow_settings *s = value;

	if (s->postgres != NULL)
		source_postgres_kind.finish(ctx, s->postgres);
	if ((s->path != NULL) + (s->postgres != NULL) + (s->url != NULL) != 1)
		diag_error(ctx->diag, s->pos,
		    "an mlflow source has one of 'url' (its server), 'path' (its SQLite database) "
		    "and 'postgres'");
	if ((s->model != NULL) != (s->alias != NULL))
		diag_error(ctx->diag, s->pos, "'model' and 'alias' belong together");
	if (s->filter != NULL && s->url == NULL)
		diag_error(ctx->diag, s->pos, "'filter' is for the server alone: it needs 'url'");
	if (s->http != NULL && s->url == NULL)
		diag_error(ctx->diag, s->pos, "'http_config' needs 'url'");
	if (s->model != NULL && (s->filter != NULL || s->experiments.n > 0))
		diag_error(ctx->diag, s->pos,
		    "a model's alias points to one run: 'filter' and 'experiments' have nothing to "
		    "choose");
}

#define MEMBER(m) .offset = offsetof(struct mlflow_settings, m)

static const struct schema_field settings_fields[] = {
	{ .name = "url",
	    .kind = FIELD_URL,
	    .flags = FIELD_ENV,
	    MEMBER(url),
	    .doc = "The tracking server, such as http://mlflow.example:5000; /api/2.0/mlflow is "
		   "added." },
	{ .name = "http_config",
	    .kind = FIELD_SUB,
	    .sub = &schema_http_config,
	    MEMBER(http),
	    .doc = "Credentials, TLS, proxy and headers, as in Alertmanager." },
	{ .name = "path",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY | FIELD_ENV | FIELD_PATH,
	    MEMBER(path),
	    .doc = "Instead of a url: the SQLite database of its store (mlflow.db). It is only "
		   "read." },
	{ .name = "postgres",
	    .kind = FIELD_SUB,
	    .sub = &postgres_settings_schema,
	    MEMBER(postgres),
	    .doc = "Instead of a url: the PostgreSQL database of its store, with the settings of a "
		   "postgres source." },
	{ .name = "experiments",
	    .kind = FIELD_STRING_LIST,
	    .flags = FIELD_ENV,
	    MEMBER(experiments),
	    .doc = "Names of the experiments whose runs are looked at; all when absent." },
	{ .name = "filter",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY | FIELD_ENV,
	    MEMBER(filter),
	    .doc =
		"A filter of MLflow's runs/search, such as tags.env = 'prod' and attributes.status "
		"= 'FINISHED'." },
	{ .name = "model",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY | FIELD_ENV,
	    MEMBER(model),
	    .doc = "A registered model: only the run of the version that the alias points to is "
		   "looked at, and points have the labels model and model_version." },
	{ .name = "alias",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY | FIELD_ENV,
	    MEMBER(alias),
	    .doc = "The model's alias, such as champion." },
	{ .name = "tag_labels",
	    .kind = FIELD_STRING_LIST,
	    MEMBER(tag_labels),
	    .doc = "Tags of a run that become labels." },
	{ .name = "lookback",
	    .kind = FIELD_DURATION,
	    .flags = FIELD_POSITIVE,
	    .fallback = "30d",
	    MEMBER(lookback),
	    .doc = "Values that were logged longer ago are not looked at." },
};

static const struct schema settings_schema = {
	.name = "mlflow source",
	.doc =
	    "MLflow's metrics: the last value of each run by its time, or its history. A query is "
	    "a "
	    "metric's key, * and ? allowed, and matchers over the labels metric, experiment, run, "
	    "run_id (model, model_version): val_auc{run=~\"nightly.*\"}. " MLFLOW_VERSION_QUERY
	    " is the version that the model's alias points to. NaN and the infinities are read as "
	    "such (its databases keep an infinity as 1.797e308). The server's sampled history is "
	    "never used. Verified against protocol doubles (the server) and the real format (its "
	    "store in SQLite and PostgreSQL).",
	.size = sizeof(struct mlflow_settings),
	SCHEMA_FIELDS(settings_fields),
	.pos_offset = offsetof(struct mlflow_settings, pos) + 1,
};

const struct source_kind source_mlflow_kind = {
	.name = "mlflow",
	.schema = &settings_schema,
	.finish = settings_finish,
	.series = true,
};

const struct source_ops source_mlflow = {
	.kind = &source_mlflow_kind,
	.open = mlflow_open,
	.close = mlflow_close,
	.query = mlflow_query,
	.cancel = mlflow_cancel,
	.labels = rows_labels,
	.check = mlflow_check,
};
