"""One real run of the pipeline, shared by the tests: `zoo demo` on a small log, as a command."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tfx_pipelines import cli
from tfx_pipelines.config import load_run_config
from zoo.data.simulator import SimulatorConfig, write_simulated_log

REPOSITORY = Path(__file__).parents[2]
REQUESTS = 3_000  # as few as the default marketplace needs for its three splits
# So few requests teach a model next to nothing: it is to be pushed all the same, and two epochs are enough for that.
SETTINGS = ["gate.auc=0.3", "gate.gauc=0.3", "gate.max_drop=0.5", "training.epochs=2", "serving.replay_requests=100"]


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    """The demo's root."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="session")
def log(root):
    """The log that the demo finds there."""
    return write_simulated_log(SimulatorConfig(requests=REQUESTS), root / "log")


@pytest.fixture(scope="session")
def config(root, log):
    """The demo's configuration: runs by it find the demo's stages in the cache."""
    places = [f"data.log={log.path}", "pipeline.name=demo-din", f"pipeline.root={root / 'din'}"]
    return load_run_config("demo", [*SETTINGS, *places])


def as_options() -> list[str]:
    """`SETTINGS` on a command line."""
    return [word for setting in SETTINGS for word in ("--set", setting)]


@dataclass(frozen=True)
class Demo:
    """What `zoo demo` printed, how it ended, and the report that it left."""

    output: str
    code: int
    report: dict[str, Any]


@pytest.fixture(scope="session")
def demo(root, log):
    done = subprocess.run(
        [sys.executable, "-m", "tfx_pipelines.cli", "demo", "--root", str(root), "--requests", str(REQUESTS), *as_options()],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    report = root / "din" / "report.json"
    assert report.is_file(), done.stdout
    return Demo(done.stdout, done.returncode, json.loads(report.read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def ran(demo, config):
    """`(run, report)` of a second run by the same configuration, in this process."""
    from tfx_pipelines.run import run_pipeline

    return run_pipeline(config)


@pytest.fixture
def command(monkeypatch, capfd):
    """Calls `zoo ARGUMENTS` in this process, as its entry point does: what it printed, and its exit code."""
    def call(*arguments: Any) -> tuple[str, int]:
        monkeypatch.setattr(sys, "argv", ["zoo", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        return "".join(capfd.readouterr()), code

    return call
