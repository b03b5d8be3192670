"""Which code a model is trained by."""

from __future__ import annotations

import hashlib
from pathlib import Path

import zoo


def code_fingerprint(folder: Path = Path(zoo.__file__).parent) -> str:
    """A digest of a package's sources, the same wherever it lies.

    TFX takes a stage from its cache where inputs and settings are the same, whatever became of the code; this is a setting of
    the Trainer, so that no model is served that an older layer trained.

    Args:
        folder: of the package.

    Example:
        >>> code_fingerprint()
        '5f0c…'
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py"), key=lambda path: path.relative_to(folder).as_posix()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()
