"""One server."""

from __future__ import annotations

from serving.fleet.description.fields import Count, Positive
from zoo.config import Config


class Server(Config):
    """One server.

    Args:
        cores: CPUs, whole ones, asked for and not exceeded.
        memory_gib: by default what the models need: all resident versions and one more of each, and one GiB.
        connection_age_s: after which clients must connect anew, and so find new servers and leave those that go.
        concurrent_calls: answered at once; beyond that callers get RESOURCE_EXHAUSTED.
        batch_threads: of all models together; by default one a core, and two on a GPU.
        xla: compile the graphs; every model must have been tried with it.
        grace_s: how long running calls may take after a server was told to stop.
    """

    cores: Count = 4
    memory_gib: Positive | None = None
    connection_age_s: Count = 30
    concurrent_calls: Count = 64
    batch_threads: Count | None = None
    xla: bool = False
    grace_s: Count = 10
