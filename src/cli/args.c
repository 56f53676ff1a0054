/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/args.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const char *words_found[ARGS_WORDS_MAX];

static bool
name_matches(const struct arg_option *option, struct str name)
{
	struct str pattern = str_from(option->name);

	if (pattern.n > 0 && pattern.p[pattern.n - 1] == '*')
		return str_starts(name, str_make(pattern.p, pattern.n - 1));
	return str_eq(pattern, name);
}

static const struct arg_option *
find_long(const struct arg_option *options, struct str name)
{
	for (const struct arg_option *o = options; o->name != NULL; o++)
		if (name_matches(o, name))
			return o;
	return NULL;
}

static const struct arg_option *
find_letter(const struct arg_option *options, char letter)
{
	for (const struct arg_option *o = options; o->name != NULL; o++)
		if (o->letter == letter)
			return o;
	return NULL;
}

static const char *
nearest(const struct arg_option *options, struct str name)
{
	const char *best = NULL;
	uint32_t best_distance = 4;

	for (const struct arg_option *o = options; o->name != NULL; o++) {
		uint32_t d = str_distance(str_from(o->name), name, 3);
		if (o->doc != NULL && d < best_distance) {
			best_distance = d;
			best = o->name;
		}
	}
	return best;
}

int
args_usage_error(const struct command *command, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "tocsin %s: ", command->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n(see: tocsin %s --help)\n", command->name);
	return EXIT_USAGE;
}

void
args_print_help(const struct command *command, const struct arg_option *options)
{
	printf("usage: tocsin %s\n\n%s\n", command->usage, command->summary);
	if (options->name != NULL)
		printf("\noptions:\n");
	for (const struct arg_option *o = options; o->name != NULL; o++) {
		char left[80];
		if (o->doc == NULL)
			continue;
		snprintf(left, sizeof(left), "%s%.1s%s--%s%s%s", o->letter != 0 ? "-" : "",
		    o->letter != 0 ? &o->letter : "", o->letter != 0 ? ", " : "", o->name,
		    o->metavar != NULL ? "=" : "", o->metavar != NULL ? o->metavar : "");
		printf("  %-34s %s\n", left, o->doc);
	}
	printf("  %-34s %s\n", "-h, --help", "this text");
}

static enum args_result
unknown_option(const struct command *command, const struct arg_option *options, const char *word,
    struct str name)
{
	const char *near_name = nearest(options, name);

	if (near_name != NULL)
		args_usage_error(
		    command, "unknown option %s (did you mean --%s?)", word, near_name);
	else
		args_usage_error(command, "unknown option %s", word);
	return ARGS_BAD;
}

static enum args_result
take(const struct command *command, const struct arg_option *option, const char *value)
{
	if (option->flag != NULL)
		*option->flag = true;
	else if (option->value != NULL)
		*option->value = value;
	else if (option->many != NULL) {
		if (option->many->n == ARGS_MANY_MAX) {
			args_usage_error(
			    command, "--%s given more than %d times", option->name, ARGS_MANY_MAX);
			return ARGS_BAD;
		}
		option->many->items[option->many->n++] = value;
	}
	return ARGS_OK;
}

/* One option word; *i moves on when its value is the next word. */
static enum args_result
parse_option(
    const struct command *command, const struct arg_option *options, int argc, char **argv, int *i)
{
	const char *word = argv[*i];
	bool is_long = word[1] == '-';
	const char *name = word + (is_long ? 2 : 1);
	const char *equals = is_long ? strchr(name, '=') : NULL;
	struct str text = str_make(name, equals != NULL ? (size_t)(equals - name) : strlen(name));
	const struct arg_option *option =
	    is_long ? find_long(options, text) : find_letter(options, word[1]);
	const char *value = equals != NULL ? equals + 1 : NULL;

	if (option == NULL)
		return unknown_option(command, options, word, text);
	if (!is_long && word[2] != '\0')
		value = word + 2;
	if (option->metavar == NULL && value != NULL) {
		args_usage_error(command, "--%s takes no value", option->name);
		return ARGS_BAD;
	}
	if (option->metavar != NULL && value == NULL) {
		if (*i + 1 >= argc) {
			args_usage_error(command, "--%s needs a value: --%s=%s", option->name,
			    option->name, option->metavar);
			return ARGS_BAD;
		}
		value = argv[++*i];
	}
	return take(command, option, value);
}

enum args_result
args_parse(const struct command *command, const struct arg_option *options, int argc, char **argv,
    struct arg_words *words)
{
	bool only_words = false;

	*words = (struct arg_words){ .items = words_found };
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];
		if (!only_words && strcmp(word, "--") == 0) {
			only_words = true;
			continue;
		}
		if (!only_words && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
			args_print_help(command, options);
			return ARGS_HELP_SHOWN;
		}
		if (!only_words && word[0] == '-' && word[1] != '\0') {
			enum args_result result = parse_option(command, options, argc, argv, &i);
			if (result != ARGS_OK)
				return result;
			continue;
		}
		if (words->n == ARGS_WORDS_MAX) {
			args_usage_error(command, "more than %d words", ARGS_WORDS_MAX);
			return ARGS_BAD;
		}
		words_found[words->n++] = word;
	}
	return ARGS_OK;
}

int
args_output(const struct command *command, const char *output, const char *people, bool *ret_json)
{
	*ret_json = strcmp(output, "json") == 0;
	if (!*ret_json && strcmp(output, people) != 0)
		return args_usage_error(command, "-o %s: give %s or json", output, people);
	return EXIT_OK;
}

int
args_take(const struct command *command, const struct arg_option *options, int argc, char **argv,
    struct arg_words *words)
{
	switch (args_parse(command, options, argc, argv, words)) {
	case ARGS_HELP_SHOWN:
		return EXIT_OK;
	case ARGS_BAD:
		return EXIT_USAGE;
	case ARGS_OK:
		break;
	}
	return ARGS_GO_ON;
}
