/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command-line options from a table: the table parses them and prints
 * --help.  Long options as --name=value or --name value; -o and -h alone are
 * short.  Options and words may be mixed; "--" ends the options.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/cmd.h"

#define ARGS_WORDS_MAX 4096
#define ARGS_MANY_MAX 64

struct arg_list {
	const char *items[ARGS_MANY_MAX];
	uint32_t n;
};

/* Exactly one of flag, value, many is set; none: accepted, of no effect, noted in the log of serve. */
struct arg_option {
	const char *name;      /* without the dashes; NULL ends the table; "x.*" takes every name with that prefix */
	char letter;           /* 0: none */
	const char *metavar;   /* NULL: takes no value */
	const char *doc;       /* shown by --help with the default in it; NULL: not shown */
	bool *flag;
	const char **value;
	struct arg_list *many;
};

struct arg_words {
	const char **items;
	uint32_t n;
};

enum args_result { ARGS_OK, ARGS_HELP_SHOWN, ARGS_BAD };

/*
 * Parses argv[1..]. words.items points into a static array.  On ARGS_BAD a
 * message with the remedy is on stderr (exit 2), on ARGS_HELP_SHOWN the help
 * is on stdout (exit 0).
 */
enum args_result args_parse(const struct command *command, const struct arg_option *options, int argc, char **argv, struct arg_words *words);
/* args_parse() for a command's run(): ARGS_GO_ON, or the exit code to return at once. */
#define ARGS_GO_ON (-1)
int args_take(const struct command *command, const struct arg_option *options, int argc, char **argv, struct arg_words *words);
/* "name: message" and how to get help, on stderr; returns EXIT_USAGE. */
int args_usage_error(const struct command *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What -o asks for: `people` (the word for text) or json; else a message and EXIT_USAGE. */
int args_output(const struct command *command, const char *output, const char *people, bool *ret_json);
void args_print_help(const struct command *command, const struct arg_option *options);
