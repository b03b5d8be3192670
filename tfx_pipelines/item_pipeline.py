"""The pipeline that brings new items to the model that serves today, without training."""

from __future__ import annotations

from tfx import v1 as tfx

from tfx_pipelines.components.import_example_gen import ImportExampleGen
from tfx_pipelines.components.item_table import ItemTable
from tfx_pipelines.components.latest_pushed_model import LatestPushedModel
from tfx_pipelines.components.pusher import Pusher
from tfx_pipelines.components.raw_log_example_gen import RawLogExampleGen
from tfx_pipelines.config import RunConfig
from tfx_pipelines.schema import schema_to_json
from zoo.schema import Schema


def create_item_pipeline(config: RunConfig, schema: Schema, *, serving_dir: str, metadata_path: str | None,
                         log: str | None = None) -> tfx.dsl.Pipeline:
    """From a log's catalogue to a new version of the pushed model: the same weights, the items of today.

    Args:
        config: of a run; its data and its pipeline count.
        schema: of the request log.
        serving_dir: folder that servers watch; its newest version gets the items, and the new one becomes a version in it.
        metadata_path: SQLite file of ML Metadata for a local run; None where the platform keeps its own.
        log: folder of the request log as the runner sees it; the configuration's by default.

    Returns:
        The pipeline, for any runner.

    Example:
        >>> run_local(create_item_pipeline(config, schema, serving_dir="serving", metadata_path="metadata.sqlite"), Path("log"))
    """
    first = RawLogExampleGen(config.data) if config.data.raw else ImportExampleGen(log or config.log)
    serving = LatestPushedModel(serving_dir=serving_dir, schema=schema_to_json(schema))
    filled = ItemTable(model=serving.outputs["model"], examples=first.outputs["examples"],
                       log="" if config.data.raw else log or config.log)
    pusher = Pusher(model=filled.outputs["filled"], examples=first.outputs["examples"], baseline=serving.outputs["model"],
                    serving_dir=serving_dir, pipeline=f"{config.name}-items", schema=schema_to_json(schema))
    return tfx.dsl.Pipeline(
        pipeline_name=f"{config.name}-items", pipeline_root=config.root, components=[first, serving, filled, pusher],
        # What it is about lies in folders, which no cache looks into.
        enable_cache=False,
        metadata_connection_config=(
            tfx.orchestration.metadata.sqlite_metadata_connection_config(metadata_path) if metadata_path else None),
        beam_pipeline_args=[*config.beam_arguments])
