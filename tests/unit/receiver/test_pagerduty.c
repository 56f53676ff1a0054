/* SPDX-License-Identifier: Apache-2.0 */
/* PagerDuty: events, their limits, and the service's answers. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "receiver/types.h"
#include "world.h"

#define KEY "routing_key: 0123456789abcdef0123456789abcdef\n"

static struct json_object *
event_of(struct story *s, const char *yaml)
{
	struct rendered r =
	    render(s, &receiver_pagerduty, settings_read(s, &receiver_pagerduty, yaml));
	struct json_object *root;

	ck_assert_msg(r.rc == 0, "%s", r.err.text);
	ck_assert_uint_le(r.request.body.n, 512000);
	root = json_parse(buf_str(&r.request.body));
	rendered_free(&r);
	return root;
}

START_TEST(event_is_as_agreed)
{
	struct story s = story_load(story_names[_i]);
	struct rendered r =
	    render(&s, &receiver_pagerduty, settings_read(&s, &receiver_pagerduty, KEY));

	ck_assert_int_eq(r.rc, 0);
	ck_assert_str_eq(r.request.url.p, "https://events.pagerduty.com/v2/enqueue");
	ck_assert_str_eq(r.request.content_type, "application/json");
	same_as_golden(s.arena, arena_printf(s.arena, "%s.pagerduty.json", story_names[_i]),
	    buf_str(&r.request.body));
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(what_identifies_and_describes_equals_alertmanagers)
{
	static const char *const paths[] = { "routing_key", "dedup_key", "event_action",
		"client_url", "payload.summary", "payload.custom_details.firing",
		"payload.custom_details.resolved", "payload.custom_details.num_firing",
		"payload.custom_details.num_resolved" };
	struct story s = story_load(story_names[_i]);
	struct json_object *stock = json_parse(file_text(
	    s.arena, arena_printf(s.arena, "%s.alertmanager-pagerduty.json", story_names[_i])));
	struct json_object *ours = event_of(&s, KEY);

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		ck_assert_str_eq(json_text_at(ours, paths[i]), json_text_at(stock, paths[i]));
	}
	json_object_put(stock);
	json_object_put(ours);
	story_free(&s);
}
END_TEST

START_TEST(an_acknowledgement_is_the_same_incidents_and_says_no_more)
{
	struct story s = story_load("mixed");
	struct json_object *trigger = event_of(&s, KEY), *event;

	s.n.kind = NOTIFICATION_ACKNOWLEDGED;
	event = event_of(&s, KEY);
	ck_assert_str_eq(json_text_at(event, "event_action"), "acknowledge");
	ck_assert_str_eq(json_text_at(event, "dedup_key"), json_text_at(trigger, "dedup_key"));
	ck_assert(!json_object_object_get_ex(event, "payload", NULL));
	json_object_put(event);
	json_object_put(trigger);
	story_free(&s);
}
END_TEST

START_TEST(incident_is_closed_only_when_all_is_over)
{
	struct story s = story_load("mixed");
	struct json_object *event = event_of(&s, KEY);

	ck_assert_uint_gt(s.n.n_resolved, 0);
	ck_assert_str_eq(json_text_at(event, "event_action"), "trigger");
	json_object_put(event);
	for (uint32_t i = 0; i < s.n.n_alerts; i++)
		s.alerts[i].firing = false;
	s.n.firing = false;
	s.n.n_firing = 0;
	event = event_of(&s, KEY);
	ck_assert_str_eq(json_text_at(event, "event_action"), "resolve");
	json_object_put(event);
	story_free(&s);
}
END_TEST

static const struct {
	const char *labels, *yaml, *want;
} severities[] = {
	{ "severity=critical", "", "critical" },
	{ "severity=page", "", "critical" },
	{ "severity=high", "", "error" },
	{ "severity=error", "", "error" },
	{ "severity=warn", "", "warning" },
	{ "severity=warning", "", "warning" },
	{ "severity=info", "", "info" },
	{ "severity=none", "", "error" },
	{ "a=b", "", "error" },
	{ "severity=info", "severity: critical", "critical" },
	{ "severity=warn", "severity: '{{ .CommonLabels.severity }}'", "warning" },
	{ "severity=info", "severity: '{{ .CommonLabels.nothing }}'", "info" },
};

START_TEST(severity_is_one_that_pagerduty_knows)
{
	char yaml[200];
	struct story s = story_make(1, severities[_i].labels, "");
	struct json_object *event;

	snprintf(yaml, sizeof(yaml), "%s%s", KEY, severities[_i].yaml);
	event = event_of(&s, yaml);
	ck_assert_str_eq(json_text_at(event, "payload.severity"), severities[_i].want);
	json_object_put(event);
	story_free(&s);
}
END_TEST

START_TEST(a_runbook_that_is_no_url_does_not_spoil_the_event)
{
	struct story s = story_make(1, "alertname=Test", "runbook_url=see the wiki");
	struct json_object *event = event_of(&s, KEY);

	ck_assert_uint_eq(json_object_array_length(json_at(event, "links")), 0);
	ck_assert_str_eq(json_text_at(event, "payload.custom_details.runbook_url"), "see the wiki");
	ck_assert_str_eq(json_text_at(event, "payload.source"), "Tocsin");
	json_object_put(event);
	story_free(&s);
	s = story_make(1, "alertname=Test", "runbook_url=https://r/x?a=1&b=2");
	event = event_of(&s, KEY);
	ck_assert_str_eq(json_text_at(event, "links.0.href"), "https://r/x?a=1&b=2");
	ck_assert_str_eq(json_text_at(event, "links.0.text"), "Runbook");
	json_object_put(event);
	story_free(&s);
}
END_TEST

START_TEST(an_event_past_512_kb_goes_without_details)
{
	static const uint32_t counts[] = { 200, 600, 5000 };
	char text[1024];

	memset(text, 'x', sizeof(text));
	memcpy(text, "runbook_url=https://r/|summary=", 31);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 0; i < 3; i++) {
		struct story s =
		    story_make(counts[i], "alertname=Test severity=critical n=#", text);
		struct json_object *event = event_of(&s, KEY);
		struct json_object *details = json_at(event, "payload.custom_details");

		ck_assert_int_eq(json_at(details, "note") == NULL, counts[i] == 200);
		ck_assert_int_eq(json_at(details, "firing") != NULL, counts[i] == 200);
		ck_assert_int_eq(
		    json_object_get_int(json_at(details, "num_firing")), (int)counts[i]);
		ck_assert_str_eq(json_text_at(details, "severity"), "critical");
		ck_assert_str_eq(json_text_at(details, "runbook_url"), "https://r/");
		json_object_put(event);
		story_free(&s);
	}
}
END_TEST

START_TEST(summary_is_cut_at_1024_characters)
{
	struct story s = story_load("long");
	struct json_object *event = event_of(&s, KEY);

	ck_assert_uint_eq(str_runes(str_from(json_text_at(event, "payload.summary"))), 1024);
	json_object_put(event);
	story_free(&s);
}
END_TEST

START_TEST(every_key_is_sent)
{
	struct story s = story_load("one");
	struct rendered r = render(&s, &receiver_pagerduty,
	    settings_read(&s, &receiver_pagerduty,
		KEY "url: http://127.0.0.1:1/v2/enqueue\nclient: c\n"
		    "client_url: http://u\ndescription: 'd {{ .Status }}'\n"
		    "severity: info\nsource: s\ncomponent: o\ngroup: g\n"
		    "class: k\ntimeout: 4s\n"
		    "details: {firing: own, team: '{{ .GroupLabels.cluster }}'}\n"
		    "images: [{src: https://i/x.png, alt: a, href: http://h},"
		    " {src: http://not-https/x.png}]\n"
		    "links: [{href: 'http://{{ .CommonLabels.model }}/', text: t},"
		    " {href: nothing}]\n"));

	ck_assert_int_eq(r.rc, 0);
	ck_assert_str_eq(r.request.url.p, "http://127.0.0.1:1/v2/enqueue");
	ck_assert_int_eq(r.request.timeout.ns, DUR_S(4).ns);
	same_as_golden(s.arena, "every-key.pagerduty.json", buf_str(&r.request.body));
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(routing_key_is_read_from_its_file)
{
	struct story s = story_load("one");
	char path[] = "/tmp/receiver-key-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	const void *settings;
	struct rendered r;

	ck_assert_ptr_nonnull(file);
	fputs(" fedcba9876543210fedcba9876543210\n", file);
	fclose(file);
	settings = settings_read(
	    &s, &receiver_pagerduty, arena_printf(s.arena, "routing_key_file: %s", path));
	r = render(&s, &receiver_pagerduty, settings);
	ck_assert_int_eq(r.rc, 0);
	ck_assert_ptr_nonnull(
	    strstr(r.request.body.p, "\"routing_key\":\"fedcba9876543210fedcba9876543210\""));
	rendered_free(&r);
	remove(path);
	r = render(&s, &receiver_pagerduty, settings);
	ck_assert_int_eq(r.rc, -ERR_IO);
	rendered_free(&r);
	story_free(&s);
}
END_TEST

static const struct {
	int status;
	const char *body;
	enum delivery_kind want;
	const char *text;
} answers[] = {
	{ 202, "{\"status\":\"success\"}", DELIVERY_OK, "status 202: {\"status\":\"success\"}" },
	{ 400,
	    "{\"status\":\"invalid event\",\"message\":\"no\",\"errors\":"
	    "[\"'routing_key' is \\u0041\",\"b\"]}",
	    DELIVERY_REJECTED, "status 400: 'routing_key' is A; b" },
	{ 400, "{\"errors\":[]}", DELIVERY_REJECTED, "status 400: {\"errors\":[]}" },
	{ 400, "oops", DELIVERY_REJECTED, "status 400: oops" },
	{ 403, "", DELIVERY_REJECTED, "status 403" },
	{ 429, "", DELIVERY_RETRY, "status 429" },
	{ 500, "x", DELIVERY_RETRY, "status 500: x" },
	{ 503, "", DELIVERY_RETRY, "status 503" },
};

START_TEST(what_the_answer_means)
{
	struct story s = story_load("one");
	struct xfer_response response = answer(answers[_i].status, answers[_i].body);
	struct verdict verdict = receiver_pagerduty.classify(
	    settings_read(&s, &receiver_pagerduty, KEY), &s.n, &response);

	ck_assert_int_eq(verdict.kind, answers[_i].want);
	ck_assert_str_eq(verdict.text, answers[_i].text);
	story_free(&s);
}
END_TEST

#define V1_URL "https://events.pagerduty.com/generic/2010-04-15/create_event.json"

static const struct {
	const char *yaml, *story, *url, *event_type;
} v1[] = {
	{ "service_key: geheim\n", "mixed", V1_URL, "trigger" },
	{ "service_key: 'ge{{ \"heim\" }}'\n", "mixed", V1_URL, "trigger" },
	{ "service_key: geheim\nurl: https://events.pagerduty.com/v2/enqueue\n", "resolved", V1_URL,
	    "resolve" },
	{ "service_key: geheim\nurl: https://pd.example/create_event.json\n", "resolved",
	    "https://pd.example/create_event.json", "resolve" },
};

START_TEST(a_service_key_is_for_version_1)
{
	struct story s = story_load(v1[_i].story);
	const void *settings = settings_read(&s, &receiver_pagerduty, v1[_i].yaml);
	struct rendered r = render(&s, &receiver_pagerduty, settings);
	struct json_object *root = json_parse(buf_str(&r.request.body));
	char dedup[65];

	sha256_hex(s.n.group_key.p, s.n.group_key.n, dedup);
	ck_assert_str_eq(r.request.url.p, v1[_i].url);
	ck_assert_str_eq(json_text_at(root, "service_key"), "geheim");
	ck_assert_str_eq(json_text_at(root, "incident_key"), dedup);
	ck_assert_str_eq(json_text_at(root, "event_type"), v1[_i].event_type);
	ck_assert_ptr_nonnull(json_text_at(root, "description"));
	ck_assert_ptr_nonnull(json_text_at(root, "details.firing"));
	ck_assert((json_text_at(root, "client") != NULL) == s.n.firing);
	ck_assert_ptr_null(json_at(root, "payload"));
	ck_assert_ptr_null(json_at(root, "routing_key"));
	json_object_put(root);
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(version_1_says_403_to_who_asks_too_often)
{
	struct story s = story_load("one");
	struct xfer_response response = answer(403, "geheimgeheim asks too often");
	struct verdict verdict = receiver_pagerduty.classify(
	    settings_read(&s, &receiver_pagerduty, "service_key: geheimgeheim"), &s.n, &response);

	ck_assert_int_eq(verdict.kind, DELIVERY_RETRY);
	ck_assert_str_eq(verdict.text, "status 403: <secret>");
	story_free(&s);
}
END_TEST

static const struct {
	const char *yaml, *want;
} complaints[] = {
	{ "{}", "no PagerDuty key" },
	{ KEY "service_key: x", "exclude each other" },
	{ "service_key: x\nservice_key_file: /x", "only one of" },
	{ KEY "url: x", "expected a URL" },
	{ KEY "links: [{text: a}]", "missing key 'href'" },
	{ KEY "routing_key_file: /x", "only one of" },
};

START_TEST(mistakes_are_named)
{
	struct story s = story_load("one");
	const char *text = settings_complaint(&s, &receiver_pagerduty, complaints[_i].yaml);

	ck_assert_msg(strstr(text, complaints[_i].want) != NULL, "%s", text);
	story_free(&s);
}
END_TEST

TCase *
case_pagerduty(void)
{
	TCase *tcase = tcase_create("pagerduty");

#define TABLE(test, table)                                                                         \
	tcase_add_loop_test(tcase, test, 0, (int)(sizeof(table) / sizeof((table)[0])))
	tcase_add_loop_test(tcase, event_is_as_agreed, 0, STORIES);
	tcase_add_loop_test(tcase, what_identifies_and_describes_equals_alertmanagers, 0, STORIES);
	tcase_add_test(tcase, an_acknowledgement_is_the_same_incidents_and_says_no_more);
	tcase_add_test(tcase, incident_is_closed_only_when_all_is_over);
	TABLE(severity_is_one_that_pagerduty_knows, severities);
	tcase_add_test(tcase, a_runbook_that_is_no_url_does_not_spoil_the_event);
	tcase_add_test(tcase, an_event_past_512_kb_goes_without_details);
	tcase_add_test(tcase, summary_is_cut_at_1024_characters);
	tcase_add_test(tcase, every_key_is_sent);
	tcase_add_test(tcase, routing_key_is_read_from_its_file);
	TABLE(what_the_answer_means, answers);
	TABLE(a_service_key_is_for_version_1, v1);
	tcase_add_test(tcase, version_1_says_403_to_who_asks_too_often);
	TABLE(mistakes_are_named, complaints);
	return tcase;
}
