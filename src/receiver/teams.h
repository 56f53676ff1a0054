/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both kinds of webhook of Microsoft Teams have in common: about 28 KB for
 * a card, whose text is shortened until it fits, and answers that hide what
 * went wrong.
 */
#pragma once

#include "receiver/draft.h"

#define TEAMS_TITLE_RUNES_MAX 1024
#define TEAMS_URL_BYTES_MAX   2000

struct teams_settings {
	struct integration_common common;
	struct secret webhook_url;
	struct template *title, *text;
};

/* The alerts, or what the template makes of them; at most so many bytes. */
struct str teams_text(struct draft *d, const struct teams_settings *teams, uint32_t bytes_max);
/* Puts a card with a text of at most bytes_max; settings begin with a struct teams_settings. */
typedef void teams_put_fn(struct draft *d, const void *settings, uint32_t bytes_max);
int teams_render(const void *settings, const struct notification *n, teams_put_fn *put_card,
    struct arena *arena, struct xfer_request *request, struct err *err);
/* Of a struct receiver_ops, and of its kind. */
struct verdict teams_classify(const void *settings, const struct notification *n, const struct xfer_response *response);
void teams_finish(struct schema_context *ctx, void *settings, const struct config_global *global);
