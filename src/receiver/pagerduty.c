/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PagerDuty, Events API v2 (or v1, where the key is one of that): trigger while
 * anything fires, resolve when all is over.
 *
 * The dedup key is Alertmanager's (the hash of the group key), so that a
 * change from one to the other closes the incidents of the first.
 *
 * A trigger pages nobody while PagerDuty's incident of this key is
 * acknowledged, so an escalation that begins anew (the acknowledgement was
 * taken back, or its time is over) resolves that first, then triggers another.
 */
#include "config.h"

#include "base/json.h"
#include "receiver/draft.h"
#include "receiver/pagerduty_event.h"
#include "receiver/types.h"

#define INSTANCES  "pagerduty.default.instances"
#define URL_V1     "https://events.pagerduty.com/generic/2010-04-15/create_event.json"
#define URL_V2     "https://events.pagerduty.com/v2/enqueue"
#define EXTRAS_MAX 50 /* links or images of one's own */

static int
pagerduty_render(const void *settings, const struct notification *n, struct arena *arena,
    struct xfer_request *request, struct err *err)
{
	const struct pagerduty_settings *pd = settings;

	request->method = "POST";
	request->content_type = "application/json";
	buf_puts(&request->url, pd->url);
	request->http = pd->common.http;
	request->timeout = pd->timeout;
	request->response_bytes_max = RESPONSE_BYTES_MAX;
	return pagerduty_put_event(pd, n, arena, &request->body, err);
}

/* ---- the answer --------------------------------------------------------------------- */

/* {"status":"invalid event","message":"...","errors":["...", "..."]} */
static void
say_errors(struct verdict *verdict, const struct xfer_response *response)
{
	struct arena *arena = arena_new(0);
	struct buf text = { 0 };
	struct json_reader r;
	struct str key, item;

	json_reader_init(&r, response->body);
	json_enter(&r, JSON_OBJECT);
	while (json_next_key(&r, &key)) {
		if (!str_is(key, "errors") || json_peek(&r) != JSON_ARRAY) {
			json_skip(&r);
			continue;
		}
		json_enter(&r, JSON_ARRAY);
		while (json_next_item(&r) && json_read_str(&r, arena, &item)) {
			if (text.n > 0)
				buf_puts(&text, "; ");
			buf_put_str(&text, item);
		}
	}
	if (json_finish(&r) && text.n > 0)
		verdict_say(verdict, response->status, buf_str(&text));
	buf_fini(&text);
	arena_free(arena);
}

static struct verdict
pagerduty_classify(
    const void *settings, const struct notification *n, const struct xfer_response *response)
{
	const struct pagerduty_settings *pd = settings;
	struct verdict verdict = message_classify_http(response);

	/* Version 1 says so to who asks too often. */
	if (pagerduty_is_v1(pd) && response->failure == ERR_NONE && response->status == 403)
		verdict.kind = DELIVERY_RETRY;
	if (verdict.kind == DELIVERY_REJECTED && response->failure == ERR_NONE)
		say_errors(&verdict, response);
	verdict.more = verdict.kind == DELIVERY_OK && pagerduty_is_anew(n) && n->step == 0;
	draft_hide_text(&verdict, pagerduty_is_v1(pd) ? &pd->service_key : &pd->routing_key, n);
	return verdict;
}

static bool
pagerduty_hears_acknowledged(const void *settings UNUSED)
{
	return true;
}

static const struct secret *
pagerduty_signed_with(const void *settings)
{
	const struct pagerduty_settings *pd = settings;

	return &pd->webhook_secret;
}

/* ---- settings ----------------------------------------------------------------------- */

/* Version 1 has an address of its own, whatever is said of that of version 2. */
static void
choose_url(struct pagerduty_settings *pd, const struct config_global *global)
{
	if (pagerduty_is_v1(pd)) {
		if (pd->url == NULL || str_ends(str_from(pd->url), STR("/v2/enqueue")))
			pd->url = URL_V1;
		return;
	}
	if (pd->url == NULL)
		pd->url = global->pagerduty_url;
	if (pd->url == NULL)
		pd->url = URL_V2;
}

static void
check_keys(struct schema_context *ctx, const struct pagerduty_settings *pd)
{
	bool v1 = secret_is_set(&pd->service_key.secret);
	bool v2 = secret_is_set(&pd->routing_key.secret);

	if (!v1 && !v2)
		diag_error(ctx->diag, pd->common.pos,
		    "no PagerDuty key: give the routing_key of an Events API "
		    "v2 integration, or routing_key_file");
	else if (v1 && v2)
		diag_error(ctx->diag, pd->common.pos,
		    "'routing_key' and 'service_key' exclude each other");
}

static void
pagerduty_finish(struct schema_context *ctx, void *settings, const struct config_global *global)
{
	struct pagerduty_settings *pd = settings;

	choose_url(pd, global);
	check_keys(ctx, pd);
	pd->firing = schema_stock_template_of(ctx, pd->common.pos, INSTANCES, ".Alerts.Firing");
	pd->resolved = schema_stock_template_of(ctx, pd->common.pos, INSTANCES, ".Alerts.Resolved");
	if (pd->links.n > EXTRAS_MAX)
		diag_error(ctx->diag, pd->links.pos[EXTRAS_MAX], "more than %d links", EXTRAS_MAX);
	if (pd->images.n > EXTRAS_MAX)
		diag_error(
		    ctx->diag, pd->images.pos[EXTRAS_MAX], "more than %d images", EXTRAS_MAX);
}

/* clang-format off */
#define TEMPLATE(T, member, key, more, text)                                   \
	{ .name = (key), .kind = FIELD_TEMPLATE,                               \
	    .flags = FIELD_NOTIFICATION | (more),                              \
	    .offset = offsetof(struct T, member), .doc = (text) }

static const struct schema_field link_fields[] = {
	TEMPLATE(pagerduty_link, href, "href", FIELD_REQUIRED, "URL of the link."),
	TEMPLATE(pagerduty_link, text, "text", 0, "Words of the link."),
};

static const struct schema schema_link = {
	.name = "pagerduty_configs.links",
	.doc = "A link shown with the incident.",
	.size = sizeof(struct pagerduty_link),
	SCHEMA_FIELDS(link_fields),
};

static const struct schema_field image_fields[] = {
	TEMPLATE(pagerduty_image, src, "src", FIELD_REQUIRED, "https URL of the picture."),
	TEMPLATE(pagerduty_image, alt, "alt", 0, "Words in its place."),
	TEMPLATE(pagerduty_image, href, "href", 0, "What it opens."),
};

static const struct schema schema_image = {
	.name = "pagerduty_configs.images",
	.doc = "A picture shown with the incident.",
	.size = sizeof(struct pagerduty_image),
	SCHEMA_FIELDS(image_fields),
};

#define OWN(member, text) TEMPLATE(pagerduty_settings, member, #member, 0, text)
#define STOCK(member, name, text) STOCK_ROW(pagerduty_settings, member, #member, name, text)
static const struct schema_field pagerduty_fields[] = {
	INTEGRATION_FIELDS("true"),
	{ .name = "routing_key", .kind = FIELD_SECRET, .flags = FIELD_NOTIFICATION,
	    .offset = offsetof(struct pagerduty_settings, routing_key),
	    .doc = "Key of an Events API v2 integration." },
	{ .name = "url", .kind = FIELD_URL,
	    .offset = offsetof(struct pagerduty_settings, url),
	    .doc = "Where events go; else global.pagerduty_url." },
	{ .name = "webhook_secret", .kind = FIELD_SECRET, .flags = FIELD_OURS,
	    .offset = offsetof(struct pagerduty_settings, webhook_secret),
	    .doc = "Secret of a v3 webhook subscription that calls "
		   "/api/tocsin/v1/pagerduty/webhook: what people do in PagerDuty (acknowledge, take it back, "
		   "resolve) then counts here." },
	STOCK(client, "pagerduty.default.client", "Name of the sender; \"Tocsin\" when absent."),
	STOCK(client_url, "pagerduty.default.clientURL", "Link back; the page of this receiver's alerts when absent."),
	STOCK(description, "pagerduty.default.description", "Summary; Alertmanager's subject when absent."),
	OWN(severity, "Severity; that of the alerts' label when absent. Words such as page or warn are understood."),
	OWN(source, "What is affected; a label that all alerts share (instance, host, ...), else the client."),
	OWN(component, "Part that is affected; a label that all alerts share (service, component, job) when absent."),
	OWN(group, "Logical group."),
	TEMPLATE(pagerduty_settings, class_, "class", 0, "Kind of the event; the alert's name when absent."),
	{ .name = "details", .kind = FIELD_CUSTOM, .custom = payload_read_map,
	    .json_schema = PAYLOAD_MAP_JSON_SCHEMA,
	    .offset = offsetof(struct pagerduty_settings, details),
	    .doc = "Details to add to (or put in the place of) firing, resolved, num_firing, num_resolved and labels; may be nested." },
	{ .name = "images", .kind = FIELD_SUB_LIST, .sub = &schema_image,
	    .offset = offsetof(struct pagerduty_settings, images),
	    .doc = "Pictures shown with the incident." },
	{ .name = "links", .kind = FIELD_SUB_LIST, .sub = &schema_link,
	    .offset = offsetof(struct pagerduty_settings, links),
	    .doc = "Links shown with the incident, beside the runbook." },
	{ .name = "timeout", .kind = FIELD_DURATION, .flags = FIELD_GO_DURATION, .fallback = "0s",
	    .offset = offsetof(struct pagerduty_settings, timeout),
	    .doc = "How long to wait for the answer; 0s: 30 seconds." },
	{ .name = "service_key", .kind = FIELD_SECRET, .flags = FIELD_NOTIFICATION,
	    .offset = offsetof(struct pagerduty_settings, service_key),
	    .doc = "Key of an integration of the Events API v1 (\"Prometheus\"), in place of routing_key: "
		   "without severity, source, links and images." },
};
/* clang-format on */

static const struct schema pagerduty_schema = {
	.name = "pagerduty_configs",
	.doc = "An incident of PagerDuty, by the Events API v2.",
	.size = sizeof(struct pagerduty_settings),
	SCHEMA_FIELDS(pagerduty_fields),
	.pos_offset = offsetof(struct pagerduty_settings, common.pos) + 1,
};

const struct integration_kind receiver_pagerduty_kind = {
	.name = "pagerduty",
	.schema = &pagerduty_schema,
	.finish = pagerduty_finish,
};

const struct receiver_ops receiver_pagerduty = {
	.kind = &receiver_pagerduty_kind,
	.render = pagerduty_render,
	.classify = pagerduty_classify,
	.hears_acknowledged = pagerduty_hears_acknowledged,
	.signed_with = pagerduty_signed_with,
};
