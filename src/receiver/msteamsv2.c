/* SPDX-License-Identifier: Apache-2.0 */
/* Microsoft Teams: an adaptive card to a workflow's webhook. */
#include "config.h"

#include "receiver/teams.h"
#include "receiver/text.h"
#include "receiver/types.h"

#define FACT_RUNES_MAX 200

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
title_of(struct draft *d, const struct teams_settings *teams)
{
	if (teams->title != NULL)
		return draft_cut(
		    d, draft_expanded(d, teams->title, STR("")), TEAMS_TITLE_RUNES_MAX);
	struct str subject = draft_subject(d);

	buf_clear(&d->scratch);
	text_put(&d->scratch, MARKUP_CARD, subject, TEAMS_TITLE_RUNES_MAX);
	return kept(d);
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
	if (!message_url_is_good(url) || url.n > TEAMS_URL_BYTES_MAX)
		return;
	draft_open(d, NULL, '{');
	draft_given(d, "type", STR("Action.OpenUrl"));
	draft_given(d, "title", str_from(title));
	draft_given(d, "url", url);
	buf_putc(d->out, '}');
}

static void
put_body(struct draft *d, const struct teams_settings *teams, uint32_t bytes_max)
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
	draft_given(d, "text", teams_text(d, teams, bytes_max));
	buf_puts(d->out, "}]");
}

static void
put_card(struct draft *d, const void *settings, uint32_t bytes_max)
{
	buf_puts(d->out, "{\"type\":\"message\",\"attachments\":[{");
	draft_given(d, "contentType", STR("application/vnd.microsoft.card.adaptive"));
	draft_open(d, "content", '{');
	draft_given(d, "$schema", STR("http://adaptivecards.io/schemas/adaptive-card.json"));
	draft_given(d, "type", STR("AdaptiveCard"));
	draft_given(d, "version", STR("1.4"));
	put_body(d, settings, bytes_max);
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
	return teams_render(settings, n, put_card, arena, request, err);
}

/* clang-format off */
static const struct schema_field msteamsv2_fields[] = {
	INTEGRATION_FIELDS("true"),
	{ .name = "webhook_url", .kind = FIELD_SECRET,
	    .offset = offsetof(struct teams_settings, webhook_url),
	    .doc = "URL of the workflow that posts to the channel." },
	STOCK_ROW(teams_settings, title, "title", "msteamsv2.default.title",
	    "Heading; Alertmanager's subject when absent."),
	STOCK_ROW(teams_settings, text, "text", "msteamsv2.default.text",
	    "Body; each alert with its summary and labels when absent."),
};
/* clang-format on */

static const struct schema msteamsv2_schema = {
	.name = "msteamsv2_configs",
	.doc = "An adaptive card to a workflow of Microsoft Teams.",
	.size = sizeof(struct teams_settings),
	SCHEMA_FIELDS(msteamsv2_fields),
	.pos_offset = offsetof(struct teams_settings, common.pos) + 1,
};

const struct integration_kind receiver_msteamsv2_kind = {
	.name = "msteamsv2",
	.schema = &msteamsv2_schema,
	.finish = teams_finish,
};

const struct receiver_ops receiver_msteamsv2 = {
	.kind = &receiver_msteamsv2_kind,
	.render = msteamsv2_render,
	.classify = teams_classify,
};
