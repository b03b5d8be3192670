"""The Trainer's `run_fn`: trains a model of the zoo, scores the test split, exports the SavedModel."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any

import tensorflow_transform as tft
from tfx.utils import io_utils

from tfx_pipelines.code import stage_code
from tfx_pipelines.config_search import SearchConfig, with_values
from tfx_pipelines.day_files import GROWTH, IN_MODEL, ROWS, STATE, read_json, read_rows
from tfx_pipelines.preprocessing import vocabularies, vocabulary_sizes
from tfx_pipelines.schema import schema_from_json
from tfx_pipelines.scores import HISTORY, write_scores
from tfx_pipelines.training_files import data_files, training_key
from zoo import files
from zoo.config import parse
from zoo.export import export_model, load_model
from zoo.keras import tf
from zoo.training import TrainingConfig, WarmStart, read_dataset, score_dataset, train


def run_fn(fn_args: Any) -> None:
    """Trains on `train`, chooses the epoch on `validation`, and scores `test` with the Keras model.

    Beside the SavedModel, the model run folder gets `training.json` (one entry an epoch) and `test_scores.npz` (every
    candidate's score): what the serving validator compares served scores with, and what the report is made of.

    A training that was stopped at any moment goes on from its checkpoints when the same settings, files and code begin it anew.

    Args:
        fn_args: TFX's; `custom_config` holds `schema`, `model`, `model_config`, `assets`, `given` (other stages' files, as
            assets too), `training`, `checkpoints`, a folder or None, and `item_table`, the precision of what the model keeps of
            items; of a daily run also `day`, the folder of its vocabularies, and `pushed`, the model to go on from.
    """
    settings = _searched(fn_args.custom_config, fn_args.hyperparameters)
    transformed = tft.TFTransformOutput(fn_args.transform_output)
    schema = schema_from_json(settings["schema"])
    schema = schema.bind(vocabulary_sizes(schema, transformed))
    config = parse(TrainingConfig, settings["training"], where="training")
    train_files, validation_files = data_files(fn_args.train_files), data_files(fn_args.eval_files, "validation")
    code = stage_code(settings["model"])["Trainer"]
    folder = settings["checkpoints"]
    checkpoints = folder and f"{folder}/{training_key(settings, code, [*train_files, *validation_files])}"
    growth = read_json(files.join(settings["day"], GROWTH)) if "day" in settings else None
    begin = None
    if growth and growth["warm"]:
        begin = WarmStart(load_model(settings["pushed"]), read_rows(files.join(settings["day"], ROWS)))
        print(f"going on from version {growth['from_version']}", flush=True)
    result = train(settings["model"], schema, train_files, validation_files, config=config,
                   model_config=settings["model_config"], checkpoints=checkpoints,
                   assets=vocabularies(schema, transformed) | settings["given"] | settings["assets"],
                   begin=begin, on_progress=lambda line: print(line, flush=True))
    if result.model.unread_columns:
        print(f"{settings['model']} does not read {', '.join(result.model.unread_columns)}: items are computed ahead of time, "
              "from what belongs to them alone (owner: item in the schema)", flush=True)
    scored = score_dataset(result.model, read_dataset(schema, data_files(fn_args.eval_files, "test"), 512, keys=True))

    tf.io.gfile.makedirs(fn_args.model_run_dir)
    write_scores(fn_args.model_run_dir, scored)
    summary = {"model": settings["model"], "code": code,
               "parameters": result.model.learned_numbers(), "best_epoch": result.best_epoch,
               "history": result.history, "config": config.model_dump(mode="json"),
               **({"growth": growth} if growth else {}),
               **({"search": settings["found"]} if "found" in settings else {})}
    with tf.io.gfile.GFile(os.path.join(fn_args.model_run_dir, HISTORY), "w") as file:
        file.write(json.dumps(summary, indent=2))
    with tempfile.TemporaryDirectory() as folder:  # made here and copied, since the target may be remote
        exported = os.path.join(folder, "model")
        # Its items come from the catalogue, in a stage of their own.
        export_model(result.model, transformed.transform_features_layer(), exported, settings["item_table"])
        if growth:
            files.copy(files.join(settings["day"], STATE), files.join(exported, IN_MODEL))
        io_utils.copy_dir(exported, fn_args.serving_model_dir)
    if checkpoints:
        files.remove(checkpoints)


def _searched(settings: dict[str, Any], best: dict[str, Any] | None) -> dict[str, Any]:
    """The settings with what a search found best."""
    if best is None:
        return settings
    found = parse(SearchConfig, settings["search"], where="search").tried(best["values"])
    chosen = with_values({"model": {"config": settings["model_config"]}, "training": settings["training"]}, found)
    print(f"found by the search: {found}", flush=True)
    return settings | {"model_config": chosen["model"]["config"], "training": chosen["training"], "found": found}
