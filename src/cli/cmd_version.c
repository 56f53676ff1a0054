/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>

#include "cli/args.h"

static int
run(const struct command *command, int argc, char **argv)
{
	static const struct arg_option options[] = { { .name = NULL } };
	struct arg_words words;

	switch (args_parse(command, options, argc, argv, &words)) {
	case ARGS_HELP_SHOWN:
		return EXIT_OK;
	case ARGS_BAD:
		return EXIT_USAGE;
	case ARGS_OK:
		break;
	}
	printf("tocsin %s\n", PACKAGE_VERSION);
	return EXIT_OK;
}

const struct command cmd_version = {
	.name = "version",
	.summary = "Prints the version.",
	.usage = "version",
	.run = run,
};
