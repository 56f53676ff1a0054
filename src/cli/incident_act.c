/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/incident_act.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"
#include "cli/text.h"
#include "loop/clock.h"
#include "net/xfer.h"

#define FINGERPRINT_DIGITS 16

void
act_args_init(struct act_args *args)
{
	const char *user = getenv("USER");

	*args = (struct act_args){ .by = user != NULL ? user : "" };
}

bool
act_is_verb(const char *word)
{
	static const char *const verbs[] = { "ack", "unack", "snooze", "resolve" };

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(word, verbs[i]) == 0)
			return true;
	}
	return false;
}

/* ---- shown --------------------------------------------------------------------- */

/* "step 2 of 3 at 12:00", "until ...", or nothing. */
static void
put_next(struct buf *out, json_object *incident)
{
	const char *until = member_text(incident, "until");
	json_object *step = member(incident, "nextStep");

	if (json_object_get_boolean(member(incident, "exhausted")))
		buf_puts(out, "exhausted");
	else if (until[0] != '\0')
		buf_printf(out, "until %s", until);
	else if (step != NULL)
		buf_printf(out, "step %s of %s at %s", json_object_get_string(step),
		    member_text(incident, "steps"), member_text(incident, "nextAt"));
}

static void
print_incident(struct table *table, json_object *incident)
{
	struct buf labels = { 0 }, since = { 0 }, next = { 0 };
	static const char *const skip[] = { NULL };

	text_put_labels(&labels, member(incident, "labels"), skip);
	text_put_ago(&since, member_text(incident, "openedAt"), clock_wall());
	put_next(&next, incident);
	table_row(table, (const char *const[]){
			     member_text(incident, "id"),
			     member_text(incident, "state"),
			     member_text(incident, "severity"),
			     since.p != NULL ? since.p : "",
			     member_text(incident, "alerts"),
			     labels.p != NULL ? labels.p : "",
			     member_text(incident, "by"),
			     next.p != NULL ? next.p : "",
			 });
	buf_fini(&labels);
	buf_fini(&since);
	buf_fini(&next);
}

void
incidents_print(json_object *answer)
{
	static const char *const headers[] = { "ID", "STATE", "SEVERITY", "SINCE", "ALERTS",
		"GROUP", "BY", "NEXT" };
	json_object *incidents = member(answer, "incidents");
	size_t n = incidents != NULL ? json_object_array_length(incidents) : 0;
	struct table *table = table_new(headers, 8);

	for (size_t i = 0; i < n; i++)
		print_incident(table, json_object_array_get_idx(incidents, i));
	table_print(table);
	table_free(table);
}

/* ---- done ------------------------------------------------------------------------- */

int
act_post(const struct remote *remote, const struct act_args *args, const char *path,
    const char *verb)
{
	json_object *body = json_object_new_object(), *answer = NULL;
	struct buf whole = { 0 };
	int code;

	if (args->by[0] != '\0')
		json_object_object_add(body, "by", json_object_new_string(args->by));
	if (args->comment != NULL)
		json_object_object_add(body, "comment", json_object_new_string(args->comment));
	if (args->length != NULL)
		json_object_object_add(body, "for", json_object_new_string(args->length));
	buf_printf(&whole, "%s/%s", path, verb);
	code = remote_call(remote, "POST", whole.p, body, &answer);
	if (code == EXIT_OK && remote_wants_json(remote))
		remote_print_json(answer);
	else if (code == EXIT_OK)
		incidents_print(answer);
	buf_fini(&whole);
	json_object_put(answer);
	json_object_put(body);
	return code;
}

static int
act_on_alert(const struct remote *remote, const struct act_args *args, const char *fingerprint,
    const char *verb)
{
	struct buf path = { 0 };
	int code;

	buf_puts(&path, "/api/tocsin/v1/alerts/");
	url_escape(&path, str_from(fingerprint));
	code = act_post(remote, args, path.p, verb);
	buf_fini(&path);
	return code;
}

static bool
is_fingerprint(const char *word)
{
	return strlen(word) == FINGERPRINT_DIGITS &&
	       strspn(word, "0123456789abcdef") == FINGERPRINT_DIGITS;
}

/* A bare word is an alertname, as amtool has it. */
static void
add_filter(struct buf *path, const char *word)
{
	struct buf matcher = { 0 };

	if (strpbrk(word, "=~!") == NULL)
		buf_puts(&matcher, "alertname=");
	buf_puts(&matcher, word);
	remote_add_param(path, "filter", matcher.p);
	buf_fini(&matcher);
}

static int
act_on_matching(const struct remote *remote, const struct act_args *args,
    const struct arg_words *words, const char *verb)
{
	struct buf path = { 0 };
	json_object *alerts = NULL;
	int code;

	buf_puts(&path, "/api/v2/alerts");
	for (uint32_t i = 1; i < words->n; i++)
		add_filter(&path, words->items[i]);
	code = remote_call(remote, "GET", path.p, NULL, &alerts);
	buf_fini(&path);
	if (code == EXIT_OK && (alerts == NULL || json_object_array_length(alerts) == 0)) {
		fprintf(stderr, "tocsin alert %s: no alert fits\n", verb);
		code = EXIT_NO;
	}
	for (size_t i = 0;
	     code == EXIT_OK && alerts != NULL && i < json_object_array_length(alerts); i++)
		code = act_on_alert(remote, args,
		    member_text(json_object_array_get_idx(alerts, i), "fingerprint"), verb);
	json_object_put(alerts);
	return code;
}

int
alert_act(const struct command *command, const struct remote *remote,
    const struct act_args *args, const struct arg_words *words)
{
	const char *verb = words->items[0];
	int code = EXIT_OK;

	if (words->n < 2)
		return args_usage_error(command,
		    "which alert? give its fingerprint, or matchers (alertname=DiskFull)");
	if (strcmp(verb, "snooze") == 0 && args->length == NULL)
		return args_usage_error(command, "until when? e.g. --for 1h");
	if (!is_fingerprint(words->items[1]))
		return act_on_matching(remote, args, words, verb);
	for (uint32_t i = 1; i < words->n && code == EXIT_OK; i++)
		code = act_on_alert(remote, args, words->items[i], verb);
	return code;
}
