"""The tensors of a checkpoint, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from zoo.keras import tf


def read_tensors(prefix: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Names and values of a checkpoint; none where there is no such checkpoint."""
    if not Path(f"{prefix}.index").is_file():
        return
    reader = tf.train.load_checkpoint(str(prefix))
    for name in sorted(reader.get_variable_to_shape_map()):
        yield name, np.asarray(reader.get_tensor(name), dtype=object if reader.get_variable_to_dtype_map()[name] == tf.string
                               else None)


def write_tensors(prefix: Path, values: Mapping[str, np.ndarray]) -> None:
    for path in prefix.parent.glob(f"{prefix.name}.*"):
        path.unlink()
    names = sorted(values)
    tensors = [tf.constant(values[name], tf.string if values[name].dtype == object else None) for name in names]
    tf.raw_ops.SaveV2(prefix=str(prefix), tensor_names=names, shape_and_slices=[""] * len(names), tensors=tensors)
