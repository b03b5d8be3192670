"""A whole local run: the pipeline, its stages, and the report."""

from __future__ import annotations

import datetime
import os

from tfx_pipelines.anomalies import check_anomalies
from tfx_pipelines.code import stage_code
from tfx_pipelines.components.latest_pushed_model import newest_before
from tfx_pipelines.components.raw_log_example_gen import NAME as RAW
from tfx_pipelines.config import RunConfig, item_table, with_floors
from tfx_pipelines.imported_log import imported_log
from tfx_pipelines.pipeline import create_pipeline
from tfx_pipelines.places import day_report, local_folder, serving_dir
from tfx_pipelines.preflight import check_classes, check_path, check_pools
from tfx_pipelines.pushed import content, identity
from tfx_pipelines.registry import lineage
from tfx_pipelines.report import write_report
from tfx_pipelines.runners.local import LocalRun, run_local
from tfx_pipelines.runners.lock import only_run
from tfx_pipelines.runners.storage import storage_errors
from tfx_pipelines.source import source_of
from tfx_pipelines.spans import caught_up, with_span
from zoo import files
from zoo.data.catalogue import CATALOGUE_FILE
from zoo.data.request_log import RequestLog
from zoo.versions import newest_version


def run_pipeline(config: RunConfig) -> tuple[LocalRun, dict]:
    """Runs the pipeline on this machine and writes `report.json`, `report.md` and `report.png` at its root.

    Args:
        config: of the run.

    Returns:
        The run and the report.

    Raises:
        RequestLogError: there is no request log.
        EventLogError: a raw file can't be imported.
        ConfigError: a path that stages can't read.
        SpanError: there is no log of the span.
        OneClassError: the log's validation or test split has one class alone.
        RootInUseError: another run works in the root.
        FileError: the root is full or read-only.
        AnomalyError: the log does not fit its schema.
        StageError: a stage failed.
    """
    check_path("root", config.root)
    config = with_span(config)
    source = source_of(config.data)
    measured = ("test",) if config.training.select_by == "logloss" else ("validation", "test")
    if source.log is not None:
        check_path("request log", source.log.path)
        check_classes(source.log, measured)
        check_pools(source.log, config.filter)
    root, local = files.absolute(config.root), local_folder(config)
    config = source.allowed(with_floors(config, source.floors)).model_copy(update={
        "pipeline": config.pipeline.model_copy(update={"root": root, "name": config.name}),
        "data": config.data.model_copy(update={"log": files.absolute(config.log) if source.log else None})})
    before = newest_before(serving_dir(config), config.data.span if config.daily else None)
    config = caught_up(config, before and lineage(serving_dir(config), before))
    with storage_errors(local), only_run(local):
        pipeline = create_pipeline(config, source.schema, serving_dir=serving_dir(config),
                                   metadata_path=str(local / "metadata.sqlite"))
        teacher = config.teacher
        keys = stage_code(config.model.name, teacher=teacher.name if teacher else None)
        if source.log is not None and not config.daily and item_table(config):
            keys["ItemTable"] += f", {content(files.join(source.log.path, CATALOGUE_FILE))}"
        if source.log is not None and not config.daily and config.graph and config.graph.of_catalogue:
            keys["LogGraph"] += f", {content(files.join(source.log.path, CATALOGUE_FILE))}"
        keys["LatestPushedModel"] += f", {identity(before)}"
        if teacher and teacher.pushed:
            keys["TeacherModel"] += f", {identity(newest_version(teacher.pushed))}"

        def check_imported(examples: str) -> None:
            imported = RequestLog(imported_log(examples), config.data.labels)
            check_classes(imported, measured)
            check_pools(imported, config.filter)

        run = run_local(pipeline, local / "logs" / f"run-{datetime.datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}.log",
                        keys=keys, checks={
                            (RAW, "examples"): check_imported,
                            ("ExampleValidator", "anomalies"): check_anomalies})
        log = source.log or RequestLog(imported_log(run.artifacts[RAW, "examples"]), config.data.labels)
        report = write_report(root, config, log, run)
        if config.daily:
            kept = day_report(config, report["daily"]["span"])
            files.make_dirs(files.parent(kept))
            files.copy(files.join(root, "report.json"), kept)
        return run, report
