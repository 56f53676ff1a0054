/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mattermost: a post through an incoming webhook.
 *
 * With `attachments` or `text` the post is what they say.  Otherwise it has
 * one attachment: title and title link are Alertmanager's; text, fields and
 * colour are ours where the configuration gives none.
 */
#include "config.h"

#include <strings.h>

#include "receiver/attachment.h"
#include "receiver/types.h"

#define POST_RUNES_MAX 16383
#define TEXT_RUNES_MAX 4000

struct mattermost_attachment {
	struct template *fallback, *color, *pretext, *text;
	struct template *author_name, *author_link, *author_icon;
	struct template *title, *title_link, *thumb_url, *image_url, *footer, *footer_icon;
	struct sub_list fields;
};

struct mattermost_props {
	struct template *card;
};

struct mattermost_priority {
	struct template *priority;
	bool requested_ack, persistent_notifications;
};

struct mattermost_settings {
	struct integration_common common;
	struct secret webhook_url;
	struct template *channel, *username, *icon_url, *icon_emoji, *type;
	struct mattermost_attachment main; /* text: the post's own unless other parts are given */
	bool has_main;                     /* some of these parts are given */
	struct sub_list attachments;
	const struct mattermost_props *props;
	const struct mattermost_priority *priority;
};

static void
put_template(struct draft *d, const char *key, const struct template *t)
{
	draft_text(d, key, draft_cut(d, draft_expanded(d, t, STR("")), POST_RUNES_MAX));
}

static void
put_rest(struct draft *d, const struct mattermost_attachment *a)
{
	put_template(d, "pretext", a->pretext);
	put_template(d, "author_name", a->author_name);
	put_template(d, "author_link", a->author_link);
	put_template(d, "author_icon", a->author_icon);
	put_template(d, "thumb_url", a->thumb_url);
	put_template(d, "image_url", a->image_url);
	put_template(d, "footer", a->footer);
	put_template(d, "footer_icon", a->footer_icon);
}

/* As given: what is absent is left out. */
static void
put_given(struct draft *d, const struct mattermost_attachment *a)
{
	draft_open(d, NULL, '{');
	put_template(d, "fallback", a->fallback);
	put_template(d, "color", a->color);
	put_template(d, "title", a->title);
	put_template(d, "title_link", a->title_link);
	put_template(d, "text", a->text);
	put_rest(d, a);
	if (a->fields.n > 0)
		attachment_put_fields(d, &a->fields, false, MARKUP_MATTERMOST);
	buf_putc(d->out, '}');
}

static void
put_own(struct draft *d, const struct mattermost_attachment *a)
{
	struct str title = draft_expanded(d, a->title, draft_subject(d));
	struct str link = draft_expanded(d, a->title_link, draft_link(d));
	struct str fallback =
	    str_from(arena_printf(d->arena, "%.*s | %.*s", STR_ARG(title), STR_ARG(link)));

	draft_open(d, NULL, '{');
	draft_text(d, "fallback", draft_expanded(d, a->fallback, fallback));
	draft_text(d, "color", draft_expanded(d, a->color, attachment_color(d->n)));
	draft_text(d, "title", draft_cut(d, title, POST_RUNES_MAX));
	draft_text(d, "title_link", link);
	if (a->text != NULL)
		put_template(d, "text", a->text);
	else
		draft_text(d, "text", attachment_text(d, MARKUP_MATTERMOST, TEXT_RUNES_MAX));
	put_rest(d, a);
	attachment_put_fields(d, &a->fields, false, MARKUP_MATTERMOST);
	buf_putc(d->out, '}');
}

/* Mattermost refuses an acknowledgement of standard posts, and urging for what is not urgent. */
static void
put_priority(struct draft *d, const struct mattermost_priority *given)
{
	struct str word = str_trim(draft_expanded(d, given->priority, STR("")));
	bool urgent = strcasecmp(word.p, "urgent") == 0;
	bool important = strcasecmp(word.p, "important") == 0;

	if (word.n == 0)
		return;
	draft_open(d, "priority", '{');
	draft_given(d, "priority",
	    urgent      ? STR("urgent")
	    : important ? STR("important")
			: STR("standard"));
	if (given->requested_ack && (urgent || important)) {
		draft_key(d, "requested_ack");
		buf_puts(d->out, "true");
	}
	if (given->persistent_notifications && urgent) {
		draft_key(d, "persistent_notifications");
		buf_puts(d->out, "true");
	}
	buf_putc(d->out, '}');
}

static void
put_attachments(struct draft *d, const struct mattermost_settings *mattermost)
{
	const struct mattermost_attachment *main = &mattermost->main;

	if (mattermost->attachments.n == 0 && !mattermost->has_main && main->text != NULL)
		return;
	draft_open(d, "attachments", '[');
	if (mattermost->has_main || mattermost->attachments.n == 0)
		put_own(d, main);
	for (uint32_t i = 0; i < mattermost->attachments.n; i++)
		put_given(d, mattermost->attachments.items[i]);
	buf_putc(d->out, ']');
}

static int
mattermost_render(const void *settings, const struct notification *n, struct arena *arena,
    struct xfer_request *request, struct err *err)
{
	const struct mattermost_settings *mattermost = settings;
	struct draft d = draft_new(n, arena, &request->body);
	struct str url = STR("");
	int rc = draft_secret(&d, &mattermost->webhook_url, "Mattermost webhook URL", &url, err);

	if (rc < 0)
		return rc;
	draft_post(request, &mattermost->common);
	buf_put_str(&request->url, url);
	buf_putc(d.out, '{');
	if (!mattermost->has_main)
		put_template(&d, "text", mattermost->main.text);
	put_template(&d, "channel", mattermost->channel);
	put_template(&d, "username", mattermost->username);
	put_template(&d, "icon_url", mattermost->icon_url);
	put_template(&d, "icon_emoji", mattermost->icon_emoji);
	put_template(&d, "type", mattermost->type);
	put_attachments(&d, mattermost);
	if (mattermost->props != NULL) {
		draft_open(&d, "props", '{');
		put_template(&d, "card", mattermost->props->card);
		buf_putc(d.out, '}');
	}
	if (mattermost->priority != NULL)
		put_priority(&d, mattermost->priority);
	buf_puts(d.out, "}\n");
	draft_fini(&d);
	return 0;
}

/* 200 ok, or {"id":"...","message":"..."} */
static struct verdict
mattermost_classify(
    const void *settings, const struct notification *n UNUSED, const struct xfer_response *response)
{
	const struct mattermost_settings *mattermost = settings;
	struct verdict verdict = message_classify_http(response);

	draft_say_refusal(&verdict, response, "message", NULL);
	draft_hide(&verdict, &mattermost->webhook_url);
	return verdict;
}

static void
mattermost_finish(struct schema_context *ctx, void *settings, const struct config_global *global)
{
	struct mattermost_settings *mattermost = settings;
	const struct mattermost_attachment *main = &mattermost->main;

	if (!secret_is_set(&mattermost->webhook_url))
		mattermost->webhook_url = global->mattermost_webhook_url;
	if (!secret_is_set(&mattermost->webhook_url))
		diag_error(ctx->diag, mattermost->common.pos,
		    "no Mattermost webhook: give webhook_url or global.mattermost_webhook_url");
	else if (mattermost->webhook_url.value != NULL &&
		 !message_url_is_good(str_from(mattermost->webhook_url.value)))
		diag_error(ctx->diag, mattermost->common.pos,
		    "the webhook_url must begin with https:// and hold no spaces");
	mattermost->has_main =
	    main->fallback != NULL || main->color != NULL || main->pretext != NULL ||
	    main->author_name != NULL || main->author_link != NULL || main->author_icon != NULL ||
	    main->title != NULL || main->title_link != NULL || main->thumb_url != NULL ||
	    main->image_url != NULL || main->footer != NULL || main->footer_icon != NULL ||
	    main->fields.n > 0;
}

/* clang-format off */
#define PART(T, member, key, text) TEMPLATE_ROW(T, member, key, 0, text)
#define PARTS(T, in) \
	PART(T, in fallback, "fallback", "Text for clients that show no attachments."), \
	PART(T, in color, "color", "Colour of the bar."), \
	PART(T, in pretext, "pretext", "Text above the attachment."), \
	PART(T, in text, "text", "Body."), \
	PART(T, in author_name, "author_name", "Small print above the heading."), \
	PART(T, in author_link, "author_link", "What author_name opens."), \
	PART(T, in author_icon, "author_icon", "Picture beside author_name."), \
	PART(T, in title, "title", "Heading."), \
	PART(T, in title_link, "title_link", "What the heading opens."), \
	PART(T, in thumb_url, "thumb_url", "Small picture beside the text."), \
	PART(T, in image_url, "image_url", "Picture below the text."), \
	PART(T, in footer, "footer", "Small print."), \
	PART(T, in footer_icon, "footer_icon", "Picture beside the footer."), \
	{ .name = "fields", .kind = FIELD_SUB_LIST, .sub = &schema_attachment_field, \
	    .offset = offsetof(struct T, in fields), .doc = "Fields of the attachment." }

#define NOTHING /* before a member: of the struct itself */

static const struct schema_field attachment_fields[] = {
	PARTS(mattermost_attachment, NOTHING),
};

static const struct schema schema_attachment = {
	.name = "mattermost_configs.attachments",
	.doc = "A message attachment.",
	.size = sizeof(struct mattermost_attachment),
	SCHEMA_FIELDS(attachment_fields),
};

static const struct schema_field props_fields[] = {
	TEMPLATE_ROW(mattermost_props, card, "card", 0, "Markdown shown in the sidebar."),
};

static const struct schema schema_props = {
	.name = "mattermost_configs.props",
	.doc = "Properties of the post.",
	.size = sizeof(struct mattermost_props),
	SCHEMA_FIELDS(props_fields),
};

static const struct schema_field priority_fields[] = {
	TEMPLATE_ROW(mattermost_priority, priority, "priority", 0, "urgent, important or standard."),
	{ .name = "requested_ack", .kind = FIELD_BOOL, .fallback = "false",
	    .offset = offsetof(struct mattermost_priority, requested_ack),
	    .doc = "Ask readers to acknowledge; unless standard." },
	{ .name = "persistent_notifications", .kind = FIELD_BOOL, .fallback = "false",
	    .offset = offsetof(struct mattermost_priority, persistent_notifications),
	    .doc = "Remind those mentioned until they answer; when urgent." },
};

static const struct schema schema_priority = {
	.name = "mattermost_configs.priority",
	.doc = "How urgent a post is.",
	.size = sizeof(struct mattermost_priority),
	SCHEMA_FIELDS(priority_fields),
};

#define PLACE(member) .offset = offsetof(struct mattermost_settings, member)
#define OWN(member, text) TEMPLATE_ROW(mattermost_settings, member, #member, 0, text)

static const struct schema_field mattermost_fields[] = {
	INTEGRATION_FIELDS("true"),
	{ .name = "webhook_url", .kind = FIELD_SECRET, PLACE(webhook_url),
	    .doc = "URL of the incoming webhook; else global.mattermost_webhook_url." },
	OWN(channel, "Channel or @user to write to, where the webhook allows it."),
	OWN(username, "Name shown as the sender, where the server allows it."),
	OWN(icon_url, "Picture shown as the sender."),
	OWN(icon_emoji, "Emoji shown as the sender."),
	OWN(type, "Type of the post, such as custom_NAME."),
	PARTS(mattermost_settings, main.),
	{ .name = "attachments", .kind = FIELD_SUB_LIST, .sub = &schema_attachment,
	    PLACE(attachments), .doc = "Attachments as given, in place of our own." },
	{ .name = "props", .kind = FIELD_SUB, .sub = &schema_props, PLACE(props),
	    .doc = "Properties of the post." },
	{ .name = "priority", .kind = FIELD_SUB, .sub = &schema_priority, PLACE(priority),
	    .doc = "How urgent the post is." },
};
/* clang-format on */

static const struct schema mattermost_schema = {
	.name = "mattermost_configs",
	.doc = "A post through an incoming webhook of Mattermost.",
	.size = sizeof(struct mattermost_settings),
	SCHEMA_FIELDS(mattermost_fields),
	.pos_offset = offsetof(struct mattermost_settings, common.pos) + 1,
};

const struct integration_kind receiver_mattermost_kind = {
	.name = "mattermost",
	.schema = &mattermost_schema,
	.finish = mattermost_finish,
};

const struct receiver_ops receiver_mattermost = {
	.kind = &receiver_mattermost_kind,
	.render = mattermost_render,
	.classify = mattermost_classify,
};
