/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pushover: a push message to a phone.
 *
 * Sent as a form: Alertmanager puts token and user into the URL, where
 * proxies and logs see them.  Title, URL, priority, retry and expire are
 * Alertmanager's; the message is ours: 1024 characters are few.
 */
#include "config.h"

#include "receiver/draft.h"
#include "receiver/text.h"
#include "receiver/types.h"

#define API_URL             "https://api.pushover.net/1/messages.json"
#define TITLE_RUNES_MAX     250
#define MESSAGE_RUNES_MAX   1024
#define URL_RUNES_MAX       512
#define URL_TITLE_RUNES_MAX 100
#define RETRY_MIN           30 /* seconds; less is refused */
#define EXPIRE_MAX          10800

struct pushover_settings {
	struct integration_common common;
	struct secret_text user_key, token;
	const char *api_url;
	struct template *title, *message, *url, *url_title, *device, *sound;
	struct template *priority;
	dur_t retry, expire, ttl;
	bool html, monospace;
};

static void
put_pair(struct draft *d, const char *key, struct str value)
{
	if (value.n == 0)
		return;
	if (d->out->n > 0)
		buf_putc(d->out, '&');
	buf_puts(d->out, key);
	buf_putc(d->out, '=');
	url_escape(d->out, value);
}

static void
put_seconds(struct draft *d, const char *key, int64_t seconds)
{
	put_pair(d, key, str_from(arena_printf(d->arena, "%lld", (long long)seconds)));
}

static struct str
message_of(struct draft *d, const struct pushover_settings *pushover)
{
	struct text_limit limit = { MESSAGE_RUNES_MAX, false };
	struct str text;

	if (pushover->message == NULL) {
		buf_clear(&d->scratch);
		text_put_alerts(
		    d->n, pushover->html ? MARKUP_HTML : MARKUP_PLAIN, limit, &d->scratch);
		text = arena_str(d->arena, buf_str(&d->scratch));
	} else if (pushover->html) {
		text =
		    draft_cut_html(d, draft_html(d, pushover->message, STR("")), MESSAGE_RUNES_MAX);
	} else {
		text =
		    draft_cut(d, draft_expanded(d, pushover->message, STR("")), MESSAGE_RUNES_MAX);
	}
	text = str_trim(text);
	return text.n > 0 ? text : STR("(no details)");
}

/* A URL that is cut leads nowhere; then there is none. */
static struct str
url_of(struct draft *d, const struct pushover_settings *pushover)
{
	struct str url = pushover->url != NULL ? str_trim(draft_expanded(d, pushover->url, STR("")))
					       : draft_link(d);

	return str_runes(url) <= URL_RUNES_MAX ? url : STR("");
}

static int64_t
seconds_of(dur_t d)
{
	return d.ns / 1000000000;
}

static void
put_form(
    struct draft *d, const struct pushover_settings *pushover, struct str token, struct str user)
{
	struct str title = pushover->title != NULL ? draft_expanded(d, pushover->title, STR(""))
						   : draft_subject(d);
	int64_t retry = seconds_of(pushover->retry);
	int64_t expire = seconds_of(pushover->expire);

	put_pair(d, "token", token);
	put_pair(d, "user", user);
	put_pair(d, "title", draft_cut(d, title, TITLE_RUNES_MAX));
	if (pushover->html)
		put_pair(d, "html", STR("1"));
	if (pushover->monospace)
		put_pair(d, "monospace", STR("1"));
	put_pair(d, "message", message_of(d, pushover));
	put_pair(d, "url", url_of(d, pushover));
	put_pair(d, "url_title",
	    draft_cut(d, draft_expanded(d, pushover->url_title, STR("")), URL_TITLE_RUNES_MAX));
	put_pair(d, "priority",
	    str_trim(draft_expanded(d, pushover->priority, d->n->firing ? STR("2") : STR("0"))));
	put_seconds(d, "retry", retry < RETRY_MIN ? RETRY_MIN : retry);
	put_seconds(d, "expire", expire > EXPIRE_MAX ? EXPIRE_MAX : expire);
	put_pair(d, "device", str_trim(draft_expanded(d, pushover->device, STR(""))));
	put_pair(d, "sound", str_trim(draft_expanded(d, pushover->sound, STR(""))));
	if (seconds_of(pushover->ttl) > 0)
		put_seconds(d, "ttl", seconds_of(pushover->ttl));
}

static int
pushover_render(const void *settings, const struct notification *n, struct arena *arena,
    struct xfer_request *request, struct err *err)
{
	const struct pushover_settings *pushover = settings;
	struct draft d = draft_new(n, arena, &request->body);
	struct str token = STR(""), user = STR("");
	int rc = draft_secret_text(&d, &pushover->token, "Pushover token", &token, err);

	if (rc == 0)
		rc = draft_secret_text(&d, &pushover->user_key, "Pushover user key", &user, err);
	if (rc < 0)
		return rc;
	draft_post(request, &pushover->common);
	request->content_type = "application/x-www-form-urlencoded";
	buf_puts(&request->url, pushover->api_url != NULL ? pushover->api_url : API_URL);
	put_form(&d, pushover, token, user);
	draft_fini(&d);
	return 0;
}

/* {"status":1,...} is success; 4xx: never again as it is. */
static struct verdict
pushover_classify(const void *settings UNUSED, const struct notification *n UNUSED,
    const struct xfer_response *response)
{
	struct verdict verdict = message_classify_http(response);
	struct draft_reply reply;

	if (verdict.kind != DELIVERY_OK)
		return verdict;
	reply = draft_reply(response->body, "status", "errors");
	if (reply.parsed && reply.first[0] != '\0' && strcmp(reply.first, "1") != 0) {
		verdict.kind = DELIVERY_REJECTED;
		verdict_say(&verdict, response->status, str_trim(response->body));
	}
	return verdict;
}

static void
pushover_finish(
    struct schema_context *ctx, void *settings, const struct config_global *global UNUSED)
{
	struct pushover_settings *pushover = settings;
	struct pos pos = pushover->common.pos;

	if (!secret_is_set(&pushover->user_key.secret))
		diag_error(ctx->diag, pos, "no Pushover user key: give user_key or user_key_file");
	if (!secret_is_set(&pushover->token.secret))
		diag_error(ctx->diag, pos, "no Pushover token: give token or token_file");
	if (pushover->html && pushover->monospace)
		diag_error(ctx->diag, pos, "'html' and 'monospace' exclude each other");
}

/* clang-format off */
#define OWN(member, text) TEMPLATE_ROW(pushover_settings, member, #member, 0, text)
#define STOCK(member, name, text) STOCK_ROW(pushover_settings, member, #member, name, text)
#define PLACE(member) .offset = offsetof(struct pushover_settings, member)

static const struct schema_field pushover_fields[] = {
	INTEGRATION_FIELDS("true"),
	{ .name = "user_key", .kind = FIELD_SECRET, .flags = FIELD_NOTIFICATION, PLACE(user_key),
	    .doc = "Key of the user or group that is told." },
	{ .name = "token", .kind = FIELD_SECRET, .flags = FIELD_NOTIFICATION, PLACE(token),
	    .doc = "Token of the application that sends." },
	{ .name = "api_url", .kind = FIELD_URL, .flags = FIELD_OURS, PLACE(api_url),
	    .doc = "Where messages go; Pushover's API when absent." },
	STOCK(title, "pushover.default.title", "Title, at most 250 characters; Alertmanager's subject when absent."),
	STOCK(message, "pushover.default.message", "Message, at most 1024 characters; each alert with its summary and labels when absent."),
	STOCK(url, "pushover.default.url", "What the message opens; the page of this receiver's alerts when absent."),
	OWN(url_title, "Words of the link."),
	OWN(device, "Devices to send to, with commas between them; all when absent."),
	OWN(sound, "Name of the sound."),
	OWN(priority, "-2 to 2; 2 while anything fires, else 0, when absent."),
	{ .name = "retry", .kind = FIELD_DURATION, .flags = FIELD_GO_DURATION,
	    .fallback = "1m", PLACE(retry),
	    .doc = "How often the phone repeats a message of priority 2; at least 30s." },
	{ .name = "expire", .kind = FIELD_DURATION, .flags = FIELD_GO_DURATION,
	    .fallback = "1h", PLACE(expire),
	    .doc = "How long it does so; at most 3h." },
	{ .name = "ttl", .kind = FIELD_DURATION, .flags = FIELD_GO_DURATION,
	    .fallback = "0s", PLACE(ttl),
	    .doc = "The message is deleted after this time; 0s: never." },
	{ .name = "html", .kind = FIELD_BOOL, .fallback = "false", PLACE(html),
	    .doc = "The message is HTML." },
	{ .name = "monospace", .kind = FIELD_BOOL, .fallback = "false", PLACE(monospace),
	    .doc = "The message is shown in a font of fixed width." },
};
/* clang-format on */

static const struct schema pushover_schema = {
	.name = "pushover_configs",
	.doc = "A push message through Pushover.",
	.size = sizeof(struct pushover_settings),
	SCHEMA_FIELDS(pushover_fields),
	.pos_offset = offsetof(struct pushover_settings, common.pos) + 1,
};

const struct integration_kind receiver_pushover_kind = {
	.name = "pushover",
	.schema = &pushover_schema,
	.finish = pushover_finish,
};

const struct receiver_ops receiver_pushover = {
	.kind = &receiver_pushover_kind,
	.render = pushover_render,
	.classify = pushover_classify,
};
