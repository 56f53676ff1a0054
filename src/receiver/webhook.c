/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Webhook: Alertmanager's JSON, version 4, to any URL.
 *
 * The header Idempotency-Key names the delivery and stays the same when it
 * is tried again, so that a receiver can drop the second of two.  It ends with
 * the time of the flush: numbers begin anew with a new database, and a new
 * message must never look like an old one.  What an escalation sends says so
 * in Tocsin-Escalation: the incident's number and which step it is.
 *
 * With `hmac` a receiver can tell that a message is ours, whole and recent:
 *
 *   X-Tocsin-Timestamp: 1795154730
 *   X-Tocsin-Signature: v1=HEX
 *
 * HEX is HMAC-SHA-256 with the secret over the timestamp, ".", the value of
 * Idempotency-Key, "." and the body's bytes.  The timestamp is that of the try,
 * so a receiver may refuse what is minutes old.
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/mac.h"
#include "receiver/draft.h"
#include "receiver/payload.h"
#include "receiver/types.h"

#define SIGNATURE_HEADER "X-Tocsin-Signature"
#define TIMESTAMP_HEADER "X-Tocsin-Timestamp"
#define SECRET_BYTES_MIN 16

struct hmac_settings {
	struct pos pos;
	struct secret secret;
	const char *header;
};

struct webhook_settings {
	struct integration_common common;
	struct secret_text url;
	int64_t max_alerts;
	const struct payload *payload;
	const struct hmac_settings *hmac;
	dur_t timeout;
};

enum {
	HEADER_KEY,
	HEADER_TIMESTAMP,
	HEADER_SIGNATURE,
	HEADERS_MAX
};

static void
sign(struct str secret, const struct http_header *headers, struct str body, struct buf *out)
{
	uint8_t digest[MAC_BYTES];
	char hex[MAC_HEX_BYTES];
	struct mac mac;

	mac_init(&mac, secret.p, secret.n);
	mac_put(&mac, headers[HEADER_TIMESTAMP].value, strlen(headers[HEADER_TIMESTAMP].value));
	mac_put(&mac, ".", 1);
	mac_put(&mac, headers[HEADER_KEY].value, strlen(headers[HEADER_KEY].value));
	mac_put(&mac, ".", 1);
	mac_put(&mac, body.p, body.n);
	mac_end(&mac, digest);
	mac_to_hex(digest, hex);
	buf_printf(out, "v1=%s", hex);
}

/* The body is whole. */
static int
add_signature(const struct hmac_settings *hmac, const struct notification *n, struct arena *arena,
    struct http_header *headers, struct xfer_request *request, struct err *err)
{
	struct buf secret = { 0 }, signature = { 0 };
	int rc = secret_read(&hmac->secret, &secret, err);

	if (rc < 0) {
		err_wrap(err, "hmac secret");
	} else if (secret.n < SECRET_BYTES_MIN) {
		rc = err_set(err, ERR_INVALID, "the hmac secret is shorter than %d characters",
		    SECRET_BYTES_MIN);
	} else {
		headers[HEADER_TIMESTAMP] = (struct http_header){
			TIMESTAMP_HEADER,
			arena_printf(arena, "%" PRId64, n->sending_at.ns / 1000000000),
		};
		sign(buf_str(&secret), headers, buf_str(&request->body), &signature);
		headers[HEADER_SIGNATURE] = (struct http_header){
			hmac->header,
			arena_str(arena, buf_str(&signature)).p,
		};
		request->n_headers = HEADERS_MAX;
	}
	if (secret.p != NULL)
		explicit_bzero(secret.p, secret.cap);
	buf_fini(&secret);
	buf_fini(&signature);
	return rc;
}

static int
webhook_render(const void *settings, const struct notification *n, struct arena *arena,
    struct xfer_request *request, struct err *err)
{
	const struct webhook_settings *webhook = settings;
	struct http_header *header = ARENA_ARRAY(arena, HEADERS_MAX + 1, struct http_header);
	struct notification first = message_first(n, (uint32_t)webhook->max_alerts, arena);
	int rc = secret_text_put(&webhook->url, n, "webhook url", &request->url, err);

	if (rc == 0 && !message_url_is_good(buf_str(&request->url)))
		rc = err_set(err, ERR_INVALID,
		    "webhook url: it does not begin with http:// or https://, or holds what has to "
		    "be escaped (urlquery)");
	if (rc < 0)
		return rc;
	header[0].name = "Idempotency-Key";
	header[0].value =
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
		message_webhook_json(&first, "4", n->n_alerts - first.n_alerts, &request->body);
	}
	if (request->body.overflow)
		return err_set(err, ERR_LIMIT,
		    "%u alerts make a body of more than %u bytes; set "
		    "max_alerts",
		    n->n_alerts, TEXT_BYTES_MAX);
	if (webhook->hmac != NULL)
		rc = add_signature(webhook->hmac, n, arena, header, request, err);
	if (n->place.n > 0)
		header[request->n_headers++] = (struct http_header){
			"Tocsin-Escalation",
			arena_printf(arena, "%" PRId64 "/%.*s", n->incident, STR_ARG(n->place)),
		};
	return rc;
}

static struct verdict
webhook_classify(
    const void *settings, const struct notification *n, const struct xfer_response *response)
{
	const struct webhook_settings *webhook = settings;
	struct verdict verdict = message_classify_http(response);

	draft_hide_text(&verdict, &webhook->url, n);
	if (webhook->hmac != NULL)
		draft_hide(&verdict, &webhook->hmac->secret);
	return verdict;
}

static void
webhook_finish(
    struct schema_context *ctx, void *settings, const struct config_global *global UNUSED)
{
	struct webhook_settings *webhook = settings;

	const char *url = webhook->url.secret.value;

	if (!secret_is_set(&webhook->url.secret))
		diag_error(
		    ctx->diag, webhook->common.pos, "no URL to send to: give url or url_file");
	else if (url != NULL && strstr(url, "{{") == NULL && !message_url_is_good(str_from(url)))
		diag_error(ctx->diag, webhook->common.pos,
		    "the url of a webhook must begin with http:// or https:// and a host; "
		    "spaces and any of <>\"\\^`{|} are written as %%20 and the like");
}

/* RFC 9110, 5.6.2: what a header's name is made of. */
static bool
is_header_name(const char *name)
{
	static const char letters[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return name[0] != '\0' && strspn(name, letters) == strlen(name);
}

static void
check_hmac(struct schema_context *ctx, void *value, const struct yaml_node *node UNUSED)
{
	const struct hmac_settings *hmac = value;

	if (!secret_is_set(&hmac->secret))
		diag_error(
		    ctx->diag, hmac->pos, "nothing to sign with: give secret or secret_file");
	else if (hmac->secret.value != NULL && strlen(hmac->secret.value) < SECRET_BYTES_MIN)
		diag_error(ctx->diag, hmac->pos,
		    "the secret is shorter than %d characters: make one with openssl rand -hex 32",
		    SECRET_BYTES_MIN);
	if (!is_header_name(hmac->header))
		diag_error(ctx->diag, hmac->pos, "'%.60s' cannot be a header's name", hmac->header);
}

static const struct schema_field hmac_fields[] = {
	{ .name = "secret",
	    .kind = FIELD_SECRET,
	    .offset = offsetof(struct hmac_settings, secret),
	    .doc = "What the receiver and we share; at least 16 characters." },
	{ .name = "header",
	    .kind = FIELD_STRING,
	    .fallback = SIGNATURE_HEADER,
	    .offset = offsetof(struct hmac_settings, header),
	    .doc = "The header that has the signature." },
};

static const struct schema hmac_schema = {
	.name = "hmac",
	.doc = "Signatures: v1= and HMAC-SHA-256 in hex over the value of X-Tocsin-Timestamp (Unix "
	       "seconds of this try), a dot, the value of Idempotency-Key, a dot, and the body.",
	.size = sizeof(struct hmac_settings),
	.pos_offset = offsetof(struct hmac_settings, pos) + 1,
	SCHEMA_FIELDS(hmac_fields),
	.check = check_hmac,
};

static const struct schema_field webhook_fields[] = {
	INTEGRATION_FIELDS("true"),
	{ .name = "url",
	    .kind = FIELD_SECRET,
	    .flags = FIELD_NOTIFICATION,
	    .offset = offsetof(struct webhook_settings, url),
	    .doc = "Where to POST to; may be a template." },
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
	{ .name = "hmac",
	    .kind = FIELD_SUB,
	    .flags = FIELD_OURS,
	    .sub = &hmac_schema,
	    .offset = offsetof(struct webhook_settings, hmac),
	    .doc = "Signs each message, so that the receiver knows whose it is." },
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
