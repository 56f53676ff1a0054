/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tocsin drift: compares two sets of data as a rule of kind drift would.
 *
 * Its options are the rule's settings; they are read by the rule's own table
 * and judged by its own judge().  Data come from CSV files, standard input or
 * a configured source.  Exit 0: nothing drifts; 1: something does; 2: a mistake
 * in what was given, or nothing could be judged; 3: the source could not be
 * reached.
 */
#include "config.h"

#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/json.h"
#include "cli/args.h"
#include "cli/drift_input.h"
#include "cli/table.h"
#include "daemon/core.h"
#include "rule/cells.h"
#include "rule/kind.h"
#include "yaml/yaml.h"

enum {
	REFERENCE,
	CURRENT,
	SIDES
};
#define KEPT_BYTES (32 << 20) /* the most that the allocator takes */
static const char *const side_names[] = { "reference", "current" };

struct request {
	const char *given[SIDES]; /* a file, "-" or a query */
	const char *config, *source, *delimiter, *output;
	const char *window, *reference_window, *lag;
	struct arg_list by, columns, joint;
	/* settings of the rule, as YAML */
	const char *test, *form, *category, *bins, *epsilon, *log_base, *p_value, *value;
	const char *null_aware, *min_effect, *direction, *correct, *min_samples, *nulls, *max_rows;
};

struct comparison {
	struct arena *arena;
	const struct request *request;
	struct rule_group_config group;
	struct rule_config rule;
	const struct rule_kind *kind;
	struct rule_plan plan;
	struct vector answers[SIDES];
	const struct source *sources[SIDES];
	struct drift_file files[SIDES];
	struct config *config;
	struct drift_asking *asking;
	struct judgement judgement;
	const char *by[ARGS_MANY_MAX], *joint[ARGS_MANY_MAX];
	uint32_t n_by, n_joint;
};

static int
fail(const char *what, const struct err *err)
{
	fprintf(stderr, "tocsin drift: %s%s%s\n", what, what[0] != '\0' ? ": " : "", err->text);
	return err->code == ERR_IO || err->code == ERR_TIMEOUT || err->code == ERR_REMOTE
		   ? EXIT_UNREACHABLE
		   : EXIT_USAGE;
}

static bool
is_file(const struct request *request, int side)
{
	const char *given = request->given[side];
	size_t n = strlen(given);

	return request->source == NULL || strcmp(given, "-") == 0 ||
	       (n > 4 && strcmp(given + n - 4, ".csv") == 0);
}

/* --- the rule ---------------------------------------------------------------- */

static void
put_arm(struct buf *yaml, const char *name, const char *query, const char *window, const char *lag)
{
	buf_printf(yaml, "%s: {query: ", name);
	json_put_str(yaml, str_from(query));
	if (window != NULL)
		buf_printf(yaml, ", window: %s", window);
	if (lag != NULL)
		buf_printf(yaml, ", lag: %s", lag);
	buf_puts(yaml, "}\n");
}

/* An open list. */
static void
put_names(struct buf *yaml, const char *key, const char *const *names, uint32_t n)
{
	buf_printf(yaml, "%s: [", key);
	for (uint32_t i = 0; i < n; i++) {
		json_put_str(yaml, str_from(names[i]));
		buf_puts(yaml, ", ");
	}
}

static void
put_settings(const struct comparison *c, bool wide, struct buf *yaml)
{
	const struct request *r = c->request;
	const struct {
		const char *key, *value;
	} settings[] = { { "test", r->test }, { "form", r->form }, { "category", r->category },
		{ "bins", r->bins }, { "epsilon", r->epsilon }, { "log_base", r->log_base },
		{ "p_value", r->p_value }, { "value", r->value }, { "null_aware", r->null_aware },
		{ "min_effect", r->min_effect }, { "direction", r->direction },
		{ "correct", r->correct }, { "min_samples", r->min_samples }, { "nulls", r->nulls },
		{ "max_rows", r->max_rows } };

	put_arm(yaml, "reference", r->given[REFERENCE],
	    r->reference_window != NULL ? r->reference_window : r->window, NULL);
	put_arm(yaml, "current", r->given[CURRENT], r->window, r->lag);
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (settings[i].value != NULL)
			buf_printf(yaml, "%s: %s\n", settings[i].key, settings[i].value);
	if (c->n_by > 0 || wide) {
		put_names(yaml, "by", c->by, c->n_by);
		buf_puts(yaml, wide ? "feature]\n" : "]\n");
	}
	if (c->n_joint > 0) {
		put_names(yaml, "columns", c->joint, c->n_joint);
		buf_puts(yaml, "]\n");
	}
}

static const struct rule_kind *
drift_kind(void)
{
	for (size_t i = 0; rule_kind_list[i] != NULL; i++)
		if (strcmp(rule_kind_list[i]->schema->name, "drift") == 0)
			return rule_kind_list[i];
	abort(); /* it is in kinds.inc */
}

/* "--min-samples: ": the option that became this line; nothing where a line has several. */
static void
put_option(struct str yaml, uint32_t line, struct buf *out)
{
	const char *at = yaml.p, *end = yaml.p + yaml.n, *colon;

	for (uint32_t i = 1; i < line && at != NULL; i++) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at != NULL ? at + 1 : NULL;
	}
	colon = at != NULL ? memchr(at, ':', (size_t)(end - at)) : NULL;
	if (colon == NULL || str_starts(str_make(at, (size_t)(end - at)), STR("reference")) ||
	    str_starts(str_make(at, (size_t)(end - at)), STR("current")))
		return;
	buf_puts(out, "--");
	for (; at < colon; at++)
		buf_putc(out, *at == '_' ? '-' : *at);
	buf_puts(out, ": ");
}

/* The settings are the rule's own, and so is what is said of them. */
static int
read_rule(struct comparison *c, bool wide)
{
	struct diag *diag = diag_new();
	struct schema_context ctx = { .arena = c->arena, .diag = diag, .dir = "." };
	struct yaml_node *node;
	struct buf yaml = { 0 };
	int code = EXIT_OK;

	put_settings(c, wide, &yaml);
	c->kind = drift_kind();
	c->group = (struct rule_group_config){ .name = "drift", .query_offset = DUR_UNSET };
	c->rule = (struct rule_config){ .group = &c->group,
		.name = "drift",
		.kind = c->kind->schema,
		.max_age = DUR_UNSET,
		.settings = arena_alloc(c->arena, c->kind->schema->schema->size) };
	if (c->asking != NULL)
		c->rule.source = drift_asking_source(c->asking)->config;
	node = yaml_parse(c->arena, diag, "options", buf_str(&yaml));
	if (node != NULL)
		schema_read(
		    &ctx, c->kind->schema->schema, node, (void *)(uintptr_t)c->rule.settings);
	if (diag_errors(diag) == 0)
		c->kind->schema->finish(&ctx, &c->rule);
	for (uint32_t i = 0; i < diag_count(diag); i++) {
		const struct finding *finding = diag_at(diag, i);
		struct buf option = { 0 };

		put_option(buf_str(&yaml), finding->pos.line, &option);
		fprintf(
		    stderr, "tocsin drift: %s%s\n", option.n > 0 ? option.p : "", finding->text);
		buf_fini(&option);
		code = EXIT_USAGE;
	}
	buf_fini(&yaml);
	diag_free(diag);
	return code;
}

/* --- data -------------------------------------------------------------------- */

static int
open_source(struct comparison *c)
{
	const struct request *r = c->request;
	const struct source_config *source;
	struct diag *diag = diag_new();
	struct err err = { .text = "" };
	int code = EXIT_OK;

	c->config = config_load(r->config, core_kinds(), diag);
	if (c->config == NULL) {
		struct buf findings = { 0 };

		diag_sort(diag);
		diag_print(diag, &findings);
		fputs(findings.p, stderr);
		buf_fini(&findings);
		diag_free(diag);
		return EXIT_USAGE;
	}
	diag_free(diag);
	source = config_source(c->config, r->source);
	if (source == NULL) {
		print_no_source("drift", r->config, r->source, c->config);
		return EXIT_USAGE;
	}
	c->asking = drift_asking_open(source, &err);
	if (c->asking == NULL)
		code = fail(r->source, &err);
	return code;
}

/* Does the test compare names?  Then cells are not read as numbers. */
static bool
compares_names(const struct comparison *c)
{
	return c->plan.queries[REFERENCE].n_fields > 0;
}

static int
read_files(struct comparison *c, bool *ret_wide)
{
	const struct request *r = c->request;
	struct drift_table table = { .delimiter = r->delimiter[0],
		.by = c->by,
		.n_by = c->n_by,
		.columns = r->columns.items,
		.n_columns = r->columns.n,
		.label = r->form != NULL && strcmp(r->form, "cumulative_buckets") == 0
			     ? "le"
			     : r->category,
		.names = compares_names(c) && c->n_joint == 0,
		.joint = c->n_joint > 0 };

	if (c->n_joint > 0) {
		table.columns = c->joint;
		table.n_columns = c->n_joint;
	}
	*ret_wide = false;
	for (int side = 0; side < SIDES; side++) {
		struct err err = { .text = "" };
		bool wide;

		if (!is_file(r, side))
			continue;
		if (drift_table_read(r->given[side], &table, c->arena, &c->files[side],
			&c->answers[side], &wide, &err) < 0) {
			if (r->source == NULL && strchr(r->given[side], ' ') != NULL &&
			    access(r->given[side], F_OK) != 0)
				err_set(&err, ERR_INVALID,
				    "%s: no such file; for a query name its --source",
				    r->given[side]);
			fail(side_names[side], &err);
			return EXIT_USAGE;
		}
		*ret_wide = *ret_wide || wide;
		c->sources[side] = &drift_table_source;
	}
	return EXIT_OK;
}

/* Current data of a window that their query does not know would be all there are. */
static bool
ignores_window(const struct comparison *c, int side)
{
	const struct source *source = drift_asking_source(c->asking);
	const struct rule_query *query = &c->plan.queries[side];
	const char *remedy = NULL;

	if (side == CURRENT && wall_is_set(query->from) && source->ops->timeless != NULL)
		remedy = source->ops->timeless(source->config, query->text, true);
	if (remedy != NULL)
		fprintf(stderr,
		    "tocsin drift: current: the query answers the same for any window: %s\n",
		    remedy);
	return remedy != NULL;
}

static int
ask_source(struct comparison *c)
{
	for (int side = 0; side < SIDES; side++) {
		struct err err = { .text = "" };

		if (is_file(c->request, side))
			continue;
		if (ignores_window(c, side))
			return EXIT_USAGE;
		if (drift_ask(
			c->asking, &c->plan.queries[side], c->arena, &c->answers[side], &err) < 0)
			return fail(side_names[side], &err);
		c->sources[side] = drift_asking_source(c->asking);
	}
	return EXIT_OK;
}

/* --- the answer ---------------------------------------------------------------- */

static const char *
verdict_of(const struct observation *o)
{
	return o->outcome == OUTCOME_BREACH ? "drift"
	       : o->outcome == OUTCOME_OK   ? "no drift"
					    : "insufficient";
}

static void
put_member(struct buf *out, const char *name, double value)
{
	buf_printf(out, ",\"%s\":", name);
	json_put_double(out, value);
}

static void
print_json(const struct comparison *c)
{
	struct buf out = { 0 };
	bool drift = false;

	for (uint32_t i = 0; i < c->judgement.n; i++)
		drift = drift || c->judgement.observations[i].outcome == OUTCOME_BREACH;
	buf_printf(&out, "{\"test\":\"%s\",\"drift\":%s,\"features\":[", c->request->test,
	    drift ? "true" : "false");
	for (uint32_t i = 0; i < c->judgement.n; i++) {
		const struct observation *o = &c->judgement.observations[i];
		const struct explain *e = o->explain;
		const struct cells_group labels = { o->labels, o->n_labels };

		buf_puts(&out, i > 0 ? ",{\"labels\":" : "{\"labels\":");
		cells_put_json(&labels, &out);
		buf_printf(&out, ",\"verdict\":\"%s\"", verdict_of(o));
		put_member(&out, "statistic", e->statistic);
		put_member(&out, "p_value", e->p_value);
		put_member(&out, "effect", e->effect);
		put_member(&out, "threshold", e->threshold);
		put_member(&out, "n_reference", e->n_reference);
		put_member(&out, "n_current", e->n_current);
		buf_printf(&out, ",\"detail\":%.*s}", STR_ARG(e->detail));
	}
	buf_puts(&out, "]}\n");
	fwrite(out.p, 1, out.n, stdout);
	buf_fini(&out);
}

static const char *
number(struct arena *arena, double value)
{
	return isnan(value) ? "-" : arena_printf(arena, "%.6g", value);
}

/* Why a feature could not be judged, as the rule's explanation says it. */
static const char *
reason_of(struct arena *arena, const struct observation *o)
{
	struct json_reader reader;
	struct str key, reason = { 0 };

	json_reader_init(&reader, o->explain->detail);
	if (!json_enter(&reader, JSON_OBJECT))
		return "";
	while (json_next_key(&reader, &key)) {
		if (str_is(key, "reason"))
			(void)json_read_str(&reader, arena, &reason);
		else
			(void)json_skip(&reader);
	}
	return reason.n > 0 ? arena_printf(arena, ": %.*s", STR_ARG(reason)) : "";
}

static void
print_table(const struct comparison *c)
{
	static const char *const headers[] = { "FEATURE", "STATISTIC", "P", "EFFECT", "REFERENCE",
		"CURRENT", "VERDICT" };
	struct table *table = table_new(headers, ARRAY_LEN(headers));

	for (uint32_t i = 0; i < c->judgement.n; i++) {
		const struct observation *o = &c->judgement.observations[i];
		const struct explain *e = o->explain;
		struct buf name = { 0 };

		for (uint32_t k = 0; k < o->n_labels; k++)
			buf_printf(&name, "%s%.*s", k > 0 ? "/" : "", STR_ARG(o->labels[k].value));
		table_row(table,
		    (const char *const[]){ name.n > 0 ? name.p : "-",
			number(c->arena, e->statistic), number(c->arena, e->p_value),
			number(c->arena, e->effect), number(c->arena, e->n_reference),
			number(c->arena, e->n_current),
			arena_printf(c->arena, "%s%s", verdict_of(o),
			    o->outcome == OUTCOME_INSUFFICIENT ? reason_of(c->arena, o) : "") });
		buf_fini(&name);
	}
	table_print(table);
	table_free(table);
}

static int
conclude(const struct comparison *c, bool json)
{
	uint32_t judged = 0, drifted = 0;

	if (json)
		print_json(c);
	else
		print_table(c);
	for (uint32_t i = 0; i < c->judgement.n; i++) {
		judged += c->judgement.observations[i].outcome != OUTCOME_INSUFFICIENT;
		drifted += c->judgement.observations[i].outcome == OUTCOME_BREACH;
	}
	if (judged == 0) {
		fprintf(stderr, "tocsin drift: nothing could be judged%s\n",
		    c->judgement.n > 0 ? reason_of(c->arena, &c->judgement.observations[0])
				       : ": there are no rows");
		return EXIT_USAGE;
	}
	return drifted > 0 ? EXIT_NO : EXIT_OK;
}

static int
compare(struct comparison *c, bool json)
{
	struct rule_input in = { .rule = &c->rule,
		.answers = c->answers,
		.sources = c->sources,
		.n = SIDES,
		.arena = c->arena };
	struct err err = { .text = "" };
	bool wide = false;
	int code = EXIT_OK;

	if (c->request->source != NULL)
		code = open_source(c);
	if (code == EXIT_OK)
		code = read_rule(c, false);
	if (code != EXIT_OK)
		return code;
	if (c->asking != NULL)
		in.now = drift_asking_now(c->asking);
	if (c->kind->plan(&c->rule, NULL, in.now, &c->plan, &err) < 0)
		return fail("", &err);
	code = read_files(c, &wide);
	/* Several columns of values are features: then that is a label, too. */
	if (code == EXIT_OK && wide)
		code = read_rule(c, true);
	if (code == EXIT_OK && c->asking != NULL)
		code = ask_source(c);
	if (code != EXIT_OK)
		return code;
	if (c->kind->judge(&in, &c->judgement, &err) < 0)
		return fail("", &err);
	return conclude(c, json);
}

/* --- options ------------------------------------------------------------------- */

/* --by a,b is --by a --by b. */
static void
split(struct arena *arena, const struct arg_list *from, const char **ret, uint32_t *ret_n)
{
	for (uint32_t i = 0; i < from->n; i++) {
		char *text = arena_strdup(arena, from->items[i]);

		for (char *rest = text; rest != NULL && *ret_n < ARGS_MANY_MAX;) {
			char *comma = strchr(rest, ',');

			if (comma != NULL)
				*comma++ = '\0';
			ret[(*ret_n)++] = rest;
			rest = comma;
		}
	}
}

static int
check_request(const struct command *command, const struct request *r)
{
	if (r->given[REFERENCE] == NULL || r->given[CURRENT] == NULL || r->test == NULL)
		return args_usage_error(command,
		    "give --reference, --current and --test: tocsin drift --reference train.csv "
		    "--current served.csv --test ks --by feature");
	if (strcmp(r->given[REFERENCE], "-") == 0 && strcmp(r->given[CURRENT], "-") == 0)
		return args_usage_error(command, "only one of them can be standard input");
	if (strlen(r->delimiter) != 1 || strchr("\"\r\n", r->delimiter[0]) != NULL)
		return args_usage_error(command, "--delimiter: one character, as ';'");
	if (r->columns.n > 0 && r->joint.n > 0)
		return args_usage_error(command,
		    "--column names values that are compared each for itself, --columns those "
		    "that mmd compares together; give one of them");
	return EXIT_OK;
}

static int
run_request(const struct command *command, const struct request *r)
{
	struct comparison c = { .arena = arena_new(1u << 20), .request = r };
	bool json;
	int code = args_output(command, r->output, "table", &json);

	/* What one table was read with, the next is: given back to the system in between, half the
	 * time would be the kernel's. */
	mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
	mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);

	if (code == EXIT_OK)
		code = check_request(command, r);
	if (code == EXIT_OK) {
		split(c.arena, &r->by, c.by, &c.n_by);
		split(c.arena, &r->joint, c.joint, &c.n_joint);
		code = compare(&c, json);
	}
	drift_asking_close(c.asking);
	config_unref(c.config);
	for (int side = 0; side < SIDES; side++)
		drift_file_fini(&c.files[side]);
	arena_free(c.arena);
	return code;
}

#define SETTING(option, member, what, text)                                                        \
	{                                                                                          \
		.name = (option), .metavar = (what), .value = &r.member, .doc = (text)             \
	}

static int
run(const struct command *command, int argc, char **argv)
{
	struct request r = { .config = "tocsin.yml", .delimiter = ",", .output = "table" };
	const struct arg_option options[] = {
		SETTING("reference", given[REFERENCE], "FILE|QUERY",
		    "compared against: a CSV file, - or a query of --source"),
		SETTING("current", given[CURRENT], "FILE|QUERY", "what is looked at"),
		SETTING("test", test, "NAME", "ks, psi, chi2, js, ... as in the rule kind drift"),
		{ .name = "by",
		    .metavar = "COLUMN",
		    .many = &r.by,
		    .doc = "columns that tell the features apart; may be repeated" },
		{ .name = "column",
		    .metavar = "COLUMN",
		    .many = &r.columns,
		    .doc = "column with values; default: value, else all others" },
		{ .name = "columns",
		    .metavar = "A,B,C",
		    .many = &r.joint,
		    .doc = "with --test mmd: columns that are compared together, as points" },
		SETTING("source", source, "NAME", "ask this source of the configuration"),
		SETTING("config.file", config, "FILE",
		    "where the source is configured (default tocsin.yml)"),
		SETTING("window", window, "DURATION", "how far back :from is, of both queries"),
		SETTING("reference-window", reference_window, "DURATION",
		    "the same for the reference alone"),
		SETTING("lag", lag, "DURATION", "the current window ends this long ago"),
		SETTING("form", form, "NAME", "samples, counts or cumulative_buckets"),
		SETTING("category", category, "COLUMN", "form counts: the column of the category"),
		SETTING("bins", bins, "HOW", "{ref_quantiles: 10}, {edges: [0]}, distinct, ..."),
		SETTING("p-value", p_value, "P", "of tests (default 0.05)"),
		SETTING("value", value, "X", "threshold of distances"),
		SETTING("null-aware", null_aware, "HOW", "of distances: '{alpha: 0.01}' or false"),
		SETTING("min-effect", min_effect, "X", "of tests: the smallest difference"),
		SETTING("direction", direction, "NAME", "both, up or down"),
		SETTING("correct", correct, "NAME", "none, bonferroni, holm, bh (default) or by"),
		SETTING(
		    "min-samples", min_samples, "N", "fewer on a side are not judged (default 30)"),
		SETTING("nulls", nulls, "NAME", "drop (default) or own_bin"),
		SETTING("max-rows", max_rows, "N", "values compared per feature and side"),
		SETTING("epsilon", epsilon, "X", "psi and kl: share of an empty bin"),
		SETTING("log-base", log_base, "NAME", "js and kl: e (default), 2 or 10"),
		SETTING("delimiter", delimiter, "CHARACTER", "of CSV files (default ,)"),
		{ .name = "output",
		    .letter = 'o',
		    .metavar = "table|json",
		    .value = &r.output,
		    .doc = "for people or for programs (default table)" },
		{ .name = NULL },
	};
	struct arg_words words;
	int stop;

	if ((stop = args_take(command, options, argc, argv, &words)) != ARGS_GO_ON)
		return stop;
	if (words.n != 0)
		return args_usage_error(command, "'%s' is no option", words.items[0]);
	return run_request(command, &r);
}

const struct command cmd_drift = {
	.name = "drift",
	.summary = "Compares two sets of data as a rule of kind drift would.",
	.usage = "drift --reference FILE|QUERY --current FILE|QUERY --test NAME [OPTION...]\n"
		 "\n"
		 "Files are CSV with a header; an empty cell, NA, NaN or null is a missing value.\n"
		 "Exits 0 when nothing drifts, 1 when something does, 2 when the data cannot be\n"
		 "judged, 3 when the source cannot be reached.",
	.run = run,
};
