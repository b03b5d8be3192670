"""From an event log (CSV or Parquet) to a request log."""

from zoo.data.importer.config import ImportConfig, load_import_config
from zoo.data.importer.importer import import_events

__all__ = ["ImportConfig", "import_events", "load_import_config"]
