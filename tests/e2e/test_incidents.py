# SPDX-License-Identifier: Apache-2.0
"""
Incidents by hand: what somebody on call types at night, and what the answers say.
"""

import time

from lib import wait
from lib.api import parse_time, rfc3339

TIMEOUT = 120

CONFIG = """
route: {{receiver: chat, group_by: [alertname], group_wait: 100ms, group_interval: 1s, repeat_interval: 4h, escalation: ml}}
escalation_policies:
- name: ml
  ack_timeout: 2h
  steps:
  - {{notify: [chat]}}
  - {{after: 1s, notify: [page]}}
  - {{after: 1h, notify: [chat]}}
receivers:
- {{name: chat, webhook_configs: [{{url: '{url}/chat'}}]}}
- {{name: page, webhook_configs: [{{url: '{url}/page'}}]}}
"""


class Desk:
    def __init__(self, t, config=CONFIG):
        self.hook = t.webhook()
        self.tocsin = t.tocsin(config.format(url=self.hook.url))

    def post(self, ends=None, **labels):
        alert = {"labels": {"alertname": "Drift", **labels}, "annotations": {"summary": "größe drifted"}}
        self.tocsin.post_alerts([{**alert, **({"endsAt": rfc3339(ends)} if ends else {})}])

    def say(self, *words, code=0):
        done = self.tocsin.command(*words)
        assert done.returncode == code, (words, done)
        return done.stdout + done.stderr

    def incidents(self, state="active"):
        return self.tocsin.good("/api/tocsin/v1/incidents", state=state)["incidents"]

    def audited(self):
        return [e["action"] for e in self.tocsin.good("/api/tocsin/v1/audit")["entries"]]


def test_an_incident_of_many_alerts_is_acted_on_once(t):
    desk = Desk(t)
    for feature in "abc":
        desk.post(feature=feature)
    wait.until("the incident", desk.incidents)
    shown = desk.say("alert", "ack", "Drift", "--by", "Jürgen", "--comment", "on it")
    assert shown.count("acknowledged") == 1 and "Jürgen" in shown, shown
    assert desk.audited() == ["incident.ack"]
    # ... and again, by somebody else: it is theirs now; the first word is in the timeline
    assert "dora" in desk.say("alert", "ack", "feature=b", "--by", "dora")
    assert [i["by"] for i in desk.incidents()] == ["dora"]
    shown = desk.say("why", "feature=a")
    assert "acknowledged by dora, until " in shown and "acknowledged by Jürgen: on it, ended" in shown, shown
    assert "again after" not in shown, "nobody is reminded of what somebody has in hand"
    assert "open" in desk.say("alert", "unack", "Drift")
    assert [(i["by"], i["comment"]) for i in desk.incidents()] == [("", "")], "nobody has it in hand"
    shown = desk.say("alert", "unack", "Drift", code=1)
    assert "neither acknowledged nor snoozed" in shown, shown
    assert "no alert fits" in desk.say("alert", "ack", "Nothing", code=1)
    # what is listed from the store is as it is now, too
    desk.post(feature="d", severity="critical")
    wait.until("four alerts", lambda: [i["alerts"] for i in desk.incidents()] == [4])
    assert [(i["alerts"], i["severity"]) for i in desk.incidents("all")] == [(4, "critical")], "it was stored long ago"


def test_what_fits_is_acted_on_however_many_they_are(t):
    desk = Desk(t, CONFIG.replace("group_by: [alertname]", "group_by: ['...']"))
    for begin in range(0, 1200, 300):
        desk.tocsin.post_alerts([{"labels": {"alertname": "Many", "n": str(n)}} for n in range(begin, begin + 300)])
    wait.until("the incidents", lambda: desk.tocsin.metric("tocsin_incidents", state="open") == 1200, 30)
    shown = desk.say("incident", "list")
    assert "newest 100; a larger --limit" in shown and len(shown.splitlines()) == 103, shown
    # from the store, where all of them are a moment later
    (one,) = wait.until("the one in the store", lambda: desk.tocsin.good("/api/tocsin/v1/incidents", state="all",
                                                                        filter='n="7"')["incidents"])
    assert one["labels"]["n"] == "7" and len(desk.incidents("all")) == 100
    shown = desk.say("alert", "snooze", "Many", "--for", "1h")
    assert shown.count("snoozed") == 1200 and desk.tocsin.metric("tocsin_incidents", state="snoozed") == 1200


def test_a_snooze_has_an_end_that_somebody_may_mean(t):
    desk = Desk(t)
    desk.post()
    (incident,) = wait.until("the incident", desk.incidents)
    number = str(incident["id"])
    for words, why in ((("--for", "0s"), "no duration above 0"), (("--for", "-1h"), "no duration above 0"),
                       (("--for", "5y"), "30 days"), (("--until", "2020-01-01T00:00:00Z"), "has passed"),
                       (("--until", rfc3339(time.time() + 31 * 86400)), "30 days"), (("--until", "soon"), "no time")):
        said = desk.say("incident", "snooze", number, *words, code=1)
        assert why in said, (words, said)
    assert "not both" in desk.say("incident", "snooze", number, "--for", "1h", "--until", "2040-01-01T00:00:00Z", code=2)
    assert "until when?" in desk.say("alert", "snooze", "Drift", code=2)
    assert [i["state"] for i in desk.incidents()] == ["open"] and not desk.audited()
    assert "snoozed" in desk.say("alert", "snooze", "Drift", "--until", rfc3339(time.time() + 3600))
    # one that cannot be done keeps none of the others from it
    said = desk.say("incident", "ack", "999999", number, code=1)
    assert "no incident 999999" in said and "acknowledged" in said, said


def test_why_was_i_paged_is_answered_the_next_morning(t):
    """Also of what a sender posted, and after it is over; over a kill, too."""
    desk = Desk(t)
    begun = time.time()
    desk.post(feature="größe")
    wait.until("the page", lambda: desk.hook.bodies("/page"))
    desk.post(ends=time.time(), feature="größe")
    wait.until("the end", lambda: [b for b in desk.hook.bodies("/page") if b["status"] == "resolved"])
    wait.until("the alert to be let go", lambda: not desk.tocsin.alerts())
    wait.until("the outcomes to be durable", lambda: all(d["state"] == "delivered" for d in desk.tocsin.deliveries()))
    desk.tocsin.kill9()
    desk.tocsin.start()
    for question in (("why", "Drift"), ("why", "feature=größe"), ("why", "Drift", "--at", rfc3339(time.time()))):
        said = desk.say(*question)
        for line in ("größe", "became firing", "decided to tell chat/webhook[0]: first notification",
                     "decided to tell page/webhook[0]: escalation", "became resolved", "all alerts resolved"):
            assert line in said, (question, said)
    assert 'was resolved since' in said, said
    assert "nobody had raised it" in desk.say("why", desk.tocsin.history(kind="firing")[0]["fingerprint"], "--at",
                                            rfc3339(begun - 3600))
    # once each, with whom it was told
    kinds = [e["kind"] for e in desk.tocsin.history()]
    assert kinds.count("firing") == 1 and kinds.count("resolved") == 1, kinds
    told = desk.say("history", "--kind", "notified")
    assert "page/webhook[0]: escalation: 1 firing, 0 resolved" in told, told
    (rule,) = desk.tocsin.good("/api/tocsin/v1/report/noise")["rules"]
    assert (rule["rule"], rule["fires"], rule["firing"], rule["under5m"]) == ("Drift", 1, 0, 1), rule
    # nobody has it in hand, and nobody ended it by hand
    (incident,) = desk.incidents("all")
    assert (incident["state"], incident["by"]) == ("resolved", ""), incident
    shown = desk.say("incident", "show", incident["id"])
    assert "page/webhook[0]: escalation" in shown and "step 2 of 3: told page" in shown, shown
    said = desk.say("incident", "ack", incident["id"], code=1)
    assert said.startswith(f"tocsin: incident {incident['id']} is resolved"), said


TWINS = """
route:
  receiver: chat
  group_by: [alertname]
  group_wait: 100ms
  group_interval: 1s
  repeat_interval: 4h
  routes:
  - {{matchers: [severity=critical], receiver: chat, escalation: slow, continue: true}}
  - {{matchers: [severity=critical], receiver: board, escalation: quick}}
escalation_policies:
- {{name: slow, steps: [{{after: 1h, notify: [boss]}}]}}
- {{name: quick, steps: [{{after: 1s, notify: [page]}}]}}
receivers:
- {{name: chat, webhook_configs: [{{url: '{url}/chat'}}]}}
- {{name: board, webhook_configs: [{{url: '{url}/board'}}]}}
- {{name: page, webhook_configs: [{{url: '{url}/page'}}]}}
- {{name: boss, webhook_configs: [{{url: '{url}/boss'}}]}}
"""


def test_routes_with_the_same_matchers_have_incidents_of_their_own(t):
    """Their groups have the same key, as Alertmanager's have; each escalates by its own policy, over a kill, too."""
    desk = Desk(t, TWINS)
    desk.post(severity="critical")
    two = wait.until("two incidents", lambda: (lambda i: i if len(i) == 2 else None)(desk.incidents()))
    assert sorted(i["policy"] for i in two) == ["quick", "slow"] and len({i["groupKey"] for i in two}) == 1, two
    wait.until("what is told to be durable", lambda: {r.path for r in desk.hook.taken()} >= {"/chat", "/board"})
    desk.tocsin.kill9()
    desk.tocsin.start()
    assert sorted(i["id"] for i in desk.incidents()) == sorted(i["id"] for i in two), "the same ones"
    page = wait.until("the page", lambda: desk.hook.bodies("/page"))[0]
    assert page["groupKey"] == two[0]["groupKey"]
    slow, = [str(i["id"]) for i in two if i["policy"] == "slow"]
    desk.say("incident", "ack", slow)
    assert sorted((i["policy"], i["state"]) for i in desk.incidents()) == [("quick", "open"), ("slow", "acknowledged")]
    # one row in the log, however often the other's group is looked at
    (alert,) = desk.tocsin.alerts()
    def asked():
        return desk.tocsin.good(f"/api/tocsin/v1/alerts/{alert['fingerprint']}/decisions")
    later = time.time() + 2.5
    wait.until("some more flushes", lambda: all(parse_time(g["nextFlushAt"]) > later for g in asked()["alert"]["groups"]))
    rows = [d for d in asked()["decisions"] if d["verdict"] == "acknowledged"]
    assert len(rows) == 1 and rows[0]["until"] is None, rows
    assert desk.say("alert", "ack", "Drift").count("acknowledged") == 2, "an alert's incidents, both"
    desk.post(ends=time.time(), severity="critical")
    wait.until("both to end", lambda: not desk.incidents())
    wait.until("all who were told", lambda: {r.path for r in desk.hook.taken() if r.json["status"] == "resolved"} ==
               {"/chat", "/board", "/page"})
    assert not desk.hook.bodies("/boss")
