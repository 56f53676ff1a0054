/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links in mails: /api/tocsin/v1/link/TEXT.
 *
 * To look at one changes nothing, since mail programs and scanners look at
 * links by themselves: the page has a button, and that is a POST.  A link acts
 * once, until it is too old; whoever holds it is taken for who the mail went to.
 */
#include "config.h"

#include <stdio.h>

#include "api/audit.h"
#include "api/callback.h"
#include "base/timestamp.h"
#include "receiver/ack_link.h"
#include "receiver/receiver.h"

#define SNOOZE         DUR_S(3600)
#define ALERTS_MAX     10  /* shown on a page */
#define TEXT_BYTES_MAX 400

static const char *const verbs[] = {
	[ACK_LINK_ACK] = "Acknowledge",
	[ACK_LINK_SNOOZE] = "Snooze for an hour",
};

/* ---- pages ------------------------------------------------------------------------------- */

static void
page_begin(struct buf *out, const char *title)
{
	buf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		      "<meta name=\"viewport\" content=\"width=device-width\">"
		      "<meta name=\"robots\" content=\"noindex\"><title>");
	message_put_html(out, str_from(title));
	buf_puts(out,
	    "</title><style>body{font:16px sans-serif;max-width:36em;margin:3em auto;padding:0 1em}"
	    "button{font:inherit;padding:.6em 1.2em}</style></head><body>\n<h1>");
	message_put_html(out, str_from(title));
	buf_puts(out, "</h1>\n");
}

static void
page_headers(struct http_call *call)
{
	http_add_header(call, "Content-Security-Policy",
	    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors "
	    "'none'");
	http_add_header(call, "Referrer-Policy", "no-referrer");
	http_add_header(call, "Cache-Control", "no-store");
}

/* "temperature drifted: 0.7", else the alert's name */
static void
put_alert(const struct alert *alert, struct buf *out)
{
	struct str name = labels_value(alert->labels, STR("alertname"));
	struct str text = labels_value(alert->annotations, STR("summary"));

	if (text.n == 0)
		text = labels_value(alert->annotations, STR("description"));
	buf_puts(out, "<li><b>");
	message_put_html(out, str_head(name, TEXT_BYTES_MAX));
	buf_puts(out, "</b> ");
	message_put_html(out, str_head(text, TEXT_BYTES_MAX));
	buf_puts(out, "</li>\n");
}

static void
put_alerts(const struct incident *incident, wall_t now, struct buf *out)
{
	const struct alert_group *group = incident->group;
	uint32_t shown = 0;

	buf_puts(out, "<ul>\n");
	for (uint32_t i = 0; group != NULL && i < group->n_alerts && shown < ALERTS_MAX; i++) {
		if (alert_is_resolved(group->alerts[i], now))
			continue;
		put_alert(group->alerts[i], out);
		shown++;
	}
	if (incident->alerts > shown)
		buf_printf(out, "<li>and %u more</li>\n", incident->alerts - shown);
	buf_puts(out, "</ul>\n");
}

static void
put_runbook(const struct incident *incident, struct buf *out)
{
	struct str url = incident->runbook != NULL ? istr_str(incident->runbook) : STR("");

	if (url.n == 0 || !message_url_is_good(url))
		return;
	buf_puts(out, "<p>Runbook: <a href=\"");
	message_put_html(out, url);
	buf_puts(out, "\">");
	message_put_html(out, url);
	buf_puts(out, "</a></p>\n");
}

/* "Open", or who has it in hand. */
static void
put_standing(const struct incident *incident, struct buf *out)
{
	const struct incident_work *work = incident->work;

	buf_puts(out, "<p>Now ");
	message_put_html(out, str_from(incident_state_name((enum incident_state)incident->state)));
	if (incident_is_quiet(incident) && work != NULL && work->changed_by != NULL) {
		buf_puts(out, " by ");
		message_put_html(out, str_from(work->changed_by));
	}
	buf_puts(out, ".</p>\n");
}

/* What somebody who has just been woken must know before the button. */
static void
put_incident_lines(const struct incident *incident, wall_t now, struct buf *out)
{
	char time[TIMESTAMP_TEXT_MAX];

	buf_printf(out, "<p>%u alert%s firing since %s", incident->alerts,
	    incident->alerts == 1 ? "" : "s", timestamp_format_ms(incident->opened_at, time));
	if (incident->severity != NULL) {
		buf_puts(out, ", severity <b>");
		message_put_html(out, istr_str(incident->severity));
		buf_puts(out, "</b>");
	}
	buf_puts(out, ":</p>\n");
	put_alerts(incident, now, out);
	put_runbook(incident, out);
	put_standing(incident, out);
}

/* A page of one sentence. */
static void
say(struct api *api, struct http_call *call, int status, bool durable, const char *title,
    const char *text)
{
	struct buf body = { 0 };

	page_begin(&body, title);
	buf_puts(&body, "<p>");
	message_put_html(&body, str_from(text));
	buf_puts(&body, "</p>\n</body></html>\n");
	page_headers(call);
	if (durable)
		reply_durable_page(api, call, status, &body);
	else
		http_reply(call, status, "text/html; charset=utf-8", &body);
	buf_fini(&body);
}

static void
refuse(struct api *api, struct http_call *call, int status, const char *why)
{
	callback_note(api, call, "link", why);
	say(api, call, status, false, "Nothing was done", why);
}

/* ---- the link ----------------------------------------------------------------------------- */

static void
receipt_key(const struct ack_link *link, struct buf *out)
{
	buf_printf(out, "link:%lld:%lld:%d", (long long)link->delivery, (long long)link->incident,
	    (int)link->action);
}

/* Its incident, or NULL: answered. */
static struct incident *
open_link(struct api *api, struct http_call *call, struct str text, struct ack_link *ret)
{
	struct incident *incident;
	struct buf receipt = { 0 };
	bool used;

	if (!ack_link_read(api->state->link_key, text, ret)) {
		refuse(
		    api, call, 403, "This link was not made by this server, or has been changed.");
		return NULL;
	}
	if (!wall_before(loop_now(api->state->loop), ret->expires_at)) {
		refuse(api, call, 410, "This link is too old.");
		return NULL;
	}
	receipt_key(ret, &receipt);
	used = receipts_has(api->state->receipts, buf_str(&receipt));
	buf_fini(&receipt);
	if (used) {
		refuse(api, call, 410, "This link has been used.");
		return NULL;
	}
	incident = incidents_find(api->state->incidents, ret->incident);
	if (incident == NULL || incident->state == INCIDENT_RESOLVED) {
		say(api, call, 410, false, "It is over",
		    "The incident has ended; there is nothing to do.");
		return NULL;
	}
	return incident;
}

void
api_link_get(struct api *api, struct http_call *call, struct str id)
{
	struct ack_link link;
	struct incident *incident = open_link(api, call, id, &link);
	struct buf body = { 0 };

	if (incident == NULL)
		return;
	page_begin(&body, verbs[link.action]);
	put_incident_lines(incident, loop_now(api->state->loop), &body);
	buf_printf(&body,
	    "<form method=\"post\"><button type=\"submit\">%s</button></form>\n"
	    "<p><small>Incident %lld</small></p>\n</body></html>\n",
	    verbs[link.action], (long long)incident->id);
	page_headers(call);
	http_reply(call, 200, "text/html; charset=utf-8", &body);
	buf_fini(&body);
}

static int
act(const struct ack_link *link, struct incident *incident, const char *by, wall_t now,
    struct err *err)
{
	struct incident_action action = {
		.by = by, .comment = "", .source = "email link", .until = WALL_NONE
	};

	if (link->action == ACK_LINK_ACK)
		return incident_acknowledge(incident, &action, now, err);
	action.until = wall_add(now, SNOOZE);
	return incident_snooze(incident, &action, now, err);
}

void
api_link_post(struct api *api, struct http_call *call, struct str id)
{
	struct ack_link link;
	struct incident *incident;
	struct buf key = { 0 }, by = { 0 };
	struct err err = { 0 };
	char number[24];

	if (refused_by_store(api, call))
		return;
	incident = open_link(api, call, id, &link);
	if (incident == NULL)
		return;
	receipt_key(&link, &key);
	buf_puts(&by, "email:");
	buf_puts(&by, link.to);
	if (receipts_take(api->state->receipts, buf_str(&key), link.expires_at) != RECEIPT_TAKEN) {
		refuse(api, call, 503, "Too many links have been used in these days; use the API.");
	} else if (act(&link, incident, by.p, loop_now(api->state->loop), &err) < 0) {
		say(api, call, 409, true, "Nothing was done", err.text);
	} else {
		snprintf(number, sizeof(number), "%lld", (long long)incident->id);
		audit_note_as(api->state, by.p, http_peer(call),
		    link.action == ACK_LINK_ACK ? "incident.ack" : "incident.snooze",
		    str_from(number), "by a link in a mail");
		say(api, call, 200, true, "Done",
		    link.action == ACK_LINK_ACK ? "You have it in hand: nobody else is woken."
						: "If it still fires in an hour, it comes back.");
	}
	buf_fini(&key);
	buf_fini(&by);
}
