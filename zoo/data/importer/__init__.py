"""From an event log or a table of samples (CSV, JSON lines or Parquet) to a request log."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from zoo.data.importer.config import ImportConfig
from zoo.data.importer.loader import load_import_config, parse_import_config
from zoo.data.importer.samples.config import SamplesConfig

if TYPE_CHECKING:
    from zoo.data.importer.importer import import_events
    from zoo.data.importer.samples.importer import import_samples

__all__ = ["ImportConfig", "SamplesConfig", "import_events", "import_samples", "load_import_config",
           "parse_import_config"]

# What writes logs needs TensorFlow, which takes its time; what a file or a configuration says does not.
_WRITERS = {"import_events": "zoo.data.importer.importer", "import_samples": "zoo.data.importer.samples.importer"}


def __getattr__(name: str) -> Any:
    if name not in _WRITERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_WRITERS[name]), name)
