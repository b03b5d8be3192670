"""The search for hyper-parameters: Keras Tuner chooses what is tried, the zoo trains and judges it.

Keras Tuner's own tuners take no models of tf_keras; its strategies ("oracles") know numbers alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import keras_tuner
import tensorflow_transform as tft
from keras_tuner.engine import base_tuner
from keras_tuner.engine import trial as trials
from tfx import v1 as tfx

from tfx_pipelines.code import stage_code
from tfx_pipelines.config_search import RangeConfig, SearchConfig, with_values
from tfx_pipelines.preprocessing import vocabularies, vocabulary_sizes
from tfx_pipelines.schema import schema_from_json
from tfx_pipelines.training_files import data_files, training_key
from zoo import files
from zoo.config import parse
from zoo.training import TrainingConfig, train

# What Keras Tuner takes for the worst of all, where a trial's metric is none.
_WORST = {"max": -math.inf, "min": math.inf}


class Tuner(base_tuner.BaseTuner):
    """Keras Tuner's loop over trials of ours.

    What was found is kept in a folder: a search that was stopped goes on after its last trial, and the trial that was under way
    goes on from its checkpoint.

    Args:
        config: of the search.
        metric: of the validation split that chooses.
        measure: trains by some values and gives back the metrics, called with a trial's folder.
        folder: where it is kept.
        own: what the run's own settings are of the space; the first trial, where they lie in it.
        on_progress: called with one line a trial.
    """

    def __init__(self, config: SearchConfig, metric: str, measure: Callable[[Mapping[str, Any], str], dict[str, float]],
                 folder: str, own: Mapping[str, Any], on_progress: Callable[[str], None]):
        direction = "min" if metric in ("logloss", "rmse") else "max"
        self.config, self.metric, self.worst = config, metric, _WORST[direction]
        self.measure, self.on_progress, self.folder = measure, on_progress, folder
        oracle = _oracle(config, keras_tuner.Objective(metric, direction), own)
        super().__init__(oracle, directory=folder, project_name="trials")

    def run_trial(self, trial: Any, *_: Any, **__: Any) -> dict[str, float]:
        """Trains and judges."""
        values = self.config.tried(trial.hyperparameters.values)
        found = self.measure(values, files.join(self.folder, f"training-{trial.trial_id}"))[self.metric]
        shown = ", ".join(f"{name.rpartition('.')[2]} {value:.4g}" if isinstance(value, float) else
                          f"{name.rpartition('.')[2]} {value}" for name, value in values.items())
        self.on_progress(f"trial {int(trial.trial_id) + 1}/{self.config.trials}  {self.metric.upper()} {found:.4f}  {shown}")
        return {self.metric: found if math.isfinite(found) else self.worst}

    def _populate_initial_space(self) -> None:
        """All of the space is told to the oracle; there is no model to ask for more."""


def tuner_fn(fn_args: Any) -> tfx.components.TunerFnResult:
    """What TFX's Tuner calls.

    Args:
        fn_args: TFX's paths; `custom_config` has the Trainer's settings, and `search`.
    """
    settings = fn_args.custom_config
    config = parse(SearchConfig, settings["search"], where="search")
    transformed = tft.TFTransformOutput(fn_args.transform_graph_path)
    schema = schema_from_json(settings["schema"])
    schema = schema.bind(vocabulary_sizes(schema, transformed))
    learned, judged = data_files(fn_args.train_files), data_files(fn_args.eval_files, "validation")
    assets = vocabularies(schema, transformed) | settings["given"] | settings["assets"]
    training = parse(TrainingConfig, settings["training"], where="training")
    sections = {"model": {"config": settings["model_config"]}, "training": settings["training"]}
    key = training_key(settings, stage_code(settings["model"])["HyperParameterSearch"], [*learned, *judged])
    folder = f"{settings['checkpoints']}/search-{key}" if settings["checkpoints"] else fn_args.working_dir

    def measure(values: Mapping[str, Any], at: str) -> dict[str, float]:
        chosen = with_values(sections, values)
        own = parse(TrainingConfig, chosen["training"], where="training")
        result = train(settings["model"], schema, learned, judged, model_config=chosen["model"]["config"], assets=assets,
                       config=own.model_copy(update={"epochs": config.epochs or own.epochs}),
                       checkpoints=at if settings["checkpoints"] else None,
                       on_progress=lambda line: print(f"  {line}", flush=True))
        files.remove(at)
        return result.history[result.best_epoch - 1]["validation"]

    regression = schema.labels[0].kind == "regression"
    tuner = Tuner(config, "rmse" if regression else training.select_by, measure, folder, own_values(config, sections),
                  lambda line: print(line, flush=True))
    return tfx.components.TunerFnResult(tuner=tuner, fit_kwargs={"verbose": 0})


def own_values(config: SearchConfig, sections: Mapping[str, Any]) -> dict[str, Any]:
    """What the run's own settings are of the space, as the oracle knows them; those that they don't name are left out."""
    found = {}
    for name, of in config.space.items():
        value: Any = sections
        for key in name.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(of, RangeConfig):
            if isinstance(value, int | float) and of.min <= value <= of.max:
                found[name] = value
        else:
            places = [place for place, one in enumerate(of) if json.dumps(one) == json.dumps(value)]
            found |= dict.fromkeys([name], places[0]) if places else {}
    return found


def _oracle(config: SearchConfig, objective: Any, own: Mapping[str, Any]) -> Any:
    space = keras_tuner.HyperParameters()
    for name, of in config.space.items():
        if not isinstance(of, RangeConfig):
            space.Choice(name, list(range(len(of))), default=own.get(name), ordered=False)
            continue
        whole = isinstance(of.min, int) and isinstance(of.max, int)
        default = own.get(name)
        if whole:
            space.Int(name, of.min, of.max, step=int(of.step or 1) if not of.log else None,
                      sampling="log" if of.log else "linear", default=default)
        else:
            space.Float(name, of.min, of.max, step=of.step, sampling="log" if of.log else "linear", default=default)
    settings = {"objective": objective, "hyperparameters": space, "allow_new_entries": False, "tune_new_entries": False,
                "max_trials": config.trials, "seed": config.seed}
    kinds = {"bayesian": keras_tuner.oracles.BayesianOptimizationOracle, "random": keras_tuner.oracles.RandomSearchOracle,
             "grid": keras_tuner.oracles.GridSearchOracle}
    kind = kinds[config.strategy]
    if config.strategy == "grid" or own.keys() != config.space.keys():
        return kind(**settings)

    class OwnFirst(kind):
        """Begins with what the run says, so that nothing worse is found."""

        def populate_space(self, trial_id: str) -> dict[str, Any]:
            first = {"status": trials.TrialStatus.RUNNING, "values": dict(own)}
            return super().populate_space(trial_id) if self.start_order else first

    return OwnFirst(**settings)
