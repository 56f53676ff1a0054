/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The templates that Alertmanager's users find in place and refer to from
 * their own ({{ template "slack.default.title" . }}).
 *
 * What titles, subjects and the texts of pagers expand to is byte for byte
 * what the stock ones give, because filters and dedup on the other side
 * depend on it; the texts of chats and mails are our own.  A user's file may
 * define each anew.
 */
#include "config.h"

#include "template/template.h"

#include "template/func.h"

#define SUBJECT            "{{ template \"__subject\" . }}"
#define LINK               "{{ template \"__alertmanagerURL\" . }}"
#define SENDER             "{{ template \"__alertmanager\" . }}"
#define ANNOTATIONS        "{{ .CommonAnnotations.SortedPairs.Values | join \" \" }}\n"
#define BOTH               "{{ template \"__both_lists\" . }}"
#define BOTH_MARKDOWN      "{{ template \"__both_lists_markdown\" . }}"
#define DEFINE(name, body) "{{ define \"" name "\" }}" body "{{ end }}"

#define PAIRS(of, mark) \
	"{{ range ." of ".SortedPairs }}" mark "{{ .Name }} = {{ .Value }}\n{{ end }}"
#define LIST(of, list)                                                                  \
	"{{ if .Alerts." of " }}Alerts " of ":\n{{ template \"" list "\" .Alerts." of   \
	" }}{{ end }}"

/* clang-format off */
static const char subjects[] =
    DEFINE("__alertmanager", "Alertmanager")
    DEFINE("__alertmanagerURL", "{{ .ExternalURL }}/#/alerts?receiver={{ .Receiver | urlquery }}")
    DEFINE("__subject",
	"[{{ toUpper .Status }}{{ if eq .Status \"firing\" }}:{{ len .Alerts.Firing }}{{ end }}] "
	"{{ join \" \" .GroupLabels.SortedPairs.Values }} "
	"{{ if gt (len .CommonLabels) (len .GroupLabels) }}"
	"({{ with .CommonLabels.Remove .GroupLabels.Names }}{{ join \" \" .Values }}{{ end }})"
	"{{ end }}")
    DEFINE("__description", "");

static const char lists[] =
    DEFINE("__text_alert_list",
	"{{ range . }}Labels:\n" PAIRS("Labels", " - ")
	"Annotations:\n" PAIRS("Annotations", " - ")
	"Source: {{ .GeneratorURL }}\n{{ end }}")
    DEFINE("__text_alert_list_markdown",
	"{{ range . }}\nLabels:\n" PAIRS("Labels", "  - ")
	"\nAnnotations:\n" PAIRS("Annotations", "  - ")
	"\nSource: {{ .GeneratorURL }}\n{{ end }}")
    DEFINE("__both_lists",
	LIST("Firing", "__text_alert_list") "\n" LIST("Resolved", "__text_alert_list") "\n")
    DEFINE("__both_lists_markdown",
	LIST("Firing", "__text_alert_list_markdown") "\n"
	LIST("Resolved", "__text_alert_list_markdown") "\n");

static const char slack[] =
    DEFINE("slack.default.title", SUBJECT)
    DEFINE("slack.default.username", SENDER)
    DEFINE("slack.default.titlelink", LINK)
    DEFINE("slack.default.fallback",
	"{{ template \"slack.default.title\" . }} | {{ template \"slack.default.titlelink\" . }}")
    DEFINE("slack.default.pretext", "")
    DEFINE("slack.default.text", "")
    DEFINE("slack.default.footer", "")
    DEFINE("slack.default.callbackid", "")
    DEFINE("slack.default.iconemoji", "")
    DEFINE("slack.default.iconurl", "")
    DEFINE("slack.default.color", "{{ if eq .Status \"firing\" }}danger{{ else }}good{{ end }}");

static const char chats[] =
    DEFINE("discord.default.content", "")
    DEFINE("discord.default.title", SUBJECT)
    DEFINE("discord.default.message", BOTH)
    DEFINE("telegram.default.message", BOTH)
    DEFINE("webex.default.message", ANNOTATIONS BOTH)
    DEFINE("msteams.default.summary", SUBJECT)
    DEFINE("msteams.default.title", SUBJECT)
    DEFINE("msteams.default.text", BOTH_MARKDOWN)
    DEFINE("msteamsv2.default.title", SUBJECT)
    DEFINE("msteamsv2.default.text", BOTH_MARKDOWN)
    DEFINE("rocketchat.default.title", SUBJECT)
    DEFINE("rocketchat.default.alias", SENDER)
    DEFINE("rocketchat.default.titlelink", LINK)
    DEFINE("rocketchat.default.emoji", "")
    DEFINE("rocketchat.default.iconurl", "")
    DEFINE("rocketchat.default.text", "")
    DEFINE("wechat.default.message",
	SUBJECT "\n" ANNOTATIONS "{{ template \"__pager_lists\" . }}\nAlertmanagerUrl:\n" LINK)
    DEFINE("wechat.default.to_user", "")
    DEFINE("wechat.default.to_party", "")
    DEFINE("wechat.default.to_tag", "")
    DEFINE("wechat.default.agent_id", "");

static const char pagers[] =
    DEFINE("__pager_lists",
	LIST("Firing", "__text_alert_list") "\n" LIST("Resolved", "__text_alert_list"))
    DEFINE("pagerduty.default.description", SUBJECT)
    DEFINE("pagerduty.default.client", SENDER)
    DEFINE("pagerduty.default.clientURL", LINK)
    DEFINE("pagerduty.default.instances", "{{ template \"__text_alert_list\" . }}")
    DEFINE("opsgenie.default.message", SUBJECT)
    DEFINE("opsgenie.default.description", ANNOTATIONS "{{ template \"__pager_lists\" . }}")
    DEFINE("opsgenie.default.source", LINK)
    DEFINE("victorops.default.state_message", ANNOTATIONS "{{ template \"__pager_lists\" . }}")
    DEFINE("victorops.default.entity_display_name", SUBJECT)
    DEFINE("victorops.default.monitoring_tool", SENDER)
    DEFINE("pushover.default.title", SUBJECT)
    DEFINE("pushover.default.message", ANNOTATIONS BOTH)
    DEFINE("pushover.default.url", LINK)
    DEFINE("sns.default.subject", SUBJECT)
    DEFINE("sns.default.message", ANNOTATIONS BOTH)
    DEFINE("jira.default.summary", SUBJECT)
    DEFINE("jira.default.description", BOTH_MARKDOWN)
    /* The worst of the firing ones' severities, else of the resolved ones'. */
    DEFINE("jira.default.priority",
	"{{ $alerts := .Alerts.Resolved }}{{ if .Alerts.Firing }}{{ $alerts = .Alerts.Firing }}{{ end }}"
	"{{ $worst := \"\" }}{{ range $alerts }}{{ $severity := .Labels.severity }}"
	"{{ if eq $severity \"critical\" }}{{ $worst = \"High\" }}"
	"{{ else if and (eq $severity \"warning\") (ne $worst \"High\") }}{{ $worst = \"Medium\" }}"
	"{{ else if and (eq $severity \"info\") (eq $worst \"\") }}{{ $worst = \"Low\" }}"
	"{{ end }}{{ end }}{{ $worst }}");

static const char mails[] =
    DEFINE("email.default.subject", SUBJECT)
    DEFINE("email.default.html",
	"<!DOCTYPE html><html><body><h3><a href=\"" LINK "\">" SUBJECT "</a></h3>"
	"{{ range .Alerts }}<p><strong>{{ .Status }}: {{ .Labels.alertname }}</strong><br>"
	"{{ range .Annotations.SortedPairs }}{{ .Name }}: {{ .Value }}<br>{{ end }}"
	"{{ range .Labels.SortedPairs }}{{ .Name }}={{ .Value }} {{ end }}"
	"{{ with .GeneratorURL }}<br><a href=\"{{ . }}\">Source</a>{{ end }}</p>{{ end }}"
	"</body></html>");
/* clang-format on */

void
template_set_add_defaults(struct template_set *set)
{
	static const struct {
		const char *file, *text;
	} files[] = {
		{ "built-in subjects", subjects },
		{ "built-in lists", lists },
		{ "built-in Slack texts", slack },
		{ "built-in chats", chats },
		{ "built-in pagers", pagers },
		{ "built-in mails", mails },
	};
	struct err err = { 0 };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		/* A mistake here is ours: the unit test shows it. */
		(void)template_set_add(set, str_from(files[i].file), str_from(files[i].text), &err);
	template_set_seal(set);
}
