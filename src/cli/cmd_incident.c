/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin incident: what fires as one matter, who has it in hand, what happened. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "cli/incident_act.h"
#include "cli/table.h"
#include "cli/text.h"
#include "loop/clock.h"

struct incident_args {
	struct remote remote;
	struct act_args act;
	const char *state, *limit;
	struct arg_list severities;
};

static void
print_list(const struct incident_args *args, json_object *answer)
{
	json_object *incidents = member(answer, "incidents");
	size_t n = incidents != NULL ? json_object_array_length(incidents) : 0;
	int64_t limit;

	incidents_print(answer);
	if (str_to_i64(str_from(args->limit), &limit) && n > 0 && n == (size_t)limit)
		printf("\nThese are the newest %zu; a larger --limit shows more.\n", n);
}

static int
list(const struct incident_args *args, const struct arg_words *words)
{
	struct buf path = { 0 };
	json_object *answer = NULL;
	int code;

	buf_puts(&path, "/api/tocsin/v1/incidents");
	remote_add_param(&path, "state", args->state);
	remote_add_param(&path, "limit", args->limit);
	for (uint32_t i = 0; i < args->severities.n; i++)
		remote_add_param(&path, "severity", args->severities.items[i]);
	for (uint32_t i = 1; i < words->n; i++)
		remote_add_param(&path, "filter", words->items[i]);
	code = remote_call(&args->remote, "GET", path.p, NULL, &answer);
	if (code == EXIT_OK && remote_wants_json(&args->remote))
		remote_print_json(answer);
	else if (code == EXIT_OK)
		print_list(args, answer);
	json_object_put(answer);
	buf_fini(&path);
	return code;
}

/* ---- one --------------------------------------------------------------------------- */

static void
print_field(const char *name, const char *value)
{
	struct buf plain = { 0 };

	if (value[0] == '\0')
		return;
	text_put_plain(&plain, value);
	printf("%-12s %s\n", name, plain.p);
	buf_fini(&plain);
}

static void
print_next(json_object *incident)
{
	struct buf next = { 0 };

	if (strcmp(member_text(incident, "state"), "open") != 0)
		return;
	if (json_object_get_boolean(member(incident, "exhausted")))
		buf_puts(&next, "none: all were taken, and nobody acknowledged");
	else if (member_text(incident, "nextStep")[0] != '\0')
		buf_printf(&next, "%s of %s at %s", member_text(incident, "nextStep"),
		    member_text(incident, "steps"), member_text(incident, "nextAt"));
	else if (member_text(incident, "nextAt")[0] != '\0')
		buf_printf(&next, "the first again, or the end, at %s",
		    member_text(incident, "nextAt"));
	print_field("next step", buf_str(&next).p);
	buf_fini(&next);
}

static void
print_head(json_object *incident)
{
	static const char *const skip[] = { NULL };
	struct buf labels = { 0 };

	text_put_labels(&labels, member(incident, "labels"), skip);
	print_field("incident", member_text(incident, "id"));
	print_field("state", member_text(incident, "state"));
	print_field("severity", member_text(incident, "severity"));
	print_field("group", labels.p != NULL ? labels.p : "");
	print_field("opened", member_text(incident, "openedAt"));
	print_field("resolved", member_text(incident, "resolvedAt"));
	print_field("by", member_text(incident, "by"));
	print_field("comment", member_text(incident, "comment"));
	print_field("until", member_text(incident, "until"));
	print_field("policy", member_text(incident, "policy"));
	print_next(incident);
	print_field("runbook", member_text(incident, "runbook"));
	buf_fini(&labels);
}

static void
print_alerts(json_object *alerts)
{
	static const char *const headers[] = { "ALERT", "STATE", "SINCE", "LABELS" };
	static const char *const skip[] = { "alertname", NULL };
	size_t n = alerts != NULL ? json_object_array_length(alerts) : 0;
	struct table *table = table_new(headers, 4);

	for (size_t i = 0; i < n; i++) {
		json_object *alert = json_object_array_get_idx(alerts, i);
		struct buf labels = { 0 }, since = { 0 };

		text_put_labels(&labels, member(alert, "labels"), skip);
		text_put_ago(&since, member_text(alert, "startsAt"), clock_wall());
		table_row(table, (const char *const[]){
				     member_text(member(alert, "labels"), "alertname"),
				     json_object_get_boolean(member(alert, "firing")) ? "firing"
										      : "resolved",
				     since.p != NULL ? since.p : "",
				     labels.p != NULL ? labels.p : "",
				 });
		buf_fini(&labels);
		buf_fini(&since);
	}
	if (n > 0) {
		putchar('\n');
		table_print(table);
	}
	table_free(table);
}

static void
print_receivers(json_object *receivers)
{
	static const char *const headers[] = { "RECEIVER", "TOLD", "DELIVERY", "STATE", "DUE",
		"ERROR" };
	size_t n = receivers != NULL ? json_object_array_length(receivers) : 0;
	struct table *table = table_new(headers, 6);

	for (size_t i = 0; i < n; i++) {
		json_object *receiver = json_object_array_get_idx(receivers, i);

		table_row(table, (const char *const[]){
				     member_text(receiver, "target"),
				     member_text(receiver, "toldAt"),
				     member_text(receiver, "delivery"),
				     member_text(receiver, "deliveryState"),
				     member_text(receiver, "dueAt"),
				     member_text(receiver, "error"),
				 });
	}
	if (n > 0) {
		putchar('\n');
		table_print(table);
	}
	table_free(table);
}

/* Which incident it is of is known. */
static const char *
without_number(const char *detail)
{
	const char *colon = strchr(detail, ':');

	return strncmp(detail, "incident ", 9) == 0 && colon != NULL && colon[1] == ' '
		   ? colon + 2
		   : detail;
}

/* Oldest first, as a story is told. */
static void
print_timeline(json_object *events)
{
	static const char *const headers[] = { "AT", "WHAT", "DETAIL" };
	size_t n = events != NULL ? json_object_array_length(events) : 0;
	struct table *table = table_new(headers, 3);

	for (size_t i = n; i-- > 0;) {
		json_object *event = json_object_array_get_idx(events, i);
		struct buf detail = { 0 };

		text_put_detail(&detail, event);
		table_row(table, (const char *const[]){
				     member_text(event, "at"),
				     member_text(event, "kind"),
				     without_number(buf_str(&detail).p),
				 });
		buf_fini(&detail);
	}
	if (n > 0) {
		putchar('\n');
		table_print(table);
	}
	table_free(table);
}

static void
print_incident(json_object *answer)
{
	print_head(member(answer, "incident"));
	print_alerts(member(answer, "alerts"));
	print_receivers(member(answer, "receivers"));
	print_timeline(member(answer, "timeline"));
}

static int
show(const struct command *command, const struct incident_args *args, const struct arg_words *words)
{
	struct buf path = { 0 };
	int code;

	if (words->n != 2)
		return args_usage_error(
		    command, "which one? give its number (tocsin incident list)");
	buf_printf(&path, "/api/tocsin/v1/incidents/%s", words->items[1]);
	code = remote_show(&args->remote, path.p, print_incident);
	buf_fini(&path);
	return code;
}

static int
run(const struct command *command, int argc, char **argv)
{
	struct incident_args args = { .state = "active", .limit = "100" };
	const struct arg_option options[] = {
		{ .name = "state",
		    .metavar = "STATE",
		    .value = &args.state,
		    .doc = "list: active (default), open, acknowledged, snoozed, ..., all" },
		{ .name = "severity",
		    .metavar = "WORD",
		    .many = &args.severities,
		    .doc = "list: only these; repeatable" },
		{ .name = "limit",
		    .metavar = "N",
		    .value = &args.limit,
		    .doc = "list: at most so many (default 100)" },
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
	if (strcmp(verb, "show") == 0)
		return show(command, &args, &words);
	if (act_is_verb(verb))
		return incident_act(command, &args.remote, &args.act, &words);
	return args_usage_error(
	    command, "'%s' is none of list, show, ack, unack, snooze, resolve", verb);
}

const struct command cmd_incident = {
	.name = "incident",
	.summary = "Lists incidents, shows one, acknowledges, snoozes or ends them.",
	.usage = "incident list [OPTION...] [MATCHER...]\n"
		 "       tocsin incident show ID\n"
		 "       tocsin incident ack|unack|snooze|resolve [OPTION...] ID...",
	.run = run,
};
