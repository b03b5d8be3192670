"""The weights of two models of the same class and settings, of which one may lie in parts on parameter servers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from zoo.keras import tf
from zoo.models.base import RankingModel

# As `tf.distribute` names the parts of a variable.
_PART = re.compile(r"(.+)/part_(\d+)(:\d+)?$")


def copy_weights(source: RankingModel, target: RankingModel) -> None:
    """Gives one model all weights of another.

    Raises:
        ValueError: they are not of one class, or have other settings.
    """
    ours, theirs = list(_whole(target)), list(_whole(source))
    if len(ours) != len(theirs):
        raise ValueError(f"a model of {len(ours)} variables can't take the weights of one of {len(theirs)}")
    for parts, others in zip(ours, theirs, strict=True):
        value = np.concatenate([part.numpy() for part in others]) if len(others) > 1 else others[0].numpy()
        start = 0
        for part in parts:
            if len(parts) == 1:
                part.assign(value)
            else:
                part.assign(value[start:start + part.shape[0]])
                start += part.shape[0]


def _whole(model: RankingModel) -> Iterator[list[tf.Variable]]:
    """The variables, the parts of each together."""
    parts: list[tf.Variable] = []
    for variable in model.variables:
        found = _PART.match(variable.name)
        if parts and (found is None or found[2] == "0"):
            yield parts
            parts = []
        if found is None:
            yield [variable]
        else:
            parts.append(variable)
    if parts:
        yield parts
