# SPDX-License-Identifier: Apache-2.0
"""
Doubles of the smaller services.  Each knows one path and one credential, answers as the service does, and refuses what
is beyond the documented limits; a refusal fails the test at its end.
"""

import html.parser
import json
import re
import urllib.parse

from .doubles import Reply, Server, _text

JSON = {"Content_Type": "application/json"}


class Service(Server):
    """The common part: the address, the form of the body, then what the service itself looks at."""

    path = "/"
    methods = ("POST",)
    content_type = "application/json"
    success = Reply(200, "{}", **JSON)

    def address_is_good(self, received):
        return received.path == self.path

    def read(self, received):
        body = received.json
        if not isinstance(body, dict):
            raise ValueError("not an object")
        return body

    def errors(self, received, body):
        raise NotImplementedError

    def answer(self, received):
        if received.method not in self.methods or not self.address_is_good(received):
            self._violate(f"{received.method} {received.path}")
            return Reply(404, json.dumps({"message": "Not Found"}), **JSON)
        if self.content_type not in received.headers.get("Content-Type", ""):
            problems = [f"content type {received.headers.get('Content-Type')!r}"]
        else:
            try:
                problems = self.errors(received, self.read(received))
            except ValueError as err:
                problems = [str(err)]
        if problems:
            self._violate("; ".join(problems))
            return Reply(400, json.dumps({"message": "; ".join(problems)}), **JSON)
        return self.success


class Opsgenie(Service):
    """The Alert API: create (an open alias is counted up, its words stay), close, and changes of message and description."""

    name = "opsgenie"
    key = "genie-key"
    methods = ("POST", "PUT")
    success = Reply(202, json.dumps({"result": "Request will be processed", "took": 0.1, "requestId": "1-2-3"}), **JSON)

    def __init__(self):
        super().__init__()
        self.alerts = {}

    def address_is_good(self, received):
        return re.fullmatch(r"/v2/alerts(/[0-9a-f]{64}/(close|message|description)\?identifierType=alias)?",
                            received.path) is not None

    def errors(self, received, body):
        errors = []
        if received.headers.get("Authorization") != f"GenieKey {self.key}":
            errors.append("the key is missing")
        parts = received.path.split("?")[0].split("/")
        if (received.method == "PUT") != (parts[-1] in ("message", "description")):
            errors.append(f"{received.method} {received.path}")
        if len(parts) == 5:
            known = self.alerts.get(parts[3])
            if parts[4] == "close":
                _text(errors, "source", body.get("source"), 100)
                if known:
                    known["open"] = False
            else:
                limit = {"message": 130, "description": 15000}[parts[4]]
                _text(errors, parts[4], body.get(parts[4]), limit, required=True)
                if known and known["open"]:
                    known[parts[4]] = body.get(parts[4])
            return errors
        for key, limit in (("message", 130), ("alias", 512), ("description", 15000), ("source", 100), ("entity", 512),
                           ("note", 25000), ("user", 100)):
            _text(errors, key, body.get(key), limit, required=key == "message")
        if body.get("priority", "P3") not in ("P1", "P2", "P3", "P4", "P5"):
            errors.append(f"priority {body['priority']!r}")
        details = body.get("details", {})
        if not all(isinstance(v, str) for v in details.values()) or sum(map(len, [*details, *details.values()])) > 8000:
            errors.append("details are more than 8000 characters, or not texts")
        for key, number, length in (("tags", 20, 50), ("actions", 10, 50)):
            listed = body.get(key, [])
            if len(listed) > number or any(len(text) > length for text in listed):
                errors.append(f"{key}: more than {number} or longer than {length}")
        if not errors and not self.alerts.get(body["alias"], {}).get("open"):
            self.alerts[body["alias"]] = {"open": True, "message": body["message"],
                                          "description": body.get("description", "")}
        return errors


class VictorOps(Service):
    name = "victorops"
    path = "/alert/vo-key/team"
    success = Reply(200, json.dumps({"result": "success", "entity_id": "x"}), **JSON)

    def errors(self, received, body):
        errors = []
        if body.get("message_type") not in ("INFO", "WARNING", "CRITICAL", "RECOVERY", "ACKNOWLEDGEMENT"):
            errors.append(f"message_type {body.get('message_type')!r}")
        for key in ("entity_id", "entity_display_name", "state_message", "monitoring_tool"):
            _text(errors, key, body.get(key), 20480, required=key == "entity_id")
        return errors


class Pushover(Service):
    name = "pushover"
    path = "/1/messages.json"
    content_type = "application/x-www-form-urlencoded"
    success = Reply(200, json.dumps({"status": 1, "request": "r"}), **JSON)

    def address_is_good(self, received):
        return received.path.split("?")[0] == self.path

    def read(self, received):
        text = received.body.decode() or urllib.parse.urlparse(received.path).query
        return dict(urllib.parse.parse_qsl(text, keep_blank_values=True, strict_parsing=True))

    def errors(self, received, body):
        errors = []
        for key, limit in (("message", 1024), ("title", 250), ("url", 512), ("url_title", 100)):
            _text(errors, key, body.get(key), limit, required=key == "message")
        if (body.get("token"), body.get("user")) != ("po-token", "po-user"):
            errors.append("application token or user is invalid")
        if body.get("priority") == "2" and not (30 <= int(body.get("retry", 0)) and 0 < int(body.get("expire", 0)) <= 10800):
            errors.append("priority 2 needs retry (30 and more) and expire (10800 at most)")
        return errors


class _Tags(html.parser.HTMLParser):
    """The little HTML that Telegram takes, properly nested."""

    allowed = {"b", "strong", "i", "em", "u", "s", "a", "code", "pre", "span", "blockquote"}

    def __init__(self):
        super().__init__()
        self.open, self.errors = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in self.allowed:
            self.errors.append(f"can't parse entities: unsupported start tag \"{tag}\"")
        self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.errors.append(f"can't parse entities: unexpected end tag \"{tag}\"")


class Telegram(Service):
    name = "telegram"
    path = "/bot123:tg-token/sendMessage"
    success = Reply(200, json.dumps({"ok": True, "result": {"message_id": 1}}), **JSON)

    def errors(self, received, body):
        errors, tags = [], _Tags()
        if str(body.get("chat_id")) != "-100123":
            errors.append("chat not found")
        text = body.get("text") or ""
        if body.get("parse_mode") == "HTML":
            tags.feed(text)
            tags.close()
            errors += tags.errors + [f"can't find end tag of {tag}" for tag in tags.open]
            text = re.sub(r"<[^>]*>", "", text)
        _text(errors, "text", text, 4096, required=True)
        return errors


class Discord(Service):
    name = "discord"
    path = "/api/webhooks/1/dc-token"
    success = Reply(204)

    def errors(self, received, body):
        errors, total = [], 0
        _text(errors, "content", body.get("content"), 2000)
        _text(errors, "username", body.get("username"), 80)
        if not body.get("content") and not body.get("embeds"):
            errors.append("cannot send an empty message")
        if len(body.get("embeds", [])) > 10:
            errors.append("more than 10 embeds")
        for embed in body.get("embeds", []):
            _text(errors, "embed.title", embed.get("title"), 256)
            _text(errors, "embed.description", embed.get("description"), 4096)
            total += len(embed.get("title", "")) + len(embed.get("description", ""))
            if len(embed.get("fields", [])) > 25:
                errors.append("more than 25 fields")
            for field in embed.get("fields", []):
                _text(errors, "field.name", field.get("name"), 256, required=True)
                _text(errors, "field.value", field.get("value"), 1024, required=True)
                total += len(field["name"]) + len(field["value"])
            if not 0 <= embed.get("color", 0) <= 0xFFFFFF:
                errors.append(f"color {embed['color']}")
        if total > 6000:
            errors.append(f"{total} characters in all embeds")
        return errors


class Teams(Service):
    """The webhook of a workflow: one adaptive card."""

    name = "teams"
    path = "/workflows/tm-token"
    success = Reply(202)

    def errors(self, received, body):
        errors = []
        if len(received.body) > 28 * 1024:
            errors.append(f"{len(received.body)} bytes")
        attachments = body.get("attachments")
        if body.get("type") != "message" or not isinstance(attachments, list) or len(attachments) != 1:
            return errors + ["not a message with one attachment"]
        card = attachments[0].get("content", {})
        if attachments[0].get("contentType") != "application/vnd.microsoft.card.adaptive" or \
                card.get("type") != "AdaptiveCard" or not card.get("version"):
            errors.append("not an adaptive card")
        for block in card.get("body", []):
            if block.get("type") not in ("TextBlock", "FactSet", "Container", "ColumnSet"):
                errors.append(f"element {block.get('type')!r}")
        for action in card.get("actions", []):
            if action.get("type") == "Action.OpenUrl" and not re.match(r"https?://", action.get("url", "")):
                errors.append("an action without a URL")
        return errors


class Webex(Service):
    name = "webex"
    path = "/v1/messages"

    def errors(self, received, body):
        errors = []
        if received.headers.get("Authorization") != "Bearer wx-token":
            errors.append("not authorized")
        if body.get("roomId") != "room":
            errors.append("no room")
        if not body.get("markdown") and not body.get("text"):
            errors.append("no message")
        if len((body.get("markdown") or "").encode()) > 7439:
            errors.append("the message is more than 7439 bytes")
        return errors


def receivers(made):
    """A receiver's YAML lines that use every double in `made`, {class: double}."""
    return f"""
  opsgenie_configs: [{{api_url: '{made[Opsgenie].url}/', api_key: {Opsgenie.key}}}]
  victorops_configs: [{{api_url: '{made[VictorOps].url}/alert/', api_key: vo-key, routing_key: team}}]
  pushover_configs: [{{api_url: '{made[Pushover].url}{Pushover.path}', token: po-token, user_key: po-user}}]
  telegram_configs: [{{api_url: '{made[Telegram].url}', bot_token: '123:tg-token', chat_id: -100123}}]
  discord_configs: [{{webhook_url: '{made[Discord].url}{Discord.path}'}}]
  msteamsv2_configs: [{{webhook_url: '{made[Teams].url}{Teams.path}'}}]
  webex_configs: [{{api_url: '{made[Webex].url}{Webex.path}', room_id: room,
    http_config: {{authorization: {{credentials: wx-token}}}}}}]
"""


ALL = (Opsgenie, VictorOps, Pushover, Telegram, Discord, Teams, Webex)
