"""Runs the pipeline on this machine, stage by stage, with progress that a person can follow."""

from __future__ import annotations

import contextlib
import datetime
import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from tfx import v1 as tfx
from tfx.dsl.compiler import compiler, constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import launcher, runtime_parameter_utils

from tfx_pipelines.runners.memory import PeakMemory
from tfx_pipelines.runners.output import output_to_file
from tfx_pipelines.runners.progress import stage_progress

# What each stage does, in the words of a user.
DOES = {
    "RawLogExampleGen": "make a request log of the raw files",
    "ImportExampleGen": "read the request log",
    "StatisticsGen": "compute statistics of every column",
    "DeclaredSchema": "declare the schema",
    "ExampleValidator": "look for anomalies",
    "DriftCheck": "measure how far columns have moved",
    "DayVocabularies": "grow the vocabularies by the day",
    "Transform": "build vocabularies, transform every split",
    "TeacherTrainer": "train the teacher",
    "TeacherEvaluator": "measure and bless the teacher",
    "TeacherModel": "find the teacher that was pushed",
    "TeacherScores": "let the teacher score every candidate",
    "LogGraph": "make a graph of the training split",
    "MetaPathVectors": "walk along meta-paths, learn vectors of nodes",
    "NeighbourLists": "find neighbours along meta-paths",
    "HyperParameterSearch": "try settings, judge them on validation",
    "Trainer": "train, choose the epoch, export",
    "ItemTable": "encode the catalogue's items",
    "LatestPushedModel": "find the model that serves today",
    "Evaluator": "measure AUC and GAUC, compare, bless",
    "ServingValidator": "replay requests against a server, write warm-up",
    "Pusher": "publish the model",
}
KEY = "depends_on"


class StageError(ValueError):
    """A stage failed; the message names it, the reason, and the log."""


@dataclass(frozen=True)
class Stage:
    """One stage of a run."""

    name: str
    seconds: float
    peak_rss_mib: float
    cached: bool


@dataclass
class LocalRun:
    """What a run made.

    Args:
        stages: in order.
        artifacts: URI of the last output of each (stage, output name).
        properties: custom properties of those artifacts.
    """

    stages: list[Stage] = field(default_factory=list)
    artifacts: dict[tuple[str, str], str] = field(default_factory=dict)
    properties: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)


def run_local(pipeline: tfx.dsl.Pipeline, log_file: Path,
              keys: Mapping[str, str] | None = None,
              checks: Mapping[tuple[str, str], Callable[[str], None]] | None = None) -> LocalRun:
    """Runs every stage in order, in this process.

    Args:
        pipeline: with a local metadata connection.
        log_file: gets everything that the stages print.
        keys: by stage, what its output depends on beside inputs and settings, such as its code. A stage is taken from the
            cache only where this is what it was; it stands among the stage's settings in ML Metadata, as `depends_on`.
        checks: by (stage, output), called with the output's URI when the stage is done; what they raise ends the run.

    Returns:
        Stages and artifacts.

    Raises:
        StageError: a stage failed; what ran before stays in the cache.
    """
    ir = compiler.Compiler().compile(pipeline)
    runtime_parameter_utils.substitute_runtime_parameter(
        ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: datetime.datetime.now().isoformat()})
    deployment = runner_utils.extract_local_deployment_config(ir)
    connection = getattr(deployment.metadata_connection_config,
                         deployment.metadata_connection_config.WhichOneof("connection_config"))
    run = LocalRun()
    with output_to_file(log_file) as console, _logging_at(logging.INFO), _without_arguments():
        for number, node in enumerate(ir.nodes, start=1):
            name = node.pipeline_node.node_info.id
            if keys and name in keys:
                node.pipeline_node.parameters.parameters[KEY].field_value.string_value = keys[name]
            label = f"[{number:2d}/{len(ir.nodes)}] {name:<18} {DOES.get(name, '')}"
            launch = launcher.Launcher(
                pipeline_node=node.pipeline_node, mlmd_connection=metadata.Metadata(connection),
                pipeline_info=ir.pipeline_info, pipeline_runtime_spec=ir.runtime_spec,
                executor_spec=runner_utils.extract_executor_spec(deployment, name),
                custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, name))
            started = time.perf_counter()
            with stage_progress(console, label, log_file), PeakMemory() as memory:
                try:
                    launch.launch()
                except Exception as error:
                    traceback.print_exc()
                    raise StageError(_explain(name, error, log_file)) from error
            cached = _collect(run, connection, name)
            stage = Stage(name, time.perf_counter() - started, memory.peak_mib, cached)
            run.stages.append(stage)
            _print_stage(console, label, stage)
            for (of_stage, output), check in (checks or {}).items():
                if of_stage == name:
                    check(run.artifacts[of_stage, output])
    return run


@contextlib.contextmanager
def _logging_at(level: int) -> Iterator[None]:
    """TFX says a lot at INFO; all of it goes to the log, and none of it to the terminal afterwards."""
    before = logging.getLogger().level
    logging.getLogger().setLevel(level)
    try:
        yield
    finally:
        logging.getLogger().setLevel(before)


@contextlib.contextmanager
def _without_arguments() -> Iterator[None]:
    """TFX reads flags from the arguments of whatever program calls it, where `-v` is one, and wants a number."""
    before = sys.argv
    sys.argv = before[:1]
    try:
        yield
    finally:
        sys.argv = before


def _print_stage(console: Console, label: str, stage: Stage) -> None:
    how = "[dim]cached[/dim]" if stage.cached else f"{stage.seconds:6.1f} s"
    console.print(f"{label:<72} {how:>9}  {stage.peak_rss_mib:6.0f} MiB", highlight=False, soft_wrap=True)


def _explain(name: str, error: BaseException, log_file: Path) -> str:
    # Beam wraps the reason in its own words; the innermost cause says it best.
    while error.__cause__ is not None:
        error = error.__cause__
    reason = str(error).strip() or type(error).__name__
    return (f"stage {name} failed: {type(error).__name__}: {reason[:1500]}\nThe whole log: {log_file}\n"
            "Mend the cause and run the same command again; finished stages are not repeated.")


def _collect(run: LocalRun, connection: Any, name: str) -> bool:
    """Notes the artifacts of the node's newest execution; whether it came from the cache."""
    with metadata.Metadata(connection) as handle:
        store = handle.store
        contexts = [c for c in store.get_contexts_by_type("node") if c.name.endswith(f".{name}")]
        executions = [e for c in contexts for e in store.get_executions_by_context(c.id)]
        if not executions:
            return False
        last = max(executions, key=lambda execution: execution.id)
        events = [e for e in store.get_events_by_execution_ids([last.id]) if e.type in (4, 7)]  # OUTPUT, and internal
        artifacts = {a.id: a for a in store.get_artifacts_by_id([event.artifact_id for event in events])}
        for event in events:
            artifact = artifacts[event.artifact_id]
            key = (name, event.path.steps[0].key)
            run.artifacts[key] = artifact.uri
            run.properties[key] = {k: getattr(v, v.WhichOneof("value")) for k, v in artifact.custom_properties.items()}
        return last.last_known_state == last.CACHED
