"""The pipeline, as one pure function of its configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tfx import v1 as tfx
from tfx.dsl.components.base.base_node import BaseNode
from tfx.proto import trainer_pb2
from tfx.types.channel import BaseChannel

from tfx_pipelines.components.evaluator import Evaluator
from tfx_pipelines.components.hyper_parameter_search import HyperParameterSearch
from tfx_pipelines.components.import_example_gen import ImportExampleGen
from tfx_pipelines.components.item_table import ItemTable
from tfx_pipelines.components.latest_pushed_model import LatestPushedModel
from tfx_pipelines.components.pusher import Pusher
from tfx_pipelines.components.raw_log_example_gen import RawLogExampleGen
from tfx_pipelines.components.run_report import RunReport
from tfx_pipelines.components.serving_validator import ServingValidator
from tfx_pipelines.components.teacher_scores import TeacherScores
from tfx_pipelines.components.trainer import DAY, NEIGHBOURS, PUSHED, VECTORS, Trainer
from tfx_pipelines.config import ModelConfig, RunConfig, item_table
from tfx_pipelines.config_teacher import TeacherConfig
from tfx_pipelines.data_stages import data_components, graph_components
from tfx_pipelines.evaluation import eval_config
from tfx_pipelines.places import tensorflow_reads
from tfx_pipelines.preflight import check_teacher
from tfx_pipelines.schema import schema_to_json
from zoo.config import ConfigError
from zoo.data.layout import POOLS
from zoo.schema import Schema
from zoo.training.config import TrainingConfig


def create_pipeline(config: RunConfig, schema: Schema, *, serving_dir: str, metadata_path: str | None,
                    log: str | None = None, log_digest: str = "", report: bool = False) -> tfx.dsl.Pipeline:
    """From the log, a request log or raw files, to the pushed model, for any runner.

    Args:
        config: of the run.
        schema: of the request log.
        serving_dir: folder that servers watch; a blessed model becomes a version in it.
        metadata_path: SQLite file of ML Metadata for a local run; None where the platform keeps its own.
        log: folder of the request log as the runner sees it; the configuration's by default.
        log_digest: of what the log holds, for a runner whose cache does not look into folders.
        report: whether the last stage writes the report, for a runner that does not.

    Returns:
        The pipeline.

    Raises:
        ConfigError: the first label, which is gated and reported, is not binary, or soft; a teacher is asked for what the log
            has not, or the model's settings speak of a teacher that nobody named; a graph is made of columns that the log has
            not.
    """
    first = schema.labels[0]
    if first.kind != "binary" or first.soft:
        kind = "soft" if first.soft else "a regression"
        raise ConfigError(f"schema {schema.name!r}: the first label, {first.name!r}, is {kind}; AUC and GAUC gate the first "
                          "label, so list a binary one with outcomes first")
    check_teacher(config, schema)
    if config.graph is not None:
        config.graph.check(schema)
    return tfx.dsl.Pipeline(
        pipeline_name=config.name,
        pipeline_root=config.root,
        components=list(_components(config, schema, serving_dir, log, log_digest, report)),
        enable_cache=config.pipeline.cache,
        metadata_connection_config=(
            tfx.orchestration.metadata.sqlite_metadata_connection_config(metadata_path) if metadata_path else None),
        beam_pipeline_args=[*config.beam_arguments],
    )


def _components(config: RunConfig, schema: Schema, serving_dir: str, log: str | None, log_digest: str,
                report: bool) -> list[BaseNode]:
    first = (RawLogExampleGen(config.data, config.daily) if config.data.raw else
             ImportExampleGen(log or config.log, log_digest, config.daily, config.data.span))
    # Where the log's schema and catalogue lie: "" for beside the examples.
    beside = "" if config.data.raw or config.daily else log or config.log
    declared, daily = schema, config.daily
    baseline = LatestPushedModel(serving_dir=serving_dir, schema=schema_to_json(_taught(config, schema)),
                                 **({"examples": first.outputs["examples"]} if daily else {}))
    data = data_components(schema, first, config.data.statistics_share, daily, baseline)
    # What a model learns from: the log and its transformed twin, or both with a teacher's scores.
    raw, ready = data["examples"].outputs["examples"], data["transform"].outputs["transformed_examples"]
    teaching: list[BaseNode] = []
    if config.teacher is not None:
        teaching = _teaching(config, config.teacher, schema, data)
        schema = config.teacher.taught(schema)
        raw, ready = (teaching[-1].outputs[name] for name in ("scored_examples", "scored_transformed_examples"))
    kept = item_table(config)
    tables = graph_components(config, declared, data["examples"], beside)
    given = {name: tables[name].outputs[name] for name in (VECTORS, NEIGHBOURS) if name in tables}
    if daily:
        given |= {DAY: data["vocabularies"].outputs["vocabularies"], PUSHED: baseline.outputs["model"]}
    searching: list[BaseNode] = []
    if config.search is not None:
        settings = _training(config, data, ready, schema, config.model, config.training)
        search = {"search": config.search.model_dump(mode="json")}
        searching = [HyperParameterSearch(tables={name: given[name] for name in (VECTORS, NEIGHBOURS) if name in given},
                                          tuner_fn="tfx_pipelines.search.tuner_fn",
                                          **settings | {"custom_config": settings["custom_config"] | search})]
    trainer = _trainer(config, data, ready, schema, config.model, config.training, kept, given,
                       searching[0].outputs["best_hyperparameters"] if searching else None)
    model, filling = trainer.outputs["model"], []
    if kept:
        filling = [ItemTable(model=model, examples=data["examples"].outputs["examples"], log=beside)]
        model = filling[0].outputs["filled"]
    evaluator = _evaluator(raw, model, schema, config, baseline.outputs["model"])
    serving = ServingValidator(
        examples=raw,
        model=model,
        model_run=trainer.outputs["model_run"],
        transformed_examples=ready,
        transform_graph=data["transform"].outputs["transform_graph"],
        schema=schema_to_json(schema),
        model_name=config.served_name,
        replay_requests=config.serving.replay_requests,
        warmup_requests=config.serving.warmup_requests,
        max_abs_diff=config.serving.max_abs_diff,
        max_rounding=config.export.max_rounding if kept in ("float16", "int8") else config.serving.max_abs_diff,
    )
    pusher = Pusher(
        model=serving.outputs["validated_model"],
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=serving.outputs["blessing"],
        model_run=trainer.outputs["model_run"],
        baseline=baseline.outputs["model"],
        examples=data["examples"].outputs["examples"],
        serving_dir=serving_dir,
        pipeline=config.name,
        schema=schema_to_json(declared),
        **({"daily": 1} if daily else {}),
    )
    stages = [*data.values(), *teaching, *tables.values(), *searching, trainer, *filling,
              *([] if daily else [baseline]), evaluator, serving, pusher]
    if report:
        stages.append(RunReport(
            examples=data["examples"].outputs["examples"],
            model=model,
            model_run=trainer.outputs["model_run"],
            baseline=baseline.outputs["model"],
            evaluation=evaluator.outputs["evaluation"],
            model_blessing=evaluator.outputs["blessing"],
            infra_blessing=serving.outputs["blessing"],
            pushed_model=pusher.outputs["pushed_model"],
            config=config.model_dump_json(),
            log=beside,
        ))
    return stages


def _taught(config: RunConfig, schema: Schema) -> Schema:
    return config.teacher.taught(schema) if config.teacher else schema


def _teaching(config: RunConfig, teacher: TeacherConfig, schema: Schema, data: dict[str, BaseNode]) -> list[BaseNode]:
    """The stages from the log to a teacher's scores beside it; the last one has them."""
    raw, ready = data["examples"].outputs["examples"], data["transform"].outputs["transformed_examples"]
    settings = {"schema": schema_to_json(schema), "labels": json.dumps(teacher.labels(schema))}
    if teacher.pushed is not None:
        pushed = LatestPushedModel(serving_dir=teacher.pushed, schema=settings["schema"]).with_id("TeacherModel")
        return [pushed, TeacherScores(examples=raw, transformed_examples=ready, model=pushed.outputs["model"], **settings)]
    assert teacher.name is not None
    model = ModelConfig(name=teacher.name, config=teacher.config, assets=teacher.assets)
    trainer = _trainer(config, data, ready, schema, model, teacher.training).with_id("TeacherTrainer")
    # A teacher is no filter.
    alone = config.model_copy(update={"filter": None, "gate": config.gate.model_copy(update={"filter": {}})})
    evaluator = _evaluator(raw, trainer.outputs["model"], schema, alone).with_id("TeacherEvaluator")
    return [trainer, evaluator, TeacherScores(
        examples=raw, transformed_examples=ready, model=trainer.outputs["model"], blessing=evaluator.outputs["blessing"],
        **settings)]


def _trainer(config: RunConfig, data: dict[str, BaseNode], examples: BaseChannel, schema: Schema, model: ModelConfig,
             training: TrainingConfig, kept: str | None = None, given: Mapping[str, BaseChannel] | None = None,
             found: BaseChannel | None = None) -> BaseNode:
    settings = _training(config, data, examples, schema, model, training)
    more = {"search": config.search.model_dump(mode="json")} if found is not None and config.search else {}
    return Trainer(
        run_fn="tfx_pipelines.trainer.run_fn",
        tables={**(given or {})},
        **({"hyperparameters": found} if found is not None else {}),
        **settings | {"custom_config": settings["custom_config"] | {"item_table": kept} | more},
    )


def _training(config: RunConfig, data: dict[str, BaseNode], examples: BaseChannel, schema: Schema, model: ModelConfig,
              training: TrainingConfig) -> dict[str, Any]:
    """What a stage that trains is given."""
    return {
        "examples": examples,
        "transform_graph": data["transform"].outputs["transform_graph"],
        "schema": data["declared"].outputs["schema"],
        "train_args": trainer_pb2.TrainArgs(splits=["train"]),
        "eval_args": trainer_pb2.EvalArgs(splits=["validation", "test"]),
        "custom_config": {
            "schema": schema_to_json(schema),
            "model": model.name,
            "model_config": model.config,
            "assets": model.assets,
            "training": training.model_dump(mode="json"),
            # TensorFlow writes them: where it can't, a training that is stopped begins anew.
            "checkpoints": f"{config.root}/training" if tensorflow_reads(config.root) else None,
        },
    }


def _evaluator(examples: BaseChannel, model: BaseChannel, schema: Schema, config: RunConfig,
               baseline: BaseChannel | None = None) -> BaseNode:
    return Evaluator(
        examples=examples,
        model=model,
        baseline_model=baseline,
        eval_config=eval_config(schema, config.gate, config.filter),
        example_splits=["test", *([POOLS] if config.filter else [])],
    )
