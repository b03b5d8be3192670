"""Starts a compiled pipeline on Kubeflow Pipelines, through its client, and follows it to the report."""

from __future__ import annotations

import contextlib
import datetime
import json
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfx_pipelines.config import RunConfig
from tfx_pipelines.runners.kubeflow import legal_name
from zoo import files
from zoo.config import ConfigError

_DONE, _SUCCEEDED = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"), "SUCCEEDED"
_INTERVAL_SECONDS = 10.0
# A run goes on while its API is replaced.
_MOST_FAILURES = 30

Echo = Callable[[str], None]


class SubmitError(ValueError):
    """Kubeflow Pipelines did not answer, refused the pipeline, or the run failed; the message says which."""


@dataclass(frozen=True)
class Started:
    """A run.

    Args:
        client: of the API.
        run_id: of the run.
    """

    client: Any
    run_id: str


def start(config: RunConfig, compiled: Path, echo: Echo = print) -> Started | None:
    """Uploads a pipeline, as a new version where there is one of its name, and starts it, or makes its schedule.

    Args:
        config: of the run; `cluster` says where and how.
        compiled: of `compile_pipeline`, for Kubeflow.
        echo: gets what was done.

    Returns:
        The run; None where the configuration has a schedule, which starts runs later. A schedule of the same name is replaced.

    Raises:
        ConfigError: no endpoint is named.
        SubmitError: the API can't be reached, or refuses the pipeline.
    """
    cluster, name = config.cluster, legal_name(config.name)
    if cluster.endpoint is None:
        raise ConfigError("cluster.endpoint: no Kubeflow Pipelines is named; give the URL of its API (--endpoint), such as the "
                          "http://localhost:8888 of a port-forward to service ml-pipeline")
    with _api(cluster.endpoint):
        client = _client(cluster.endpoint, cluster.namespace)
        experiment = client.create_experiment(cluster.experiment, namespace=cluster.namespace)
        pipeline_id, version_id = _uploaded(client, name, compiled)
        more = {"pipeline_id": pipeline_id, "version_id": version_id, "pipeline_root": config.root,
                "service_account": cluster.service_account}
        if cluster.schedule is None:
            run = client.run_pipeline(experiment.experiment_id, f"{name} {_now()}", **more)
            echo(f"Started {run.display_name}: run {run.run_id} of pipeline {name}")
            return Started(client, run.run_id)
        for old in _schedules(client, experiment.experiment_id, name):
            client.delete_recurring_run(old)
            echo(f"Removed the schedule {old} of the same name")
        made = client.create_recurring_run(experiment.experiment_id, name, cron_expression=cluster.schedule, max_concurrency=1,
                                           no_catchup=True, **more)
        echo(f"Scheduled {name} by {cluster.schedule!r}: recurring run {made.recurring_run_id}")
        return None


def finish(started: Started, config: RunConfig, echo: Echo = print, interval: float = _INTERVAL_SECONDS) -> bool:
    """Follows a run to its end, and shows its report.

    Args:
        started: the run.
        config: of the run.
        echo: gets each step's changes.
        interval: seconds between two looks.

    Returns:
        Whether the model was blessed.

    Raises:
        SubmitError: the run failed, naming the steps that did; or the API is gone.
    """
    seen: dict[str, str] = {}
    failures = 0
    while True:
        try:
            with _api(str(config.cluster.endpoint)):
                run = started.client.get_run(started.run_id)
        except SubmitError:
            failures += 1
            if failures == _MOST_FAILURES:
                raise
            time.sleep(interval)
            continue
        failures = 0
        for task in _tasks(run):
            if task.state and seen.get(task.display_name) != task.state:
                seen[task.display_name] = task.state
                echo(f"{task.display_name:<20} {task.state.lower()}")
        if run.state in _DONE:
            break
        time.sleep(interval)
    if run.state != _SUCCEEDED:
        failed = [f"{task.display_name}: {_reason(task)}" for task in _tasks(run) if task.state == "FAILED"]
        said = getattr(run.error, "message", None)
        raise SubmitError(f"run {started.run_id} ended as {run.state.lower()}"
                          + "".join(f"\n  {line}" for line in [*filter(None, [said]), *failed])
                          + "\nThe steps' output is in the artifacts executor-logs, and in their pods")
    return _report(config, echo)


def _report(config: RunConfig, echo: Echo) -> bool:
    from rich.console import Console

    from tfx_pipelines.places import serving_dir
    from tfx_pipelines.show import show_report

    path = files.join(config.root, "report.json")
    try:
        report = json.loads(files.read_text(path))
    except (OSError, files.FileError) as error:
        echo(f"The run is done. Its report is {path}, which this machine can't read: {error}")
        return True
    show_report(Console(emoji=False), report, config.root, serving_dir(config))
    return bool(report["blessed"])


def _client(endpoint: str, namespace: str | None) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # that it speaks to version 2 alone
        import kfp

        options: dict[str, Any] = {"namespace": namespace} if namespace else {}
        return kfp.Client(host=endpoint, **options)


@contextlib.contextmanager
def _api(endpoint: str) -> Iterator[None]:
    """Says of an API that is not there, or says no, what it is."""
    import kfp_server_api
    import urllib3

    try:
        yield
    except kfp_server_api.ApiException as error:
        try:
            said = json.loads(error.body or "")["error"]
        except (ValueError, KeyError, TypeError):
            said = error.body or error.reason
        raise SubmitError(f"{endpoint}: Kubeflow Pipelines refuses: {said}") from None
    except urllib3.exceptions.HTTPError as error:
        raise SubmitError(f"{endpoint}: no Kubeflow Pipelines answers there: {error}") from None


def _uploaded(client: Any, name: str, compiled: Path) -> tuple[str, str]:
    """The pipeline and the version that an upload made."""
    pipeline_id = client.get_pipeline_id(name)
    if pipeline_id is not None:
        made = client.upload_pipeline_version(str(compiled), f"{name} {_now()}", pipeline_id=pipeline_id)
        return pipeline_id, made.pipeline_version_id
    pipeline_id = client.upload_pipeline(str(compiled), pipeline_name=name).pipeline_id
    first = client.list_pipeline_versions(pipeline_id, page_size=1, sort_by="created_at desc").pipeline_versions[0]
    return pipeline_id, first.pipeline_version_id


def _schedules(client: Any, experiment_id: str, name: str) -> list[str]:
    found, token = [], ""
    while True:
        page = client.list_recurring_runs(page_token=token, page_size=100, experiment_id=experiment_id)
        found += [one.recurring_run_id for one in page.recurring_runs or () if one.display_name == name]
        token = page.next_page_token
        if not token:
            return found


def _tasks(run: Any) -> list[Any]:
    return list((run.run_details.task_details if run.run_details else None) or ())


def _reason(task: Any) -> str:
    return getattr(task.error, "message", None) or "see its log"


def _now() -> str:
    return f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H-%M-%S}"
