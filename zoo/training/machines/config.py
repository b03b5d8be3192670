"""On which machines a training is divided, and how."""

from __future__ import annotations

from typing import Literal

import pydantic

from zoo.config import Config


class MachinesConfig(Config):
    """How a training is divided.

    With `parameter_servers`, tables lie in parts on servers, and each worker takes steps of its own, without waiting for the
    others; one that dies is done without until it is back. With `synchronous`, every worker has all weights, and a step is one
    batch, divided between them: nearly the same training as by one process, as long as all live.

    Args:
        kind: `parameter_servers` or `synchronous`.
        workers: that take steps.
        servers: of parameters; with `parameter_servers` alone.
        part_rows: tables with fewer rows lie on one server whole.
        cluster: `local`, processes on this machine, which are started and ended here; or `tf_config`, those that the
            environment variable TF_CONFIG names, as Kubernetes' training operators set it (docs/machines.md).
        meeting: with `synchronous` and `tf_config`, a folder that all machines reach, where the others find what to train.
    """

    kind: Literal["parameter_servers", "synchronous"] = "parameter_servers"
    workers: int = pydantic.Field(default=2, ge=1)
    servers: int = pydantic.Field(default=1, ge=0)
    part_rows: int = pydantic.Field(default=10_000, ge=2)
    cluster: Literal["local", "tf_config"] = "local"
    meeting: str | None = None

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> MachinesConfig:
        if self.kind == "parameter_servers" and not self.servers:
            raise ValueError("`parameter_servers` need at least one of `servers`")
        if (self.meeting is not None) != (self.kind == "synchronous" and self.cluster == "tf_config"):
            raise ValueError("a `synchronous` training of the machines of `tf_config`, and no other one, has a `meeting`: a "
                             "folder that all of them reach")
        return self
