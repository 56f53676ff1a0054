/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people do in PagerDuty, told by its v3 webhooks.
 *
 *   incident.acknowledged               acknowledges the incident here
 *   incident.unacknowledged, .reopened  takes that back
 *   incident.resolved                   by somebody: ends it here by hand, as
 *                                       the API does
 *   others                              are taken note of by their sender only
 *
 * The incident is found by its dedup key, the hash of the group's key.  A
 * webhook is signed over its body and carries no time in what is signed, so
 * each event counts once by its id, and none that is older than EVENT_AGE_MAX:
 * PagerDuty repeats for two days at most.  What happened before the last
 * change here came late and changes nothing.  What our own events did there
 * comes back with the integration as its agent, and is passed over.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json_object.h>

#include "api/audit.h"
#include "api/callback.h"
#include "base/hash.h"
#include "base/mac.h"
#include "base/timestamp.h"

#define ID_PREFIX "pagerduty:"
/* A receipt holds it; PagerDuty's have 26 characters. */
#define ID_BYTES_MAX    (RECEIPT_KEY_MAX - sizeof(ID_PREFIX))
#define SIGNATURES_MAX  8 /* in one header: more than one while a secret is replaced */
#define EVENT_AGE_MAX   DUR_S(3 * 86400)
#define EVENT_AHEAD_MAX DUR_S(3600)
#define INCIDENTS_MAX   16 /* of one key */
/* Two clocks: what people do within so long has no order. */
#define CLOCKS_DIFFER  DUR_S(5)

#define ACKNOWLEDGED   "incident.acknowledged"
#define UNACKNOWLEDGED "incident.unacknowledged"
#define REOPENED       "incident.reopened"
#define RESOLVED       "incident.resolved"

struct proof {
	const char *signatures; /* v1=HEX,v1=HEX */
	struct str body;
};

static bool
is_signed(const void *arg, struct str secret)
{
	const struct proof *proof = arg;
	struct str rest = str_from(proof->signatures), one;
	uint8_t want[MAC_BYTES], got[MAC_BYTES];
	struct mac mac;
	bool ok = false;

	mac_init(&mac, secret.p, secret.n);
	mac_put(&mac, proof->body.p, proof->body.n);
	mac_end(&mac, want);
	for (int i = 0; i < SIGNATURES_MAX && rest.n > 0; i++) {
		const char *comma = memchr(rest.p, ',', rest.n);
		size_t n = comma != NULL ? (size_t)(comma - rest.p) : rest.n;

		one = str_trim(str_make(rest.p, n));
		rest = comma != NULL ? str_make(comma + 1, rest.n - n - 1) : STR("");
		if (str_starts(one, STR("v1=")) && mac_from_hex(one.p + 3, one.n - 3, got))
			ok |= mac_same(want, got, sizeof(want));
	}
	return ok;
}

/* ---- the event -------------------------------------------------------------------------- */

struct event {
	const char *id, *type, *agent_type, *agent, *key;
	wall_t at;
};

/* PagerDuty resolves by itself what is open for long: that is no word of anybody's. */
static bool
is_nobodys(const struct event *event)
{
	return event->agent[0] == '\0' && strcmp(event->type, RESOLVED) == 0;
}

/* What it points to is the object's. */
static bool
read_event(json_object *body, struct event *ret)
{
	json_object *event = callback_member(body, "event"),
		    *agent = callback_member(event, "agent"),
		    *data = callback_member(event, "data");

	*ret = (struct event){
		.id = callback_text(event, "id"),
		.type = callback_text(event, "event_type"),
		.agent_type = callback_text(agent, "type"),
		.agent = callback_text(agent, "summary"),
		.key = callback_text(data, "incident_key"),
	};
	if (ret->agent[0] == '\0')
		ret->agent = callback_text(agent, "id");
	return ret->id[0] != '\0' && strlen(ret->id) <= ID_BYTES_MAX && ret->type[0] != '\0' &&
	       timestamp_parse(str_from(callback_text(event, "occurred_at")), &ret->at);
}

/*
 * Those that PagerDuty knows by this key: of routes with the same matchers there may be several.
 * One that has ended may still be known beside the one that took its group's key.
 */
static uint32_t
incidents_with(const struct api *api, const char *dedup_key, struct incident *ret[INCIDENTS_MAX])
{
	struct incident *incident, *ended = NULL;
	char hex[65];
	uint32_t n = 0;

	for (size_t it = 0; (incident = incidents_next(api->state->incidents, &it)) != NULL;) {
		sha256_hex(incident->key, strlen(incident->key), hex);
		if (strcmp(hex, dedup_key) != 0)
			continue;
		if (incident->state == INCIDENT_RESOLVED)
			ended = incident;
		else if (n < INCIDENTS_MAX)
			ret[n++] = incident;
	}
	if (n == 0 && ended != NULL)
		ret[n++] = ended;
	return n;
}

/* The others change nothing here; most of what PagerDuty tells is of them. */
static bool
changes_something(const struct event *event)
{
	static const char *const types[] = { ACKNOWLEDGED, UNACKNOWLEDGED, REOPENED, RESOLVED };

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(event->type, types[i]) == 0)
			return true;
	return false;
}

/* By an Events API integration: by us. */
static bool
is_our_own(const struct event *event)
{
	struct str type = str_from(event->agent_type);

	return str_ends(type, STR("integration_reference")) || str_is(type, "service_reference");
}

static bool
came_late(const struct event *event, const struct incident *incident)
{
	return incident->work != NULL && wall_is_set(incident->work->changed_at) &&
	       wall_before(wall_add(event->at, CLOCKS_DIFFER), incident->work->changed_at);
}

/* ---- what it does --------------------------------------------------------------------------- */

static int
act(const struct event *event, struct incident *incident, const char *by, wall_t now,
    struct err *err)
{
	const struct incident_action action = {
		.by = by,
		.comment = "",
		.source = "pagerduty",
		.until = WALL_NONE,
	};

	if (strcmp(event->type, ACKNOWLEDGED) == 0)
		return incident_acknowledge(incident, &action, now, err);
	if (strcmp(event->type, RESOLVED) == 0)
		return incident_resolve(incident, &action, now, err);
	return incident_unacknowledge(incident, &action, now, err);
}

/* Why nothing was done to it; NULL: it was. */
static const char *
apply_to(struct api *api, const struct event *event, struct incident *incident, const char *by,
    struct err *err)
{
	char number[24];

	if (came_late(event, incident))
		return "it came late: something else has been done since";
	if (act(event, incident, by, loop_now(api->state->loop), err) < 0)
		return err->text;
	snprintf(number, sizeof(number), "%lld", (long long)incident->id);
	audit_note_as(
	    api->state, by, "pagerduty", event->type, str_from(number), "event %s", event->id);
	return NULL;
}

/* Why nothing was done at all; NULL: something was. */
static const char *
apply(struct api *api, const struct event *event, struct err *err)
{
	struct incident *incidents[INCIDENTS_MAX];
	const char *why = "no incident here has this key";
	struct buf by = { 0 };
	uint32_t n, done = 0;

	if (is_nobodys(event))
		return "nobody resolved it";
	n = incidents_with(api, event->key, incidents);
	buf_puts(&by, "pagerduty:");
	buf_put_str(&by, str_head(str_from(event->agent), 200));
	for (uint32_t i = 0; i < n; i++) {
		const char *not_done = apply_to(api, event, incidents[i], by.p, err);

		if (not_done == NULL)
			done++;
		else
			why = not_done;
	}
	buf_fini(&by);
	return done > 0 ? NULL : why;
}

/* 202 in any case, since another answer makes PagerDuty send it again. */
static void
answer(struct api *api, struct http_call *call, const char *not_done)
{
	struct buf body = { 0 };

	buf_puts(&body, not_done == NULL ? "{\"done\":true}\n" : "{\"done\":false,");
	if (not_done != NULL) {
		put_text_member(&body, "why", str_from(not_done));
		buf_puts(&body, "}\n");
	}
	reply_durable(api, call, 202, &body);
	buf_fini(&body);
}

static void
take(struct api *api, struct http_call *call, const struct event *event)
{
	struct buf key = { 0 };
	wall_t now = loop_now(api->state->loop);
	struct err err = { 0 };
	const char *not_done;

	if (!changes_something(event) || is_our_own(event)) {
		answer(api, call,
		    is_our_own(event) ? "our own event did it"
				      : "not one that changes anything here");
		return;
	}
	buf_printf(&key, ID_PREFIX "%s", event->id);
	if (dur_less(EVENT_AGE_MAX, wall_since(now, event->at)) ||
	    dur_less(EVENT_AHEAD_MAX, wall_since(event->at, now))) {
		callback_refuse(api, call, "pagerduty", 400, "the event is not of these days");
	} else {
		switch (receipts_take(api->state->receipts, buf_str(&key),
		    wall_add(wall_add(event->at, EVENT_AGE_MAX), EVENT_AHEAD_MAX))) {
		case RECEIPT_TAKEN:
			not_done = apply(api, event, &err);
			if (not_done != NULL)
				callback_note(api, call, "pagerduty", not_done);
			answer(api, call, not_done);
			break;
		case RECEIPT_USED:
			callback_note(api, call, "pagerduty", "it has been taken before");
			answer(api, call, "it has been taken before");
			break;
		case RECEIPT_REFUSED:
			callback_refuse(
			    api, call, "pagerduty", 503, "too many events in these days");
			break;
		}
	}
	buf_fini(&key);
}

void
api_pagerduty_webhook_post(struct api *api, struct http_call *call, struct str id UNUSED)
{
	const char *signatures = http_header_value(call, "X-PagerDuty-Signature");
	const struct proof proof = { signatures != NULL ? signatures : "", http_body(call) };
	json_object *body;
	struct event event;
	bool any;

	if (refused_by_store(api, call))
		return;
	if (proof.body.n > CALLBACK_BODY_MAX) {
		callback_refuse(api, call, "pagerduty", 413, "the body is too large");
		return;
	}
	if (callback_signer(api, "pagerduty", is_signed, &proof, &any) == NULL) {
		callback_refuse(api, call, "pagerduty", 401,
		    any ? "the signature fits no webhook_secret"
			: "no pagerduty_configs has a webhook_secret");
		return;
	}
	body = body_object(call, "event");
	if (body == NULL)
		return;
	if (read_event(body, &event))
		take(api, call, &event);
	else
		reply_code(call, 400, 400, "event: id, event_type and occurred_at are wanted");
	json_object_put(body);
}
