"""What servers were given: the versions of a model in the folder that they watch, which may be remote."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from zoo import files

SAVED_MODEL = "saved_model.pb"
_FINGERPRINT = "fingerprint.pb"  # TensorFlow's, of the graph and of the weights


class PushedVersion(NamedTuple):
    """A version and the URI of its SavedModel."""

    version: int
    uri: str


def newest_pushed(serving_dir: str) -> PushedVersion | None:
    """The version with the highest number; None where nothing was pushed yet.

    Args:
        serving_dir: URI of the folder of versions. One that was deleted, or is still being copied, is none.
    """
    numbers = [int(name) for name in files.list_dir(serving_dir) if name.isdigit()]
    versions = [PushedVersion(number, files.join(serving_dir, str(number))) for number in numbers]
    return max((one for one in versions if has_model(one.uri)), default=None)


def has_model(uri: str) -> bool:
    """Whether a SavedModel lies there, whole: what is copied last is there."""
    return files.is_file(files.join(uri, SAVED_MODEL))


def identity(pushed: PushedVersion | None) -> str:
    """The same for the same model, whichever version it was pushed as; "none" for none."""
    if pushed is None:
        return "none"
    path = files.join(pushed.uri, _FINGERPRINT)
    if not files.is_file(path):  # written by another tool
        return str(pushed.version)
    with files.open_file(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
