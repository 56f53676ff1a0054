# SPDX-License-Identifier: Apache-2.0
"""
Alertmanager's stock templates, side by side with Debian's Alertmanager: every name is there, the texts that others
filter by are equal, and a file that defines one anew takes effect wherever Alertmanager would use it.
"""

import re
import time

from lib.configs import FAST
from lib.differential import alert
from lib.services import Opsgenie

STOCK_FILE = "/usr/share/prometheus/alertmanager/default.tmpl"
EXTERNAL = "--web.external-url=http://am.example"

# Long texts of chats are in our own words.
OWN_WORDS = {"telegram.default.message", "discord.default.message", "webex.default.message", "pushover.default.message",
             "sns.default.message"}
# These take a list of alerts.
LISTS = {"__text_alert_list", "pagerduty.default.instances"}


def stock_names():
    with open(STOCK_FILE) as file:
        return re.findall(r'define "([^"]+)"', file.read()) + ["email.default.subject"]


def ring(server):
    server.post_alerts([
        alert("Lag", ends=time.time() + 3600, topic="orders", severity="critical",
              annotations={"summary": "behind", "zebra": "z"}),
        alert("Lag", ends=time.time() + 3600, topic="clicks", severity="critical", annotations={"summary": "behind"})])


def slack_of(t, start, config):
    double = t.slack()
    ring(start(config.replace("{url}", double.api_url), arguments=[EXTERNAL]))
    return double.wait_count(1)[0].json["attachments"][0]


def test_every_stock_text_reads_as_alertmanagers(t):
    names = stock_names()
    assert len(names) > 35, names
    equal = [name for name in names if name not in OWN_WORDS and name != "email.default.subject"]
    text = "".join(f'{name}=<{{{{ template "{name}" {".Alerts.Firing" if name in LISTS else "."} }}}}>' for name in equal)
    config = f"""
route: {{receiver: 'chat room', group_by: [alertname], {FAST}}}
receivers:
- name: 'chat room'
  slack_configs: [{{api_url: '{{url}}', channel: '#x', text: '{text}'}}]
"""
    ours, theirs = (slack_of(t, start, config)["text"] for start in (t.tocsin, t.alertmanager))
    assert ours == theirs, f"\n{ours}\n---\n{theirs}"
    # and what is worded in our own way exists
    own = "".join(f'{{{{ template "{name}" . }}}}' for name in sorted(OWN_WORDS) + ["email.default.html"])
    assert "behind" in slack_of(t, lambda *a, **k: t.tocsin(*a, name="own", **k), config.replace(text, own))["text"]


NEW_ONES = """
{{ define "__alertmanager" }}The Bell{{ end }}
{{ define "slack.default.title" }}TITLE {{ .Status }} {{ len .Alerts }}{{ end }}
{{ define "slack.default.text" }}{{ range .Alerts }}* {{ .Labels.topic }}
{{ end }}{{ end }}
{{ define "slack.default.iconemoji" }}:bell:{{ end }}
{{ define "email.default.subject" }}SUBJECT {{ .CommonLabels.alertname }}{{ end }}
{{ define "email.default.html" }}<p title="{{ .CommonAnnotations.summary }}">HTML of {{ .Receiver }}</p>{{ end }}
{{ define "pagerduty.default.description" }}DESCRIPTION {{ .CommonLabels.severity }}{{ end }}
{{ define "pagerduty.default.instances" }}{{ range . }}[{{ .Labels.topic }}]{{ end }}{{ end }}
{{ define "opsgenie.default.message" }}MESSAGE {{ .GroupLabels.alertname }}{{ end }}
"""


def test_what_a_file_defines_anew_takes_effect(t):
    path = t.path("new.tmpl")
    with open(path, "w") as file:
        file.write(NEW_ONES)
    told = {}
    for name, start in (("ours", t.tocsin), ("theirs", t.alertmanager)):
        slack, duty, genie, mail = t.slack(), t.pagerduty(), t.double(Opsgenie()), t.smtp()
        ring(start(f"""
templates: ['{path}']
route: {{receiver: all, group_by: [alertname], {FAST}}}
receivers:
- name: all
  slack_configs: [{{api_url: '{slack.api_url}', channel: '#x'}}]
  pagerduty_configs: [{{url: '{duty.api_url}', routing_key: {'0' * 32}}}]
  opsgenie_configs: [{{api_url: '{genie.url}/', api_key: {genie.key}}}]
  email_configs: [{{to: a@example.org, from: b@example.org, smarthost: '{mail.smarthost}', require_tls: false}}]
""", arguments=[EXTERNAL]))
        message = slack.wait_count(1)[0].json
        card = message["attachments"][0]
        event = duty.wait_count(1)[0].json
        letter = mail.wait_count(1)[0]
        told[name] = {
            "slack": [message["username"], message["icon_emoji"], card["title"], card["text"], card["fallback"],
                      card["title_link"]],
            "pagerduty": [event["payload"]["summary"], event["payload"]["custom_details"]["firing"], event["client"]],
            "opsgenie": genie.wait_count(1)[0].json["message"],
            "mail": [letter.header("Subject"), letter.part("text/html").strip()],
        }
    assert told["ours"] == told["theirs"], told
    assert told["ours"]["slack"][:3] == ["The Bell", ":bell:", "TITLE firing 2"]
    assert told["ours"]["mail"] == ["SUBJECT Lag", '<p title="behind">HTML of all</p>']
