"""The servers of a fleet, each spoken to by itself: what they have loaded, and new configurations."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

import grpc

from serving.channels import channel
from serving.errors import ServingError
from serving.fleet.messages import ReloadConfigRequest, ReloadConfigResponse
from serving.protocol import messages
from serving.protocol.services import Services, method
from serving.proxies import host_of, proxy_variable
from serving.retries import once
from serving.tls import ClientTls


class VersionState(NamedTuple):
    """How a version is on a server: `AVAILABLE`, `LOADING`, `END`, …, and its error."""

    state: str
    error: str


class FleetServer:
    """One server.

    Args:
        target: `HOST:PORT` of its gRPC port.
        tls: how it is reached by TLS; None: in the clear.
        deadline_s: seconds for a call.
    """

    def __init__(self, target: str, tls: ClientTls | None = None, deadline_s: float = 20.0):
        self.target, self._deadline_s = target, deadline_s
        self._channel = channel(target, proxy_variable(target) is not None, tls)
        self._services = Services(self._channel)
        self._reload = method(self._channel, "ModelService/HandleReloadConfigRequest", ReloadConfigResponse)

    def reload(self, config: Any) -> None:
        """Sends a ModelServerConfig.

        Raises:
            ServingError: the server refuses it, or does not answer.
        """
        answer = self._called(self._reload, ReloadConfigRequest(config=config), "reload")
        if answer.status.error_code:
            raise ServingError(f"{self.target}: the configuration was refused: {answer.status.error_message}")

    def states(self, model: str) -> dict[int, VersionState]:
        """The versions of a model that the server knows; none where it does not know the model.

        Raises:
            ServingError: the server does not answer.
        """
        request = messages.GetModelStatusRequest(model_spec=messages.ModelSpec(name=model))
        try:
            answer = self._called(self._services.status, request, f"model {model!r}")
        except ServingError as error:
            if error.code == grpc.StatusCode.NOT_FOUND:
                return {}
            raise
        return {one.version: VersionState(messages.STATES.get(one.state, "UNKNOWN"), one.status.error_message)
                for one in answer.model_version_status}

    def available(self, model: str) -> list[int]:
        """The versions of a model that answer, ascending."""
        return sorted(version for version, one in self.states(model).items() if one.state == "AVAILABLE")

    def pointed(self, model: str, label: str) -> int | None:
        """The version that a label points to on this server; None where it has no such label, or none that answers.

        The status does not know labels, so the metadata are asked.

        Raises:
            ServingError: the server does not answer.
        """
        request = messages.GetModelMetadataRequest(
            model_spec=messages.ModelSpec(name=model, version_label=label), metadata_field=["signature_def"])
        try:
            answer = self._called(self._services.metadata, request, f"model {model!r}, label {label!r}")
        except ServingError as error:
            if error.code in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT):
                return None
            raise
        return int(answer.model_spec.version.value)

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def __enter__(self) -> FleetServer:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _called(self, method: Any, request: Any, what: str) -> Any:
        return once(method, request, time.monotonic() + self._deadline_s, f"{self.target}, {what}")


def addresses(targets: Iterable[str]) -> list[str]:
    """Every server behind some targets: a name of DNS with several addresses, as a headless Service has, is several servers.

    Args:
        targets: `HOST:PORT` each.

    Raises:
        ServingError: no such host, or no port.
    """
    found: list[str] = []
    for target in targets:
        host, (_, _, port) = host_of(target), target.rpartition(":")
        if not port.isdigit():
            raise ServingError(f"{target}: expected HOST:PORT, the gRPC port")
        try:
            infos = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
        except OSError as error:
            raise ServingError(f"{target}: no such host: {error.strerror or error}") from None
        # localhost by IPv4 and IPv6 is one server.
        first = infos[0][0]
        hosts = [str(info[4][0]) for info in infos if info[0] == first]
        found += [f"[{one}]:{port}" if ":" in one else f"{one}:{port}" for one in hosts]
    return list(dict.fromkeys(found))
