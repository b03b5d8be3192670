"""A model server in this process: gRPC and REST, by TF Serving's protocol."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving.errors import ServingError
from serving.server.addresses import joined, reachable
from serving.server.calls import Calls
from serving.server.grpc_services import GrpcFront
from serving.server.manager import ModelManager
from serving.server.model_spec import ModelSpec, VersionPolicy
from serving.server.rest import RestFront
from serving.tls import ServerTls


class LocalModelServer:
    """Serves SavedModels by TF Serving's protocol, without TF Serving.

    Each model is a folder with one subfolder a version (`base_path/<number>/saved_model.pb`). The folders are polled:
    a new version is loaded beside the old one and takes over when it is ready; a broken one is reported by
    GetModelStatus and leaves the old one serving.

    Args:
        models: base path by model name, or `ModelSpec`s for a version policy and labels of their own.
        port: gRPC port; 0 lets the system choose, see `.port`.
        rest_port: REST port; 0 lets the system choose, see `.rest_port`; None opens none.
        address: interface to bind, IPv4 or IPv6; the default is reachable from this machine only.
        policy: version policy of the models that bring none.
        poll_seconds: how often the folders are looked at.
        threads: gRPC calls answered at once; by default 4 a CPU, at least 8.
        grace_seconds: how long `stop` waits for calls that run.
        tls: certificate of the gRPC port, as ModelServer's `--ssl_config_file`; REST stays in the clear, as there.
        channel_arguments: of the gRPC port, as ModelServer's `--grpc_channel_arguments`: a maximum age of connections, say.
        metrics_path: of REST, where Prometheus reads calls and latency; None: there are no metrics.

    Raises:
        ServingError: a setting is out of its range.
        OSError: an address or port can't be bound, such as a port that is taken.

    Example:
        >>> with LocalModelServer({"din": "runs/demo/serving"}) as server:
        ...     client = RankingClient(f"127.0.0.1:{server.port}", "din", schema)
    """

    def __init__(self, models: Mapping[str, str | Path | ModelSpec], port: int = 0, rest_port: int | None = 0,
                 address: str = "127.0.0.1", policy: VersionPolicy | None = None, poll_seconds: float = 1.0,
                 threads: int | None = None, grace_seconds: float = 10.0, tls: ServerTls | None = None,
                 channel_arguments: Mapping[str, int | str] | None = None, metrics_path: str | None = None):
        if not poll_seconds > 0:
            raise ServingError(f"poll_seconds is {poll_seconds:g}; expected more than 0")
        if threads is not None and threads < 1:
            raise ServingError(f"threads is {threads}; expected at least 1")
        policy = policy or VersionPolicy()
        specs = {name: path if isinstance(path, ModelSpec) else ModelSpec(name, Path(path).absolute(), policy)
                 for name, path in models.items()}
        self.manager = ModelManager(specs, poll_seconds, self._update_health)
        calls = Calls(self.manager)
        self._grace_seconds, self._stopped = grace_seconds, False
        self._grpc = GrpcFront(calls, address, port, threads or max(8, 4 * (os.cpu_count() or 1)), tls,
                               channel_arguments)
        self._rest = None if rest_port is None else RestFront(calls, address, rest_port, metrics_path)
        self.address, self.port = address, self._grpc.port
        self.rest_port = self._rest.port if self._rest else None

    @property
    def target(self) -> str:
        """The gRPC address for clients on this machine."""
        return joined(reachable(self.address), self.port)

    @property
    def rest_url(self) -> str | None:
        """The root of the REST address for clients on this machine; None without REST."""
        return None if self.rest_port is None else f"http://{joined(reachable(self.address), self.rest_port)}"

    def start(self) -> LocalModelServer:
        """Loads the models, then answers; a model that can't be loaded is reported by its status, not raised."""
        self.manager.start()
        self._grpc.start()
        if self._rest:
            self._rest.start()
        return self

    def stop(self) -> None:
        """Refuses new calls, lets running ones end, and frees the ports; may be called twice."""
        if self._stopped:
            return
        self._stopped = True
        self._grpc.stop(self._grace_seconds)
        if self._rest:
            self._rest.stop()
        self.manager.stop()

    def _update_health(self) -> None:
        self._grpc.set_health(self.manager.ready)

    def __enter__(self) -> LocalModelServer:
        return self.start()

    def __exit__(self, *_: Any) -> None:
        self.stop()
