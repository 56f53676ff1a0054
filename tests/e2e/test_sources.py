# SPDX-License-Identifier: Apache-2.0
"""
PostgreSQL, InfluxDB and ClickHouse as real servers, and doubles of what has no Debian package: what a query returns,
normalised, and what a source that is slow, dead or half there does to its rules and to the others'.
"""

import calendar
import json
import time

from lib import wait
from lib.configs import one_webhook, rule_file, rule_group
from lib.databases import pretty
from lib.doubles import Hang, Reply, Server
from lib.tocsin import command

TIMEOUT = 90

PG = """
sources:
- name: pg
  type: postgres
  host: 127.0.0.1
  port: '{port}'
  user: tocsin
  dbname: ml
  password_file: secret
  timeout: {timeout}
  time_column: ts
"""


def points(t, config, source, text, *options):
    """`tocsin query` with options: [(labels, value, time of day in Unix seconds, fields)]."""
    path = t.path("query.yml")
    with open(path, "w") as file:
        file.write(config)
    done = command("query", "--config.file", path, "-o", "json", *options, source, text)
    assert done.returncode == 0, f"{text}: {done.stderr}"
    rows = []
    for row in json.loads(done.stdout):
        labels = " ".join(f"{name}={value}" for name, value in sorted(row["labels"].items()))
        at = row.get("time")
        rows.append((labels, row["value"], at and calendar.timegm(time.strptime(at[:19], "%Y-%m-%dT%H:%M:%S")),
                     row.get("fields")))
    return rows


def ask(t, config, source, text, files=None, env=None, options=()):
    """One `tocsin query`: (exit status, {labels: value}, stderr)."""
    path = t.path("query.yml")
    with open(path, "w") as file:
        file.write(config)
    for name, content in (files or {}).items():
        with open(t.path(name), "w") as file:
            file.write(content)
    done = command("query", "--config.file", path, "-o", "json", *options, source, text, env=env)
    return done.returncode, pretty(done.stdout) if done.returncode == 0 else None, done.stderr


def good(t, config, source, text, **more):
    code, rows, stderr = ask(t, config, source, text, **more)
    assert code == 0, f"{text}: {stderr}"
    return rows


def bad(t, config, source, text, **more):
    code, _, stderr = ask(t, config, source, text, **more)
    assert code != 0, f"{text}: no error"
    return stderr


# ---- PostgreSQL


def pg_config(pg, timeout="5s"):
    return PG.format(port=pg.port, timeout=timeout), {"secret": pg.PASSWORD + "\n"}


def test_postgres_values_labels_and_parameters(t):
    pg = t.postgres()
    config, files = pg_config(pg)
    pg.sql("CREATE TABLE scores(feature text, model text, version int, score float8, n numeric, ok boolean, at timestamptz)")
    pg.sql("INSERT INTO scores VALUES ('age', 'm', 1, 0.25, 1.50, true, now()), ('sex', NULL, 2, 'NaN', 'NaN', false, now()),"
           " ('zip', 'm''x', 3, 'Infinity', 2, NULL, now()), ('new', 'm', 4, NULL, NULL, NULL, now()),"
           " ('low', 'm', 5, '-Infinity', 2, NULL, now())")

    def query(text):
        return good(t, config, "pg", text, files=files)

    assert query("SELECT feature, model, version, score AS value FROM scores") == {
        "feature=age model=m version=1": "0.25", "feature=sex version=2": "NaN",
        "feature=zip model=m'x version=3": "+Inf", "feature=new model=m version=4": "missing",
        "feature=low model=m version=5": "-Inf"}
    assert query("SELECT feature, n AS value FROM scores WHERE version <= 2") == {"feature=age": "1.5", "feature=sex": "NaN"}
    assert query("SELECT feature, ok AS value FROM scores WHERE version <= 3") == {
        "feature=age": "1", "feature=sex": "0", "feature=zip": "missing"}
    assert query("SELECT 1 AS value WHERE false") == {}
    assert query("SELECT 'it''s :now' AS l, 2::int AS value -- :then\n") == {"l=it's :now": "2"}
    now = float(query("SELECT :now AS value")[""])
    assert abs(now - time.time()) < 60, now
    # The parameter is a double precision, whatever stands around it; the time column is no label.
    assert query("SELECT count(*) AS value, pg_typeof(:now) AS type FROM scores WHERE at <= to_timestamp(:now)") == {
        "type=double precision": "5"}
    assert query("SELECT at AS ts, score AS value FROM scores WHERE version = 1") == {"": "0.25"}
    assert query("SELECT extract(epoch FROM at) AS ts, score AS value FROM scores WHERE version = 1") == {"": "0.25"}
    # A secret in the environment, as one connection string.
    url = f"postgresql://tocsin@127.0.0.1:{pg.port}/ml?sslmode=prefer"
    one = "sources: [{name: pg, type: postgres, url: '${PG_URL}', password: '${PG_PASSWORD}'}]\n"
    assert good(t, one, "pg", "SELECT 7 AS value", env={"PG_URL": url, "PG_PASSWORD": pg.PASSWORD}) == {"": "7"}


def test_postgres_windows_ranges_and_rows(t):
    pg = t.postgres()
    config, files = pg_config(pg)
    with open(t.path("secret"), "w") as file:
        file.write(files["secret"])
    pg.sql("CREATE TABLE served(ts timestamptz, naive timestamp, day date, epoch float8, feature text, value float8, label text)")

    def query(text, *options):
        """Of rows that are a minute apart, the newest of them new: which are in a window does not depend on how long we take."""
        pg.sql("TRUNCATE served; INSERT INTO served "
               "SELECT now() - i * interval '1 minute', (now() - i * interval '1 minute') AT TIME ZONE 'UTC', "
               "now()::date, extract(epoch FROM now() - i * interval '1 minute'), f, i + 0.125, NULLIF(f, 'b') "
               "FROM generate_series(119, 0, -1) i, (VALUES ('a'), ('b')) AS g(f)")
        return points(t, config, "pg", text, *options)

    # A parameter is what the column beside it is: a timestamp with or without zone, a number of seconds.
    for window in ("ts >= :from AND ts < :to", "naive >= :from AND naive < :to", "epoch >= :from AND epoch < :to",
                   "ts >= :from::timestamptz AND epoch < :to", "extract(epoch FROM ts) >= :from AND ts < to_timestamp(:to)"):
        rows = query(f"SELECT ts, feature, value FROM served WHERE {window}", "--window", "30m")
        assert len(rows) == 60, f"{window}: {len(rows)}"
        assert [row[0] for row in rows] == ["feature=a"] * 30 + ["feature=b"] * 30, window
        times = [row[2] for row in rows[:30]]
        assert times == sorted(times) and 1700 < times[-1] - times[0] < 1800, window
        assert rows[29][1] == "0.125", rows[29]
    assert query("SELECT count(*) AS value, now() AS ts FROM served WHERE day >= :from AND ts > :from", "--window", "30m",
                 "--rows")[0][1] == "60"
    # No denser than the step.
    assert len(query("SELECT ts, feature, value FROM served", "--window", "1h", "--step", "10m")) in (12, 14)
    # Rows stay as they come, with columns handed over.
    rows = query("SELECT feature, label, epoch FROM served WHERE ts >= :from ORDER BY ts, feature", "--window", "2m", "--rows",
                 "--field", "label", "--field", "epoch")
    assert [row[0] for row in rows] == ["feature=a", "feature=b"] * 2, rows
    assert rows[0][3]["label"] == "a" and rows[1][3]["label"] is None, rows
    assert abs(float(rows[3][3]["epoch"]) - time.time()) < 120 and rows[0][1] == "missing", rows
    assert "no time" in bad(t, config, "pg", "SELECT 1 AS value", options=("--window", "1h"))


def test_postgres_reads_only_and_says_what_is_wrong(t):
    pg = t.postgres()
    config, files = pg_config(pg, "1s")
    pg.sql("CREATE TABLE kept(a int); INSERT INTO kept VALUES (1)")

    def query(text):
        return bad(t, config, "pg", text, files=files)

    assert "only reading is allowed" in query("DELETE FROM kept RETURNING a AS value")
    assert "only reading is allowed" in query("INSERT INTO kept VALUES (2)")
    assert "only reading is allowed" in query("COMMIT")
    assert "only reading is allowed" in query("COPY kept TO STDOUT")
    assert "only reading" in query("WITH x AS (DELETE FROM kept RETURNING a) SELECT a AS value FROM x")
    assert "read-write" in query("SELECT set_config('transaction_read_only', 'off', false) AS value")
    assert "multiple commands" in query("SELECT 1 AS value; DELETE FROM kept")
    assert "no_such_table" in query("SELECT 1 AS value FROM no_such_table")
    assert "at character 8" in query("SELECT nonsense AS value")
    assert "no column is named value, only a" in query("SELECT a FROM kept")
    assert "two columns are named value" in query("SELECT 1 AS value, 2 AS value")
    assert "value 'x' is no number" in query("SELECT 'x' AS value")
    assert "bytea" in query("SELECT '\\x00'::bytea AS l, 1 AS value")
    assert "unknown parameter :then" in query("SELECT :then AS value")
    assert ":from belongs to queries over a window" in query("SELECT :from AS value")
    assert "is a date" in query("SELECT current_date AS ts, 1 AS value")
    assert "more than 50000 rows" in query("SELECT 1 AS value, g FROM generate_series(1, 60000) AS g")
    began = time.monotonic()
    assert "longer than 1000 ms" in query("SELECT 1 AS value FROM pg_sleep(30)")
    assert time.monotonic() - began < 25, "it would take 30 s"
    assert pg.sql("SELECT count(*) FROM kept") == "1", "a source must never write"
    wrong = {"secret": "s3cr3t-wrong\n"}
    refused = bad(t, config, "pg", "SELECT 1 AS value", files=wrong)
    assert "password authentication failed" in refused and "s3cr3t" not in refused, refused
    files["rules.yml"] = rule_file(rule_group("g", "alert: A\nexpr: SELECT feature FROM nowhere", source="pg"))
    for name, content in files.items():
        with open(t.path(name), "w") as file:
            file.write(content)
    with open(t.path("check.yml"), "w") as file:
        file.write(config + "rule_files: [rules.yml]\n")
    done = command("check", t.path("check.yml"))
    assert done.returncode == 1 and "nowhere" in done.stdout + done.stderr, done
    assert pg.PASSWORD not in done.stdout + done.stderr


def evaluated_since(tocsin, rule, before):
    return tocsin.rules()[rule]["lastEvaluation"] != before


def test_postgres_fires_resolves_and_survives_a_restart_of_the_server(t):
    pg, hook = t.postgres(), t.webhook()
    config, files = pg_config(pg, "2s")
    pg.sql("CREATE TABLE scores(feature text, score float8); INSERT INTO scores VALUES ('age', 0.1)")
    files["rules.yml"] = rule_file(
        rule_group("drift", "alert: Drift\nexpr: SELECT feature, score AS value FROM scores WHERE score > 0.25",
                   source="pg", interval="1s"),
        rule_group("slow", "alert: Slow\nexpr: SELECT 1 AS value FROM pg_sleep(60)", source="pg", interval="1s"),
        rule_group("lite", "alert: Lite\nexpr: SELECT 0 AS value WHERE 0", source="lite", interval="1s"))
    lite = "- {name: lite, type: sqlite, path: lite.db}\n"
    tocsin = t.tocsin(one_webhook(hook.url, extra="rule_files: [rules.yml]\n" + config + lite),
                      {**files, "lite.db": ""})
    wait.until("a first evaluation", lambda: tocsin.rules()["Drift"]["health"] == "ok", 10)
    pg.sql("UPDATE scores SET score = 0.5")
    _, alert = wait.until("the firing alert", lambda: hook.alerts(alertname="Drift"), 10)[0]
    assert alert["labels"] == {"alertname": "Drift", "feature": "age"}, alert
    wait.until("the slow rule's timeout", lambda: "longer than 2000 ms" in tocsin.rules()["Slow"]["lastError"], 10)
    pg.process.signal(2)
    pg.process.stop()
    wait.until("the error", lambda: tocsin.rules()["Drift"]["health"] == "err", 10)
    assert pg.PASSWORD not in tocsin.rules()["Drift"]["lastError"]
    before = tocsin.rules()["Lite"]["lastEvaluation"]
    wait.until("the other source's rule goes on", lambda: evaluated_since(tocsin, "Lite", before), 5)
    assert len(tocsin.rule_alerts("Drift")) == 1 and hook.statuses(alertname="Drift") == ["firing"], "an error resolves nothing"
    pg.start()
    wait.until("health again", lambda: tocsin.rules()["Drift"]["health"] == "ok", 10)
    pg.sql("UPDATE scores SET score = 0.1")
    wait.until("the resolve", lambda: hook.statuses(alertname="Drift")[-1] == "resolved", 10)
    # However many evaluations there were, the connections are few and kept.
    assert int(pg.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tocsin'")) <= 4
    assert pg.PASSWORD not in tocsin.process.log()


def test_postgres_query_under_way_is_cancelled_on_the_server(t):
    pg, hook = t.postgres(), t.webhook()
    config, files = pg_config(pg, "50s")
    files["rules.yml"] = rule_file(rule_group("slow", "alert: Slow\nexpr: SELECT 1 AS value FROM pg_sleep(45)",
                                              source="pg", interval="1s"))
    tocsin = t.tocsin(one_webhook(hook.url, extra="rule_files: [rules.yml]\n" + config), files)

    def running():
        return int(pg.sql("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
                          " AND query LIKE '%pg_sleep(45)%'"))

    wait.until("the query at the server", lambda: running() == 1, 10)
    began = time.monotonic()
    tocsin.terminate()
    assert time.monotonic() - began < 40, "the end does not wait for the query"
    wait.until("the server to be free of it", lambda: running() == 0, 5)


# ---- InfluxDB


def test_influxdb_values_and_errors(t):
    influx = t.influxdb()
    now = int(time.time() * 1000)
    influx.write(f"cpu,host=a,zone=x\\ y usage=1.5,n=3i {now - 60000}", f"cpu,host=b usage=2.5 {now - 60000}",
                 f"gap,host=a v=1 {now - 600000}")
    config = f"""
sources:
- {{name: tele, type: influxdb, url: '{influx.url}', database: tele}}
- {{name: none, type: influxdb, url: '{influx.url}', database: nowhere}}
"""

    def query(text, source="tele"):
        return good(t, config, source, text)

    assert query("SELECT last(usage) AS value FROM cpu GROUP BY *") == {
        "host=a measurement=cpu zone=x y": "1.5", "host=b measurement=cpu": "2.5"}
    assert query("SELECT mean(usage) FROM cpu WHERE time > :now - 5m GROUP BY host") == {
        "host=a measurement=cpu": "1.5", "host=b measurement=cpu": "2.5"}
    assert query("SELECT mean(v) FROM gap WHERE time > :now - 2m") == {}
    newest = "GROUP BY time(1m), host fill(null) ORDER BY time DESC LIMIT 1"
    assert query(f"SELECT mean(usage) FROM cpu WHERE time > :now - 5m AND time <= :now {newest}") == {
        "host=a measurement=cpu": "missing", "host=b measurement=cpu": "missing"}
    assert query("SELECT mean(x) FROM no_such_measurement") == {}
    assert "database not found" in bad(t, config, "none", "SELECT mean(x) FROM cpu")
    assert "error parsing query" in bad(t, config, "tele", "SELECT FROM WHERE")
    assert "no column is named value" in bad(t, config, "tele", "SELECT usage, n FROM cpu")
    for writer in ("DROP MEASUREMENT cpu", "SELECT usage INTO copied FROM cpu", "SELECT usage FROM cpu; DROP DATABASE tele"):
        assert "only" in bad(t, config, "tele", writer), writer
    assert len(query("SELECT last(usage) FROM cpu GROUP BY host")) == 2, "a source must never write"


# ---- ClickHouse


def test_clickhouse_values_and_errors(t):
    house = t.clickhouse()
    house.sql("CREATE TABLE scores(feature String, score Nullable(Float64), n UInt64, at DateTime) ENGINE = Memory")
    house.sql("INSERT INTO scores VALUES ('age', 0.25, 18446744073709551615, now()), ('sex', NULL, 2, now()),"
              " ('zip', nan, 3, now()), ('low', -inf, 4, now())")
    config = f"""
sources:
- name: ch
  type: clickhouse
  url: {house.url}
  time_column: ts
  timeout: 2s
  http_config: {{basic_auth: {{username: default, password: '${{CH_PASSWORD}}'}}}}
"""
    env = {"CH_PASSWORD": "sesame"}

    def query(text):
        return good(t, config, "ch", text, env=env)

    assert query("SELECT feature, score AS value, toUnixTimestamp(at) AS ts FROM scores") == {
        "feature=age": "0.25", "feature=sex": "missing", "feature=zip": "NaN", "feature=low": "-Inf"}
    assert query("SELECT feature, n AS value FROM scores WHERE n > 4") == {"feature=age": "18446744073709552000"}
    assert query("SELECT count() AS value FROM scores WHERE toUnixTimestamp(at) <= :now + 60") == {"": "4"}
    assert query("SELECT 1 AS value WHERE 0") == {}

    def refused(text):
        return bad(t, config, "ch", text, env=env)

    assert "no_such_table" in refused("SELECT 1 AS value FROM no_such_table")
    assert "readonly" in refused("INSERT INTO scores VALUES ('x', 1, 1, now())")
    assert "readonly" in refused("DROP TABLE scores")
    assert "no column is named value, only feature" in refused("SELECT feature FROM scores")
    assert "Limit for result" in refused("SELECT number AS value FROM system.numbers LIMIT 100000")
    wrong = bad(t, config, "ch", "SELECT 1 AS value", env={"CH_PASSWORD": "s3cr3t"})
    assert "s3cr3t" not in wrong and "HTTP" in wrong, wrong
    assert house.sql("SELECT count() FROM scores") == "4"


# ---- doubles


class Store(Server):
    """Answers every request with `reply`, or by path."""

    name = "store"

    def __init__(self):
        super().__init__()
        self.replies = {}

    def answer(self, received):
        path = received.path.split("?")[0]
        return Reply(200, json.dumps(self.replies[path]), Content_Type="application/json")


HTTP_JSON = """
evaluation_interval: 1s
rule_files: [rules.yml]
sources:
- name: store
  type: http_json
  url: '{url}/scores?q={{{{query}}}}&to={{{{now_s}}}}'
  rows: $.series[*]
  labels_from: labels
  value: points[-1][1]
  time: points[-1][0]
  errors: [error]
  partial: [isPartial]
  timeout: 1s
- name: other
  type: http_json
  url: '{other}/scores?q={{{{query}}}}'
  rows: $.series[*]
  value: points[-1][1]
"""


def scores(value, **more):
    return {"series": [{"labels": {"feature": "age"}, "points": [[1, 0], [int(time.time() * 1000), value]]}], **more}


def test_trouble_of_one_http_source_freezes_its_rules_alone(t):
    store, other, hook = t.double(Store()), t.double(Store()), t.webhook()
    store.replies["/scores"], other.replies["/scores"] = scores(0.9), scores(0)
    rule = "alert: {0}\nthreshold: {{query: drift, op: '>', value: 0.5}}\n"
    tocsin = t.tocsin(one_webhook(hook.url, extra=HTTP_JSON.format(url=store.url, other=other.url)), {
        "rules.yml": rule_file(rule_group("a", rule.format("Drift"), source="store", interval="1s"),
                               rule_group("b", rule.format("Other"), source="other", interval="1s"))})
    _, alert = wait.until("the firing alert", lambda: hook.alerts(alertname="Drift"), 10)[0]
    assert alert["labels"] == {"alertname": "Drift", "feature": "age"}, alert
    assert store.requests[0].path.startswith("/scores?q=drift&to=1"), store.requests[0]
    whole = json.dumps(scores(0))
    troubles = [
        ("429", Reply(429, "{}", Retry_After="1"), "limits the rate"),
        ("500", Reply(500, "broken"), "HTTP 500: broken"),
        ("truncated", Reply(200, whole[:-10]), "cannot read the answer"),
        ("partial", Reply(200, json.dumps(scores(0, isPartial=True))), "partial answer"),
        ("an error with status 200", Reply(200, json.dumps(scores(0, error="no such metric"))), "no such metric"),
        ("silent", Hang(), "no answer within 1s"),
    ]
    for name, behaviour, text in troubles:
        store.always(behaviour)
        wait.until(f"the error of {name}", lambda: tocsin.rules()["Drift"]["health"] == "err"
                   and text in tocsin.rules()["Drift"]["lastError"], 10)
        before = tocsin.rules()["Other"]["lastEvaluation"]
        wait.until("the other rule goes on", lambda: evaluated_since(tocsin, "Other", before), 3)
        wait.until("its health", lambda: tocsin.rules()["Other"]["health"] == "ok", 3)
        store.always(None)
        wait.until("health again", lambda: tocsin.rules()["Drift"]["health"] == "ok", 10)
    assert hook.statuses(alertname="Drift") == ["firing"], "trouble resolves nothing"
    store.replies["/scores"] = scores(0.1)
    wait.until("the resolve", lambda: hook.statuses(alertname="Drift")[-1] == "resolved", 10)


def test_elasticsearch_and_influxdb_3_as_doubles(t):
    store = t.double(Store())
    config = f"""
sources:
- {{name: es, type: elasticsearch, url: '{store.url}', index: logs, api_key_file: key, timeout: 30s}}
- {{name: hasty, type: elasticsearch, url: '{store.url}', index: logs, api_key_file: key, timeout: 1s}}
- name: v3
  type: influxdb
  url: {store.url}
  database: tele
  version: 3
  http_config: {{authorization: {{credentials: '${{TOKEN}}'}}}}
"""
    files, env = {"key": "a2V5\n"}, {"TOKEN": "t0ken"}
    store.replies["/_query"] = {"columns": [{"name": "host", "type": "keyword"}, {"name": "value", "type": "double"}],
                                "values": [["a", 1.5], ["b", None]]}
    assert good(t, config, "es", "FROM logs | STATS value = AVG(x) BY host", files=files, env=env) == {
        "host=a": "1.5", "host=b": "missing"}
    sent = store.requests[-1]
    assert sent.headers["Authorization"] == "ApiKey a2V5" and sent.json["query"].startswith("FROM logs"), sent
    store.replies["/logs/_search"] = {
        "timed_out": False, "_shards": {"total": 2, "failed": 0},
        "aggregations": {"host": {"buckets": [{"key": "a", "doc_count": 3, "value": {"value": 0.5}}]}}}
    search = '{"size": 0, "aggs": {"host": {"terms": {"field": "host"}}}}'
    assert good(t, config, "es", search, files=files, env=env) == {"host=a": "0.5"}
    store.replies["/logs/_search"]["_shards"]["failed"] = 1
    assert "1 shards failed" in bad(t, config, "es", search, files=files, env=env)
    store.always(Reply(429, "{}"))
    assert "limits the rate" in bad(t, config, "es", search, files=files, env=env)
    store.always(Hang())
    assert "no answer within 1s" in bad(t, config, "hasty", search, files=files, env=env)
    store.always(None)
    store.replies["/api/v3/query_sql"] = [{"host": "a", "value": 2.5}]
    assert good(t, config, "v3", "SELECT host, x AS value FROM cpu", files=files, env=env) == {"host=a": "2.5"}
    sent = store.requests[-1]
    assert sent.headers["Authorization"] == "Bearer t0ken" and sent.json["db"] == "tele", sent
