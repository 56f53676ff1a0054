/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>

#include "cli/args.h"

static int
run(const struct command *command, int argc, char **argv)
{
	const char *output = "text";
	const struct arg_option options[] = {
		{ .name = "output",
		    .letter = 'o',
		    .metavar = "text|json",
		    .value = &output,
		    .doc = "for people or for programs (default text)" },
		{ .name = NULL },
	};
	struct arg_words words;
	int stop;
	bool json;

	if ((stop = args_take(command, options, argc, argv, &words)) != ARGS_GO_ON)
		return stop;
	if (words.n > 0)
		return args_usage_error(command, "takes no words, got '%s'", words.items[0]);
	if (args_output(command, output, "text", &json) != EXIT_OK)
		return EXIT_USAGE;
	printf(json ? "{\"version\":\"%s\"}\n" : "tocsin %s\n", PACKAGE_VERSION);
	return EXIT_OK;
}

const struct command cmd_version = {
	.name = "version",
	.summary = "Prints the version.",
	.usage = "version [OPTION...]",
	.run = run,
};
