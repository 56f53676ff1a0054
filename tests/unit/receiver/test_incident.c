/* SPDX-License-Identifier: Apache-2.0 */
/* What messages say of an incident: buttons, one thread, who has it in hand, links. */
#include "config.h"

#include <stdio.h>

#include "receiver/ack_link.h"
#include "receiver/types.h"
#include "world.h"

#define SLACK                                                  \
	"app_token: xoxb-1\napp_url: https://slack.com/api/chat.postMessage\n" \
	"channel: '#ml'\nsigning_secret: s3cret\n"
#define MAIL                                                        \
	"to: carol@example.org\nfrom: tocsin@example.org\nhello: tocsin.example\n" \
	"smarthost: mail.example:25\nack_links: true\n"
#define PLACE "C024BE91L:1503435956.000247"

static struct story
incident_story(const char *name)
{
	struct story s = story_load(name);

	s.n.incident = 42;
	s.n.link_key = STR("0123456789abcdef0123456789abcdef");
	return s;
}

static const struct {
	const char *name; /* golden/one.NAME */
	const char *url, *thread;
	enum notification_kind kind;
	uint32_t step;
	enum notification_standing standing;
	const char *by, *comment;
	int64_t until_s;
} messages[] = {
	{ "slack-buttons.json", "chat.postMessage", "", NOTIFICATION_NEWS, 0, STANDING_OPEN, "", "",
	    0 },
	{ "slack-again.json", "chat.update", PLACE, NOTIFICATION_NEWS, 0, STANDING_OPEN, "", "",
	    0 },
	{ "slack-reply.json", "chat.postMessage", PLACE, NOTIFICATION_NEWS, 1, STANDING_OPEN, "",
	    "", 0 },
	{ "slack-acknowledged.json", "chat.update", PLACE, NOTIFICATION_ACKNOWLEDGED, 0,
	    STANDING_ACKNOWLEDGED, "slack:alice", "on <it> & more", 0 },
	{ "slack-snoozed.json", "chat.update", PLACE, NOTIFICATION_ACKNOWLEDGED, 0,
	    STANDING_SNOOZED, "email:carol@example.org", "", 1795158330 },
	{ "slack-news-acknowledged.json", "chat.update", PLACE, NOTIFICATION_NEWS, 0,
	    STANDING_ACKNOWLEDGED, "bob", "", 1795158330 },
};

START_TEST(slack_shows_how_it_stands)
{
	struct story s = incident_story("one");
	struct rendered r;

	s.n.thread = str_from(messages[_i].thread);
	s.n.kind = messages[_i].kind;
	s.n.step = messages[_i].step;
	s.n.standing = messages[_i].standing;
	s.n.acknowledged_by = str_from(messages[_i].by);
	s.n.comment = str_from(messages[_i].comment);
	if (messages[_i].until_s != 0)
		s.n.until = (wall_t){ messages[_i].until_s * 1000000000 };
	r = render(&s, &receiver_slack, settings_read(&s, &receiver_slack, SLACK));
	ck_assert_int_eq(r.rc, 0);
	ck_assert_str_eq(r.request.url.p,
	    arena_printf(s.arena, "https://slack.com/api/%s", messages[_i].url));
	json_object_put(json_parse(buf_str(&r.request.body)));
	same_as_golden(s.arena, arena_printf(s.arena, "one.%s", messages[_i].name),
	    buf_str(&r.request.body));
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(news_of_an_incident_change_its_message_and_are_a_reply)
{
	struct story s = incident_story("one");
	const void *settings = settings_read(&s, &receiver_slack, SLACK);
	struct xfer_response ok = answer(
	    200, "{\"ok\":true,\"channel\":\"C024BE91L\",\"ts\":\"1503435956.000999\"}");
	struct verdict verdict = receiver_slack.classify(settings, &s.n, &ok);

	ck_assert(!verdict.more);
	ck_assert_str_eq(verdict.thread, "C024BE91L:1503435956.000999");
	s.n.thread = STR(PLACE);
	verdict = receiver_slack.classify(settings, &s.n, &ok);
	ck_assert_msg(verdict.more, "the reply follows");
	s.n.step = 1;
	verdict = receiver_slack.classify(settings, &s.n, &ok);
	ck_assert(!verdict.more);
	ck_assert_msg(verdict.thread[0] == '\0', "a reply opens no thread of its own");
	s.n.step = 0;
	s.n.kind = NOTIFICATION_ACKNOWLEDGED;
	verdict = receiver_slack.classify(settings, &s.n, &ok);
	ck_assert_msg(!verdict.more, "that somebody has it in hand needs no reply");
	story_free(&s);
}
END_TEST

START_TEST(a_thread_that_is_gone_is_begun_anew)
{
	static const struct {
		uint32_t step;
		const char *error;
	} rows[] = { { 0, "message_not_found" }, { 0, "edit_window_closed" },
		{ 0, "cant_update_message" }, { 1, "thread_not_found" } };
	struct story s = incident_story("one");
	const void *settings = settings_read(&s, &receiver_slack, SLACK);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct xfer_response response = answer(200,
		    arena_printf(s.arena, "{\"ok\":false,\"error\":\"%s\"}", rows[i].error));
		struct verdict verdict;

		s.n.thread = STR(PLACE);
		s.n.step = rows[i].step;
		verdict = receiver_slack.classify(settings, &s.n, &response);
		ck_assert_int_eq(verdict.kind, DELIVERY_RETRY);
		ck_assert(verdict.thread_gone);
		s.n.thread = STR("");
		struct rendered r = render(&s, &receiver_slack, settings);
		ck_assert_str_eq(r.request.url.p, "https://slack.com/api/chat.postMessage");
		ck_assert_msg(strstr(r.request.body.p, "tocsin_ack") != NULL, "with its buttons");
		rendered_free(&r);
	}
	story_free(&s);
}
END_TEST

START_TEST(nothing_is_left_to_press_when_it_is_over_or_no_incident)
{
	struct story over = incident_story("resolved"), none = story_load("one");
	struct rendered r;

	over.n.thread = STR(PLACE);
	r = render(&over, &receiver_slack, settings_read(&over, &receiver_slack, SLACK));
	ck_assert_ptr_null(strstr(r.request.body.p, "tocsin_ack"));
	rendered_free(&r);
	r = render(&none, &receiver_slack, settings_read(&none, &receiver_slack, SLACK));
	ck_assert_ptr_null(strstr(r.request.body.p, "tocsin_ack"));
	rendered_free(&r);
	story_free(&over);
	story_free(&none);
}
END_TEST

START_TEST(the_global_secret_is_for_apps_alone)
{
	static const struct {
		const char *yaml;
		bool buttons;
	} rows[] = {
		{ "app_token: xoxb-1\nchannel: '#ml'\n", true },
		{ "api_url: https://hooks.slack.example/services/T/B/x\n", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct story s = incident_story("one");
		struct rendered r;

		s.global.slack_signing_secret.value = "global";
		r = render(&s, &receiver_slack, settings_read(&s, &receiver_slack, rows[i].yaml));
		ck_assert_int_eq(r.rc, 0);
		ck_assert((strstr(r.request.body.p, "tocsin_ack") != NULL) == rows[i].buttons);
		rendered_free(&r);
		story_free(&s);
	}
}
END_TEST

START_TEST(pagerduty_is_told_of_an_acknowledgement)
{
	struct story s = incident_story("one");
	struct rendered r;
	struct json_object *trigger, *root;

	r = render(&s, &receiver_pagerduty,
	    settings_read(&s, &receiver_pagerduty, "routing_key: 0123456789abcdef\n"));
	trigger = json_parse(buf_str(&r.request.body));
	rendered_free(&r);
	s.n.kind = NOTIFICATION_ACKNOWLEDGED;
	s.n.standing = STANDING_ACKNOWLEDGED;
	s.n.acknowledged_by = STR("alice");
	r = render(&s, &receiver_pagerduty,
	    settings_read(&s, &receiver_pagerduty, "routing_key: 0123456789abcdef\n"));
	root = json_parse(buf_str(&r.request.body));
	ck_assert_str_eq(json_text_at(root, "event_action"), "acknowledge");
	ck_assert_str_eq(json_text_at(root, "dedup_key"), json_text_at(trigger, "dedup_key"));
	ck_assert_ptr_null(json_at(root, "payload"));
	json_object_put(trigger);
	json_object_put(root);
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(pagerduty_pages_again_when_an_escalation_begins_anew)
{
	static const struct {
		const char *place;
		enum notification_kind kind;
		bool anew;
	} rows[] = {
		{ "1.0.1", NOTIFICATION_ESCALATION, false },
		{ "1.3.end", NOTIFICATION_ESCALATION, false },
		{ "2.0.0", NOTIFICATION_ESCALATION, true },
		{ "12.0.end", NOTIFICATION_ESCALATION, true },
		{ "", NOTIFICATION_NEWS, false },
		{ "2.0.0", NOTIFICATION_ACKNOWLEDGED, false },
	};
	struct xfer_response ok = answer(202, "{\"status\":\"success\"}"),
			     bad = answer(500, "");

	for (size_t i = 0; i < ARRAY_LEN(rows) * 2; i++) {
		struct story s = incident_story("one");
		const void *settings =
		    settings_read(&s, &receiver_pagerduty, "routing_key: 0123456789abcdef\n");
		bool first = i % 2 == 0 && rows[i / 2].anew;
		struct rendered r;

		s.n.place = str_from(rows[i / 2].place);
		s.n.kind = rows[i / 2].kind;
		s.n.step = i % 2;
		r = render(&s, &receiver_pagerduty, settings);
		ck_assert_int_eq(r.rc, 0);
		ck_assert_msg(
		    (strstr(r.request.body.p, "\"resolve\"") != NULL) == first, "row %zu", i);
		ck_assert(receiver_pagerduty.classify(settings, &s.n, &ok).more == first);
		ck_assert(!receiver_pagerduty.classify(settings, &s.n, &bad).more);
		rendered_free(&r);
		story_free(&s);
	}
}
END_TEST

START_TEST(mails_of_an_incident_carry_links)
{
	struct story s = incident_story("one");
	struct rendered r =
	    render(&s, &receiver_email, settings_read(&s, &receiver_email, MAIL));

	ck_assert_int_eq(r.rc, 0);
	same_as_golden(s.arena, "one.email-links.eml", buf_str(&r.request.body));
	check_lines(buf_str(&r.request.body), 78);
	rendered_free(&r);
	story_free(&s);
}
END_TEST

static const struct {
	const char *to, *holder;
} holders[] = {
	{ "carol@example.org", "carol@example.org" },
	{ "carol@example.org, bob@example.org", "ops (one of 2)" },
};

START_TEST(a_link_is_its_only_recipients_or_its_receivers)
{
	struct story s = incident_story("one");
	char yaml[200], path[600];
	struct rendered r;
	struct ack_link link;
	const char *at;
	size_t n = 0;

	(void)snprintf(yaml, sizeof(yaml),
	    "to: '%s'\nfrom: c@d.example\nhello: e.example\nsmarthost: mail.example:25\n"
	    "ack_links: true\n",
	    holders[_i].to);
	s.n.receiver = "ops";
	r = render(&s, &receiver_email, settings_read(&s, &receiver_email, yaml));
	ck_assert_int_eq(r.rc, 0);
	at = strstr(r.request.body.p, "/v1/link/");
	ck_assert_ptr_nonnull(at);
	/* quoted-printable breaks lines with "=" */
	for (at += strlen("/v1/link/"); *at != '\0' && n + 1 < sizeof(path); at++) {
		if (strncmp(at, "=\r\n", 3) == 0)
			at += 2;
		else if (*at == '\r')
			break;
		else
			path[n++] = *at;
	}
	ck_assert(ack_link_read(s.n.link_key, str_make(path, n), &link));
	ck_assert_str_eq(link.to, holders[_i].holder);
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(other_mails_carry_none)
{
	for (int i = 0; i < 4; i++) {
		struct story s = incident_story(i == 0 ? "resolved" : "one");
		const char *yaml = i == 3 ? "to: a@b.example\nfrom: c@d.example\n"
					    "hello: e.example\nsmarthost: mail.example:25\n"
					  : MAIL;
		struct rendered r;

		if (i == 1)
			s.n.incident = 0;
		if (i == 2)
			s.n.link_key = STR("");
		r = render(&s, &receiver_email, settings_read(&s, &receiver_email, yaml));
		ck_assert_int_eq(r.rc, 0);
		ck_assert_msg(strstr(r.request.body.p, "/v1/link/") == NULL, "case %d", i);
		rendered_free(&r);
		story_free(&s);
	}
}
END_TEST

TCase *
case_incident(void)
{
	TCase *c = tcase_create("incidents");

	tcase_add_loop_test(c, slack_shows_how_it_stands, 0, ARRAY_LEN(messages));
	tcase_add_test(c, news_of_an_incident_change_its_message_and_are_a_reply);
	tcase_add_test(c, a_thread_that_is_gone_is_begun_anew);
	tcase_add_test(c, nothing_is_left_to_press_when_it_is_over_or_no_incident);
	tcase_add_test(c, the_global_secret_is_for_apps_alone);
	tcase_add_test(c, pagerduty_is_told_of_an_acknowledgement);
	tcase_add_test(c, pagerduty_pages_again_when_an_escalation_begins_anew);
	tcase_add_test(c, mails_of_an_incident_carry_links);
	tcase_add_loop_test(
	    c, a_link_is_its_only_recipients_or_its_receivers, 0, ARRAY_LEN(holders));
	tcase_add_test(c, other_mails_carry_none);
	return c;
}
