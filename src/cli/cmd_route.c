/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tocsin route: the tree, the way of an alert through it, and files of cases
 * that say who must be told of what.  All of it is read from the
 * configuration; no server is asked.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/args.h"
#include "cli/remote.h"
#include "cli/route_cases.h"
#include "cli/route_view.h"
#include "cli/text.h"
#include "loop/clock.h"
#include "route/tree.h"

struct route_args {
	const char *config, *at, *verify, *output;
	struct arg_list cases;
	bool json;
};

static int
print_text(struct buf *text)
{
	fputs(buf_str(text).p, stdout);
	buf_fini(text);
	return EXIT_OK;
}

static int
show(const struct command *command, const struct route_args *args, const struct arg_words *words)
{
	struct config *config;
	struct buf text = { 0 };

	if (words->n > 1)
		return args_usage_error(command, "show takes no '%s'", words->items[1]);
	if ((config = route_load_config(args->config)) == NULL)
		return EXIT_NO;
	if (args->json) {
		json_object *tree = route_tree_json(config->root);
		remote_print_json(tree);
		json_object_put(tree);
	} else {
		route_put_tree(config->root, &text);
		print_text(&text);
	}
	config_unref(config);
	return EXIT_OK;
}

/* ---- one alert ------------------------------------------------------------------------ */

/* --verify.receivers: compared as amtool does it, in order. */
static int
verify(const struct route_way *way, const char *wanted)
{
	struct buf receivers = { 0 };
	int code = EXIT_OK;

	route_way_put_receivers(way, &receivers);
	if (wanted != NULL && strcmp(buf_str(&receivers).p, wanted) != 0) {
		fprintf(stderr, "tocsin route test: expected '%s', got '%s'\n", wanted,
		    buf_str(&receivers).p);
		code = EXIT_NO;
	}
	buf_fini(&receivers);
	return code;
}

static int
show_way(
    const struct route_args *args, const struct config *config, struct labels *labels, wall_t at)
{
	const struct route_config *routes[ROUTES_MATCHED_MAX];
	struct route_way way;
	struct buf text = { 0 };

	route_way_find(&way, config, labels, at, routes);
	if (args->json) {
		json_object *json = route_way_json(&way);
		remote_print_json(json);
		json_object_put(json);
	} else {
		route_way_put(&way, &text);
		print_text(&text);
	}
	return verify(&way, args->verify);
}

static int
test_alert(
    const struct command *command, const struct route_args *args, const struct arg_words *words)
{
	struct err err = { .at = ERR_NOWHERE };
	wall_t now = clock_wall(), at = now;
	struct config *config;

	if (args->at != NULL && text_parse_time(args->at, now, &at) < 0)
		return EXIT_USAGE;
	struct labels *labels = route_read_labels(words->items + 1, words->n - 1, &err);
	if (labels == NULL)
		return args_usage_error(command, "%s", err.text);
	int code = EXIT_NO;
	if ((config = route_load_config(args->config)) != NULL)
		code = show_way(args, config, labels, at);
	config_unref(config);
	labels_unref(labels);
	return code;
}

/* ---- files of cases -------------------------------------------------------------------- */

static bool
is_file(const char *word)
{
	struct str text = str_from(word);

	return strchr(word, '=') == NULL &&
	       (str_ends(text, STR(".yml")) || str_ends(text, STR(".yaml")));
}

static void
print_findings(struct diag *diag)
{
	struct buf text = { 0 };

	diag_sort(diag);
	diag_print(diag, &text);
	fputs(buf_str(&text).p, stderr);
	buf_fini(&text);
}

struct totals {
	uint32_t cases, failed, unread;
};

static void
run_file(const char *path, const struct route_args *args, struct totals *totals, json_object *json)
{
	struct diag *diag = diag_new();
	struct route_cases *cases = route_cases_read(path, args->config, diag);
	struct buf text = { 0 };

	if (cases == NULL) {
		print_findings(diag);
		totals->unread++;
	} else {
		totals->cases += route_cases_count(cases);
		totals->failed += route_cases_run(cases, &text, json);
		print_text(&text);
	}
	route_cases_free(cases);
	diag_free(diag);
}

static int
test_files(const struct route_args *args, const char *const *paths, uint32_t n)
{
	json_object *json = args->json ? json_object_new_array() : NULL;
	struct totals totals = { 0 };

	for (uint32_t i = 0; i < n; i++)
		run_file(paths[i], args, &totals, json);
	if (json != NULL)
		remote_print_json(json);
	else if (totals.cases > 0)
		printf("%u cases, %u failed\n", totals.cases, totals.failed);
	json_object_put(json);
	return totals.failed + totals.unread == 0 ? EXIT_OK : EXIT_NO;
}

/* Either words that are files, or labels; never both. */
static int
test(const struct command *command, struct route_args *args, const struct arg_words *words)
{
	const char *paths[2 * ARGS_MANY_MAX];
	uint32_t n = 0, n_words = 0;

	for (uint32_t i = 0; i < args->cases.n; i++)
		paths[n++] = args->cases.items[i];
	for (uint32_t i = 1; i < words->n; i++) {
		n_words++;
		if (!is_file(words->items[i]))
			continue;
		if (n == 2 * ARGS_MANY_MAX)
			return args_usage_error(command, "more than %d files", 2 * ARGS_MANY_MAX);
		paths[n++] = words->items[i];
	}
	if (n > 0 && n - args->cases.n != n_words)
		return args_usage_error(command, "give labels or files of cases, not both");
	if (n > 0 && (args->verify != NULL || args->at != NULL))
		return args_usage_error(
		    command, "a case says itself what it expects, and at which time");
	if (n > 0)
		return test_files(args, paths, n);
	if (n_words == 0)
		return args_usage_error(command,
		    "which alert? e.g. tocsin route test DiskFull team=ml severity=critical");
	if (args->config == NULL)
		args->config = "tocsin.yml";
	return test_alert(command, args, words);
}

static int
run(const struct command *command, int argc, char **argv)
{
	struct route_args args = { .output = "text" };
	const struct arg_option options[] = {
		{ .name = "config.file",
		    .metavar = "FILE",
		    .value = &args.config,
		    .doc = "default tocsin.yml, or what a file of cases names" },
		{ .name = "at",
		    .metavar = "TIME",
		    .value = &args.at,
		    .doc = "test: for time intervals; RFC 3339 (default now)" },
		{ .name = "verify.receivers",
		    .metavar = "A,B",
		    .value = &args.verify,
		    .doc = "test: exit status 1 unless it is these, in this order" },
		{ .name = "cases",
		    .metavar = "FILE",
		    .many = &args.cases,
		    .doc = "test: a file of cases, as if it were a word; repeatable" },
		{ .name = "output",
		    .letter = 'o',
		    .metavar = "text|json",
		    .value = &args.output,
		    .doc = "for people or for programs (default text)" },
		{ .name = NULL },
	};
	struct arg_words words;
	int stop;

	if ((stop = args_take(command, options, argc, argv, &words)) != ARGS_GO_ON)
		return stop;
	if (args_output(command, args.output, "text", &args.json) != EXIT_OK)
		return EXIT_USAGE;
	const char *verb = words.n > 0 ? words.items[0] : "show";
	if (strcmp(verb, "test") == 0)
		return test(command, &args, &words);
	if (strcmp(verb, "show") != 0)
		return args_usage_error(command, "'%s' is neither show nor test", verb);
	if (args.config == NULL)
		args.config = "tocsin.yml";
	return show(command, &args, &words);
}

const struct command cmd_route = {
	.name = "route",
	.summary = "Shows the routes, tells who is told of an alert, runs files of cases.",
	.usage = "route show [OPTION...]\n"
		 "       tocsin route test [OPTION...] [NAME] LABEL=VALUE...\n"
		 "       tocsin route test [OPTION...] CASES.yml...",
	.run = run,
};
