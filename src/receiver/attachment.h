/* SPDX-License-Identifier: Apache-2.0 */
/* What Mattermost and Rocket.Chat have taken over from Slack's attachments: fields beside each other, a bar of colour. */
#pragma once

#include "config/flag.h"
#include "receiver/draft.h"
#include "receiver/text.h"

struct attachment_field {
	struct template *title, *value;
	enum flag short_; /* absent: as the receiver's short_fields says */
};

extern const struct schema schema_attachment_field;

/* "#e01e5a": tells the severity, or that it is over. */
struct str attachment_color(const struct notification *n);
/* "fields": those given; severity, counts and runbook when there are none. */
void attachment_put_fields(struct draft *d, const struct sub_list *fields, bool short_fields, enum markup markup);
/* What happened, alert by alert. */
struct str attachment_text(struct draft *d, enum markup markup, uint32_t max_runes);
