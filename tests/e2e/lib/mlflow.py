# SPDX-License-Identifier: Apache-2.0
"""A double of MLflow's tracking server: the part of REST API 2.0 that reads, with its pages and its errors."""

import json
import urllib.parse

from .doubles import Reply, Server

API = "/api/2.0/mlflow"


def proto_number(value):
    """protobuf's JSON: numbers, and words for what JSON has no number for."""
    if value != value:
        return "NaN"
    return {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(value, value)


class MLflow(Server):
    """experiments, runs, versions and aliases as in stores.mlflow_statements; pages of `page` entries."""

    name = "mlflow"

    def __init__(self, experiments=(), runs=(), versions=(), aliases=(), page=2):
        super().__init__()
        self.experiments, self.runs, self.versions, self.aliases, self.page = experiments, runs, versions, aliases, page

    def refuse(self, code, message, status=400):
        return Reply(status, json.dumps({"error_code": code, "message": message}), Content_Type="application/json")

    def paged(self, name, items, token):
        start = int(token or 0)
        answer = {name: items[start:start + self.page]}
        if start + self.page < len(items):
            answer["next_page_token"] = str(start + self.page)
        return answer

    def run(self, entry):
        run, name, experiment, tags, metrics = entry
        latest = [{"key": key, "value": proto_number(points[-1][1]), "timestamp": int(points[-1][0]),
                   "step": len(points) - 1} for key, points in metrics.items()]
        return {"info": {"run_id": run, "run_uuid": run, "run_name": name, "experiment_id": str(experiment),
                         "status": "FINISHED", "start_time": 1, "lifecycle_stage": "active"},
                "data": {"metrics": latest, "params": [{"key": "lr", "value": "0.1"}],
                         "tags": [{"key": k, "value": v} for k, v in tags.items()]}}

    def answer(self, received):
        url = urllib.parse.urlsplit(received.path)
        asked = dict(urllib.parse.parse_qsl(url.query, strict_parsing=True)) if url.query else {}
        if received.method == "POST":
            asked = json.loads(received.body)
        result = self.handle(received.method, url.path.removeprefix(API), asked)
        return result if isinstance(result, Reply) else Reply(200, json.dumps(result), Content_Type="application/json")

    def handle(self, method, path, asked):
        if (method, path) == ("POST", "/experiments/search"):
            if not 0 < int(asked.get("max_results", 0)) <= 50000:
                return self.refuse("INVALID_PARAMETER_VALUE", "max_results")
            found = [{"experiment_id": str(i), "name": n, "lifecycle_stage": stage} for i, n, stage in self.experiments
                     if stage == "active"]
            return self.paged("experiments", found, asked.get("page_token"))
        if (method, path) == ("POST", "/runs/search"):
            if not asked.get("experiment_ids") or int(asked.get("max_results", 1000)) > 50000:
                return self.refuse("INVALID_PARAMETER_VALUE", "experiment_ids")
            runs = [self.run(r) for r in self.runs if str(r[2]) in asked["experiment_ids"]]
            if asked.get("filter"):
                key, value = asked["filter"].removeprefix("tags.").split(" = ")
                runs = [r for r in runs if {"key": key, "value": value.strip("'")} in r["data"]["tags"]]
            return self.paged("runs", runs, asked.get("page_token"))
        if (method, path) == ("GET", "/runs/get"):
            found = [r for r in self.runs if r[0] == asked["run_id"]]
            return {"run": self.run(found[0])} if found else self.refuse(
                "RESOURCE_DOES_NOT_EXIST", f"Run with id={asked['run_id']} not found", 404)
        if (method, path) == ("GET", "/metrics/get-history"):
            if int(asked["max_results"]) > 25000:
                return self.refuse("INVALID_PARAMETER_VALUE", "max_results")
            points = [p for r in self.runs if r[0] == asked["run_id"] for p in r[4].get(asked["metric_key"], [])]
            return self.paged("metrics", [{"key": asked["metric_key"], "value": proto_number(v), "timestamp": int(ms),
                                           "step": i} for i, (ms, v) in enumerate(points)], asked.get("page_token"))
        if (method, path) == ("GET", "/registered-models/alias"):
            for name, alias, version in self.aliases:
                if (name, alias) == (asked["name"], asked["alias"]):
                    run = [r for n, v, r in self.versions if (n, v) == (name, version)]
                    return {"model_version": {"name": name, "version": str(version), "run_id": run[0]}}
            return self.refuse("RESOURCE_DOES_NOT_EXIST", f"Registered model alias {asked['alias']} not found.", 404)
        return Reply(404, "<html>not found</html>")
