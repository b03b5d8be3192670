"""Where the processes of a divided training are."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zoo.config import ConfigError
from zoo.keras import tf
from zoo.training.machines.config import MachinesConfig

WORKER, SERVER, CHIEF = "worker", "ps", "chief"
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Cluster:
    """Addresses (`host:port`) of workers and of parameter servers, in the words of `tf.distribute`.

    Args:
        workers: by number.
        servers: by number.
        chief: of the process that leads, where others have to find it.
    """

    workers: tuple[str, ...]
    servers: tuple[str, ...] = ()
    chief: tuple[str, ...] = ()

    def spec(self) -> tf.train.ClusterSpec:
        """As TensorFlow reads it."""
        return tf.train.ClusterSpec(self.addresses())

    def addresses(self) -> dict[str, list[str]]:
        """By job."""
        every = {CHIEF: self.chief, WORKER: self.workers, SERVER: self.servers}
        return {job: list(addresses) for job, addresses in every.items() if addresses}

    @classmethod
    def of(cls, addresses: Mapping[str, Sequence[str]]) -> Cluster:
        """The inverse of `addresses`."""
        return cls(*(tuple(map(str, addresses.get(job, ()))) for job in (WORKER, SERVER, CHIEF)))

    @classmethod
    def local(cls, machines: MachinesConfig) -> Cluster:
        """Free ports of this machine."""
        servers = machines.servers if machines.kind == "parameter_servers" else 0
        ports = iter(_free_ports(machines.workers + servers))
        workers = tuple(f"{LOOPBACK}:{next(ports)}" for _ in range(machines.workers))
        return cls(workers, tuple(f"{LOOPBACK}:{port}" for port in ports))

    @classmethod
    def of_tf_config(cls, text: str | None, machines: MachinesConfig) -> Cluster:
        """The cluster that TF_CONFIG names.

        Args:
            text: of the environment variable, `{"cluster": {"worker": ["host:2222"], "ps": […]}, "task": {…}}`; None where it
                is not set.
            machines: what is expected.

        Raises:
            ConfigError: it is no such text, or names other numbers of workers and servers.
        """
        if not text:
            raise ConfigError("training.machines.cluster is tf_config, and the environment variable TF_CONFIG is not set: the "
                              "operator that starts the pods sets it (docs/machines.md); `local` starts processes here")
        try:
            found = cls.of(json.loads(text)["cluster"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"TF_CONFIG is not what TensorFlow expects ({type(error).__name__}: {error}): "
                              f"{text[:200]!r}") from None
        if machines.kind == "synchronous":  # the one that leads takes steps, too, and is the first
            found = cls((*found.chief, *found.workers), found.servers)
        expected = machines.workers, machines.servers if machines.kind == "parameter_servers" else 0
        if (len(found.workers), len(found.servers)) != expected:
            raise ConfigError(f"TF_CONFIG names {len(found.workers)} workers and {len(found.servers)} parameter servers, and "
                              f"training.machines {expected[0]} and {expected[1]}; make them the same")
        return found


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; they are let go, so that the processes may take them."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind((LOOPBACK, 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
