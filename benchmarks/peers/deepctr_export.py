"""Exports DeepCTR's DIN, with the features and widths of the contests, as a SavedModel that takes rows of dense ids.

    python -m benchmarks.peers.deepctr_export FOLDER
"""

from __future__ import annotations

import sys

from benchmarks.peers.deepctr_worker import FIELDS_OF_HISTORY, din
from benchmarks.peers.samples import Shape


def main() -> None:
    import tensorflow as tf

    shape = Shape(rows=100_000)
    model = din(shape)
    ids = {name: tf.TensorSpec([None], tf.int32, name) for name in ("item", "category", "seq_length")}
    ids |= {name: tf.TensorSpec([None, shape.history], tf.int32, name) for name in FIELDS_OF_HISTORY}
    tf.saved_model.save(model, sys.argv[1], signatures={"serving_default": tf.function(
        lambda **inputs: {"click": model(inputs, training=False)}).get_concrete_function(**ids)})


if __name__ == "__main__":
    main()
