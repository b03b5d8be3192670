"""Ids and numbers as columns of Arrow."""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def named(prefix: str, values: np.ndarray) -> pa.Array:
    """`u7` of 7."""
    return pa.array([f"{prefix}{value}".encode() for value in values.tolist()], pa.binary())


def floats(values: np.ndarray) -> pa.Array:
    """As a log has them."""
    return pa.array(np.asarray(values).astype(np.float32))
