/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The templates that Alertmanager's users find in place and refer to from
 * their own ({{ template "slack.default.title" . }}).
 *
 * Titles and subjects give the same text as the stock ones, because filters
 * and dedup on the other side depend on them; longer texts are our own.
 */
#include "config.h"

#include "template/template.h"

static const char subjects[] =
    "{{ define \"__alertmanager\" }}Alertmanager{{ end }}"
    "{{ define \"__alertmanagerURL\" }}{{ .ExternalURL }}/#/alerts?receiver={{ .Receiver | "
    "urlquery }}"
    "{{ end }}"
    "{{ define \"__subject\" -}}"
    "[{{ toUpper .Status }}{{ if eq .Status \"firing\" }}:{{ len .Alerts.Firing }}{{ end }}] "
    "{{ join \" \" .GroupLabels.SortedPairs.Values }} "
    "{{ if gt (len .CommonLabels) (len .GroupLabels) -}}"
    "({{ with .CommonLabels.Remove .GroupLabels.Names }}{{ join \" \" .Values }}{{ end }})"
    "{{- end }}{{ end }}"
    "{{ define \"__description\" }}{{ end }}";

/* One alert a paragraph: what, where, what to do. */
static const char lists[] =
    "{{ define \"__text_alert_list\" }}{{ range . }}"
    "{{ with .Annotations.summary }}{{ . }}\n{{ end }}"
    "Labels:\n{{ range .Labels.SortedPairs }} - {{ .Name }} = {{ .Value }}\n{{ end }}"
    "Annotations:\n{{ range .Annotations.SortedPairs }} - {{ .Name }} = {{ .Value }}\n{{ end }}"
    "{{ with .Annotations.runbook_url }}Runbook: {{ . }}\n{{ end }}"
    "Source: {{ .GeneratorURL }}\n{{ end }}{{ end }}"
    "{{ define \"__text_alert_list_markdown\" }}{{ range . }}"
    "\nLabels:\n{{ range .Labels.SortedPairs }}  - {{ .Name }} = {{ .Value }}\n{{ end }}"
    "\nAnnotations:\n{{ range .Annotations.SortedPairs }}  - {{ .Name }} = {{ .Value }}\n{{ end }}"
    "\nSource: {{ .GeneratorURL }}\n{{ end }}{{ end }}"
    "{{ define \"__both_lists\" }}"
    "{{ if gt (len .Alerts.Firing) 0 }}Alerts Firing:\n{{ template \"__text_alert_list\" "
    ".Alerts.Firing }}"
    "{{ end }}"
    "{{ if gt (len .Alerts.Resolved) 0 }}Alerts Resolved:\n"
    "{{ template \"__text_alert_list\" .Alerts.Resolved }}{{ end }}{{ end }}";

#define SUBJECT            "{{ template \"__subject\" . }}"
#define LINK               "{{ template \"__alertmanagerURL\" . }}"
#define BOTH               "{{ template \"__both_lists\" . }}"
#define DEFINE(name, body) "{{ define \"" name "\" }}" body "{{ end }}"

static const char chats[] = DEFINE("slack.default.title", SUBJECT) DEFINE("slack.default.username",
    "{{ template \"__alertmanager\" . }}") DEFINE("slack.default.fallback", SUBJECT " | " LINK)
    DEFINE("slack.default.titlelink", LINK) DEFINE("slack.default.pretext", "")
	DEFINE("slack.default.text", "") DEFINE("slack.default.footer", "")
	    DEFINE("slack.default.callbackid", "") DEFINE("slack.default.iconemoji", "")
		DEFINE("slack.default.iconurl", "") DEFINE("slack.default.color",
		    "{{ if eq .Status \"firing\" }}danger{{ else }}good{{ end }}")
		    DEFINE("discord.default.content", "") DEFINE("discord.default.title", SUBJECT)
			DEFINE("discord.default.message", BOTH)
			    DEFINE("telegram.default.message", BOTH)
				DEFINE("webex.default.message", SUBJECT "\n" BOTH)
				    DEFINE("msteams.default.summary", SUBJECT)
					DEFINE("msteams.default.title", SUBJECT)
					    DEFINE("msteams.default.text", BOTH)
						DEFINE("msteamsv2.default.title", SUBJECT)
						    DEFINE("msteamsv2.default.text", BOTH)
							DEFINE("sns.default.subject", SUBJECT)
							    DEFINE("sns.default.message", BOTH);

static const char pagers[] = DEFINE("pagerduty.default.description", SUBJECT)
    DEFINE("pagerduty.default.client", "{{ template \"__alertmanager\" . }}")
	DEFINE("pagerduty.default.clientURL", LINK)
	    DEFINE("pagerduty.default.instances", "{{ template \"__text_alert_list\" . }}") DEFINE(
		"opsgenie.default.message", SUBJECT) DEFINE("opsgenie.default.description",
		"{{ .CommonAnnotations.SortedPairs.Values | join \" \" }}\n" BOTH)
		DEFINE("opsgenie.default.source", LINK) DEFINE("victorops.default.state_message",
		    "{{ .CommonAnnotations.SortedPairs.Values | join \" \" }}\n" BOTH)
		    DEFINE("victorops.default.entity_display_name", SUBJECT) DEFINE(
			"victorops.default.monitoring_tool", "{{ template \"__alertmanager\" . }}")
			DEFINE("pushover.default.title", SUBJECT) DEFINE("pushover.default.message",
			    "{{ .CommonAnnotations.SortedPairs.Values | join \" \" }}\n" BOTH)
			    DEFINE("pushover.default.url", LINK);

static const char mails[] = DEFINE("email.default.subject",
    SUBJECT) "{{ define \"email.default.html\" }}<!DOCTYPE html><html><body>"
	     "<h3><a href=\"{{ template \"__alertmanagerURL\" . }}\">{{ template \"__subject\" . "
	     "}}</a></h3>"
	     "{{ range .Alerts }}<p><strong>{{ .Status }}: {{ .Labels.alertname }}</strong><br>"
	     "{{ range .Annotations.SortedPairs }}{{ .Name }}: {{ .Value }}<br>{{ end }}"
	     "{{ range .Labels.SortedPairs }}{{ .Name }}={{ .Value }} {{ end }}"
	     "{{ with .GeneratorURL }}<br><a href=\"{{ . }}\">Source</a>{{ end }}</p>{{ end }}"
	     "</body></html>{{ end }}";

void
template_set_add_defaults(struct template_set *set)
{
	static const struct {
		const char *file, *text;
	} files[] = {
		{ "built-in subjects", subjects },
		{ "built-in lists", lists },
		{ "built-in chats", chats },
		{ "built-in pagers", pagers },
		{ "built-in mails", mails },
	};
	struct err err = { 0 };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		/* A mistake here is ours: the unit test shows it. */
		(void)template_set_add(set, str_from(files[i].file), str_from(files[i].text), &err);
}
