"""The same tests against both servers: the local one, and TF Serving's where TF_MODEL_SERVER names its binary."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from serving.client import RankingClient
from serving.server import LocalModelServer
from tests.serving.models import write_din, write_version
from tests.toy import toy_bound

NO_MODEL_SERVER = "the variable TF_MODEL_SERVER does not name a tensorflow_model_server binary"


@dataclass(frozen=True)
class Running:
    """A server that answers: its gRPC address, the root of its REST address, and which of the two it is."""

    target: str
    rest: str
    local: bool = False

    def client(self, name: str = "scorer", **options) -> RankingClient:
        return RankingClient(self.target, name, toy_bound(), **({"deadline_s": 20.0} | options))


@contextlib.contextmanager
def local_server(models: dict[str, Path], folder: Path):
    with LocalModelServer(models, poll_seconds=0.1) as server:
        yield Running(server.target, server.rest_url, local=True)


@contextlib.contextmanager
def tf_model_server(models: dict[str, Path], folder: Path):
    config = folder / "models.config"
    entries = "\n".join(f'config {{ name: "{name}" base_path: "{path}" model_platform: "tensorflow" }}'
                        for name, path in models.items())
    config.write_text(f"model_config_list {{ {entries} }}")
    port, rest_port = free_port(), free_port()
    with open(folder / "server.log", "w") as log:
        process = subprocess.Popen(
            [os.environ["TF_MODEL_SERVER"], f"--model_config_file={config}", f"--port={port}",
             f"--rest_api_port={rest_port}", "--file_system_poll_wait_seconds=1", "--max_num_load_retries=0",
             "--rest_api_num_threads=8", "--grpc_max_threads=64"], stdout=log, stderr=log)
        try:
            running = Running(f"127.0.0.1:{port}", f"http://127.0.0.1:{rest_port}")
            for name in models:
                with running.client(name) as client:
                    client.wait_until_ready(60)
            yield running
        finally:
            process.terminate()
            process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session", params=["local", "tf_model_server"])
def start(request):
    """`start(models, folder)`: a context manager with a `Running` server, once for each kind of server."""
    if request.param == "local":
        return local_server
    if not os.environ.get("TF_MODEL_SERVER"):
        pytest.skip(NO_MODEL_SERVER)
    return tf_model_server


@pytest.fixture(scope="session")
def din_path(tmp_path_factory):
    return write_din(tmp_path_factory.mktemp("din") / "din")


@pytest.fixture(scope="session")
def server(start, din_path, tmp_path_factory):
    """A server that no test changes: `scorer` has version 7, `din` version 1."""
    base = tmp_path_factory.mktemp("models") / "scorer"
    write_version(base, 7)
    with start({"scorer": base, "din": din_path}, tmp_path_factory.mktemp("server")) as running:
        yield running
