"""A training that goes on from another model's weights, over vocabularies that have grown since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from zoo.config import ConfigError
from zoo.keras import keras, tf
from zoo.layers.embedding_table import EmbeddingTable
from zoo.models.base import RankingModel
from zoo.training.grown_vocabulary import carried


@dataclass(frozen=True)
class WarmStart:
    """Where a training begins.

    Args:
        model: whose weights it begins with; of the same class and settings.
        rows: by id space, for each row of a table over today's vocabulary, the row of the same id in `model`, as
            `zoo.training.grown_vocabulary.Growth` has it. Spaces that are not named (hashed ones) have the same rows.
    """

    model: RankingModel
    rows: Mapping[str, np.ndarray]

    def begin(self, model: RankingModel) -> None:
        """Gives a model the weights: of known ids row by row, all others as they are; rows of new ids stay as they were made.

        What layers count in the training split, and what they read from files, stays the model's own. Optimizers begin anew:
        see `docs/daily.md`.

        Args:
            model: with all its variables made.

        Raises:
            ConfigError: it can't go on from that model.
        """
        self._check(model)
        for ours, theirs in zip(_layers(model), _layers(self.model), strict=True):
            for variable, before in zip(_own(ours), _own(theirs), strict=True):
                rows = self.rows.get(ours.space) if isinstance(ours, EmbeddingTable) and ours.space else None
                if rows is not None:
                    variable.assign(carried(before.numpy(), variable.numpy(), rows))
                elif variable.shape == before.shape:
                    variable.assign(before)
                else:
                    raise ConfigError(f"{variable.name} {list(variable.shape)} can't go on from {list(before.shape)}, and no "
                                      "layer says by which vocabulary it has grown; begin anew (daily.warm_start: false)")

    def _check(self, model: RankingModel) -> None:
        ours, theirs = type(model), type(self.model)
        if reason := model.begins_anew():
            raise ConfigError(f"{ours.__name__} can't go on from yesterday's model: {reason}; set daily.warm_start to false")
        if ours is not theirs:
            raise ConfigError(f"a {ours.__name__} can't go on from the weights of a {theirs.__name__}; push it under a name of "
                              "its own (serving.model_name), or begin anew (daily.warm_start: false)")
        changed = sorted({str(name) for name, _ in _columns(model) ^ _columns(self.model)})
        if changed:
            raise ConfigError(f"the log has other columns, or declares them otherwise, than when the model was pushed: "
                              f"{', '.join(changed)}; begin anew (daily.warm_start: false)")
        if model.config != self.model.config:
            now, before = (one.config.model_dump() for one in (model, self.model))
            changed = ", ".join(f"{key}: {before.get(key)!r} is now {now[key]!r}" for key in now if now[key] != before.get(key))
            raise ConfigError(f"the model that was pushed has other settings ({changed}); take those, or begin anew "
                              "(daily.warm_start: false)")


def _columns(model: RankingModel) -> set[tuple[str, str]]:
    """What a model reads and learns: names, and how they are declared."""
    return {(one.name, repr(one.feature)) for one in model.schema.columns()} | {
        (label.column, repr(label)) for label in model.schema.labels}


def _layers(model: RankingModel) -> list[keras.layers.Layer]:
    """The model and all layers in it, each once, in the same order for models of the same class and settings."""
    return list(model._flatten_layers())


def _own(layer: keras.layers.Layer) -> Iterator[tf.Variable]:
    """What training moves of a layer itself: weights, frozen ones included where they are a table's, and moving averages."""
    state = getattr(layer, "carried_state", ())
    moving = {id(getattr(layer, name)) for name in state}
    for variable in layer._trainable_weights:
        yield variable
    for variable in layer._non_trainable_weights:
        if id(variable) in moving or isinstance(layer, EmbeddingTable):
            yield variable
