/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin rule: what is evaluated, how it stands, and when it was last looked at. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/timestamp.h"
#include "cli/args.h"
#include "cli/remote.h"
#include "cli/table.h"
#include "cli/text.h"
#include "loop/clock.h"

struct rule_args {
	struct remote remote;
	const char *group, *type, *state;
};

/* A rule that records has no state. */
static bool
is_wanted(const struct rule_args *args, json_object *rule)
{
	return args->state == NULL || strcmp(member_text(rule, "state"), args->state) == 0;
}

static void
print_rule(struct table *table, json_object *group, json_object *rule, wall_t now)
{
	const char *state = member_text(rule, "state"), *error = member_text(rule, "lastError");
	struct buf since = { 0 };

	text_put_ago(&since, member_text(rule, "lastEvaluation"), now);
	table_row(table, (const char *const[]){
			     member_text(rule, "name"),
			     state[0] != '\0' ? state : "recording",
			     member_text(rule, "health"),
			     since.n > 0 ? since.p : "never",
			     member_text(group, "name"),
			     member_text(rule, "source"),
			     error,
			 });
	buf_fini(&since);
}

static void
print_groups(const struct rule_args *args, json_object *groups)
{
	static const char *const headers[] = { "RULE", "STATE", "HEALTH", "EVALUATED", "GROUP",
		"SOURCE", "ERROR" };
	struct table *table = table_new(headers, 7);
	size_t n = groups != NULL ? json_object_array_length(groups) : 0;
	wall_t now = clock_wall();

	for (size_t g = 0; g < n; g++) {
		json_object *group = json_object_array_get_idx(groups, g);
		json_object *rules = member(group, "rules");
		size_t n_rules = rules != NULL ? json_object_array_length(rules) : 0;
		for (size_t r = 0; r < n_rules; r++) {
			json_object *rule = json_object_array_get_idx(rules, r);
			if (is_wanted(args, rule))
				print_rule(table, group, rule, now);
		}
	}
	table_print(table);
	table_free(table);
}

/* The rules in one list, each with its group's name and file. */
static void
print_json(const struct rule_args *args, json_object *groups)
{
	json_object *list = json_object_new_array();
	size_t n = groups != NULL ? json_object_array_length(groups) : 0;

	for (size_t g = 0; g < n; g++) {
		json_object *group = json_object_array_get_idx(groups, g);
		json_object *rules = member(group, "rules");
		size_t n_rules = rules != NULL ? json_object_array_length(rules) : 0;
		for (size_t r = 0; r < n_rules; r++) {
			json_object *rule = json_object_array_get_idx(rules, r);
			if (!is_wanted(args, rule))
				continue;
			json_object_object_add(
			    rule, "group", json_object_get(member(group, "name")));
			json_object_object_add(
			    rule, "file", json_object_get(member(group, "file")));
			json_object_array_add(list, json_object_get(rule));
		}
	}
	remote_print_json(list);
	json_object_put(list);
}

static int
list(const struct rule_args *args, const struct arg_words *words)
{
	json_object *answer = NULL;
	struct buf path = { 0 };

	buf_puts(&path, "/api/v1/rules?exclude_alerts=true");
	for (uint32_t i = 1; i < words->n; i++)
		remote_add_param(&path, "rule_name[]", words->items[i]);
	if (args->group != NULL)
		remote_add_param(&path, "rule_group[]", args->group);
	if (args->type != NULL)
		remote_add_param(&path, "type", args->type);
	int code = remote_call(&args->remote, "GET", path.p, NULL, &answer);
	json_object *groups = member(member(answer, "data"), "groups");
	if (code == EXIT_OK && !json_object_is_type(groups, json_type_array)) {
		fprintf(stderr, "tocsin rule list: %s gives no list of groups\n", args->remote.url);
		code = EXIT_NO;
	} else if (code == EXIT_OK && remote_wants_json(&args->remote)) {
		print_json(args, groups);
	} else if (code == EXIT_OK) {
		print_groups(args, groups);
	}
	json_object_put(answer);
	buf_fini(&path);
	return code;
}

static int
run(const struct command *command, int argc, char **argv)
{
	struct rule_args args = { 0 };
	const struct arg_option options[] = {
		{ .name = "group",
		    .metavar = "NAME",
		    .value = &args.group,
		    .doc = "only rules of this group" },
		{ .name = "type",
		    .metavar = "alert|record",
		    .value = &args.type,
		    .doc = "only rules that alert, or only those that record" },
		{ .name = "state",
		    .metavar = "STATE",
		    .value = &args.state,
		    .doc = "only those that are firing, pending or inactive" },
		REMOTE_OPTIONS(args.remote),
		{ .name = NULL },
	};
	struct arg_words words;
	int stop;

	stop = remote_take(command, &args.remote, options, argc, argv, &words);
	if (stop != ARGS_GO_ON)
		return stop;
	if (args.type != NULL && strcmp(args.type, "alert") != 0 &&
	    strcmp(args.type, "record") != 0)
		return args_usage_error(command, "--type=%s: give alert or record", args.type);
	const char *verb = words.n > 0 ? words.items[0] : "list";
	if (strcmp(verb, "list") == 0)
		return list(&args, &words);
	return args_usage_error(command, "'%s' is not list", verb);
}

const struct command cmd_rule = {
	.name = "rule",
	.summary = "Lists rules: how they stand, whether they work, when they were evaluated.",
	.usage = "rule list [OPTION...] [NAME...]",
	.run = run,
};
