/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PagerDuty, Events API v2: trigger while anything fires, resolve when all is
 * over.
 *
 * The dedup key is Alertmanager's (the hash of the group key), so that a
 * change from one to the other closes the incidents of the first.  The
 * summary and the lists "firing" and "resolved" of the details are
 * Alertmanager's too; severity comes from the alerts' label, and the runbook
 * is a link.
 */
#include "config.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "receiver/draft.h"
#include "receiver/payload.h"
#include "receiver/types.h"

#define EVENT_BYTES_MAX   512000
#define SUMMARY_RUNES_MAX 1024
#define TEXT_RUNES_MAX    1024 /* source, component, group, class, texts of links */
#define DEDUP_KEY_HEX     64
#define EXTRAS_MAX        50 /* links or images of one's own */
#define OWN_DETAILS       7

struct pagerduty_link {
	struct template *href, *text;
};

struct pagerduty_image {
	struct template *src, *alt, *href;
};

struct pagerduty_settings {
	struct integration_common common;
	struct secret routing_key;
	const char *url;
	struct template *client, *client_url, *description, *severity;
	struct template *source, *component, *group, *class_;
	const struct payload *details;
	struct sub_list images, links;
	dur_t timeout;
};

/* ---- writing JSON ------------------------------------------------------------------ */

struct writer {
	const struct notification *n;
	const struct pagerduty_settings *settings;
	struct arena *arena;
	struct buf *out;
	struct buf scratch;
	bool too_large; /* details had to be cut */
};

static void
put_key(struct writer *w, const char *key)
{
	char last = w->out->n > 0 ? w->out->p[w->out->n - 1] : '{';

	if (last != '{' && last != '[')
		buf_putc(w->out, ',');
	json_put_str(w->out, str_from(key));
	buf_putc(w->out, ':');
}

/* Left out when empty. */
static void
put_text(struct writer *w, const char *key, struct str text)
{
	if (text.n == 0)
		return;
	put_key(w, key);
	json_put_str(w->out, text);
}

/* In the arena; what the template says, else the text. */
static struct str
expanded(struct writer *w, const struct template *t, struct str otherwise)
{
	if (t == NULL)
		return otherwise;
	buf_clear(&w->scratch);
	message_expand(t, w->n, &w->scratch);
	return arena_str(w->arena, buf_str(&w->scratch));
}

static struct str
cut(struct writer *w, struct str text, uint32_t max_runes)
{
	buf_clear(&w->scratch);
	message_put_cut(&w->scratch, text, max_runes);
	return arena_str(w->arena, buf_str(&w->scratch));
}

/* ---- details ----------------------------------------------------------------------- */

struct detail {
	struct str key, value; /* value: JSON */
};

static struct str
json_text(struct writer *w, struct str text)
{
	buf_clear(&w->scratch);
	json_put_str(&w->scratch, text);
	return arena_str(w->arena, buf_str(&w->scratch));
}

static struct str
alert_list(struct writer *w, bool firing)
{
	struct buf list;
	struct str json;

	buf_init(&list, EVENT_BYTES_MAX);
	message_alert_list(w->n, firing, &list);
	w->too_large |= list.overflow;
	json = json_text(w, buf_str(&list));
	buf_fini(&list);
	return json;
}

static struct str
common_labels(struct writer *w)
{
	struct buf *out = &w->scratch;

	buf_clear(out);
	buf_putc(out, '{');
	for (uint32_t i = 0; i < w->n->n_common_labels; i++) {
		if (i > 0)
			buf_putc(out, ',');
		json_put_str(out, w->n->common_labels[i].name);
		buf_putc(out, ':');
		json_put_str(out, w->n->common_labels[i].value);
	}
	buf_putc(out, '}');
	return arena_str(w->arena, buf_str(&w->scratch));
}

static int
compare_details(const void *pa, const void *pb)
{
	const struct detail *a = pa, *b = pb;

	return str_cmp(a->key, b->key);
}

static struct str
json_count(struct writer *w, uint32_t count)
{
	/* A text, as Alertmanager's default template makes it. */
	return str_from(arena_printf(w->arena, "\"%u\"", count));
}

/* What is always said, also when there is no room for more. */
static uint32_t
small_details(struct writer *w, struct detail *d)
{
	struct str severity = message_severity(w->n);
	struct str runbook = message_runbook(w->n);
	uint32_t n = 0;

	d[n++] = (struct detail){ STR("num_firing"), json_count(w, w->n->n_firing) };
	d[n++] = (struct detail){ STR("num_resolved"), json_count(w, w->n->n_resolved) };
	if (severity.n > 0)
		d[n++] = (struct detail){ STR("severity"),
			json_text(w, cut(w, severity, TEXT_RUNES_MAX)) };
	if (runbook.n > 0)
		d[n++] = (struct detail){ STR("runbook_url"),
			json_text(w, cut(w, runbook, TEXT_RUNES_MAX)) };
	return n;
}

static bool
is_given(const struct payload_member *given, uint32_t n, struct str key)
{
	for (uint32_t i = 0; i < n; i++)
		if (str_eq(key, given[i].key))
			return true;
	return false;
}

/* Nested lists and mappings stay what they are; all else is text. */
static struct str
given_detail(struct writer *w, const struct payload *value)
{
	struct buf json;
	struct str copy;

	buf_init(&json, EVENT_BYTES_MAX);
	payload_put(value, w->n, PAYLOAD_TEXTS, &json);
	w->too_large |= json.overflow;
	copy = arena_str(w->arena, buf_str(&json));
	buf_fini(&json);
	/* A plain 5 or true: Alertmanager has always sent it as a text. */
	if (copy.n > 0 && strchr("\"{[", copy.p[0]) == NULL)
		return json_text(w, str_is(copy, "null") ? STR("") : copy);
	return copy;
}

static void
put_details(struct writer *w)
{
	struct payload_member *given;
	uint32_t n_given = payload_members(w->settings->details, w->n, w->arena, &given);
	struct detail *d = ARENA_ARRAY(w->arena, OWN_DETAILS + n_given, struct detail);
	uint32_t own = small_details(w, d), n = 0;

	d[own++] = (struct detail){ STR("firing"), alert_list(w, true) };
	d[own++] = (struct detail){ STR("resolved"), alert_list(w, false) };
	d[own++] = (struct detail){ STR("labels"), common_labels(w) };
	for (uint32_t i = 0; i < own; i++)
		if (!is_given(given, n_given, d[i].key))
			d[n++] = d[i];
	for (uint32_t i = 0; i < n_given; i++)
		d[n++] = (struct detail){ given[i].key, given_detail(w, given[i].value) };
	qsort(d, n, sizeof(*d), compare_details);
	put_key(w, "custom_details");
	buf_putc(w->out, '{');
	for (uint32_t i = 0; i < n; i++) {
		put_key(w, d[i].key.p);
		buf_put_str(w->out, d[i].value);
	}
	buf_putc(w->out, '}');
}

static void
put_note(struct writer *w)
{
	struct detail d[OWN_DETAILS];
	uint32_t n = small_details(w, d);

	put_key(w, "custom_details");
	buf_putc(w->out, '{');
	put_text(w, "note",
	    STR("The details were left out: with them the event exceeds the "
		"512 KB that PagerDuty takes."));
	for (uint32_t i = 0; i < n; i++) {
		put_key(w, d[i].key.p);
		buf_put_str(w->out, d[i].value);
	}
	buf_putc(w->out, '}');
}

/* ---- payload ------------------------------------------------------------------------ */

static struct str
severity_of(struct writer *w)
{
	static const char *const names[] = {
		[LEVEL_INFO] = "info",
		[LEVEL_WARNING] = "warning",
		[LEVEL_ERROR] = "error",
		[LEVEL_CRITICAL] = "critical",
	};
	struct str severity = expanded(w, w->settings->severity, STR(""));

	if (str_trim(severity).n == 0)
		severity = message_severity(w->n);
	return str_from(names[message_level(str_trim(severity))]);
}

/* The first of these labels that all alerts share. */
static struct str
first_common(const struct notification *n, const char *const *names)
{
	for (; *names != NULL; names++) {
		struct str value = message_common_label(n, *names);

		if (value.n > 0)
			return value;
	}
	return STR("");
}

static struct str
client_of(struct writer *w)
{
	return expanded(w, w->settings->client, STR("Tocsin"));
}

static void
put_summary(struct writer *w)
{
	struct str summary = expanded(w, w->settings->description, STR(""));

	if (str_trim(summary).n == 0) {
		buf_clear(&w->scratch);
		message_subject(w->n, &w->scratch);
		summary = arena_str(w->arena, buf_str(&w->scratch));
	}
	put_text(w, "summary", cut(w, summary, SUMMARY_RUNES_MAX));
}

static void
put_timestamp(struct writer *w)
{
	wall_t first = WALL_MAX;
	char text[TIMESTAMP_TEXT_MAX];

	for (uint32_t i = 0; i < w->n->n_alerts; i++)
		if (w->n->alerts[i].firing || !w->n->firing)
			first = wall_min(first, w->n->alerts[i].starts_at);
	if (w->n->n_alerts > 0 && wall_is_set(first))
		put_text(w, "timestamp", str_from(timestamp_format_ms(first, text)));
}

static void
put_payload(struct writer *w, bool with_details)
{
	static const char *const places[] = { "instance", "host", "node", "pod", "model", NULL };
	static const char *const parts[] = { "service", "component", "job", NULL };
	const struct pagerduty_settings *pd = w->settings;
	struct str source = expanded(w, pd->source, first_common(w->n, places));

	if (str_trim(source).n == 0)
		source = client_of(w);
	if (source.n == 0)
		source = STR("Tocsin"); /* PagerDuty refuses an empty one */
	put_key(w, "payload");
	buf_putc(w->out, '{');
	put_summary(w);
	put_text(w, "source", cut(w, source, TEXT_RUNES_MAX));
	put_text(w, "severity", severity_of(w));
	put_timestamp(w);
	put_text(w, "class",
	    cut(w, expanded(w, pd->class_, message_common_label(w->n, "alertname")),
		TEXT_RUNES_MAX));
	put_text(w, "component",
	    cut(w, expanded(w, pd->component, first_common(w->n, parts)), TEXT_RUNES_MAX));
	put_text(w, "group", cut(w, expanded(w, pd->group, STR("")), TEXT_RUNES_MAX));
	if (with_details)
		put_details(w);
	else
		put_note(w);
	buf_putc(w->out, '}');
}

/* A link that is no URL would get the whole event refused. */
static void
put_link(struct writer *w, struct str href, struct str text)
{
	if (!message_url_is_good(href))
		return;
	if (w->out->p[w->out->n - 1] != '[')
		buf_putc(w->out, ',');
	buf_putc(w->out, '{');
	put_text(w, "href", href);
	put_text(w, "text", cut(w, text, TEXT_RUNES_MAX));
	buf_putc(w->out, '}');
}

static void
put_links(struct writer *w)
{
	put_key(w, "links");
	buf_putc(w->out, '[');
	put_link(w, message_runbook(w->n), STR("Runbook"));
	for (uint32_t i = 0; i < w->settings->links.n; i++) {
		const struct pagerduty_link *link = w->settings->links.items[i];

		put_link(w, str_trim(expanded(w, link->href, STR(""))),
		    expanded(w, link->text, STR("")));
	}
	buf_putc(w->out, ']');
}

static void
put_images(struct writer *w)
{
	if (w->settings->images.n == 0)
		return;
	put_key(w, "images");
	buf_putc(w->out, '[');
	for (uint32_t i = 0; i < w->settings->images.n; i++) {
		const struct pagerduty_image *image = w->settings->images.items[i];
		struct str src = str_trim(expanded(w, image->src, STR("")));
		struct str href = str_trim(expanded(w, image->href, STR("")));

		if (!message_url_is_good(src) || !str_starts(src, STR("https://")))
			continue;
		if (w->out->p[w->out->n - 1] != '[')
			buf_putc(w->out, ',');
		buf_putc(w->out, '{');
		put_text(w, "src", src);
		put_text(w, "alt", expanded(w, image->alt, STR("")));
		if (message_url_is_good(href))
			put_text(w, "href", href);
		buf_putc(w->out, '}');
	}
	buf_putc(w->out, ']');
}

static int
put_event(struct writer *w, bool with_details, struct err *err)
{
	struct buf key = { 0 }, link = { 0 };
	char dedup[DEDUP_KEY_HEX + 1];
	int rc = secret_read(&w->settings->routing_key, &key, err);

	sha256_hex(w->n->group_key.p, w->n->group_key.n, dedup);
	message_link(w->n, &link);
	buf_putc(w->out, '{');
	put_text(w, "routing_key", str_trim(buf_str(&key)));
	put_text(w, "dedup_key", str_from(dedup));
	put_text(w, "event_action", w->n->firing ? STR("trigger") : STR("resolve"));
	put_payload(w, with_details);
	put_text(w, "client", cut(w, client_of(w), TEXT_RUNES_MAX));
	put_text(w, "client_url", expanded(w, w->settings->client_url, buf_str(&link)));
	put_links(w);
	put_images(w);
	buf_puts(w->out, "}\n");
	buf_fini(&link);
	if (key.p != NULL)
		explicit_bzero(key.p, key.cap);
	buf_fini(&key);
	return rc < 0 ? err_wrap(err, "PagerDuty routing key") : 0;
}

static int
pagerduty_render(const void *settings, const struct notification *n, struct arena *arena,
    struct xfer_request *request, struct err *err)
{
	const struct pagerduty_settings *pd = settings;
	struct writer w = { .n = n, .settings = pd, .arena = arena, .out = &request->body };
	int rc;

	request->method = "POST";
	request->content_type = "application/json";
	buf_puts(&request->url, pd->url);
	request->http = pd->common.http;
	request->timeout = pd->timeout;
	request->response_bytes_max = RESPONSE_BYTES_MAX;
	rc = put_event(&w, true, err);
	if (rc == 0 && (w.too_large || request->body.n > EVENT_BYTES_MAX)) {
		buf_clear(&request->body);
		rc = put_event(&w, false, err);
	}
	buf_fini(&w.scratch);
	if (rc == 0 && request->body.n > EVENT_BYTES_MAX)
		rc = err_set(err, ERR_LIMIT, "the event exceeds 512 KB without its details, too");
	return rc;
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
pagerduty_classify(const void *settings, const struct notification *n UNUSED,
    const struct xfer_response *response)
{
	const struct pagerduty_settings *pd = settings;
	struct verdict verdict = message_classify_http(response);

	if (verdict.kind == DELIVERY_REJECTED && response->failure == ERR_NONE)
		say_errors(&verdict, response);
	draft_hide(&verdict, &pd->routing_key);
	return verdict;
}

/* ---- settings ----------------------------------------------------------------------- */

static void
pagerduty_finish(struct schema_context *ctx, void *settings, const struct config_global *global)
{
	struct pagerduty_settings *pd = settings;

	if (pd->url == NULL)
		pd->url = global->pagerduty_url;
	if (pd->url == NULL)
		pd->url = "https://events.pagerduty.com/v2/enqueue";
	if (pd->routing_key.value == NULL && pd->routing_key.file == NULL)
		diag_error(ctx->diag, pd->common.pos,
		    "no PagerDuty key: give the routing_key of an Events API "
		    "v2 integration, or routing_key_file");
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
#define V1 "'service_key' belongs to the Events API v1, which is not supported: " \
	"give the routing_key of an Events API v2 integration"

static const struct schema_field pagerduty_fields[] = {
	INTEGRATION_FIELDS("true"),
	{ .name = "routing_key", .kind = FIELD_SECRET,
	    .offset = offsetof(struct pagerduty_settings, routing_key),
	    .doc = "Key of an Events API v2 integration." },
	{ .name = "url", .kind = FIELD_URL,
	    .offset = offsetof(struct pagerduty_settings, url),
	    .doc = "Where events go; else global.pagerduty_url." },
	OWN(client, "Name of the sender; \"Tocsin\" when absent."),
	OWN(client_url, "Link back; the page of this receiver's alerts when absent."),
	OWN(description, "Summary; Alertmanager's subject when absent."),
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
	{ .name = "timeout", .kind = FIELD_DURATION, .fallback = "0s",
	    .offset = offsetof(struct pagerduty_settings, timeout),
	    .doc = "How long to wait for the answer; 0s: 30 seconds." },
	{ .name = "service_key", .kind = FIELD_UNSUPPORTED, .fallback = V1,
	    .doc = "Key of an Events API v1 integration." },
	{ .name = "service_key_file", .kind = FIELD_UNSUPPORTED, .fallback = V1,
	    .doc = "File with the key of an Events API v1 integration." },
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
};
