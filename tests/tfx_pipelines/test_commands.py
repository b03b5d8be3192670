"""`zoo demo`, `zoo run` and `zoo compile` as a user calls them: what they print, and how they end."""

from __future__ import annotations

import itertools
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.tfx_pipelines.conftest import REPOSITORY, as_options

REFUSED = "gate.auc=0.999"
# The training that is killed, and whose model `test_run` finds in the cache.
KILLED = {"seed": 5, "checkpoint_seconds": 0.0}


@pytest.fixture
def of_the_demo(config):
    """Arguments of a run that finds the demo's stages in the cache."""
    return ["demo", "--log", config.log, "--root", config.root, "--set", "pipeline.name=demo-din", *as_options()]


@pytest.mark.slow
def test_the_demo_shows_the_whole_way(demo, config):
    assert demo.code == 0, demo.output
    for line in ("1. A request log", r"is\s+there\s+already\s+\(3,000\s+requests\)", "2. The pipeline: din, trained",
                 r"\[ \d/\d\d\] ImportExampleGen +read the request log +\d+\.\d s +\d+ MiB",
                 r"^ +epoch 1/2  loss 0\.\d+  validation AUC 0\.\d+", r"\[\d+/\d\d\] Pusher",
                 "3. A ranking call over gRPC", r"127\.0\.0\.1:\d+ answers for .*/serving/din", "ranked by version",
                 "din on marketplace, test split", r"AUC .* 0\.\d{4}", "Blessed.", f"SavedModel: {config.root}/serving/din/",
                 f"Next:       zoo serve --model din={config.root}/serving/din", r"Done in \d+ min \d+ s"):
        assert re.search(line, demo.output, re.M), line
    assert demo.output.index("3. A ranking call") > demo.output.index("Pusher")


@pytest.mark.slow
def test_a_run_says_what_came_from_the_cache_and_what_to_type_next(ran, of_the_demo, config, command):
    output, code = command("run", *of_the_demo)
    assert code == 0, output
    assert f"din on {config.log}; everything goes to {config.root}" in " ".join(output.split())
    assert re.search(r"Trainer .* cached", output) and "epoch 1/" not in output
    assert "Blessed." in output and "zoo serve --model" in output


@pytest.mark.slow
def test_a_refused_model_ends_run_and_demo_with_2(ran, of_the_demo, root, command):
    output, code = command("run", *of_the_demo, "--set", REFUSED)
    assert code == 2 and "Not blessed. AUC 0." in output and "below the gate's 0.999" in " ".join(output.split())
    assert "zoo serve" not in output and "report.md" in output
    output, code = command("demo", "--root", root, "--requests", 3000, *as_options(), "--set", REFUSED)
    assert code == 2 and "nothing was pushed and nothing is ranked" in " ".join(output.split())
    assert "A ranking call" not in output and "Not blessed" in output


@pytest.mark.slow
def test_a_run_that_was_killed_while_it_trained_goes_on(ran, of_the_demo, config, command):
    arguments = ["run", *of_the_demo, "--seed", str(KILLED["seed"]), "--set", REFUSED,
                 "--set", f"training.checkpoint_seconds={KILLED['checkpoint_seconds']}"]
    first = subprocess.Popen([sys.executable, "-m", "tfx_pipelines.cli", *arguments], cwd=REPOSITORY, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
    seen = list(itertools.takewhile(lambda line: "epoch 1/" not in line, first.stdout))
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL, "".join(seen)
    checkpoints = Path(config.root) / "training"
    assert len(list(checkpoints.iterdir())) == 1
    output, code = command(*arguments)
    assert code == 2, output
    assert re.search(r"going on after [1-9] epochs", output) and "epoch 1/" not in output
    history = json.loads((Path(config.root) / "report.json").read_text())["training"]
    assert history["best_epoch"] >= 1 and not list(checkpoints.iterdir())


def test_a_run_without_a_log_is_one_message(command, tmp_path):
    output, code = command("run", "demo", "--log", tmp_path, "--root", tmp_path / "run")
    assert code == 1 and re.search(r"Error: .* is not a request log", output) and "Traceback" not in output
    output, code = command("run", "demo", "--log", tmp_path, "--root", tmp_path / "br [v2] :bug:" / "run")
    assert code == 1 and "br [v2] :bug:/run' holds '['" in output
    assert "br [v2] :bug:/run" in " ".join(output.split("Error:")[0].split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("folder", ["My_Shop", "My Shop", "shop"])
def test_compile_makes_a_legal_name_and_says_what_is_to_do(log, tmp_path, command, folder):
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "log").symlink_to(log.path)
    output, code = command("compile", "demo", "--log", tmp_path / folder / "log", "--set", "model.name=embedding_mlp",
                           "--root", "gs://bucket/root", "--out", tmp_path / "p.yaml")
    assert code == 0, output
    job = next(filter(None, yaml.safe_load_all((tmp_path / "p.yaml").read_text())))
    name = folder.lower().replace("_", "-").replace(" ", "-") + "-embedding-mlp"
    assert job["pipelineInfo"]["name"] == name and f"Name:    {name}\n" in output
    assert "past_impressions" in json.dumps(job), "the log's schema goes with the pipeline"
    assert "Next:    zoo submit" in output
    assert "Note:    the request log" not in output  # an absolute path may be mounted in the cluster
