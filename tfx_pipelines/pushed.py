"""What servers were given: the versions of a model in the folder that they watch, which may be remote."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from tfx.dsl.io import fileio

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
    if not fileio.exists(serving_dir):
        return None
    names = [name.strip("/") for name in fileio.listdir(serving_dir)]
    versions = [PushedVersion(int(name), f"{serving_dir}/{name}") for name in names if name.isdigit()]
    return max((one for one in versions if fileio.exists(f"{one.uri}/{SAVED_MODEL}")), default=None)


def identity(pushed: PushedVersion | None) -> str:
    """The same for the same model, whichever version it was pushed as; "none" for none."""
    if pushed is None:
        return "none"
    path = f"{pushed.uri}/{_FINGERPRINT}"
    if not fileio.exists(path):  # written by another tool
        return str(pushed.version)
    with fileio.open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
