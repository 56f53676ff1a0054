/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin history: what happened, newest last. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/remote.h"
#include "cli/table.h"
#include "cli/text.h"

struct history_args {
	struct remote remote;
	const char *since, *limit, *kind;
};

/* Only a rule's own transitions have one; the others carry a zero. */
static bool
is_about_a_value(json_object *event)
{
	const char *kind = member_text(event, "kind");

	return strcmp(kind, "pending") == 0 || strcmp(kind, "firing") == 0 ||
	       strcmp(kind, "resolved") == 0;
}

static void
print_event(struct table *table, json_object *event)
{
	static const char *const skip[] = { "alertname", NULL };
	json_object *labels = member(event, "labels");
	const char *name = member_text(labels, "alertname");
	struct buf rest = { 0 }, detail = { 0 };

	text_put_labels(&rest, labels, skip);
	text_put_detail(&detail, event);
	table_row(table, (const char *const[]){
			     member_text(event, "at"),
			     member_text(event, "kind"),
			     name[0] != '\0' ? name : member_text(event, "subject"),
			     is_about_a_value(event) ? member_text(event, "value") : "",
			     buf_str(&rest).p,
			     buf_str(&detail).p,
			 });
	buf_fini(&rest);
	buf_fini(&detail);
}

static void
print_events(json_object *answer)
{
	static const char *const headers[] = { "AT", "EVENT", "OF", "VALUE", "LABELS", "DETAIL" };
	json_object *events = member(answer, "events");
	struct table *table = table_new(headers, 6);
	size_t n = events != NULL ? json_object_array_length(events) : 0;

	while (n-- > 0) /* the server gives the newest first; people read down to now */
		print_event(table, json_object_array_get_idx(events, n));
	table_print(table);
	table_free(table);
}

static int
show(const struct history_args *args, const struct arg_words *words)
{
	struct buf path = { 0 };

	if (remote_path_since(&path, "/api/tocsin/v1/history", args->since) < 0)
		return EXIT_USAGE;
	remote_add_param(&path, "limit", args->limit);
	if (args->kind != NULL)
		remote_add_param(&path, "kind", args->kind);
	for (uint32_t i = 0; i < words->n; i++)
		remote_add_param(&path, "filter", words->items[i]);
	int code = remote_show(&args->remote, path.p, print_events);
	buf_fini(&path);
	return code;
}

static int
run(const struct command *command, int argc, char **argv)
{
	struct history_args args = { .since = "24h", .limit = "100" };
	const struct arg_option options[] = {
		{ .name = "since",
		    .metavar = "TIME",
		    .value = &args.since,
		    .doc = "RFC 3339, or 2h for the last two hours (default 24h)" },
		{ .name = "limit",
		    .metavar = "N",
		    .value = &args.limit,
		    .doc = "at most so many, the newest (default 100, at most 1000)" },
		{ .name = "kind",
		    .metavar = "KIND",
		    .value = &args.kind,
		    .doc = "pending, firing, resolved, notified, dead, silenced, ..." },
		REMOTE_OPTIONS(args.remote),
		{ .name = NULL },
	};
	struct arg_words words;
	int stop;

	stop = remote_take(command, &args.remote, options, argc, argv, &words);
	if (stop != ARGS_GO_ON)
		return stop;
	return show(&args, &words);
}

const struct command cmd_history = {
	.name = "history",
	.summary = "Shows what happened: transitions, notifications, silences.",
	.usage = "history [OPTION...] [MATCHER...]",
	.run = run,
};
