/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Discord: one embed to a webhook.
 *
 * The title is Alertmanager's; description, fields and colour are ours where
 * the configuration gives none.
 */
#include "config.h"

#include "receiver/draft.h"
#include "receiver/text.h"
#include "receiver/types.h"

/* Together at most the 6000 characters that Discord takes. */
#define TITLE_RUNES_MAX       256
#define DESCRIPTION_RUNES_MAX 4096
#define FIELD_RUNES_MAX       1024
#define SEVERITY_RUNES_MAX    100
#define CONTENT_RUNES_MAX     2000
#define USERNAME_RUNES_MAX    80

struct discord_settings {
	struct integration_common common;
	struct secret webhook_url;
	struct template *title, *message, *content, *username, *avatar_url;
};

static unsigned
color_of(const struct notification *n)
{
	if (!n->firing)
		return 0x2eb67d;
	switch (message_level(message_severity(n))) {
	case LEVEL_INFO:
		return 0x36c5f0;
	case LEVEL_WARNING:
		return 0xecb22e;
	case LEVEL_ERROR:
	case LEVEL_CRITICAL:
	case LEVEL_COUNT:
		break;
	}
	return 0xe01e5a;
}

static struct str
description_of(struct draft *d, const struct discord_settings *discord)
{
	struct text_limit limit = { DESCRIPTION_RUNES_MAX, false };

	if (discord->message != NULL)
		return draft_cut(
		    d, draft_expanded(d, discord->message, STR("")), DESCRIPTION_RUNES_MAX);
	buf_clear(&d->scratch);
	text_put_alerts(d->n, MARKUP_DISCORD, limit, &d->scratch);
	return arena_str(d->arena, buf_str(&d->scratch));
}

static void
put_field(struct draft *d, const char *name, struct str value)
{
	draft_open(d, NULL, '{');
	draft_given(d, "name", str_from(name));
	draft_given(d, "value", value);
	draft_key(d, "inline");
	buf_puts(d->out, "true}");
}

static void
put_fields(struct draft *d)
{
	struct str severity = message_severity(d->n);
	struct str runbook = message_runbook(d->n);

	draft_open(d, "fields", '[');
	if (str_trim(severity).n > 0) {
		buf_clear(&d->scratch);
		text_put(&d->scratch, MARKUP_DISCORD, severity, SEVERITY_RUNES_MAX);
		put_field(d, "Severity", arena_str(d->arena, buf_str(&d->scratch)));
	}
	buf_clear(&d->scratch);
	message_counts(d->n, &d->scratch);
	if (d->scratch.n > 0)
		put_field(d, "Alerts", arena_str(d->arena, buf_str(&d->scratch)));
	if (runbook.n > 0) {
		buf_clear(&d->scratch);
		text_put_link(&d->scratch, MARKUP_DISCORD, runbook, "Runbook");
		if (str_runes(buf_str(&d->scratch)) <= FIELD_RUNES_MAX)
			put_field(d, "Runbook", arena_str(d->arena, buf_str(&d->scratch)));
	}
	buf_putc(d->out, ']');
}

static void
put_embed(struct draft *d, const struct discord_settings *discord)
{
	struct str title =
	    discord->title != NULL ? draft_expanded(d, discord->title, STR("")) : draft_subject(d);
	struct str link = draft_link(d);

	draft_open(d, NULL, '{');
	draft_text(d, "title", draft_cut(d, title, TITLE_RUNES_MAX));
	if (message_url_is_good(link))
		draft_text(d, "url", link);
	draft_text(d, "description", description_of(d, discord));
	draft_key(d, "color");
	buf_printf(d->out, "%u", color_of(d->n));
	put_fields(d);
	buf_putc(d->out, '}');
}

static int
discord_render(const void *settings, const struct notification *n, struct arena *arena,
    struct xfer_request *request, struct err *err)
{
	const struct discord_settings *discord = settings;
	struct draft d = draft_new(n, arena, &request->body);
	struct str url = STR("");
	int rc = draft_secret(&d, &discord->webhook_url, "Discord webhook URL", &url, err);

	if (rc < 0)
		return rc;
	draft_post(request, &discord->common);
	buf_put_str(&request->url, url);
	buf_putc(d.out, '{');
	draft_given(&d, "content",
	    draft_cut(&d, draft_expanded(&d, discord->content, STR("")), CONTENT_RUNES_MAX));
	draft_open(&d, "embeds", '[');
	put_embed(&d, discord);
	buf_putc(d.out, ']');
	draft_text(&d, "username",
	    draft_cut(
		&d, str_trim(draft_expanded(&d, discord->username, STR(""))), USERNAME_RUNES_MAX));
	draft_text(&d, "avatar_url", str_trim(draft_expanded(&d, discord->avatar_url, STR(""))));
	buf_puts(d.out, "}\n");
	draft_fini(&d);
	return 0;
}

/* 204, or 429 with {"message":"...","retry_after":1.337,"global":false}. */
static struct verdict
verdict_of(const struct xfer_response *response)
{
	struct verdict verdict = message_classify_http(response);

	if (response->failure == ERR_NONE && response->status == 429)
		draft_retry_after(&verdict, response->body, "retry_after");
	return verdict;
}

static struct verdict
discord_classify(
    const void *settings, const struct notification *n UNUSED, const struct xfer_response *response)
{
	const struct discord_settings *discord = settings;
	struct verdict verdict = verdict_of(response);

	draft_hide(&verdict, &discord->webhook_url);
	return verdict;
}

static void
discord_finish(
    struct schema_context *ctx, void *settings, const struct config_global *global UNUSED)
{
	struct discord_settings *discord = settings;

	if (!secret_is_set(&discord->webhook_url))
		diag_error(ctx->diag, discord->common.pos,
		    "no Discord webhook: give webhook_url or "
		    "webhook_url_file");
	else if (discord->webhook_url.value != NULL &&
		 !message_url_is_good(str_from(discord->webhook_url.value)))
		diag_error(ctx->diag, discord->common.pos,
		    "the webhook_url must begin with https:// and hold no "
		    "spaces");
}

/* clang-format off */
#define OWN(member, text) TEMPLATE_ROW(discord_settings, member, #member, 0, text)
#define STOCK(member, name, text) STOCK_ROW(discord_settings, member, #member, name, text)

static const struct schema_field discord_fields[] = {
	INTEGRATION_FIELDS("true"),
	{ .name = "webhook_url", .kind = FIELD_SECRET,
	    .offset = offsetof(struct discord_settings, webhook_url),
	    .doc = "URL of the channel's webhook." },
	STOCK(title, "discord.default.title", "Heading, at most 256 characters; Alertmanager's subject when absent."),
	STOCK(message, "discord.default.message", "Body, at most 4096 characters; each alert with its summary and labels when absent."),
	STOCK(content, "discord.default.content", "Text above the embed, at most 2000 characters; here mentions work."),
	OWN(username, "Name shown as the sender; the webhook's when absent."),
	OWN(avatar_url, "Picture shown as the sender."),
};
/* clang-format on */

static const struct schema discord_schema = {
	.name = "discord_configs",
	.doc = "A message through a webhook of Discord.",
	.size = sizeof(struct discord_settings),
	SCHEMA_FIELDS(discord_fields),
	.pos_offset = offsetof(struct discord_settings, common.pos) + 1,
};

const struct integration_kind receiver_discord_kind = {
	.name = "discord",
	.schema = &discord_schema,
	.finish = discord_finish,
};

const struct receiver_ops receiver_discord = {
	.kind = &receiver_discord_kind,
	.render = discord_render,
	.classify = discord_classify,
};
