/* SPDX-License-Identifier: Apache-2.0 */
/* The least that each type wants to be told, secrets included. */
#pragma once

#define TOKEN     "http_config: {authorization: {credentials: geheim}}\n"
#define DISCORD   "webhook_url: https://discord.example/api/webhooks/1/geheim\n"
#define TEAMS     "webhook_url: https://teams.example/workflows/geheim\n"
#define OPSGENIE  "api_key: geheim\n"
#define PUSHOVER  "token: geheim\nuser_key: benutzer\n"
#define TELEGRAM  "bot_token: '123:geheim'\nchat_id: -100123\n"
#define VICTOROPS "api_key: geheim\nrouting_key: team a\n"
#define WEBEX     "room_id: room\n" TOKEN
#define MATTER    "webhook_url: https://matter.example/hooks/geheim\n"
#define OLD_TEAMS "webhook_url: https://old.example/webhookb2/geheim\n"
#define ROCKET    "token: geheim\ntoken_id: benutzer\nchannel: '#ops'\n"
#define INCIDENT  "url: https://incident.example/v2/alert_events/1\nalert_source_token: geheim\n"
#define SNS                                                                                        \
	"sigv4: {access_key: AKID, secret_key: geheim}\ntopic_arn: "                               \
	"'arn:aws:sns:eu-west-1:1:ops'\n"
#define WECHAT "api_secret: geheim\ncorp_id: c o\nto_user: '@all'\nagent_id: '7'\n"
#define JIRA   "api_url: https://jira.example/rest/api/2/\nproject: OPS\nissue_type: Bug\n"
