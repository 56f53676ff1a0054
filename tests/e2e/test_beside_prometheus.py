# SPDX-License-Identifier: Apache-2.0
"""Rules and alerts as Debian's Prometheus shows them for the same rule file, beside what newer ones add."""

import json
import re

from lib import wait
from lib.api import call
from lib.configs import one_webhook, prometheus_source

RULES = """groups:
- name: g1
  interval: 1s
  limit: 10
  rules:
  - {alert: Fires, expr: 'vector(1)   >   0', labels: {severity: critical, x: '{{ $value }}'},
     annotations: {summary: 'v {{ $value | humanize }} <b>'}}
  - {alert: Waits, expr: 'vector(1)', for: 1h, keep_firing_for: 5m, labels: {severity: page}}
  - {alert: Quiet, expr: 'vector(1) > 2'}
- name: g2
  interval: 2s
  rules:
  - {alert: Other, expr: 'sum without (a) (vector(41.5))', annotations: {x: 'y'}}
"""
OURS = {"kind", "source"}       # what a rule has beyond Prometheus


def shown(answer):
    """A body without what must differ; Prometheus takes alerts from a map, in an order of its own each time."""
    def strip(node):
        if isinstance(node, dict):
            return {key: strip(value) for key, value in node.items()
                    if key not in OURS and key not in ("evaluationTime", "lastEvaluation", "activeAt")}
        return [strip(item) for item in node] if isinstance(node, list) else node

    body = strip(answer.json)
    if "alerts" in body["data"]:
        body["data"]["alerts"].sort(key=lambda alert: sorted(alert["labels"].items()))
    text = json.dumps(body, sort_keys=True)
    return answer.status, re.sub(r'"file": "[^"]*/', '"file": "', text)


def test_rules_and_alerts_are_shown_as_prometheus_does(t):
    prometheus = t.prometheus(rules=RULES)
    tocsin = t.tocsin(prometheus_source(prometheus.port) + one_webhook("http://127.0.0.1:9"),
                      files={"rules.yml": RULES})
    for server in (tocsin, prometheus):
        wait.until("all rules evaluated", lambda: len(server.good("/api/v1/alerts")["data"]["alerts"]) == 3, 20)
        wait.until("no rule unknown", lambda: '"unknown"' not in server.get("/api/v1/rules").text, 20)
    for path in ("/api/v1/rules", "/api/v1/rules?type=alert", "/api/v1/alerts", "/api/v1/rules?type="):
        ours, theirs = shown(tocsin.get(path)), shown(prometheus.get(path))
        assert ours == theirs, f"{path}\n{ours}\n{theirs}"
    for method, path in (("PUT", "/api/v1/rules"), ("DELETE", "/api/v1/alerts"), ("GET", "/api/v1/rules?type=bad")):
        assert call(tocsin.port, method, path).status == call(prometheus.port, method, path).status, (method, path)
    # newer than the oracle: groups whose rules are all filtered disappear; pages; names
    assert tocsin.good("/api/v1/rules", type="record")["data"]["groups"] == []
    page = tocsin.good("/api/v1/rules", group_limit="1")["data"]
    assert [g["name"] for g in page["groups"]] == ["g1"]
    rest = tocsin.good("/api/v1/rules", group_limit="1", group_next_token=page["groupNextToken"])["data"]
    assert [g["name"] for g in rest["groups"]] == ["g2"] and "groupNextToken" not in rest
    picked = tocsin.get("/api/v1/rules?rule_name[]=Waits&rule_group[]=g1&exclude_alerts=true").json["data"]["groups"]
    assert [(r["name"], r["alerts"]) for g in picked for r in g["rules"]] == [("Waits", None)], picked
