/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: what Slack, PagerDuty and holders of links send (api/slack_hook.c,
 * pagerduty_hook.c, link.c), with one incident open.
 *
 * The first byte chooses: 's', a body of Slack, signed; 'p', one of PagerDuty,
 * signed; 'l', the text of a link; 'S', 'P', the same with what follows up to
 * the first line's end as signature.  The rest is that body.  Beyond not
 * crashing: each is answered, never with 500, and the same again does not
 * change the incident's state a second time; no text is a link that holds.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mac.h"
#include "fuzz.h"
#include "labels/labels.h"
#include "unit/api/world.h"

#define SLACK "/api/tocsin/v1/slack/interactive"
#define PAGERDUTY "/api/tocsin/v1/pagerduty/webhook"
#define LINK "/api/tocsin/v1/link/"

static const char alert[] =
    "[{'labels':{'alertname':'Down','severity':'critical'},'annotations':{'summary':'x'}}]";

static uint8_t
state(void)
{
	struct incident *incident;
	size_t it = 0;

	incident = incidents_next(w.state.incidents, &it);
	if (incident == NULL)
		abort();
	return incident->state;
}

static void
sign(const char *secret, const char *head, const char *body, char hex[MAC_HEX_BYTES])
{
	uint8_t out[MAC_BYTES];
	struct mac mac;

	mac_init(&mac, secret, strlen(secret));
	mac_put(&mac, head, strlen(head));
	mac_put(&mac, body, strlen(body));
	mac_end(&mac, out);
	mac_to_hex(out, hex);
}

static void
check_answer(int status)
{
	const char *type = header("Content-Type");
	struct str body = str_from(said()), span;
	struct json_reader r;

	if (status < 200 || status == 500 || status > 599)
		abort();
	if (type == NULL || strncmp(type, "application/json", 16) != 0 || body.n == 0)
		return;
	json_reader_init(&r, body);
	if (!json_read_span(&r, &span) || !json_finish(&r) || !str_is_utf8(body))
		abort();
}

static void
slack(const char *body, const char *signature)
{
	char time[64], head[64], text[512], hex[MAC_HEX_BYTES];
	const char *const headers[] = { "Content-Type: application/x-www-form-urlencoded", time,
		text, NULL };
	long long now_s = (long long)(loop_now(w.loop).ns / 1000000000);

	(void)snprintf(time, sizeof(time), "X-Slack-Request-Timestamp: %lld", now_s);
	(void)snprintf(head, sizeof(head), "v0:%lld:", now_s);
	sign(SLACK_SECRET, head, body, hex);
	(void)snprintf(text, sizeof(text), "X-Slack-Signature: %s%.400s",
	    signature != NULL ? "" : "v0=", signature != NULL ? signature : hex);
	check_answer(ask_with("POST", SLACK, body, headers));
}

static void
pagerduty(const char *body, const char *signature)
{
	char text[512], hex[MAC_HEX_BYTES];
	const char *const headers[] = { "Content-Type: application/json", text, NULL };

	sign(PAGERDUTY_SECRET, "", body, hex);
	(void)snprintf(text, sizeof(text), "X-PagerDuty-Signature: %s%.400s",
	    signature != NULL ? "" : "v1=", signature != NULL ? signature : hex);
	check_answer(ask_with("POST", PAGERDUTY, body, headers));
}

/* Whatever follows the path is not a link of ours. */
static void
look(const char *text)
{
	char path[600];
	int status;

	(void)snprintf(path, sizeof(path), "%s%.500s", LINK, text);
	status = ask("POST", path, NULL);
	check_answer(status);
	if (status == 200)
		abort();
	check_answer(ask("GET", path, NULL));
}

static void
send(char kind, const char *body, const char *signature)
{
	switch (kind) {
	case 's':
	case 'S':
		slack(body, signature);
		break;
	case 'p':
	case 'P':
		pagerduty(body, signature);
		break;
	default:
		look(body);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *body, *signature = NULL;
	uint8_t before;

	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	log_configure((enum log_level)(LOG_ERROR + 1), LOG_LOGFMT);
	world_open_on_call();
	must_post(alert);
	world_advance(DUR_S(5));
	body = text + (size > 0);
	if (text[0] == 'S' || text[0] == 'P') {
		signature = body;
		body += strcspn(body, "\n");
		if (*body != '\0')
			*body++ = '\0';
	}
	send(text[0], body, signature);
	before = state();
	send(text[0], body, signature);
	if (state() != before || (signature != NULL && before != INCIDENT_OPEN))
		abort();
	world_close();
	free(text);
	if (labels_live() != 0 || istr_live() != 0)
		abort();
	return 0;
}
