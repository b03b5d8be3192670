"""Says whether a server's models answer, by their status; the server's own health service says SERVING whatever happens."""

from __future__ import annotations

import contextlib
import json
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf import text_format

from serving.errors import ServingError
from serving.fleet.description import Versions
from serving.fleet.messages import ModelServerConfig
from serving.fleet.sync import wanted
from zoo import files
from zoo.versions import versions_in

SECONDS = 2.0


class Readiness:
    """Answers probes for the server in the same pod.

    Args:
        server: of its REST API, such as `http://127.0.0.1:8501`.
        model_config: the server's ModelServerConfig in text form.
        models: folder of the models' folders, to know which version is the newest.
    """

    def __init__(self, server: str, model_config: files.PathLike, models: files.PathLike):
        self.server, self.models = server.rstrip("/"), models
        try:
            config: Any = text_format.Parse(files.read_text(model_config), ModelServerConfig())
        except text_format.ParseError as error:
            raise ServingError(f"{model_config}: not a ModelServerConfig in text form: {error}") from None
        self._policies = {one.name: _policy(one) for one in config.model_config_list.config}
        # The pod's own server: no proxy stands between.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def missing(self, all_versions: bool) -> list[str]:
        """What keeps the pod from being ready; empty when it is.

        Args:
            all_versions: whether every version that the configuration names must be available, as at the start; otherwise one
                of each model is enough, so that a version that can't be loaded takes no pod away.
        """
        missing: list[str] = []
        for name, policy in self._policies.items():
            expected = list(policy.specific) or wanted(policy, versions_in(files.join(self.models, name)))
            try:
                states = self.states(name)
            except (OSError, ValueError) as error:
                missing.append(f"{name}: no status: {error}")
                continue
            if all_versions:
                missing += [
                    f"{name}: version {version} is {states.get(version, 'unknown to the server')}"
                    for version in expected
                    if states.get(version) != "AVAILABLE"
                ]
            if "AVAILABLE" not in states.values():
                missing.append(f"{name}: no version is AVAILABLE")
        return missing

    def states(self, name: str) -> dict[int, str]:
        """The server's word on the versions of a model."""
        url = f"{self.server}/v1/models/{urllib.parse.quote(name, safe='')}"
        with self._opener.open(url, timeout=SECONDS) as answer:
            said: dict[str, Any] = json.load(answer)
        return {int(one["version"]): str(one["state"]) for one in said.get("model_version_status", [])}

    def serve(self, port: int, address: str = "") -> ThreadingHTTPServer:
        """Answers `/started` and `/ready` with 200 or, naming what is missing, 503, until the server is shut down."""
        server = ThreadingHTTPServer((address, port), _handler(self))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


def _policy(config: Any) -> Versions:
    specific = tuple(config.model_version_policy.specific.versions)
    return Versions(specific=specific) if specific else Versions(latest=config.model_version_policy.latest.num_versions or 1)


def _handler(readiness: Readiness) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path not in ("/started", "/ready"):
                self.send_error(404, "ask for /started or /ready")
                return
            missing = readiness.missing(all_versions=self.path == "/started")
            body = ("\n".join(missing) or "ready").encode() + b"\n"
            # A probe whose time is up has gone meanwhile; it asks again.
            with contextlib.suppress(ConnectionError):
                self.send_response(503 if missing else 200)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Probes come every few seconds; the kubelet's events say what failed."""

    return Handler
