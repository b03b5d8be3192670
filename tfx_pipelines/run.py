"""A whole local run: the pipeline, its stages, and the report."""

from __future__ import annotations

import datetime
from pathlib import Path

from tfx_pipelines.anomalies import check_anomalies
from tfx_pipelines.code import stage_code
from tfx_pipelines.config import RunConfig, with_floors
from tfx_pipelines.pipeline import create_pipeline
from tfx_pipelines.pushed import identity, newest_pushed
from tfx_pipelines.report import write_report
from tfx_pipelines.runners.local import LocalRun, run_local
from tfx_pipelines.schema import write_tfmd_schema
from zoo.data.request_log import RequestLog


def serving_dir(config: RunConfig) -> Path:
    """The folder that servers watch for versions of the run's model."""
    return Path(config.root).absolute() / "serving" / config.served_name


def run_pipeline(config: RunConfig) -> tuple[LocalRun, dict]:
    """Runs the pipeline on this machine and writes `report.json`, `report.md` and `report.png` at its root.

    Args:
        config: of the run.

    Returns:
        The run and the report.

    Raises:
        RequestLogError: there is no request log.
        AnomalyError: the log does not fit its schema.
        StageError: a stage failed.
    """
    log = RequestLog(config.log)
    root = Path(config.root).absolute()
    config = with_floors(config, log.manifest.get("floors", {})).model_copy(update={
        "pipeline": config.pipeline.model_copy(update={"root": str(root), "name": config.name}),
        "data": config.data.model_copy(update={"log": str(log.path.absolute())})})
    schema_file = root / "schema" / "schema.pbtxt"
    schema_file.parent.mkdir(parents=True, exist_ok=True)
    write_tfmd_schema(log.schema, str(schema_file))
    pipeline = create_pipeline(config, log.schema, schema_file=str(schema_file), serving_dir=str(serving_dir(config)),
                               metadata_path=str(root / "metadata.sqlite"))
    now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    keys = stage_code(config.model.name)
    keys["LatestPushedModel"] += f", {identity(newest_pushed(str(serving_dir(config))))}"
    run = run_local(pipeline, root / "logs" / f"run-{now}.log", keys=keys,
                    checks={("ExampleValidator", "anomalies"): check_anomalies})
    return run, write_report(root, config, log, run)
