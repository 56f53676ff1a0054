/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of a Slack receiver, and the message they make. */
#pragma once

#include "config/flag.h"
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
	struct secret api_url, app_token, signing_secret;
	const char *app_url;
	struct template *channel, *username, *message_text;
	struct template *color, *title, *title_link, *pretext, *text, *fallback;
	struct template *footer, *callback_id, *icon_emoji, *icon_url;
	struct template *image_url, *thumb_url;
	struct sub_list fields, actions;
	struct string_list mrkdwn_in;
	bool short_fields, link_names, update_message, post_updates_to_thread;
	dur_t timeout;
};

/* A message already sent; both empty: there is none. */
struct slack_place {
	struct str channel, ts;
};

enum slack_way {
	SLACK_POST,   /* a message of its own: chat.postMessage, or a webhook */
	SLACK_UPDATE, /* the one at the place becomes this: chat.update */
	SLACK_REPLY,  /* in the thread of the one at the place: chat.postMessage */
};

/*
 * What Slack sends back when a button is pressed: its action_id, with the incident's number as value; of a
 * length that was chosen, "NUMBER WORD".
 */
#define SLACK_ACK     "tocsin_ack"
#define SLACK_UNACK   "tocsin_unack"
#define SLACK_SNOOZE  "tocsin_snooze"
#define SLACK_SILENCE "tocsin_silence"
#define SLACK_RUNBOOK "tocsin_runbook" /* opens a page; Slack tells us nevertheless */
#define SLACK_URL_BYTES_MAX 3000u

/* For how long what fires may be silenced from a message. */
#define SLACK_LENGTHS 4
struct slack_length {
	const char *word, *text;
	int64_t hours;
};
extern const struct slack_length slack_lengths[SLACK_LENGTHS];

/* With buttons, and one thread for each incident. */
static inline bool
slack_has_buttons(const struct slack_settings *slack)
{
	return slack->signing_secret.value != NULL || slack->signing_secret.file != NULL;
}

void slack_put_message(const struct slack_settings *slack, const struct notification *n, enum slack_way way,
    struct slack_place place, struct buf *out);
