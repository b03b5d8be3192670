"""The stages from a raw log to transformed examples, with a Beam runner's arguments."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

# Before TFX, which loads the other Keras.
import zoo.keras  # noqa: F401

# isort: split
import yaml
from tfx import v1 as tfx

from benchmarks.memory_data import IMPORT
from tfx_pipelines.components.raw_log_example_gen import NAME, RawLogExampleGen, imported_log
from tfx_pipelines.config import PICKLER, DataConfig
from tfx_pipelines.data_stages import data_components
from tfx_pipelines.runners.local import run_local
from tfx_pipelines.source import source_of
from zoo.data.request_log import RequestLog


def data_pipeline(folder: Path, arguments: list[str]) -> tuple[float, RequestLog]:
    """Runs the stages from the raw log to transformed examples.

    Returns:
        Seconds, and the log.
    """
    root = Path(tempfile.mkdtemp(dir=folder))
    (root / "import.yaml").write_text(yaml.safe_dump(IMPORT), encoding="utf-8")
    data = DataConfig(raw=(str(folder / "events.csv"),), config=str(root / "import.yaml"))
    schema = source_of(data).schema
    chosen = tfx.dsl.Pipeline(
        pipeline_name="flink", pipeline_root=str(root),
        components=list(data_components(schema, RawLogExampleGen(data)).values()),
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(str(root / "metadata.sqlite")),
        beam_pipeline_args=[*arguments, PICKLER])
    started = time.perf_counter()
    run = run_local(chosen, root / "run.log")
    seconds = time.perf_counter() - started
    log = RequestLog(imported_log(run.artifacts[NAME, "examples"]))
    return seconds, log
