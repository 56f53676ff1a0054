# SPDX-License-Identifier: Apache-2.0
"""
Acknowledged from where people are: a button in Slack, PagerDuty's webhooks, a link in a mail.

The services' doubles check what they are sent and in which order, and sign what they send; what is forged, late,
replayed or sent twice changes nothing and is in the audit log.
"""

import json
import re
import sqlite3
import time
import urllib.parse

from lib import api, wait
from lib.configs import rule_file, rule_group
from lib.differential import alert
from lib.oncall import PagerDutyApp, SlackApp

TIMEOUT = 120

DRIFT = """
alert: FeatureDrift
threshold:
  query: SELECT feature, score AS value FROM drift_scores
  op: ">"
  value: 0.2
severity: critical
runbook_url: https://runbooks.example/drift
annotations: {summary: "{{ $labels.feature }} drifted: {{ $value }}"}
"""


class Desk:
    """A server with one policy over three receivers, and a drift store that can fire."""

    def __init__(self, t, after=None, interval="1s", policy=""):
        self.slack, self.pagerduty = t.double(SlackApp()), t.double(PagerDutyApp())
        self.smtp = t.smtp()
        self.path = t.path("drift.db")
        self.run("CREATE TABLE drift_scores(feature TEXT PRIMARY KEY, score REAL)")
        self.tocsin = t.tocsin(self.config(after, interval, policy), {"rules.yml": rule_file(
            rule_group("drift", DRIFT, source="drift", interval="1s"))})

    def config(self, after, interval, policy):
        steps = [("slack", None)] if after is None else [("slack", None), ("pagers", after), ("mails", after)]
        told = "".join(f"  - {{{f'after: {delay}, ' if delay else ''}notify: [{name}]}}\n" for name, delay in steps)
        return f"""
evaluation_interval: 1s
rule_files: [rules.yml]
sources: [{{name: drift, type: sqlite, path: '{self.path}'}}]
route: {{receiver: slack, group_by: [alertname], group_wait: 100ms, group_interval: {interval}, repeat_interval: 4h, escalation: ml}}
escalation_policies:
- name: ml
{policy}  steps:
{told}receivers:
- name: slack
  slack_configs:
  - {{app_token: {self.slack.token}, app_url: '{self.slack.app_url}', channel: {self.slack.channel},
     signing_secret: {self.slack.signing_secret}, send_resolved: true}}
- name: pagers
  pagerduty_configs:
  - {{routing_key: {self.pagerduty.routing_key}, url: '{self.pagerduty.api_url}', send_resolved: true,
     webhook_secret: {self.pagerduty.secrets[1]}}}
- name: mails
  email_configs:
  - {{to: carol@example.org, from: tocsin@example.org, smarthost: '{self.smtp.smarthost}', require_tls: false,
     send_resolved: true, ack_links: true}}
"""

    def run(self, sql, *values):
        with sqlite3.connect(self.path, timeout=10) as connection:
            connection.execute(sql, values)
        connection.close()

    def drifts(self, feature="age", score=0.7):
        self.run("INSERT OR REPLACE INTO drift_scores VALUES (?, ?)", feature, score)

    def recovers(self):
        self.run("UPDATE drift_scores SET score = 0.01")

    # ---- what is so

    def incident(self):
        (incident,) = self.tocsin.good("/api/tocsin/v1/incidents", state="all")["incidents"]
        return incident

    def wait_state(self, state):
        return wait.until(f"the incident to be {state}",
                          lambda: (lambda i: i if i["state"] == state else None)(self.incident()))

    def fire_at_slack(self):
        self.drifts()
        return wait.until("the message", self.slack.first)

    def wait_standing(self, text):
        return wait.until(f"the message to say {text!r}",
                          lambda: text in (self.slack.standing(self.slack.first()) or ""))

    def audit(self, action):
        return [e for e in self.tocsin.good("/api/tocsin/v1/audit")["entries"] if e["action"] == action]

    def wait_refused(self, count):
        """So many refusals, and no more, are in the audit log (which is written with the turn, not before the answer)."""
        wait.until(f"{count} refusals", lambda: len(self.audit("callback.refused")) >= count)
        refused = [e["detail"] for e in self.audit("callback.refused")]
        assert len(refused) == count, refused
        return refused

    def timeline(self):
        return json.dumps(self.tocsin.good(f"/api/tocsin/v1/incidents/{self.incident()['id']}"))

    def links(self, mail):
        return {word: urllib.parse.urlparse(url).path
                for word, url in re.findall(r"^(Acknowledge|Snooze 1h): (\S+)\s*$", mail.part("text/plain"), re.M)}


def test_an_unacknowledged_drift_alert_climbs_and_the_link_in_the_mail_acknowledges_it(t):
    desk = Desk(t, after="1s")
    slack, pagerduty, smtp, tocsin = desk.slack, desk.pagerduty, desk.smtp, desk.tocsin
    desk.drifts()
    (page,) = pagerduty.wait_count(1)
    told = slack.taken()
    assert len(told) == 1 and told[0].mono < page.mono, "Slack first"
    (mail,) = smtp.wait_count(1)
    assert page.mono < mail.mono and page.json["event_action"] == "trigger", page
    assert "https://runbooks.example/drift" in mail.part("text/plain")
    links = desk.links(mail)
    assert set(links) == {"Acknowledge", "Snooze 1h"}, mail.part("text/plain")
    assert links["Acknowledge"] in mail.part("text/html")

    # The kill comes between the mail and the click: links outlive it, and nobody is told again.
    wait.until("its outcome to be durable", lambda: [d["state"] for d in tocsin.deliveries()] == ["delivered"] * 3)
    tocsin.kill9()
    tocsin.start()
    # To look at a link changes nothing, however often a scanner does.
    for _ in range(3):
        look = tocsin.get(links["Acknowledge"])
        assert look.status == 200 and "<form method=\"post\">" in look.text, look
    assert "age drifted" in look.text and "https://runbooks.example/drift" in look.text, look
    assert "script" not in look.text and "default-src 'none'" in look.headers["Content-Security-Policy"], look
    assert look.headers["Cache-Control"] == "no-store" and look.headers["Referrer-Policy"] == "no-referrer"
    assert api.call(tocsin.port, "HEAD", links["Acknowledge"]).status == 200
    assert desk.incident()["state"] == "open"
    # As a browser sends the page's form, which tells nobody where it comes from.
    done = tocsin.post(links["Acknowledge"], "", Origin="null", **{"Content-Type": "application/x-www-form-urlencoded"})
    assert done.status == 200 and "in hand" in done.text, done
    incident = desk.incident()
    assert incident["state"] == "acknowledged" and "email:carol@example.org" in json.dumps(incident), incident
    desk.wait_standing("Acknowledged by *email:carol@example.org*")
    wait.until("PagerDuty to hear of it", lambda: pagerduty.acknowledged)
    assert len([1 for e in desk.audit("incident.ack") if e["actor"] == "email:carol@example.org"]) == 1

    # Once only, and nobody makes one up.
    for again in (links["Acknowledge"], links["Acknowledge"][:-1] + "z", links["Snooze 1h"].replace("/s.", "/a.")):
        assert tocsin.post(again).status in (403, 410), again
    assert any("has been used" in r for r in desk.wait_refused(3))

    desk.recovers()
    wait.until("Slack to see the end", lambda: any(what == "reply" for what, _ in slack.order))
    wait.until("PagerDuty to see the end", lambda: pagerduty.events("resolve"))
    ended = smtp.wait_count(2)[1]
    assert not desk.links(ended) and ended.header("In-Reply-To") == mail.header("Message-ID"), ended.raw
    assert not slack.buttons(slack.first()), "nothing is left to press"
    over = tocsin.post(links["Snooze 1h"])
    assert over.status == 410 and "ended" in over.text, over
    assert [what for what, _ in slack.order].count("post") == 1, slack.order
    assert [e["event_action"] for e in pagerduty.events()] == ["trigger", "acknowledge", "resolve"], pagerduty.events()
    assert len(smtp.taken()) == 2 and not pagerduty.stray_resolves
    desk.wait_state("resolved")


def test_buttons_in_slack(t):
    desk = Desk(t)
    slack, tocsin = desk.slack, desk.tocsin
    message = desk.fire_at_slack()
    assert set(slack.buttons(message)) == {"Acknowledge", "Snooze 1h", "Runbook"}, message
    assert slack.buttons(message)["Runbook"]["url"] == "https://runbooks.example/drift"

    # Forged, late, and nothing of ours.
    body = urllib.parse.urlencode({"payload": json.dumps(slack.payload(message, "Acknowledge"))})
    for headers, why in ((slack.signed(body, secret="guess"), "fits no"), (slack.signed(body, age=301), "five minutes"),
                         (slack.signed(body, age=-310), "five minutes"), (slack.signed(body + " "), "fits no"),
                         ({"Content-Type": "application/x-www-form-urlencoded"}, "fits no")):
        answer = slack.send(tocsin, body, headers)
        assert answer.status == 401 and why in answer.text, answer
    assert desk.incident()["state"] == "open"
    desk.wait_refused(5)

    headers = slack.signed(body)
    assert slack.send(tocsin, body, headers).status == 200
    assert desk.incident()["state"] == "acknowledged", "durable before it is answered"
    # Replayed, also over a kill.
    assert slack.send(tocsin, body, headers).status == 409
    tocsin.settled()
    tocsin.kill9()
    tocsin.start()
    assert slack.send(tocsin, body, headers).status == 409
    assert desk.incident()["state"] == "acknowledged"
    desk.wait_standing("Acknowledged by *alice*")
    assert set(slack.buttons(slack.first())) == {"Take back", "Snooze 1h", "Runbook"}
    assert "slack:alice" in desk.timeline() and desk.audit("incident.button")[0]["actor"] == "slack:alice"

    assert slack.press(tocsin, "Take back", user="bob").status == 200
    desk.wait_state("open")
    wait.until("the button to come back", lambda: "Acknowledge" in slack.buttons(slack.first()))
    assert slack.standing(slack.first()) is None
    assert slack.press(tocsin, "Snooze 1h", user="bob").status == 200
    desk.wait_state("snoozed")
    desk.wait_standing("Snoozed by *bob* until <!date^")
    assert slack.press(tocsin, "Acknowledge").status == 200
    desk.wait_standing("Acknowledged by *alice*")
    # It joins the thread, and still says who has it in hand.
    desk.drifts("income")
    wait.until("the news", lambda: "income" in json.dumps(slack.first()))
    assert "Acknowledged by *alice*" in slack.standing(slack.first())
    news = wait.until("the reply", lambda: [ts for what, ts in slack.order if what == "reply" and
                                            "income" in json.dumps(slack.messages[ts])])
    assert slack.messages[news[0]]["reply_broadcast"] and not slack.buttons(slack.messages[news[0]])
    # Somebody deletes the message: a new one takes its place.
    first = slack.order[0][1]
    slack.gone.add(first)
    desk.drifts("height")
    wait.until("a new message", lambda: [what for what, _ in slack.order].count("post") == 2)
    desk.recovers()
    wait.until("the end", lambda: any(what == "reply" and slack.messages[ts]["thread_ts"] != first
                                      for what, ts in slack.order))
    last = [ts for what, ts in slack.order if what == "post"][1]
    assert not slack.buttons(slack.messages[last])
    answer = slack.press(tocsin, "Acknowledge", message=message)
    assert answer.status == 200 and "resolved" in answer.text, "said to who pressed it alone"
    # It is said to Slack, not to whatever address stands in a payload.
    elsewhere = t.webhook()
    payload = {**slack.payload(message, "Acknowledge"), "response_url": elsewhere.url + "/x"}
    body = urllib.parse.urlencode({"payload": json.dumps(payload)})
    assert slack.send(tocsin, body, slack.signed(body)).status == 200
    assert slack.press(tocsin, "Acknowledge", message=message).status == 200
    wait.until("Slack to be told", lambda: len([text for text in slack.whispers if "resolved" in text]) == 2)
    assert not elsewhere.requests


def test_silenced_from_slack(t):
    desk = Desk(t, after="1h")
    slack, tocsin = desk.slack, desk.tocsin
    message = desk.fire_at_slack()
    choice = slack.choice(message)
    assert [o["text"]["text"] for o in choice["options"]] == ["1 hour", "4 hours", "1 day", "1 week"], choice
    assert 'alertname="FeatureDrift"' in choice["confirm"]["text"]["text"], choice
    body = urllib.parse.urlencode({"payload": json.dumps(slack.payload(message, "4 hours"))})
    assert slack.send(tocsin, body, slack.signed(body, secret="guess")).status == 401 and not tocsin.silences()
    before = time.time()
    assert slack.send(tocsin, body, slack.signed(body)).status == 200
    (silence,) = tocsin.silences()
    assert silence["createdBy"] == "slack:alice" and f"incident {desk.incident()['id']}" in silence["comment"], silence
    assert [(m["name"], m["value"], m["isRegex"], m["isEqual"]) for m in silence["matchers"]] == \
        [("alertname", "FeatureDrift", False, True)], silence
    assert abs(api.parse_time(silence["endsAt"]) - before - 4 * 3600) < 60, silence
    said = wait.until("the channel to hear of it", lambda: slack.announced)
    assert "*alice* silenced" in said[0] and silence["id"] in said[0] and "expire" in said[0], said
    assert desk.audit("silence.create")[0]["actor"] == "slack:alice"
    # once; another length than those offered is nobody's choice
    assert slack.send(tocsin, body, slack.signed(body)).status == 409
    payload = slack.payload(message, "1 hour")
    payload["actions"][0]["selected_option"]["value"] = f"{desk.incident()['id']} 99y"
    body = urllib.parse.urlencode({"payload": json.dumps(payload)})
    assert slack.send(tocsin, body, slack.signed(body)).status == 200
    wait.until("a word to who pressed", lambda: [w for w in slack.whispers if "no length that was offered" in w])
    assert len(tocsin.silences()) == 1 and len(slack.announced) == 1
    assert "silenced by slack:alice" in tocsin.command("why", "FeatureDrift").stdout


def test_what_pagerduty_tells(t):
    desk = Desk(t, after="1s")
    pagerduty, tocsin = desk.pagerduty, desk.tocsin
    desk.drifts()
    (page,) = pagerduty.wait_count(1)
    key = page.json["dedup_key"]

    forged = pagerduty.tell(tocsin, "acknowledged", key, signature="v1=" + "0" * 64)
    assert forged.status == 401 and desk.incident()["state"] == "open", forged
    assert pagerduty.tell(tocsin, "acknowledged", key, signature="").status == 401
    old = pagerduty.tell(tocsin, "acknowledged", key, occurred=time.time() - 4 * 86400)
    assert old.status == 400 and "these days" in old.text, old
    unknown = pagerduty.tell(tocsin, "acknowledged", "0" * 64)
    assert unknown.status == 202 and "no incident" in unknown.json["why"], unknown
    ours = pagerduty.tell(tocsin, "acknowledged", key, agent={"id": "P1", "type": "events_api_v2_inbound_integration_reference",
                                                            "summary": "Tocsin"})
    assert ours.status == 202 and not ours.json["done"] and desk.incident()["state"] == "open", ours
    assert pagerduty.tell(tocsin, "annotated", key).status == 202
    desk.wait_refused(4)

    before = time.time()
    body = json.dumps(pagerduty.event("acknowledged", key))
    answer = pagerduty.send(tocsin, body, pagerduty.signature(body))
    assert answer.status == 202 and answer.json == {"done": True}, answer
    assert desk.incident()["state"] == "acknowledged", "durable before it is answered"
    assert "pagerduty:Bob Smith" in desk.timeline()
    assert desk.audit("incident.acknowledged")[0]["actor"] == "pagerduty:Bob Smith"
    desk.wait_standing("Acknowledged by *pagerduty:Bob Smith*")

    # Taken back, then the first once more, and one that happened before: neither counts.
    tocsin.kill9()
    tocsin.start()
    assert pagerduty.tell(tocsin, "unacknowledged", key).json == {"done": True}
    wait.until("open again in Slack", lambda: desk.slack.standing(desk.slack.first()) is None)
    again = pagerduty.send(tocsin, body, pagerduty.signature(body))
    assert again.status == 202 and "before" in again.json["why"], again
    late = pagerduty.tell(tocsin, "acknowledged", key, occurred=before - 60)
    assert late.status == 202 and "late" in late.json["why"], late
    assert desk.incident()["state"] == "open"
    desk.wait_refused(6)

    done = pagerduty.tell(tocsin, "resolved", key)
    assert done.json == {"done": True} and desk.incident()["state"] == "resolved", done
    assert "acknowledge" not in [e["event_action"] for e in pagerduty.events()], "it knows what was said there"


def test_an_acknowledgement_times_out_in_sight_and_everybody_is_told_again(t):
    desk = Desk(t, after="1s", policy="  ack_timeout: 4s\n")
    desk.drifts()
    desk.pagerduty.wait_count(1)
    assert desk.slack.press(desk.tocsin, "Acknowledge").status == 200
    wait.until("the message to have said so", lambda: any("Acknowledged by *alice* until <!date^" in (said or "")
                                                          for said in desk.slack.stood))
    wait.until("it to be open again", lambda: "Acknowledge" in desk.slack.buttons(desk.slack.first()))
    wait.until("another page", lambda: desk.pagerduty.pages == 2)
    assert [e["event_action"] for e in desk.pagerduty.events()] == ["trigger", "acknowledge", "resolve", "trigger"]
    desk.smtp.wait_count(1)


def test_what_was_said_in_one_pagerduty_is_said_to_the_other(t):
    alice, bob = t.double(PagerDutyApp()), t.double(PagerDutyApp())
    tocsin = t.tocsin(f"""
route: {{receiver: both, group_by: [alertname], group_wait: 100ms, group_interval: 1s}}
receivers:
- name: both
  pagerduty_configs:
  - {{routing_key: {alice.routing_key}, url: '{alice.api_url}', webhook_secret: {alice.secrets[0]}}}
  - {{routing_key: {bob.routing_key}, url: '{bob.api_url}'}}
""")
    tocsin.post_alerts([alert("Down", ends=time.time() + 3600)])
    (page,) = alice.wait_count(1)
    bob.wait_count(1)
    wait.until("outcomes", lambda: [d["state"] for d in tocsin.deliveries()] == ["delivered"] * 2)
    assert alice.tell(tocsin, "acknowledged", page.json["dedup_key"]).json == {"done": True}
    wait.until("the other to hear of it", lambda: bob.acknowledged == [page.json["dedup_key"]])


def test_acknowledged_after_a_restart_before_anything_is_looked_at_again(t):
    desk = Desk(t, after="1s", interval="2h")
    desk.drifts()
    desk.pagerduty.wait_count(1)
    wait.until("its outcome to be durable",
               lambda: [d["state"] for d in desk.tocsin.deliveries(receiver="pagers")] == ["delivered"])
    desk.tocsin.kill9()
    desk.tocsin.start()
    done = desk.tocsin.post(f"/api/tocsin/v1/incidents/{desk.incident()['id']}/ack", {"by": "dora", "comment": "on it"})
    assert done.status == 200, done
    desk.wait_standing("Acknowledged by *")
    wait.until("PagerDuty to hear of it", lambda: desk.pagerduty.acknowledged)
    assert "on it" in desk.slack.standing(desk.slack.first())


def test_refusals_do_not_fill_the_audit_log(t):
    desk = Desk(t)
    for _ in range(40):
        assert desk.pagerduty.tell(desk.tocsin, "acknowledged", "x", signature="v1=00").status == 401
    desk.wait_refused(10)


def test_without_secrets_nothing_is_taken(t):
    hook = t.webhook()
    tocsin = t.tocsin(f"route: {{receiver: hook}}\nreceivers: [{{name: hook, webhook_configs: [{{url: '{hook.url}/hook'}}]}}]\n")
    tocsin.post_alerts([alert("Down", ends=time.time() + 3600)])
    assert PagerDutyApp.send(tocsin, "{}", "v1=" + "0" * 64).status == 401
    answer = SlackApp.send(tocsin, "payload=%7B%7D", {"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 401 and "signing_secret" in answer.text, answer
    assert tocsin.post("/api/tocsin/v1/link/a.1.1.9999999999.61." + "0" * 64).status == 403
