/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tocsin query: asks a configured source and shows its answer as rules see
 * it, normalised.  Needs no server: it opens the source itself.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json_object.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/duration.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "cli/args.h"
#include "cli/drift_input.h"
#include "cli/remote.h"
#include "cli/table.h"
#include "daemon/core.h"
#include "net/xfer.h"
#include "source/source.h"

/* What of a window the options ask for. */
struct window {
	bool rows;
	dur_t window, step; /* window 0: none */
	const char *fields[QUERY_FIELDS_MAX];
	uint32_t n_fields;
};

struct question {
	struct source_query query;
	struct source *source;
	struct loop *loop;
	bool json, done;
	int code;
};

/* Labels of one sample as name=value words; NULL text on failure. */
static bool
sample_row(
    const struct question *q, const struct sample *sample, struct buf *labels, json_object *object)
{
	struct label_view *views;
	struct err err = { 0 };
	uint32_t n;

	if (sample_labels(q->source, sample, q->query.arena, &views, &n, &err) < 0) {
		fprintf(stderr, "tocsin query: %s\n", err.text);
		return false;
	}
	for (uint32_t i = 0; i < n; i++) {
		buf_printf(labels, "%s%.*s=%.*s", i > 0 ? " " : "", STR_ARG(views[i].name),
		    STR_ARG(views[i].value));
		json_object_object_add(object, arena_str(q->query.arena, views[i].name).p,
		    json_object_new_string_len(views[i].value.p, (int)views[i].value.n));
	}
	return true;
}

/* Columns that were wanted as they are. */
static void
add_fields(
    const struct question *q, const struct sample *sample, struct buf *labels, json_object *object)
{
	json_object *fields;

	if (q->query.n_fields == 0)
		return;
	fields = json_object_new_object();
	for (uint32_t i = 0; i < q->query.n_fields; i++) {
		const struct str cell = sample->fields[i];

		if (cell.p != NULL)
			buf_printf(labels, "%s[%s=%.*s]", labels->n > 0 ? " " : "",
			    q->query.fields[i], STR_ARG(cell));
		json_object_object_add(fields, q->query.fields[i],
		    cell.p != NULL ? json_object_new_string_len(cell.p, (int)cell.n) : NULL);
	}
	json_object_object_add(object, "fields", fields);
}

static void
print_answer(struct question *q, const struct vector *vector)
{
	static const char *const headers[] = { "VALUE", "LABELS", "TIME" };
	const bool plain = q->query.shape == QUERY_INSTANT && q->query.n_fields == 0;
	struct table *table = table_new(headers, plain ? 2 : 3);
	json_object *list = json_object_new_array();

	for (uint32_t i = 0; i < vector->n && q->code == EXIT_OK; i++) {
		const struct sample *sample = &vector->samples[i];
		json_object *object = json_object_new_object(), *names = json_object_new_object();
		struct buf labels = { 0 }, value = { 0 };
		char at[TIMESTAMP_TEXT_MAX];

		if (sample->missing)
			buf_puts(&value, "missing");
		else
			put_prom_double(&value, sample->value);
		if (!sample_row(q, sample, &labels, names))
			q->code = EXIT_NO;
		json_object_object_add(object, "labels", names);
		json_object_object_add(object, "value", json_object_new_string(value.p));
		add_fields(q, sample, &labels, object);
		if (!plain && wall_is_set(sample->at))
			json_object_object_add(object, "time",
			    json_object_new_string(timestamp_format_ms(sample->at, at)));
		json_object_array_add(list, object);
		table_row(table,
		    (const char *const[]){ value.p, buf_str(&labels).p,
			wall_is_set(sample->at) ? timestamp_format_ms(sample->at, at) : "-" });
		buf_fini(&labels);
		buf_fini(&value);
	}
	if (q->code == EXIT_OK && q->json)
		remote_print_json(list);
	else if (q->code == EXIT_OK)
		table_print(table);
	json_object_put(list);
	table_free(table);
}

static void
on_answer(struct source_query *query, const struct vector *vector, const struct err *err)
{
	struct question *q = query->arg;

	if (err != NULL) {
		fprintf(stderr, "tocsin query: %s\n", err->text);
		q->code =
		    err->code == ERR_IO || err->code == ERR_TIMEOUT ? EXIT_UNREACHABLE : EXIT_NO;
	} else {
		print_answer(q, vector);
	}
	q->done = true;
	loop_stop(q->loop);
}

static int
ask(const struct source_config *config, const char *text, const struct window *window, bool json)
{
	const struct source_ops *ops = source_ops_of(config->kind);
	struct loop *loop = loop_new();
	struct xfer *xfer = xfer_new(loop, NULL);
	struct worker_pool *workers = worker_pool_new(loop, "sql", 1, 16);
	struct arena *arena = arena_new(0);
	struct err err = { 0 };
	struct question q = { .loop = loop, .json = json, .code = EXIT_OK };

	q.source = ops->open(config, loop, xfer, workers, &err);
	if (q.source == NULL) {
		fprintf(stderr, "tocsin query: %s\n", err.text);
		q.code = EXIT_UNREACHABLE;
	} else {
		q.query = (struct source_query){ .text = str_from(text),
			.at = loop_now(loop),
			.shape = window->rows	         ? QUERY_ROWS
				 : window->window.ns > 0 ? QUERY_RANGE
							 : QUERY_INSTANT,
			.step = window->step,
			.fields = window->fields,
			.n_fields = window->n_fields,
			.arena = arena,
			.done = on_answer,
			.arg = &q };
		if (window->window.ns > 0) {
			q.query.from = wall_sub(q.query.at, window->window);
			q.query.to = q.query.at;
		}
		ops->query(q.source, &q.query);
		while (!q.done)
			loop_turn(loop, DUR_S(1));
		ops->close(q.source);
	}
	xfer_free(xfer);
	worker_pool_free(workers);
	loop_free(loop);
	arena_free(arena);
	return q.code;
}

static int
with_config(const char *path, const char *source_name, const char *text,
    const struct window *window, bool json)
{
	struct diag *diag = diag_new();
	struct config *config = config_load(path, core_kinds(), diag);
	int code = EXIT_NO;

	if (config == NULL) {
		struct buf findings = { 0 };
		diag_sort(diag);
		diag_print(diag, &findings);
		fputs(findings.p, stderr);
		buf_fini(&findings);
	} else {
		const struct source_config *source = config_source(config, source_name);
		if (source != NULL)
			code = ask(source, text, window, json);
		else
			print_no_source("query", path, source_name, config);
	}
	config_unref(config);
	diag_free(diag);
	return code;
}

/* EXIT_OK, or the usage error's code. */
static int
read_window(const struct command *command, const char *window, const char *step,
    const struct arg_list *fields, struct window *ret)
{
	struct err err;

	if (window != NULL &&
	    (duration_parse(str_from(window), &ret->window, &err) < 0 || ret->window.ns <= 0))
		return args_usage_error(command, "--window: a duration such as 1h");
	if (step != NULL &&
	    (duration_parse(str_from(step), &ret->step, &err) < 0 || ret->step.ns <= 0))
		return args_usage_error(command, "--step: a duration such as 30s");
	if (step != NULL && window == NULL)
		return args_usage_error(command, "--step is of a --window");
	if (fields->n > QUERY_FIELDS_MAX)
		return args_usage_error(command, "at most %d fields", QUERY_FIELDS_MAX);
	for (uint32_t i = 0; i < fields->n; i++)
		ret->fields[ret->n_fields++] = fields->items[i];
	return EXIT_OK;
}

static int
run(const struct command *command, int argc, char **argv)
{
	const char *config = "tocsin.yml", *output = "table", *window = NULL, *step = NULL;
	struct window asked = { 0 };
	struct arg_list fields = { 0 };
	const struct arg_option options[] = {
		{ .name = "config.file",
		    .metavar = "FILE",
		    .value = &config,
		    .doc = "where the source is configured (default tocsin.yml)" },
		{ .name = "output",
		    .letter = 'o',
		    .metavar = "table|json",
		    .value = &output,
		    .doc = "for people or for programs (default table)" },
		{ .name = "window",
		    .metavar = "DURATION",
		    .value = &window,
		    .doc = "all points from so long ago until now" },
		{ .name = "step",
		    .metavar = "DURATION",
		    .value = &step,
		    .doc = "of a window: one point in so long" },
		{ .name = "rows",
		    .flag = &asked.rows,
		    .doc = "every row as it comes, as rules over samples see them" },
		{ .name = "field",
		    .metavar = "COLUMN",
		    .many = &fields,
		    .doc = "a column that is neither label nor value; may be repeated" },
		{ .name = NULL },
	};
	struct arg_words words;
	int stop;
	bool json;

	if ((stop = args_take(command, options, argc, argv, &words)) != ARGS_GO_ON)
		return stop;
	if (args_output(command, output, "table", &json) != EXIT_OK)
		return EXIT_USAGE;
	if (words.n != 2)
		return args_usage_error(
		    command, "give a source and an expression: tocsin query prom 'up == 0'");
	if ((stop = read_window(command, window, step, &fields, &asked)) != EXIT_OK)
		return stop;
	return with_config(config, words.items[0], words.items[1], &asked, json);
}

const struct command cmd_query = {
	.name = "query",
	.summary = "Shows what a source answers to an expression, as rules see it.",
	.usage = "query [OPTION...] SOURCE EXPR",
	.run = run,
};
