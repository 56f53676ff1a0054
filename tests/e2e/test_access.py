# SPDX-License-Identifier: Apache-2.0
"""
Who may do what: every endpoint of the OpenAPI document in every role; failed logins; what the audit log keeps.

A refusal by role is a 401 with WWW-Authenticate or a 403 that names roles; what an endpoint says about a request that
got as far as it (400, 404, 415, 422, 503, ...) is not one.
"""

import base64
import hashlib
import hmac
import http.client
import json
import re
import select
import time
import uuid

from lib import api, wait
from lib.configs import one_webhook
from lib.differential import alert
from lib.doubles import Reply
from lib.process import free_port
from lib.tocsin import Tocsin, command

# bcrypt of "secret"
HASH = "$2b$04$fbuGpDTUSW/l1Sqm8DzItOha6T4xpevUwzyuF6o6O8newT19nHFhK"
ROLES = ["viewer", "responder", "editor", "admin"]


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def token_of(role):
    return f"token-of-{role}-{'x' * 20}"


def web_config(more=""):
    users = "".join(f"  {role}: {HASH}\n" for role in ROLES)
    roles = "".join(f"  {role}: {role}\n" for role in ROLES)
    tokens = "".join(f"- {{name: {role}, role: {role}, sha256: {sha256(token_of(role))}}}\n" for role in [*ROLES, "sender"])
    return (f"basic_auth_users:\n{users}roles:\n{roles}tokens:\n{tokens}"
            f"- {{name: old, role: admin, sha256: {sha256('an old token')}, expires: '2020-01-01T00:00:00Z'}}\n{more}")


def basic(user, password="secret"):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def bearer(token):
    return f"Bearer {token}"


class Guarded(Tocsin):
    """Tocsin with users and tokens; asked with any credentials, from any address of 127/8."""

    def __init__(self, directory, config, web, name="guarded", arguments=()):
        super().__init__(directory, config, {"web.yml": web}, arguments, name)
        self.process.argv.append(f"--web.config.file={self.directory}/web.yml")

    def ask(self, method, path, credentials=None, body=None, source="127.0.0.1", headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120, source_address=(source, 0))
        headers = {**({"Content-Type": "application/json"} if body is not None else {}), **(headers or {})}
        if credentials:
            headers["Authorization"] = credentials
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def audit(self, credentials=None, **query):
        path = "/api/tocsin/v1/audit" + ("?" + "&".join(f"{k}={v}" for k, v in query.items()) if query else "")
        status, _, body = self.ask("GET", path, credentials or bearer(token_of("admin")))
        assert status == 200, (status, body)
        return json.loads(body)["entries"]


def guarded(t, more="", config=None):
    return t._keep(Guarded(t.dir, config or one_webhook(t.webhook().url), web_config(more))).start()


def document():
    printed = command("schema", "openapi")
    assert printed.returncode == 0, printed
    return json.loads(printed.stdout)


def operations(doc):
    """(method, path with its parameters filled in, role, operation)"""
    for path, methods in doc["paths"].items():
        for method, operation in methods.items():
            filled = path
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path":
                    value = str(uuid.uuid4()) if parameter["schema"].get("format") == "uuid" else "1"
                    filled = filled.replace("{" + parameter["name"] + "}", value)
            assert "{" not in filled, filled
            yield method.upper(), filled, operation["x-tocsin-role"], operation


def may(role, needed):
    if needed == "none":
        return True
    if needed == "sender":
        return role == "sender" or role in ROLES[1:]
    return role in ROLES and ROLES.index(role) >= ROLES.index(needed)


def refusal(answer):
    status, headers, body = answer
    if status == 401 and "WWW-Authenticate" in headers:
        return 401
    if status == 403 and b"has the role" in body:
        return 403
    assert status != 429, "throttled"
    return 0


def test_every_endpoint_in_every_role(t):
    """Each endpoint refuses who may not, and nobody else."""
    tocsin = guarded(t)
    tried = 0
    for method, path, needed, _ in operations(document()):
        strangers = [None, basic("viewer", "wrong"), basic("nobody"), bearer("x" * 40), bearer("an old token"),
                     "Digest x", "Basic !"]
        for credentials in strangers:
            tried += 1
            source = f"127.1.{tried // 250}.{tried % 250 + 1}"  # so that failures are nobody's habit
            answer = tocsin.ask(method, path, credentials, source=source)
            want = 0 if needed == "none" else 401
            assert refusal(answer) == want, (method, path, credentials, answer[0], answer[2])
        for role in [*ROLES, "sender"]:
            for credentials in [bearer(token_of(role)), *([basic(role)] if role != "sender" else [])]:
                answer = tocsin.ask(method, path, credentials)
                want = 0 if may(role, needed) else 403
                assert refusal(answer) == want, (method, path, role, answer[0], answer[2])
    assert tried > 100, tried
    # What is not there is not there only for those who may look.
    assert tocsin.ask("GET", "/nothing", source="127.2.0.1")[0] == 401
    assert tocsin.ask("GET", "/nothing", bearer(token_of("sender")))[0] == 403
    assert tocsin.ask("GET", "/nothing", bearer(token_of("viewer")))[0] == 404


def test_without_credentials(t):
    """`anonymous: viewer` lets everybody read; wrong credentials are refused all the same."""
    tocsin = guarded(t, "anonymous: viewer\n")
    for method, path, needed, _ in operations(document()):
        want = 0 if may("viewer", needed) else 401
        answer = tocsin.ask(method, path)
        assert refusal(answer) == want, (method, path, answer)
    assert tocsin.ask("GET", "/api/v2/alerts", bearer("y" * 40))[0] == 401


def test_a_reload_changes_who_may(t):
    """Roles and tokens change with the reload, also for passwords that were right a moment ago."""
    tocsin = guarded(t)
    assert tocsin.ask("POST", "/-/reload", basic("editor"))[0] == 200
    tocsin.write("web.yml", web_config().replace("  editor: editor\n", "  editor: viewer\n"))
    assert tocsin.ask("POST", "/-/reload", basic("editor"))[0] == 200
    assert tocsin.ask("POST", "/-/reload", basic("editor"))[0] == 403
    assert tocsin.ask("GET", "/api/v2/alerts", basic("editor"))[0] == 200
    tocsin.write("web.yml", web_config().replace(sha256(token_of("editor")), sha256("another")))
    assert tocsin.ask("POST", "/-/reload", bearer(token_of("editor")))[0] == 200
    assert tocsin.ask("GET", "/api/v2/alerts", bearer(token_of("editor")))[0] == 401
    tocsin.write("web.yml", web_config() + "roles: {}\n")
    assert tocsin.ask("POST", "/-/reload", basic("admin"))[0] == 500
    assert tocsin.ask("GET", "/api/v2/alerts", basic("viewer"))[0] == 200


def test_failed_logins(t):
    """The tenth failure of an address closes it to guesses, not to who is known; the log says so, the secrets nowhere."""
    tocsin = guarded(t)
    guesser = "127.3.0.1"
    assert tocsin.ask("GET", "/api/v2/alerts", basic("viewer"), source=guesser)[0] == 200
    for i in range(10):
        guess = basic("admin", f"guess-{i}") if i % 2 else bearer(f"guess-{i}")
        assert tocsin.ask("GET", "/api/v2/alerts", guess, source=guesser)[0] == 401
    for guess in [basic("admin", "guess-10"), basic("admin"), bearer("guess-11")]:
        status, headers, _ = tocsin.ask("GET", "/api/v2/alerts", guess, source=guesser)
        assert status == 429 and 1 <= int(headers["Retry-After"]) <= 60, (status, headers)
    assert tocsin.ask("GET", "/api/v2/alerts", basic("viewer"), source=guesser)[0] == 200
    assert tocsin.ask("GET", "/api/v2/alerts", bearer(token_of("viewer")), source=guesser)[0] == 200
    assert tocsin.ask("GET", "/api/v2/alerts", basic("admin"), source="127.3.0.2")[0] == 200
    # A refusal does not wait for the disk as a change does.
    entries = wait.until("both rows", lambda: (lambda e: e if len(e) >= 2 else None)(tocsin.audit(action="login")))
    assert [(e["action"], e["source"], e["object"]) for e in entries] == [
        ("login.throttled", guesser, "admin"), ("login.failed", guesser, "")], entries
    assert "guess-" not in tocsin.process.log() and "guess-" not in json.dumps(entries)


def test_behind_a_proxy(t):
    """Failures count for whom the proxy forwards, and the log names him; a header from elsewhere is not believed."""
    tocsin = guarded(t, "trusted_proxies: [127.6.0.1]\n")

    def ask(password, client, proxy="127.6.0.1"):
        return tocsin.ask("GET", "/api/v2/alerts", basic("admin", password), source=proxy,
                          headers={"X-Forwarded-For": f"203.0.113.9, {client}"})[0]

    assert [ask(f"x{i}", "192.0.2.1") for i in range(11)] == [401] * 10 + [429]
    assert ask("secret", "192.0.2.2") == 200, "somebody else behind the same proxy"
    assert tocsin.ask("POST", "/api/v2/silences", basic("admin"), silence_body("x"), source="127.6.0.1",
                      headers={"X-Forwarded-For": "192.0.2.3"})[0] == 200
    assert tocsin.audit(limit=1)[0]["source"] == "192.0.2.3"
    assert [ask(f"y{i}", f"192.0.2.{i + 10}", "127.6.0.2") for i in range(11)] == [401] * 10 + [429]


def test_many_logins_do_not_hold_up_the_server(t):
    """Passwords are compared on threads of their own: who is known is served before they are done."""
    slow = "$2b$12$abcdefghijklmnopqrstuuAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    tocsin = t._keep(Guarded(t.dir, one_webhook(t.webhook().url), web_config().replace(HASH, slow, 1))).start()
    connections = []
    for i in range(8):
        connection = http.client.HTTPConnection("127.0.0.1", tocsin.port, timeout=60, source_address=(f"127.4.0.{i + 1}", 0))
        connection.request("GET", "/api/v2/alerts", headers={"Authorization": basic("viewer", f"x{i}")})
        connections.append(connection)
    assert tocsin.ask("GET", "/api/v2/status", bearer(token_of("viewer")))[0] == 200
    answered, _, _ = select.select([connection.sock for connection in connections], [], [], 0)
    assert len(answered) < len(connections), "it was answered after all of them"
    for connection in connections:
        assert connection.getresponse().status == 401
        connection.close()


def silence_body(name, silence_id=None):
    now = time.time()
    stamp = lambda at: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))  # noqa: E731
    return {"matchers": [{"name": "a", "value": name, "isRegex": False}], "startsAt": stamp(now), "endsAt": stamp(now + 3600),
            "createdBy": "somebody else", "comment": "why", **({"id": silence_id} if silence_id else {})}


def test_audit(t):
    """Each change is in the log with who and from where, also when the server dies right after its answer."""
    tocsin = guarded(t)
    responder, editor = basic("responder"), bearer(token_of("editor"))

    def change(want, *arguments, **more):
        """The change, a kill, a start; then the log's newest entry."""
        status, _, body = tocsin.ask(*arguments, **more)
        tocsin.kill9()
        assert status in (200, 202), (arguments, status, body)
        tocsin.start()
        entry = tocsin.audit(limit=1)[0]
        assert (entry["actor"], entry["source"], entry["action"]) == want, (entry, want)
        return entry, body

    entry, body = change(("responder", "127.5.0.1", "silence.create"), "POST", "/api/v2/silences", responder,
                         silence_body("x"), source="127.5.0.1")
    silence = json.loads(body)["silenceID"]
    assert entry["object"] == silence and '{a="x"}' in entry["detail"] and "somebody else: why" in entry["detail"], entry
    change(("responder", "127.0.0.1", "silence.update"), "POST", "/api/v2/silences", responder, silence_body("x", silence))
    entry, _ = change(("token:editor", "127.0.0.1", "silence.expire"), "DELETE", f"/api/v2/silence/{silence}", editor)
    assert entry["object"] == silence
    entry, _ = change(("token:editor", "127.0.0.1", "config.reload"), "POST", "/-/reload", editor)
    assert re.fullmatch(r"configuration [0-9a-f]{16}", entry["detail"]), entry
    tocsin.reload_by_signal()
    wait.until("the signal's reload in the log", lambda: tocsin.audit(limit=1)[0]["source"] == "signal")
    with open(tocsin.config_path, "a") as file:
        file.write("nonsense: 1\n")
    assert tocsin.ask("POST", "/-/reload", editor)[0] == 500
    entry = tocsin.audit(limit=1)[0]
    assert entry["action"] == "config.reload_failed" and "nonsense" in entry["detail"], entry
    # What was refused changed nothing and is no change.
    before = tocsin.audit(limit=1)[0]["id"]
    assert tocsin.ask("POST", "/api/v2/silences", basic("viewer"), silence_body("y"))[0] == 403
    assert tocsin.audit(limit=1)[0]["id"] == before
    everything = tocsin.audit(limit=1000)
    pages, last = [], None
    while page := tocsin.audit(limit=2, **({"before": last} if last else {})):
        pages += page
        last = page[-1]["id"]
    assert pages == everything and len(everything) >= 6, (len(pages), len(everything))
    config = tocsin.write("http.yml", f"authorization: {{credentials: {token_of('admin')}}}\n")
    shown = tocsin.command("audit", f"--http.config.file={config}", "--action=silence")
    assert shown.returncode == 0 and [line.split()[3] for line in shown.stdout.splitlines()[1:]] == [
        "silence.create", "silence.update", "silence.expire"], shown


# ---- what is answered is what the document says

def fits(doc, schema, value, where):
    """Is the value of this schema? Members that the schema does not name are an error: the document is whole."""
    if "$ref" in schema:
        return fits(doc, doc["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], value, where)
    if value is None and schema.get("nullable"):
        return None
    for part in schema.get("allOf", []):
        fits(doc, part, value, where)
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}
    kind = schema.get("type")
    assert kind is None or (isinstance(value, kinds[kind]) and (kind == "boolean" or not isinstance(value, bool))), \
        f"{where}: {value!r} is no {kind}"
    if "enum" in schema:
        assert value in schema["enum"], f"{where}: {value!r} is none of {schema['enum']}"
    if schema.get("format") == "date-time":
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", value), f"{where}: {value!r} is no time"
    if kind == "array":
        for i, item in enumerate(value):
            fits(doc, schema["items"], item, f"{where}[{i}]")
    if kind == "object" and "properties" in schema:
        for name in schema.get("required", []):
            assert name in value, f"{where}: no '{name}'"
        for name, item in value.items():
            assert name in schema["properties"], f"{where}: the document does not know '{name}'"
            fits(doc, schema["properties"][name], item, f"{where}.{name}")
    elif kind == "object":
        for name, item in value.items():
            fits(doc, schema["additionalProperties"], item, f"{where}.{name}")
    return None


def test_answers_are_as_documented(t):
    """Every GET of the document, on a server where there is something to show."""
    doc = document()
    hook = t.webhook()
    tocsin = guarded(t, config=one_webhook(hook.url))
    admin = bearer(token_of("admin"))
    assert tocsin.ask("POST", "/api/v2/alerts", admin, [alert("A"), alert("B")])[0] == 200
    hook.wait_count(1)
    silence = json.loads(tocsin.ask("POST", "/api/v2/silences", admin, silence_body("x"))[2])["silenceID"]
    checked = 0
    for method, path, _, operation in operations(doc):
        if method != "GET":
            continue
        if "/silence/" in path:
            path = re.sub(r"[0-9a-f-]{36}", silence, path)
        status, headers, body = tocsin.ask(method, path, admin)
        said = operation["responses"].get(str(status))
        assert said is not None, f"{path}: {status} is not documented: {body}"
        for content, described in said.get("content", {}).items():
            assert headers["Content-Type"].startswith(content), (path, headers["Content-Type"])
            if content == "application/json":
                fits(doc, described["schema"], json.loads(body), path)
                checked += 1
    assert checked > 10, checked


# ---- what leaves

def test_a_signed_webhook(t):
    """A receiver that follows the manual finds each message signed, a retried one for its own time."""
    hook = t.webhook()
    secret = "a secret of ours, shared"
    config = one_webhook(hook.url).replace("send_resolved: true", f"send_resolved: true, hmac: {{secret: '{secret}'}}")
    tocsin = t.tocsin(config)
    hook.script(Reply(503))
    tocsin.post_alerts([alert("A")])
    hook.wait_count(2, accepted=False)
    keys = set()
    for received in hook.taken(accepted=False):
        headers = received.headers
        signed = f"{headers['X-Tocsin-Timestamp']}.{headers['Idempotency-Key']}.".encode() + received.body
        want = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        assert headers["X-Tocsin-Signature"] == f"v1={want}", headers
        assert abs(int(headers["X-Tocsin-Timestamp"]) - time.time()) < 60
        keys.add(headers["Idempotency-Key"])
    assert len(keys) == 1, keys
    assert secret not in tocsin.process.log() and secret not in tocsin.get("/api/v2/status").text


def test_messages_are_kept_from_private_addresses(t):
    """A receiver on this machine is not told anything, and the reason can be read; an exception lets it through."""
    hook = t.webhook()
    forbid = "delivery: {forbid_private_addresses: true%s}\n"
    tocsin = t.tocsin(one_webhook(hook.url, extra=forbid % ""))
    tocsin.post_alerts([alert("A")])
    dead = wait.until("a dead letter", lambda: tocsin.deliveries(state="dead"))
    assert "127.0.0.1 is private" in dead[0]["error"], dead
    tested = tocsin.post("/api/tocsin/v1/receivers/hook/test")
    assert "127.0.0.1 is private" in tested.text, tested
    assert not hook.connections
    tocsin.write("tocsin.yml", one_webhook(hook.url, extra=forbid % ", allow_addresses: [127.0.0.0/8]"))
    assert tocsin.post("/-/reload").status == 200
    tocsin.post_alerts([alert("B")])
    hook.wait_count(1)


def test_an_open_door_is_said(t):
    """Who listens beyond this machine without users and tokens is told so."""
    hook = t.webhook()
    words = "whoever reaches this address may change everything"
    port = free_port()
    tocsin = t.tocsin(one_webhook(hook.url), arguments=[f"--web.listen-address=0.0.0.0:{port}"])
    said = [line for line in tocsin.process.log().splitlines() if words in line]
    assert len(said) == 1 and f"0.0.0.0:{port}" in said[0], said
    closed = t._keep(Guarded(t.dir, one_webhook(hook.url), web_config(), "closed",
                             [f"--web.listen-address=0.0.0.0:{free_port()}"])).start()
    assert words not in closed.process.log()


def test_a_page_elsewhere_over_plain_http(t):
    """Without credentials, and without Sec-Fetch-Site: what a browser sends from a page that is not ours."""
    hook = t.webhook()
    tocsin = t.tocsin(one_webhook(hook.url))
    tocsin.post_alerts([alert("A")])
    (number,) = wait.until("an incident", lambda: [i["id"] for i in tocsin.good("/api/tocsin/v1/incidents")["incidents"]])
    writes = [f"/api/tocsin/v1/incidents/{number}/ack", "/-/reload", "/api/tocsin/v1/receivers/hook/test"]
    for path in writes:
        for origin in ("http://evil.example", "null", f"http://127.0.0.1:{tocsin.port + 1}"):
            refused = tocsin.post(path, "", Origin=origin, **{"Content-Type": "text/plain"})
            assert refused.status == 403 and "--web.external-url" in refused.text, (path, origin, refused)
            refused = tocsin.post(path, "", Origin=origin, Authorization="Bearer any")
            assert refused.status == 403, (path, origin, refused)
    look = api.call(tocsin.port, "GET", "/api/tocsin/v1/incidents", None, {"Origin": "http://evil.example"})
    assert look.status == 200 and look.headers["Access-Control-Allow-Origin"] == "*", look
    for path in writes:
        done = tocsin.post(path, "", Origin=f"http://127.0.0.1:{tocsin.port}")
        assert done.status == 200, (path, done)
