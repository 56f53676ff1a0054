/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands of the one binary: `tocsin COMMAND [SUBCOMMAND] ...`.
 *
 * One file per command; commands.inc lists them.  Exit codes: 0 fine, 1 the
 * answer is no (a check failed), 2 usage, 3 the server could not be reached.
 */
#pragma once

#include <stdbool.h>

enum { EXIT_OK = 0, EXIT_NO = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3 };

struct command {
	const char *name;
	const char *summary; /* one line for the list of commands */
	const char *usage;   /* what follows "usage: tocsin " , may have several lines */
	/* argv[0] is the command's name */
	int (*run)(const struct command *command, int argc, char **argv);
};

#define COMMAND(name) extern const struct command cmd_##name;
#include "cli/commands.inc"
#undef COMMAND
