"""A request log through the pipeline's own stages up to Transform, once for all models that learn from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tensorflow_transform as tft
from tfx import v1 as tfx

from tfx_pipelines.anomalies import check_anomalies
from tfx_pipelines.code import stage_code
from tfx_pipelines.components.import_example_gen import ImportExampleGen
from tfx_pipelines.config import load_run_config
from tfx_pipelines.pipeline import data_components
from tfx_pipelines.preprocessing import vocabulary_sizes
from tfx_pipelines.runners.local import run_local
from zoo import files
from zoo.data.request_log import RequestLog
from zoo.schema import Schema


@dataclass(frozen=True)
class Transformed:
    """A bound schema, the files of every split, the floors that the log names, and the transformation."""

    schema: Schema
    files: dict[str, list[str]]
    floors: dict[str, dict[str, float]]
    transform_graph: str


def transformed(log_path: str, root: Path) -> Transformed:
    """Transforms a log below `root`; a second call finds it cached."""
    log, root = RequestLog(log_path), root.absolute()
    config = load_run_config("demo", options={"data.log": files.absolute(log.path), "pipeline.root": str(root)})
    stages = data_components(log.schema, ImportExampleGen(config.log))
    part = tfx.dsl.Pipeline(
        pipeline_name=config.name, pipeline_root=config.root, components=list(stages.values()), enable_cache=True,
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(root / "metadata.sqlite")),
        beam_pipeline_args=config.beam_arguments)
    run = run_local(part, root / "transform.log", keys=stage_code(config.model.name),
                    checks={("ExampleValidator", "anomalies"): check_anomalies})
    output = tft.TFTransformOutput(run.artifacts["Transform", "transform_graph"])
    examples = Path(run.artifacts["Transform", "transformed_examples"])
    return Transformed(log.schema.bind(vocabulary_sizes(log.schema, output)),
                       {split: sorted(map(str, examples.glob(f"Split-{split}/*"))) for split in log.splits},
                       log.manifest.get("floors", {}), run.artifacts["Transform", "transform_graph"])
