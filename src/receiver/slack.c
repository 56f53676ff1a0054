/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slack: one attachment to an incoming webhook.
 *
 * Title, title link, fallback and the order of keys are Alertmanager's; text,
 * fields and colour are ours where the configuration gives none: the colour
 * tells the severity, the text each alert, the fields severity, counts and
 * runbook.  Our own texts are escaped; a user's template is sent as it
 * expands, since it may hold links on purpose.
 */
#include "config.h"

#include "base/json.h"
#include "receiver/flag.h"
#include "receiver/slack_text.h"
#include "receiver/types.h"

#define FIELDS_MAX  50
#define ACTIONS_MAX 5 /* Slack's limit of one attachment */

struct slack_field {
	struct template *title, *value;
	enum flag short_; /* absent: as short_fields says */
};

struct slack_confirm {
	struct template *title, *text, *ok_text, *dismiss_text;
};

struct slack_action {
	struct template *type, *text, *url, *style, *name, *value;
	const struct slack_confirm *confirm;
};

struct slack_settings {
	struct integration_common common;
	struct secret api_url;
	struct template *channel, *username, *message_text;
	struct template *color, *title, *title_link, *pretext, *text, *fallback;
	struct template *footer, *callback_id, *icon_emoji, *icon_url;
	struct template *image_url, *thumb_url;
	struct sub_list fields, actions;
	struct string_list mrkdwn_in;
	bool short_fields, link_names;
	dur_t timeout;
};

/* ---- writing JSON ---------------------------------------------------------------- */

struct writer {
	const struct notification *n;
	struct buf *out;
	struct buf scratch, cut;
};

static void
put_key(struct writer *w, const char *key)
{
	char last = w->out->n > 0 ? w->out->p[w->out->n - 1] : '{';

	if (last != '{' && last != '[')
		buf_putc(w->out, ',');
	buf_putc(w->out, '"');
	buf_puts(w->out, key);
	buf_puts(w->out, "\":");
}

static void
put_text(struct writer *w, const char *key, struct str text)
{
	put_key(w, key);
	json_put_str(w->out, text);
}

/* What a template says, cut; left out when it says nothing. */
static void
put_template(struct writer *w, const char *key, const struct template *t,
    uint32_t max_runes)
{
	buf_clear(&w->scratch);
	message_expand(t, w->n, &w->scratch);
	if (w->scratch.n == 0)
		return;
	buf_clear(&w->cut);
	message_put_cut(&w->cut, buf_str(&w->scratch), max_runes);
	put_text(w, key, buf_str(&w->cut));
}

static void
put_given(struct writer *w, const char *key, const struct template *t)
{
	put_template(w, key, t, SLACK_GIVEN_RUNES_MAX);
}

/* ---- the attachment --------------------------------------------------------------- */

static const char *
color_of(const struct notification *n)
{
	if (!n->firing)
		return "#2eb67d";
	switch (message_level(message_severity(n))) {
	case LEVEL_INFO:
		return "#36c5f0";
	case LEVEL_WARNING:
		return "#ecb22e";
	case LEVEL_ERROR:
	case LEVEL_CRITICAL:
	case LEVEL_COUNT:
		break;
	}
	return "#e01e5a";
}

static void
put_title(struct writer *w, const struct slack_settings *slack, struct buf *title)
{
	buf_clear(title);
	buf_clear(&w->scratch);
	if (slack->title != NULL) {
		message_expand(slack->title, w->n, &w->scratch);
		message_put_cut(title, buf_str(&w->scratch),
		    SLACK_TITLE_RUNES_MAX);
	} else {
		message_subject(w->n, &w->scratch);
		slack_put_escaped(title, buf_str(&w->scratch),
		    SLACK_TITLE_RUNES_MAX);
	}
	put_text(w, "title", buf_str(title));
}

static void
put_title_link(struct writer *w, const struct slack_settings *slack)
{
	if (slack->title_link != NULL) {
		put_given(w, "title_link", slack->title_link);
		return;
	}
	buf_clear(&w->scratch);
	message_link(w->n, &w->scratch);
	put_text(w, "title_link", buf_str(&w->scratch));
}

static void
put_body(struct writer *w, const struct slack_settings *slack)
{
	/* With fields of one's own the runbook has no field. */
	bool runbooks = slack->fields.n > 0 || slack_runbooks_differ(w->n);

	if (slack->text != NULL) {
		put_given(w, "text", slack->text);
		return;
	}
	buf_clear(&w->scratch);
	slack_put_text(w->n, runbooks, &w->scratch);
	put_text(w, "text", buf_str(&w->scratch));
}

static void
put_fallback(struct writer *w, const struct slack_settings *slack,
    struct str title)
{
	if (slack->fallback != NULL) {
		put_given(w, "fallback", slack->fallback);
		return;
	}
	buf_clear(&w->scratch);
	buf_put_str(&w->scratch, title);
	buf_puts(&w->scratch, " | ");
	message_link(w->n, &w->scratch);
	put_text(w, "fallback", buf_str(&w->scratch));
}

static void
put_field(struct writer *w, const char *title, struct str value, bool is_short)
{
	if (w->out->p[w->out->n - 1] != '[')
		buf_putc(w->out, ',');
	buf_putc(w->out, '{');
	put_text(w, "title", str_from(title));
	put_text(w, "value", value);
	put_key(w, "short");
	buf_puts(w->out, is_short ? "true}" : "false}");
}

static void
put_own_fields(struct writer *w)
{
	struct str severity = message_severity(w->n);
	struct str runbook = message_runbook(w->n);

	if (severity.n > 0) {
		buf_clear(&w->scratch);
		slack_put_escaped(&w->scratch, severity, 100);
		put_field(w, "Severity", buf_str(&w->scratch), true);
	}
	buf_clear(&w->scratch);
	message_counts(w->n, &w->scratch);
	put_field(w, "Alerts", buf_str(&w->scratch), true);
	if (runbook.n > 0) {
		buf_clear(&w->scratch);
		slack_put_link(&w->scratch, runbook, "Runbook");
		put_field(w, "Runbook", buf_str(&w->scratch), false);
	}
}

static void
put_fields(struct writer *w, const struct slack_settings *slack)
{
	put_key(w, "fields");
	buf_putc(w->out, '[');
	if (slack->fields.n == 0)
		put_own_fields(w);
	for (uint32_t i = 0; i < slack->fields.n; i++) {
		const struct slack_field *field = slack->fields.items[i];
		bool is_short = flag_or(field->short_, slack->short_fields);

		buf_puts(w->out, i > 0 ? ",{" : "{");
		put_template(w, "title", field->title, SLACK_FIELD_RUNES_MAX);
		put_template(w, "value", field->value, SLACK_FIELD_RUNES_MAX);
		put_key(w, "short");
		buf_puts(w->out, is_short ? "true}" : "false}");
	}
	buf_putc(w->out, ']');
}

static void
put_action(struct writer *w, const struct slack_action *action)
{
	buf_putc(w->out, '{');
	put_given(w, "type", action->type);
	put_given(w, "text", action->text);
	put_given(w, "url", action->url);
	put_given(w, "style", action->style);
	put_given(w, "name", action->name);
	put_given(w, "value", action->value);
	if (action->confirm != NULL) {
		put_key(w, "confirm");
		buf_putc(w->out, '{');
		put_given(w, "text", action->confirm->text);
		put_given(w, "title", action->confirm->title);
		put_given(w, "ok_text", action->confirm->ok_text);
		put_given(w, "dismiss_text", action->confirm->dismiss_text);
		buf_putc(w->out, '}');
	}
	buf_putc(w->out, '}');
}

static void
put_actions(struct writer *w, const struct slack_settings *slack)
{
	if (slack->actions.n == 0)
		return;
	put_key(w, "actions");
	buf_putc(w->out, '[');
	for (uint32_t i = 0; i < slack->actions.n; i++) {
		if (i > 0)
			buf_putc(w->out, ',');
		put_action(w, slack->actions.items[i]);
	}
	buf_putc(w->out, ']');
}

static void
put_color(struct writer *w, const struct slack_settings *slack)
{
	if (slack->color != NULL)
		put_given(w, "color", slack->color);
	else
		put_text(w, "color", str_from(color_of(w->n)));
}

static void
put_mrkdwn_in(struct writer *w, const struct slack_settings *slack)
{
	put_key(w, "mrkdwn_in");
	if (!slack->mrkdwn_in.set) {
		buf_puts(w->out, "[\"fallback\",\"pretext\",\"text\"]");
		return;
	}
	buf_putc(w->out, '[');
	for (uint32_t i = 0; i < slack->mrkdwn_in.n; i++) {
		if (i > 0)
			buf_putc(w->out, ',');
		json_put_str(w->out, str_from(slack->mrkdwn_in.items[i]));
	}
	buf_putc(w->out, ']');
}

static void
put_attachment(struct writer *w, const struct slack_settings *slack)
{
	struct buf title = { 0 };

	buf_putc(w->out, '{');
	put_title(w, slack, &title);
	put_title_link(w, slack);
	put_given(w, "pretext", slack->pretext);
	put_body(w, slack);
	put_fallback(w, slack, buf_str(&title));
	put_given(w, "callback_id", slack->callback_id);
	put_given(w, "image_url", slack->image_url);
	put_given(w, "thumb_url", slack->thumb_url);
	put_given(w, "footer", slack->footer);
	put_fields(w, slack);
	put_actions(w, slack);
	put_color(w, slack);
	put_mrkdwn_in(w, slack);
	buf_putc(w->out, '}');
	buf_fini(&title);
}

static int
slack_render(const void *settings, const struct notification *n,
    struct arena *arena UNUSED, struct xfer_request *request, struct err *err)
{
	const struct slack_settings *slack = settings;
	struct writer w = { .n = n, .out = &request->body };
	int rc = secret_read(&slack->api_url, &request->url, err);

	if (rc < 0)
		return err_wrap(err, "Slack API URL");
	request->method = "POST";
	request->content_type = "application/json";
	request->http = slack->common.http;
	request->timeout = slack->timeout;
	request->response_bytes_max = RESPONSE_BYTES_MAX;
	buf_putc(w.out, '{');
	put_given(&w, "channel", slack->channel);
	if (slack->username != NULL)
		put_given(&w, "username", slack->username);
	else
		put_text(&w, "username", STR("Tocsin"));
	put_given(&w, "icon_emoji", slack->icon_emoji);
	put_given(&w, "icon_url", slack->icon_url);
	if (slack->link_names) {
		put_key(&w, "link_names");
		buf_puts(w.out, "true");
	}
	put_given(&w, "text", slack->message_text);
	put_key(&w, "attachments");
	buf_putc(w.out, '[');
	put_attachment(&w, slack);
	buf_puts(w.out, "]}\n");
	buf_fini(&w.scratch);
	buf_fini(&w.cut);
	return 0;
}

/* ---- the answer ------------------------------------------------------------------- */

struct slack_answer {
	bool is_json, ok;
	struct str error;
};

static struct slack_answer
read_answer(struct str body)
{
	struct slack_answer answer = { false, false, STR("") };
	struct json_reader r;
	struct str key;
	bool escaped;

	body = str_trim(body);
	if (body.n == 0 || body.p[0] != '{') {
		answer.ok = str_is(body, "ok");
		answer.error = body;
		return answer;
	}
	answer.is_json = true;
	json_reader_init(&r, body);
	json_enter(&r, JSON_OBJECT);
	while (json_next_key(&r, &key)) {
		if (str_is(key, "ok") && json_peek(&r) == JSON_BOOL)
			json_read_bool(&r, &answer.ok);
		else if (str_is(key, "error") && json_peek(&r) == JSON_STRING)
			json_read_raw(&r, &answer.error, &escaped);
		else
			json_skip(&r);
	}
	if (!json_finish(&r))
		answer = (struct slack_answer){ true, false, body };
	return answer;
}

/* Errors that pass; of the rest another try gets the same answer. */
static bool
error_passes(struct str error)
{
	static const char *const words[] = { "ratelimited", "rate_limited",
		"fatal_error", "internal_error", "service_unavailable",
		"request_timeout", "team_added_to_org", "rollup_error" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_is(error, words[i]))
			return true;
	return false;
}

static struct verdict
slack_classify(const void *settings UNUSED,
    const struct notification *n UNUSED, const struct xfer_response *response)
{
	struct verdict verdict = message_classify_http(response);
	struct slack_answer answer;

	if (verdict.kind != DELIVERY_OK)
		return verdict;
	answer = read_answer(response->body);
	if (answer.ok)
		return verdict;
	verdict.kind =
	    error_passes(answer.error) ? DELIVERY_RETRY : DELIVERY_REJECTED;
	verdict_say(&verdict, response->status,
	    answer.error.n > 0	? answer.error
		: answer.is_json ? str_trim(response->body)
				 : STR("an empty answer instead of 'ok'"));
	return verdict;
}

/* ---- settings --------------------------------------------------------------------- */

static void
slack_finish(struct schema_context *ctx, void *settings,
    const struct config_global *global)
{
	struct slack_settings *slack = settings;
	struct pos pos = slack->common.pos;

	if (slack->api_url.value == NULL && slack->api_url.file == NULL)
		slack->api_url = global->slack_api_url;
	if (slack->api_url.value == NULL && slack->api_url.file == NULL)
		diag_error(ctx->diag, pos,
		    "no Slack API URL: give api_url or global.slack_api_url");
	else if (slack->api_url.value != NULL &&
	    !message_url_is_good(str_from(slack->api_url.value)))
		diag_error(ctx->diag, pos,
		    "the Slack API URL must begin with https:// and hold no "
		    "spaces");
	if (slack->fields.n > FIELDS_MAX)
		diag_error(ctx->diag, slack->fields.pos[FIELDS_MAX],
		    "more than %d fields", FIELDS_MAX);
	if (slack->actions.n > ACTIONS_MAX)
		diag_error(ctx->diag, slack->actions.pos[ACTIONS_MAX],
		    "more than %d actions; Slack refuses them", ACTIONS_MAX);
}

static void
check_action(struct schema_context *ctx, void *value,
    const struct yaml_node *node)
{
	const struct slack_action *action = value;

	if (action->url == NULL && action->name == NULL)
		diag_error(ctx->diag, node->pos,
		    "an action needs 'url' or 'name'");
}

/* clang-format off */
#define TEMPLATE(T, member, key, more, text)                                   \
	{ .name = (key), .kind = FIELD_TEMPLATE,                               \
	    .flags = FIELD_NOTIFICATION | (more),                              \
	    .offset = offsetof(struct T, member), .doc = (text) }

static const struct schema_field field_fields[] = {
	TEMPLATE(slack_field, title, "title", FIELD_REQUIRED, "Heading."),
	TEMPLATE(slack_field, value, "value", FIELD_REQUIRED, "Text below it."),
	{ .name = "short", .kind = FIELD_CUSTOM, .custom = flag_read,
	    .json_schema = FLAG_JSON_SCHEMA,
	    .offset = offsetof(struct slack_field, short_),
	    .doc = "Stands beside another; as short_fields says when absent." },
};

static const struct schema schema_field = {
	.name = "slack_configs.fields",
	.doc = "A heading and a text.",
	.size = sizeof(struct slack_field),
	SCHEMA_FIELDS(field_fields),
};

static const struct schema_field confirm_fields[] = {
	TEMPLATE(slack_confirm, text, "text", FIELD_REQUIRED, "Question."),
	TEMPLATE(slack_confirm, title, "title", 0, "Heading."),
	TEMPLATE(slack_confirm, ok_text, "ok_text", 0, "Words for yes."),
	TEMPLATE(slack_confirm, dismiss_text, "dismiss_text", 0, "Words for no."),
};

static const struct schema schema_confirm = {
	.name = "slack_configs.actions.confirm",
	.doc = "Asked before the action is taken.",
	.size = sizeof(struct slack_confirm),
	SCHEMA_FIELDS(confirm_fields),
};

static const struct schema_field action_fields[] = {
	TEMPLATE(slack_action, type, "type", FIELD_REQUIRED, "\"button\"."),
	TEMPLATE(slack_action, text, "text", FIELD_REQUIRED, "Words on the button."),
	TEMPLATE(slack_action, url, "url", 0, "What the button opens."),
	TEMPLATE(slack_action, style, "style", 0, "\"primary\" or \"danger\"."),
	TEMPLATE(slack_action, name, "name", 0, "Name sent back to an app."),
	TEMPLATE(slack_action, value, "value", 0, "Value sent back to an app."),
	{ .name = "confirm", .kind = FIELD_SUB, .sub = &schema_confirm,
	    .offset = offsetof(struct slack_action, confirm),
	    .doc = "Asked before the action is taken." },
};

static const struct schema schema_action = {
	.name = "slack_configs.actions",
	.doc = "A button.",
	.size = sizeof(struct slack_action),
	SCHEMA_FIELDS(action_fields),
	.check = check_action,
};

#define OWN(member, text) TEMPLATE(slack_settings, member, #member, 0, text)

static const struct schema_field slack_fields[] = {
	INTEGRATION_FIELDS("false"),
	{ .name = "api_url", .kind = FIELD_SECRET,
	    .offset = offsetof(struct slack_settings, api_url),
	    .doc = "URL of the incoming webhook; else global.slack_api_url." },
	OWN(channel, "Channel or user to write to, where the webhook allows it."),
	OWN(username, "Name shown as the sender; \"Tocsin\" when absent."),
	OWN(color, "Colour of the bar; tells the severity when absent."),
	OWN(title, "Heading; Alertmanager's subject when absent."),
	OWN(title_link, "What the heading opens."),
	OWN(pretext, "Text above the attachment."),
	OWN(text, "Body; each alert with its summary and labels when absent."),
	OWN(fallback, "Text for clients that show no attachments."),
	OWN(footer, "Small print."),
	OWN(callback_id, "Sent back to an app with an action."),
	OWN(icon_emoji, "Emoji shown as the sender."),
	OWN(icon_url, "Picture shown as the sender."),
	OWN(image_url, "Picture below the text."),
	OWN(thumb_url, "Small picture beside the text."),
	OWN(message_text, "Text of the message itself, above the attachment."),
	{ .name = "fields", .kind = FIELD_SUB_LIST, .sub = &schema_field,
	    .offset = offsetof(struct slack_settings, fields),
	    .doc = "Fields; severity, counts and runbook when absent." },
	{ .name = "short_fields", .kind = FIELD_BOOL, .fallback = "false",
	    .offset = offsetof(struct slack_settings, short_fields),
	    .doc = "Fields stand beside each other." },
	{ .name = "actions", .kind = FIELD_SUB_LIST, .sub = &schema_action,
	    .offset = offsetof(struct slack_settings, actions),
	    .doc = "Buttons, at most five." },
	{ .name = "link_names", .kind = FIELD_BOOL, .fallback = "false",
	    .offset = offsetof(struct slack_settings, link_names),
	    .doc = "Let @names in the text notify." },
	{ .name = "mrkdwn_in", .kind = FIELD_STRING_LIST,
	    .offset = offsetof(struct slack_settings, mrkdwn_in),
	    .doc = "Where Slack's markup counts: fallback, pretext and text when absent." },
	{ .name = "timeout", .kind = FIELD_DURATION, .fallback = "0s",
	    .offset = offsetof(struct slack_settings, timeout),
	    .doc = "How long to wait for the answer; 0s: 30 seconds." },
	{ .name = "app_token", .kind = FIELD_UNSUPPORTED, .doc = "Token of a Slack app.",
	    .fallback = "'app_token' is not supported yet: give the api_url of an incoming webhook" },
	{ .name = "app_token_file", .kind = FIELD_UNSUPPORTED, .doc = "File with the token of a Slack app.",
	    .fallback = "'app_token_file' is not supported yet: give the api_url of an incoming webhook" },
	{ .name = "app_url", .kind = FIELD_UNSUPPORTED, .doc = "Where Slack apps post." },
	{ .name = "update_message", .kind = FIELD_UNSUPPORTED,
	    .doc = "Change the message already sent instead of sending another." },
};
/* clang-format on */

static const struct schema slack_schema = {
	.name = "slack_configs",
	.doc = "A message through an incoming webhook of Slack.",
	.size = sizeof(struct slack_settings),
	SCHEMA_FIELDS(slack_fields),
	.pos_offset = offsetof(struct slack_settings, common.pos) + 1,
};

const struct integration_kind receiver_slack_kind = {
	.name = "slack",
	.schema = &slack_schema,
	.finish = slack_finish,
};

const struct receiver_ops receiver_slack = {
	.kind = &receiver_slack_kind,
	.render = slack_render,
	.classify = slack_classify,
};
