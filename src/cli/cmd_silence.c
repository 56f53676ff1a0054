/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin silence: make one, see them, end one. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/timestamp.h"
#include "cli/args.h"
#include "cli/remote.h"
#include "cli/table.h"
#include "cli/text.h"
#include "labels/matcher.h"
#include "loop/clock.h"
#include "net/xfer.h"

struct silence_args {
	struct remote remote;
	const char *duration, *comment, *author, *start;
	bool expired, until_resolved;
};

static json_object *
matcher_json(const char *text, struct err *err)
{
	struct matcher m;

	if (matcher_parse(str_from(text), &m, err) < 0)
		return NULL;
	json_object *object = json_object_new_object();
	bool is_regex = m.op == MATCH_REGEX || m.op == MATCH_NOT_REGEX;
	bool is_equal = m.op == MATCH_EQUAL || m.op == MATCH_REGEX;
	json_object_object_add(object, "name", json_object_new_string(m.name->p));
	json_object_object_add(object, "value", json_object_new_string(m.value->p));
	json_object_object_add(object, "isRegex", json_object_new_boolean(is_regex));
	json_object_object_add(object, "isEqual", json_object_new_boolean(is_equal));
	matcher_fini(&m);
	return object;
}

static json_object *
matchers_json(const struct arg_words *words)
{
	json_object *matchers = json_object_new_array();
	struct err err = { 0 };

	for (uint32_t i = 1; i < words->n; i++) {
		json_object *matcher = matcher_json(words->items[i], &err);
		if (matcher == NULL) {
			fprintf(
			    stderr, "tocsin silence add: '%s': %s\n", words->items[i], err.text);
			json_object_put(matchers);
			return NULL;
		}
		json_object_array_add(matchers, matcher);
	}
	return matchers;
}

static void
add_text(json_object *object, const char *name, const char *text)
{
	json_object_object_add(object, name, json_object_new_string(text));
}

static int
add(const struct command *command, const struct silence_args *args, const struct arg_words *words)
{
	char starts[TIMESTAMP_TEXT_MAX], ends[TIMESTAMP_TEXT_MAX];
	wall_t start = clock_wall();
	struct err err = { 0 };
	json_object *answer = NULL;
	dur_t length;

	if (words->n < 2)
		return args_usage_error(command,
		    "what to silence? e.g. tocsin silence add alertname=DiskFull --comment=...");
	if (args->comment == NULL)
		return args_usage_error(command, "say why: --comment=TEXT");
	if (duration_parse(str_from(args->duration), &length, &err) < 0 || length.ns == 0)
		return args_usage_error(command, "--duration: %s",
		    err.code != ERR_NONE ? err.text : "must be longer than 0");
	if (args->start != NULL && text_parse_time(args->start, start, &start) < 0)
		return EXIT_USAGE;
	json_object *matchers = matchers_json(words);
	if (matchers == NULL)
		return EXIT_USAGE;
	json_object *silence = json_object_new_object();
	json_object_object_add(silence, "matchers", matchers);
	add_text(silence, "startsAt", timestamp_format_ms(start, starts));
	add_text(silence, "endsAt", timestamp_format_ms(wall_add(start, length), ends));
	add_text(silence, "comment", args->comment);
	add_text(silence, "createdBy", args->author);
	if (args->until_resolved)
		json_object_object_add(silence, "untilResolved", json_object_new_boolean(true));
	int code = remote_call(&args->remote, "POST", "/api/v2/silences", silence, &answer);
	if (code == EXIT_OK && remote_wants_json(&args->remote))
		remote_print_json(answer);
	else if (code == EXIT_OK)
		puts(member_text(answer, "silenceID"));
	json_object_put(answer);
	json_object_put(silence);
	return code;
}

static void
put_matchers(struct buf *out, json_object *matchers)
{
	size_t n = matchers != NULL ? json_object_array_length(matchers) : 0;

	for (size_t i = 0; i < n; i++) {
		json_object *m = json_object_array_get_idx(matchers, i);
		json_object *equal = member(m, "isEqual");
		bool is_equal = equal == NULL || json_object_get_boolean(equal);
		bool is_regex = json_object_get_boolean(member(m, "isRegex"));
		buf_printf(out, "%s%s%s%s", i > 0 ? " " : "", member_text(m, "name"),
		    is_regex   ? is_equal ? "=~" : "!~"
		    : is_equal ? "="
			       : "!=",
		    member_text(m, "value"));
	}
}

static void
print_silence(struct table *table, json_object *silence)
{
	struct buf matchers = { 0 }, ends = { 0 };

	put_matchers(&matchers, member(silence, "matchers"));
	text_put_ago(&ends, member_text(silence, "endsAt"), clock_wall());
	table_row(table, (const char *const[]){
			     member_text(silence, "id"),
			     member_text(member(silence, "status"), "state"),
			     buf_str(&ends).p,
			     buf_str(&matchers).p,
			     member_text(silence, "createdBy"),
			     member_text(silence, "comment"),
			 });
	buf_fini(&matchers);
	buf_fini(&ends);
}

static bool
is_expired(json_object *silence)
{
	return strcmp(member_text(member(silence, "status"), "state"), "expired") == 0;
}

static json_object *
without_expired(json_object *silences)
{
	json_object *rest = json_object_new_array();
	size_t n = silences != NULL ? json_object_array_length(silences) : 0;

	for (size_t i = 0; i < n; i++) {
		json_object *silence = json_object_array_get_idx(silences, i);
		if (!is_expired(silence))
			json_object_array_add(rest, json_object_get(silence));
	}
	return rest;
}

static int
list(const struct silence_args *args, const struct arg_words *words)
{
	static const char *const headers[] = { "ID", "STATE", "ENDS", "MATCHERS", "BY", "COMMENT" };
	json_object *silences = NULL, *shown;
	struct buf path = { 0 };

	buf_puts(&path, "/api/v2/silences");
	for (uint32_t i = 1; i < words->n; i++)
		remote_add_param(&path, "filter", words->items[i]);
	int code = remote_call(&args->remote, "GET", path.p, NULL, &silences);
	buf_fini(&path);
	if (code != EXIT_OK)
		return code;
	shown = args->expired ? json_object_get(silences) : without_expired(silences);
	if (remote_wants_json(&args->remote)) {
		remote_print_json(shown);
	} else {
		struct table *table = table_new(headers, 6);
		for (size_t i = 0; i < json_object_array_length(shown); i++)
			print_silence(table, json_object_array_get_idx(shown, i));
		table_print(table);
		table_free(table);
	}
	json_object_put(shown);
	json_object_put(silences);
	return EXIT_OK;
}

static int
expire(
    const struct command *command, const struct silence_args *args, const struct arg_words *words)
{
	int code = EXIT_OK;

	if (words->n < 2)
		return args_usage_error(command, "which one? give its id (tocsin silence list)");
	for (uint32_t i = 1; i < words->n && code == EXIT_OK; i++) {
		struct buf path = { 0 };
		buf_puts(&path, "/api/v2/silence/");
		url_escape(&path, str_from(words->items[i]));
		code = remote_call(&args->remote, "DELETE", path.p, NULL, NULL);
		buf_fini(&path);
	}
	return code;
}

static int
run(const struct command *command, int argc, char **argv)
{
	const char *user = text_user();
	struct silence_args args = {
		.duration = "1h",
		.author = user[0] != '\0' ? user : "tocsin",
	};
	const struct arg_option options[] = {
		{ .name = "duration",
		    .letter = 'd',
		    .metavar = "DURATION",
		    .value = &args.duration,
		    .doc = "add: for how long (default 1h)" },
		{ .name = "comment",
		    .letter = 'c',
		    .metavar = "TEXT",
		    .value = &args.comment,
		    .doc = "add: why; required" },
		{ .name = "author",
		    .metavar = "NAME",
		    .value = &args.author,
		    .doc = "add: who (default: who runs this)" },
		{ .name = "start",
		    .metavar = "TIME",
		    .value = &args.start,
		    .doc = "add: RFC 3339 (default now)" },
		{ .name = "until-resolved",
		    .flag = &args.until_resolved,
		    .doc = "add: ends by itself when what it silences has ended" },
		{ .name = "expired", .flag = &args.expired, .doc = "list: expired ones too" },
		REMOTE_OPTIONS(args.remote),
		{ .name = NULL },
	};
	struct arg_words words;
	int stop;

	stop = remote_take(command, &args.remote, options, argc, argv, &words);
	if (stop != ARGS_GO_ON)
		return stop;
	const char *verb = words.n > 0 ? words.items[0] : "list";
	if (strcmp(verb, "add") == 0)
		return add(command, &args, &words);
	if (strcmp(verb, "list") == 0)
		return list(&args, &words);
	if (strcmp(verb, "expire") == 0)
		return expire(command, &args, &words);
	return args_usage_error(command, "'%s' is none of add, list, expire", verb);
}

const struct command cmd_silence = {
	.name = "silence",
	.summary = "Makes, lists and expires silences.",
	.usage = "silence add [OPTION...] MATCHER...\n"
		 "       tocsin silence list [OPTION...] [MATCHER...]\n"
		 "       tocsin silence expire ID...",
	.run = run,
};
