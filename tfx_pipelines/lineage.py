"""Where an artifact lies for everybody, whichever copy of it a stage reads."""

from __future__ import annotations

from tfx.types import Artifact

# Set in containers, whose artifacts are the launcher's copies.
ORIGIN = "origin_uri"


def origin(artifact: Artifact) -> str:
    """The URI by which others know an artifact."""
    return artifact.get_string_custom_property(ORIGIN) or artifact.uri
