/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tocsin check: says whether configurations and rule files would load.
 *
 * Findings go to stderr as file:line:column with a caret, one summary line per
 * good file to stdout.  SQL is prepared against the database where there is
 * one.  Warnings about rules that work (rule/lint.h) change nothing about the
 * answer unless --lint-fatal says so.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/xalloc.h"
#include "cli/args.h"
#include "cli/features.h"
#include "daemon/core.h"
#include "loop/clock.h"
#include "oncall/lint.h"
#include "rule/lint.h"

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

struct check {
	const char *with_path; /* NULL: none */
	bool json, lint, lint_fatal;
};

struct checked {
	const char *path;
	struct config *config; /* NULL: it would not load */
	int rules;
	bool good;
};

static void
check_one(struct checked *file, const struct config *with, struct diag *diag)
{
	uint32_t before = diag_errors(diag);

	file->rules = config_check_file(file->path, core_kinds(), with, diag, &file->config);
	if (file->config != NULL)
		core_check_queries(file->config, true, diag);
	file->good = file->rules >= 0 && diag_errors(diag) == before;
}

/* After all errors of all files: the list of findings is bounded. */
static void
lint_one(struct checked *file, const struct check *check, struct diag *diag)
{
	uint32_t before = diag_warnings(diag);

	if (file->config == NULL || !check->lint)
		return;
	rule_lint(file->config, diag);
	oncall_lint(file->config, clock_wall(), diag);
	if (check->lint_fatal && diag_warnings(diag) > before)
		file->good = false;
}

/* The number of bad ones. */
static uint32_t
check_files(struct checked *files, uint32_t n, const struct config *with, const struct check *check,
    struct diag *diag)
{
	uint32_t bad = 0;

	for (uint32_t i = 0; i < n; i++)
		check_one(&files[i], with, diag);
	for (uint32_t i = 0; i < n; i++) {
		lint_one(&files[i], check, diag);
		config_unref(files[i].config);
		bad += !files[i].good;
		if (files[i].good && !check->json)
			printf("%s: ok, %d rule%s\n", files[i].path, files[i].rules,
			    files[i].rules == 1 ? "" : "s");
	}
	return bad;
}

static int
check_all(const struct arg_words *words, const struct check *check)
{
	struct checked *files = xcalloc(words->n, sizeof(*files));
	struct diag *diag = diag_new();
	struct config *with = NULL;
	uint32_t bad = 0;

	for (uint32_t i = 0; i < words->n; i++)
		files[i].path = words->items[i];
	if (check->with_path != NULL &&
	    (with = config_load(check->with_path, core_kinds(), diag)) == NULL)
		bad++;
	bad += check_files(files, words->n, with, check, diag);
	print_findings(diag, check->json);
	if (bad > 0 && !check->json)
		fprintf(stderr, "%u of %u files with errors\n", bad,
		    words->n + (check->with_path != NULL ? 1 : 0));
	config_unref(with);
	diag_free(diag);
	free(files);
	return bad == 0 ? EXIT_OK : EXIT_NO;
}

static int
run(const struct command *command, int argc, char **argv)
{
	struct check check = { 0 };
	const char *output = "text", *lints = "all";
	struct arg_list enabled = { 0 };
	struct features features = { 0 };
	const struct arg_option options[] = {
		{ .name = "config.file",
		    .metavar = "FILE",
		    .value = &check.with_path,
		    .doc = "check rule files against the sources of this configuration" },
		{ .name = "output",
		    .letter = 'o',
		    .metavar = "text|json",
		    .value = &output,
		    .doc = "findings as JSON on stdout, for editors" },
		{ .name = "lint",
		    .metavar = "all|none",
		    .value = &lints,
		    .doc = "warn of rules that are probably not what was meant" },
		{ .name = "lint-fatal",
		    .flag = &check.lint_fatal,
		    .doc = "such a warning is an error" },
		{ .name = "enable-feature",
		    .metavar = "NAME,...",
		    .many = &enabled,
		    .doc = FEATURES_DOC },
		{ .name = NULL },
	};
	struct arg_words words;
	int stop;

	if ((stop = args_take(command, options, argc, argv, &words)) != ARGS_GO_ON)
		return stop;
	if (args_output(command, output, "text", &check.json) != EXIT_OK)
		return EXIT_USAGE;
	if (features_enable(command, &enabled, &features) != EXIT_OK)
		return EXIT_USAGE;
	check.lint = strcmp(lints, "all") == 0;
	if (!check.lint && strcmp(lints, "none") != 0)
		return args_usage_error(command, "--lint is all or none");
	if (words.n == 0)
		return args_usage_error(
		    command, "which files? e.g. tocsin check tocsin.yml rules/*.yml");
	return check_all(&words, &check);
}

const struct command cmd_check = {
	.name = "check",
	.summary = "Checks configurations and rule files.",
	.usage = "check [OPTION...] FILE...",
	.run = run,
};
