/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event of PagerDuty's Events API v2.
 *
 * The summary and the lists "firing" and "resolved" of the details are
 * Alertmanager's; severity comes from the alerts' label, and the runbook is a
 * link.
 */
#include "config.h"

#include "receiver/pagerduty_event.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "receiver/draft.h"

#define EVENT_BYTES_MAX   512000
#define SUMMARY_RUNES_MAX 1024
#define TEXT_RUNES_MAX    1024 /* source, component, group, class, texts of links */
#define DEDUP_KEY_HEX     64
#define OWN_DETAILS       7

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
	const struct template *own = firing ? w->settings->firing : w->settings->resolved;
	struct buf list;
	struct str json;

	buf_init(&list, EVENT_BYTES_MAX);
	if (own != NULL)
		message_expand(own, w->n, &list);
	else
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
put_details(struct writer *w, const char *key)
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
	put_key(w, key);
	buf_putc(w->out, '{');
	for (uint32_t i = 0; i < n; i++) {
		put_key(w, d[i].key.p);
		buf_put_str(w->out, d[i].value);
	}
	buf_putc(w->out, '}');
}

static void
put_note(struct writer *w, const char *key)
{
	struct detail d[OWN_DETAILS];
	uint32_t n = small_details(w, d);

	put_key(w, key);
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
put_summary(struct writer *w, const char *key)
{
	struct str summary = expanded(w, w->settings->description, STR(""));

	if (str_trim(summary).n == 0) {
		buf_clear(&w->scratch);
		message_subject(w->n, &w->scratch);
		summary = arena_str(w->arena, buf_str(&w->scratch));
	}
	put_text(w, key, cut(w, summary, SUMMARY_RUNES_MAX));
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
	put_summary(w, "summary");
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
		put_details(w, "custom_details");
	else
		put_note(w, "custom_details");
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

/* "2.0.1": the second time that the incident's escalation has begun. */
bool
pagerduty_is_anew(const struct notification *n)
{
	const char *dot = n->place.n > 0 ? memchr(n->place.p, '.', n->place.n) : NULL;
	int64_t generation;

	return n->kind == NOTIFICATION_ESCALATION && n->firing && dot != NULL &&
	       str_to_i64(str_make(n->place.p, (size_t)(dot - n->place.p)), &generation) &&
	       generation > 1;
}

static struct str
action_of(const struct notification *n)
{
	if (pagerduty_is_anew(n) && n->step == 0)
		return STR("resolve");
	if (n->kind == NOTIFICATION_ACKNOWLEDGED)
		return STR("acknowledge");
	return n->firing ? STR("trigger") : STR("resolve");
}

static void
put_client(struct writer *w)
{
	struct buf link = { 0 };

	message_link(w->n, &link);
	put_text(w, "client", cut(w, client_of(w), TEXT_RUNES_MAX));
	put_text(w, "client_url", expanded(w, w->settings->client_url, buf_str(&link)));
	buf_fini(&link);
}

static void
put_v1(struct writer *w, struct str key, const char *dedup, bool with_details)
{
	struct str action = action_of(w->n);

	put_text(w, "service_key", key);
	put_text(w, "incident_key", str_from(dedup));
	put_text(w, "event_type", action);
	put_summary(w, "description");
	if (str_is(action, "trigger"))
		put_client(w);
	if (w->n->kind == NOTIFICATION_ACKNOWLEDGED)
		return;
	if (with_details)
		put_details(w, "details");
	else
		put_note(w, "details");
}

static void
put_v2(struct writer *w, struct str key, const char *dedup, bool with_details)
{
	put_text(w, "routing_key", key);
	put_text(w, "dedup_key", str_from(dedup));
	put_text(w, "event_action", action_of(w->n));
	if (w->n->kind != NOTIFICATION_ACKNOWLEDGED)
		put_payload(w, with_details);
	put_client(w);
	put_links(w);
	put_images(w);
}

static int
put_event(struct writer *w, bool with_details, struct err *err)
{
	bool is_v1 = pagerduty_is_v1(w->settings);
	struct buf key = { 0 };
	char dedup[DEDUP_KEY_HEX + 1];
	int rc = secret_text_put(is_v1 ? &w->settings->service_key : &w->settings->routing_key,
	    w->n, is_v1 ? "PagerDuty service key" : "PagerDuty routing key", &key, err);

	sha256_hex(w->n->group_key.p, w->n->group_key.n, dedup);
	buf_putc(w->out, '{');
	if (is_v1)
		put_v1(w, str_trim(buf_str(&key)), dedup, with_details);
	else
		put_v2(w, str_trim(buf_str(&key)), dedup, with_details);
	buf_puts(w->out, "}\n");
	if (key.p != NULL)
		explicit_bzero(key.p, key.cap);
	buf_fini(&key);
	return rc;
}

int
pagerduty_put_event(const struct pagerduty_settings *pd, const struct notification *n,
    struct arena *arena, struct buf *out, struct err *err)
{
	struct writer w = { .n = n, .settings = pd, .arena = arena, .out = out };
	int rc = put_event(&w, true, err);

	if (rc == 0 && (w.too_large || out->n > EVENT_BYTES_MAX)) {
		buf_clear(out);
		rc = put_event(&w, false, err);
	}
	buf_fini(&w.scratch);
	if (rc == 0 && out->n > EVENT_BYTES_MAX)
		rc = err_set(err, ERR_LIMIT, "the event exceeds 512 KB without its details, too");
	return rc;
}
