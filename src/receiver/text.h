/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened, alert by alert, in the markup of a chat service.
 *
 * Nothing that comes from an alert becomes markup.
 */
#pragma once

#include "receiver/receiver.h"

enum markup {
	MARKUP_PLAIN,
	MARKUP_HTML,    /* the little that Telegram and Pushover know */
	MARKUP_DISCORD,
	MARKUP_WEBEX,   /* CommonMark, entities included */
	MARKUP_CARD,    /* a TextBlock of an adaptive card */
	MARKUP_MATTERMOST,
	MARKUP_ROCKET,
	MARKUP_JIRA,    /* wiki markup */
	MARKUP_COUNT
};

struct text_limit {
	uint32_t max;
	bool bytes; /* else characters */
};

/* Appends s on one line, escaped; past max_runes of s it ends with an ellipsis. */
void text_put(struct buf *out, enum markup markup, struct str s, uint32_t max_runes);
void text_put_bold(struct buf *out, enum markup markup, struct str s, uint32_t max_runes);
/* A link with these words, or the URL's text when it is no good as a link. */
void text_put_link(struct buf *out, enum markup markup, struct str url, const char *words);
void text_put_break(struct buf *out, enum markup markup);
/* Alerts, firing ones and the worst first, each with its value, labels and runbook, within the limit. */
void text_put_alerts(const struct notification *n, enum markup markup, struct text_limit limit, struct buf *out);
