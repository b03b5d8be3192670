"""How models come to the servers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from serving.fleet.description.fields import Count, Name, Positive
from serving.fleet.description.image import pinned
from zoo.config import Config


class Storage(Config):
    """How models come to the servers.

    Args:
        image: with this package and the library of the store (s3fs, gcsfs), pinned; `zoo fleet sync` runs in it.
        poll_s: how often the store is looked at.
        keep: versions that stay on a server's disk beside those that are served.
        secret: a Secret whose keys become the environment of the sync, where the store wants credentials and the service
            account alone does not give them.
        disk_gib: by default what the versions need.
        volume: a PersistentVolumeClaim (ReadOnlyMany) that holds the sources, mounted at `/source`; for a CSI driver.
        rollout: the state file of `zoo fleet promote`, in the store: it says versions and labels in place of this description,
            and every server follows it, also after a restart.
    """

    image: str
    poll_s: Count = 30
    keep: Annotated[int, Field(ge=0)] = 1
    secret: Name | None = None
    disk_gib: Positive | None = None
    volume: Name | None = None
    rollout: str | None = None

    @field_validator("image")
    @classmethod
    def _pinned(cls, value: str) -> str:
        return pinned(value)
