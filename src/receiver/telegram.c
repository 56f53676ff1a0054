/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telegram: a message of a bot.
 *
 * The token is part of the URL, as the Bot API has it.  A message that is too
 * long is cut between tags, and open tags are closed: Telegram refuses the
 * rest.
 */
#include "config.h"

#include <inttypes.h>

#include "receiver/draft.h"
#include "receiver/text.h"
#include "receiver/types.h"

#define API_URL           "https://api.telegram.org"
#define MESSAGE_RUNES_MAX 4096
#define TITLE_RUNES_MAX   512
#define CHAT_BYTES_MAX    64

enum parse_mode {
	PARSE_NONE,
	PARSE_MARKDOWN,
	PARSE_MARKDOWN_V2,
	PARSE_HTML
};
static const char *const parse_modes[] = { "", "Markdown", "MarkdownV2", "HTML", NULL };

struct telegram_settings {
	struct integration_common common;
	struct secret bot_token;
	const char *api_url, *chat_id_file;
	int64_t chat_id, message_thread_id;
	struct template *message;
	bool disable_notifications;
	int parse_mode;
	dur_t timeout;
};

/* Our own words need no other markup than HTML, or none. */
static struct str
own_message(struct draft *d)
{
	struct buf text = { 0 };
	struct text_limit limit;
	struct str copy;

	text_put_bold(&text, MARKUP_HTML, draft_subject(d), TITLE_RUNES_MAX);
	buf_puts(&text, "\n\n");
	limit = (struct text_limit){ MESSAGE_RUNES_MAX - str_runes(buf_str(&text)), false };
	text_put_alerts(d->n, MARKUP_HTML, limit, &text);
	copy = arena_str(d->arena, buf_str(&text));
	buf_fini(&text);
	return copy;
}

static struct str
message_of(struct draft *d, const struct telegram_settings *telegram)
{
	if (telegram->message == NULL)
		return draft_cut_html(d, own_message(d), MESSAGE_RUNES_MAX);
	if (telegram->parse_mode == PARSE_HTML)
		return draft_cut_html(
		    d, draft_html(d, telegram->message, STR("")), MESSAGE_RUNES_MAX);
	return draft_cut(d, draft_expanded(d, telegram->message, STR("")), MESSAGE_RUNES_MAX);
}

/* A number from the file, or "@channel". */
static int
read_chat(
    struct draft *d, const struct telegram_settings *telegram, struct str *ret, struct err *err)
{
	struct secret file = { .file = telegram->chat_id_file };
	int64_t id;
	int rc;

	if (telegram->chat_id_file == NULL) {
		*ret = str_from(arena_printf(d->arena, "%" PRId64, telegram->chat_id));
		return 0;
	}
	rc = draft_secret(d, &file, "Telegram chat", ret, err);
	if (rc < 0)
		return rc;
	if (ret->n > CHAT_BYTES_MAX || ret->n == 0 || (ret->p[0] != '@' && !str_to_i64(*ret, &id)))
		return err_set(
		    err, ERR_INVALID, "'%s' holds no chat's number", telegram->chat_id_file);
	return 0;
}

static void
put_message(struct draft *d, const struct telegram_settings *telegram, struct str chat)
{
	int mode = telegram->message == NULL ? PARSE_HTML : telegram->parse_mode;

	buf_putc(d->out, '{');
	/* Text, as the Bot API takes both and Alertmanager sends it so. */
	draft_given(d, "chat_id", chat);
	if (telegram->message_thread_id != 0)
		draft_given(d, "message_thread_id",
		    str_from(arena_printf(d->arena, "%" PRId64, telegram->message_thread_id)));
	draft_given(d, "text", message_of(d, telegram));
	draft_text(d, "parse_mode", str_from(parse_modes[mode]));
	draft_given(d, "disable_web_page_preview", STR("true"));
	if (telegram->disable_notifications)
		draft_given(d, "disable_notification", STR("true"));
	buf_puts(d->out, "}\n");
}

static int
telegram_render(const void *settings, const struct notification *n, struct arena *arena,
    struct xfer_request *request, struct err *err)
{
	const struct telegram_settings *telegram = settings;
	struct draft d = draft_new(n, arena, &request->body);
	struct str token = STR(""), chat = STR("");
	int rc = draft_secret(&d, &telegram->bot_token, "Telegram bot token", &token, err);

	if (rc == 0)
		rc = read_chat(&d, telegram, &chat, err);
	if (rc < 0)
		return rc;
	draft_post(request, &telegram->common);
	request->timeout = telegram->timeout;
	draft_path(&request->url, telegram->api_url, "bot");
	/* The colon of "123:abc" stays as it is: so the Bot API has it. */
	for (uint32_t i = 0; i < token.n; i++) {
		if (token.p[i] == ':')
			buf_putc(&request->url, ':');
		else
			url_escape(&request->url, str_make(token.p + i, 1));
	}
	buf_puts(&request->url, "/sendMessage");
	put_message(&d, telegram, chat);
	draft_fini(&d);
	return 0;
}

/* {"ok":false,"error_code":429,"description":"...","parameters":{"retry_after":5}} */
static struct verdict
verdict_of(const struct xfer_response *response)
{
	struct verdict verdict = message_classify_http(response);
	struct draft_reply reply;

	if (response->failure != ERR_NONE)
		return verdict;
	reply = draft_reply(response->body, "ok", "description");
	if (verdict.kind == DELIVERY_OK) {
		/* The answer repeats the whole message. */
		verdict_say(
		    &verdict, response->status, reply.parsed ? STR("") : str_trim(response->body));
		if (reply.parsed && strcmp(reply.first, "false") == 0)
			verdict.kind = DELIVERY_REJECTED;
	}
	if (verdict.kind != DELIVERY_OK && reply.second[0] != '\0')
		verdict_say(&verdict, response->status, str_from(reply.second));
	if (verdict.kind == DELIVERY_RETRY)
		draft_retry_after(&verdict, response->body, "parameters.retry_after");
	return verdict;
}

static struct verdict
telegram_classify(
    const void *settings, const struct notification *n UNUSED, const struct xfer_response *response)
{
	const struct telegram_settings *telegram = settings;
	struct verdict verdict = verdict_of(response);

	draft_hide(&verdict, &telegram->bot_token);
	return verdict;
}

static void
telegram_finish(struct schema_context *ctx, void *settings, const struct config_global *global)
{
	struct telegram_settings *telegram = settings;
	struct pos pos = telegram->common.pos;

	if (telegram->api_url == NULL)
		telegram->api_url = global->telegram_api_url;
	if (telegram->api_url == NULL)
		telegram->api_url = API_URL;
	if (!secret_is_set(&telegram->bot_token))
		telegram->bot_token = global->telegram_bot_token;
	if (!secret_is_set(&telegram->bot_token))
		diag_error(ctx->diag, pos,
		    "no Telegram bot: give bot_token or "
		    "global.telegram_bot_token");
	if (telegram->chat_id == 0 && telegram->chat_id_file == NULL)
		diag_error(ctx->diag, pos, "no Telegram chat: give chat_id or chat_id_file");
}

/* clang-format off */
#define PLACE(member) .offset = offsetof(struct telegram_settings, member)

static const struct schema_field telegram_fields[] = {
	INTEGRATION_FIELDS("true"),
	{ .name = "api_url", .kind = FIELD_URL, PLACE(api_url),
	    .doc = "The Bot API; else global.telegram_api_url." },
	{ .name = "bot_token", .kind = FIELD_SECRET, PLACE(bot_token),
	    .doc = "Token of the bot; else global.telegram_bot_token." },
	{ .name = "chat_id", .kind = FIELD_INT, .exclusive = "chat", PLACE(chat_id),
	    .doc = "Number of the chat to write to." },
	{ .name = "chat_id_file", .kind = FIELD_STRING, .exclusive = "chat",
	    .flags = FIELD_PATH | FIELD_LATER, PLACE(chat_id_file),
	    .doc = "File with the number of the chat." },
	{ .name = "message_thread_id", .kind = FIELD_INT, PLACE(message_thread_id),
	    .doc = "Number of the topic inside the chat." },
	STOCK_ROW(telegram_settings, message, "message", "telegram.default.message",
	    "Message, at most 4096 characters; each alert with its summary, labels and runbook when absent."),
	{ .name = "disable_notifications", .kind = FIELD_BOOL, .fallback = "false",
	    PLACE(disable_notifications), .doc = "The message makes no sound." },
	{ .name = "parse_mode", .kind = FIELD_ENUM, .choices = parse_modes, .fallback = "HTML",
	    PLACE(parse_mode), .doc = "Markup of the message." },
	{ .name = "timeout", .kind = FIELD_DURATION, .flags = FIELD_GO_DURATION, .fallback = "0s",
	    PLACE(timeout), .doc = "How long to wait for the answer; 0s: 30 seconds." },
};
/* clang-format on */

static const struct schema telegram_schema = {
	.name = "telegram_configs",
	.doc = "A message of a Telegram bot.",
	.size = sizeof(struct telegram_settings),
	SCHEMA_FIELDS(telegram_fields),
	.pos_offset = offsetof(struct telegram_settings, common.pos) + 1,
};

const struct integration_kind receiver_telegram_kind = {
	.name = "telegram",
	.schema = &telegram_schema,
	.finish = telegram_finish,
};

const struct receiver_ops receiver_telegram = {
	.kind = &receiver_telegram_kind,
	.render = telegram_render,
	.classify = telegram_classify,
};
