/* SPDX-License-Identifier: Apache-2.0 */
/* Webex: a message of a bot to a room, in Markdown. */
#include "config.h"

#include "receiver/draft.h"
#include "receiver/text.h"
#include "receiver/types.h"

#define API_URL           "https://webexapis.com/v1/messages"
#define MESSAGE_BYTES_MAX 7439
#define TITLE_RUNES_MAX   512

struct webex_settings {
	struct integration_common common;
	const char *api_url;
	struct template *message, *room_id;
};

static struct str
own_message(struct draft *d)
{
	struct buf text = { 0 };
	struct text_limit limit;
	struct str copy;

	text_put_bold(&text, MARKUP_WEBEX, draft_subject(d), TITLE_RUNES_MAX);
	buf_puts(&text, "\n\n");
	limit = (struct text_limit){ MESSAGE_BYTES_MAX - (uint32_t)text.n, true };
	text_put_alerts(d->n, MARKUP_WEBEX, limit, &text);
	copy = arena_str(d->arena, buf_str(&text));
	buf_fini(&text);
	return copy;
}

static int
webex_render(const void *settings, const struct notification *n, struct arena *arena,
    struct xfer_request *request, struct err *err UNUSED)
{
	const struct webex_settings *webex = settings;
	struct draft d = draft_new(n, arena, &request->body);
	struct str text =
	    webex->message != NULL ? draft_expanded(&d, webex->message, STR("")) : own_message(&d);

	draft_post(request, &webex->common);
	buf_puts(&request->url, webex->api_url);
	buf_putc(d.out, '{');
	draft_given(&d, "markdown", draft_cut_bytes(&d, text, MESSAGE_BYTES_MAX));
	draft_text(&d, "roomId", str_trim(draft_expanded(&d, webex->room_id, STR(""))));
	buf_puts(d.out, "}\n");
	draft_fini(&d);
	return 0;
}

/* {"message":"...","trackingId":"..."}; success repeats the message. */
static struct verdict
webex_classify(const void *settings UNUSED, const struct notification *n UNUSED,
    const struct xfer_response *response)
{
	struct verdict verdict = message_classify_http(response);

	if (response->failure == ERR_NONE && verdict.kind == DELIVERY_OK)
		verdict_say(&verdict, response->status, STR(""));
	draft_say_refusal(&verdict, response, "message", NULL);
	return verdict;
}

static void
webex_finish(struct schema_context *ctx, void *settings, const struct config_global *global)
{
	struct webex_settings *webex = settings;
	const struct http_options *http = webex->common.http;

	if (webex->api_url == NULL)
		webex->api_url = global->webex_api_url;
	if (webex->api_url == NULL)
		webex->api_url = API_URL;
	if (http == NULL || !secret_is_set(&http->auth_credentials))
		diag_error(ctx->diag, webex->common.pos,
		    "no Webex token: give http_config.authorization with the "
		    "bot's credentials");
}

/* clang-format off */
static const struct schema_field webex_fields[] = {
	INTEGRATION_FIELDS("true"),
	{ .name = "api_url", .kind = FIELD_URL,
	    .offset = offsetof(struct webex_settings, api_url),
	    .doc = "The API for messages; else global.webex_api_url." },
	TEMPLATE_ROW(webex_settings, room_id, "room_id", FIELD_REQUIRED,
	    "Identifier of the room to write to."),
	STOCK_ROW(webex_settings, message, "message", "webex.default.message",
	    "Message in Markdown, at most 7439 bytes; each alert with its summary, labels and runbook when absent."),
};
/* clang-format on */

static const struct schema webex_schema = {
	.name = "webex_configs",
	.doc = "A message of a Webex bot; the token stands in http_config.",
	.size = sizeof(struct webex_settings),
	SCHEMA_FIELDS(webex_fields),
	.pos_offset = offsetof(struct webex_settings, common.pos) + 1,
};

const struct integration_kind receiver_webex_kind = {
	.name = "webex",
	.schema = &webex_schema,
	.finish = webex_finish,
};

const struct receiver_ops receiver_webex = {
	.kind = &receiver_webex_kind,
	.render = webex_render,
	.classify = webex_classify,
};
