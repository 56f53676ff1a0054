/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Microsoft Teams, the incoming webhooks of old: a message card.
 *
 * Microsoft takes these connectors out of service; msteamsv2_configs writes to
 * the workflows that replace them.
 */
#include "config.h"

#include "receiver/teams.h"
#include "receiver/types.h"

struct msteams_settings {
	struct teams_settings teams; /* first */
	struct template *summary;
};

/* Alertmanager's. */
static struct str
color_of(const struct notification *n)
{
	return n->firing ? STR("8C1A1A") : STR("2DC72D");
}

static void
put_action(struct draft *d, const char *name, struct str url)
{
	if (!message_url_is_good(url) || url.n > TEAMS_URL_BYTES_MAX)
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
put_card(struct draft *d, const void *arg, uint32_t bytes_max)
{
	const struct msteams_settings *settings = arg;
	const struct teams_settings *teams = &settings->teams;
	struct str title = draft_expanded(d, teams->title, draft_subject(d));
	struct str summary = draft_expanded(d, settings->summary, draft_subject(d));

	buf_putc(d->out, '{');
	draft_given(d, "@context", STR("http://schema.org/extensions"));
	draft_given(d, "@type", STR("MessageCard"));
	draft_given(d, "type", STR("MessageCard")); /* as Alertmanager has it */
	draft_given(d, "title", draft_cut(d, title, TEAMS_TITLE_RUNES_MAX));
	draft_given(d, "summary", draft_cut(d, summary, TEAMS_TITLE_RUNES_MAX));
	draft_given(d, "text", teams_text(d, teams, bytes_max));
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
	return teams_render(settings, n, put_card, arena, request, err);
}

/* clang-format off */
static const struct schema_field msteams_fields[] = {
	INTEGRATION_FIELDS("true"),
	{ .name = "webhook_url", .kind = FIELD_SECRET,
	    .offset = offsetof(struct msteams_settings, teams.webhook_url),
	    .doc = "URL of the channel's incoming webhook." },
	STOCK_ROW(msteams_settings, teams.title, "title", "msteams.default.title",
	    "Heading; Alertmanager's subject when absent."),
	STOCK_ROW(msteams_settings, summary, "summary", "msteams.default.summary",
	    "Words of the notification; Alertmanager's subject when absent."),
	STOCK_ROW(msteams_settings, teams.text, "text", "msteams.default.text",
	    "Body; each alert with its summary and labels when absent."),
};
/* clang-format on */

static const struct schema msteams_schema = {
	.name = "msteams_configs",
	.doc = "A message card to an incoming webhook of Microsoft Teams, which Microsoft takes "
	       "out of service: msteamsv2_configs is its successor.",
	.size = sizeof(struct msteams_settings),
	SCHEMA_FIELDS(msteams_fields),
	.pos_offset = offsetof(struct msteams_settings, teams.common.pos) + 1,
};

const struct integration_kind receiver_msteams_kind = {
	.name = "msteams",
	.schema = &msteams_schema,
	.finish = teams_finish,
};

const struct receiver_ops receiver_msteams = {
	.kind = &receiver_msteams_kind,
	.render = msteams_render,
	.classify = teams_classify,
};
