"""Rows of a table, which lies in one piece or, on parameter servers, in parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.keras import tf


def gather_rows(table: Any, ids: tf.Tensor) -> tf.Tensor:
    """`[..., D]` the rows of ids `[...]`; their gradient stays sparse.

    Args:
        table: a variable, or one whose rows lie on several parameter servers, one part after the other.
        ids: rows, all of them in the table.
    """
    if len(parts_of(table)) == 1:
        return tf.gather(table, ids)
    return tf.nn.embedding_lookup(table, ids)


def fill_rows(table: Any, ids: np.ndarray, vectors: np.ndarray) -> None:
    """Sets the rows of some ids `[n]` to given vectors `[n, D]`."""
    start = 0
    for part in parts_of(table):
        rows = part.shape[0]
        here = (ids >= start) & (ids < start + rows)
        part.scatter_nd_update(ids[here][:, None] - start, vectors[here])
        start += rows


def parts_of(table: Any) -> list[tf.Variable]:
    """The variables that a table's rows lie in, in their order."""
    return list(getattr(table, "variables", [table]))
