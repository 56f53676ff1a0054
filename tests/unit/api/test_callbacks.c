/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that carry their own proof: Slack's buttons, PagerDuty's webhooks, links in mails. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mac.h"
#include "base/timestamp.h"
#include "oncall/receipts.h"
#include "receiver/ack_link.h"
#include "unit/api/world.h"

#define SLACK "/api/tocsin/v1/slack/interactive"
#define PAGERDUTY "/api/tocsin/v1/pagerduty/webhook"
#define FORM "Content-Type: application/x-www-form-urlencoded"

/* Slack's own example, "Verifying requests from Slack". */
#define SLACK_TIME "X-Slack-Request-Timestamp: 1531420618"
#define SLACK_MAC "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
static const char slack_body[] =
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=t"
    "estteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2"
    "CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&"
    "response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2J"
    "H3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=39873"
    "8663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

/* PagerDuty's own example, of its client for Go; and a signature that does not fit. */
#define PAGERDUTY_MAC "0c0b9495b893a39e70d1fea2fe11fbe0a825f88b9f67846f6cc07dd2bc5476cd"
#define OTHER_MAC "7020c8a7ec668a9b7012bc3dd82e483394b038f4230acc6785efbf2a7d8bcaf5"
static const char pagerduty_body[] =
    "{\"event\":{\"id\":\"01BWDWL3NYY7LUFPZCC28QUCMK\",\"event_type\":\"inci"
    "dent.priority_updated\",\"resource_type\":\"incident\",\"occurred_at"
    "\":\"2021-04-26T17:36:27.458Z\",\"agent\":{\"html_url\":\"https://acme"
    ".pagerduty.com/users/PLH1HKV\",\"id\":\"PLH1HKV\",\"self\":\"https://a"
    "pi.pagerduty.com/users/PLH1HKV\",\"summary\":\"Tenex Engineer\",\"ty"
    "pe\":\"user_reference\"},\"client\":null,\"data\":{\"id\":\"PGR0VU2\",\"ty"
    "pe\":\"incident\",\"self\":\"https://api.pagerduty.com/incidents/PGR"
    "0VU2\",\"html_url\":\"https://acme.pagerduty.com/incidents/PGR0VU2"
    "\",\"number\":2,\"status\":\"triggered\",\"title\":\"A little bump in th"
    "e road\",\"service\":{\"html_url\":\"https://acme.pagerduty.com/serv"
    "ices/PF9KMXH\",\"id\":\"PF9KMXH\",\"self\":\"https://api.pagerduty.com"
    "/services/PF9KMXH\",\"summary\":\"API Service\",\"type\":\"service_ref"
    "erence\"},\"assignees\":[{\"html_url\":\"https://acme.pagerduty.com/"
    "users/PTUXL6G\",\"id\":\"PTUXL6G\",\"self\":\"https://api.pagerduty.co"
    "m/users/PTUXL6G\",\"summary\":\"User 123\",\"type\":\"user_reference\"}"
    "],\"escalation_policy\":{\"html_url\":\"https://acme.pagerduty.com/"
    "escalation_policies/PUS0KTE\",\"id\":\"PUS0KTE\",\"self\":\"https://ap"
    "i.pagerduty.com/escalation_policies/PUS0KTE\",\"summary\":\"Defaul"
    "t\",\"type\":\"escalation_policy_reference\"},\"teams\":[{\"html_url\":"
    "\"https://acme.pagerduty.com/teams/PFCVPS0\",\"id\":\"PFCVPS0\",\"sel"
    "f\":\"https://api.pagerduty.com/teams/PFCVPS0\",\"summary\":\"Engine"
    "ering\",\"type\":\"team_reference\"}],\"priority\":{\"html_url\":\"https"
    "://acme.pagerduty.com/account/incident_priorities\",\"id\":\"PSO75"
    "BM\",\"self\":\"https://api.pagerduty.com/priorities/PSO75BM\",\"sum"
    "mary\":\"P1\",\"type\":\"priority_reference\"},\"urgency\":\"high\",\"conf"
    "erence_bridge\":{\"conference_number\":1000,\"conference_url\":\"htt"
    "ps://example.com\"},\"resolve_reason\":null}}}";

/* ---- what the tests share -------------------------------------------------------------- */

static struct incident *
the_incident(void)
{
	size_t it = 0;
	struct incident *incident = incidents_next(w.state.incidents, &it);

	ck_assert_ptr_nonnull(incident);
	return incident;
}

static int
state(void)
{
	return the_incident()->state;
}

static void
open_with_incident(void)
{
	world_open_on_call();
	must_post("[{'labels':{'alertname':'Down','severity':'critical'},"
		  "'annotations':{'summary':'a <b> & c',"
		  "'runbook_url':'https://r.example/d?a=1&b=2'}}]");
	world_advance(DUR_S(5));
	ck_assert_int_eq(state(), INCIDENT_OPEN);
}

static int
count_refused(void)
{
	const char *p;
	int n = 0;

	world_advance(DUR_MS(100));
	ck_assert_int_eq(ask("GET", "/api/tocsin/v1/audit?limit=100", NULL), 200);
	for (p = said(); (p = strstr(p, "callback.refused")) != NULL; p++)
		n++;
	return n;
}

static const char *
mac_text(const char *key, const char *head, const char *body)
{
	static char hex[MAC_HEX_BYTES];
	uint8_t out[MAC_BYTES];
	struct mac mac;

	mac_init(&mac, key, strlen(key));
	mac_put(&mac, head, strlen(head));
	mac_put(&mac, body, strlen(body));
	mac_end(&mac, out);
	mac_to_hex(out, hex);
	return hex;
}

/* ---- Slack -------------------------------------------------------------------------------- */

static const struct {
	const char *label, *signature;
	bool fits;
} slack_examples[] = {
	{ "as published", "X-Slack-Signature: v0=" SLACK_MAC, true },
	{ "another", "X-Slack-Signature: v0=" PAGERDUTY_MAC, false },
	{ "another version", "X-Slack-Signature: v1=" SLACK_MAC, false },
	{ "no version", "X-Slack-Signature: " SLACK_MAC, false },
	{ "more than it", "X-Slack-Signature: v0=" SLACK_MAC "00", false },
	{ "empty", "X-Slack-Signature: v0=", false },
	{ "of another header", "X-Other: v0=" SLACK_MAC, false },
};

START_TEST(slack_signatures_are_as_published)
{
	const char *const headers[] = { FORM, SLACK_TIME, slack_examples[_i].signature, NULL };
	const char *const other_time[] = { FORM, "X-Slack-Request-Timestamp: 1531420619",
		slack_examples[_i].signature, NULL };

	world_open_on_call();
	/* A signature that fits is found to be years old; another is not looked at any further. */
	ck_assert_int_eq(ask_with("POST", SLACK, slack_body, headers), 401);
	ck_assert_msg((strstr(said(), "five minutes") != NULL) == slack_examples[_i].fits,
	    "%s: %s", slack_examples[_i].label, said());
	ck_assert_int_eq(ask_with("POST", SLACK, slack_body + 1, headers), 401);
	ck_assert_ptr_nonnull(strstr(said(), "fits no"));
	ck_assert_int_eq(ask_with("POST", SLACK, slack_body, other_time), 401);
	ck_assert_ptr_nonnull(strstr(said(), "fits no"));
	world_close();
}
END_TEST

static int
press(const char *body, int64_t at_s)
{
	char time[64], signature[160], head[64];
	const char *const headers[] = { FORM, time, signature, NULL };

	(void)snprintf(head, sizeof(head), "v0:%lld:", (long long)at_s);
	(void)snprintf(time, sizeof(time), "X-Slack-Request-Timestamp: %lld", (long long)at_s);
	(void)snprintf(signature, sizeof(signature), "X-Slack-Signature: v0=%s",
	    mac_text(SLACK_SECRET, head, body));
	return ask_with("POST", SLACK, body, headers);
}

static const char *
press_body(const char *action, const char *trigger)
{
	static char body[512];

	(void)snprintf(body, sizeof(body),
	    "payload={\"type\":\"block_actions\",\"trigger_id\":\"%s\","
	    "\"user\":{\"id\":\"U1\",\"username\":\"alice\"},"
	    "\"actions\":[{\"action_id\":\"%s\",\"value\":\"%lld\"}]}",
	    trigger, action, (long long)the_incident()->id);
	return body;
}

START_TEST(a_button_acts_once_and_soon)
{
	int64_t now_s;

	open_with_incident();
	now_s = loop_now(w.loop).ns / 1000000000;
	ck_assert_int_eq(press(press_body("tocsin_ack", "1"), now_s - 301), 401);
	ck_assert_int_eq(press(press_body("tocsin_ack", "1"), now_s + 301), 401);
	ck_assert_int_eq(press(press_body("tocsin_ack", "1"), -now_s), 401);
	ck_assert_int_eq(press(press_body("tocsin_ack", "1"), INT64_MAX), 401);
	ck_assert_int_eq(state(), INCIDENT_OPEN);
	ck_assert_int_eq(count_refused(), 4);

	ck_assert_int_eq(press(press_body("tocsin_ack", "1"), now_s - 299), 200);
	ck_assert_str_eq(said(), "");
	ck_assert_int_eq(state(), INCIDENT_ACKNOWLEDGED);
	ck_assert_str_eq(the_incident()->work->changed_by, "slack:alice");
	ck_assert_int_eq(press(press_body("tocsin_unack", "1"), now_s), 409);
	ck_assert_int_eq(state(), INCIDENT_ACKNOWLEDGED);
	world_restart();
	ck_assert_int_eq(press(press_body("tocsin_unack", "1"), now_s), 409);
	ck_assert_int_eq(state(), INCIDENT_ACKNOWLEDGED);

	ck_assert_int_eq(press(press_body("tocsin_snooze", "2"), now_s + 299), 200);
	ck_assert_int_eq(state(), INCIDENT_SNOOZED);
	ck_assert_int_eq(press(press_body("tocsin_runbook", "3"), now_s), 200);
	ck_assert_int_eq(press(press_body("tocsin_unack", "4"), now_s), 200);
	ck_assert_int_eq(state(), INCIDENT_OPEN);
	ck_assert_int_eq(press(press_body("tocsin_unack", "5"), now_s), 200);
	ck_assert_msg(strstr(said(), "ephemeral") != NULL, "said to who pressed it alone");
	ck_assert_int_eq(press(press_body("another_apps", "6"), now_s), 200);
	ck_assert_ptr_nonnull(strstr(said(), "no button of ours"));
	world_close();
}
END_TEST

static const struct {
	const char *label, *choice, *said;
	uint32_t silences;
} choices[] = {
	{ "a length that was offered", " 1w", "in_channel", 1 },
	{ "another", " 2w", "no length", 0 },
	{ "none", "", "no length", 0 },
	{ "nothing behind the number", " ", "no length", 0 },
	{ "more than the length", " 1h x", "no length", 0 },
	{ "another incident", "9 1h", "no such incident", 0 },
};

START_TEST(a_choice_of_length_silences_the_groups_labels)
{
	char body[512];
	int64_t now_s;

	open_with_incident();
	now_s = loop_now(w.loop).ns / 1000000000;
	(void)snprintf(body, sizeof(body),
	    "payload={\"type\":\"block_actions\",\"trigger_id\":\"1\","
	    "\"user\":{\"id\":\"U1\",\"username\":\"alice\"},"
	    "\"actions\":[{\"action_id\":\"tocsin_silence\","
	    "\"selected_option\":{\"value\":\"%lld%s\"}}]}",
	    (long long)the_incident()->id, choices[_i].choice);
	ck_assert_int_eq(press(body, now_s), 200);
	ck_assert_msg(
	    strstr(said(), choices[_i].said) != NULL, "%s: %s", choices[_i].label, said());
	ck_assert_uint_eq(silences_count(w.state.silences, SILENCE_ACTIVE, loop_now(w.loop)),
	    choices[_i].silences);
	ck_assert_int_eq(state(), INCIDENT_OPEN);
	world_close();
}
END_TEST

static const char *const no_presses[] = { "", "payload=", "payload={", "payload=[]", "payload=null",
	"payload=1", "other={}", "payload={\"type\":\"block_actions\"}",
	"payload={\"type\":1,\"trigger_id\":[],\"user\":\"x\",\"actions\":{}}",
	"payload={\"type\":\"view_submission\",\"trigger_id\":\"1\",\"user\":{\"id\":\"U\"},"
	"\"actions\":[{\"action_id\":\"tocsin_ack\"}]}",
	"payload={\"type\":\"block_actions\",\"trigger_id\":\"1\",\"user\":{\"id\":\"U\"},"
	"\"actions\":[]}",
	"payload={\"type\":\"block_actions\",\"trigger_id\":\"1\",\"user\":{\"id\":\"U\"},"
	"\"actions\":[null]}",
	"payload={\"type\":\"block_actions\",\"trigger_id\":\"\",\"user\":{\"id\":\"U\"},"
	"\"actions\":[{\"action_id\":\"tocsin_ack\"}]}" };

START_TEST(what_is_no_press_is_refused)
{
	open_with_incident();
	ck_assert_int_eq(press(no_presses[_i], loop_now(w.loop).ns / 1000000000), 400);
	ck_assert_int_eq(state(), INCIDENT_OPEN);
	world_close();
}
END_TEST

/* Or PagerDuty would be thought to know, and never hear that somebody has it in hand. */
START_TEST(nobody_says_to_come_from_where_they_do_not)
{
	static const char *const claims[] = { "pagerduty:x", "slack:x", "email:x", "token:x" };
	const char *const headers[] = { "Content-Type: application/json", NULL };
	struct buf path = { 0 }, body = { 0 };

	open_with_incident();
	buf_printf(&path, "/api/tocsin/v1/incidents/%lld/ack", (long long)the_incident()->id);
	for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
		buf_clear(&body);
		buf_printf(&body, "{\"by\":\"%s\"}", claims[i]);
		ck_assert_int_eq(ask_with("POST", path.p, body.p, headers), 400);
		ck_assert_int_eq(state(), INCIDENT_OPEN);
	}
	ck_assert_int_eq(ask_with("POST", path.p, "{\"by\":\"pagerduty\"}", headers), 200);
	ck_assert_int_eq(state(), INCIDENT_ACKNOWLEDGED);
	buf_fini(&path);
	buf_fini(&body);
	world_close();
}
END_TEST

/* ---- PagerDuty ------------------------------------------------------------------------------ */

#define PD "X-PagerDuty-Signature: "
#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
#define BAD "v1=" OTHER_MAC ","

static const struct {
	const char *label, *signature;
	bool fits;
} pagerduty_examples[] = {
	{ "as published", PD "v1=" PAGERDUTY_MAC, true },
	{ "published as not fitting", PD "v1=" OTHER_MAC, false },
	{ "the second while a secret is replaced", PD BAD "v1=" PAGERDUTY_MAC, true },
	{ "the first of two, and spaces", PD "v1=" PAGERDUTY_MAC " , v1=" OTHER_MAC, true },
	{ "the last that is looked at", PD BAD BAD BAD BAD BAD BAD BAD "v1=" PAGERDUTY_MAC, true },
	{ "one too many", PD BAD BAD BAD BAD BAD BAD BAD BAD "v1=" PAGERDUTY_MAC, false },
	{ "another version", PD "v2=" PAGERDUTY_MAC, false },
	{ "commas alone", PD ",,,", false },
	{ "none", "X-Other: v1=" PAGERDUTY_MAC, false },
};

START_TEST(pagerduty_signatures_are_as_published)
{
	const char *const headers[] = { "Content-Type: application/json",
		pagerduty_examples[_i].signature, NULL };

	world_open_on_call();
	ck_assert_msg(ask_with("POST", PAGERDUTY, pagerduty_body, headers) ==
			  (pagerduty_examples[_i].fits ? 202 : 401),
	    "%s: %s", pagerduty_examples[_i].label, said());
	ck_assert_int_eq(ask_with("POST", PAGERDUTY, "{}", headers), 401);
	world_close();
}
END_TEST

static int
tell(const char *id, const char *type, const char *agent, int64_t seconds_ago)
{
	char body[1024], signature[128], key[65], time[TIMESTAMP_TEXT_MAX];
	const char *const headers[] = { "Content-Type: application/json", signature, NULL };
	wall_t at = { loop_now(w.loop).ns - seconds_ago * 1000000000 };

	sha256_hex(the_incident()->key, strlen(the_incident()->key), key);
	(void)snprintf(body, sizeof(body),
	    "{\"event\":{\"id\":\"%s\",\"event_type\":\"incident.%s\",\"occurred_at\":\"%s\","
	    "\"agent\":{\"type\":\"%s\",\"summary\":\"%s\"},"
	    "\"data\":{\"incident_key\":\"%s\"}}}",
	    id, type, timestamp_format_ms(at, time), agent,
	    agent[0] != '\0' ? "Bob" : "", key);
	(void)snprintf(signature, sizeof(signature), PD "v1=%s",
	    mac_text(PAGERDUTY_SECRET, "", body));
	return ask_with("POST", PAGERDUTY, body, headers);
}

/* In this order, ten seconds apart. */
static const struct {
	const char *label, *id, *type, *agent;
	int64_t seconds_ago;
	int status;
	const char *said;
	enum incident_state state;
	int refused;
} told[] = {
	{ "too old to be told apart from a replay", "0", "acknowledged", "user_reference",
	    3 * 86400 + 60, 400, "these days", INCIDENT_OPEN, 1 },
	{ "from a clock far ahead", "0", "acknowledged", "user_reference", -3700, 400, "these days",
	    INCIDENT_OPEN, 2 },
	{ "an id that no receipt holds", FIFTY FIFTY FIFTY FIFTY, "acknowledged",
	    "user_reference", 0, 400, "wanted", INCIDENT_OPEN, 2 },
	{ "our own", "1", "acknowledged", "events_api_v2_inbound_integration_reference", 0, 202,
	    "our own", INCIDENT_OPEN, 2 },
	{ "acknowledged", "2", "acknowledged", "user_reference", 0, 202, "true",
	    INCIDENT_ACKNOWLEDGED, 2 },
	{ "told again", "2", "acknowledged", "user_reference", 0, 202, "before",
	    INCIDENT_ACKNOWLEDGED, 3 },
	{ "it happened before the last change", "3", "unacknowledged", "user_reference", 60, 202,
	    "late", INCIDENT_ACKNOWLEDGED, 4 },
	{ "no change", "4", "annotated", "user_reference", 0, 202, "changes anything",
	    INCIDENT_ACKNOWLEDGED, 4 },
	{ "taken back", "5", "unacknowledged", "user_reference", 0, 202, "true", INCIDENT_OPEN,
	    4 },
	{ "nothing to take back", "6", "reopened", "user_reference", 0, 202, "neither",
	    INCIDENT_OPEN, 5 },
	{ "by itself, after hours", "9", "resolved", "", 0, 202, "nobody", INCIDENT_OPEN, 6 },
	{ "over", "7", "resolved", "user_reference", 0, 202, "true", INCIDENT_RESOLVED, 6 },
	{ "over already", "8", "acknowledged", "user_reference", 0, 202, "is resolved",
	    INCIDENT_RESOLVED, 7 },
};

START_TEST(what_pagerduty_tells_counts_once_and_in_order)
{
	open_with_incident();
	for (size_t i = 0; i < ARRAY_LEN(told); i++) {
		int status = tell(told[i].id, told[i].type, told[i].agent, told[i].seconds_ago);

		ck_assert_msg(status == told[i].status, "%s: %d %s", told[i].label, status, said());
		ck_assert_msg(
		    strstr(said(), told[i].said) != NULL, "%s: %s", told[i].label, said());
		ck_assert_msg(state() == (int)told[i].state, "%s: %d", told[i].label, state());
		ck_assert_msg(count_refused() == told[i].refused, "%s: %d", told[i].label,
		    count_refused());
		world_advance(DUR_S(10));
		if (i % 3 == 0)
			world_restart();
	}
	world_close();
}
END_TEST

/* ---- links --------------------------------------------------------------------------- */

static const char *
link_path(enum ack_link_action action, int64_t incident, int64_t delivery, int64_t seconds)
{
	static struct buf path;
	const struct ack_link link = { .action = action,
		.incident = incident,
		.delivery = delivery,
		.expires_at = { (loop_now(w.loop).ns / 1000000000 + seconds) * 1000000000 },
		.to = "carol@example.org" };

	buf_clear(&path);
	buf_puts(&path, "/api/tocsin/v1/link/");
	ack_link_put(STR(LINK_KEY), &link, &path);
	return path.p;
}

START_TEST(to_look_at_a_link_changes_nothing)
{
	open_with_incident();
	for (int i = 0; i < 3; i++) {
		const char *path = link_path(ACK_LINK_ACK, the_incident()->id, 7, 60);

		ck_assert_int_eq(ask(i == 2 ? "HEAD" : "GET", path, NULL), 200);
	}
	ck_assert_int_eq(ask("GET", link_path(ACK_LINK_ACK, the_incident()->id, 7, 60), NULL), 200);
	ck_assert_ptr_nonnull(strstr(said(), "a &lt;b&gt; &amp; c"));
	ck_assert_ptr_nonnull(strstr(said(), "<b>Down</b>"));
	ck_assert_ptr_nonnull(strstr(said(), "href=\"https://r.example/d?a=1&amp;b=2\""));
	ck_assert_ptr_null(strstr(said(), "script"));
	ck_assert_str_eq(header("Cache-Control"), "no-store");
	ck_assert_str_eq(header("Referrer-Policy"), "no-referrer");
	ck_assert_ptr_nonnull(strstr(header("Content-Security-Policy"), "default-src 'none'"));
	ck_assert_int_eq(state(), INCIDENT_OPEN);
	world_close();
}
END_TEST

START_TEST(a_link_acts_once)
{
	char path[512];

	open_with_incident();
	(void)snprintf(path, sizeof(path), "%s",
	    link_path(ACK_LINK_ACK, the_incident()->id, 7, 72 * 3600));
	ck_assert_int_eq(ask("POST", path, NULL), 200);
	ck_assert_int_eq(state(), INCIDENT_ACKNOWLEDGED);
	ck_assert_str_eq(the_incident()->work->changed_by, "email:carol@example.org");
	ck_assert_int_eq(ask("POST", path, NULL), 410);
	world_restart();
	ck_assert_int_eq(ask("POST", path, NULL), 410);
	ck_assert_int_eq(ask("GET", path, NULL), 410);
	ck_assert_int_eq(count_refused(), 3);
	/* The other link of the same mail, and that of the next, are others. */
	ck_assert_int_eq(
	    ask("POST", link_path(ACK_LINK_SNOOZE, the_incident()->id, 7, 60), NULL), 200);
	ck_assert_int_eq(state(), INCIDENT_SNOOZED);
	ck_assert_int_eq(
	    ask("POST", link_path(ACK_LINK_ACK, the_incident()->id, 8, 60), NULL), 200);
	ck_assert_int_eq(state(), INCIDENT_ACKNOWLEDGED);
	world_close();
}
END_TEST

START_TEST(a_link_that_is_old_forged_or_of_what_is_over_does_nothing)
{
	char path[512];

	open_with_incident();
	ck_assert_int_eq(
	    ask("POST", link_path(ACK_LINK_ACK, the_incident()->id, 7, 0), NULL), 410);
	ck_assert_ptr_nonnull(strstr(said(), "too old"));
	(void)snprintf(
	    path, sizeof(path), "%s", link_path(ACK_LINK_ACK, the_incident()->id, 7, 60));
	path[strlen(path) - 1] = path[strlen(path) - 1] == '0' ? '1' : '0';
	ck_assert_int_eq(ask("POST", path, NULL), 403);
	ck_assert_int_eq(ask("GET", path, NULL), 403);
	ck_assert_int_eq(ask("POST", link_path(ACK_LINK_ACK, 999, 7, 60), NULL), 410);
	ck_assert_ptr_nonnull(strstr(said(), "ended"));
	ck_assert_int_eq(state(), INCIDENT_OPEN);
	ck_assert_int_eq(count_refused(), 3);
	world_close();
}
END_TEST

START_TEST(refusals_are_noted_ten_times_a_minute)
{
	world_open_on_call();
	for (int minute = 1; minute <= 2; minute++) {
		for (int i = 0; i < 25; i++)
			ck_assert_int_eq(ask("GET", "/api/tocsin/v1/link/x", NULL), 403);
		ck_assert_int_eq(count_refused(), minute * 10);
		world_advance(DUR_S(60));
	}
	world_close();
}
END_TEST

TCase *
callback_tests(void)
{
	TCase *c = tcase_create("callbacks");

	tcase_add_loop_test(c, slack_signatures_are_as_published, 0, ARRAY_LEN(slack_examples));
	tcase_add_test(c, a_button_acts_once_and_soon);
	tcase_add_loop_test(
	    c, a_choice_of_length_silences_the_groups_labels, 0, ARRAY_LEN(choices));
	tcase_add_test(c, nobody_says_to_come_from_where_they_do_not);
	tcase_add_loop_test(c, what_is_no_press_is_refused, 0, ARRAY_LEN(no_presses));
	tcase_add_loop_test(
	    c, pagerduty_signatures_are_as_published, 0, ARRAY_LEN(pagerduty_examples));
	tcase_add_test(c, what_pagerduty_tells_counts_once_and_in_order);
	tcase_add_test(c, to_look_at_a_link_changes_nothing);
	tcase_add_test(c, a_link_acts_once);
	tcase_add_test(c, a_link_that_is_old_forged_or_of_what_is_over_does_nothing);
	tcase_add_test(c, refusals_are_noted_ten_times_a_minute);
	return c;
}
