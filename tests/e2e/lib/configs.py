# SPDX-License-Identifier: Apache-2.0
"""Pieces of configuration that several tests share."""

FAST = "group_wait: 100ms, group_interval: 1s, repeat_interval: 1h"


def one_webhook(url, group_by="[alertname]", timers=FAST, extra=""):
    """Everything to one webhook; extra: more top-level YAML."""
    return f"""
route: {{receiver: hook, group_by: {group_by}, {timers}}}
receivers:
- name: hook
  webhook_configs: [{{url: '{url}/hook', send_resolved: true}}]
{extra}"""


def prometheus_source(port, timeout="5s", rules="[rules.yml]", interval="1s"):
    return f"""
evaluation_interval: {interval}
rule_files: {rules}
sources:
- name: prom
  type: prometheus
  url: http://127.0.0.1:{port}
  timeout: {timeout}
"""


def rule_group(name, *rules, **keys):
    """A rule group as text; each rule is the YAML of one rule, unindented."""
    head = f"- name: {name}\n" + "".join(f"  {k}: {v}\n" for k, v in keys.items()) + "  rules:\n"
    body = ""
    for rule in rules:
        lines = rule.strip("\n").splitlines()
        body += "  - " + lines[0] + "\n" + "".join(f"    {line}\n" for line in lines[1:])
    return head + body


def rule_file(*groups):
    return "groups:\n" + "".join(groups)
