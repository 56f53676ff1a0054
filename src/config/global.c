/* SPDX-License-Identifier: Apache-2.0 */
/* The section `global`: defaults that receivers fall back to. */
#include <config.h>

#include <string.h>

#include "config/internal.h"

#define MEMBER(m) .offset = offsetof(struct config_global, m)

static const struct schema_field global_fields[] = {
	{ .name = "resolve_timeout", .kind = FIELD_DURATION, .fallback = "5m",
	    MEMBER(resolve_timeout),
	    .doc = "After this time without an update an alert that came "
		   "without an end is over." },
	{ .name = "silence_expiry_notice", .kind = FIELD_DURATION,
	    .flags = FIELD_OURS, .fallback = "0s",
	    MEMBER(silence_expiry_notice),
	    .doc = "So long before a silence ends, the alert "
		   "TocsinSilenceExpiring fires; 0: never." },
	{ .name = "http_config", .kind = FIELD_SUB, .sub = &schema_http_config,
	    MEMBER(http), .doc = "Default of all receivers over HTTP." },
	{ .name = "smtp_from", .kind = FIELD_STRING, MEMBER(smtp_from),
	    .doc = "Sender's address of mails." },
	{ .name = "smtp_hello", .kind = FIELD_STRING, .fallback = "localhost",
	    MEMBER(smtp_hello), .doc = "Name given in SMTP's EHLO." },
	{ .name = "smtp_smarthost", .kind = FIELD_STRING,
	    MEMBER(smtp_smarthost),
	    .doc = "Mail server as host:port." },
	{ .name = "smtp_auth_username", .kind = FIELD_STRING,
	    MEMBER(smtp_auth_username), .doc = "SMTP user name." },
	{ .name = "smtp_auth_password", .kind = FIELD_SECRET,
	    MEMBER(smtp_auth_password), .doc = "SMTP password." },
	{ .name = "smtp_auth_secret", .kind = FIELD_SECRET,
	    MEMBER(smtp_auth_secret), .doc = "SMTP secret for CRAM-MD5." },
	{ .name = "smtp_auth_identity", .kind = FIELD_STRING,
	    MEMBER(smtp_auth_identity), .doc = "SMTP identity for PLAIN." },
	{ .name = "smtp_require_tls", .kind = FIELD_BOOL, .fallback = "true",
	    MEMBER(smtp_require_tls),
	    .doc = "Send mail only over TLS." },
	{ .name = "smtp_tls_config", .kind = FIELD_SUB,
	    .sub = &schema_tls_config, MEMBER(smtp_tls),
	    .doc = "TLS of the mail connection." },
	{ .name = "smtp_force_implicit_tls", .kind = FIELD_CUSTOM,
	    .custom = flag_read, .json_schema = FLAG_JSON_SCHEMA,
	    MEMBER(smtp_force_implicit_tls),
	    .doc = "Mail over TLS from the start (true) or STARTTLS (false), "
		   "whatever the port." },
	{ .name = "slack_api_url", .kind = FIELD_SECRET, MEMBER(slack_api_url),
	    .doc = "Slack's incoming webhook." },
	{ .name = "pagerduty_url", .kind = FIELD_URL,
	    .fallback = "https://events.pagerduty.com/v2/enqueue",
	    MEMBER(pagerduty_url), .doc = "PagerDuty's Events API." },
	{ .name = "slack_app_token", .kind = FIELD_SECRET,
	    MEMBER(slack_app_token), .doc = "Token of a Slack app's bot." },
	{ .name = "slack_app_url", .kind = FIELD_URL,
	    .fallback = "https://slack.com/api/chat.postMessage",
	    MEMBER(slack_app_url), .doc = "Where a Slack app posts." },
	{ .name = "slack_signing_secret", .kind = FIELD_SECRET,
	    .flags = FIELD_OURS, MEMBER(slack_signing_secret),
	    .doc = "Signing secret of a Slack app: buttons under its messages." },
	{ .name = "opsgenie_api_url", .kind = FIELD_URL,
	    .fallback = "https://api.opsgenie.com/",
	    MEMBER(opsgenie_api_url), .doc = "Opsgenie's API." },
	{ .name = "opsgenie_api_key", .kind = FIELD_SECRET, .flags = FIELD_NOTIFICATION,
	    MEMBER(opsgenie_api_key),
	    .doc = "Key of an API integration of Opsgenie." },
	{ .name = "victorops_api_url", .kind = FIELD_URL,
	    .fallback = "https://alert.victorops.com/integrations/generic/"
			"20131114/alert/",
	    MEMBER(victorops_api_url), .doc = "VictorOps' REST endpoint." },
	{ .name = "victorops_api_key", .kind = FIELD_SECRET,
	    MEMBER(victorops_api_key),
	    .doc = "Key of VictorOps' REST integration." },
	{ .name = "telegram_api_url", .kind = FIELD_URL,
	    .fallback = "https://api.telegram.org", MEMBER(telegram_api_url),
	    .doc = "Telegram's Bot API." },
	{ .name = "telegram_bot_token", .kind = FIELD_SECRET,
	    MEMBER(telegram_bot_token), .doc = "Token of a Telegram bot." },
	{ .name = "webex_api_url", .kind = FIELD_URL,
	    .fallback = "https://webexapis.com/v1/messages",
	    MEMBER(webex_api_url), .doc = "Webex' API for messages." },
	{ .name = "rocketchat_api_url", .kind = FIELD_URL,
	    .fallback = "https://open.rocket.chat/", MEMBER(rocketchat_api_url),
	    .doc = "Rocket.Chat's server." },
	{ .name = "rocketchat_token", .kind = FIELD_SECRET,
	    MEMBER(rocketchat_token),
	    .doc = "Personal access token of a Rocket.Chat user." },
	{ .name = "rocketchat_token_id", .kind = FIELD_SECRET,
	    MEMBER(rocketchat_token_id), .doc = "That user's id." },
	{ .name = "mattermost_webhook_url", .kind = FIELD_SECRET,
	    MEMBER(mattermost_webhook_url),
	    .doc = "Mattermost's incoming webhook." },
	{ .name = "wechat_api_url", .kind = FIELD_URL,
	    .fallback = "https://qyapi.weixin.qq.com/cgi-bin/",
	    MEMBER(wechat_api_url), .doc = "WeCom's (WeChat Work's) API." },
	{ .name = "wechat_api_secret", .kind = FIELD_SECRET,
	    .flags = FIELD_NOTIFICATION, MEMBER(wechat_api_secret),
	    .doc = "Secret of a WeCom application." },
	{ .name = "wechat_api_corp_id", .kind = FIELD_STRING,
	    MEMBER(wechat_api_corp_id), .doc = "Id of the company at WeCom." },
	{ .name = "jira_api_url", .kind = FIELD_URL, MEMBER(jira_api_url),
	    .doc = "Jira's REST API, such as https://company.atlassian.net/rest/api/2/." },
};

static bool
is_host_port(const char *text)
{
	const char *colon = strrchr(text, ':');
	int64_t port;

	return colon != NULL && colon > text &&
	    str_to_i64(str_from(colon + 1), &port) && port > 0 && port < 65536;
}

static void
check_global(struct schema_context *ctx, void *value,
    const struct yaml_node *node)
{
	const struct config_global *global = value;
	const struct yaml_node *url = yaml_get(node, "slack_api_url");

	if (global->smtp_smarthost != NULL && global->smtp_smarthost[0] != '\0' &&
	    !is_host_port(global->smtp_smarthost)) {
		schema_expected(ctx, yaml_get(node, "smtp_smarthost"),
		    "host:port such as mail.example.com:587");
	}
	if (url != NULL && global->slack_api_url.value != NULL &&
	    strncmp(global->slack_api_url.value, "https://", 8) != 0 &&
	    strncmp(global->slack_api_url.value, "http://", 7) != 0) {
		diag_error(ctx->diag, url->pos,
		    "expected a URL such as https://hooks.slack.com/...");
	}
}

const struct schema schema_global = {
	.name = "global",
	.doc = "Defaults for all receivers.",
	.size = sizeof(struct config_global),
	SCHEMA_FIELDS(global_fields),
	.pos_offset = offsetof(struct config_global, pos) + 1,
	.check = check_global,
};
