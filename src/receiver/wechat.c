/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WeCom (WeChat Work): a message of a company's application.
 *
 * First an access token is asked for, then the message is sent with it; the
 * token is carried from one request to the next and kept nowhere.
 */
#include "config.h"

#include <stdio.h>

#include "base/json.h"
#include "receiver/draft.h"
#include "receiver/text.h"
#include "receiver/types.h"

#define API_URL            "https://qyapi.weixin.qq.com/cgi-bin/"
#define TEXT_BYTES_MAX_OWN 2048 /* WeCom cuts a longer text by itself, perhaps inside a character  \
				 */
#define MARKDOWN_BYTES_MAX 4096
#define BUSY_DELAY         DUR_S(60)

enum step {
	STEP_TOKEN,
	STEP_SEND
};

enum message_type {
	MESSAGE_TEXT,
	MESSAGE_MARKDOWN
};
static const char *const message_types[] = { "text", "markdown", NULL };

struct wechat_settings {
	struct integration_common common;
	struct secret_text api_secret;
	const char *api_url;
	struct template *corp_id, *message, *to_user, *to_party, *to_tag, *agent_id;
	int message_type;
};

static struct str
own_message(struct draft *d, uint32_t bytes_max)
{
	struct buf text = { 0 };
	struct text_limit limit;
	struct str copy;

	message_put_line(&text, draft_subject(d), bytes_max / 8);
	buf_puts(&text, "\n\n");
	limit = (struct text_limit){ bytes_max - (uint32_t)text.n, true };
	text_put_alerts(d->n, MARKUP_PLAIN, limit, &text);
	copy = arena_str(d->arena, buf_str(&text));
	buf_fini(&text);
	return copy;
}

static void
put_pair(struct draft *d, const char *key, const struct template *t)
{
	draft_text(d, key, str_trim(draft_expanded(d, t, STR(""))));
}

static void
put_message(struct draft *d, const struct wechat_settings *wechat)
{
	bool markdown = wechat->message_type == MESSAGE_MARKDOWN;
	uint32_t bytes_max = markdown ? MARKDOWN_BYTES_MAX : TEXT_BYTES_MAX_OWN;
	struct str text = wechat->message != NULL ? draft_expanded(d, wechat->message, STR(""))
						  : own_message(d, bytes_max);

	buf_putc(d->out, '{');
	draft_open(d, message_types[wechat->message_type], '{');
	draft_given(d, "content", draft_cut_bytes(d, text, bytes_max));
	buf_putc(d->out, '}');
	put_pair(d, "touser", wechat->to_user);
	put_pair(d, "toparty", wechat->to_party);
	put_pair(d, "totag", wechat->to_tag);
	put_pair(d, "agentid", wechat->agent_id);
	draft_given(d, "safe", STR("0"));
	draft_given(d, "msgtype", str_from(message_types[wechat->message_type]));
	buf_puts(d->out, "}\n");
}

static int
ask_for_token(struct draft *d, const struct wechat_settings *wechat, struct xfer_request *request,
    struct err *err)
{
	struct str secret = STR("");
	int rc = draft_secret_text(d, &wechat->api_secret, "WeCom api_secret", &secret, err);

	if (rc < 0)
		return rc;
	request->method = "GET";
	request->content_type = NULL;
	draft_path(&request->url, wechat->api_url, "gettoken?corpid=");
	url_escape(&request->url, str_trim(draft_expanded(d, wechat->corp_id, STR(""))));
	buf_puts(&request->url, "&corpsecret=");
	url_escape(&request->url, secret);
	return 0;
}

static int
wechat_render(const void *settings, const struct notification *n, struct arena *arena,
    struct xfer_request *request, struct err *err)
{
	const struct wechat_settings *wechat = settings;
	struct draft d = draft_new(n, arena, &request->body);
	int rc = 0;

	draft_post(request, &wechat->common);
	if (n->step == STEP_TOKEN) {
		rc = ask_for_token(&d, wechat, request, err);
	} else {
		draft_path(&request->url, wechat->api_url, "message/send?access_token=");
		url_escape(&request->url, n->carried);
		put_message(&d, wechat);
	}
	draft_fini(&d);
	return rc;
}

/* What the error codes of WeCom's API ask for. */
static void
judge(struct verdict *verdict, int64_t code)
{
	switch (code) {
	case 0:
		return;
	case 40014: /* the token is not good, */
	case 41001: /* missing, */
	case 42001: /* or too old */
		verdict->kind = DELIVERY_RETRY;
		verdict->from_start = true;
		return;
	case -1:    /* busy */
	case 45009: /* too often */
	case 45033: /* too many at once */
		verdict->kind = DELIVERY_RETRY;
		verdict->has_retry_after = true;
		verdict->retry_after = BUSY_DELAY;
		return;
	default:
		verdict->kind = DELIVERY_REJECTED;
	}
}

static void
take_token(struct verdict *verdict, int status, struct str body)
{
	struct arena *arena = arena_new(0);
	struct str token = STR(""), key;
	struct json_reader r;

	json_reader_init(&r, body);
	json_enter(&r, JSON_OBJECT);
	while (json_next_key(&r, &key)) {
		if (str_is(key, "access_token") && json_peek(&r) == JSON_STRING)
			json_read_str(&r, arena, &token);
		else
			json_skip(&r);
	}
	if (token.n > 0 && token.n < sizeof(verdict->carry)) {
		verdict->more = true;
		snprintf(verdict->carry, sizeof(verdict->carry), "%.*s", STR_ARG(token));
	} else {
		verdict->kind = DELIVERY_REJECTED;
		verdict_say(verdict, status, STR("an answer without an access token"));
	}
	arena_free(arena);
}

/* {"errcode":0,"errmsg":"ok","access_token":"..."} */
static struct verdict
verdict_of(const struct notification *n, const struct xfer_response *response)
{
	struct verdict verdict = message_classify_http(response);
	struct draft_reply reply;
	int64_t code = 0;

	if (response->failure != ERR_NONE || verdict.kind != DELIVERY_OK)
		return verdict;
	reply = draft_reply(response->body, "errcode", "errmsg");
	verdict_say(&verdict, response->status, str_from(reply.second));
	if (!reply.parsed ||
	    (reply.first[0] != '\0' && !str_to_i64(str_from(reply.first), &code))) {
		verdict.kind = DELIVERY_RETRY;
		verdict_say(
		    &verdict, response->status, STR("the answer is not WeCom's: check api_url"));
		return verdict;
	}
	judge(&verdict, code);
	if (verdict.kind == DELIVERY_OK && n->step == STEP_TOKEN)
		take_token(&verdict, response->status, response->body);
	return verdict;
}

static struct verdict
wechat_classify(
    const void *settings, const struct notification *n, const struct xfer_response *response)
{
	const struct wechat_settings *wechat = settings;
	struct verdict verdict = verdict_of(n, response);

	draft_hide_text(&verdict, &wechat->api_secret, n);
	return verdict;
}

static void
inherit(
    struct schema_context *ctx, struct wechat_settings *wechat, const struct config_global *global)
{
	struct err err = { .at = ERR_NOWHERE };

	if (wechat->api_url == NULL)
		wechat->api_url = global->wechat_api_url;
	if (wechat->api_url == NULL)
		wechat->api_url = API_URL;
	if (!secret_is_set(&wechat->api_secret.secret))
		wechat->api_secret = global->wechat_api_secret;
	if (wechat->corp_id == NULL && global->wechat_api_corp_id != NULL &&
	    (wechat->corp_id = template_parse_with(
		 ctx->arena, str_from(global->wechat_api_corp_id), ctx->templates, &err)) == NULL)
		diag_error(ctx->diag, global->pos, "wechat_api_corp_id: %s", err.text);
}

static void
wechat_finish(struct schema_context *ctx, void *settings, const struct config_global *global)
{
	struct wechat_settings *wechat = settings;
	struct pos pos = wechat->common.pos;

	inherit(ctx, wechat, global);
	if (!secret_is_set(&wechat->api_secret.secret))
		diag_error(
		    ctx->diag, pos, "no WeCom secret: give api_secret or global.wechat_api_secret");
	if (wechat->corp_id == NULL && global->wechat_api_corp_id == NULL)
		diag_error(ctx->diag, pos, "no company: give corp_id or global.wechat_api_corp_id");
	if (wechat->to_user == NULL && wechat->to_party == NULL && wechat->to_tag == NULL)
		diag_warning(ctx->diag, pos,
		    "nobody to write to: give to_user (\"@all\": everybody), to_party or to_tag");
}

/* clang-format off */
#define PLACE(member) .offset = offsetof(struct wechat_settings, member)
#define STOCK(member, name, text) STOCK_ROW(wechat_settings, member, #member, name, text)

static const struct schema_field wechat_fields[] = {
	INTEGRATION_FIELDS("false"),
	{ .name = "api_secret", .kind = FIELD_SECRET, .flags = FIELD_NOTIFICATION, PLACE(api_secret),
	    .doc = "Secret of the application; else global.wechat_api_secret." },
	{ .name = "api_url", .kind = FIELD_URL, PLACE(api_url),
	    .doc = "WeCom's API; else global.wechat_api_url." },
	TEMPLATE_ROW(wechat_settings, corp_id, "corp_id", 0,
	    "Id of the company; else global.wechat_api_corp_id."),
	STOCK(message, "wechat.default.message",
	    "Message, at most 2048 bytes (4096 of Markdown); each alert with its summary and labels when absent."),
	{ .name = "message_type", .kind = FIELD_ENUM, .choices = message_types, .fallback = "text",
	    PLACE(message_type), .doc = "Whether the message has markup." },
	STOCK(to_user, "wechat.default.to_user", "Users to write to, with | between them; @all: everybody."),
	STOCK(to_party, "wechat.default.to_party", "Departments to write to, with | between them."),
	STOCK(to_tag, "wechat.default.to_tag", "Tags to write to, with | between them."),
	STOCK(agent_id, "wechat.default.agent_id", "Id of the application."),
};
/* clang-format on */

static const struct schema wechat_schema = {
	.name = "wechat_configs",
	.doc = "A message of an application of WeCom (WeChat Work).",
	.size = sizeof(struct wechat_settings),
	SCHEMA_FIELDS(wechat_fields),
	.pos_offset = offsetof(struct wechat_settings, common.pos) + 1,
};

const struct integration_kind receiver_wechat_kind = {
	.name = "wechat",
	.schema = &wechat_schema,
	.finish = wechat_finish,
};

const struct receiver_ops receiver_wechat = {
	.kind = &receiver_wechat_kind,
	.message_step = STEP_SEND,
	.render = wechat_render,
	.classify = wechat_classify,
};
