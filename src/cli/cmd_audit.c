/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin audit: who changed what, newest last. */
#include "config.h"

#include <stdio.h>

#include "cli/args.h"
#include "cli/remote.h"
#include "cli/table.h"

struct audit_args {
	struct remote remote;
	const char *since, *limit, *actor, *action, *object;
};

static void
print_entries(json_object *answer)
{
	static const char *const headers[] = { "AT", "WHO", "FROM", "DID", "TO", "DETAIL" };
	json_object *entries = member(answer, "entries");
	struct table *table = table_new(headers, 6);
	size_t n = entries != NULL ? json_object_array_length(entries) : 0;

	while (n-- > 0) { /* the server gives the newest first; people read down to now */
		json_object *entry = json_object_array_get_idx(entries, n);

		table_row(table, (const char *const[]){
				     member_text(entry, "at"),
				     member_text(entry, "actor"),
				     member_text(entry, "source"),
				     member_text(entry, "action"),
				     member_text(entry, "object"),
				     member_text(entry, "detail"),
				 });
	}
	table_print(table);
	table_free(table);
}

static int
show(const struct audit_args *args)
{
	struct buf path = { 0 };

	if (remote_path_since(&path, "/api/tocsin/v1/audit", args->since) < 0)
		return EXIT_USAGE;
	remote_add_param(&path, "limit", args->limit);
	if (args->actor != NULL)
		remote_add_param(&path, "actor", args->actor);
	if (args->action != NULL)
		remote_add_param(&path, "action", args->action);
	if (args->object != NULL)
		remote_add_param(&path, "object", args->object);
	int code = remote_show(&args->remote, path.p, print_entries);
	buf_fini(&path);
	return code;
}

static int
run(const struct command *command, int argc, char **argv)
{
	struct audit_args args = { .since = "168h", .limit = "100" };
	const struct arg_option options[] = {
		{ .name = "since",
		    .metavar = "TIME",
		    .value = &args.since,
		    .doc = "RFC 3339, or 2h for the last two hours (default 168h)" },
		{ .name = "limit",
		    .metavar = "N",
		    .value = &args.limit,
		    .doc = "at most so many, the newest (default 100, at most 1000)" },
		{ .name = "actor",
		    .metavar = "NAME",
		    .value = &args.actor,
		    .doc = "only by this user, or token:NAME" },
		{ .name = "action",
		    .metavar = "ACTION",
		    .value = &args.action,
		    .doc = "only this, or all of a thing: silence.create, silence" },
		{ .name = "object",
		    .metavar = "OBJECT",
		    .value = &args.object,
		    .doc = "only to this: a silence's id, a receiver's name" },
		REMOTE_OPTIONS(args.remote),
		{ .name = NULL },
	};
	struct arg_words words;
	int stop;

	stop = remote_take(command, &args.remote, options, argc, argv, &words);
	if (stop != ARGS_GO_ON)
		return stop;
	if (words.n > 0)
		return args_usage_error(command, "'%s' is too much", words.items[0]);
	return show(&args);
}

const struct command cmd_audit = {
	.name = "audit",
	.summary = "Shows who changed what: silences, acknowledgements, reloads, failed logins.",
	.usage = "audit [OPTION...]",
	.run = run,
};
