/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stock template that the user has defined anew says what a key would say
 * that the configuration leaves out; a stock one leaves it to the type's own
 * words.
 */
#include "config.h"

#include "receiver/types.h"
#include "world.h"

#define SLACK     "api_url: https://slack.example/x\nchannel: c\n"
#define PAGERDUTY "routing_key: k\n"
#define DISCORD   "webhook_url: https://discord.example/api/webhooks/1/x\n"
#define TEAMS     "webhook_url: https://teams.example/x\n"
#define OPSGENIE  "api_key: k\n"
#define PUSHOVER  "token: t\nuser_key: u\n"
#define TELEGRAM  "bot_token: '1:x'\nchat_id: -1\n"
#define VICTOROPS "api_key: k\nrouting_key: r\n"
#define WEBEX     "room_id: room\nhttp_config: {authorization: {credentials: c}}\n"
#define OLD_TEAMS "webhook_url: https://old.example/x\n"
#define SNS       "sigv4: {access_key: a, secret_key: b}\ntopic_arn: 'arn:aws:sns:y:1:o'\n"
#define ROCKET    "token: t\ntoken_id: u\n"
#define EMAIL     "to: a@example.org\nfrom: b@example.org\nsmarthost: mx.example:25\n"

static const struct {
	const struct receiver_ops *ops;
	const char *yaml, *name;
} rows[] = {
	{ &receiver_slack, SLACK, "slack.default.title" },
	{ &receiver_slack, SLACK, "slack.default.text" },
	{ &receiver_slack, SLACK, "slack.default.titlelink" },
	{ &receiver_slack, SLACK, "slack.default.pretext" },
	{ &receiver_slack, SLACK, "slack.default.fallback" },
	{ &receiver_slack, SLACK, "slack.default.footer" },
	{ &receiver_slack, SLACK, "slack.default.color" },
	{ &receiver_slack, SLACK, "slack.default.username" },
	{ &receiver_slack, SLACK, "slack.default.callbackid" },
	{ &receiver_slack, SLACK, "slack.default.iconemoji" },
	{ &receiver_slack, SLACK, "slack.default.iconurl" },
	{ &receiver_slack, SLACK, "__subject" },
	{ &receiver_slack, SLACK, "__alertmanagerURL" },
	{ &receiver_pagerduty, PAGERDUTY, "pagerduty.default.description" },
	{ &receiver_pagerduty, PAGERDUTY, "pagerduty.default.client" },
	{ &receiver_pagerduty, PAGERDUTY, "pagerduty.default.clientURL" },
	{ &receiver_pagerduty, PAGERDUTY, "pagerduty.default.instances" },
	{ &receiver_pagerduty, PAGERDUTY, "__text_alert_list" },
	{ &receiver_email, EMAIL, "email.default.subject" },
	{ &receiver_email, EMAIL, "email.default.html" },
	{ &receiver_opsgenie, OPSGENIE, "opsgenie.default.message" },
	{ &receiver_opsgenie, OPSGENIE, "opsgenie.default.description" },
	{ &receiver_opsgenie, OPSGENIE, "opsgenie.default.source" },
	{ &receiver_victorops, VICTOROPS, "victorops.default.state_message" },
	{ &receiver_victorops, VICTOROPS, "victorops.default.entity_display_name" },
	{ &receiver_victorops, VICTOROPS, "victorops.default.monitoring_tool" },
	{ &receiver_pushover, PUSHOVER, "pushover.default.title" },
	{ &receiver_pushover, PUSHOVER, "pushover.default.message" },
	{ &receiver_pushover, PUSHOVER, "pushover.default.url" },
	{ &receiver_telegram, TELEGRAM, "telegram.default.message" },
	{ &receiver_discord, DISCORD, "discord.default.title" },
	{ &receiver_discord, DISCORD, "discord.default.message" },
	{ &receiver_discord, DISCORD, "discord.default.content" },
	{ &receiver_msteamsv2, TEAMS, "msteamsv2.default.title" },
	{ &receiver_msteamsv2, TEAMS, "msteamsv2.default.text" },
	{ &receiver_webex, WEBEX, "webex.default.message" },
	{ &receiver_sns, SNS, "sns.default.subject" },
	{ &receiver_sns, SNS, "sns.default.message" },
	{ &receiver_msteams, OLD_TEAMS, "msteams.default.title" },
	{ &receiver_msteams, OLD_TEAMS, "msteams.default.summary" },
	{ &receiver_msteams, OLD_TEAMS, "msteams.default.text" },
	{ &receiver_rocketchat, ROCKET, "rocketchat.default.title" },
	{ &receiver_rocketchat, ROCKET, "rocketchat.default.titlelink" },
	{ &receiver_rocketchat, ROCKET, "rocketchat.default.text" },
	{ &receiver_rocketchat, ROCKET, "rocketchat.default.emoji" },
	{ &receiver_rocketchat, ROCKET, "rocketchat.default.iconurl" },
};

static const struct template_set *
set_with(struct story *s, const char *name, const char *body)
{
	struct template_set *set = template_set_new(s->arena);
	const char *text =
	    arena_printf(s->arena, "{{ define \"%s\" }}%s{{ end }}", name, body);
	struct err err = { .at = ERR_NOWHERE };

	template_set_add_defaults(set);
	ck_assert(template_set_is_stock(set));
	ck_assert_msg(
	    template_set_add(set, STR("t.tmpl"), str_from(text), &err) == 0, "%s", err.text);
	return set;
}

/* A URL keeps it through every escape. */
#define WORD "anewword"

static bool
says(struct story *s, const struct receiver_ops *ops, const char *yaml)
{
	struct rendered r = render(s, ops, settings_read(s, ops, yaml));
	bool found = memmem(r.request.body.p, r.request.body.n, WORD, strlen(WORD)) != NULL;

	ck_assert_msg(r.rc == 0, "%s: %s", ops->kind->name, r.err.text);
	rendered_free(&r);
	return found;
}

START_TEST(a_stock_template_defined_anew_is_used)
{
	struct story s = story_load("one");

	s.templates = set_with(&s, rows[_i].name, WORD);
	ck_assert_msg(says(&s, rows[_i].ops, rows[_i].yaml), "%s", rows[_i].name);
	story_free(&s);
}
END_TEST

START_TEST(other_templates_change_no_words)
{
	struct story s = story_load("one");
	const struct receiver_ops *ops = rows[_i].ops;
	struct rendered plain = render(&s, ops, settings_read(&s, ops, rows[_i].yaml));
	struct rendered with;

	s.templates = set_with(&s, "another", WORD);
	with = render(&s, ops, settings_read(&s, ops, rows[_i].yaml));
	ck_assert(str_eq(buf_str(&plain.request.body), buf_str(&with.request.body)));
	rendered_free(&plain);
	rendered_free(&with);
	story_free(&s);
}
END_TEST

START_TEST(a_key_that_is_given_wins)
{
	struct story s = story_load("one");

	s.templates = set_with(&s, "slack.default.title", WORD);
	ck_assert(!says(&s, &receiver_slack, SLACK "title: mine\nfallback: mine\n"));
	s.templates = set_with(&s, "email.default.subject", WORD);
	ck_assert(!says(&s, &receiver_email, EMAIL "headers: {subject: mine}\n"));
	s.templates = set_with(&s, "pagerduty.default.instances", WORD);
	ck_assert(!says(&s, &receiver_pagerduty, PAGERDUTY "details: {firing: x, resolved: y}\n"));
	story_free(&s);
}
END_TEST

TCase *
case_stock(void)
{
	TCase *tcase = tcase_create("stock");

	tcase_add_loop_test(
	    tcase, a_stock_template_defined_anew_is_used, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_loop_test(
	    tcase, other_templates_change_no_words, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tcase, a_key_that_is_given_wins);
	return tcase;
}
