/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of a PagerDuty receiver, and the event they make. */
#pragma once

#include "receiver/draft.h"
#include "receiver/payload.h"
#include "receiver/receiver.h"

struct pagerduty_link {
	struct template *href, *text;
};

struct pagerduty_image {
	struct template *src, *alt, *href;
};

struct pagerduty_settings {
	struct integration_common common;
	struct secret_text routing_key; /* Events API v2 */
	struct secret_text service_key; /* or v1 */
	struct secret webhook_secret;
	const char *url;
	struct template *client, *client_url, *description, *severity;
	struct template *source, *component, *group, *class_;
	const struct payload *details;
	struct template *firing, *resolved; /* lists of alerts, where the user has defined theirs */
	struct sub_list images, links;
	dur_t timeout;
};

/* True: by the Events API v1. */
static inline bool
pagerduty_is_v1(const struct pagerduty_settings *pd)
{
	return secret_is_set(&pd->service_key.secret);
}

/* The first of two events: resolve, so that the trigger that follows pages again. */
bool pagerduty_is_anew(const struct notification *n);
/* The JSON of one event; within PagerDuty's 512 KB, if need be without details. */
int pagerduty_put_event(const struct pagerduty_settings *pd, const struct notification *n, struct arena *arena, struct buf *out, struct err *err);
