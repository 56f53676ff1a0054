/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/incident_act.h"

#include <stdio.h>
#include <string.h>

#include "cli/table.h"
#include "cli/text.h"
#include "loop/clock.h"
#include "net/xfer.h"

#define FINGERPRINT_DIGITS 16
#define INCIDENTS_PATH	   "/api/tocsin/v1/incidents"
#define PAGE		   1000   /* incidents in one listing */
#define ACTED_MAX	   100000 /* by one command */

void
act_args_init(struct act_args *args)
{
	*args = (struct act_args){ .by = text_user() };
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

	if (json_object_get_boolean(member(incident, "exhausted")) &&
	    strcmp(member_text(incident, "state"), "open") == 0)
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

/* What is done to several, and what became of them. */
struct deed {
	const struct remote *remote;
	const struct act_args *args;
	const char *verb;
	json_object *incidents; /* as they are afterwards, each once */
	json_object *known;     /* by their ids: there may be ACTED_MAX of them */
	int code;               /* of the first that went wrong */
};

static void
keep(struct deed *deed, json_object *answer)
{
	json_object *incidents = member(answer, "incidents");
	size_t n = incidents != NULL ? json_object_array_length(incidents) : 0;

	for (size_t i = 0; i < n; i++) {
		json_object *incident = json_object_array_get_idx(incidents, i);
		const char *id = member_text(incident, "id");

		if (json_object_object_get_ex(deed->known, id, NULL))
			continue;
		json_object_object_add(deed->known, id, NULL);
		json_object_array_add(deed->incidents, json_object_get(incident));
	}
}

static void
add_text(json_object *body, const char *name, const char *text)
{
	if (text != NULL && text[0] != '\0')
		json_object_object_add(body, name, json_object_new_string(text));
}

/* POST to PREFIX/ID/VERB. One that cannot be done keeps none of the others from it. */
static void
post(struct deed *deed, const char *prefix, const char *id)
{
	json_object *body = json_object_new_object(), *answer = NULL;
	struct buf path = { 0 };
	int code;

	add_text(body, "by", deed->args->by);
	add_text(body, "comment", deed->args->comment);
	add_text(body, "for", deed->args->length);
	add_text(body, "until", deed->args->until);
	buf_puts(&path, prefix);
	url_escape(&path, str_from(id));
	buf_printf(&path, "/%s", deed->verb);
	code = remote_call(deed->remote, "POST", path.p, body, &answer);
	if (code == EXIT_OK)
		keep(deed, answer);
	else if (deed->code == EXIT_OK)
		deed->code = code;
	buf_fini(&path);
	json_object_put(answer);
	json_object_put(body);
}

static void
deed_begin(struct deed *deed, const struct remote *remote, const struct act_args *args,
    const char *verb)
{
	*deed = (struct deed){ .remote = remote, .args = args, .verb = verb };
	deed->incidents = json_object_new_array();
	deed->known = json_object_new_object();
}

static int
deed_end(struct deed *deed)
{
	json_object *all = json_object_new_object();

	json_object_object_add(all, "incidents", deed->incidents);
	if (remote_wants_json(deed->remote))
		remote_print_json(all);
	else if (json_object_array_length(deed->incidents) > 0)
		incidents_print(all);
	json_object_put(all);
	json_object_put(deed->known);
	return deed->code;
}

static int
check_times(const struct command *command, const struct act_args *args, const char *verb)
{
	if (args->length != NULL && args->until != NULL)
		return args_usage_error(command, "give --for or --until, not both");
	if (strcmp(verb, "snooze") == 0 && args->length == NULL && args->until == NULL)
		return args_usage_error(command, "until when? e.g. --for 1h");
	return EXIT_OK;
}

int
incident_act(const struct command *command, const struct remote *remote,
    const struct act_args *args, const struct arg_words *words)
{
	const char *verb = words->items[0];
	struct deed deed;
	int code;

	if (words->n < 2)
		return args_usage_error(
		    command, "which one? give its number (tocsin incident list)");
	if ((code = check_times(command, args, verb)) != EXIT_OK)
		return code;
	deed_begin(&deed, remote, args, verb);
	for (uint32_t i = 1; i < words->n && deed.code != EXIT_UNREACHABLE; i++)
		post(&deed, INCIDENTS_PATH "/", words->items[i]);
	return deed_end(&deed);
}

/* ---- by alerts ------------------------------------------------------------------------ */

static bool
is_fingerprint(const char *word)
{
	return strlen(word) == FINGERPRINT_DIGITS &&
	       strspn(word, "0123456789abcdef") == FINGERPRINT_DIGITS;
}

/* A bare word is an alertname, as amtool has it. */
static void
add_filters(struct buf *path, const struct arg_words *words)
{
	for (uint32_t i = 1; i < words->n; i++) {
		struct buf matcher = { 0 };

		if (strpbrk(words->items[i], "=~!") == NULL)
			buf_puts(&matcher, "alertname=");
		buf_puts(&matcher, words->items[i]);
		remote_add_param(path, "filter", matcher.p);
		buf_fini(&matcher);
	}
}

/* Why there is nothing to act on. */
static int
say_none(const struct remote *remote, const struct arg_words *words)
{
	json_object *alerts = NULL;
	struct buf path = { 0 };
	int code;

	buf_puts(&path, "/api/v2/alerts");
	add_filters(&path, words);
	code = remote_call(remote, "GET", path.p, NULL, &alerts);
	if (code == EXIT_OK)
		fprintf(stderr, "tocsin alert %s: %s\n", words->items[0],
		    alerts != NULL && json_object_array_length(alerts) > 0
			? "nobody was to be told of such an alert yet (tocsin why says more)"
			: "no alert fits");
	buf_fini(&path);
	json_object_put(alerts);
	return code == EXIT_OK ? EXIT_NO : code;
}

/* What is open has nothing to take back, unless that is all there is. */
static bool
is_for(const char *verb, json_object *incident, bool only_one)
{
	return only_one || strcmp(verb, "unack") != 0 ||
	       strcmp(member_text(incident, "state"), "open") != 0;
}

/* The ids of all incidents that fit, newest first, taken before anything is done to them. */
static int
find_all(const struct remote *remote, const struct arg_words *words, json_object *ret_ids)
{
	char before[24] = "";
	size_t n = PAGE;

	while (n == PAGE && json_object_array_length(ret_ids) < ACTED_MAX) {
		struct buf path = { 0 };
		json_object *answer = NULL, *incidents;
		int code;

		buf_printf(&path, INCIDENTS_PATH "?limit=%d", PAGE);
		if (before[0] != '\0')
			remote_add_param(&path, "before", before);
		add_filters(&path, words);
		code = remote_call(remote, "GET", path.p, NULL, &answer);
		buf_fini(&path);
		if (code != EXIT_OK)
			return code;
		incidents = member(answer, "incidents");
		n = incidents != NULL ? json_object_array_length(incidents) : 0;
		for (size_t i = 0; i < n; i++)
			json_object_array_add(ret_ids,
			    json_object_get(json_object_array_get_idx(incidents, i)));
		if (n > 0)
			snprintf(before, sizeof(before), "%s",
			    member_text(json_object_array_get_idx(incidents, n - 1), "id"));
		json_object_put(answer);
	}
	return EXIT_OK;
}

static int
act_on_matching(
    const struct remote *remote, const struct act_args *args, const struct arg_words *words)
{
	json_object *incidents = json_object_new_array();
	int code = find_all(remote, words, incidents);
	size_t n = json_object_array_length(incidents);
	struct deed deed;

	if (code == EXIT_OK && n == 0)
		code = say_none(remote, words);
	if (code != EXIT_OK) {
		json_object_put(incidents);
		return code;
	}
	deed_begin(&deed, remote, args, words->items[0]);
	for (size_t i = 0; i < n && deed.code != EXIT_UNREACHABLE; i++) {
		json_object *incident = json_object_array_get_idx(incidents, i);

		if (is_for(words->items[0], incident, n == 1))
			post(&deed, INCIDENTS_PATH "/", member_text(incident, "id"));
	}
	json_object_put(incidents);
	return deed_end(&deed);
}

int
alert_act(const struct command *command, const struct remote *remote,
    const struct act_args *args, const struct arg_words *words)
{
	const char *verb = words->items[0];
	struct deed deed;
	int code;

	if (words->n < 2)
		return args_usage_error(command,
		    "which alert? give its fingerprint, or matchers (alertname=DiskFull)");
	if ((code = check_times(command, args, verb)) != EXIT_OK)
		return code;
	if (!is_fingerprint(words->items[1]))
		return act_on_matching(remote, args, words);
	deed_begin(&deed, remote, args, verb);
	for (uint32_t i = 1; i < words->n && deed.code != EXIT_UNREACHABLE; i++)
		post(&deed, "/api/tocsin/v1/alerts/", words->items[i]);
	return deed_end(&deed);
}
