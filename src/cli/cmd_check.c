/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tocsin check: says whether configurations and rule files would load.
 *
 * Findings go to stderr as file:line:column with a caret, one summary line per
 * good file to stdout.  SQL is prepared against the database where there is
 * one.
 */
#include "config.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/diag.h"
#include "cli/args.h"
#include "daemon/core.h"

static void
print_findings(struct diag *diag, bool json)
{
	struct buf text = { 0 };

	diag_sort(diag);
	if (json)
		diag_print_json(diag, &text);
	else
		diag_print(diag, &text);
	if (json && text.n > 0)
		printf("%s\n", text.p);
	else if (text.n > 0)
		fputs(text.p, stderr);
	buf_fini(&text);
}

/* One file: its rules are counted when it is good. */
static bool
check_one(const char *path, const struct config *with, struct diag *diag, bool json)
{
	uint32_t before = diag_errors(diag);
	struct config *config = NULL;
	int rules = config_check_file(path, core_kinds(), with, diag, &config);

	if (config != NULL)
		core_check_queries(config, true, diag);
	config_unref(config);
	if (rules < 0 || diag_errors(diag) > before)
		return false;
	if (!json)
		printf("%s: ok, %d rule%s\n", path, rules, rules == 1 ? "" : "s");
	return true;
}

static int
check_all(const struct arg_words *words, const char *with_path, bool json)
{
	struct diag *diag = diag_new();
	struct config *with = NULL;
	uint32_t bad = 0;

	if (with_path != NULL && (with = config_load(with_path, core_kinds(), diag)) == NULL)
		bad++;
	for (uint32_t i = 0; i < words->n; i++)
		if (!check_one(words->items[i], with, diag, json))
			bad++;
	print_findings(diag, json);
	if (bad > 0 && !json)
		fprintf(stderr, "%u of %u files with errors\n", bad,
		    words->n + (with_path != NULL ? 1 : 0));
	config_unref(with);
	diag_free(diag);
	return bad == 0 ? EXIT_OK : EXIT_NO;
}

static int
run(const struct command *command, int argc, char **argv)
{
	const char *with = NULL, *output = "text";
	const struct arg_option options[] = {
		{ .name = "config.file",
		    .metavar = "FILE",
		    .value = &with,
		    .doc = "check rule files against the sources of this configuration" },
		{ .name = "output",
		    .letter = 'o',
		    .metavar = "text|json",
		    .value = &output,
		    .doc = "findings as JSON on stdout, for editors" },
		{ .name = NULL },
	};
	struct arg_words words;
	bool json;

	switch (args_parse(command, options, argc, argv, &words)) {
	case ARGS_HELP_SHOWN:
		return EXIT_OK;
	case ARGS_BAD:
		return EXIT_USAGE;
	case ARGS_OK:
		break;
	}
	if (args_output(command, output, "text", &json) != EXIT_OK)
		return EXIT_USAGE;
	if (words.n == 0)
		return args_usage_error(
		    command, "which files? e.g. tocsin check tocsin.yml rules/*.yml");
	return check_all(&words, with, json);
}

const struct command cmd_check = {
	.name = "check",
	.summary = "Checks configurations and rule files.",
	.usage = "check [OPTION...] FILE...",
	.run = run,
};
