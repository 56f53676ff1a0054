/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident.io: Alertmanager's JSON to an alert source.
 *
 * It takes 512 KB; a larger message is about the first alert alone, as
 * Alertmanager's is.
 */
#include "config.h"

#include "receiver/draft.h"
#include "receiver/types.h"

#define MESSAGE_BYTES_MAX (512u << 10)
#define MESSAGE_VERSION   "1"

struct incidentio_settings {
	struct integration_common common;
	struct secret url, alert_source_token;
	int64_t max_alerts;
	dur_t timeout;
};

static int
put_message(const struct incidentio_settings *incidentio, const struct notification *n,
    struct arena *arena, struct buf *out, struct err *err)
{
	uint32_t max = (uint32_t)incidentio->max_alerts;

	for (;;) {
		struct notification first = message_first(n, max, arena);

		buf_clear(out);
		message_webhook_json(&first, MESSAGE_VERSION, n->n_alerts - first.n_alerts, out);
		if (out->n <= MESSAGE_BYTES_MAX)
			return 0;
		if (max == 1)
			return err_set(err, ERR_LIMIT,
			    "one alert makes a body of more than %u bytes", MESSAGE_BYTES_MAX);
		max = 1;
	}
}

static int
incidentio_render(const void *settings, const struct notification *n, struct arena *arena,
    struct xfer_request *request, struct err *err)
{
	const struct incidentio_settings *incidentio = settings;
	struct draft d = draft_new(n, arena, &request->body);
	struct str url = STR(""), token = STR("");
	int rc = draft_secret(&d, &incidentio->url, "incident.io url", &url, err);

	if (rc == 0 && secret_is_set(&incidentio->alert_source_token))
		rc = draft_secret(&d, &incidentio->alert_source_token,
		    "incident.io alert source token", &token, err);
	if (rc < 0)
		return rc;
	draft_post(request, &incidentio->common);
	request->timeout = incidentio->timeout;
	buf_put_str(&request->url, url);
	if (token.n > 0)
		draft_header(
		    request, arena, "Authorization", arena_printf(arena, "Bearer %s", token.p));
	draft_fini(&d);
	return put_message(incidentio, n, arena, &request->body, err);
}

/* {"message":"...","error":"..."} */
static struct verdict
incidentio_classify(
    const void *settings, const struct notification *n UNUSED, const struct xfer_response *response)
{
	const struct incidentio_settings *incidentio = settings;
	struct verdict verdict = message_classify_http(response);

	draft_say_refusal(&verdict, response, "message", "error");
	draft_hide(&verdict, &incidentio->url);
	draft_hide(&verdict, &incidentio->alert_source_token);
	return verdict;
}

static void
incidentio_finish(
    struct schema_context *ctx, void *settings, const struct config_global *global UNUSED)
{
	struct incidentio_settings *incidentio = settings;
	const struct http_options *http = incidentio->common.http;
	bool has_token = secret_is_set(&incidentio->alert_source_token);
	bool has_header = http != NULL && secret_is_set(&http->auth_credentials);
	struct pos pos = incidentio->common.pos;

	if (!secret_is_set(&incidentio->url))
		diag_error(ctx->diag, pos, "no alert source of incident.io: give url or url_file");
	else if (incidentio->url.value != NULL &&
		 !message_url_is_good(str_from(incidentio->url.value)))
		diag_error(ctx->diag, pos, "the url must begin with https:// and hold no spaces");
	if (has_token && has_header)
		diag_error(ctx->diag, pos,
		    "'alert_source_token' and http_config.authorization exclude each other");
	else if (!has_token && !has_header)
		diag_error(ctx->diag, pos,
		    "no token of the alert source: give alert_source_token or "
		    "alert_source_token_file");
}

/* clang-format off */
#define PLACE(member) .offset = offsetof(struct incidentio_settings, member)

static const struct schema_field incidentio_fields[] = {
	INTEGRATION_FIELDS("true"),
	{ .name = "url", .kind = FIELD_SECRET, PLACE(url),
	    .doc = "URL of the alert source." },
	{ .name = "alert_source_token", .kind = FIELD_SECRET, PLACE(alert_source_token),
	    .doc = "Token of the alert source." },
	{ .name = "max_alerts", .kind = FIELD_INT, .fallback = "0", .max = 1000000,
	    PLACE(max_alerts), .doc = "Alerts in one message, which is then about these alone; 0: all." },
	{ .name = "timeout", .kind = FIELD_DURATION, .flags = FIELD_GO_DURATION, .fallback = "0s",
	    PLACE(timeout), .doc = "How long to wait for the answer; 0s: 30 seconds." },
};
/* clang-format on */

static const struct schema incidentio_schema = {
	.name = "incidentio_configs",
	.doc = "An alert of incident.io.",
	.size = sizeof(struct incidentio_settings),
	SCHEMA_FIELDS(incidentio_fields),
	.pos_offset = offsetof(struct incidentio_settings, common.pos) + 1,
};

const struct integration_kind receiver_incidentio_kind = {
	.name = "incidentio",
	.schema = &incidentio_schema,
	.finish = incidentio_finish,
};

const struct receiver_ops receiver_incidentio = {
	.kind = &receiver_incidentio_kind,
	.render = incidentio_render,
	.classify = incidentio_classify,
};
