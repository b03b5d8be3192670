"""Where Kubeflow's launcher puts the artifacts of a step."""

from __future__ import annotations

import os
from pathlib import Path

# The launcher's `LocalPathForURI`; what it does not know it does not copy.
MOUNTS = {"gs://": "/gcs/", "s3://": "/s3/", "minio://": "/minio/"}
# Tests put another folder before the mounts where they may not write at the root of the file system.
BELOW = "ZOO_ARTIFACTS_BELOW"


class ArtifactPlaceError(ValueError):
    """An artifact lies where the launcher does not copy from, or to."""


def local_path(uri: str) -> str:
    """The path of an artifact's copy.

    Args:
        uri: of the artifact.

    Raises:
        ArtifactPlaceError: the launcher does not know its scheme.

    Example:
        >>> local_path("s3://shop/root/Trainer/1a2b/model")
        '/s3/shop/root/Trainer/1a2b/model'
    """
    for scheme, mount in MOUNTS.items():
        if uri.startswith(scheme):
            return os.environ.get(BELOW, "") + mount + uri.removeprefix(scheme)
    raise ArtifactPlaceError(f"{uri}: Kubeflow's launcher copies artifacts of {', '.join(MOUNTS)} alone; give the pipeline a "
                             "root there (pipeline.root)")


def as_folder(path: str) -> None:
    """Makes an input's copy a folder, where the store had no file of it, or nothing but a marker of a folder.

    Object stores keep no empty folders, so the launcher copies none. Where somebody wrote a marker (an empty object named as
    the folder), the launcher makes a file of it.
    """
    place = Path(path)
    if place.is_file() and place.stat().st_size == 0:
        place.unlink()
    place.mkdir(parents=True, exist_ok=True)
