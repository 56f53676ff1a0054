/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people do to incidents by HTTP: by number, or by an alert's fingerprint
 * to all incidents it is in.  Answered when it is durable.
 */
#include "config.h"

#include <stdio.h>

#include <json-c/json_object.h>

#include "api/audit.h"
#include "api/handlers.h"

#define INCIDENTS_MAX 64 /* of one alert */

typedef int act_fn(struct incident *incident, const struct incident_action *action, wall_t now,
    struct err *err);

struct act {
	const char *verb; /* of the audit log */
	act_fn *run;
	bool needs_until;
};

static const struct act act_ack = { "incident.ack", incident_acknowledge, false };
static const struct act act_unack = { "incident.unack", incident_unacknowledge, false };
static const struct act act_snooze = { "incident.snooze", incident_snooze, true };
static const struct act act_resolve = { "incident.resolve", incident_resolve, false };

/* ---- acts ----------------------------------------------------------------------------- */

/* What Slack, PagerDuty and mails say of people they know is not anybody's to say. */
static bool
is_reserved(const char *by)
{
	static const char *const ways[] = { "slack:", "pagerduty:", "email:", "token:" };

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		if (strncmp(by, ways[i], strlen(ways[i])) == 0)
			return true;
	}
	return false;
}

/* Whoever is logged in, else who they say they are. False: answered. */
static bool
read_action(struct api *api, struct http_call *call, json_object *object, const struct act *act,
    struct incident_action *ret)
{
	const char *by = body_text(call, object, "by");
	wall_t now = loop_now(api->state->loop);

	if (by == NULL)
		return false;
	if (is_reserved(by)) {
		reply_code(call, 400, 400,
		    "by: '%s' is what comes from there, say who you are without 'slack:', "
		    "'pagerduty:', 'email:' or 'token:'",
		    by);
		return false;
	}
	*ret = (struct incident_action){ .source = "api" };
	ret->by = http_actor(call)->name[0] != '\0' ? http_actor(call)->name
		  : by[0] != '\0'		    ? by
						    : "somebody";
	ret->comment = body_text(call, object, "comment");
	if (ret->comment == NULL || !body_until(call, object, now, &ret->until))
		return false;
	if (wall_is_set(ret->until) && !wall_before(now, ret->until)) {
		reply_code(call, 400, 400, "that time has passed");
		return false;
	}
	if (dur_less(INCIDENT_QUIET_MAX, wall_since(ret->until, now))) {
		reply_code(call, 400, 400,
		    "that is more than 30 days ahead: a silence is what can last so long");
		return false;
	}
	if (act->needs_until && !wall_is_set(ret->until)) {
		reply_code(call, 400, 400, "until when? give 'for' (1h) or 'until' (a time)");
		return false;
	}
	return true;
}

static void
put_all(struct api *api, struct incident *const *incidents, uint32_t n, struct buf *body)
{
	struct buf labels = { 0 };

	buf_puts(body, "{\"incidents\":[");
	for (uint32_t i = 0; i < n; i++) {
		struct incident_row row;

		incident_fill_row(incidents[i], &labels, &row);
		if (i > 0)
			buf_putc(body, ',');
		put_incident(api->state, &row, body);
	}
	buf_puts(body, "]}\n");
	buf_fini(&labels);
}

/* Done if it could be done to one of them. */
static void
act_on(struct api *api, struct http_call *call, const struct act *act,
    struct incident *const *incidents, uint32_t n, const struct incident_action *action)
{
	wall_t now = loop_now(api->state->loop);
	struct buf body = { 0 };
	struct err err = { 0 };
	uint32_t done = 0;

	for (uint32_t i = 0; i < n; i++) {
		char number[24];

		if (act->run(incidents[i], action, now, &err) < 0)
			continue;
		done++;
		snprintf(number, sizeof(number), "%lld", (long long)incidents[i]->id);
		audit_note(api->state, call, act->verb, str_from(number), "by %s%s%s", action->by,
		    action->comment[0] != '\0' ? ": " : "", action->comment);
	}
	if (done == 0) {
		reply_code(call, 409, 409, "%s", err.text);
		return;
	}
	put_all(api, incidents, n, &body);
	reply_durable(api, call, 200, &body);
	buf_fini(&body);
}

static void
act(struct api *api, struct http_call *call, const struct act *what,
    struct incident *const *incidents, uint32_t n)
{
	struct incident_action action;
	json_object *object;

	if (refused_by_store(api, call))
		return;
	object = body_object_or_none(call, "action");
	if (object != NULL && read_action(api, call, object, what, &action))
		act_on(api, call, what, incidents, n, &action);
	json_object_put(object);
}

/* ---- by number --------------------------------------------------------------------------- */

static void
act_by_id(struct api *api, struct http_call *call, struct str id, const struct act *what)
{
	struct incident *incident;
	int64_t number;

	if (!str_to_i64(id, &number) || number <= 0) {
		reply_code(call, 400, 400, "'%.*s' is no incident's number", STR_ARG(id));
		return;
	}
	incident = incidents_find(api->state->incidents, number);
	if (incident != NULL)
		act(api, call, what, &incident, 1);
	else
		reply_code(call, 404, 404, "there is no incident %lld, or it ended long ago",
		    (long long)number);
}

void
api_incident_ack_post(struct api *api, struct http_call *call, struct str id)
{
	act_by_id(api, call, id, &act_ack);
}

void
api_incident_unack_post(struct api *api, struct http_call *call, struct str id)
{
	act_by_id(api, call, id, &act_unack);
}

void
api_incident_snooze_post(struct api *api, struct http_call *call, struct str id)
{
	act_by_id(api, call, id, &act_snooze);
}

void
api_incident_resolve_post(struct api *api, struct http_call *call, struct str id)
{
	act_by_id(api, call, id, &act_resolve);
}

/* ---- by an alert's fingerprint ------------------------------------------------------------- */

static void
act_by_alert(struct api *api, struct http_call *call, struct str id, const struct act *what)
{
	struct incident *found[INCIDENTS_MAX];
	const struct alert *alert;
	uint64_t fingerprint;
	uint32_t n = 0;

	if (!fingerprint_from(id, &fingerprint)) {
		reply_code(call, 400, 400,
		    "'%.*s' is not a fingerprint: 16 digits of 0-9a-f, as alerts have them",
		    STR_ARG(id));
		return;
	}
	alert = alerts_by_fingerprint(api->state->alerts, fingerprint);
	for (uint32_t i = 0; alert != NULL && i < alert->n_groups && n < INCIDENTS_MAX; i++) {
		found[n] = incidents_of(api->state->incidents, alert_group(alert, i));
		n += found[n] != NULL;
	}
	if (n > 0)
		act(api, call, what, found, n);
	else if (alert == NULL)
		reply_code(call, 404, 404, "no alert has this fingerprint now");
	else
		reply_code(call, 404, 404,
		    "the alert is in no incident: nobody was to be told of it yet");
}

void
api_alert_ack_post(struct api *api, struct http_call *call, struct str id)
{
	act_by_alert(api, call, id, &act_ack);
}

void
api_alert_unack_post(struct api *api, struct http_call *call, struct str id)
{
	act_by_alert(api, call, id, &act_unack);
}

void
api_alert_snooze_post(struct api *api, struct http_call *call, struct str id)
{
	act_by_alert(api, call, id, &act_snooze);
}
