/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Slack message: one attachment.
 *
 * Title, title link, fallback and the order of keys are Alertmanager's; text,
 * fields and colour are ours where the configuration gives none: the colour
 * tells the severity, the text each alert, the fields severity, counts and
 * runbook.  Our own texts are escaped; a user's template is sent as it
 * expands, since it may hold links on purpose.
 */
#include "config.h"

#include "receiver/slack_message.h"

#include <stdio.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "receiver/slack_text.h"

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
put_template(struct writer *w, const char *key, const struct template *t, uint32_t max_runes)
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
		message_put_cut(title, buf_str(&w->scratch), SLACK_TITLE_RUNES_MAX);
	} else {
		message_subject(w->n, &w->scratch);
		slack_put_escaped(title, buf_str(&w->scratch), SLACK_TITLE_RUNES_MAX);
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
put_fallback(struct writer *w, const struct slack_settings *slack, struct str title)
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

/* ---- buttons ------------------------------------------------------------------------ */

static void
put_plain(struct writer *w, const char *key, const char *text)
{
	put_key(w, key);
	buf_puts(w->out, "{\"type\":\"plain_text\",\"text\":");
	json_put_str(w->out, str_from(text));
	buf_putc(w->out, '}');
}

/* The incident's number goes back to us with the button. */
static void
put_button(struct writer *w, const char *action, const char *text, bool is_primary)
{
	char number[24];

	snprintf(number, sizeof(number), "%lld", (long long)w->n->incident);
	buf_puts(w->out, w->out->p[w->out->n - 1] == '[' ? "{" : ",{");
	put_text(w, "type", STR("button"));
	put_text(w, "action_id", str_from(action));
	put_plain(w, "text", text);
	if (is_primary)
		put_text(w, "style", STR("primary"));
	put_text(w, "value", str_from(number));
	buf_putc(w->out, '}');
}

static void
put_runbook_button(struct writer *w)
{
	struct str runbook = message_runbook(w->n);

	if (runbook.n == 0 || runbook.n > SLACK_URL_BYTES_MAX || !message_url_is_good(runbook))
		return;
	buf_puts(w->out, ",{");
	put_text(w, "type", STR("button"));
	put_text(w, "action_id", STR(SLACK_RUNBOOK));
	put_plain(w, "text", "Runbook");
	put_text(w, "url", runbook);
	buf_putc(w->out, '}');
}

const struct slack_length slack_lengths[SLACK_LENGTHS] = {
	{ "1h", "1 hour", 1 },
	{ "4h", "4 hours", 4 },
	{ "1d", "1 day", 24 },
	{ "1w", "1 week", 7 * 24 },
};

/* It is asked back: a silence is of all that has these labels, whoever is told of it. */
static void
put_silence_question(struct writer *w)
{
	const struct labels *labels = w->n->group_labels;

	buf_clear(&w->scratch);
	buf_puts(&w->scratch, "Nobody is told of anything that fires with ");
	labels_format(labels, &w->scratch);
	buf_clear(&w->cut);
	message_put_cut(&w->cut, buf_str(&w->scratch), SLACK_CONFIRM_RUNES_MAX);
	put_key(w, "confirm");
	buf_putc(w->out, '{');
	put_plain(w, "title", "Silence it?");
	put_plain(w, "text", buf_str(&w->cut).p);
	put_plain(w, "confirm", "Silence");
	put_plain(w, "deny", "No");
	buf_putc(w->out, '}');
}

/* A group without labels holds everything: that is silenced by hand, or not at all. */
static void
put_silence_choice(struct writer *w)
{
	if (w->n->group_labels == NULL || w->n->group_labels->n == 0)
		return;
	buf_puts(w->out, ",{");
	put_text(w, "type", STR("static_select"));
	put_text(w, "action_id", STR(SLACK_SILENCE));
	put_plain(w, "placeholder", "Silence for...");
	put_key(w, "options");
	buf_putc(w->out, '[');
	for (uint32_t i = 0; i < SLACK_LENGTHS; i++) {
		char value[40];

		snprintf(value, sizeof(value), "%lld %s", (long long)w->n->incident,
		    slack_lengths[i].word);
		buf_puts(w->out, i > 0 ? ",{" : "{");
		put_plain(w, "text", slack_lengths[i].text);
		put_text(w, "value", str_from(value));
		buf_putc(w->out, '}');
	}
	buf_putc(w->out, ']');
	put_silence_question(w);
	buf_putc(w->out, '}');
}

/* "Acknowledged by alice: on it", "Snoozed by alice until Nov 20, 11:30" in the reader's time */
static void
put_standing(struct writer *w)
{
	struct str by = w->n->acknowledged_by;
	bool is_snoozed = w->n->standing == STANDING_SNOOZED;
	char time[TIMESTAMP_TEXT_MAX];

	if (str_starts(by, STR("slack:")))
		by = str_make(by.p + 6, by.n - 6);
	buf_clear(&w->scratch);
	buf_puts(&w->scratch,
	    is_snoozed ? ":zzz: Snoozed by *" : ":white_check_mark: Acknowledged by *");
	slack_put_escaped(&w->scratch, by, 200);
	buf_puts(&w->scratch, "*");
	if (wall_is_set(w->n->until))
		buf_printf(&w->scratch, " until <!date^%lld^{date_short_pretty} {time}|%s>",
		    (long long)(w->n->until.ns / 1000000000),
		    timestamp_format_ms(w->n->until, time));
	if (w->n->comment.n > 0) {
		buf_puts(&w->scratch, ": ");
		slack_put_escaped(&w->scratch, w->n->comment, 1000);
	}
	buf_puts(w->out, "{\"type\":\"context\",\"elements\":[{\"type\":\"mrkdwn\",\"text\":");
	json_put_str(w->out, buf_str(&w->scratch));
	buf_puts(w->out, "}]},");
}

/* An attachment of its own, since one with blocks shows nothing else. */
static void
put_buttons(struct writer *w)
{
	enum notification_standing standing = w->n->standing;

	buf_puts(w->out, ",{");
	put_text(
	    w, "color", str_from(standing == STANDING_ACKNOWLEDGED ? "#2eb67d" : color_of(w->n)));
	put_key(w, "blocks");
	buf_putc(w->out, '[');
	if (standing != STANDING_OPEN)
		put_standing(w);
	buf_puts(w->out, "{\"type\":\"actions\",\"elements\":[");
	if (standing != STANDING_ACKNOWLEDGED)
		put_button(w, SLACK_ACK, "Acknowledge", true);
	if (standing != STANDING_OPEN)
		put_button(w, SLACK_UNACK, "Take back", false);
	if (standing != STANDING_SNOOZED)
		put_button(w, SLACK_SNOOZE, "Snooze 1h", false);
	put_runbook_button(w);
	put_silence_choice(w);
	buf_puts(w->out, "]}]}");
}

/* ---- the message --------------------------------------------------------------------- */

static void
put_sender(struct writer *w, const struct slack_settings *slack)
{
	put_given(w, "channel", slack->channel);
	if (slack->username != NULL)
		put_given(w, "username", slack->username);
	else
		put_text(w, "username", STR("Tocsin"));
	put_given(w, "icon_emoji", slack->icon_emoji);
	put_given(w, "icon_url", slack->icon_url);
}

void
slack_put_message(const struct slack_settings *slack, const struct notification *n,
    enum slack_way way, struct slack_place place, struct buf *out)
{
	struct writer w = { .n = n, .out = out };

	buf_putc(out, '{');
	if (way != SLACK_POST) {
		put_text(&w, "channel", place.channel);
		put_text(&w, way == SLACK_UPDATE ? "ts" : "thread_ts", place.ts);
	} else {
		put_sender(&w, slack);
	}
	/* Who looks at the channel alone is to see what is new, not what is over. */
	if (way == SLACK_REPLY && n->firing && !slack->post_updates_to_thread) {
		put_key(&w, "reply_broadcast");
		buf_puts(out, "true");
	}
	if (slack->link_names) {
		put_key(&w, "link_names");
		buf_puts(out, "true");
	}
	put_given(&w, "text", slack->message_text);
	put_key(&w, "attachments");
	buf_putc(out, '[');
	put_attachment(&w, slack);
	if (slack_has_buttons(slack) && way != SLACK_REPLY && n->firing && n->incident != 0)
		put_buttons(&w);
	buf_puts(out, "]}\n");
	buf_fini(&w.scratch);
	buf_fini(&w.cut);
}
