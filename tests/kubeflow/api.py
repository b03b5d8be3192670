"""The part of Kubeflow Pipelines' API (v2beta1) that its client calls to upload, start, schedule and follow, as an HTTP server.

Written after the API's definition; no backend. What it was sent is kept for the tests to look at.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import flask
from werkzeug.serving import make_server


@dataclass
class Api:
    """What was sent, and what a run does at each look.

    Args:
        states: of the run, one a look: `(state, {step: state}, error)`; the last one stays.
    """

    states: list[tuple[str, dict[str, str], str]]
    url: str = ""
    uploads: list[tuple[str, bytes]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    schedules: dict[str, dict[str, Any]] = field(default_factory=dict)
    experiments: list[str] = field(default_factory=list)
    refuse: str = ""
    fail_looks: int = 0
    looks: int = 0

    def run(self) -> Any:
        if self.fail_looks:
            self.fail_looks -= 1
            return flask.Response("upstream connect error", 503)
        state, steps, error = self.states[min(self.looks, len(self.states) - 1)]
        self.looks += 1
        details = [{"display_name": name, "state": of, **({"error": {"code": 13, "message": error}} if of == "FAILED" else {})}
                   for name, of in steps.items()]
        return {"run_id": "r1", "display_name": "run", "state": state, "run_details": {"task_details": details}}


def application(api: Api) -> flask.Flask:
    app = flask.Flask("kfp")
    base = "/apis/v2beta1"

    @app.get(f"{base}/healthz")
    def healthz():
        return {"multi_user": False}

    @app.get(f"{base}/experiments")
    def experiments():
        return {"experiments": [{"experiment_id": name, "display_name": name} for name in api.experiments]}

    @app.post(f"{base}/experiments")
    def make_experiment():
        api.experiments.append(flask.request.get_json(force=True)["display_name"])
        return {"experiment_id": api.experiments[-1], "display_name": api.experiments[-1]}

    @app.get(f"{base}/pipelines")
    def pipelines():
        wanted = json.loads(flask.request.args["filter"])["predicates"][0]["stringValue"]
        found = [{"pipeline_id": "p1", "display_name": name} for name, _ in api.uploads[:1] if name == wanted]
        return {"pipelines": found}

    @app.post(f"{base}/pipelines/upload")
    def upload():
        if api.refuse:
            return {"error": api.refuse, "code": 3, "message": api.refuse}, 400
        api.uploads.append((flask.request.args["name"], flask.request.files["uploadfile"].read()))
        return {"pipeline_id": "p1", "display_name": flask.request.args["name"]}

    @app.post(f"{base}/pipelines/upload_version")
    def upload_version():
        assert flask.request.args["pipelineid"] == "p1"
        api.uploads.append((flask.request.args["name"], flask.request.files["uploadfile"].read()))
        return {"pipeline_id": "p1", "pipeline_version_id": f"v{len(api.uploads)}"}

    @app.get(f"{base}/pipelines/<pipeline>/versions")
    def versions(pipeline: str):
        return {"pipeline_versions": [{"pipeline_id": pipeline, "pipeline_version_id": f"v{len(api.uploads)}"}]}

    @app.post(f"{base}/runs")
    def start():
        api.runs.append(flask.request.get_json(force=True))
        return {"run_id": "r1", **api.runs[-1]}

    @app.get(f"{base}/runs/<run>")
    def get_run(run: str):
        return api.run()

    @app.get(f"{base}/recurringruns")
    def schedules():
        return {"recurringRuns": [{"recurring_run_id": key, "display_name": one["display_name"]}
                                  for key, one in api.schedules.items()]}

    @app.post(f"{base}/recurringruns")
    def schedule():
        key = f"s{len(api.schedules) + 1}"
        api.schedules[key] = flask.request.get_json(force=True)
        return {"recurring_run_id": key, **api.schedules[key]}

    @app.delete(f"{base}/recurringruns/<key>")
    def unschedule(key: str):
        del api.schedules[key]
        return {}

    return app


@contextlib.contextmanager
def running_api(states: list[tuple[str, dict[str, str], str]]) -> Iterator[Api]:
    """The server on this machine's loopback, for as long as the block runs."""
    api = Api(states)
    server = make_server("127.0.0.1", 0, application(api), threaded=True)
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
