"""When two pushed versions are one model."""

from __future__ import annotations

import hashlib

from zoo import files
from zoo.versions import Version

_FINGERPRINT = "fingerprint.pb"  # TensorFlow's, of the graph and of the weights


def identity(pushed: Version | None) -> str:
    """The same for the same model, whichever version it was pushed as; "none" for none."""
    if pushed is None:
        return "none"
    path = files.join(pushed.path, _FINGERPRINT)
    if not files.is_file(path):  # written by another tool
        return str(pushed.version)
    return content(path)


def content(path: files.PathLike) -> str:
    """A digest of a file."""
    with files.open_file(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
