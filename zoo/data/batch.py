"""A batch to learn from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from zoo.keras import tf

Tensors = Mapping[str, tf.Tensor]


class Batch(NamedTuple):
    """Requests with their candidates, labels and weights.

    Args:
        inputs: the model's inputs by column (`zoo.data.parsing.to_dense`).
        labels: by task, `[R, N]`.
        weights: by task, `[R, N]`; 0 on padding and where the label was not observed.
        marks: by name, `[R, N]`, what the log says of candidates and no model reads (`zoo.schema.Mark`); NaN on padding.
    """

    inputs: Tensors
    labels: Tensors
    weights: Tensors
    marks: Tensors = {}
