/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The webhook body, version 4, byte for byte as Alertmanager 0.25 writes it:
 * its order of keys, Go's HTML-safe escapes, times without trailing zeros,
 * a line feed at the end.  The labels of a route that has some are told as
 * newer ones do.
 */
#include "config.h"

#include "base/json.h"
#include "base/timestamp.h"
#include "receiver/receiver.h"

#define ALERT_BYTES_USUAL 768

static void
put_key(struct buf *out, const char *key, struct str value)
{
	buf_puts(out, key);
	json_put_str_html(out, value);
}

static void
put_views(struct buf *out, const char *key, const struct label_view *views, uint32_t n)
{
	buf_puts(out, key);
	buf_putc(out, '{');
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			buf_putc(out, ',');
		json_put_str_html(out, views[i].name);
		buf_putc(out, ':');
		json_put_str_html(out, views[i].value);
	}
	buf_putc(out, '}');
}

static void
put_labels(struct buf *out, const char *key, const struct labels *labels)
{
	buf_puts(out, key);
	if (labels != NULL)
		labels_put_json(labels, out);
	else
		buf_puts(out, "{}");
}

static void
put_time(struct buf *out, const char *key, wall_t t)
{
	char text[TIMESTAMP_TEXT_MAX];

	buf_puts(out, key);
	buf_putc(out, '"');
	buf_puts(out, timestamp_format_ns(t, text));
	buf_putc(out, '"');
}

static void
put_fingerprint(struct buf *out, const struct labels *labels)
{
	char text[FINGERPRINT_TEXT_MAX];

	message_fingerprint(labels, text);
	buf_puts(out, ",\"fingerprint\":\"");
	buf_puts(out, text);
	buf_putc(out, '"');
}

static void
put_alert(struct buf *out, const struct notified_alert *alert)
{
	buf_puts(out, alert->firing ? "{\"status\":\"firing\"" : "{\"status\":\"resolved\"");
	put_labels(out, ",\"labels\":", alert->labels);
	put_labels(out, ",\"annotations\":", alert->annotations);
	put_time(out, ",\"startsAt\":", alert->starts_at);
	put_time(out, ",\"endsAt\":", alert->firing ? WALL_NONE : alert->ends_at);
	put_key(out, ",\"generatorURL\":", alert->generator_url);
	put_fingerprint(out, alert->labels);
	buf_putc(out, '}');
}

void
message_webhook_json(
    const struct notification *n, const char *version, uint32_t truncated, struct buf *out)
{
	buf_reserve(out, ((size_t)n->n_alerts + 1) * ALERT_BYTES_USUAL);
	put_key(out, "{\"receiver\":", str_from(n->receiver));
	buf_puts(out, n->firing ? ",\"status\":\"firing\",\"alerts\":["
				: ",\"status\":\"resolved\",\"alerts\":[");
	for (uint32_t i = 0; i < n->n_alerts && !out->overflow; i++) {
		if (i > 0)
			buf_putc(out, ',');
		put_alert(out, &n->alerts[i]);
	}
	buf_putc(out, ']');
	put_labels(out, ",\"groupLabels\":", n->group_labels);
	put_views(out, ",\"commonLabels\":", n->common_labels, n->n_common_labels);
	put_views(out, ",\"commonAnnotations\":", n->common_annotations, n->n_common_annotations);
	put_key(out, ",\"externalURL\":", str_from(n->external_url));
	if (n->n_route_labels > 0)
		put_views(out, ",\"routeLabels\":", n->route_labels, n->n_route_labels);
	buf_printf(out, ",\"version\":\"%s\"", version);
	put_key(out, ",\"groupKey\":", n->group_key);
	buf_printf(out, ",\"truncatedAlerts\":%u}\n", truncated);
}
