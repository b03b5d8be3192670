"""Artifacts where Beam's workers reach them: copies that a step reads and writes in place of the launcher's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from tfx.types import Artifact

from zoo import files


@contextlib.contextmanager
def staged(inputs: Sequence[Artifact], outputs: Sequence[Artifact], folder: str) -> Iterator[None]:
    """Copies inputs to a folder, lets the block write outputs there, and brings those back.

    The launcher's copies lie in one pod; workers of Flink or Dataflow are elsewhere.

    Args:
        inputs, outputs: artifacts, whose URIs name the folder while the block runs.
        folder: that all workers reach.
    """
    here = [(artifact, artifact.uri) for artifact in (*inputs, *outputs)]
    for number, (artifact, uri) in enumerate(here):
        artifact.uri = files.join(folder, str(number))
        if number < len(inputs) and files.list_dir(uri):
            files.copy(uri, artifact.uri)
        else:
            files.make_dirs(artifact.uri)
    try:
        yield
        for artifact, uri in here[len(inputs):]:
            for name in files.list_dir(artifact.uri):
                files.copy(files.join(artifact.uri, name), files.join(uri, name))
    finally:
        for artifact, uri in here:
            artifact.uri = uri
