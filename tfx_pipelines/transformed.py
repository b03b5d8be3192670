"""A request log through the pipeline's own stages up to Transform, for models trained by hand: in notebooks and benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tensorflow_transform as tft
from tfx import v1 as tfx

from tfx_pipelines.anomalies import check_anomalies
from tfx_pipelines.code import stage_code
from tfx_pipelines.components.import_example_gen import ImportExampleGen
from tfx_pipelines.components.trainer import NEIGHBOURS, VECTORS
from tfx_pipelines.config import RunConfig, load_run_config
from tfx_pipelines.data_stages import data_components, graph_components
from tfx_pipelines.preprocessing import vocabularies, vocabulary_sizes
from tfx_pipelines.runners.local import run_local
from tfx_pipelines.runners.lock import only_run
from zoo import files
from zoo.assets import Assets
from zoo.data.request_log import RequestLog
from zoo.files import PathLike
from zoo.keras import keras
from zoo.schema import Schema


@dataclass(frozen=True)
class Transformed:
    """What models learn from.

    Args:
        schema: of the log, bound to its vocabularies.
        files: transformed examples by split, in the order of the log.
        floors: that the log names.
        transform_graph: folder of what TensorFlow Transform learned.
        assets: the vocabularies; and what was learned of the log's graph, where one was asked for.
    """

    schema: Schema
    files: dict[str, list[str]]
    floors: dict[str, dict[str, float]]
    transform_graph: str
    assets: Assets

    def layer(self) -> keras.layers.Layer:
        """The transformation as `zoo.export.export_model` takes it along."""
        return tft.TFTransformOutput(self.transform_graph).transform_features_layer()


def transformed(log_path: PathLike, root: PathLike, of_run: RunConfig | None = None) -> Transformed:
    """Transforms a request log by the pipeline's stages: statistics, validation, vocabularies and normalisation.

    Args:
        log_path: the log's folder.
        root: a local folder for the artifacts; a second call finds them there, and waits where another process makes them.
        of_run: a run's configuration, whose `graph`, `pretraining` and `neighbours` are made of the log, too.

    Raises:
        AnomalyError: the log has values that its schema does not allow.

    Example:
        >>> data = transformed("runs/shop/log", "runs/shop/transformed")
        >>> result = train("din", data.schema, data.files["train"], data.files["validation"], config=TrainingConfig(),
        ...                assets=data.assets, on_progress=print)
    """
    log, root = RequestLog(log_path), Path(root).absolute()
    config = load_run_config("demo", options={"data.log": files.absolute(log.path), "pipeline.root": str(root)})
    stages = data_components(log.schema, ImportExampleGen(config.log))
    tables = graph_components(of_run, log.schema, stages["examples"], config.log) if of_run else {}
    part = tfx.dsl.Pipeline(
        pipeline_name=config.name, pipeline_root=config.root, enable_cache=True,
        components=[*stages.values(), *tables.values()],
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(root / "metadata.sqlite")),
        beam_pipeline_args=[*config.beam_arguments])
    with only_run(root, wait=True):
        run = run_local(part, root / "transform.log", keys=stage_code(config.model.name),
                        checks={("ExampleValidator", "anomalies"): check_anomalies})
    output = tft.TFTransformOutput(run.artifacts["Transform", "transform_graph"])
    examples = Path(run.artifacts["Transform", "transformed_examples"])
    assets = vocabularies(log.schema, output)
    for name in (VECTORS, NEIGHBOURS):
        if name in tables:
            assets |= Assets.from_folder(run.artifacts[tables[name].id, name])
    return Transformed(log.schema.bind(vocabulary_sizes(log.schema, output)),
                       {split: sorted(map(str, examples.glob(f"Split-{split}/*"))) for split in log.splits},
                       log.manifest.get("floors", {}), run.artifacts["Transform", "transform_graph"], assets)
