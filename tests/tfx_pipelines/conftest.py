"""One real run of the pipeline on a small simulated log, shared by the tests."""

from __future__ import annotations

import psutil
import pytest

from tfx_pipelines.config import load_run_config
from zoo.data.simulator import SimulatorConfig, write_simulated_log


@pytest.fixture(scope="session")
def log(tmp_path_factory):
    config = SimulatorConfig(requests=1_500, users=150, items=300)
    return write_simulated_log(config, tmp_path_factory.mktemp("log") / "log")


@pytest.fixture(scope="session")
def config_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "run.yaml"
    path.write_text("model: {name: din}\ntraining: {epochs: 1, batch_size: 64}\ngate: {auc: 0.3, gauc: 0.3}\n"
                    "serving: {replay_requests: 40, warmup_requests: 4}\n")
    return path


@pytest.fixture(scope="session")
def config(config_file, log, tmp_path_factory):
    return load_run_config(config_file, [f"data.log={log.path}", f"pipeline.root={tmp_path_factory.mktemp('run')}"])


@pytest.fixture(scope="session")
def resident_before():
    """MiB that this process held before the run, from tests before it: the runner's stages live in the same process."""
    return psutil.Process().memory_info().rss / 2**20


@pytest.fixture(scope="session")
def ran(config, resident_before):
    """`(run, report)` of the first run."""
    from tfx_pipelines.run import run_pipeline

    return run_pipeline(config)
