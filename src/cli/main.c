/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the command and runs it. */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
#include "cli/cmd.h"
#include "loop/clock.h"
#include "net/xfer.h"

static const struct command *const commands[] = {
#define COMMAND(name) &cmd_##name,
#include "cli/commands.inc"
#undef COMMAND
};

static void
print_commands(FILE *out)
{
	fprintf(out,
	    "usage: tocsin COMMAND [OPTION...]\n\n"
	    "Evaluates alert rules, remembers every alert, tells the right person once.\n\n"
	    "commands:\n");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(out, "\ntocsin COMMAND --help tells more.  "
		     "Clients find the server by --url or $TOCSIN_URL.\n");
}

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static int
unknown_command(const char *name)
{
	fprintf(stderr, "tocsin: there is no command '%s'", name);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (str_distance(str_from(commands[i]->name), str_from(name), 2) <= 2) {
			fprintf(stderr, " (did you mean '%s'?)", commands[i]->name);
			break;
		}
	fprintf(stderr, "\n(see: tocsin --help)\n");
	return EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	static char version[] = "version";
	struct err err = { 0 };

	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		print_commands(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_commands(stdout);
		return EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0)
		argv[1] = version;
	const struct command *command = find_command(argv[1]);
	if (command == NULL)
		return unknown_command(argv[1]);
	hash_seed((uint64_t)clock_wall().ns);
	if (net_init(&err) < 0) {
		fprintf(stderr, "tocsin: %s\n", err.text);
		return EXIT_NO;
	}
	int code = command->run(command, argc - 1, argv + 1);
	net_fini();
	if (fflush(stdout) != 0 && code == EXIT_OK)
		code = EXIT_NO;
	return code;
}
