/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slack: a message to an incoming webhook, or by an app's bot through
 * chat.postMessage.
 *
 * With update_message the place of the first message (channel and ts) is kept
 * for the group, and later ones change it by chat.update.  When that message
 * is gone or may no longer be changed, a new one takes its place.
 *
 * With a signing_secret messages carry buttons, and an incident is one thread:
 * what is new changes its first message and is a reply to it; that somebody
 * has acknowledged or snoozed it, or taken that back, changes the first
 * message alone.
 */
#include "config.h"

#include <stdio.h>

#include "base/json.h"
#include "receiver/draft.h"
#include "receiver/slack_message.h"
#include "receiver/types.h"

#define APP_URL     "https://slack.com/api/chat.postMessage"
#define POST        "chat.postMessage"
#define UPDATE      "chat.update"
#define FIELDS_MAX  50
#define ACTIONS_MAX 5 /* Slack's limit of one attachment */

/* ---- the request ------------------------------------------------------------------ */

static bool
keeps_place(const struct slack_settings *slack)
{
	return slack->update_message || slack->post_updates_to_thread || slack_has_buttons(slack);
}

/* "C024BE91L:1503435956.000247" */
static struct slack_place
place_of(const struct slack_settings *slack, struct str thread)
{
	const char *colon = memchr(thread.p, ':', thread.n);
	uint32_t n;

	if (!keeps_place(slack) || colon == NULL)
		return (struct slack_place){ STR(""), STR("") };
	n = (uint32_t)(colon - thread.p);
	return (struct slack_place){ str_make(thread.p, n), str_make(colon + 1, thread.n - n - 1) };
}

/* The first message is changed, then what is new is a reply to it. */
static bool
is_in_two_steps(const struct slack_settings *slack, const struct notification *n)
{
	if (place_of(slack, n->thread).ts.n == 0 || n->kind == NOTIFICATION_ACKNOWLEDGED)
		return false;
	return slack->update_message ? slack->post_updates_to_thread : slack_has_buttons(slack);
}

static enum slack_way
way_of(const struct slack_settings *slack, const struct notification *n)
{
	if (place_of(slack, n->thread).ts.n == 0)
		return SLACK_POST;
	if (is_in_two_steps(slack, n))
		return n->step > 0 ? SLACK_REPLY : SLACK_UPDATE;
	/* Nothing changes the first message: what is new is but a reply. */
	if (n->kind != NOTIFICATION_ACKNOWLEDGED && !slack->update_message &&
	    slack->post_updates_to_thread)
		return SLACK_REPLY;
	return SLACK_UPDATE;
}

static bool
is_app(const struct slack_settings *slack)
{
	return secret_is_set(&slack->app_token);
}

/* The URL, and the app's token in a header. */
static int
put_address(struct draft *d, const struct slack_settings *slack, struct xfer_request *request,
    struct err *err)
{
	struct str text = STR("");
	int rc;

	if (!is_app(slack)) {
		rc = draft_secret(d, &slack->api_url, "Slack API URL", &text, err);
		buf_put_str(&request->url, text);
		return rc;
	}
	rc = draft_secret(d, &slack->app_token, "Slack app token", &text, err);
	if (rc < 0)
		return rc;
	draft_header(
	    request, d->arena, "Authorization", arena_printf(d->arena, "Bearer %s", text.p));
	buf_puts(&request->url, slack->app_url);
	return 0;
}

static int
slack_render(const void *settings, const struct notification *n, struct arena *arena,
    struct xfer_request *request, struct err *err)
{
	const struct slack_settings *slack = settings;
	struct slack_place place = place_of(slack, n->thread);
	struct draft d = draft_new(n, arena, &request->body);
	enum slack_way way = way_of(slack, n);
	bool is_api;
	int rc;

	draft_post(request, &slack->common);
	request->timeout = slack->timeout;
	rc = put_address(&d, slack, request, err);
	draft_fini(&d);
	if (rc < 0)
		return rc;
	is_api = str_ends(buf_str(&request->url), STR("/" POST));
	if (is_api)
		request->content_type = "application/json; charset=utf-8";
	if (!is_api)
		way = SLACK_POST;
	if (way == SLACK_UPDATE) {
		request->url.n -= sizeof(POST) - 1;
		buf_puts(&request->url, UPDATE);
	}
	slack_put_message(slack, n, way, place, &request->body);
	return 0;
}

/* ---- the answer ------------------------------------------------------------------- */

struct slack_answer {
	bool is_json, ok;
	struct str error, channel, ts;
};

static void
read_text(struct json_reader *r, struct str *ret)
{
	bool escaped;

	if (json_peek(r) == JSON_STRING)
		json_read_raw(r, ret, &escaped);
	else
		json_skip(r);
}

static struct slack_answer
read_answer(struct str body)
{
	struct slack_answer answer = { false, false, STR(""), STR(""), STR("") };
	struct json_reader r;
	struct str key;

	body = str_trim(body);
	if (body.n == 0 || body.p[0] != '{') {
		answer.ok = str_is(body, "ok");
		answer.error = body;
		return answer;
	}
	answer.is_json = true;
	json_reader_init(&r, body);
	json_enter(&r, JSON_OBJECT);
	while (json_next_key(&r, &key)) {
		if (str_is(key, "ok") && json_peek(&r) == JSON_BOOL)
			json_read_bool(&r, &answer.ok);
		else if (str_is(key, "error"))
			read_text(&r, &answer.error);
		else if (str_is(key, "channel"))
			read_text(&r, &answer.channel);
		else if (str_is(key, "ts"))
			read_text(&r, &answer.ts);
		else
			json_skip(&r);
	}
	if (!json_finish(&r))
		answer = (struct slack_answer){ true, false, body, STR(""), STR("") };
	return answer;
}

static bool
is_among(struct str error, const char *const *words)
{
	for (; *words != NULL; words++)
		if (str_is(error, *words))
			return true;
	return false;
}

/* Errors that pass; of the rest another try gets the same answer. */
static const char *const passing[] = { "ratelimited", "rate_limited", "fatal_error",
	"internal_error", "service_unavailable", "request_timeout", "team_added_to_org",
	"rollup_error", NULL };

/* The message is gone, or may no longer be changed. */
static const char *const gone[] = { "message_not_found", "cant_update_message",
	"edit_window_closed", "channel_not_found", "is_archived", "thread_not_found", NULL };

static void
keep_place(const struct slack_settings *slack, const struct notification *n,
    const struct slack_answer *answer, struct verdict *verdict)
{
	/* The answer repeats the whole message. */
	if (answer->ts.n > 0)
		snprintf(verdict->text, sizeof(verdict->text), "status 200: ok");
	if (keeps_place(slack) && way_of(slack, n) != SLACK_REPLY && answer->ts.n > 0 &&
	    answer->channel.n > 0 &&
	    answer->channel.n + answer->ts.n + 2 <= sizeof(verdict->thread))
		snprintf(verdict->thread, sizeof(verdict->thread), "%.*s:%.*s",
		    STR_ARG(answer->channel), STR_ARG(answer->ts));
}

static struct verdict
verdict_of(const struct slack_settings *slack, const struct notification *n,
    const struct xfer_response *response)
{
	struct verdict verdict = message_classify_http(response);
	struct slack_answer answer;

	if (verdict.kind != DELIVERY_OK)
		return verdict;
	answer = read_answer(response->body);
	if (answer.ok) {
		keep_place(slack, n, &answer, &verdict);
		verdict.more = way_of(slack, n) == SLACK_UPDATE && is_in_two_steps(slack, n);
		return verdict;
	}
	verdict.kind = is_among(answer.error, passing) ? DELIVERY_RETRY : DELIVERY_REJECTED;
	verdict_say(&verdict, response->status,
	    answer.error.n > 0 ? answer.error
	    : answer.is_json   ? str_trim(response->body)
			       : STR("an empty answer instead of 'ok'"));
	if (place_of(slack, n->thread).ts.n > 0 && is_among(answer.error, gone)) {
		verdict.kind = DELIVERY_RETRY;
		verdict.thread_gone = true;
	}
	return verdict;
}

static struct verdict
slack_classify(
    const void *settings, const struct notification *n, const struct xfer_response *response)
{
	const struct slack_settings *slack = settings;
	struct verdict verdict = verdict_of(slack, n, response);

	if (!is_app(slack))
		draft_hide(&verdict, &slack->api_url);
	return verdict;
}

static bool
slack_hears_acknowledged(const void *settings)
{
	return slack_has_buttons(settings);
}

static const struct secret *
slack_signed_with(const void *settings)
{
	const struct slack_settings *slack = settings;

	return &slack->signing_secret;
}

/* ---- settings --------------------------------------------------------------------- */

/* What stands with the receiver wins; an app wins over a webhook. */
static void
choose_address(struct slack_settings *slack, const struct config_global *global)
{
	if (slack->app_url == NULL)
		slack->app_url = global->slack_app_url;
	if (slack->app_url == NULL)
		slack->app_url = APP_URL;
	if (is_app(slack) || secret_is_set(&slack->api_url))
		return;
	slack->app_token = global->slack_app_token;
	if (!is_app(slack))
		slack->api_url = global->slack_api_url;
}

/* Webhooks have no buttons; the global secret is not meant for them. */
static void
choose_signing_secret(struct slack_settings *slack, const struct config_global *global)
{
	if (is_app(slack) && !slack_has_buttons(slack))
		slack->signing_secret = global->slack_signing_secret;
}

static void
check_address(struct schema_context *ctx, const struct slack_settings *slack)
{
	struct pos pos = slack->common.pos;
	const char *url = is_app(slack) ? slack->app_url : slack->api_url.value;

	if (!is_app(slack) && !secret_is_set(&slack->api_url))
		diag_error(ctx->diag, pos,
		    "no Slack API URL: give api_url, app_token or "
		    "global.slack_api_url");
	else if (url != NULL && !message_url_is_good(str_from(url)))
		diag_error(ctx->diag, pos,
		    "the Slack API URL must begin with https:// and hold no "
		    "spaces");
	else if ((slack->update_message || slack->post_updates_to_thread) && url != NULL &&
		 !str_ends(str_from(url), STR("/" POST)))
		diag_error(ctx->diag, pos,
		    "'%s' needs an app: give app_token, or an "
		    "api_url that ends in /chat.postMessage",
		    slack->update_message ? "update_message" : "post_updates_to_thread");
	if (slack_has_buttons(slack) && !is_app(slack))
		diag_error(ctx->diag, pos,
		    "'signing_secret' is for buttons, and only an app has them: give app_token");
	if (is_app(slack) && slack->channel == NULL)
		diag_error(ctx->diag, pos, "an app needs to be told the 'channel'");
}

static void
slack_finish(struct schema_context *ctx, void *settings, const struct config_global *global)
{
	struct slack_settings *slack = settings;

	if (is_app(slack) && secret_is_set(&slack->api_url))
		diag_error(
		    ctx->diag, slack->common.pos, "'api_url' and 'app_token' exclude each other");
	choose_address(slack, global);
	choose_signing_secret(slack, global);
	check_address(ctx, slack);
	if (slack->fields.n > FIELDS_MAX)
		diag_error(
		    ctx->diag, slack->fields.pos[FIELDS_MAX], "more than %d fields", FIELDS_MAX);
	if (slack->actions.n > ACTIONS_MAX)
		diag_error(ctx->diag, slack->actions.pos[ACTIONS_MAX],
		    "more than %d actions; Slack refuses them", ACTIONS_MAX);
}

static void
check_action(struct schema_context *ctx, void *value, const struct yaml_node *node)
{
	const struct slack_action *action = value;

	if (action->url == NULL && action->name == NULL)
		diag_error(ctx->diag, node->pos, "an action needs 'url' or 'name'");
}

/* clang-format off */
static const struct schema_field field_fields[] = {
	TEMPLATE_ROW(slack_field, title, "title", FIELD_REQUIRED, "Heading."),
	TEMPLATE_ROW(slack_field, value, "value", FIELD_REQUIRED, "Text below it."),
	{ .name = "short", .kind = FIELD_CUSTOM, .custom = flag_read,
	    .json_schema = FLAG_JSON_SCHEMA,
	    .offset = offsetof(struct slack_field, short_),
	    .doc = "Stands beside another; as short_fields says when absent." },
};

static const struct schema schema_field = {
	.name = "slack_configs.fields",
	.doc = "A heading and a text.",
	.size = sizeof(struct slack_field),
	SCHEMA_FIELDS(field_fields),
};

static const struct schema_field confirm_fields[] = {
	TEMPLATE_ROW(slack_confirm, text, "text", FIELD_REQUIRED, "Question."),
	TEMPLATE_ROW(slack_confirm, title, "title", 0, "Heading."),
	TEMPLATE_ROW(slack_confirm, ok_text, "ok_text", 0, "Words for yes."),
	TEMPLATE_ROW(slack_confirm, dismiss_text, "dismiss_text", 0, "Words for no."),
};

static const struct schema schema_confirm = {
	.name = "slack_configs.actions.confirm",
	.doc = "Asked before the action is taken.",
	.size = sizeof(struct slack_confirm),
	SCHEMA_FIELDS(confirm_fields),
};

static const struct schema_field action_fields[] = {
	TEMPLATE_ROW(slack_action, type, "type", FIELD_REQUIRED, "\"button\"."),
	TEMPLATE_ROW(slack_action, text, "text", FIELD_REQUIRED, "Words on the button."),
	TEMPLATE_ROW(slack_action, url, "url", 0, "What the button opens."),
	TEMPLATE_ROW(slack_action, style, "style", 0, "\"primary\" or \"danger\"."),
	TEMPLATE_ROW(slack_action, name, "name", 0, "Name sent back to an app."),
	TEMPLATE_ROW(slack_action, value, "value", 0, "Value sent back to an app."),
	{ .name = "confirm", .kind = FIELD_SUB, .sub = &schema_confirm,
	    .offset = offsetof(struct slack_action, confirm),
	    .doc = "Asked before the action is taken." },
};

static const struct schema schema_action = {
	.name = "slack_configs.actions",
	.doc = "A button.",
	.size = sizeof(struct slack_action),
	SCHEMA_FIELDS(action_fields),
	.check = check_action,
};

#define OWN(member, text) TEMPLATE_ROW(slack_settings, member, #member, 0, text)
#define STOCK(member, name, text) STOCK_ROW(slack_settings, member, #member, name, text)

static const struct schema_field slack_fields[] = {
	INTEGRATION_FIELDS("false"),
	{ .name = "api_url", .kind = FIELD_SECRET,
	    .offset = offsetof(struct slack_settings, api_url),
	    .doc = "URL of the incoming webhook; else global.slack_api_url." },
	OWN(channel, "Channel or user to write to, where the webhook allows it."),
	STOCK(username, "slack.default.username", "Name shown as the sender; \"Tocsin\" when absent."),
	STOCK(color, "slack.default.color", "Colour of the bar; tells the severity when absent."),
	STOCK(title, "slack.default.title", "Heading; Alertmanager's subject when absent."),
	STOCK(title_link, "slack.default.titlelink", "What the heading opens."),
	STOCK(pretext, "slack.default.pretext", "Text above the attachment."),
	STOCK(text, "slack.default.text", "Body; each alert with its summary and labels when absent."),
	STOCK(fallback, "slack.default.fallback", "Text for clients that show no attachments."),
	STOCK(footer, "slack.default.footer", "Small print."),
	STOCK(callback_id, "slack.default.callbackid", "Sent back to an app with an action."),
	STOCK(icon_emoji, "slack.default.iconemoji", "Emoji shown as the sender."),
	STOCK(icon_url, "slack.default.iconurl", "Picture shown as the sender."),
	OWN(image_url, "Picture below the text."),
	OWN(thumb_url, "Small picture beside the text."),
	OWN(message_text, "Text of the message itself, above the attachment."),
	{ .name = "fields", .kind = FIELD_SUB_LIST, .sub = &schema_field,
	    .offset = offsetof(struct slack_settings, fields),
	    .doc = "Fields; severity, counts and runbook when absent." },
	{ .name = "short_fields", .kind = FIELD_BOOL, .fallback = "false",
	    .offset = offsetof(struct slack_settings, short_fields),
	    .doc = "Fields stand beside each other." },
	{ .name = "actions", .kind = FIELD_SUB_LIST, .sub = &schema_action,
	    .offset = offsetof(struct slack_settings, actions),
	    .doc = "Buttons, at most five." },
	{ .name = "link_names", .kind = FIELD_BOOL, .fallback = "false",
	    .offset = offsetof(struct slack_settings, link_names),
	    .doc = "Let @names in the text notify." },
	{ .name = "mrkdwn_in", .kind = FIELD_STRING_LIST,
	    .offset = offsetof(struct slack_settings, mrkdwn_in),
	    .doc = "Where Slack's markup counts: fallback, pretext and text when absent." },
	{ .name = "timeout", .kind = FIELD_DURATION, .flags = FIELD_GO_DURATION, .fallback = "0s",
	    .offset = offsetof(struct slack_settings, timeout),
	    .doc = "How long to wait for the answer; 0s: 30 seconds." },
	{ .name = "app_token", .kind = FIELD_SECRET,
	    .offset = offsetof(struct slack_settings, app_token),
	    .doc = "Token of an app's bot, in place of api_url; else global.slack_app_token." },
	{ .name = "app_url", .kind = FIELD_URL,
	    .offset = offsetof(struct slack_settings, app_url),
	    .doc = "Where the app posts; else global.slack_app_url." },
	{ .name = "signing_secret", .kind = FIELD_SECRET, .flags = FIELD_OURS,
	    .offset = offsetof(struct slack_settings, signing_secret),
	    .doc = "Signing secret of the app, else global.slack_signing_secret: messages of incidents carry the buttons Acknowledge and Snooze, and an "
		   "incident is one thread. The app's interactivity URL is /api/tocsin/v1/slack/interactive of this server." },
	{ .name = "post_updates_to_thread", .kind = FIELD_BOOL, .fallback = "false",
	    .offset = offsetof(struct slack_settings, post_updates_to_thread),
	    .doc = "What comes after the group's first message is a reply to it; for apps." },
	{ .name = "update_message", .kind = FIELD_BOOL, .fallback = "false",
	    .offset = offsetof(struct slack_settings, update_message),
	    .doc = "Change the group's message instead of sending another; for apps." },
};
/* clang-format on */

static const struct schema slack_schema = {
	.name = "slack_configs",
	.doc = "A message through an incoming webhook of Slack, or by an app.",
	.size = sizeof(struct slack_settings),
	SCHEMA_FIELDS(slack_fields),
	.pos_offset = offsetof(struct slack_settings, common.pos) + 1,
};

const struct integration_kind receiver_slack_kind = {
	.name = "slack",
	.schema = &slack_schema,
	.finish = slack_finish,
};

const struct receiver_ops receiver_slack = {
	.kind = &receiver_slack_kind,
	.render = slack_render,
	.classify = slack_classify,
	.hears_acknowledged = slack_hears_acknowledged,
	.shows_acknowledged = true,
	.signed_with = slack_signed_with,
};
