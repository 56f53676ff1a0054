# SPDX-License-Identifier: Apache-2.0
"""
HTTP doubles of receivers and of a metrics backend.

Each receiver double refuses what the real service refuses (documented limits) and remembers the refusal in
`violations`, which fails the test at its end.  `script(...)` makes the next requests meet trouble instead:
Reply (any status, 429 with Retry-After, redirect), Hang, Reset, Garbage.  Everything received is kept with its times.
"""

import hashlib
import http.server
import json
import re
import socket
import struct
import threading
import time
import urllib.parse

from . import wait
from .api import parse_time

ZERO_TIME = "0001-01-01T00:00:00Z"


class Reply:
    """A status with headers and body instead of the double's own answer."""

    def __init__(self, status, body="", **headers):
        self.status, self.body = status, body
        self.headers = {name.replace("_", "-"): str(value) for name, value in headers.items()}


class Hang:
    """No answer until the double is released or closed."""


class Reset:
    """The connection is reset after the request was read."""


class Garbage:
    """Bytes that are not HTTP."""


class Slow:
    """The double's own answer, given after `seconds`."""

    def __init__(self, seconds):
        self.seconds = seconds


class Received:
    """One request.  wall/mono: when its body was complete; answered: monotonic time of the answer, or None."""

    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body
        self.wall, self.mono = time.time(), time.monotonic()
        self.answered = None
        self.status = None
        self.behaviour = None

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def accepted(self):
        return self.status is not None and 200 <= self.status < 300

    def __repr__(self):
        return f"<{self.method} {self.path} -> {self.status} {self.body[:200]!r}>"


class Server:
    """The common part: a threaded HTTP server on loopback."""

    name = "double"

    def __init__(self):
        self.requests = []
        self.violations = []
        self.connections = 0
        self._script = []
        self._always = None
        self._changed = threading.Condition()
        self._released = threading.Event()
        self._open = 0
        self._knocks = {}       # the port of a connection of drain(): it was accepted
        double = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do(self):
                double._handle(self)

            do_GET = do_POST = do_PUT = do_DELETE = do

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def process_request(self, request, client_address):
                knock = double._knocks.get(client_address[1])
                if knock:
                    request.close()
                    knock.set()
                    return
                with double._changed:
                    double.connections += 1
                    double._open += 1
                super().process_request(request, client_address)

            def shutdown_request(self, request):
                super().shutdown_request(request)
                with double._changed:
                    double._open -= 1

            def handle_error(self, request, client_address):
                pass            # the peer went away: that is the peer's business

        self._server = Listener(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def script(self, *behaviours):
        """The next requests meet these, one each; then the double is itself again."""
        with self._changed:
            self._script.extend(behaviours)

    def always(self, behaviour):
        """Every request meets this; None makes the double itself again."""
        with self._changed:
            self._always = behaviour

    def release(self):
        """Let go of every hanging request."""
        self._released.set()

    def close(self):
        self.release()
        self._server.shutdown()
        self._server.server_close()

    def drain(self):
        """The sender is dead: returns when all that it has sent was read, so that what comes later is another's."""
        with socket.socket() as last:
            last.bind(("127.0.0.1", 0))
            knock = self._knocks[last.getsockname()[1]] = threading.Event()
            last.connect(("127.0.0.1", self.port))
            wait.until("the last connection to be accepted", knock.is_set)
            del self._knocks[last.getsockname()[1]]
        wait.until("the end of every connection", lambda: self._open == 0)

    # ---- for the test

    def taken(self, accepted=True):
        """The requests so far; by default only those that were answered 2xx."""
        with self._changed:
            return [r for r in self.requests if r.accepted or not accepted]

    def wait_count(self, count, deadline=10.0, accepted=True):
        """At least count requests; returns them."""
        return wait.until(f"{count} requests at {self.name}",
                          lambda: (lambda taken: taken if len(taken) >= count else None)(self.taken(accepted)),
                          deadline)

    def hold_count(self, count, seconds):
        """Exactly count accepted requests now and for some seconds more."""
        taken = self.taken()
        assert len(taken) == count, f"{self.name}: {len(taken)} requests instead of {count}: {taken}"
        wait.hold(f"{self.name} keeps {count} requests", lambda: len(self.taken()) == count, seconds)

    # ---- inside

    def _handle(self, handler):
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length)
        if len(body) < length:
            handler.close_connection = True     # the sender died in the middle: no request was made
            return
        received = Received(handler.command, handler.path, dict(handler.headers), body)
        with self._changed:
            self.requests.append(received)
            received.behaviour = self._behaviour(received)
        behaviour = received.behaviour
        if isinstance(behaviour, Hang):
            self._released.wait()
            handler.close_connection = True
            return
        if isinstance(behaviour, Reset):
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
            handler.close_connection = True
            return
        if isinstance(behaviour, Garbage):
            handler.wfile.write(b"\x00\xff\x17 this is not HTTP at all\r\n\r\n\x80" * 8)
            handler.close_connection = True
            return
        if isinstance(behaviour, Slow):
            self._released.wait(behaviour.seconds)
            behaviour = None
        reply = behaviour or self.answer(received)
        body = reply.body if isinstance(reply.body, bytes) else reply.body.encode()
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        if "Content-Length" not in reply.headers:
            handler.send_header("Content-Length", str(len(body)))
        # What the sender may know was taken is seen as taken: first it is written down, then it is said.
        with self._changed:
            received.status = reply.status
        try:
            handler.end_headers()
            handler.wfile.write(body)
        except OSError:
            with self._changed:
                received.status = None
            raise
        received.answered = time.monotonic()

    def _behaviour(self, _received):
        return self._script.pop(0) if self._script else self._always

    def _violate(self, what):
        with self._changed:
            self.violations.append(f"{self.name}: {what}")

    def answer(self, received):
        return Reply(200)


def _text(errors, where, value, limit, required=False):
    if value is None or value == "":
        if required:
            errors.append(f"{where} is required")
        return
    if not isinstance(value, str):
        errors.append(f"{where} must be a string")
    elif len(value) > limit:
        errors.append(f"{where} has {len(value)} characters, more than {limit}")


# --------------------------------------------------------------------------------------------------------- webhook

def fingerprint(labels):
    """Alertmanager's: FNV-1a over name, 0xFF, value, 0xFF in byte order of the names."""
    state = 0xCBF29CE484222325
    for name, value in sorted((k.encode(), v.encode()) for k, v in labels.items() if v != ""):
        for byte in name + b"\xff" + value + b"\xff":
            state = ((state ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{state:016x}"


def webhook_errors(body):
    """What is wrong with a version 4 body; an empty list when nothing is."""
    errors = []
    if not isinstance(body, dict):
        return ["the body is not an object"]
    kinds = {"version": str, "groupKey": str, "truncatedAlerts": int, "status": str, "receiver": str,
             "groupLabels": dict, "commonLabels": dict, "commonAnnotations": dict, "externalURL": str, "alerts": list}
    for key, kind in kinds.items():
        if key not in body:
            errors.append(f"key {key} is missing")
        elif not isinstance(body[key], kind):
            errors.append(f"{key} is not of type {kind.__name__}")
    if errors:
        return errors
    if body["version"] != "4":
        errors.append(f"version is {body['version']!r}")
    if not body["alerts"]:
        return errors + ["alerts is empty"]
    alert_kinds = {"status": str, "labels": dict, "annotations": dict, "startsAt": str, "endsAt": str,
                   "generatorURL": str, "fingerprint": str}
    for i, alert in enumerate(body["alerts"]):
        missing = [k for k, kind in alert_kinds.items() if not isinstance(alert.get(k), kind)]
        if missing:
            errors.append(f"alerts[{i}]: {missing} missing or of a wrong type")
            continue
        if alert["status"] not in ("firing", "resolved"):
            errors.append(f"alerts[{i}]: status {alert['status']!r}")
        if alert["fingerprint"] != fingerprint(alert["labels"]):
            errors.append(f"alerts[{i}]: fingerprint {alert['fingerprint']} of {alert['labels']}")
        if (alert["endsAt"] == ZERO_TIME) != (alert["status"] == "firing"):
            errors.append(f"alerts[{i}]: {alert['status']} with endsAt {alert['endsAt']}")
        elif alert["status"] == "resolved" and parse_time(alert["endsAt"]) < parse_time(alert["startsAt"]):
            errors.append(f"alerts[{i}]: ends before it starts")
        for name, value in body["groupLabels"].items():
            if alert["labels"].get(name, "") != value:
                errors.append(f"alerts[{i}]: not of the group {body['groupLabels']}")
    if errors:
        return errors
    any_firing = any(alert["status"] == "firing" for alert in body["alerts"])
    if body["status"] != ("firing" if any_firing else "resolved"):
        errors.append(f"status {body['status']!r} does not follow from the alerts")
    if body["truncatedAlerts"] == 0:
        for key, part in (("commonLabels", "labels"), ("commonAnnotations", "annotations")):
            sets = [set(alert[part].items()) for alert in body["alerts"]]
            if body[key] != dict(set.intersection(*sets)):
                errors.append(f"{key} is not what the alerts have in common")
    return errors


class Webhook(Server):
    """A receiver of version 4 bodies; `bodies(path)` tells the receivers apart by their path."""

    name = "webhook"

    def answer(self, received):
        errors = []
        if received.method != "POST":
            errors.append(f"method {received.method}")
        if "application/json" not in received.headers.get("Content-Type", ""):
            errors.append(f"content type {received.headers.get('Content-Type')!r}")
        try:
            errors += webhook_errors(received.json)
        except ValueError as err:
            errors.append(f"not JSON: {err}")
        if errors:
            self._violate("; ".join(errors))
            return Reply(400, "; ".join(errors))
        return Reply(200)

    def bodies(self, path=None):
        return [r.json for r in self.taken() if path in (None, r.path)]

    def alerts(self, **labels):
        """(status, alert) of every alert told so far that carries the labels, in order of arrival."""
        return [(alert["status"], alert) for body in self.bodies() for alert in body["alerts"]
                if all(alert["labels"].get(k) == v for k, v in labels.items())]

    def statuses(self, **labels):
        return [status for status, _ in self.alerts(**labels)]


# ----------------------------------------------------------------------------------------------------------- Slack

class Slack(Server):
    """An incoming webhook of Slack: plain text answers, `ok` on success."""

    name = "slack"
    path = "/services/T0000/B0000/e2eSecretToken"

    @property
    def api_url(self):
        return self.url + self.path

    def answer(self, received):
        refusal = self._refusal(received)
        if refusal:
            status, word, why = refusal
            self._violate(f"{word}: {why}")
            return Reply(status, word, Content_Type="text/html")
        return Reply(200, "ok", Content_Type="text/html")

    def _refusal(self, received):
        if received.path != self.path:
            return 403, "invalid_token", received.path
        if received.method != "POST":
            return 400, "invalid_payload", received.method
        if "application/json" not in received.headers.get("Content-Type", ""):
            return 400, "invalid_payload", f"content type {received.headers.get('Content-Type')!r}"
        try:
            body = received.json
        except ValueError as err:
            return 400, "invalid_payload", str(err)
        if not isinstance(body, dict):
            return 400, "invalid_payload", "not an object"
        attachments, blocks = body.get("attachments") or [], body.get("blocks") or []
        if not body.get("text") and not attachments and not blocks:
            return 400, "no_text", "neither text nor attachments nor blocks"
        if not isinstance(attachments, list) or not all(isinstance(a, dict) for a in attachments):
            return 400, "invalid_attachments", "attachments must be a list of objects"
        if len(attachments) > 100:
            return 400, "too_many_attachments", str(len(attachments))
        errors = []
        _text(errors, "text", body.get("text"), 40000)
        self._check_blocks(errors, "blocks", blocks)
        for i, attachment in enumerate(attachments):
            self._check_attachment(errors, f"attachments[{i}]", attachment)
        if errors:
            return 400, "invalid_attachments" if attachments else "invalid_blocks", "; ".join(errors)
        return None

    def _check_attachment(self, errors, where, attachment):
        if not any(attachment.get(k) for k in ("text", "fallback", "title", "blocks", "fields", "pretext")):
            errors.append(f"{where} says nothing")
        for key in ("text", "pretext", "fallback"):
            _text(errors, f"{where}.{key}", attachment.get(key), 40000)
        _text(errors, f"{where}.title", attachment.get("title"), 1024)
        _text(errors, f"{where}.title_link", attachment.get("title_link"), 3000)
        color = attachment.get("color")
        if color and not re.fullmatch(r"good|warning|danger|#?[0-9a-fA-F]{6}", color):
            errors.append(f"{where}.color {color!r}")
        for j, field in enumerate(attachment.get("fields") or []):
            if not isinstance(field, dict) or not isinstance(field.get("short", False), bool):
                errors.append(f"{where}.fields[{j}] is not a field")
                continue
            _text(errors, f"{where}.fields[{j}].title", field.get("title"), 2000)
            _text(errors, f"{where}.fields[{j}].value", field.get("value"), 2000)
        if not isinstance(attachment.get("ts", 0), (int, float)):
            errors.append(f"{where}.ts must be a number")
        if len(attachment.get("actions") or []) > 5:
            errors.append(f"{where}.actions has more than 5 elements")
        self._check_blocks(errors, f"{where}.blocks", attachment.get("blocks") or [])

    @staticmethod
    def _check_blocks(errors, where, blocks):
        if len(blocks) > 50:
            errors.append(f"{where}: more than 50")
        for i, block in enumerate(blocks):
            at, kind = f"{where}[{i}]", block.get("type")
            if kind == "header":
                _text(errors, at, (block.get("text") or {}).get("text"), 150, True)
            elif kind == "section":
                if not block.get("text") and not block.get("fields"):
                    errors.append(f"{at} has neither text nor fields")
                _text(errors, at, (block.get("text") or {}).get("text"), 3000)
                if len(block.get("fields") or []) > 10:
                    errors.append(f"{at}: more than 10 fields")
                for field in block.get("fields") or []:
                    _text(errors, at, field.get("text"), 2000, True)
            elif kind == "context" and len(block.get("elements") or []) > 10:
                errors.append(f"{at}: more than 10 elements")
            elif kind == "actions" and len(block.get("elements") or []) > 25:
                errors.append(f"{at}: more than 25 elements")
            elif kind is None:
                errors.append(f"{at} has no type")


# ------------------------------------------------------------------------------------------------------- PagerDuty

class PagerDuty(Server):
    """Events API v2.  `incidents` follows what PagerDuty would show: dedup_key -> open or resolved."""

    name = "pagerduty"
    body_bytes_max = 512 * 1024

    def __init__(self):
        super().__init__()
        self.incidents = {}
        self.stray_resolves = []

    @property
    def api_url(self):
        return self.url + "/v2/enqueue"

    def answer(self, received):
        errors = self._errors(received)
        if errors:
            self._violate("; ".join(errors))
            return Reply(400, json.dumps({"status": "invalid event", "message": "Event object is invalid",
                                          "errors": errors}), Content_Type="application/json")
        body = received.json
        key = body.get("dedup_key") or hashlib.md5(received.body).hexdigest()
        if body["event_action"] == "trigger":
            self.incidents[key] = "open"
        elif body["event_action"] == "resolve":
            if self.incidents.get(key) != "open":
                self.stray_resolves.append(key)
            self.incidents[key] = "resolved"
        return Reply(202, json.dumps({"status": "success", "message": "Event processed", "dedup_key": key}),
                     Content_Type="application/json")

    def _errors(self, received):
        if received.path != "/v2/enqueue" or received.method != "POST":
            return [f"{received.method} {received.path}"]
        if len(received.body) > self.body_bytes_max:
            return [f"the body has {len(received.body)} bytes"]
        if "application/json" not in received.headers.get("Content-Type", ""):
            return [f"content type {received.headers.get('Content-Type')!r}"]
        try:
            body = received.json
        except ValueError as err:
            return [f"not JSON: {err}"]
        if not isinstance(body, dict):
            return ["the event is not an object"]
        errors = []
        key = body.get("routing_key")
        if not isinstance(key, str) or len(key) != 32:
            errors.append("'routing_key' is missing or not 32 characters long")
        action = body.get("event_action")
        if action not in ("trigger", "acknowledge", "resolve"):
            errors.append("'event_action' must be one of trigger, acknowledge, resolve")
        _text(errors, "'dedup_key'", body.get("dedup_key"), 255, action in ("acknowledge", "resolve"))
        if action == "trigger" and not isinstance(body.get("payload"), dict):
            errors.append("'payload' is required")
        elif isinstance(body.get("payload"), dict):
            self._check_payload(errors, body["payload"], action == "trigger")
        for i, link in enumerate(body.get("links") or []):
            if not isinstance(link, dict) or not self._is_url(link.get("href")) or set(link) - {"href", "text"}:
                errors.append(f"'links[{i}]' must be an object of href (a URL) and text")
        for i, image in enumerate(body.get("images") or []):
            if not isinstance(image, dict) or not str(image.get("src", "")).startswith("https://"):
                errors.append(f"'images[{i}].src' must be an https URL")
        for key in ("client", "client_url"):
            _text(errors, f"'{key}'", body.get(key), 4096)
        unknown = set(body) - {"routing_key", "event_action", "dedup_key", "payload", "links", "images", "client",
                               "client_url"}
        if unknown:
            errors.append(f"unknown keys {sorted(unknown)}")
        return errors

    @staticmethod
    def _is_url(value):
        return isinstance(value, str) and urllib.parse.urlparse(value).scheme in ("http", "https")

    @staticmethod
    def _check_payload(errors, payload, required):
        _text(errors, "'payload.summary'", payload.get("summary"), 1024, required)
        _text(errors, "'payload.source'", payload.get("source"), 4096, required)
        if (required or "severity" in payload) and payload.get("severity") not in ("critical", "error", "warning",
                                                                                   "info"):
            errors.append("'payload.severity' must be one of critical, error, warning, info")
        for key in ("component", "group", "class"):
            _text(errors, f"'payload.{key}'", payload.get(key), 4096)
        if payload.get("timestamp"):
            try:
                parse_time(payload["timestamp"])
            except (TypeError, ValueError):
                errors.append("'payload.timestamp' is not ISO 8601")
        if not isinstance(payload.get("custom_details", {}), (dict, str)):
            errors.append("'payload.custom_details' must be an object")

    def events(self, action=None):
        return [r.json for r in self.taken() if action in (None, r.json["event_action"])]


# --------------------------------------------------------------------------------------------------------- backend

class Backend(Server):
    """A stub of Prometheus' query API: `answers[expression]` is a list of (labels, value)."""

    name = "backend"

    def __init__(self):
        super().__init__()
        self._answers = {}
        self._bad = {}

    def set(self, expression, *series):
        """series: (labels, value) pairs; none = an empty vector."""
        with self._changed:
            self._answers[expression] = list(series)
            self._bad.pop(expression, None)

    def trouble(self, expression, behaviour):
        """This expression alone meets trouble; set() ends it."""
        with self._changed:
            self._bad[expression] = behaviour

    def asked(self, expression):
        with self._changed:
            return [r for r in self.requests if self._expression(r) == expression]

    @staticmethod
    def _expression(received):
        query = urllib.parse.urlparse(received.path).query
        if received.method == "POST" and not query:
            query = received.body.decode()
        return urllib.parse.parse_qs(query).get("query", [""])[0]

    def _behaviour(self, received):
        return self._bad.get(self._expression(received)) or super()._behaviour(received)

    def answer(self, received):
        with self._changed:
            series = self._answers.get(self._expression(received), [])
            result = [{"metric": {k: str(v) for k, v in labels.items()}, "value": [round(time.time(), 3), str(value)]}
                      for labels, value in series]
        return Reply(200, json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}),
                     Content_Type="application/json")

