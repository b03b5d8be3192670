"""A model of the fleet."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from serving.fleet.description.batching import Batching
from serving.fleet.description.fields import Name, Positive, Version
from serving.fleet.description.versions import Versions
from zoo import files
from zoo.config import Config


class Model(Config):
    """A model that every server of the fleet has.

    Args:
        source: folder of versions, as Pusher writes it, local or a URI. It is copied to the servers: they read no remote one.
        size_gib: memory of one loaded version. What the folder weighs is a lower bound.
        versions: which are loaded.
        labels: version by label; versions must then be specific, or a label would point to nothing after the next push.
        batching: none, and requests are not joined, which a list of models must say for itself.
        tried_with_xla: whether it was compiled and answered under XLA; some fail at the first compilation.
    """

    source: Annotated[str, Field(min_length=1)]
    size_gib: Positive
    versions: Versions = Versions()
    labels: dict[Name, Version] = {}
    batching: Batching | None = None
    tried_with_xla: bool = False

    @field_validator("source")
    @classmethod
    def _from_the_root(cls, source: str) -> str:
        if not files.scheme(source) and not source.startswith("/"):
            raise ValueError("expected a URI (s3://…, gs://…) or a path from the root, as the pods see it")
        return files.normal(source)

    @model_validator(mode="after")
    def _labels_point_to_versions(self) -> Model:
        for label, version in self.labels.items():
            if version not in self.versions.specific:
                raise ValueError(
                    f"label {label!r} points to version {version}, which versions.specific does not name; "
                    "name there all versions that labels point to"
                )
        return self
