/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Microsoft Teams, the incoming webhooks of old: a message card.
 *
 * Microsoft takes these connectors out of service; msteamsv2_configs writes to
 * the workflows that replace them.
 */
#include "config.h"

#include <string.h>

#include "receiver/draft.h"
#include "receiver/text.h"
#include "receiver/types.h"

#define CARD_BYTES_MAX  28000
#define TITLE_RUNES_MAX 1024
#define TEXT_BYTES_KEPT 20000 /* leaves room for the rest and JSON's escapes */
#define URL_BYTES_MAX   2000

struct msteams_settings {
	struct integration_common common;
	struct secret webhook_url;
	struct template *title, *summary, *text;
};

/* Alertmanager's. */
static struct str
color_of(const struct notification *n)
{
	return n->firing ? STR("8C1A1A") : STR("2DC72D");
}

static struct str
text_of(struct draft *d, const struct msteams_settings *teams, uint32_t bytes_max)
{
	struct text_limit limit = { bytes_max, true };

	if (teams->text != NULL)
		return draft_cut_bytes(d, draft_expanded(d, teams->text, STR("")), bytes_max);
	buf_clear(&d->scratch);
	text_put_alerts(d->n, MARKUP_CARD, limit, &d->scratch);
	return arena_str(d->arena, buf_str(&d->scratch));
}

static void
put_action(struct draft *d, const char *name, struct str url)
{
	if (!message_url_is_good(url) || url.n > URL_BYTES_MAX)
		return;
	draft_open(d, NULL, '{');
	draft_given(d, "@type", STR("OpenUri"));
	draft_given(d, "name", str_from(name));
	draft_open(d, "targets", '[');
	draft_open(d, NULL, '{');
	draft_given(d, "os", STR("default"));
	draft_given(d, "uri", url);
	buf_puts(d->out, "}]}");
}

static void
put_card(struct draft *d, const struct msteams_settings *teams, uint32_t bytes_max)
{
	struct str title = draft_expanded(d, teams->title, draft_subject(d));
	struct str summary = draft_expanded(d, teams->summary, draft_subject(d));

	buf_putc(d->out, '{');
	draft_given(d, "@context", STR("http://schema.org/extensions"));
	draft_given(d, "@type", STR("MessageCard"));
	draft_given(d, "type", STR("MessageCard")); /* as Alertmanager has it */
	draft_given(d, "title", draft_cut(d, title, TITLE_RUNES_MAX));
	draft_given(d, "summary", draft_cut(d, summary, TITLE_RUNES_MAX));
	draft_given(d, "text", text_of(d, teams, bytes_max));
	draft_given(d, "themeColor", color_of(d->n));
	draft_open(d, "potentialAction", '[');
	put_action(d, "Runbook", message_runbook(d->n));
	put_action(d, "Alerts", draft_link(d));
	buf_puts(d->out, "]}\n");
}

static int
msteams_render(const void *settings, const struct notification *n, struct arena *arena,
    struct xfer_request *request, struct err *err)
{
	const struct msteams_settings *teams = settings;
	struct draft d = draft_new(n, arena, &request->body);
	uint32_t bytes_max = TEXT_BYTES_KEPT;
	struct str url = STR("");
	int rc = draft_secret(&d, &teams->webhook_url, "Teams webhook URL", &url, err);

	if (rc < 0)
		return rc;
	draft_post(request, &teams->common);
	buf_put_str(&request->url, url);
	do {
		buf_clear(d.out);
		put_card(&d, teams, bytes_max);
		bytes_max /= 2;
	} while (d.out->n > CARD_BYTES_MAX && bytes_max > 100);
	draft_fini(&d);
	if (request->body.n > CARD_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "the card exceeds %d bytes even with a short text",
		    CARD_BYTES_MAX);
	return 0;
}

static bool
contains(struct str text, const char *words)
{
	return memmem(text.p, text.n, words, strlen(words)) != NULL;
}

/* A connector says in the text of an answer 200 what went wrong; success is "1". */
static struct verdict
msteams_classify(
    const void *settings, const struct notification *n UNUSED, const struct xfer_response *response)
{
	const struct msteams_settings *teams = settings;
	struct verdict verdict = message_classify_http(response);

	if (verdict.kind == DELIVERY_OK &&
	    contains(response->body, "Webhook message delivery failed"))
		verdict.kind = contains(response->body, "HTTP error 429") ||
				       contains(response->body, "HTTP error 5")
				   ? DELIVERY_RETRY
				   : DELIVERY_REJECTED;
	draft_hide(&verdict, &teams->webhook_url);
	return verdict;
}

static void
msteams_finish(
    struct schema_context *ctx, void *settings, const struct config_global *global UNUSED)
{
	struct msteams_settings *teams = settings;

	if (!secret_is_set(&teams->webhook_url))
		diag_error(ctx->diag, teams->common.pos,
		    "no Teams webhook: give webhook_url or webhook_url_file");
	else if (teams->webhook_url.value != NULL &&
		 !message_url_is_good(str_from(teams->webhook_url.value)))
		diag_error(ctx->diag, teams->common.pos,
		    "the webhook_url must begin with https:// and hold no spaces");
}

/* clang-format off */
static const struct schema_field msteams_fields[] = {
	INTEGRATION_FIELDS("true"),
	{ .name = "webhook_url", .kind = FIELD_SECRET,
	    .offset = offsetof(struct msteams_settings, webhook_url),
	    .doc = "URL of the channel's incoming webhook." },
	STOCK_ROW(msteams_settings, title, "title", "msteams.default.title",
	    "Heading; Alertmanager's subject when absent."),
	STOCK_ROW(msteams_settings, summary, "summary", "msteams.default.summary",
	    "Words of the notification; Alertmanager's subject when absent."),
	STOCK_ROW(msteams_settings, text, "text", "msteams.default.text",
	    "Body; each alert with its summary and labels when absent."),
};
/* clang-format on */

static const struct schema msteams_schema = {
	.name = "msteams_configs",
	.doc = "A message card to an incoming webhook of Microsoft Teams, which Microsoft takes "
	       "out of service: msteamsv2_configs is its successor.",
	.size = sizeof(struct msteams_settings),
	SCHEMA_FIELDS(msteams_fields),
	.pos_offset = offsetof(struct msteams_settings, common.pos) + 1,
};

const struct integration_kind receiver_msteams_kind = {
	.name = "msteams",
	.schema = &msteams_schema,
	.finish = msteams_finish,
};

const struct receiver_ops receiver_msteams = {
	.kind = &receiver_msteams_kind,
	.render = msteams_render,
	.classify = msteams_classify,
};
