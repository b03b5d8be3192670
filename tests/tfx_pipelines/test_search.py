"""The search for hyper-parameters: what is tried, what is kept where it is stopped, and a whole run."""

from __future__ import annotations

import json
import math

import pytest

from tfx_pipelines.config import load_run_config
from tfx_pipelines.config_search import SearchConfig, with_values
from tfx_pipelines.run import run_pipeline
from tfx_pipelines.search import Tuner, own_values
from zoo.config import ConfigError
from zoo.data.simulator import SimulatorConfig, write_simulated_log

RATE, UNITS = "training.optimizers.dense.learning_rate", "model.config.units"
SPACE = {RATE: {"min": 1e-4, "max": 1e-1, "log": True}, UNITS: [[8], [16, 8], [32]],
         "training.batch_size": {"min": 8, "max": 64}}
OWN = {"model": {"config": {"units": [16, 8]}},
       "training": {"optimizers": {"dense": {"name": "adam", "learning_rate": 1e-3}}, "batch_size": 32}}


class Stopped(BaseException):
    """As by a signal."""


def measure(values, folder):
    """Best at a rate of 0.01 and units [32]."""
    return {"auc": 0.9 - abs(math.log10(values[RATE]) + 2) / 10 - (values[UNITS] != [32]) / 10}


def tuner(folder, config, measure=measure, own=OWN, lines=None):
    return Tuner(config, "auc", measure, str(folder), own_values(config, own), (lines if lines is not None else []).append)


@pytest.mark.parametrize("strategy", ["bayesian", "random"])
def test_the_first_trial_is_the_run_s_own_and_the_best_is_found(tmp_path, strategy):
    config, seen = SearchConfig(space=SPACE, trials=12, strategy=strategy), []

    def noted(values, folder):
        seen.append(values)
        return measure(values, folder)

    lines: list[str] = []
    made = tuner(tmp_path, config, noted, lines=lines)
    made.search(verbose=0)
    assert len(seen) == 12 and len(lines) == 12 and lines[0].startswith("trial 1/12  AUC ")
    best = config.tried(made.get_best_hyperparameters()[0].values)
    assert best == max(seen, key=lambda values: measure(values, "")["auc"]) and measure(best, "")["auc"] > 0.8
    assert all(1e-4 <= one[RATE] <= 1e-1 and one[UNITS] in ([8], [16, 8], [32]) and one["training.batch_size"] in range(8, 65)
               for one in seen)
    assert seen[0] == {RATE: 1e-3, UNITS: [16, 8], "training.batch_size": 32}


def test_a_grid_has_every_value_once(tmp_path):
    config, seen = SearchConfig(space={UNITS: [[8], [16, 8], [32]], "training.epochs": {"min": 1, "max": 3}}, strategy="grid",
                                trials=100), []
    tuner(tmp_path, config, lambda values, _: seen.append(values) or {"auc": 0.5}).search(verbose=0)
    assert len(seen) == 9 and len({json.dumps(one) for one in seen}) == 9


def test_a_search_that_was_stopped_goes_on_and_ends_as_one_that_was_not(tmp_path):
    config, tried = SearchConfig(space=SPACE, trials=8), []

    def until(most):
        def stopping(values, folder):
            if len(tried) == most:
                raise Stopped
            tried.append((values, folder.rpartition("/")[2]))
            return measure(values, folder)

        return stopping

    with pytest.raises(Stopped):
        tuner(tmp_path / "stopped", config, until(3)).search(verbose=0)
    again = tuner(tmp_path / "stopped", config, until(100))
    again.search(verbose=0)
    whole: list = []
    tuner(tmp_path / "whole", config, lambda values, _: whole.append(values) or measure(values, "")).search(verbose=0)
    assert [values for values, _ in tried] == whole
    assert len({folder for _, folder in tried}) == 8, "the trial that was under way has its folder again"


def test_a_trial_that_diverges_is_the_worst(tmp_path):
    config = SearchConfig(space={RATE: [0.1, 0.2]}, trials=2, strategy="grid")
    made = tuner(tmp_path, config, lambda values, _: {"auc": math.nan if values[RATE] == 0.1 else 0.6})
    made.search(verbose=0)
    assert config.tried(made.get_best_hyperparameters()[0].values) == {RATE: 0.2}


def test_values_stand_in_the_settings():
    changed = with_values(OWN, {RATE: 0.01, UNITS: [8]})
    assert changed["training"]["optimizers"]["dense"] == {"name": "adam", "learning_rate": 0.01}
    assert changed["model"]["config"]["units"] == [8] and OWN["model"]["config"]["units"] == [16, 8]


@pytest.mark.parametrize(("space", "message"), [
    ({"model.config.towr.dropout": [0.1, 0.2]}, r"search\.space\.model\.config\.towr\.dropout.*towr"),
    ({"training.epoch": [1, 2]}, r"search\.space\.training\.epoch"),
    ({"training.epochs": {"min": 0, "max": 3}}, r"search\.space\.training\.epochs.*greater than or equal to 1"),
    ({"gate.auc": [0.1, 0.2]}, "below model.config and training"),
    ({"training.seed": [1, 2]}, "none of training.seed"),
    ({"training.epochs": [1]}, "nothing to choose from"),
    ({"training.epochs": {"min": 3, "max": 3}}, "`min` is below `max`"),
    ({"training.decay": {"min": 0, "max": 1, "log": True}}, "with `log`, `min` is above 0"),
])
def test_a_space_that_can_t_be_searched_is_told_before_the_run(space, message):
    with pytest.raises(ConfigError, match=f"(?s){message}"):
        load_run_config("sim", options={"search": {"space": space}}, model="din")


@pytest.mark.slow
def test_a_run_trains_what_its_search_found(tmp_path):
    log = write_simulated_log(SimulatorConfig(requests=400, users=100, items=120), tmp_path / "log")
    space = {"training.optimizers.wide.learning_rate": [1e-9, 5.0]}
    config = load_run_config("sim", ["gate.auc=0.0", "gate.gauc=0.0", "training.epochs=1", "serving.replay_requests=20"],
                             model="lr", options={"data.log": str(log.path), "pipeline.root": str(tmp_path / "root"),
                                                  "search": {"space": space, "trials": 2, "strategy": "grid"}})
    run, report = run_pipeline(config)
    assert report["training"]["search"] == {"training.optimizers.wide.learning_rate": 5.0}
    assert "HyperParameterSearch" in [stage.name for stage in run.stages] and report["pushed_version"]
    assert "| found by the search | training.optimizers.wide.learning_rate: 5.0 |" in (tmp_path / "root/report.md").read_text()
    assert not list((tmp_path / "root/training").glob("search-*/training-*")), "trials leave no checkpoints"
