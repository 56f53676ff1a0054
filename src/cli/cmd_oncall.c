/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin oncall: who is on call, now and over the next weeks, and who stands in. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timestamp.h"
#include "cli/args.h"
#include "cli/remote.h"
#include "cli/table.h"
#include "cli/text.h"
#include "loop/clock.h"

#define WEEKS_MAX 52

struct oncall_args {
	struct remote remote;
	const char *weeks, *from, *until, *length, *by, *comment;
};

/* ---- who is on call ------------------------------------------------------------------ */

static void
print_turn(struct table *table, const char *schedule, json_object *turn)
{
	const char *user = member_text(turn, "user");

	table_row(table, (const char *const[]){
			     schedule,
			     user[0] != '\0' ? user : "(nobody)",
			     member_text(turn, "from"),
			     member_text(turn, "until"),
			     member_text(turn, "override")[0] != '\0' ? "stands in" : "",
			 });
}

static void
print_schedules(json_object *answer)
{
	static const char *const headers[] = { "SCHEDULE", "ON CALL", "FROM", "UNTIL", "" };
	json_object *schedules = member(answer, "schedules");
	size_t n = schedules != NULL ? json_object_array_length(schedules) : 0;
	struct table *table = table_new(headers, 5);

	for (size_t i = 0; i < n; i++) {
		json_object *schedule = json_object_array_get_idx(schedules, i);
		json_object *turns = member(schedule, "turns");

		for (size_t k = 0; turns != NULL && k < json_object_array_length(turns); k++)
			print_turn(table, member_text(schedule, "schedule"),
			    json_object_array_get_idx(turns, k));
	}
	table_print(table);
	table_free(table);
}

static int
show(const struct command *command, const struct oncall_args *args, const struct arg_words *words)
{
	struct buf path = { 0 };
	int64_t weeks = 0;
	int code;

	if (args->weeks != NULL &&
	    (!str_to_i64(str_from(args->weeks), &weeks) || weeks < 1 || weeks > WEEKS_MAX))
		return args_usage_error(command, "--weeks is a number from 1 to %d", WEEKS_MAX);
	buf_puts(&path, "/api/tocsin/v1/oncall");
	if (words->n > 0)
		remote_add_param(&path, "schedule", words->items[0]);
	if (weeks > 0) {
		char until[TIMESTAMP_TEXT_MAX];

		timestamp_format_ms(wall_add(clock_wall(), DUR_S(weeks * 7 * 86400)), until);
		remote_add_param(&path, "until", until);
	}
	code = remote_show(&args->remote, path.p, print_schedules);
	buf_fini(&path);
	return code;
}

/* ---- stand-ins ---------------------------------------------------------------------------- */

static void
print_overrides(json_object *answer)
{
	static const char *const headers[] = { "ID", "SCHEDULE", "USER", "FROM", "UNTIL", "BY",
		"COMMENT" };
	json_object *list = member(answer, "overrides");
	struct table *table = table_new(headers, 7);
	size_t n = list != NULL ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++) {
		json_object *one = json_object_array_get_idx(list, i);

		table_row(table, (const char *const[]){
				     member_text(one, "id"),
				     member_text(one, "schedule"),
				     member_text(one, "user"),
				     member_text(one, "from"),
				     member_text(one, "until"),
				     member_text(one, "by"),
				     member_text(one, "comment"),
				 });
	}
	table_print(table);
	table_free(table);
}

static void
add_text(json_object *body, const char *name, const char *text)
{
	if (text != NULL && text[0] != '\0')
		json_object_object_add(body, name, json_object_new_string(text));
}

static int
override_add(
    const struct command *command, const struct oncall_args *args, const struct arg_words *words)
{
	json_object *body, *answer = NULL;
	int code;

	if (words->n != 4)
		return args_usage_error(command,
		    "who stands in where? e.g. tocsin oncall override add ml-primary bob --for 8h");
	if ((args->length != NULL) == (args->until != NULL))
		return args_usage_error(command, "until when? give --for or --until");
	body = json_object_new_object();
	add_text(body, "schedule", words->items[2]);
	add_text(body, "user", words->items[3]);
	add_text(body, "from", args->from);
	add_text(body, "until", args->until);
	add_text(body, "for", args->length);
	add_text(body, "by", args->by);
	add_text(body, "comment", args->comment);
	code = remote_call(&args->remote, "POST", "/api/tocsin/v1/overrides", body, &answer);
	if (code == EXIT_OK && remote_wants_json(&args->remote))
		remote_print_json(answer);
	else if (code == EXIT_OK)
		puts(member_text(answer, "id"));
	json_object_put(answer);
	json_object_put(body);
	return code;
}

static int
override_remove(
    const struct command *command, const struct oncall_args *args, const struct arg_words *words)
{
	int code = EXIT_OK;

	if (words->n < 3)
		return args_usage_error(
		    command, "which one? give its id (tocsin oncall override list)");
	for (uint32_t i = 2; i < words->n && code == EXIT_OK; i++) {
		struct buf path = { 0 };

		buf_printf(&path, "/api/tocsin/v1/overrides/%s", words->items[i]);
		code = remote_call(&args->remote, "DELETE", path.p, NULL, NULL);
		buf_fini(&path);
	}
	return code;
}

static int
override(const struct command *command, const struct oncall_args *args,
    const struct arg_words *words)
{
	const char *verb = words->n > 1 ? words->items[1] : "list";

	if (strcmp(verb, "list") == 0)
		return remote_show(&args->remote, "/api/tocsin/v1/overrides", print_overrides);
	if (strcmp(verb, "add") == 0)
		return override_add(command, args, words);
	if (strcmp(verb, "remove") == 0)
		return override_remove(command, args, words);
	return args_usage_error(command, "'%s' is none of list, add, remove", verb);
}

static int
run(const struct command *command, int argc, char **argv)
{
	struct oncall_args args = { .by = text_user() };
	const struct arg_option options[] = {
		{ .name = "weeks",
		    .metavar = "N",
		    .value = &args.weeks,
		    .doc = "and every change over so many weeks" },
		{ .name = "for",
		    .metavar = "DURATION",
		    .value = &args.length,
		    .doc = "override add: for how long" },
		{ .name = "from",
		    .metavar = "TIME",
		    .value = &args.from,
		    .doc = "override add: RFC 3339 (default now)" },
		{ .name = "until",
		    .metavar = "TIME",
		    .value = &args.until,
		    .doc = "override add: RFC 3339, in place of --for" },
		{ .name = "by",
		    .metavar = "NAME",
		    .value = &args.by,
		    .doc = "override add: who enters it (default: who runs this)" },
		{ .name = "comment",
		    .letter = 'c',
		    .metavar = "TEXT",
		    .value = &args.comment,
		    .doc = "override add: why" },
		REMOTE_OPTIONS(args.remote),
		{ .name = NULL },
	};
	struct arg_words words;
	int stop;

	stop = remote_take(command, &args.remote, options, argc, argv, &words);
	if (stop != ARGS_GO_ON)
		return stop;
	if (words.n > 0 && strcmp(words.items[0], "override") == 0)
		return override(command, &args, &words);
	return show(command, &args, &words);
}

const struct command cmd_oncall = {
	.name = "oncall",
	.summary = "Shows who is on call, and lets people stand in.",
	.usage = "oncall [OPTION...] [SCHEDULE]\n"
		 "       tocsin oncall override list\n"
		 "       tocsin oncall override add [OPTION...] SCHEDULE USER\n"
		 "       tocsin oncall override remove ID...",
	.run = run,
};
