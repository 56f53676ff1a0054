/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: what the backends other than Prometheus answer.  The first byte
 * chooses one of the settings below; the rest is the body of an answer with
 * status 200 over a scripted network (source/clickhouse.c, influxdb.c,
 * elasticsearch.c, elasticsearch_aggs.c, http_json.c with its presets,
 * json_path.c, json_rows.c, json_table.c, rows.c).  With settings that say so
 * the first line is the rule's query, which is the path of the value.  The
 * last choice is a cell of PostgreSQL: the number of its type, then its text.
 *
 * Beyond not crashing: done() runs once, an error has a text, the labels of
 * each sample decode, and no object or list that is cut short is accepted.
 */
#include "config.h"

#include <stdlib.h>

#include "base/attr.h"
#include "base/diag.h"
#include "base/hash.h"
#include "config/schema.h"
#include "fuzz.h"
#include "loop/loop.h"
#include "net/xfer.h"
#include "source/postgres_read.h"
#include "source/source.h"
#include "yaml/yaml.h"

#define FIRST_CHOICES 10 /* by a digit; the number after them is a cell */

static const struct {
	const char *kind, *yaml, *query;
} choices[] = {
	{ "clickhouse", "url: http://s", "SELECT value FROM t" },
	{ "clickhouse", "{url: 'http://s', time_column: ts}", "SELECT value, ts FROM t" },
	{ "influxdb", "{url: 'http://s', database: d}", "SELECT last(v) FROM m" },
	{ "influxdb", "{url: 'http://s', database: d, version: 3, time_column: time}", "SELECT 1" },
	{ "elasticsearch", "url: http://s", "FROM logs" },
	{ "elasticsearch", "{url: 'http://s', index: i}", "{\"size\":0}" },
	{ "elasticsearch", "{url: 'http://s', index: i, rows: 'hits.hits[*]', value: _source.v}",
	    "{\"size\":1}" },
	{ "http_json",
	    "{url: 'http://s/{{query}}', rows: '$.series[*]', value: 'points[-1][1]', "
	    "labels: {job: '[\"a.b\"]', up: '^.name', k: '@key'}, labels_from: tags, "
	    "time: 'points[-1][0]', errors: [error], partial: [partial], "
	    "require: {status: ok}}",
	    "q" },
	{ "http_json", "{url: 'http://s', rows: '$[*]'}", NULL },
	{ "http_json", "{url: 'http://s'}", NULL },
	{ "tempo", "url: http://s", "{} | rate()" },
	{ "alibi", "{url: 'http://s', features: [a]}", "p_val {feature=\"a\"}" },
	{ "mlflow", "{url: 'http://s', tag_labels: [env]}", "auc" },
	{ "mlflow", "{url: 'http://s', model: m, alias: c}", "@version" },
};

struct asked {
	unsigned calls;
	bool failed;
	struct vector vector;
};

static struct str reply;

static dur_t
script(void *arg UNUSED, const struct xfer_request *request UNUSED, struct xfer_response *response)
{
	*response = (struct xfer_response){ .status = 200, .body = reply,
		.content_type = STR("application/json") };
	return DUR_MS(1);
}

static void
on_done(struct source_query *query, const struct vector *vector, const struct err *err)
{
	struct asked *asked = query->arg;

	asked->calls++;
	asked->failed = err != NULL;
	if (err != NULL && err->text[0] == '\0')
		abort();
	if (err == NULL)
		asked->vector = *vector;
}

static const struct source_config *
read_config(struct arena *arena, size_t choice)
{
	struct source_config *config = ARENA_NEW(arena, struct source_config);
	struct diag *diag = diag_new();
	struct schema_context ctx = { .arena = arena, .diag = diag, .dir = "/" };
	struct yaml_node *node =
	    yaml_parse(arena, diag, "settings", str_from(choices[choice].yaml));
	const struct source_kind *kind = NULL;

	for (size_t i = 0; source_kinds[i] != NULL; i++)
		if (str_is(str_from(choices[choice].kind), source_kinds[i]->name))
			kind = source_kinds[i];
	if (kind == NULL || node == NULL)
		abort();
	void *settings = arena_alloc(arena, kind->schema->size);

	schema_read(&ctx, kind->schema, node, settings);
	if (kind->finish != NULL)
		kind->finish(&ctx, settings);
	if (diag_errors(diag) > 0)
		abort();
	*config = (struct source_config){ .name = "fuzz", .kind = kind, .settings = settings,
		.timeout = DUR_S(10), .max_concurrency = 4 };
	diag_free(diag);
	return config;
}

static void
check_vector(const struct source *source, const struct vector *vector, struct arena *arena)
{
	if (vector->n > SERIES_MAX)
		abort();
	for (uint32_t i = 0; i < vector->n; i++) {
		struct label_view *views;
		struct err err = { 0 };
		uint32_t n;

		if (sample_labels(source, &vector->samples[i], arena, &views, &n, &err) < 0 &&
		    err.text[0] == '\0')
			abort();
	}
}

/* True when the body was taken for an answer. */
static bool
ask(size_t choice, struct str query, struct str body)
{
	struct arena *arena = arena_new(0);
	struct loop *loop = loop_new_virtual((wall_t){ INT64_C(1795155840500000000) });
	struct xfer *xfer = xfer_new_scripted(loop, script, NULL);
	const struct source_config *config = read_config(arena, choice);
	const struct source_ops *ops = source_ops_of(config->kind);
	struct asked asked = { 0 };
	struct source_query q = { .text = arena_str(arena, query), .at = loop_now(loop),
		.arena = arena, .done = on_done, .arg = &asked };
	struct err err = { 0 };
	struct source *source;

	reply = body;
	source = ops->open(config, loop, xfer, NULL, &err);
	if (source == NULL)
		abort();
	if (ops->check == NULL || ops->check(config, &q, &err) == 0) {
		ops->query(source, &q);
		loop_run(loop);
		if (asked.calls != 1 || source->in_flight != 0)
			abort();
		if (!asked.failed)
			check_vector(source, &asked.vector, arena);
	}
	ops->close(source);
	xfer_free(xfer);
	loop_free(loop);
	arena_free(arena);
	return asked.calls == 1 && !asked.failed;
}

static void
check_cell(struct str text)
{
	struct cell cell = { 0 };
	struct err err = { 0 };
	double number;
	char *exact;
	wall_t at;

	number_parse(text, &number);
	for (int unit = TIME_AUTO; unit <= TIME_NS; unit++)
		time_parse(text, (enum time_unit)unit, &at);
	if (text.n < 4)
		return;
	exact = malloc(text.n - 3);
	if (exact == NULL)
		abort();
	for (uint32_t i = 4; i < text.n; i++)
		exact[i - 4] = text.p[i];
	exact[text.n - 4] = '\0'; /* as libpq gives it */
	if (postgres_cell(get_u32le(text.p), exact, text.n - 4, &cell, &err) < 0 &&
	    err.text[0] == '\0')
		abort();
	free(exact);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str body, query;
	size_t choice;

	if (size == 0)
		return 0;
	/* Letters are the later ones, so that old inputs keep their meaning. */
	choice = data[0] % (FIRST_CHOICES + 1);
	if (data[0] >= 'A' && data[0] - 'A' < (int)ARRAY_LEN(choices) - FIRST_CHOICES)
		choice = FIRST_CHOICES + 1 + (size_t)(data[0] - 'A');
	body = str_make((const char *)data + 1, size - 1);
	if (choice == FIRST_CHOICES) {
		check_cell(body);
		return 0;
	}
	if (choice > FIRST_CHOICES)
		choice--;
	if (choices[choice].query != NULL) {
		query = str_from(choices[choice].query);
	} else {
		for (query = str_make(body.p, 0); query.n < body.n && query.p[query.n] != '\n';)
			query.n++;
		body = str_make(body.p + query.n, body.n - query.n);
	}
	body = str_trim(body);
	if (ask(choice, query, body) && (body.p[body.n - 1] == '}' || body.p[body.n - 1] == ']') &&
	    ask(choice, query, str_make(body.p, body.n - 1)))
		abort();
	return 0;
}
