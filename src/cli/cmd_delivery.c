/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin delivery: what was sent to whom, what waits, what failed for good. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/remote.h"
#include "cli/table.h"
#include "cli/text.h"
#include "loop/clock.h"
#include "net/xfer.h"

struct delivery_args {
	struct remote remote;
	const char *state, *receiver, *limit;
};

static void
print_delivery(struct table *table, json_object *delivery)
{
	struct buf created = { 0 }, due = { 0 };
	const char *error = member_text(delivery, "error");

	text_put_ago(&created, member_text(delivery, "createdAt"), clock_wall());
	if (strcmp(member_text(delivery, "state"), "pending") == 0)
		text_put_ago(&due, member_text(delivery, "dueAt"), clock_wall());
	table_row(table, (const char *const[]){
			     member_text(delivery, "id"),
			     member_text(delivery, "state"),
			     member_text(delivery, "receiver"),
			     member_text(delivery, "integration"),
			     member_text(delivery, "attempts"),
			     buf_str(&created).p,
			     buf_str(&due).p,
			     member_text(delivery, "reason"),
			     member_text(delivery, "groupKey"),
			     error,
			 });
	buf_fini(&created);
	buf_fini(&due);
}

static void
print_deliveries(json_object *answer)
{
	static const char *const headers[] = { "ID", "STATE", "RECEIVER", "VIA", "TRIES", "CREATED",
		"NEXT TRY", "REASON", "GROUP", "ERROR" };
	json_object *deliveries = member(answer, "deliveries");
	struct table *table = table_new(headers, 10);
	size_t n = deliveries != NULL ? json_object_array_length(deliveries) : 0;

	while (n-- > 0)
		print_delivery(table, json_object_array_get_idx(deliveries, n));
	table_print(table);
	table_free(table);
}

static int
list(const struct delivery_args *args)
{
	struct buf path = { 0 };

	buf_puts(&path, "/api/tocsin/v1/deliveries");
	remote_add_param(&path, "limit", args->limit);
	if (args->state != NULL)
		remote_add_param(&path, "state", args->state);
	if (args->receiver != NULL)
		remote_add_param(&path, "receiver", args->receiver);
	int code = remote_show(&args->remote, path.p, print_deliveries);
	buf_fini(&path);
	return code;
}

/* Each by itself; the first that cannot be replayed ends it. */
static int
replay(const struct command *command, const struct delivery_args *args, struct arg_words *words)
{
	int code = EXIT_OK;

	if (words->n < 2)
		return args_usage_error(command, "give the ids of dead deliveries");
	for (uint32_t i = 1; i < words->n && code == EXIT_OK; i++) {
		json_object *answer = NULL;
		struct buf path = { 0 };

		buf_puts(&path, "/api/tocsin/v1/deliveries/");
		url_escape(&path, str_from(words->items[i]));
		buf_puts(&path, "/replay");
		code = remote_call(&args->remote, "POST", path.p, NULL, &answer);
		if (code == EXIT_OK && remote_wants_json(&args->remote))
			remote_print_json(answer);
		else if (code == EXIT_OK)
			printf("%s is on its way again as %s\n", words->items[i],
			    member_text(answer, "id"));
		json_object_put(answer);
		buf_fini(&path);
	}
	return code;
}

static int
run(const struct command *command, int argc, char **argv)
{
	struct delivery_args args = { .limit = "100" };
	const struct arg_option options[] = {
		{ .name = "state",
		    .metavar = "STATE",
		    .value = &args.state,
		    .doc = "pending, delivered, dead or cancelled" },
		{ .name = "receiver",
		    .metavar = "NAME",
		    .value = &args.receiver,
		    .doc = "of one receiver" },
		{ .name = "limit",
		    .metavar = "N",
		    .value = &args.limit,
		    .doc = "at most so many, the newest (default 100)" },
		REMOTE_OPTIONS(args.remote),
		{ .name = NULL },
	};
	struct arg_words words;
	int stop;

	stop = remote_take(command, &args.remote, options, argc, argv, &words);
	if (stop != ARGS_GO_ON)
		return stop;
	if (words.n > 0 && strcmp(words.items[0], "replay") == 0)
		return replay(command, &args, &words);
	if (words.n > 1 || (words.n == 1 && strcmp(words.items[0], "list") != 0))
		return args_usage_error(
		    command, "'%s' is not list or replay", words.items[words.n - 1]);
	return list(&args);
}

const struct command cmd_delivery = {
	.name = "delivery",
	.summary = "Deliveries: what was sent, what waits, what failed; sends the latter again.",
	.usage = "delivery list [OPTION...]\n"
		 "       tocsin delivery replay ID...",
	.run = run,
};
