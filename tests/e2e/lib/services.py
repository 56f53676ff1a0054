# SPDX-License-Identifier: Apache-2.0
"""
Doubles of the smaller services.  Each knows one path and one credential, answers as the service does, and refuses what
is beyond the documented limits; a refusal fails the test at its end.
"""

import datetime
import hashlib
import hmac
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


class OldTeams(Service):
    """An incoming webhook of a channel: one message card."""

    name = "old teams"
    path = "/webhookb2/otm-token"
    success = Reply(200, "1")

    def errors(self, received, body):
        errors = []
        if len(received.body) > 28 * 1024:
            errors.append(f"{len(received.body)} bytes")
        if body.get("@type") != "MessageCard" or body.get("@context") != "http://schema.org/extensions":
            errors.append("not a message card")
        if not body.get("summary") and not body.get("text"):
            errors.append("Summary or Text is required.")
        if not re.fullmatch("[0-9A-Fa-f]{6}", body.get("themeColor", "")):
            errors.append(f"themeColor {body.get('themeColor')!r}")
        if len(body.get("potentialAction", [])) > 4:
            errors.append("more than 4 actions")
        return errors


class Mattermost(Service):
    """An incoming webhook: text, or attachments in Slack's form."""

    name = "mattermost"
    path = "/hooks/mm-token"
    success = Reply(200, "ok")

    def errors(self, received, body):
        errors = []
        _text(errors, "text", body.get("text"), 16383)
        if not body.get("text") and not body.get("attachments"):
            errors.append("No text specified")
        for attachment in body.get("attachments", []):
            for field in attachment.get("fields", []):
                if not isinstance(field.get("short"), bool):
                    errors.append(f"short of {field} is no boolean")
            if "@all" in attachment.get("text", "") or "@channel" in attachment.get("text", ""):
                errors.append("everybody is called")
        return errors


class RocketChat(Service):
    name = "rocket.chat"
    path = "/api/v1/chat.postMessage"
    success = Reply(200, json.dumps({"success": True, "message": {"_id": "x"}}), **JSON)

    def errors(self, received, body):
        errors = []
        if (received.headers.get("X-Auth-Token"), received.headers.get("X-User-Id")) != ("rc-token", "rc-user"):
            errors.append("You must be logged in to do this.")
        if body.get("channel") != "#ops":
            errors.append("[invalid-channel]")
        unknown = set(body) - {"channel", "roomId", "text", "alias", "emoji", "avatar", "attachments", "parseUrls"}
        if unknown:
            errors.append(f"must NOT have additional properties: {sorted(unknown)}")
        for attachment in body.get("attachments", []):
            _text(errors, "attachment.text", attachment.get("text"), 5000)
        return errors


class IncidentIo(Service):
    name = "incident.io"
    path = "/v2/alert_events/alertmanager/1"
    success = Reply(202, json.dumps({"status": "success", "deduplication_key": "x"}), **JSON)

    def errors(self, received, body):
        errors = []
        if received.headers.get("Authorization") != "Bearer ii-token":
            errors.append("not authorized")
        if len(received.body) > 512 * 1024:
            errors.append(f"{len(received.body)} bytes")
        if body.get("version") != "1" or not body.get("groupKey") or not body.get("alerts"):
            errors.append("not Alertmanager's message")
        return errors


class Sns(Service):
    """Amazon SNS' query API: Publish, signed with version 4, the signature computed here once more."""

    name = "sns"
    content_type = "application/x-www-form-urlencoded"
    secret = "sns-secret"
    success = Reply(200, "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>",
                    Content_Type="text/xml")

    def read(self, received):
        return dict(urllib.parse.parse_qsl(received.body.decode(), strict_parsing=True))

    def _signature(self, received, scope, signed):
        lines = ["POST", received.path, ""]
        lines += [f"{name}:{received.headers[name.title()]}" for name in signed.split(";")]
        lines += ["", signed, hashlib.sha256(received.body).hexdigest()]
        text = "\n".join(["AWS4-HMAC-SHA256", received.headers["X-Amz-Date"], scope,
                          hashlib.sha256("\n".join(lines).encode()).hexdigest()])
        key = ("AWS4" + self.secret).encode()
        for part in (*scope.split("/"), text):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key.hex()

    def errors(self, received, body):
        errors = []
        match = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=AKID/(\d{8}/eu-west-1/sns/aws4_request), "
                             r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})",
                             received.headers.get("Authorization", ""))
        if not match or match[3] != self._signature(received, match[1], match[2]):
            errors.append("SignatureDoesNotMatch")
        date = datetime.datetime.strptime(received.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
        if abs(date.replace(tzinfo=datetime.timezone.utc).timestamp() - received.wall) > 300:
            errors.append("RequestExpired")
        if (body.get("Action"), body.get("Version"), body.get("TopicArn")) != \
                ("Publish", "2010-03-31", "arn:aws:sns:eu-west-1:1:ops"):
            errors.append("InvalidParameter")
        if not body.get("Message") or len(body["Message"].encode()) > 262144:
            errors.append("Message")
        subject = body.get("Subject", "")
        if not 0 < len(subject) < 100 or any(ord(c) < 32 for c in subject):
            errors.append(f"Subject {subject!r}")
        return errors


class WeCom(Service):
    """gettoken, then message/send.  `expire()` makes the token given last too old."""

    name = "wecom"
    methods = ("GET", "POST")

    def __init__(self):
        super().__init__()
        self.given, self.sent = 0, []

    def expire(self):
        self.given += 1

    def answer(self, received):
        address = urllib.parse.urlsplit(received.path)
        query = dict(urllib.parse.parse_qsl(address.query))
        if (received.method, address.path) == ("GET", "/cgi-bin/gettoken"):
            if query != {"corpid": "corp", "corpsecret": "wc-secret"}:
                self._violate(f"gettoken {query}")
                return self._say(40001, "invalid credential")
            self.given += 1
            return self._say(0, "ok", access_token=f"token-{self.given}", expires_in=7200)
        if (received.method, address.path) != ("POST", "/cgi-bin/message/send"):
            self._violate(f"{received.method} {received.path}")
            return Reply(404)
        if query.get("access_token") != f"token-{self.given}":
            return self._say(42001, "access_token expired")
        return self._take(received.json)

    def _take(self, body):
        errors = []
        kind = body.get("msgtype")
        content = body.get(kind, {}).get("content", "")
        if not content or len(content.encode()) > {"text": 2048, "markdown": 4096}.get(kind, 0):
            errors.append(f"{len(content.encode())} bytes of {kind}")
        if not (body.get("touser") or body.get("toparty") or body.get("totag")) or not body.get("agentid"):
            errors.append("nobody is to get it, or nobody sends it")
        if errors:
            self._violate("; ".join(errors))
            return self._say(40008, "; ".join(errors))
        self.sent.append(body)
        return self._say(0, "ok", msgid="1")

    @staticmethod
    def _say(code, text, **more):
        return Reply(200, json.dumps({"errcode": code, "errmsg": text, **more}), **JSON)


class Jira(Service):
    """Search by label, create, edit and transitions of a server with one workflow: To Do -> Done -> To Do."""

    name = "jira"
    base = "/rest/api/2/"
    moves = {"21": ("Resolve", "done"), "31": ("Reopen", "new")}

    def __init__(self):
        super().__init__()
        self.issues = {}

    def answer(self, received):
        if received.headers.get("Authorization") != "Bearer ji-token":
            self._violate("not authorized")
            return Reply(401)
        path = received.path.removeprefix(self.base)
        if (received.method, path) == ("POST", "search"):
            return self._search(received.json)
        match = re.fullmatch(r"issue(?:/(OPS-\d+)(/transitions)?)?", path)
        if not match or (match[1] and match[1] not in self.issues):
            self._violate(f"{received.method} {received.path}")
            return Reply(404, json.dumps({"errorMessages": ["Issue does not exist"]}), **JSON)
        if match[2]:
            return self._move(received, self.issues[match[1]])
        if received.method != ("PUT" if match[1] else "POST"):
            self._violate(f"{received.method} {received.path}")
            return Reply(405)
        return self._write(received.json["fields"], match[1])

    def _search(self, body):
        match = re.search(r'statusCategory != Done and project="OPS" and labels="(ALERT\{[0-9a-f]{64}\})"', body["jql"])
        if not match:
            self._violate(f"jql {body['jql']}")
            return Reply(400)
        found = [{"key": key, "fields": {"status": {"statusCategory": {"key": issue["category"]}}}}
                 for key, issue in self.issues.items()
                 if match[1] in issue["fields"]["labels"] and issue["category"] != "done"]
        return Reply(200, json.dumps({"issues": found[:body["maxResults"]]}), **JSON)

    def _write(self, fields, key):
        errors = []
        _text(errors, "summary", fields.get("summary"), 255, required=True)
        if "\n" in fields.get("summary", ""):
            errors.append("The summary is invalid because it contains newline characters.")
        _text(errors, "description", fields.get("description"), 32767)
        if any(re.search(r"\s", label) or len(label) > 255 for label in fields.get("labels", [])):
            errors.append(f"labels {fields['labels']}")
        if fields.get("project") != {"key": "OPS"} or fields.get("issuetype") != {"name": "Bug"}:
            errors.append("valid project is required")
        if errors:
            self._violate("; ".join(errors))
            return Reply(400, json.dumps({"errorMessages": errors}), **JSON)
        if key:
            self.issues[key]["fields"].update(fields)
            return Reply(204)
        key = f"OPS-{len(self.issues) + 1}"
        self.issues[key] = {"fields": fields, "category": "new"}
        return Reply(201, json.dumps({"id": "1", "key": key}), **JSON)

    def _move(self, received, issue):
        if received.method == "GET":
            return Reply(200, json.dumps({"transitions": [{"id": key, "name": name}
                                                          for key, (name, _) in self.moves.items()]}), **JSON)
        issue["category"] = self.moves[received.json["transition"]["id"]][1]
        return Reply(204)


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
  msteams_configs: [{{webhook_url: '{made[OldTeams].url}{OldTeams.path}'}}]
  mattermost_configs: [{{webhook_url: '{made[Mattermost].url}{Mattermost.path}'}}]
  rocketchat_configs: [{{api_url: '{made[RocketChat].url}', token: rc-token, token_id: rc-user, channel: '#ops',
    send_resolved: true}}]
  sns_configs: [{{api_url: '{made[Sns].url}', topic_arn: 'arn:aws:sns:eu-west-1:1:ops',
    sigv4: {{access_key: AKID, secret_key: {Sns.secret}}}}}]
  incidentio_configs: [{{url: '{made[IncidentIo].url}{IncidentIo.path}', alert_source_token: ii-token}}]
"""


def wecom(double):
    return f"""
  wechat_configs: [{{api_url: '{double.url}/cgi-bin/', corp_id: corp, api_secret: wc-secret, agent_id: '7',
    to_user: '@all', send_resolved: true}}]
"""


def jira(double):
    return f"""
  jira_configs: [{{api_url: '{double.url}{Jira.base}', project: OPS, issue_type: Bug, resolve_transition: Resolve,
    labels: ['on call'], http_config: {{authorization: {{credentials: ji-token}}}}}}]
"""


ALL = (Opsgenie, VictorOps, Pushover, Telegram, Discord, Teams, Webex, OldTeams, Mattermost, RocketChat, IncidentIo, Sns)
