"""What is known of a run's data before its first stage."""

from __future__ import annotations

from dataclasses import dataclass

from tfx_pipelines.config import DataConfig, RunConfig
from tfx_pipelines.pushed import content
from tfx_pipelines.span_paths import of_span
from zoo import files
from zoo.config import ConfigError
from zoo.data.catalogue import CATALOGUE_FILE
from zoo.data.importer import load_import_config
from zoo.data.request_log import MANIFEST_FILE, RequestLog
from zoo.schema import Schema


@dataclass(frozen=True)
class Source:
    """A request log, or the import that will make one.

    Args:
        schema: of the log.
        floors: what counting alone reaches on it, by metric and name.
        log: where there is one already.
    """

    schema: Schema
    floors: dict[str, dict[str, float]]
    log: RequestLog | None

    def allowed(self, config: RunConfig) -> RunConfig:
        """The same run without an item table, where the log has no catalogue to fill it from."""
        if self.log is None or files.is_file(files.join(self.log.path, CATALOGUE_FILE)):
            return config
        return config.model_copy(update={"export": config.export.model_copy(update={"item_table": "none"})})


def source_of(data: DataConfig) -> Source:
    """Reads the log's own schema, or that of the import's configuration.

    Raises:
        ConfigError: nothing is named, or the import configuration is wrong.
        RequestLogError: there is no request log.
    """
    if data.config:
        config = load_import_config(data.config)
        schema = config.schema()
        return Source(schema.only(data.labels) if data.labels else schema, config.floors, None)
    if data.log is None:
        raise ConfigError("no request log is named: give data.log in the configuration, or --log on the command line; or "
                          "data.raw and data.config, to begin with raw files")
    log = RequestLog(of_span(data.log, data.span) if data.span is not None else data.log, data.labels)
    return Source(log.schema, log.manifest.get("floors", {}), log)


def log_digest(source: Source) -> str:
    """Says what a request log holds: of its manifest, and of its catalogue; "" for one that is not made yet."""
    if source.log is None:
        return ""
    parts = [files.join(source.log.path, name) for name in (MANIFEST_FILE, CATALOGUE_FILE)]
    return "-".join(content(path)[:16] for path in parts if files.is_file(path))
