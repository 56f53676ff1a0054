/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rocket.Chat: one message with one attachment, by a user's token.
 *
 * Title and title link are Alertmanager's; text, fields and colour are ours
 * where the configuration gives none.
 */
#include "config.h"

#include <string.h>

#include "receiver/attachment.h"
#include "receiver/types.h"

#define API_URL         "https://open.rocket.chat/"
#define TITLE_RUNES_MAX 1024
#define TEXT_RUNES_MAX  4000 /* a server takes 5000 unless told otherwise */

struct rocketchat_action {
	struct template *type, *text, *url, *msg;
};

struct rocketchat_settings {
	struct integration_common common;
	struct secret token, token_id;
	const char *api_url;
	struct template *channel, *emoji, *icon_url;
	struct template *color, *title, *title_link, *text, *image_url, *thumb_url;
	struct sub_list fields, actions;
	bool short_fields;
};

static void
put_template(struct draft *d, const char *key, const struct template *t)
{
	draft_text(d, key, str_trim(draft_expanded(d, t, STR(""))));
}

static void
put_actions(struct draft *d, const struct sub_list *actions)
{
	if (actions->n == 0)
		return;
	draft_open(d, "actions", '[');
	for (uint32_t i = 0; i < actions->n; i++) {
		const struct rocketchat_action *action = actions->items[i];

		draft_open(d, NULL, '{');
		draft_given(d, "type", STR("button")); /* there is no other */
		put_template(d, "text", action->text);
		put_template(d, "url", action->url);
		put_template(d, "msg", action->msg);
		buf_putc(d->out, '}');
	}
	buf_putc(d->out, ']');
}

static void
put_attachment(struct draft *d, const struct rocketchat_settings *rocket)
{
	struct str title = draft_expanded(d, rocket->title, draft_subject(d));

	draft_open(d, NULL, '{');
	draft_text(d, "title", draft_cut(d, title, TITLE_RUNES_MAX));
	draft_text(d, "title_link", draft_expanded(d, rocket->title_link, draft_link(d)));
	if (rocket->text != NULL)
		put_template(d, "text", rocket->text);
	else
		draft_text(d, "text", attachment_text(d, MARKUP_ROCKET, TEXT_RUNES_MAX));
	put_template(d, "image_url", rocket->image_url);
	put_template(d, "thumb_url", rocket->thumb_url);
	draft_text(d, "color", draft_expanded(d, rocket->color, attachment_color(d->n)));
	attachment_put_fields(d, &rocket->fields, rocket->short_fields, MARKUP_ROCKET);
	put_actions(d, &rocket->actions);
	buf_putc(d->out, '}');
}

static int
rocketchat_render(const void *settings, const struct notification *n, struct arena *arena,
    struct xfer_request *request, struct err *err)
{
	const struct rocketchat_settings *rocket = settings;
	struct http_header *headers = ARENA_ARRAY(arena, 2, struct http_header);
	struct draft d = draft_new(n, arena, &request->body);
	struct str token = STR(""), id = STR("");
	int rc = draft_secret(&d, &rocket->token, "Rocket.Chat token", &token, err);

	if (rc == 0)
		rc = draft_secret(&d, &rocket->token_id, "Rocket.Chat token_id", &id, err);
	if (rc < 0)
		return rc;
	draft_post(request, &rocket->common);
	headers[0] = (struct http_header){ "X-Auth-Token", token.p };
	headers[1] = (struct http_header){ "X-User-Id", id.p };
	request->headers = headers;
	request->n_headers = 2;
	draft_path(&request->url, rocket->api_url, "api/v1/chat.postMessage");
	buf_putc(d.out, '{');
	put_template(&d, "channel", rocket->channel);
	put_template(&d, "emoji", rocket->emoji);
	put_template(&d, "avatar", rocket->icon_url);
	draft_open(&d, "attachments", '[');
	put_attachment(&d, rocket);
	buf_puts(d.out, "]}\n");
	draft_fini(&d);
	return 0;
}

/* {"success":false,"error":"..."}, also with status 200; success repeats the message. */
static struct verdict
verdict_of(const struct xfer_response *response)
{
	struct verdict verdict = message_classify_http(response);
	struct draft_reply reply;

	if (response->failure != ERR_NONE)
		return verdict;
	reply = draft_reply(response->body, "success", "error");
	if (verdict.kind == DELIVERY_OK && strcmp(reply.first, "true") != 0) {
		verdict.kind = DELIVERY_REJECTED;
		if (!reply.parsed)
			verdict_say(&verdict, response->status,
			    STR("the answer is no JSON: check api_url"));
	} else if (verdict.kind == DELIVERY_OK) {
		verdict_say(&verdict, response->status, STR(""));
	}
	if (verdict.kind != DELIVERY_OK && reply.second[0] != '\0')
		verdict_say(&verdict, response->status, str_from(reply.second));
	return verdict;
}

static struct verdict
rocketchat_classify(
    const void *settings, const struct notification *n UNUSED, const struct xfer_response *response)
{
	const struct rocketchat_settings *rocket = settings;
	struct verdict verdict = verdict_of(response);

	draft_hide(&verdict, &rocket->token);
	draft_hide(&verdict, &rocket->token_id);
	return verdict;
}

static void
rocketchat_finish(struct schema_context *ctx, void *settings, const struct config_global *global)
{
	struct rocketchat_settings *rocket = settings;

	if (rocket->api_url == NULL)
		rocket->api_url = global->rocketchat_api_url;
	if (rocket->api_url == NULL)
		rocket->api_url = API_URL;
	if (!secret_is_set(&rocket->token))
		rocket->token = global->rocketchat_token;
	if (!secret_is_set(&rocket->token_id))
		rocket->token_id = global->rocketchat_token_id;
	if (!secret_is_set(&rocket->token))
		diag_error(ctx->diag, rocket->common.pos,
		    "no Rocket.Chat token: give token or global.rocketchat_token");
	if (!secret_is_set(&rocket->token_id))
		diag_error(ctx->diag, rocket->common.pos,
		    "no user of the Rocket.Chat token: give token_id or "
		    "global.rocketchat_token_id");
}

/* clang-format off */
#define PLACE(member) .offset = offsetof(struct rocketchat_settings, member)
#define OWN(member, text) TEMPLATE_ROW(rocketchat_settings, member, #member, 0, text)
#define STOCK(member, name, text) STOCK_ROW(rocketchat_settings, member, #member, name, text)

static const struct schema_field action_fields[] = {
	TEMPLATE_ROW(rocketchat_action, type, "type", 0, "\"button\", whatever it says."),
	TEMPLATE_ROW(rocketchat_action, text, "text", 0, "Words on the button."),
	TEMPLATE_ROW(rocketchat_action, url, "url", 0, "What the button opens."),
	TEMPLATE_ROW(rocketchat_action, msg, "msg", 0, "What who presses it is made to say."),
};

static const struct schema schema_action = {
	.name = "rocketchat_configs.actions",
	.doc = "A button.",
	.size = sizeof(struct rocketchat_action),
	SCHEMA_FIELDS(action_fields),
};

static const struct schema_field rocketchat_fields[] = {
	INTEGRATION_FIELDS("false"),
	{ .name = "api_url", .kind = FIELD_URL, PLACE(api_url),
	    .doc = "The server; else global.rocketchat_api_url." },
	{ .name = "token", .kind = FIELD_SECRET, PLACE(token),
	    .doc = "Personal access token of the sender; else global.rocketchat_token." },
	{ .name = "token_id", .kind = FIELD_SECRET, PLACE(token_id),
	    .doc = "The sender's user id; else global.rocketchat_token_id." },
	OWN(channel, "Channel (#name) or user (@name) to write to."),
	STOCK(emoji, "rocketchat.default.emoji", "Emoji shown as the sender."),
	STOCK(icon_url, "rocketchat.default.iconurl", "Picture shown as the sender."),
	OWN(color, "Colour of the bar; tells the severity when absent."),
	STOCK(title, "rocketchat.default.title", "Heading; Alertmanager's subject when absent."),
	STOCK(title_link, "rocketchat.default.titlelink", "What the heading opens."),
	STOCK(text, "rocketchat.default.text", "Body; each alert with its summary and labels when absent."),
	OWN(image_url, "Picture below the text."),
	OWN(thumb_url, "Small picture beside the text."),
	{ .name = "fields", .kind = FIELD_SUB_LIST, .sub = &schema_attachment_field,
	    PLACE(fields), .doc = "Fields; severity, counts and runbook when absent." },
	{ .name = "short_fields", .kind = FIELD_BOOL, .fallback = "false",
	    PLACE(short_fields), .doc = "Fields stand beside each other." },
	{ .name = "link_names", .kind = FIELD_ACCEPTED,
	    .doc = "Rocket.Chat knows no such thing; no effect." },
	{ .name = "actions", .kind = FIELD_SUB_LIST, .sub = &schema_action,
	    PLACE(actions), .doc = "Buttons." },
};
/* clang-format on */

static const struct schema rocketchat_schema = {
	.name = "rocketchat_configs",
	.doc = "A message of a Rocket.Chat user.",
	.size = sizeof(struct rocketchat_settings),
	SCHEMA_FIELDS(rocketchat_fields),
	.pos_offset = offsetof(struct rocketchat_settings, common.pos) + 1,
};

const struct integration_kind receiver_rocketchat_kind = {
	.name = "rocketchat",
	.schema = &rocketchat_schema,
	.finish = rocketchat_finish,
};

const struct receiver_ops receiver_rocketchat = {
	.kind = &receiver_rocketchat_kind,
	.render = rocketchat_render,
	.classify = rocketchat_classify,
};
