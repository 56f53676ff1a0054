# SPDX-License-Identifier: Apache-2.0
"""
The formats of drift stores, written out by hand: whylogs profiles (WHY1) with DataSketches' sketches, Evidently's SQL
storage, snapshots and reports, MLflow's SQL store.  Nothing here shares code with the program.
"""

import json
import os
import sqlite3
import struct

# ---- protobuf


def varint(number):
    out = b""
    number &= (1 << 64) - 1
    while True:
        out += bytes([number & 127 | (128 if number > 127 else 0)])
        number >>= 7
        if not number:
            return out


def field(number, value):
    """A varint for an int, eight bytes for a float, else bytes with their length."""
    if isinstance(value, bool) or isinstance(value, int):
        return varint(number << 3) + varint(int(value))
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def delimited(message):
    return varint(len(message)) + message


# ---- sketches


def kll(values, k=1024):
    """Few enough values to stand in one level."""
    values = sorted(values)
    if not values:
        return struct.pack("<BBBBHBB", 2, 1, 15, 1, k, 8, 0)
    if len(values) == 1:
        return struct.pack("<BBBBHBBd", 2, 2, 15, 4, k, 8, 0, values[0])
    head = struct.pack("<BBBBHBBQHBBI", 5, 1, 15, 0, k, 8, 0, len(values), k, 1, 0, k - len(values) if k > len(values) else 0)
    return head + struct.pack(f"<{len(values) + 2}d", values[0], values[-1], *values)


def hll(count):
    """A list of coupons, as few distinct values leave it (any addresses will do)."""
    return struct.pack("<8B", 2, 1, 7, 12, 3, 8, count, 8) + b"".join(
        struct.pack("<I", (1 + i % 5) << 26 | i * 977 + 1) for i in range(count))


def frequent(items, error=0, total=None):
    total = sum(items.values()) if total is None else total
    return (struct.pack("<BBBBBBHIIQQ", 4, 1, 10, 10, 3, 0, 0, len(items), 0, total, error)
            + b"".join(struct.pack("<Q", n) for n in items.values())
            + b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in items))


# ---- whylogs


def numbers(values, nulls=0):
    """The components that whylogs keeps of a column of numbers."""
    mean = sum(values) / len(values)
    return {"counts/n": len(values) + nulls, "counts/null": nulls, "counts/nan": 0, "counts/inf": 0,
            "types/fractional": len(values), "distribution/kll": ("kll", kll(values)), "distribution/mean": float(mean),
            "distribution/m2": float(sum((x - mean) ** 2 for x in values)),
            "cardinality/hll": ("hll", hll(min(len(set(values)), 7)))}


def texts(counts, nulls=0):
    return {"counts/n": sum(counts.values()) + nulls, "counts/null": nulls, "types/string": sum(counts.values()),
            "cardinality/hll": ("hll", hll(len(counts))),
            "frequent_items/frequent_strings": ("frequent", frequent(counts))}


SKETCHES = {"frequent": 4, "hll": 5, "kll": 6}


def component(value):
    if isinstance(value, tuple):
        return field(SKETCHES[value[0]], field(1, value[1]))
    return field(3 if isinstance(value, float) else 2, value)


def profile(columns, ms, tags=None, metadata=None, segmented=False):
    """A WHY1 file: {column: {path: int, float or (sketch, bytes)}}."""
    paths = sorted({path for parts in columns.values() for path in parts})
    chunks, offsets = b"", {}
    for name in sorted(columns):
        offsets[name] = len(chunks)
        message = b"".join(field(1, field(1, paths.index(path)) + field(2, component(value)))
                           for path, value in columns[name].items())
        chunks += delimited(field(1, 2) + field(3, len(message))) + message
    properties = field(4, ms + 1000) + field(5, ms)
    for number, pairs in ((6, tags), (7, metadata)):
        for key, value in (pairs or {}).items():
            properties += field(number, field(1, key) + field(2, value))
    header = field(1, properties)
    for name, offset in offsets.items():
        header += field(2, field(1, name) + field(2, field(1, varint(offset))))
    header += field(4, len(chunks))
    for index, path in enumerate(paths):
        header += field(5, field(1, index) + field(2, path))
    return b"WHY1" + delimited(field(1, True) if segmented else b"") + delimited(header) + chunks


def profile_v0():
    """What whylogs writes when a profile holds performance metrics: one delimited message, no magic."""
    return delimited(field(1, field(1, 1) + field(2, "session")) + field(2, field(1, "age")))


def profile_store(path, rows):
    """SQLiteStore: [(data set, date text, profile bytes)]."""
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE IF NOT EXISTS profile_store(id string, date datetime, profile blob)")
        db.executemany("INSERT INTO profile_store VALUES (?, ?, ?)", rows)
    db.close()


# ---- Evidently

EVIDENTLY_TABLES = [
    "CREATE TABLE projects(id CHAR(32) PRIMARY KEY, name VARCHAR NOT NULL, description VARCHAR, dashboard_json JSON NOT NULL,"
    " date_from TIMESTAMP, date_to TIMESTAMP, created_at TIMESTAMP, version VARCHAR NOT NULL, author_id CHAR(32) NOT NULL)",
    "CREATE TABLE snapshots(id CHAR(32) PRIMARY KEY, project_id CHAR(32) NOT NULL, name VARCHAR, timestamp TIMESTAMP NOT NULL,"
    " metadata_json JSON NOT NULL, tags JSON NOT NULL, blob_path VARCHAR NOT NULL, blob_size INTEGER NOT NULL)",
    "CREATE TABLE points(id INTEGER PRIMARY KEY, project_id CHAR(32) NOT NULL, snapshot_id CHAR(32) NOT NULL,"
    " metric_type VARCHAR NOT NULL, params JSON NOT NULL, value FLOAT NOT NULL)",
]


def evidently_rows(project, name, snapshots):
    """[(table, {column: value})] of snapshots [(local time text, [(metric, params, value)])]."""
    rows = [("projects", {"id": project, "name": name, "dashboard_json": "{}", "version": "1", "author_id": "0" * 32})]
    point = 0
    for number, (time, points) in enumerate(snapshots):
        snapshot = f"{project[:24]}{number:08x}"
        rows.append(("snapshots", {"id": snapshot, "project_id": project, "timestamp": time, "metadata_json": "{}",
                                   "tags": "[]", "blob_path": "b", "blob_size": 1}))
        for metric, params, value in points:
            point += 1
            rows.append(("points", {"id": point, "project_id": project, "snapshot_id": snapshot,
                                    "metric_type": f"evidently:metric_v2:{metric}",
                                    "params": json.dumps({k: str(v) for k, v in params.items()}), "value": value}))
    return rows


def evidently_sqlite(path, rows):
    with sqlite3.connect(path) as db:
        for statement in EVIDENTLY_TABLES:
            db.execute(statement)
        for table, row in rows:
            db.execute(f"INSERT INTO {table}({','.join(row)}) VALUES ({','.join('?' * len(row))})", list(row.values()))
    db.close()


def literal(value):
    return str(value) if isinstance(value, (int, float)) else "'" + value.replace("'", "''") + "'"


def evidently_sql(rows):
    return "; ".join(EVIDENTLY_TABLES + [
        f"INSERT INTO {table}({','.join(row)}) VALUES ({','.join(map(literal, row.values()))})" for table, row in rows])


def single(metric, params, value, **param):
    return {"display_name": f"{metric} of something", "type": "evidently:metric_result:SingleValue", "value": value,
            "metric_value_location": {"metric": {"metric_id": "id", "params": {
                "type": f"evidently:metric_v2:{metric}", **params}}, "param": param},
            "widget": [{"params": {"data": [1, 2, 3] * 10, "value": 99}, "value": 98}]}


def counted(metric, params, count, share):
    whole = single(metric, params, 0)
    del whole["value"]
    return {**whole, "type": "evidently:metric_result:CountValue",
            "count": single(metric, params, count, value_type="count"),
            "share": single(metric, params, share, value_type="share")}


def by_label(metric, params, values):
    whole = single(metric, params, 0)
    del whole["value"]
    return {**whole, "type": "evidently:metric_result:ByLabelValue",
            "values": {label: single(metric, params, value, label=label) for label, value in values.items()}}


def snapshot(time, results):
    """A file of a workspace; written as Evidently does, with bare NaN."""
    return json.dumps({"report": {"items": []}, "name": None, "timestamp": time, "metadata": {}, "tags": [],
                       "metric_results": {str(i): result for i, result in enumerate(results)},
                       "top_level_metrics": [], "widgets": [{"x": [0] * 100}], "tests_widgets": []})


def workspace(root, project, name, snapshots):
    os.makedirs(os.path.join(root, project, "snapshots"), exist_ok=True)
    with open(os.path.join(root, project, "metadata.json"), "w") as file:
        json.dump({"id": project, "name": name, "description": None}, file)
    for number, text in enumerate(snapshots):
        with open(os.path.join(root, project, "snapshots", f"0198c0de-{number}.json"), "w") as file:
            file.write(text)


# ---- MLflow

MLFLOW_TABLES = [
    "CREATE TABLE experiments(experiment_id INTEGER PRIMARY KEY, name VARCHAR(256) UNIQUE NOT NULL,"
    " artifact_location VARCHAR(256), lifecycle_stage VARCHAR(32))",
    "CREATE TABLE runs(run_uuid VARCHAR(32) PRIMARY KEY, name VARCHAR(250), status VARCHAR(9), start_time BIGINT,"
    " end_time BIGINT, lifecycle_stage VARCHAR(20), experiment_id INTEGER)",
    "CREATE TABLE metrics(key VARCHAR(250) NOT NULL, value DOUBLE PRECISION NOT NULL, timestamp BIGINT NOT NULL,"
    " run_uuid VARCHAR(32) NOT NULL, step BIGINT NOT NULL DEFAULT 0, is_nan BOOLEAN NOT NULL)",
    "CREATE TABLE latest_metrics(key VARCHAR(250) NOT NULL, value DOUBLE PRECISION NOT NULL, timestamp BIGINT,"
    " step BIGINT NOT NULL, is_nan BOOLEAN NOT NULL, run_uuid VARCHAR(32) NOT NULL)",
    "CREATE TABLE tags(key VARCHAR(250) NOT NULL, value VARCHAR(5000), run_uuid VARCHAR(32) NOT NULL)",
    "CREATE TABLE model_versions(name VARCHAR(256) NOT NULL, version INTEGER NOT NULL, run_id VARCHAR(32))",
    "CREATE TABLE registered_model_aliases(name VARCHAR(256) NOT NULL, alias VARCHAR(256) NOT NULL,"
    " version INTEGER NOT NULL)",
]
DBL_MAX = 1.7976931348623157e308


def mlflow_statements(experiments, runs, versions=(), aliases=()):
    """
    SQL of a store.  experiments: [(id, name, stage)]; runs: [(id, name, experiment, {tag: value}, {key: [(ms, value)]})];
    versions: [(name, version, run)]; aliases: [(name, alias, version)].
    """
    out = list(MLFLOW_TABLES)
    for number, name, stage in experiments:
        out.append(f"INSERT INTO experiments VALUES ({number}, {literal(name)}, NULL, '{stage}')")
    for run, name, experiment, tags, metrics in runs:
        out.append(f"INSERT INTO runs VALUES ('{run}', {literal(name)}, 'FINISHED', 1, 2, 'active', {experiment})")
        out += [f"INSERT INTO tags VALUES ({literal(k)}, {literal(v)}, '{run}')" for k, v in tags.items()]
        for key, points in metrics.items():
            for step, (ms, value) in enumerate(points):
                nan = value != value
                number = 0.0 if nan else max(-DBL_MAX, min(DBL_MAX, value))
                row = f"{literal(key)}, {number!r}, {int(ms)}"
                out.append(f"INSERT INTO metrics VALUES ({row}, '{run}', {step}, {'true' if nan else 'false'})")
                last = f"INSERT INTO latest_metrics VALUES ({row}, {step}, {'true' if nan else 'false'}, '{run}')"
            out.append(last)
    out += [f"INSERT INTO model_versions VALUES ({literal(n)}, {v}, '{r}')" for n, v, r in versions]
    out += [f"INSERT INTO registered_model_aliases VALUES ({literal(n)}, {literal(a)}, {v})" for n, a, v in aliases]
    return out


def sqlite_file(path, statements):
    with sqlite3.connect(path) as db:
        for statement in statements:
            db.execute(statement)
    db.close()
