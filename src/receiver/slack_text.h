/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a Slack message in mrkdwn, within Slack's limits. */
#pragma once

#include "receiver/receiver.h"

#define SLACK_TEXT_RUNES_MAX   4000  /* of our own text: what Slack recommends */
#define SLACK_TITLE_RUNES_MAX  1024
#define SLACK_FIELD_RUNES_MAX  2000
#define SLACK_CONFIRM_RUNES_MAX 300
#define SLACK_GIVEN_RUNES_MAX  40000 /* of a user's text: what Slack accepts */

/* Appends s on one line with & < > escaped, at most max_runes of output; code: between backticks. */
void slack_put_escaped(struct buf *out, struct str s, uint32_t max_runes);
void slack_put_code(struct buf *out, struct str s, uint32_t max_runes);
/* <url|words>, or the url's text when it is no good as a link. */
void slack_put_link(struct buf *out, struct str url, const char *words);
/* What happened, alert by alert, firing ones first.  runbooks: with each one's runbook. */
void slack_put_text(const struct notification *n, bool runbooks, struct buf *out);
/* True when the alerts that would be shown name different runbooks. */
bool slack_runbooks_differ(const struct notification *n);
