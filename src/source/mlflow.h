/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MLflow, asked over HTTP (mlflow_rest.c) or in its database (mlflow_sql.c).
 * Both give the same points: labels metric, experiment, run, run_id, with a
 * model also model and model_version, and what run tags were chosen.
 */
#pragma once

#include "config/schema.h"
#include "source/http_source.h"
#include "source/job_source.h"
#include "source/postgres_read.h"

#define MLFLOW_KEY_BYTES_MAX 250
#define MLFLOW_VERSION_QUERY "@version" /* the version that the alias points to */

struct mlflow_settings {
	const char *url, *path;
	struct postgres_settings *postgres;
	const struct http_options *http;
	struct string_list experiments, tag_labels;
	const char *filter, *model, *alias;
	dur_t lookback;
	struct pos pos;
};

/* One point's origin; empty texts are no labels. */
struct mlflow_run {
	struct str experiment, name, id, version;
	struct str *tags; /* as in tag_labels; .n 0: it has none */
};

/* Opens a row with the labels. */
int mlflow_begin(const struct mlflow_settings *s, const struct mlflow_run *run, struct str metric,
    struct rows *rows, struct err *err);
/* ±1.797e308 stands for an infinity there. */
double mlflow_number(double value);
/* Is it one of the metrics that are asked for? * and ? are allowed. */
bool mlflow_is_asked(struct str what, struct str metric);
int mlflow_check_what(const struct mlflow_settings *s, struct str what, struct err *err);

extern const struct http_backend mlflow_rest;
extern const struct job_backend mlflow_sql;
