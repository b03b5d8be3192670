"""A training that is killed at any step goes on from its last checkpoint and ends as an uninterrupted one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.toy import toy_bound, toy_requests, write_transformed
from zoo.config import parse
from zoo.training import TrainingConfig, WarmStart, train
from zoo.training.checkpoint import CheckpointError

# Dropout, Dice's moving averages and a drawn auxiliary loss: whatever has a state or draws.
MODEL = {"tower": {"activation": "dice", "dropout": 0.3, "units": [16]}, "negatives": 20}
CONFIG = {"epochs": 3, "patience": 3, "batch_size": 8, "seed": 5, "decay": 0.5, "checkpoint_seconds": 0, "shuffle_buffer": 50}

CHILD = """
import gc, json, sys
import numpy as np
from tests.toy import toy_bound
from zoo.config import parse
from zoo.training import TrainingConfig, train
gc.set_threshold(100_000)  # as `zoo` does
files, folder, model, config, out = json.loads(sys.argv[1])
result = train("dmr", toy_bound(), [files[0]], [files[1]], config=parse(TrainingConfig, config), model_config=model,
               checkpoints=folder, on_progress=lambda line: print(line, flush=True))
np.savez(out, *result.model.get_weights())
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    schema, folder = toy_bound(), tmp_path_factory.mktemp("transformed")
    return [write_transformed(str(folder / f"{split}.gz"), schema, toy_requests(count, seed=number, schema=schema))
            for number, (split, count) in enumerate((("train", 400), ("validation", 60)))]


def run(files, config=None, **settings):
    return train("dmr", toy_bound(), files[:1], files[1:], config=parse(TrainingConfig, CONFIG | (config or {})),
                 model_config=MODEL, **settings)


def same(one, other) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.slow
def test_a_killed_training_ends_with_the_model_of_an_uninterrupted_one(files, tmp_path):
    whole = run(files)
    folder, out = tmp_path / "checkpoints", tmp_path / "weights.npz"
    arguments = json.dumps([files, str(folder), MODEL, CONFIG, str(out)])
    kills, seen = 0, []
    while not out.is_file():
        child = subprocess.Popen([sys.executable, "-c", CHILD, arguments], stdout=subprocess.PIPE, text=True,
                                 cwd=Path(__file__).parents[3])
        if kills < 2:
            before = newest(folder)
            while newest(folder) == before and child.poll() is None:
                time.sleep(0.02)
            time.sleep(0.1 * kills)  # somewhere between two checkpoints, or while one is written
            child.send_signal(signal.SIGKILL)
            kills += 1
        seen += child.communicate()[0].splitlines()
    assert sum(line.startswith("going on after") for line in seen) == 2, seen
    stored = np.load(out)
    assert same([stored[name] for name in stored.files], whole.model.get_weights())


def newest(folder: Path) -> str:
    """What TensorFlow names as the last complete checkpoint."""
    state = folder / "checkpoint"
    return state.read_text(encoding="utf-8") if state.is_file() else ""


class Stop(Exception):
    """What interrupts a training in this process."""


@pytest.mark.slow
def test_a_training_goes_on_between_epochs_and_knows_its_history(files, tmp_path):
    whole, lines = run(files), []

    def stop_after_two(line: str) -> None:
        if line.startswith("epoch 2"):
            raise Stop

    with pytest.raises(Stop):
        run(files, checkpoints=str(tmp_path), on_progress=stop_after_two)
    result = run(files, checkpoints=str(tmp_path), on_progress=lines.append)
    assert lines[0].startswith("going on after 2 epochs and 0 batches")
    assert [entry["validation"] for entry in result.history] == [entry["validation"] for entry in whole.history]
    assert [entry["loss"] for entry in result.history] == [entry["loss"] for entry in whole.history]
    assert result.best_epoch == whole.best_epoch and same(result.model.get_weights(), whole.model.get_weights())


@pytest.mark.slow
def test_checkpoints_of_another_training_are_refused(files, tmp_path):
    run(files, {"epochs": 1}, checkpoints=str(tmp_path))
    with pytest.raises(CheckpointError, match="checkpoints of another training"):
        run(files, {"epochs": 1, "seed": 6}, checkpoints=str(tmp_path))
    with pytest.raises(CheckpointError, match="checkpoints of another training"):  # from other weights
        run(files, {"epochs": 1}, checkpoints=str(tmp_path), begin=WarmStart(run(files, {"epochs": 1}).model, {}))
