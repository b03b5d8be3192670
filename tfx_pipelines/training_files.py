"""What a stage that trains reads, and the name of a training."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from zoo.keras import tf


def training_key(settings: dict[str, Any], code: str, paths: list[str]) -> str:
    """Names a training: the same one goes on from its checkpoints, another one does not find them.

    Args:
        settings: of the Trainer; where its checkpoints lie is no part of the name.
        code: that trains.
        paths: of the files that it reads, which are measured.
    """
    parts = [{name: value for name, value in settings.items() if name != "checkpoints"}, code,
             [(path, tf.io.gfile.stat(path).length) for path in paths]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def data_files(patterns: list[str], split: str | None = None) -> list[str]:
    """The files behind TFX's patterns, of one split where the patterns span several."""
    chosen = [pattern for pattern in patterns if split is None or f"Split-{split}" in pattern]
    return sorted(name for pattern in chosen for name in tf.io.gfile.glob(pattern))
