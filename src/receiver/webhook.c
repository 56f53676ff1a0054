/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Webhook: Alertmanager's JSON, version 4, to any URL.
 *
 * The header Idempotency-Key names the delivery and stays the same when it
 * is tried again, so that a receiver can drop the second of two.  It ends with
 * the time of the flush: numbers begin anew with a new database, and a new
 * message must never look like an old one.
 */
#include "config.h"

#include <inttypes.h>

#include "receiver/draft.h"
#include "receiver/payload.h"
#include "receiver/types.h"

struct webhook_settings {
	struct integration_common common;
	struct secret url;
	int64_t max_alerts;
	const struct payload *payload;
	dur_t timeout;
};

static int
webhook_render(const void *settings, const struct notification *n, struct arena *arena,
    struct xfer_request *request, struct err *err)
{
	const struct webhook_settings *webhook = settings;
	struct http_header *header = ARENA_NEW(arena, struct http_header);
	struct notification first = message_first(n, (uint32_t)webhook->max_alerts, arena);
	int rc = secret_read(&webhook->url, &request->url, err);

	if (rc < 0)
		return err_wrap(err, "webhook url");
	header->name = "Idempotency-Key";
	header->value =
	    arena_printf(arena, "%" PRId64 "-%" PRId64, n->delivery_id, n->now.ns / 1000000000);
	request->method = "POST";
	request->content_type = "application/json";
	request->http = webhook->common.http;
	request->headers = header;
	request->n_headers = 1;
	request->timeout = webhook->timeout;
	request->response_bytes_max = RESPONSE_BYTES_MAX;
	request->body.max = TEXT_BYTES_MAX;
	if (webhook->payload != NULL) {
		payload_put(webhook->payload, &first, PAYLOAD_TYPED, &request->body);
		buf_putc(&request->body, '\n');
	} else {
		message_webhook_json(&first, n->n_alerts - first.n_alerts, &request->body);
	}
	if (request->body.overflow)
		return err_set(err, ERR_LIMIT,
		    "%u alerts make a body of more than %u bytes; set "
		    "max_alerts",
		    n->n_alerts, TEXT_BYTES_MAX);
	return 0;
}

static struct verdict
webhook_classify(
    const void *settings, const struct notification *n UNUSED, const struct xfer_response *response)
{
	const struct webhook_settings *webhook = settings;
	struct verdict verdict = message_classify_http(response);

	draft_hide(&verdict, &webhook->url);
	return verdict;
}

static void
webhook_finish(
    struct schema_context *ctx, void *settings, const struct config_global *global UNUSED)
{
	struct webhook_settings *webhook = settings;

	if (webhook->url.value == NULL && webhook->url.file == NULL)
		diag_error(
		    ctx->diag, webhook->common.pos, "no URL to send to: give url or url_file");
	else if (webhook->url.value != NULL && !message_url_is_good(str_from(webhook->url.value)))
		diag_error(ctx->diag, webhook->common.pos,
		    "the url of a webhook must begin with http:// or "
		    "https:// and hold no spaces");
}

static const struct schema_field webhook_fields[] = {
	INTEGRATION_FIELDS("true"),
	{ .name = "url",
	    .kind = FIELD_SECRET,
	    .offset = offsetof(struct webhook_settings, url),
	    .doc = "Where to POST to." },
	{ .name = "max_alerts",
	    .kind = FIELD_INT,
	    .fallback = "0",
	    .max = 1000000,
	    .offset = offsetof(struct webhook_settings, max_alerts),
	    .doc = "Alerts in one message, which is then about these alone; the rest is "
		   "counted in truncatedAlerts. 0: all." },
	{ .name = "timeout",
	    .kind = FIELD_DURATION,
	    .flags = FIELD_GO_DURATION,
	    .fallback = "0s",
	    .offset = offsetof(struct webhook_settings, timeout),
	    .doc = "How long to wait for the answer; 0s: 30 seconds." },
	{ .name = "payload",
	    .kind = FIELD_CUSTOM,
	    .custom = payload_read,
	    .json_schema = PAYLOAD_JSON_SCHEMA,
	    .offset = offsetof(struct webhook_settings, payload),
	    .doc = "A body of one's own in place of Alertmanager's: a tree "
		   "of templates that is sent as JSON." },
};

static const struct schema webhook_schema = {
	.name = "webhook_configs",
	.doc = "A POST of Alertmanager's JSON, version 4.",
	.size = sizeof(struct webhook_settings),
	SCHEMA_FIELDS(webhook_fields),
	.pos_offset = offsetof(struct webhook_settings, common.pos) + 1,
};

const struct integration_kind receiver_webhook_kind = {
	.name = "webhook",
	.schema = &webhook_schema,
	.finish = webhook_finish,
};

const struct receiver_ops receiver_webhook = {
	.kind = &receiver_webhook_kind,
	.render = webhook_render,
	.classify = webhook_classify,
};
