/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of a mail, as text and as HTML: severity, counts and runbook
 * first, then each alert, firing ones before resolved ones.
 *
 * Everything that comes from an alert is cut, put on lines of its own and, in
 * HTML, escaped; only http(s) URLs become links.
 */
#include "config.h"

#include "receiver/email_text.h"

#include <string.h>

#include "base/timestamp.h"
#include "receiver/ack_link.h"

#define SHOWN_MAX             50
#define SUMMARY_RUNES_MAX     500
#define DETAIL_RUNES_MAX      2000
#define DESCRIPTION_RUNES_MAX 4000
#define URL_RUNES_MAX         2000

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* ---- text --------------------------------------------------------------------------- */

static void
put_row(struct buf *out, const char *name, struct str text, uint32_t max)
{
	if (text.n == 0)
		return;
	buf_puts(out, name);
	message_put_line(out, text, max);
	buf_putc(out, '\n');
}

/* Said only when the summary has not said it. */
static struct str
description_of(const struct notified_alert *alert)
{
	struct str text = str_trim(message_annotation(alert, "description"));

	if (text.n == 0)
		text = str_trim(message_annotation(alert, "message"));
	if (str_eq(text, message_summary(alert)))
		return STR("");
	return str_head_runes(text, DESCRIPTION_RUNES_MAX);
}

/* Takes the next line off the text; false when there is none. */
static bool
next_line(struct str *text, struct str *ret)
{
	const char *end;
	uint32_t n;

	if (text->n == 0)
		return false;
	end = memchr(text->p, '\n', text->n);
	n = end != NULL ? (uint32_t)(end - text->p) : text->n;
	*ret = str_make(text->p, n);
	while (ret->n > 0 && is_blank(ret->p[ret->n - 1]))
		ret->n--;
	if (end != NULL)
		n++;
	*text = str_make(text->p + n, text->n - n);
	return true;
}

/* A runbook that is not the message's. */
static struct str
other_runbook(const struct notification *n, const struct notified_alert *alert)
{
	struct str runbook = message_alert_runbook(alert);

	return str_eq(runbook, message_runbook(n)) ? STR("") : runbook;
}

static void
put_text_alert(const struct notification *n, const struct notified_alert *alert, struct buf *out)
{
	struct str description = description_of(alert), line;
	char time[TIMESTAMP_TEXT_MAX];
	struct buf labels = { 0 };

	buf_puts(out, alert->firing ? "\nFIRING: " : "\nRESOLVED: ");
	message_put_line(out, message_summary(alert), SUMMARY_RUNES_MAX);
	buf_putc(out, '\n');
	while (next_line(&description, &line))
		put_row(out, "  ", line, DETAIL_RUNES_MAX);
	put_row(
	    out, "  Value:   ", str_trim(message_annotation(alert, "value")), SUMMARY_RUNES_MAX);
	message_put_labels(n, alert, false, &labels);
	put_row(out, "  Labels:  ", buf_str(&labels), DETAIL_RUNES_MAX);
	buf_fini(&labels);
	put_row(out, "  Since:   ", str_from(timestamp_format_ms(alert->starts_at, time)), 40);
	if (!alert->firing)
		put_row(
		    out, "  Until:   ", str_from(timestamp_format_ms(alert->ends_at, time)), 40);
	put_row(out, "  Runbook: ", other_runbook(n, alert), URL_RUNES_MAX);
	put_row(out, "  Source:  ", alert->generator_url, URL_RUNES_MAX);
}

void
email_put_text(const struct notification *n, struct buf *out)
{
	const struct notified_alert *shown[SHOWN_MAX];
	uint32_t count = message_pick(n, shown, SHOWN_MAX);
	struct buf line = { 0 };

	message_subject(n, &line);
	put_row(out, "", str_trim(buf_str(&line)), SUMMARY_RUNES_MAX);
	buf_putc(out, '\n');
	put_row(out, "Severity: ", message_severity(n), 100);
	buf_clear(&line);
	message_counts(n, &line);
	put_row(out, "Alerts:   ", buf_str(&line), 100);
	put_row(out, "Runbook:  ", message_runbook(n), URL_RUNES_MAX);
	for (uint32_t i = 0; i < count; i++)
		put_text_alert(n, shown[i], out);
	if (count < n->n_alerts)
		buf_printf(out, "\n... and %u more\n", n->n_alerts - count);
	buf_clear(&line);
	message_link(n, &line);
	put_row(out, "\nAll alerts of this receiver: ", buf_str(&line), URL_RUNES_MAX);
	buf_fini(&line);
}

/* ---- HTML --------------------------------------------------------------------------- */

static void
put_escaped(struct buf *out, struct str text, uint32_t max)
{
	struct buf line = { 0 };

	message_put_line(&line, text, max);
	message_put_html(out, buf_str(&line));
	buf_fini(&line);
}

static void
put_link(struct buf *out, struct str url)
{
	bool good = message_url_is_good(url) && str_head_runes(url, URL_RUNES_MAX).n == url.n;

	if (good) {
		buf_puts(out, "<a href=\"");
		message_put_html(out, url);
		buf_puts(out, "\">");
	}
	put_escaped(out, url, URL_RUNES_MAX);
	if (good)
		buf_puts(out, "</a>");
}

static void
put_cell(struct buf *out, const char *name, struct str text, uint32_t max)
{
	if (text.n == 0)
		return;
	buf_puts(out, "<tr><td style=\"padding:2px 12px 2px 0;color:#666;"
		      "vertical-align:top\">");
	buf_puts(out, name);
	buf_puts(out, "</td><td style=\"padding:2px 0\">");
	if (max == URL_RUNES_MAX && message_url_is_good(text))
		put_link(out, text);
	else
		put_escaped(out, text, max);
	buf_puts(out, "</td></tr>\n");
}

static const char *
color_of(enum message_level level, bool firing)
{
	if (!firing)
		return "#1e8e3e";
	switch (level) {
	case LEVEL_INFO:
		return "#1a73e8";
	case LEVEL_WARNING:
		return "#b06000";
	case LEVEL_ERROR:
	case LEVEL_CRITICAL:
	case LEVEL_COUNT:
		break;
	}
	return "#c5221f";
}

static void
put_html_alert(const struct notification *n, const struct notified_alert *alert, struct buf *out)
{
	struct str severity = message_label(alert, "severity");
	struct str description = description_of(alert), line;
	char time[TIMESTAMP_TEXT_MAX];
	struct buf labels = { 0 };

	buf_printf(out,
	    "<div style=\"margin:16px 0;padding:4px 12px;"
	    "border-left:4px solid %s\">\n<p style=\"margin:4px 0\"><b>%s:</b> ",
	    color_of(message_level(severity), alert->firing),
	    alert->firing ? "FIRING" : "RESOLVED");
	put_escaped(out, message_summary(alert), SUMMARY_RUNES_MAX);
	buf_puts(out, "</p>\n");
	if (description.n > 0) {
		buf_puts(out, "<p style=\"margin:4px 0\">");
		while (next_line(&description, &line)) {
			put_escaped(out, line, DETAIL_RUNES_MAX);
			buf_puts(out, description.n > 0 ? "<br>\n" : "");
		}
		buf_puts(out, "</p>\n");
	}
	buf_puts(out, "<table style=\"border-collapse:collapse\">\n");
	put_cell(out, "Value", str_trim(message_annotation(alert, "value")), SUMMARY_RUNES_MAX);
	message_put_labels(n, alert, false, &labels);
	put_cell(out, "Labels", buf_str(&labels), DETAIL_RUNES_MAX - 1);
	buf_fini(&labels);
	put_cell(out, "Since", str_from(timestamp_format_ms(alert->starts_at, time)), 40);
	if (!alert->firing)
		put_cell(out, "Until", str_from(timestamp_format_ms(alert->ends_at, time)), 40);
	put_cell(out, "Runbook", other_runbook(n, alert), URL_RUNES_MAX);
	put_cell(out, "Source", alert->generator_url, URL_RUNES_MAX);
	buf_puts(out, "</table>\n</div>\n");
}

static void
put_html_head(const struct notification *n, struct buf *out)
{
	struct buf line = { 0 };

	message_subject(n, &line);
	buf_puts(out, "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>");
	put_escaped(out, str_trim(buf_str(&line)), SUMMARY_RUNES_MAX);
	buf_printf(out,
	    "</title></head>\n<body style=\"font-family:sans-serif;"
	    "font-size:14px;color:#202124\">\n"
	    "<h2 style=\"font-size:18px;color:%s\">",
	    color_of(message_level(message_severity(n)), n->firing));
	put_escaped(out, str_trim(buf_str(&line)), SUMMARY_RUNES_MAX);
	buf_puts(out, "</h2>\n<table style=\"border-collapse:collapse\">\n");
	put_cell(out, "Severity", message_severity(n), 100);
	buf_clear(&line);
	message_counts(n, &line);
	put_cell(out, "Alerts", buf_str(&line), 100);
	put_cell(out, "Runbook", message_runbook(n), URL_RUNES_MAX);
	buf_puts(out, "</table>\n");
	buf_fini(&line);
}

void
email_put_html(const struct notification *n, struct buf *out)
{
	const struct notified_alert *shown[SHOWN_MAX];
	uint32_t count = message_pick(n, shown, SHOWN_MAX);
	struct buf link = { 0 };

	put_html_head(n, out);
	for (uint32_t i = 0; i < count; i++)
		put_html_alert(n, shown[i], out);
	if (count < n->n_alerts)
		buf_printf(out, "<p>&hellip; and %u more</p>\n", n->n_alerts - count);
	message_link(n, &link);
	buf_puts(out, "<p>All alerts of this receiver: ");
	put_link(out, buf_str(&link));
	buf_puts(out, "</p>\n</body></html>\n");
	buf_fini(&link);
}

/* ---- links that act ------------------------------------------------------------------- */

static void
put_ack_url(
    const struct notification *n, enum ack_link_action action, struct str to, struct buf *out)
{
	struct ack_link link = {
		.action = action,
		.incident = n->incident,
		.delivery = n->delivery_id,
		.expires_at = wall_add(n->now, ACK_LINK_LIFE),
	};
	struct str head = str_head(to, ACK_LINK_TO_MAX);

	memcpy(link.to, head.p, head.n);
	buf_puts(out, n->external_url);
	buf_puts(out, "/api/tocsin/v1/link/");
	ack_link_put(n->link_key, &link, out);
}

void
email_put_links(const struct notification *n, struct str to, bool html, struct buf *out)
{
	static const char *const words[] = {
		[ACK_LINK_ACK] = "Acknowledge",
		[ACK_LINK_SNOOZE] = "Snooze 1h",
	};
	struct buf url = { 0 };

	buf_puts(out, html ? "<p>" : "\n");
	for (int action = 0; action < ACK_LINK_ACTION_COUNT; action++) {
		buf_clear(&url);
		put_ack_url(n, (enum ack_link_action)action, to, &url);
		if (html)
			buf_printf(out, "<a href=\"%s\">%s</a>&emsp;", url.p, words[action]);
		else
			buf_printf(out, "%s: %s\n", words[action], url.p);
	}
	buf_puts(out, html ? "</p>\n" : "");
	buf_fini(&url);
}
