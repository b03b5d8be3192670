"""The stages before any training: a log is read, checked and transformed, and a graph made of it."""

from __future__ import annotations

import tensorflow_data_validation as tfdv
from tfx import v1 as tfx
from tfx.dsl.components.base.base_node import BaseNode
from tfx.proto import transform_pb2

from tfx_pipelines.components.day_vocabularies import DayVocabularies
from tfx_pipelines.components.declared_schema import DeclaredSchema
from tfx_pipelines.components.drift_check import DriftCheck
from tfx_pipelines.components.log_graph import LogGraph
from tfx_pipelines.components.meta_path_vectors import MetaPathVectors
from tfx_pipelines.components.neighbour_lists import NeighbourLists
from tfx_pipelines.components.statistics_gen import StatisticsGen
from tfx_pipelines.components.trainer import NEIGHBOURS, VECTORS
from tfx_pipelines.components.transform import VOCABULARIES, Transform
from tfx_pipelines.config import RunConfig
from tfx_pipelines.config_daily import DailyConfig
from tfx_pipelines.schema import schema_to_json
from zoo.data.layout import SPLITS
from zoo.schema import Schema


def checking_components(schema: Schema, examples: BaseNode, share: float = 1.0) -> dict[str, BaseNode]:
    """The stages that look whether a log fits its schema, after the one that reads it, by name and in order.

    Args:
        schema: that the log should fit.
        examples: the stage that reads the log.
        share: of the requests that statistics are made of.
    """
    options = tfdv.StatsOptions(sample_rate=share) if share < 1 else None
    statistics = StatisticsGen(examples=examples.outputs["examples"], stats_options=options)
    declared = DeclaredSchema(declared=schema_to_json(schema))
    validator = tfx.components.ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=declared.outputs["schema"])
    return {"examples": examples, "statistics": statistics, "declared": declared, "validator": validator}


def data_components(schema: Schema, examples: BaseNode, share: float = 1.0, daily: DailyConfig | None = None,
                    pushed: BaseNode | None = None) -> dict[str, BaseNode]:
    """The stages that make a log ready to learn from, from the one that reads it to Transform, by name and in order.

    Args:
        schema, examples, share: as of `checking_components`.
        daily: of a run for each day: its vocabularies grow from those of the model that serves today.
        pushed: for a daily run, the stage that finds that model; it is one of the stages then.
    """
    stages = checking_components(schema, examples, share)
    more, before = {}, stages["validator"]
    if daily is not None and pushed is not None:
        stages["pushed"] = pushed
        settings = {"statistics": stages["statistics"].outputs["statistics"], "pushed": pushed.outputs["model"],
                    "schema": schema_to_json(schema)}
        if daily.drift or daily.skew:
            stages["drift"] = DriftCheck(config=daily.model_dump_json(), **settings)
            stages["drift"].add_upstream_node(before)
            before = stages["drift"]
        stages["vocabularies"] = DayVocabularies(
            examples=examples.outputs["examples"], admit_at=daily.admit_at or 0, warm_start=int(daily.warm_start),
            evict_after=-1 if daily.evict_after is None else daily.evict_after, **settings)
        stages["vocabularies"].add_upstream_node(before)
        more = {VOCABULARIES: stages["vocabularies"].outputs["vocabularies"]}
    transform = Transform(
        examples=stages["examples"].outputs["examples"],
        schema=stages["declared"].outputs["schema"],
        preprocessing_fn="tfx_pipelines.preprocessing.preprocessing_fn",
        custom_config={"schema": schema_to_json(schema)},
        splits_config=transform_pb2.SplitsConfig(analyze=["train"], transform=list(SPLITS)),
        disable_statistics=True,
        disable_analyzer_cache=True,
        **more,
    )
    # A log that does not fit its schema is named before the long stages, not after them.
    transform.add_upstream_node(before)
    return stages | {"transform": transform}


def graph_components(config: RunConfig, schema: Schema, examples: BaseNode, log: str) -> dict[str, BaseNode]:
    """The stages from the log to its graph and what is learned of it, by the names of their outputs; none without a graph.

    Args:
        config: of the run.
        schema: of the log.
        examples: the stage that reads the log.
        log: its folder, for its catalogue; "" for the one beside the examples.
    """
    if config.graph is None:
        return {}
    graph = LogGraph(examples=examples.outputs["examples"], schema=schema_to_json(schema),
                     config=config.graph.model_dump_json(), log=log if config.graph.of_catalogue else "")
    stages: dict[str, BaseNode] = {"graph": graph}
    if config.pretraining is not None:
        stages[VECTORS] = MetaPathVectors(graph=graph.outputs["graph"], config=config.pretraining.model_dump_json())
    if config.neighbours is not None:
        stages[NEIGHBOURS] = NeighbourLists(graph=graph.outputs["graph"], config=config.neighbours.model_dump_json())
    return stages
