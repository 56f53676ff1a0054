/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the types with one request: what comes from elsewhere, and mistakes. */
#include "config.h"

#include <stdlib.h>
#include <unistd.h>

#include "receiver/types.h"
#include "types_yaml.h"
#include "world.h"

static const struct {
	const struct receiver_ops *ops;
	const char *yaml, *url, *secret;
} fallbacks[] = {
	{ &receiver_opsgenie, "{}", "http://og/base/v2/alerts", "GenieKey og-key" },
	{ &receiver_opsgenie, "api_key: ''", "http://og/base/v2/alerts", "GenieKey og-key" },
	{ &receiver_opsgenie, "{api_key: own, api_url: 'http://own/'}", "http://own/v2/alerts",
	    "GenieKey own" },
	{ &receiver_victorops, "routing_key: r", "http://vo/vo-key/r", NULL },
	{ &receiver_telegram, "chat_id: 1", "http://tg/bot1:tg/sendMessage", NULL },
	{ &receiver_webex, "room_id: r\n" TOKEN, "http://wx/", NULL },
	{ &receiver_rocketchat, "channel: c", "http://rc/api/v1/chat.postMessage", "rc-token" },
	{ &receiver_mattermost, "{}", "http://mm/hooks/x", NULL },
	{ &receiver_wechat, "to_user: u", "http://wc/gettoken?corpid=corp&corpsecret=wc-key",
	    NULL },
	{ &receiver_jira, "{project: P, issue_type: T}", "http://ji/rest/api/2/search", "en" },
	{ &receiver_slack, "channel: c", "http://sl/chat.postMessage", "Bearer app" },
	{ &receiver_slack, "api_url: http://own/", "http://own/", NULL },
	{ &receiver_pushover, PUSHOVER "api_url: http://own/", "http://own/", NULL },
};

START_TEST(what_is_absent_comes_from_global)
{
	struct story s = story_load("one");
	struct rendered r;

	s.global.opsgenie_api_url = "http://og/base";
	s.global.opsgenie_api_key.secret.value = "og-key";
	s.global.victorops_api_url = "http://vo/";
	s.global.victorops_api_key.value = "vo-key";
	s.global.telegram_api_url = "http://tg";
	s.global.telegram_bot_token.value = "1:tg";
	s.global.webex_api_url = "http://wx/";
	s.global.rocketchat_api_url = "http://rc";
	s.global.rocketchat_token.value = "rc-token";
	s.global.rocketchat_token_id.value = "rc-user";
	s.global.mattermost_webhook_url.value = "http://mm/hooks/x";
	s.global.wechat_api_url = "http://wc/";
	s.global.wechat_api_secret.secret.value = "wc-key";
	s.global.wechat_api_corp_id = "corp";
	s.global.jira_api_url = "http://ji/rest/api/2";
	s.global.slack_app_url = "http://sl/chat.postMessage";
	s.global.slack_app_token.value = "app";
	s.global.slack_api_url.value = "http://hook/";
	r = render(&s, fallbacks[_i].ops, settings_read(&s, fallbacks[_i].ops, fallbacks[_i].yaml));
	ck_assert_str_eq(r.request.url.p, fallbacks[_i].url);
	ck_assert_uint_eq(r.request.n_headers > 0, fallbacks[_i].secret != NULL);
	if (fallbacks[_i].secret != NULL)
		ck_assert_str_eq(r.request.headers[0].value, fallbacks[_i].secret);
	rendered_free(&r);
	story_free(&s);
}
END_TEST

/* Alertmanager expands these, so that each team may have a key of its own. */
static const struct {
	const struct receiver_ops *ops;
	const char *yaml, *want; /* in the URL, a header or the body */
} keys[] = {
	{ &receiver_pagerduty, "routing_key: 'k-{{ .Status }}'", "\"routing_key\":\"k-firing\"" },
	{ &receiver_pagerduty, "routing_key: 'k-{{ .Sta'", NULL },
	{ &receiver_opsgenie, "api_key: 'k-{{ .Status }}'", "GenieKey k-firing" },
	{ &receiver_opsgenie, "{}", "GenieKey g-firing" },
	{ &receiver_pushover, "{token: 't-{{ .Status }}', user_key: u}", "token=t-firing&" },
	{ &receiver_pushover, "{token: t, user_key: 'u-{{ .Status }}'}", "user=u-firing&" },
	{ &receiver_webhook, "url: 'http://h.example/{{ .Status }}?k={{ urlquery \"a b\" }}'",
	    "http://h.example/firing?k=a+b" },
	{ &receiver_webhook, "url: '{{ .Sttatus }}'", NULL },
};

START_TEST(a_key_may_be_a_template)
{
	struct story s = story_load("one");
	struct buf text = { 0 };
	struct rendered r;

	s.global.opsgenie_api_key.secret.value = "g-{{ .Status }}";
	s.global.opsgenie_api_key.text = template_parse(
	    s.arena, STR("g-{{ .Status }}"), TEMPLATE_NOTIFICATION, &(struct err){ 0 });
	if (keys[_i].want == NULL) {
		ck_assert_str_ne(settings_complaint(&s, keys[_i].ops, keys[_i].yaml), "");
		story_free(&s);
		return;
	}
	r = render(&s, keys[_i].ops, settings_read(&s, keys[_i].ops, keys[_i].yaml));
	ck_assert_msg(r.rc == 0, "%s", r.err.text);
	put_request(&r.request, &text);
	ck_assert_msg(
	    memmem(text.p, text.n, keys[_i].want, strlen(keys[_i].want)) != NULL, "%s", text.p);
	buf_fini(&text);
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(a_key_in_a_file_may_be_a_template)
{
	struct story s = story_load("one");
	char path[] = "/tmp/test_types.XXXXXX";
	static const char text[] = "https://h.example/{{ .Status }}\n";
	int fd = mkstemp(path);
	struct rendered r;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	r = render(&s, &receiver_webhook,
	    settings_read(&s, &receiver_webhook, arena_printf(s.arena, "url_file: %s", path)));
	unlink(path);
	ck_assert_msg(r.rc == 0, "%s", r.err.text);
	ck_assert(str_is(buf_str(&r.request.url), "https://h.example/firing"));
	rendered_free(&r);
	story_free(&s);
}
END_TEST

/* Nobody would be told: a dead letter says so. */
START_TEST(a_key_that_says_nothing_for_these_alerts_is_refused)
{
	static const struct {
		const struct receiver_ops *ops;
		const char *yaml, *want;
	} empty[] = {
		{ &receiver_pagerduty, "routing_key: '{{ .CommonLabels.none }}'", "it is empty" },
		{ &receiver_webhook, "url: '{{ .CommonLabels.none }}'", "it is empty" },
		{ &receiver_webhook, "url: '{{ .Status }}'", "begin with http://" },
		{ &receiver_webhook, "url: 'http://a/{{ .Status }} b'", "begin with http://" },
		{ &receiver_opsgenie, "api_key: '{{ index .Alerts 99 }}'", "out of range" },
	};
	struct story s = story_load("one");

	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		struct rendered r =
		    render(&s, empty[i].ops, settings_read(&s, empty[i].ops, empty[i].yaml));

		ck_assert_int_eq(r.rc, -ERR_INVALID);
		ck_assert_msg(strstr(r.err.text, empty[i].want) != NULL, "%s", r.err.text);
		rendered_free(&r);
	}
	story_free(&s);
}
END_TEST

/* A file is read at each use; none is a failure that may pass. */
START_TEST(a_secret_that_cannot_be_read_is_named_by_its_file)
{
	static const struct {
		const struct receiver_ops *ops;
		const char *yaml;
	} files[] = {
		{ &receiver_discord, "webhook_url_file: /nonexistent/s" },
		{ &receiver_msteamsv2, "webhook_url_file: /nonexistent/s" },
		{ &receiver_msteams, "webhook_url_file: /nonexistent/s" },
		{ &receiver_mattermost, "webhook_url_file: /nonexistent/s" },
		{ &receiver_rocketchat, "token_id_file: /nonexistent/s\ntoken: t" },
		{ &receiver_incidentio, "url_file: /nonexistent/s\nalert_source_token: t" },
		{ &receiver_wechat, "api_secret_file: /nonexistent/s\ncorp_id: c\nto_tag: t" },
		{ &receiver_opsgenie, "api_key_file: /nonexistent/s" },
		{ &receiver_pushover, "token_file: /nonexistent/s\nuser_key: u" },
		{ &receiver_pushover, "user_key_file: /nonexistent/s\ntoken: u" },
		{ &receiver_telegram, "bot_token_file: /nonexistent/s\nchat_id: 1" },
		{ &receiver_telegram, "chat_id_file: /nonexistent/s\nbot_token: t" },
		{ &receiver_victorops, "api_key_file: /nonexistent/s\nrouting_key: r" },
		{ &receiver_slack, "app_token_file: /nonexistent/s\nchannel: c" },
	};
	struct story s = story_load("one");

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct rendered r =
		    render(&s, files[i].ops, settings_read(&s, files[i].ops, files[i].yaml));

		ck_assert_int_eq(r.rc, -ERR_IO);
		ck_assert_ptr_nonnull(strstr(r.err.text, "/nonexistent/s"));
		rendered_free(&r);
	}
	story_free(&s);
}
END_TEST

static const struct {
	const struct receiver_ops *ops;
	const char *yaml, *want;
} complaints[] = {
	{ &receiver_discord, "{}", "no Discord webhook: give webhook_url" },
	{ &receiver_discord, "webhook_url: discord.example", "must begin with https://" },
	{ &receiver_discord, DISCORD "webhook_url_file: x", "webhook_url" },
	{ &receiver_discord, DISCORD "titel: x", "did you mean 'title'" },
	{ &receiver_msteamsv2, "{}", "no Teams webhook: give webhook_url" },
	{ &receiver_msteamsv2, "webhook_url: 'https://a b'", "no spaces" },
	{ &receiver_opsgenie, "{}", "no Opsgenie API key: give api_key" },
	{ &receiver_opsgenie, OPSGENIE "responders: [{type: team}]",
	    "needs 'id', 'name' or 'username'" },
	{ &receiver_opsgenie, OPSGENIE "responders: [{name: x, type: wizard}]",
	    "one of team, teams, user" },
	{ &receiver_opsgenie, OPSGENIE "responders: [{name: x, type: Team}]", "" },
	{ &receiver_opsgenie, OPSGENIE "update_alerts: maybe", "true or false" },
	/* An empty one is none. */
	{ &receiver_opsgenie, "api_key: ''", "no Opsgenie API key" },
	{ &receiver_pagerduty, "routing_key: ''", "no PagerDuty key" },
	{ &receiver_webhook, "url: ''", "no URL to send to" },
	{ &receiver_webhook, "url: 'http:///x'", "and a host" },
	{ &receiver_webhook, "url: 'http://x/a|b'", "written as %20" },
	{ &receiver_pushover, PUSHOVER "retry: 1m30.5s\nexpire: 1.5h", "" },
	{ &receiver_pushover, PUSHOVER "retry: soon", "a duration" },
	{ &receiver_slack, "api_url: 'https://s.example/x'\ntimeout: 1.5s", "" },
	{ &receiver_pagerduty, "routing_key: x\ntimeout: 1h0.5m", "" },
	{ &receiver_webhook, "url: 'https://s.example/x'\ntimeout: 1.5s", "" },
	{ &receiver_webhook, "url: 'https://s.example/x'\ntimeout: -1s", "a duration" },
	{ &receiver_opsgenie, OPSGENIE "responders: [{name: x, type: '{{ .Status }}'}]", "" },
	{ &receiver_pushover, "token: x", "no Pushover user key" },
	{ &receiver_pushover, "user_key: x", "no Pushover token" },
	{ &receiver_pushover, PUSHOVER "html: true\nmonospace: true", "exclude each other" },
	{ &receiver_telegram, "chat_id: 1", "no Telegram bot" },
	{ &receiver_telegram, "bot_token: x", "no Telegram chat" },
	{ &receiver_telegram, "bot_token: x\nchat_id: abc", "whole number" },
	{ &receiver_telegram, TELEGRAM "parse_mode: Html", "MarkdownV2, HTML" },
	{ &receiver_telegram, TELEGRAM "chat_id_file: x", "chat_id" },
	{ &receiver_victorops, "routing_key: x", "no VictorOps API key" },
	{ &receiver_victorops, "api_key: x", "missing key 'routing_key'" },
	{ &receiver_victorops, VICTOROPS "custom_fields: {entity_id: x}",
	    "'entity_id' has the name of one that is always sent" },
	{ &receiver_mattermost, "{}", "no Mattermost webhook: give webhook_url" },
	{ &receiver_mattermost, MATTER "fields: [{title: x}]", "missing key 'value'" },
	{ &receiver_mattermost, MATTER "attachments: [{tittle: x}]", "did you mean 'title'" },
	{ &receiver_msteams, "{}", "no Teams webhook" },
	{ &receiver_rocketchat, "token: geheim", "give token_id" },
	{ &receiver_rocketchat, "token_id: x", "give token or" },
	{ &receiver_incidentio, "alert_source_token: geheim", "give url or url_file" },
	{ &receiver_incidentio, "url: 'https://i.example/'", "give alert_source_token" },
	{ &receiver_incidentio, INCIDENT TOKEN, "exclude each other" },
	{ &receiver_wechat, "corp_id: c\nto_user: u", "give api_secret" },
	{ &receiver_wechat, "api_secret: geheim\nto_user: u", "give corp_id" },
	{ &receiver_wechat, "api_secret: geheim\ncorp_id: c\n",
	    "nobody to write to: give to_user" },
	{ &receiver_wechat, WECHAT "message_type: html", "text, markdown" },
	{ &receiver_sns, "sigv4: {access_key: a, secret_key: b}", "exactly one of" },
	{ &receiver_sns, SNS "phone_number: '+1'", "exactly one of" },
	{ &receiver_sns, SNS "phone_number: ''", "" },
	{ &receiver_sns, "topic_arn: x\nsigv4: {access_key: a}", "give sigv4.access_key" },
	{ &receiver_sns, "topic_arn: x\nsigv4: {role_arn: a}",
	    "'role_arn' needs Amazon's library" },
	{ &receiver_sns, "phone_number: '+1'\nsigv4: {access_key: a, secret_key: b}",
	    "no region: give sigv4.region" },
	{ &receiver_sns, SNS TOKEN, "the place of the signature" },
	{ &receiver_jira, "project: P\nissue_type: T", "give api_url" },
	{ &receiver_jira, "api_url: http://j/\nproject: P", "missing key 'issue_type'" },
	{ &receiver_jira, JIRA "api_type: server", "datacenter" },
	{ &receiver_jira, JIRA "labels: x", "list" },
	{ &receiver_jira, JIRA "summary: '{{ .Foo }}'", "unknown field" },
	{ &receiver_jira, JIRA "summary: {templat: x}", "did you mean 'template'" },
	{ &receiver_jira, JIRA "fields: [x]", "a mapping" },
	{ &receiver_webex, TOKEN, "missing key 'room_id'" },
	{ &receiver_webex, "room_id: x", "no Webex token" },
	{ &receiver_webex, "room_id: x\nhttp_config: {basic_auth: {username: u}}",
	    "no Webex token" },
};

START_TEST(mistakes_are_named)
{
	struct story s = story_load("one");
	const char *text = settings_complaint(&s, complaints[_i].ops, complaints[_i].yaml);

	ck_assert_msg(strstr(text, complaints[_i].want) != NULL &&
			  (complaints[_i].want[0] != '\0' || text[0] == '\0'),
	    "%s", text);
	ck_assert_ptr_null(strstr(text, "geheim"));
	story_free(&s);
}
END_TEST

TCase *
case_types_settings(void)
{
	TCase *tcase = tcase_create("settings of types");

#define TABLE(test, table)                                                                         \
	tcase_add_loop_test(tcase, test, 0, (int)(sizeof(table) / sizeof((table)[0])))
	TABLE(what_is_absent_comes_from_global, fallbacks);
	TABLE(a_key_may_be_a_template, keys);
	tcase_add_test(tcase, a_key_in_a_file_may_be_a_template);
	tcase_add_test(tcase, a_key_that_says_nothing_for_these_alerts_is_refused);
	tcase_add_test(tcase, a_secret_that_cannot_be_read_is_named_by_its_file);
	TABLE(mistakes_are_named, complaints);
	return tcase;
}
