/* SPDX-License-Identifier: Apache-2.0 */
/* What the receiver types say alike. */
#include "config.h"

#include <stdio.h>

#include "world.h"

static const struct {
	const char *first, *second;
	bool second_resolved;
	const char *want;
	enum message_level level;
} severities[] = {
	{ "warning", "critical", false, "critical", LEVEL_CRITICAL },
	{ "page", "critical", false, "critical", LEVEL_CRITICAL },
	{ "error", "page", false, "page", LEVEL_CRITICAL },
	{ "warning", "error", false, "error", LEVEL_ERROR },
	{ "info", "warning", false, "warning", LEVEL_WARNING },
	{ "odd", "info", false, "info", LEVEL_INFO },
	{ "odd", "", false, "odd", LEVEL_ERROR },
	{ "", "", false, "", LEVEL_ERROR },
	{ "CRITICAL", "warning", false, "CRITICAL", LEVEL_CRITICAL },
	{ "info", "critical", true, "info", LEVEL_INFO },
};

START_TEST(worst_severity_of_what_fires)
{
	struct story s = story_make(2, "alertname=Test n=#", "");
	char one[64], two[64];
	struct story a, b;
	struct notified_alert pair[2];

	snprintf(one, sizeof(one), "severity=%s n=1", severities[_i].first);
	snprintf(two, sizeof(two), "severity=%s n=2", severities[_i].second);
	a = story_make(1, one, "");
	b = story_make(1, two, "");
	pair[0] = a.alerts[0];
	pair[1] = b.alerts[0];
	pair[1].firing = !severities[_i].second_resolved;
	s.n.alerts = pair;
	ck_assert_msg(str_is(message_severity(&s.n), severities[_i].want), "%.*s",
	    STR_ARG(message_severity(&s.n)));
	ck_assert_int_eq(message_level(message_severity(&s.n)), severities[_i].level);
	story_free(&a);
	story_free(&b);
	story_free(&s);
}
END_TEST

START_TEST(runbook_of_a_firing_alert_comes_first)
{
	struct story s = story_make(3, "n=#", "runbook_url= https://r/# |summary=s");

	s.alerts[0].firing = false;
	ck_assert(str_is(message_runbook(&s.n), "https://r/1"));
	s.alerts[1].firing = s.alerts[2].firing = false;
	ck_assert(str_is(message_runbook(&s.n), "https://r/0"));
	story_free(&s);
	s = story_make(1, "n=#", "summary=s");
	ck_assert(str_is(message_runbook(&s.n), ""));
	story_free(&s);
}
END_TEST

static const struct {
	const char *annotations, *want;
} summaries[] = {
	{ "summary=s|description=d|message=m", "s" },
	{ "description=d|message=m", "d" },
	{ "message=m", "m" },
	{ "summary=  ", "Test" },
};

START_TEST(something_is_always_said)
{
	struct story s = story_make(1, "alertname=Test", summaries[_i].annotations);

	ck_assert(str_is(message_summary(&s.alerts[0]), summaries[_i].want));
	story_free(&s);
}
END_TEST

static const struct {
	const char *url;
	bool good;
} urls[] = {
	{ "https://a.example/x?y=1&z=(2)#t", true },
	{ "http://a", true },
	{ "http://", false },
	{ "ftp://a.example", false },
	{ "javascript:alert(1)", false },
	{ "//a.example", false },
	{ "", false },
	{ "https://a.example/ b", false },
	{ "https://a.example/|b", false },
	{ "https://a.example/>b", false },
	{ "https://a.example/\"b", false },
	{ "https://a.example/\r\nb", false },
	{ "https://a.example/\xff", false },
};

START_TEST(only_plain_web_addresses_become_links)
{
	ck_assert_msg(
	    message_url_is_good(str_from(urls[_i].url)) == urls[_i].good, "%s", urls[_i].url);
}
END_TEST

START_TEST(alerts_are_shown_firing_first_and_the_worst_of_these)
{
	struct story s = story_make(4, "n=#", "");
	struct story worse = story_make(1, "severity=warning", "runbook_url=https://r/warning");
	const struct notified_alert *shown[3];
	struct notified_alert alerts[5];

	s.alerts[0].firing = s.alerts[2].firing = false;
	ck_assert_uint_eq(message_pick(&s.n, shown, 3), 3);
	ck_assert_ptr_eq(shown[0], &s.alerts[1]);
	ck_assert_ptr_eq(shown[1], &s.alerts[3]);
	ck_assert_ptr_eq(shown[2], &s.alerts[0]);
	/* A warning goes behind those whose severity is not known ... */
	memcpy(alerts, s.alerts, 4 * sizeof(alerts[0]));
	alerts[4] = worse.alerts[0];
	s.n.alerts = alerts;
	s.n.n_alerts = 5;
	message_pick(&s.n, shown, 3);
	ck_assert_ptr_eq(shown[1], &alerts[3]);
	ck_assert_ptr_eq(shown[2], &alerts[4]);
	ck_assert(str_is(message_runbook(&s.n), "https://r/warning"));
	/* ... and before one that is over. */
	alerts[1].firing = alerts[3].firing = false;
	message_pick(&s.n, shown, 3);
	ck_assert_ptr_eq(shown[0], &alerts[4]);
	s.n.n_alerts = 4;
	story_free(&worse);
	story_free(&s);
}
END_TEST

START_TEST(names_of_alerts_are_left_out_only_when_all_share_them)
{
	struct story s = story_make(2, "alertname=Test# severity=info cluster=eu n=#", "");
	struct buf out = { 0 };

	message_put_labels(&s.n, &s.alerts[1], false, &out);
	ck_assert_str_eq(out.p, "alertname=Test1 cluster=eu n=1");
	buf_clear(&out);
	message_put_labels(&s.n, &s.alerts[1], true, &out);
	ck_assert_str_eq(out.p, "alertname=Test1 n=1");
	buf_fini(&out);
	story_free(&s);
}
END_TEST

static const struct {
	const char *text, *line, *cut;
} lines[] = {
	{ "abcde", "abcde", "abcde" },
	{ "abcdef", "abcd…", "abcd…" },
	{ "äöüßé", "äöüßé", "äöüßé" },
	{ "äöüßéx", "äöüß…", "äöüß…" },
	{ "a\nb\tc", "a b c", "a\nb\tc" },
	{ "\x1b[2J", " [2J", "\x1b[2J" },
};

START_TEST(texts_are_cut_at_characters)
{
	struct buf out = { 0 };

	message_put_line(&out, str_from(lines[_i].text), 5);
	ck_assert_str_eq(out.p, lines[_i].line);
	buf_clear(&out);
	message_put_cut(&out, str_from(lines[_i].text), 5);
	ck_assert_str_eq(out.p, lines[_i].cut);
	buf_fini(&out);
}
END_TEST

START_TEST(values_in_an_html_template_are_escaped)
{
	struct story s = story_make(1, "alertname=<b>'\"&", "");
	struct err err;
	struct template *t = template_parse(s.arena,
	    STR("<i>{{ .CommonLabels.alertname }}</i> {{ .Status }}"), TEMPLATE_NOTIFICATION, &err);
	struct buf out = { 0 };

	message_expand_html(t, &s.n, &out);
	ck_assert_str_eq(out.p, "<i>&lt;b&gt;&#39;&#34;&amp;</i> firing");
	buf_clear(&out);
	message_expand(t, &s.n, &out);
	ck_assert_str_eq(out.p, "<i><b>'\"&</i> firing");
	buf_clear(&out);
	message_expand(NULL, &s.n, &out);
	ck_assert_uint_eq(out.n, 0);
	buf_fini(&out);
	story_free(&s);
}
END_TEST

static const struct {
	int status;
	enum err_code failure;
	const char *body;
	enum delivery_kind want;
	const char *text;
} answers[] = {
	{ 200, ERR_NONE, "", DELIVERY_OK, "status 200" },
	{ 204, ERR_NONE, "", DELIVERY_OK, "status 204" },
	{ 302, ERR_NONE, "", DELIVERY_REJECTED, "status 302" },
	{ 400, ERR_NONE, " no\r\nway ", DELIVERY_REJECTED, "status 400: no  way" },
	{ 404, ERR_NONE, "x", DELIVERY_REJECTED, "status 404: x" },
	{ 408, ERR_NONE, "", DELIVERY_RETRY, "status 408" },
	{ 429, ERR_NONE, "slow", DELIVERY_RETRY, "status 429: slow" },
	{ 500, ERR_NONE, "", DELIVERY_RETRY, "status 500" },
	{ 599, ERR_NONE, "", DELIVERY_RETRY, "status 599" },
	{ 0, ERR_TIMEOUT, "no answer in 30 s", DELIVERY_RETRY, "no answer in 30 s" },
	{ 0, ERR_IO, "connection refused", DELIVERY_RETRY, "connection refused" },
	{ 0, ERR_CANCELLED, "", DELIVERY_RETRY, "cancelled" },
	{ 0, ERR_INVALID, "bad URL", DELIVERY_REJECTED, "bad URL" },
	{ 200, ERR_LIMIT, "too long", DELIVERY_OK, "status 200: too long" },
	{ 404, ERR_LIMIT, "too long", DELIVERY_REJECTED, "status 404: too long" },
	{ 500, ERR_LIMIT, "too long", DELIVERY_RETRY, "status 500: too long" },
	{ 0, ERR_LIMIT, "too long", DELIVERY_RETRY, "too long" },
};

START_TEST(what_an_http_answer_means)
{
	struct xfer_response response = answers[_i].failure == ERR_NONE
					    ? answer(answers[_i].status, answers[_i].body)
					    : no_answer(answers[_i].failure, answers[_i].body);
	struct verdict verdict;

	response.status = answers[_i].status;
	verdict = message_classify_http(&response);
	ck_assert_int_eq(verdict.kind, answers[_i].want);
	ck_assert_str_eq(verdict.text, answers[_i].text);
	ck_assert(!verdict.has_retry_after);
}
END_TEST

START_TEST(retry_after_is_passed_on_and_long_bodies_are_cut)
{
	char body[1000];
	struct xfer_response response;
	struct verdict verdict;

	memset(body, 'x', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	response = answer(429, body);
	response.has_retry_after = true;
	response.retry_after = DUR_S(7);
	verdict = message_classify_http(&response);
	ck_assert(verdict.has_retry_after);
	ck_assert_int_eq(verdict.retry_after.ns, DUR_S(7).ns);
	ck_assert_uint_eq(strlen(verdict.text), sizeof(verdict.text) - 1);
}
END_TEST

TCase *
case_message(void)
{
	TCase *tcase = tcase_create("message");

#define TABLE(test, table)                                                                         \
	tcase_add_loop_test(tcase, test, 0, (int)(sizeof(table) / sizeof((table)[0])))
	TABLE(worst_severity_of_what_fires, severities);
	tcase_add_test(tcase, runbook_of_a_firing_alert_comes_first);
	TABLE(something_is_always_said, summaries);
	TABLE(only_plain_web_addresses_become_links, urls);
	tcase_add_test(tcase, alerts_are_shown_firing_first_and_the_worst_of_these);
	tcase_add_test(tcase, names_of_alerts_are_left_out_only_when_all_share_them);
	TABLE(texts_are_cut_at_characters, lines);
	tcase_add_test(tcase, values_in_an_html_template_are_escaped);
	TABLE(what_an_http_answer_means, answers);
	tcase_add_test(tcase, retry_after_is_passed_on_and_long_bodies_are_cut);
	return tcase;
}
