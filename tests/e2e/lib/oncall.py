# SPDX-License-Identifier: Apache-2.0
"""
Slack and PagerDuty from both sides: what they take, as documented, and what they send when somebody presses a button.

Everything they send is signed as they sign it, and their patience is theirs: Slack wants its answer within 3 seconds,
PagerDuty within 5.
"""

import hashlib
import hmac
import itertools
import json
import time
import urllib.parse

from . import api, wait
from .api import rfc3339
from .doubles import PagerDuty, Reply, Slack

MAC = {"digestmod": hashlib.sha256}


class SlackApp(Slack):
    """An app's bot: chat.postMessage and chat.update in one channel, and its buttons."""

    token = "xoxb-e2e-0123456789"
    channel = "C0E2E0001"
    signing_secret = "8f742231b10e8888abcd99yyyzzz85a5"

    def __init__(self):
        super().__init__()
        self.messages = {}      # ts -> the message as it is shown now
        self.stood = []         # what the standing of any message ever was
        self.order = []         # ("post" | "update" | "reply", ts), as they came
        self.whispers = []      # to who pressed the button alone
        self.announced = []     # to the channel, after a press
        self.gone = set()       # ts of messages that somebody has deleted
        self._numbers = itertools.count(1)

    @property
    def app_url(self):
        return self.url + "/api/chat.postMessage"

    # ---- what it takes

    def answer(self, received):
        if received.path.startswith("/actions/"):
            said = received.json
            {"ephemeral": self.whispers, "in_channel": self.announced}[said["response_type"]].append(said["text"])
            return Reply(200, "ok")
        method = received.path.rpartition("/")[2]
        error = self._app_error(received, method)
        if error:
            self._violate(error)
            return self._say(ok=False, error=error.split(":")[0])
        body = received.json
        ts = body.get("ts") or body.get("thread_ts")
        if ts is not None and ts in self.gone:
            return self._say(ok=False, error="message_not_found" if method == "chat.update" else "thread_not_found")
        if method == "chat.update":
            self.messages[ts] = {**self.messages[ts], **body}
            self._happened("update", ts)
        else:
            ts = f"{int(time.time())}.{next(self._numbers):06d}"
            self.messages[ts] = body
            self._happened("reply" if "thread_ts" in body else "post", ts)
        return self._say(ok=True, channel=self.channel, ts=ts, message=self.messages[ts])

    @staticmethod
    def _say(**answer):
        return Reply(200, json.dumps(answer), Content_Type="application/json; charset=utf-8")

    def _happened(self, what, ts):
        with self._changed:
            self.order.append((what, ts))
            self.stood.append(self.standing(self.messages[ts]) if self.messages[ts].get("attachments") else None)

    def _app_error(self, received, method):
        if method not in ("chat.postMessage", "chat.update") or received.method != "POST":
            return f"unknown_method: {received.method} {received.path}"
        if received.headers.get("Authorization") != f"Bearer {self.token}":
            return f"invalid_auth: {received.headers.get('Authorization')!r}"
        if received.headers.get("Content-Type", "").lower() != "application/json; charset=utf-8":
            return f"invalid_post_type: {received.headers.get('Content-Type')!r}"
        body = json.loads(received.body)
        if body.get("channel") != self.channel:
            return f"channel_not_found: {body.get('channel')!r}"
        if method == "chat.update" and body.get("ts") not in self.messages:
            return f"message_not_found: {body.get('ts')!r}"
        if "thread_ts" in body and body["thread_ts"] not in self.messages:
            return f"thread_not_found: {body['thread_ts']!r}"
        saved, received.path = received.path, self.path
        refusal = self._refusal(received)
        received.path = saved
        for attachment in body.get("attachments", []):
            for element in self._elements(attachment):
                if not element.get("action_id") or len(element["action_id"]) > 255 or not \
                        (self._is_choice(element) if element["type"] == "static_select" else self._is_button(element)):
                    return f"invalid_blocks: {element}"
        return f"{refusal[1]}: {refusal[2]}" if refusal else None

    @staticmethod
    def _is_button(element):
        return element["type"] == "button" and len(element.get("value", "")) <= 2000 and \
            0 < len(element["text"]["text"]) <= 75 and len(element.get("url", "")) <= 3000

    @staticmethod
    def _is_choice(element):
        confirm = element["confirm"]
        return 0 < len(element["placeholder"]["text"]) <= 150 and 0 < len(element["options"]) <= 100 and \
            all(0 < len(option["text"]["text"]) <= 75 and 0 < len(option["value"]) <= 150
                for option in element["options"]) and \
            0 < len(confirm["title"]["text"]) <= 100 and 0 < len(confirm["text"]["text"]) <= 300 and \
            0 < len(confirm["confirm"]["text"]) <= 30 and 0 < len(confirm["deny"]["text"]) <= 30

    # ---- what it shows

    @staticmethod
    def _elements(attachment):
        return [element for block in attachment.get("blocks") or [] if block["type"] == "actions"
                for element in block["elements"]]

    def first(self):
        """The message that opened the thread, as it is shown now; None before there is one."""
        posts = [ts for what, ts in list(self.order) if what == "post"]
        return self.messages[posts[0]] if posts else None

    def buttons(self, message):
        return {e["text"]["text"]: e for a in message["attachments"] for e in self._elements(a) if e["type"] == "button"}

    def choice(self, message):
        """The select under the message, or None."""
        return next((e for a in message["attachments"] for e in self._elements(a) if e["type"] == "static_select"), None)

    @staticmethod
    def standing(message):
        """The line that says who has it in hand, or None."""
        for attachment in message["attachments"]:
            for block in attachment.get("blocks") or []:
                if block["type"] == "context":
                    return block["elements"][0]["text"]
        return None

    # ---- what it sends

    def payload(self, message, button, user="alice", trigger=None):
        """button: its text, or that of an option of the select."""
        if button in self.buttons(message):
            element = self.buttons(message)[button]
            action = {"type": "button", "block_id": "b", "action_id": element["action_id"], "value": element.get("value", "")}
        else:
            element = self.choice(message)
            (option,) = [o for o in element["options"] if o["text"]["text"] == button]
            action = {"type": "static_select", "block_id": "b", "action_id": element["action_id"],
                      "placeholder": element["placeholder"], "selected_option": option}
        return {
            "type": "block_actions", "api_app_id": "A0E2E", "token": "legacy",
            "user": {"id": "U0ALICE", "username": user, "name": user, "team_id": "T0E2E"},
            "trigger_id": trigger or f"{next(self._numbers)}.123.abcdef", "channel": {"id": self.channel, "name": "ml"},
            "response_url": f"{self.url}/actions/T0E2E/1/x",
            "actions": [{**action, "action_ts": f"{time.time():.6f}"}],
        }

    def signed(self, body, age=0, secret=None):
        """The headers that Slack sends with this body."""
        stamp = str(int(time.time() - age))
        mac = hmac.new((secret or self.signing_secret).encode(), f"v0:{stamp}:{body}".encode(), **MAC).hexdigest()
        return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": "v0=" + mac,
                "Content-Type": "application/x-www-form-urlencoded"}

    def press(self, tocsin, button, user="alice", message=None):
        """Somebody presses it; Slack's own patience is asserted."""
        body = urllib.parse.urlencode({"payload": json.dumps(self.payload(message or self.first(), button, user))})
        return self.send(tocsin, body, self.signed(body))

    @staticmethod
    def send(tocsin, body, headers):
        begun = time.monotonic()
        answer = api.call(tocsin.port, "POST", "/api/tocsin/v1/slack/interactive", body, headers)
        assert time.monotonic() - begun < 3 + wait.lost(begun), "Slack waits for 3 seconds"
        return answer


class PagerDutyApp(PagerDuty):
    """Events in, v3 webhooks out."""

    routing_key = "e2e0123456789abcdef0123456789abc"
    secrets = ("whsec-old", "whsec-new")     # both sign while one replaces the other

    def __init__(self):
        super().__init__()
        self.acknowledged = []  # dedup keys, as events told so
        self.pages = 0          # a trigger pages when it opens an incident, else it is a line in its log
        self._numbers = itertools.count(1)

    def answer(self, received):
        before = dict(self.incidents)
        reply = super().answer(received)
        body = received.json if reply.status == 202 else {}
        if body.get("event_action") == "trigger" and before.get(body["dedup_key"]) != "open":
            self.pages += 1
        if body.get("event_action") == "acknowledge":
            if self.incidents.get(body["dedup_key"]) != "open":
                self._violate("acknowledge of what is not open")
            self.acknowledged.append(body["dedup_key"])
        return reply

    def event(self, kind, key, occurred=None, agent=None, number=None):
        return {"event": {
            "id": number or f"01E2E{next(self._numbers):06d}", "event_type": f"incident.{kind}", "resource_type": "incident",
            "occurred_at": rfc3339(time.time() if occurred is None else occurred),
            "agent": agent or {"id": "PBOB", "type": "user_reference", "summary": "Bob Smith",
                               "html_url": "https://e2e.pagerduty.com/users/PBOB"},
            "client": None, "data": {"id": "PINC", "type": "incident", "incident_key": key, "status": kind}}}

    def signature(self, body, secrets=None):
        return ",".join("v1=" + hmac.new(s.encode(), body.encode(), **MAC).hexdigest() for s in secrets or self.secrets)

    def tell(self, tocsin, kind, key, signature=None, **event):
        """A webhook; returns the answer, which PagerDuty wants within 5 seconds."""
        body = json.dumps(self.event(kind, key, **event))
        return self.send(tocsin, body, self.signature(body) if signature is None else signature)

    @staticmethod
    def send(tocsin, body, signature):
        begun = time.monotonic()
        answer = api.call(tocsin.port, "POST", "/api/tocsin/v1/pagerduty/webhook", body,
                          {"Content-Type": "application/json", "X-PagerDuty-Signature": signature,
                           "X-Webhook-Id": "e2e", "User-Agent": "PagerDuty-Webhook/V3.0"})
        assert time.monotonic() - begun < 5 + wait.lost(begun), "PagerDuty waits for 5 seconds"
        return answer
