/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buttons that people press under Slack's messages.
 *
 * Slack posts a form whose field `payload` is JSON, signed over its bytes and
 * a time: v0=HMAC-SHA-256 of "v0:TIME:BODY".  What is older than five minutes,
 * or has been taken before (trigger_id), is refused.  Answered as soon as the
 * change is durable, well within Slack's three seconds; the message then
 * changes by a delivery like any other.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json_object.h>
#include <json-c/json_tokener.h>

#include "api/audit.h"
#include "api/callback.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mac.h"
#include "base/xalloc.h"
#include "net/xfer.h"
#include "receiver/slack_message.h"

#define WINDOW DUR_S(300)
#define SNOOZE DUR_S(3600)

/* ---- the proof --------------------------------------------------------------------------- */

struct proof {
	const char *time, *signature;
	struct str body;
};

static bool
is_signed(const void *arg, struct str secret)
{
	const struct proof *proof = arg;
	uint8_t want[MAC_BYTES], got[MAC_BYTES];
	struct str signature = str_from(proof->signature);
	struct mac mac;

	mac_init(&mac, secret.p, secret.n);
	mac_put(&mac, "v0:", 3);
	mac_put(&mac, proof->time, strlen(proof->time));
	mac_put(&mac, ":", 1);
	mac_put(&mac, proof->body.p, proof->body.n);
	mac_end(&mac, want);
	return str_starts(signature, STR("v0=")) &&
	       mac_from_hex(signature.p + 3, signature.n - 3, got) &&
	       mac_same(want, got, sizeof(want));
}

static bool
is_recent(const char *time, wall_t now)
{
	int64_t seconds, age;

	if (!str_to_i64(str_from(time), &seconds) || seconds <= 0 ||
	    seconds > INT64_MAX / 1000000000)
		return false;
	age = now.ns / 1000000000 - seconds;
	return age <= WINDOW.ns / 1000000000 && age >= -(WINDOW.ns / 1000000000);
}

/* ---- what was pressed ---------------------------------------------------------------------- */

struct press {
	const char *type, *trigger, *id, *user, *action, *value, *response_url;
};

static bool
read_press(json_object *payload, struct press *ret)
{
	json_object *user = callback_member(payload, "user"),
		    *actions = callback_member(payload, "actions");
	json_object *first = NULL;

	if (actions != NULL && json_object_is_type(actions, json_type_array) &&
	    json_object_array_length(actions) > 0)
		first = json_object_array_get_idx(actions, 0);
	*ret = (struct press){
		.type = callback_text(payload, "type"),
		.trigger = callback_text(payload, "trigger_id"),
		.response_url = callback_text(payload, "response_url"),
		.id = callback_text(user, "id"),
		.user = callback_text(user, "username"),
		.action = callback_text(first, "action_id"),
		.value = callback_text(first, "value"),
	};
	if (ret->value[0] == '\0') /* of a choice, not a button */
		ret->value = callback_text(callback_member(first, "selected_option"), "value");
	if (ret->user[0] == '\0')
		ret->user = callback_text(user, "name");
	if (ret->user[0] == '\0')
		ret->user = ret->id;
	return strcmp(ret->type, "block_actions") == 0 && ret->trigger[0] != '\0' &&
	       ret->user[0] != '\0' && ret->action[0] != '\0';
}

static json_object *
parse_payload(const char *text)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
	json_object *object = json_tokener_parse_ex(tokener, text, (int)strlen(text) + 1);

	json_tokener_free(tokener);
	return object;
}

/* ---- what it does ---------------------------------------------------------------------------- */

static int
act(const struct press *press, struct incident *incident, const char *by, wall_t now,
    struct err *err)
{
	struct incident_action action = {
		.by = by, .comment = "", .source = "slack", .until = WALL_NONE
	};

	if (strcmp(press->action, SLACK_ACK) == 0)
		return incident_acknowledge(incident, &action, now, err);
	if (strcmp(press->action, SLACK_UNACK) == 0)
		return incident_unacknowledge(incident, &action, now, err);
	if (strcmp(press->action, SLACK_SNOOZE) == 0) {
		action.until = wall_add(now, SNOOZE);
		return incident_snooze(incident, &action, now, err);
	}
	return err_set(err, ERR_INVALID, "no button of ours: '%s'", press->action);
}

/* ---- what is said of it --------------------------------------------------------------------- */

/* Slack shows what is sent to the press's response_url to who pressed it, and to nobody else. */
struct word {
	struct store_waiter waiter; /* what it says is durable first */
	struct xfer *xfer;
	struct xfer_request *request;
	struct xfer_lane lane;
	struct config *config; /* of its reach */
};

static void
word_free(struct word *word)
{
	xfer_request_free(word->request);
	config_unref(word->config);
	free(word);
}

static void
on_said(struct xfer_request *request UNUSED, const struct xfer_response *response, void *arg)
{
	struct word *word = arg;

	if (response->failure != ERR_NONE || response->status / 100 != 2)
		log_warn("slack", "what became of a press could not be said in Slack",
		    LOG_INT("status", response->status),
		    LOG_Z(
			"err", response->failure != ERR_NONE ? response->failure_text : "refused"));
	word_free(word);
}

static void
on_durable(void *arg, bool ok)
{
	struct word *word = arg;

	if (ok)
		xfer_submit(word->xfer, &word->lane, word->request, on_said, word);
	else
		word_free(word);
}

/* Slack's own, or one of the server that the app posts to. */
static bool
is_theirs(const struct slack_settings *slack, struct str url)
{
	struct str app = str_from(slack->app_url != NULL ? slack->app_url : "");
	const char *host = app.n > 8 ? memchr(app.p + 8, '/', app.n - 8) : NULL;

	return str_starts(url, STR("https://hooks.slack.com/")) ||
	       (host != NULL && str_starts(url, str_make(app.p, (size_t)(host - app.p) + 1)));
}

static void
say_why(struct api *api, const struct slack_settings *slack, const struct press *press,
    const struct buf *body)
{
	struct str url = str_from(press->response_url);
	struct xfer_request *request;
	struct word *word;

	if (api->state->xfer == NULL || url.n > SLACK_URL_BYTES_MAX || !message_url_is_good(url) ||
	    !is_theirs(slack, url))
		return;
	word = xcalloc(1, sizeof(*word));
	word->config = config_ref(api->state->config);
	xfer_lane_init(&word->lane, 1);
	request = xfer_request_new(XFER_HTTP);
	request->method = "POST";
	request->content_type = "application/json";
	buf_put_str(&request->url, url);
	buf_put_str(&request->body, buf_str(body));
	request->reach = &word->config->reach;
	request->timeout = DUR_S(10);
	request->response_bytes_max = 64u << 10;
	word->xfer = api->state->xfer;
	word->request = request;
	word->waiter = (struct store_waiter){ .fn = on_durable, .arg = word };
	store_wait(api->state->store, &word->waiter);
}

/* type: "ephemeral", for who pressed alone; or "in_channel". */
static void
put_word(struct buf *body, const char *type, struct str text)
{
	buf_printf(body, "{\"response_type\":\"%s\",\"replace_original\":false,", type);
	put_text_member(body, "text", text);
	buf_puts(body, "}\n");
}

/* "42 4h": the incident's number, and what was chosen. */
static struct incident *
find_incident(const struct api *api, struct str value, struct str *ret_choice)
{
	const char *space = memchr(value.p, ' ', value.n);
	int64_t number;

	*ret_choice = STR("");
	if (space != NULL) {
		uint32_t n = (uint32_t)(space - value.p);

		*ret_choice = str_make(space + 1, value.n - n - 1);
		value.n = n;
	}
	return str_to_i64(value, &number) && number > 0
		   ? incidents_find(api->state->incidents, number)
		   : NULL;
}

static void
apply(struct api *api, const struct press *press, struct buf *body)
{
	struct buf by = { 0 }, said = { 0 };
	struct incident *incident;
	struct err err = { 0 };
	struct str choice;

	if (strcmp(press->action, SLACK_RUNBOOK) == 0)
		return; /* it opened a page */
	buf_puts(&by, "slack:");
	buf_put_str(&by, str_head(str_from(press->user), 200));
	incident = find_incident(api, str_from(press->value), &choice);
	if (incident == NULL)
		err_set(&err, ERR_NOT_FOUND, "there is no such incident, or it ended long ago");
	else if (strcmp(press->action, SLACK_SILENCE) == 0)
		(void)slack_silence(api, incident, choice, by.p, &said, &err);
	else if (act(press, incident, by.p, loop_now(api->state->loop), &err) == 0)
		audit_note_as(api->state, by.p, "slack", "incident.button", str_from(press->value),
		    "%s, user %s", press->action, press->id);
	if (err.code != ERR_NONE)
		put_word(body, "ephemeral", str_from(err.text));
	else if (said.n > 0)
		put_word(body, "in_channel", buf_str(&said));
	buf_fini(&by);
	buf_fini(&said);
}

static void
take(struct api *api, struct http_call *call, const struct slack_settings *slack,
    const struct press *press)
{
	struct buf key = { 0 }, body = { 0 };
	wall_t now = loop_now(api->state->loop);

	buf_puts(&key, "slack:");
	buf_put_str(&key, str_head(str_from(press->trigger), RECEIPT_KEY_MAX - 8));
	switch (receipts_take(api->state->receipts, buf_str(&key), wall_add(now, DUR_S(600)))) {
	case RECEIPT_TAKEN:
		apply(api, press, &body);
		if (body.n > 0)
			say_why(api, slack, press, &body);
		reply_durable(api, call, 200, body.n > 0 ? &body : NULL);
		break;
	case RECEIPT_USED:
		callback_refuse(api, call, "slack", 409, "it has been taken before");
		break;
	case RECEIPT_REFUSED:
		callback_refuse(api, call, "slack", 503, "too many in these minutes");
		break;
	}
	buf_fini(&key);
	buf_fini(&body);
}

/* Whose app it is; NULL: answered. */
static const struct slack_settings *
proven(struct api *api, struct http_call *call)
{
	const char *time = http_header_value(call, "X-Slack-Request-Timestamp"),
		   *signature = http_header_value(call, "X-Slack-Signature");
	const struct proof proof = { time != NULL ? time : "", signature != NULL ? signature : "",
		http_body(call) };
	const struct integration_config *signer;
	bool any;

	if (proof.body.n > CALLBACK_BODY_MAX) {
		callback_refuse(api, call, "slack", 413, "the body is too large");
		return NULL;
	}
	signer = callback_signer(api, "slack", is_signed, &proof, &any);
	if (signer == NULL)
		callback_refuse(api, call, "slack", 401,
		    any ? "the signature fits no signing_secret"
			: "no slack_configs has a signing_secret");
	else if (!is_recent(proof.time, loop_now(api->state->loop)))
		callback_refuse(
		    api, call, "slack", 401, "it is older than five minutes, or a clock is wrong");
	else
		return signer->settings;
	return NULL;
}

void
api_slack_interactive_post(struct api *api, struct http_call *call, struct str id UNUSED)
{
	const char *text;
	json_object *payload;
	const struct slack_settings *slack;
	struct press press;

	if (refused_by_store(api, call))
		return;
	slack = proven(api, call);
	if (slack == NULL)
		return;
	text = http_param(call, "payload", 0);
	payload = text != NULL ? parse_payload(text) : NULL;
	if (payload != NULL && read_press(payload, &press))
		take(api, call, slack, &press);
	else
		reply_code(call, 400, 400,
		    "payload: block_actions with trigger_id, user and an action are wanted");
	json_object_put(payload);
}
