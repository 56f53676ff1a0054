# SPDX-License-Identifier: Apache-2.0
"""HTTP as a test wants it: one call, status and body, never an exception for a status."""

import datetime
import http.client
import json
import urllib.parse


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.text[:300]!r}>"


def call(port, method, path, body=None, headers=None, timeout=60.0):
    """body: bytes or str go as they are; anything else goes as JSON."""
    headers = dict(headers or {})
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body)
        headers.setdefault("Content-Type", "application/json")
    if isinstance(body, str):
        body = body.encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    except http.client.HTTPException as err:
        raise ConnectionError(f"{method} {path}: {type(err).__name__} {err}") from err
    finally:
        connection.close()


def rfc3339(wall):
    moment = datetime.datetime.fromtimestamp(wall, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def parse_time(text):
    """RFC 3339 with any number of fraction digits, as seconds since 1970."""
    return datetime.datetime.fromisoformat(text).timestamp()


class Client:
    """The endpoints that Alertmanager and Tocsin share."""

    def __init__(self, port):
        self.port = port

    def get(self, path, **query):
        if query:
            path += "?" + urllib.parse.urlencode(query, doseq=True)
        return call(self.port, "GET", path)

    def post(self, path, body=None, **headers):
        return call(self.port, "POST", path, body, headers)

    def delete(self, path):
        return call(self.port, "DELETE", path)

    def good(self, path, **query):
        answer = self.get(path, **query)
        assert answer.status == 200, f"GET {path}: {answer}"
        return answer.json

    def alerts(self, **query):
        return self.good("/api/v2/alerts", **query)

    def groups(self, **query):
        return self.good("/api/v2/alerts/groups", **query)

    def silences(self, **query):
        return self.good("/api/v2/silences", **query)

    def post_alerts(self, alerts):
        answer = self.post("/api/v2/alerts", alerts)
        assert answer.status == 200, f"POST /api/v2/alerts: {answer}"

    def silence(self, matchers, start, end, comment="test", created_by="e2e", silence_id=None):
        """matchers: {name: value} for equality, or a list of full matcher objects."""
        if isinstance(matchers, dict):
            matchers = [{"name": k, "value": v, "isRegex": False, "isEqual": True} for k, v in matchers.items()]
        body = {"matchers": matchers, "startsAt": rfc3339(start), "endsAt": rfc3339(end), "createdBy": created_by,
                "comment": comment}
        if silence_id:
            body["id"] = silence_id
        answer = self.post("/api/v2/silences", body)
        assert answer.status == 200, f"POST /api/v2/silences: {answer}"
        return answer.json["silenceID"]

    def expire(self, silence_id):
        answer = self.delete(f"/api/v2/silence/{silence_id}")
        assert answer.status == 200, f"DELETE /api/v2/silence/{silence_id}: {answer}"
