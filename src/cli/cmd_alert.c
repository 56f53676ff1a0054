/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin alert: what fires and why, and raising one by hand. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/timestamp.h"
#include "cli/alert_explain.h"
#include "cli/args.h"
#include "cli/incident_act.h"
#include "cli/remote.h"
#include "cli/table.h"
#include "cli/text.h"
#include "loop/clock.h"

struct alert_args {
	struct remote remote;
	struct act_args act;
	bool silenced, inhibited;
	const char *start, *end, *generator;
	struct arg_list annotations;
};

static void
print_alert(struct table *table, json_object *alert)
{
	static const char *const skip[] = { "alertname", "severity", NULL };
	json_object *labels = member(alert, "labels"), *annotations = member(alert, "annotations");
	struct buf rest = { 0 }, since = { 0 };
	const char *summary = member_text(annotations, "summary");

	text_put_labels(&rest, labels, skip);
	text_put_ago(&since, member_text(alert, "startsAt"), clock_wall());
	table_row(table, (const char *const[]){
			     member_text(member(alert, "status"), "state"),
			     member_text(labels, "severity"),
			     member_text(labels, "alertname"),
			     buf_str(&since).p,
			     buf_str(&rest).p,
			     summary,
			 });
	buf_fini(&rest);
	buf_fini(&since);
}

static void
print_alerts(json_object *alerts)
{
	static const char *const headers[] = { "STATE", "SEVERITY", "ALERT", "SINCE", "LABELS",
		"SUMMARY" };
	struct table *table = table_new(headers, 6);
	size_t n = alerts != NULL ? json_object_array_length(alerts) : 0;

	for (size_t i = 0; i < n; i++)
		print_alert(table, json_object_array_get_idx(alerts, i));
	table_print(table);
	table_free(table);
}

static int
list(const struct alert_args *args, const struct arg_words *words)
{
	struct buf path = { 0 };

	buf_printf(&path, "/api/v2/alerts?active=true&silenced=%s&inhibited=%s",
	    args->silenced ? "true" : "false", args->inhibited ? "true" : "false");
	for (uint32_t i = 1; i < words->n; i++)
		remote_add_param(&path, "filter", words->items[i]);
	int code = remote_show(&args->remote, path.p, print_alerts);
	buf_fini(&path);
	return code;
}

/* "name=value" into object; false when there is no '='. */
static bool
add_pair(json_object *object, const char *text)
{
	const char *equals = strchr(text, '=');
	char name[256];

	if (equals == NULL || equals == text || (size_t)(equals - text) >= sizeof(name))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(equals - text), text);
	json_object_object_add(object, name, json_object_new_string(equals + 1));
	return true;
}

/* The first word may be the alert's name alone. NULL when a word is not understood. */
static json_object *
labels_of(const struct arg_words *words)
{
	json_object *labels = json_object_new_object();

	for (uint32_t i = 1; i < words->n; i++) {
		const char *word = words->items[i];
		if (i == 1 && strchr(word, '=') == NULL) {
			json_object_object_add(labels, "alertname", json_object_new_string(word));
		} else if (!add_pair(labels, word)) {
			fprintf(
			    stderr, "tocsin alert add: '%s' is no label: give name=value\n", word);
			json_object_put(labels);
			return NULL;
		}
	}
	return labels;
}

static int
add_time(json_object *alert, const char *name, const char *text)
{
	char formatted[TIMESTAMP_TEXT_MAX];
	wall_t t;

	if (text == NULL)
		return 0;
	if (text_parse_time(text, clock_wall(), &t) < 0)
		return -1;
	json_object_object_add(
	    alert, name, json_object_new_string(timestamp_format_ns(t, formatted)));
	return 0;
}

static int
add(const struct command *command, const struct alert_args *args, const struct arg_words *words)
{
	json_object *labels = words->n > 1 ? labels_of(words) : NULL;
	json_object *annotations = json_object_new_object();
	json_object *alert = json_object_new_object(), *body = json_object_new_array();
	int code = EXIT_USAGE;

	json_object_array_add(body, alert);
	json_object_object_add(alert, "annotations", annotations);
	if (labels != NULL)
		json_object_object_add(alert, "labels", labels);
	for (uint32_t i = 0; i < args->annotations.n; i++)
		if (!add_pair(annotations, args->annotations.items[i])) {
			args_usage_error(command, "--annotation=%s: give name=value",
			    args->annotations.items[i]);
			goto out;
		}
	if (labels == NULL) {
		if (words->n <= 1)
			args_usage_error(
			    command, "which alert? e.g. tocsin alert add DiskFull host=a1");
		goto out;
	}
	if (args->generator != NULL)
		json_object_object_add(
		    alert, "generatorURL", json_object_new_string(args->generator));
	if (add_time(alert, "startsAt", args->start) == 0 &&
	    add_time(alert, "endsAt", args->end) == 0)
		code = remote_call(&args->remote, "POST", "/api/v2/alerts", body, NULL);
out:
	json_object_put(body);
	return code;
}

static int
run(const struct command *command, int argc, char **argv)
{
	struct alert_args args = { 0 };
	const struct arg_option options[] = {
		{ .name = "silenced", .flag = &args.silenced, .doc = "list: silenced ones too" },
		{ .name = "inhibited", .flag = &args.inhibited, .doc = "list: inhibited ones too" },
		{ .name = "annotation",
		    .metavar = "NAME=VALUE",
		    .many = &args.annotations,
		    .doc = "add: repeatable" },
		{ .name = "start",
		    .metavar = "TIME",
		    .value = &args.start,
		    .doc = "add: RFC 3339, or 5m for five minutes ago (default now)" },
		{ .name = "end",
		    .metavar = "TIME",
		    .value = &args.end,
		    .doc = "add: a past end resolves (default: resolve_timeout from now)" },
		{ .name = "generator-url",
		    .metavar = "URL",
		    .value = &args.generator,
		    .doc = "add: where the alert comes from" },
		ACT_OPTIONS(args.act),
		REMOTE_OPTIONS(args.remote),
		{ .name = NULL },
	};
	struct arg_words words;
	int stop;

	act_args_init(&args.act);

	stop = remote_take(command, &args.remote, options, argc, argv, &words);
	if (stop != ARGS_GO_ON)
		return stop;
	const char *verb = words.n > 0 ? words.items[0] : "list";
	if (strcmp(verb, "list") == 0)
		return list(&args, &words);
	if (strcmp(verb, "add") == 0)
		return add(command, &args, &words);
	if (strcmp(verb, "explain") == 0)
		return alert_explain(command, &args.remote, &words);
	if (act_is_verb(verb) && strcmp(verb, "resolve") != 0)
		return alert_act(command, &args.remote, &args.act, &words);
	return args_usage_error(
	    command, "'%s' is none of list, add, explain, ack, unack, snooze", verb);
}

const struct command cmd_alert = {
	.name = "alert",
	.summary = "Lists alerts, acknowledges or explains one, or adds one by hand.",
	.usage = "alert list [OPTION...] [MATCHER...]\n"
		 "       tocsin alert explain [OPTION...] FINGERPRINT|NAME [MATCHER...]\n"
		 "       tocsin alert ack|unack|snooze [OPTION...] FINGERPRINT|MATCHER...\n"
		 "       tocsin alert add [OPTION...] NAME [LABEL=VALUE...]",
	.run = run,
};
