/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Microsoft Teams: an adaptive card to a workflow's webhook.
 *
 * A workflow takes about 28 KB; the text is shortened until the card fits.
 */
#include "config.h"

#include <string.h>

#include "receiver/draft.h"
#include "receiver/text.h"
#include "receiver/types.h"

#define CARD_BYTES_MAX  28000
#define TITLE_RUNES_MAX 1024
#define TEXT_BYTES_KEPT 20000 /* leaves room for title, facts and JSON's escapes */
#define FACT_RUNES_MAX  200
#define URL_BYTES_MAX   2000

struct msteamsv2_settings {
	struct integration_common common;
	struct secret webhook_url;
	struct template *title, *text;
};

static const char *
color_of(const struct notification *n)
{
	if (!n->firing)
		return "Good";
	switch (message_level(message_severity(n))) {
	case LEVEL_INFO:
		return "Accent";
	case LEVEL_WARNING:
		return "Warning";
	case LEVEL_ERROR:
	case LEVEL_CRITICAL:
	case LEVEL_COUNT:
		break;
	}
	return "Attention";
}

static struct str
kept(struct draft *d)
{
	return arena_str(d->arena, buf_str(&d->scratch));
}

static struct str
title_of(struct draft *d, const struct msteamsv2_settings *teams)
{
	if (teams->title != NULL)
		return draft_cut(d, draft_expanded(d, teams->title, STR("")), TITLE_RUNES_MAX);
	struct str subject = draft_subject(d);

	buf_clear(&d->scratch);
	text_put(&d->scratch, MARKUP_CARD, subject, TITLE_RUNES_MAX);
	return kept(d);
}

static struct str
text_of(struct draft *d, const struct msteamsv2_settings *teams, uint32_t bytes_max)
{
	struct text_limit limit = { bytes_max, true };

	if (teams->text != NULL)
		return draft_cut_bytes(d, draft_expanded(d, teams->text, STR("")), bytes_max);
	buf_clear(&d->scratch);
	text_put_alerts(d->n, MARKUP_CARD, limit, &d->scratch);
	return draft_cut_bytes(d, kept(d), bytes_max);
}

static void
put_fact(struct draft *d, const char *title, struct str value)
{
	draft_open(d, NULL, '{');
	draft_given(d, "title", str_from(title));
	draft_given(d, "value", value);
	buf_putc(d->out, '}');
}

static void
put_facts(struct draft *d)
{
	struct str severity = message_severity(d->n);

	draft_open(d, NULL, '{');
	draft_given(d, "type", STR("FactSet"));
	draft_open(d, "facts", '[');
	if (str_trim(severity).n > 0) {
		buf_clear(&d->scratch);
		text_put(&d->scratch, MARKUP_CARD, severity, FACT_RUNES_MAX);
		put_fact(d, "Severity", kept(d));
	}
	buf_clear(&d->scratch);
	message_counts(d->n, &d->scratch);
	put_fact(d, "Alerts", kept(d));
	buf_puts(d->out, "]}");
}

static void
put_action(struct draft *d, const char *title, struct str url)
{
	if (!message_url_is_good(url) || url.n > URL_BYTES_MAX)
		return;
	draft_open(d, NULL, '{');
	draft_given(d, "type", STR("Action.OpenUrl"));
	draft_given(d, "title", str_from(title));
	draft_given(d, "url", url);
	buf_putc(d->out, '}');
}

static void
put_body(struct draft *d, const struct msteamsv2_settings *teams, uint32_t bytes_max)
{
	draft_open(d, "body", '[');
	draft_open(d, NULL, '{');
	draft_given(d, "type", STR("TextBlock"));
	draft_given(d, "weight", STR("Bolder"));
	draft_given(d, "size", STR("Medium"));
	draft_key(d, "wrap");
	buf_puts(d->out, "true");
	draft_given(d, "style", STR("heading"));
	draft_given(d, "color", str_from(color_of(d->n)));
	draft_given(d, "text", title_of(d, teams));
	buf_putc(d->out, '}');
	put_facts(d);
	draft_open(d, NULL, '{');
	draft_given(d, "type", STR("TextBlock"));
	draft_key(d, "wrap");
	buf_puts(d->out, "true");
	draft_given(d, "text", text_of(d, teams, bytes_max));
	buf_puts(d->out, "}]");
}

static void
put_card(struct draft *d, const struct msteamsv2_settings *teams, uint32_t bytes_max)
{
	buf_puts(d->out, "{\"type\":\"message\",\"attachments\":[{");
	draft_given(d, "contentType", STR("application/vnd.microsoft.card.adaptive"));
	draft_open(d, "content", '{');
	draft_given(d, "$schema", STR("http://adaptivecards.io/schemas/adaptive-card.json"));
	draft_given(d, "type", STR("AdaptiveCard"));
	draft_given(d, "version", STR("1.4"));
	put_body(d, teams, bytes_max);
	draft_open(d, "actions", '[');
	put_action(d, "Runbook", message_runbook(d->n));
	put_action(d, "Alerts", draft_link(d));
	buf_putc(d->out, ']');
	draft_open(d, "msteams", '{');
	draft_given(d, "width", STR("full"));
	buf_puts(d->out, "}}}]}\n");
}

static int
msteamsv2_render(const void *settings, const struct notification *n, struct arena *arena,
    struct xfer_request *request, struct err *err)
{
	const struct msteamsv2_settings *teams = settings;
	struct draft d = draft_new(n, arena, &request->body);
	uint32_t bytes_max = TEXT_BYTES_KEPT;
	struct str url = STR("");
	int rc = draft_secret(&d, &teams->webhook_url, "Teams webhook URL", &url, err);

	if (rc < 0)
		return rc;
	draft_post(request, &teams->common);
	buf_put_str(&request->url, url);
	/* JSON's escapes may take more than was kept for them. */
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

/* Connectors of old hide what went wrong in the text of an answer 200. */
static struct verdict
verdict_of(const struct xfer_response *response)
{
	struct verdict verdict = message_classify_http(response);

	if (verdict.kind != DELIVERY_OK ||
	    !contains(response->body, "Webhook message delivery failed"))
		return verdict;
	verdict.kind =
	    contains(response->body, "HTTP error 429") || contains(response->body, "HTTP error 5")
		? DELIVERY_RETRY
		: DELIVERY_REJECTED;
	return verdict;
}

static struct verdict
msteamsv2_classify(
    const void *settings, const struct notification *n UNUSED, const struct xfer_response *response)
{
	const struct msteamsv2_settings *msteamsv2 = settings;
	struct verdict verdict = verdict_of(response);

	draft_hide(&verdict, &msteamsv2->webhook_url);
	return verdict;
}

static void
msteamsv2_finish(
    struct schema_context *ctx, void *settings, const struct config_global *global UNUSED)
{
	struct msteamsv2_settings *teams = settings;

	if (!secret_is_set(&teams->webhook_url))
		diag_error(ctx->diag, teams->common.pos,
		    "no Teams webhook: give webhook_url or webhook_url_file");
	else if (teams->webhook_url.value != NULL &&
		 !message_url_is_good(str_from(teams->webhook_url.value)))
		diag_error(ctx->diag, teams->common.pos,
		    "the webhook_url must begin with https:// and hold no "
		    "spaces");
}

/* clang-format off */
static const struct schema_field msteamsv2_fields[] = {
	INTEGRATION_FIELDS("true"),
	{ .name = "webhook_url", .kind = FIELD_SECRET,
	    .offset = offsetof(struct msteamsv2_settings, webhook_url),
	    .doc = "URL of the workflow that posts to the channel." },
	STOCK_ROW(msteamsv2_settings, title, "title", "msteamsv2.default.title",
	    "Heading; Alertmanager's subject when absent."),
	STOCK_ROW(msteamsv2_settings, text, "text", "msteamsv2.default.text",
	    "Body; each alert with its summary and labels when absent."),
};
/* clang-format on */

static const struct schema msteamsv2_schema = {
	.name = "msteamsv2_configs",
	.doc = "An adaptive card to a workflow of Microsoft Teams.",
	.size = sizeof(struct msteamsv2_settings),
	SCHEMA_FIELDS(msteamsv2_fields),
	.pos_offset = offsetof(struct msteamsv2_settings, common.pos) + 1,
};

const struct integration_kind receiver_msteamsv2_kind = {
	.name = "msteamsv2",
	.schema = &msteamsv2_schema,
	.finish = msteamsv2_finish,
};

const struct receiver_ops receiver_msteamsv2 = {
	.kind = &receiver_msteamsv2_kind,
	.render = msteamsv2_render,
	.classify = msteamsv2_classify,
};
