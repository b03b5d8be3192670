"""From an event log or a table of samples (CSV, JSON lines or Parquet) to a request log."""

from zoo.data.importer.config import ImportConfig
from zoo.data.importer.importer import import_events
from zoo.data.importer.loader import load_import_config, parse_import_config
from zoo.data.importer.samples.config import SamplesConfig
from zoo.data.importer.samples.importer import import_samples

__all__ = ["ImportConfig", "SamplesConfig", "import_events", "import_samples", "load_import_config",
           "parse_import_config"]
