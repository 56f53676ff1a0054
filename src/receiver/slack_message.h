/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of a Slack receiver, and the message they make. */
#pragma once

#include "receiver/flag.h"
#include "receiver/receiver.h"

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
	struct secret api_url, app_token;
	const char *app_url;
	struct template *channel, *username, *message_text;
	struct template *color, *title, *title_link, *pretext, *text, *fallback;
	struct template *footer, *callback_id, *icon_emoji, *icon_url;
	struct template *image_url, *thumb_url;
	struct sub_list fields, actions;
	struct string_list mrkdwn_in;
	bool short_fields, link_names, update_message;
	dur_t timeout;
};

/* A message already sent; both empty: there is none. */
struct slack_place {
	struct str channel, ts;
};

/* The JSON of chat.postMessage and of webhooks; with a place, that of chat.update. */
void slack_put_message(const struct slack_settings *slack, const struct notification *n, struct slack_place place, struct buf *out);
