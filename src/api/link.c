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

#define SNOOZE DUR_S(3600)

static const char *const verbs[] = {
	[ACK_LINK_ACK] = "Acknowledge",
	[ACK_LINK_SNOOZE] = "Snooze for an hour",
};

/* ---- pages ------------------------------------------------------------------------------- */

static void
put_escaped(struct buf *out, struct str s)
{
	for (uint32_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'')
			buf_printf(out, "&#%d;", c);
		else
			buf_putc(out, c);
	}
}

static void
page_begin(struct buf *out, const char *title)
{
	buf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		      "<meta name=\"viewport\" content=\"width=device-width\">"
		      "<meta name=\"robots\" content=\"noindex\"><title>");
	put_escaped(out, str_from(title));
	buf_puts(out,
	    "</title><style>body{font:16px sans-serif;max-width:36em;margin:3em auto;padding:0 1em}"
	    "button{font:inherit;padding:.6em 1.2em}</style></head><body>\n<h1>");
	put_escaped(out, str_from(title));
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

static void
put_incident_lines(const struct incident *incident, struct buf *out)
{
	char time[TIMESTAMP_TEXT_MAX];

	buf_printf(out, "<p>Incident %lld: ", (long long)incident->id);
	put_escaped(out, str_from(incident_state_name((enum incident_state)incident->state)));
	buf_printf(out, ", %u alert%s firing, since %s", incident->alerts,
	    incident->alerts == 1 ? "" : "s", timestamp_format_ms(incident->opened_at, time));
	if (incident->severity != NULL) {
		buf_puts(out, ", severity ");
		put_escaped(out, istr_str(incident->severity));
	}
	buf_puts(out, "</p>\n<p><code>");
	put_escaped(out, str_from(incident->key));
	buf_puts(out, "</code></p>\n");
}

/* A page of one sentence. */
static void
say(struct api *api, struct http_call *call, int status, bool durable, const char *title,
    const char *text)
{
	struct buf body = { 0 };

	page_begin(&body, title);
	buf_puts(&body, "<p>");
	put_escaped(&body, str_from(text));
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
	struct str key = str_make((const char *)api->state->link_key, sizeof(api->state->link_key));
	struct incident *incident;
	struct buf receipt = { 0 };
	bool used;

	if (!ack_link_read(key, text, ret)) {
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
	put_incident_lines(incident, &body);
	buf_printf(&body,
	    "<form method=\"post\"><button type=\"submit\">%s</button></form>\n</body></html>\n",
	    verbs[link.action]);
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
