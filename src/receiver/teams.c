/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "receiver/teams.h"

#include <string.h>

#include "receiver/text.h"

#define CARD_BYTES_MAX  28000
#define TEXT_BYTES_KEPT 20000 /* leaves room for the rest and JSON's escapes */

struct str
teams_text(struct draft *d, const struct teams_settings *teams, uint32_t bytes_max)
{
	struct text_limit limit = { bytes_max, true };

	if (teams->text != NULL)
		return draft_cut_bytes(d, draft_expanded(d, teams->text, STR("")), bytes_max);
	buf_clear(&d->scratch);
	text_put_alerts(d->n, MARKUP_CARD, limit, &d->scratch);
	return draft_cut_bytes(d, arena_str(d->arena, buf_str(&d->scratch)), bytes_max);
}

int
teams_render(const void *settings, const struct notification *n, teams_put_fn *put_card,
    struct arena *arena, struct xfer_request *request, struct err *err)
{
	const struct teams_settings *teams = settings;
	struct draft d = draft_new(n, arena, &request->body);
	uint32_t bytes_max = TEXT_BYTES_KEPT;
	struct str url = STR("");
	int rc = draft_secret(&d, &teams->webhook_url, "Teams webhook URL", &url, err);

	if (rc < 0)
		return rc;
	draft_post(request, &teams->common);
	buf_put_str(&request->url, url);
	/* JSON's escapes may take more than was kept for them. */
	do {
		buf_clear(d.out);
		put_card(&d, settings, bytes_max);
		bytes_max /= 2;
	} while (d.out->n > CARD_BYTES_MAX && bytes_max > 100);
	draft_fini(&d);
	if (request->body.n > CARD_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "the card exceeds %d bytes even with a short text",
		    CARD_BYTES_MAX);
	return 0;
}

static bool
contains(struct str text, const char *words)
{
	return memmem(text.p, text.n, words, strlen(words)) != NULL;
}

/* Connectors of old hide what went wrong in the text of an answer 200. */
static struct verdict
verdict_of(const struct xfer_response *response)
{
	struct verdict verdict = message_classify_http(response);

	if (verdict.kind != DELIVERY_OK ||
	    !contains(response->body, "Webhook message delivery failed"))
		return verdict;
	verdict.kind =
	    contains(response->body, "HTTP error 429") || contains(response->body, "HTTP error 5")
		? DELIVERY_RETRY
		: DELIVERY_REJECTED;
	return verdict;
}

struct verdict
teams_classify(
    const void *settings, const struct notification *n UNUSED, const struct xfer_response *response)
{
	const struct teams_settings *teams = settings;
	struct verdict verdict = verdict_of(response);

	draft_hide(&verdict, &teams->webhook_url);
	return verdict;
}

void
teams_finish(
    struct schema_context *ctx, void *settings, const struct config_global *global UNUSED)
{
	struct teams_settings *teams = settings;

	if (!secret_is_set(&teams->webhook_url))
		diag_error(ctx->diag, teams->common.pos,
		    "no Teams webhook: give webhook_url or webhook_url_file");
	else if (teams->webhook_url.value != NULL &&
		 !message_url_is_good(str_from(teams->webhook_url.value)))
		diag_error(ctx->diag, teams->common.pos,
		    "the webhook_url must begin with https:// and hold no spaces");
}
