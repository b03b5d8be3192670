"""DeepCTR's DIN with its defaults, Adam, trained by Keras' `fit`."""

from __future__ import annotations

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # DeepCTR 0.9.4 knows no other Keras

import tensorflow as tf
from deepctr.feature_column import SparseFeat, VarLenSparseFeat
from deepctr.models import DIN

from benchmarks.peers.samples import CATEGORIES, Shape, samples
from benchmarks.peers.worker import Round, serve

FIELDS_OF_HISTORY = ("hist_item", "hist_category")


def din(shape: Shape) -> tf.keras.Model:
    """The model over two id fields and a history of both."""
    fields = {"item": shape.rows, "category": CATEGORIES}
    features = [SparseFeat(name, size, 16) for name, size in fields.items()]
    features += [VarLenSparseFeat(SparseFeat(f"hist_{name}", size, 16, embedding_name=name), shape.history,
                                  length_name="seq_length") for name, size in fields.items()]
    return DIN(features, list(fields), dnn_hidden_units=(200, 80))


def build(shape: Shape) -> Round:
    columns = samples(shape)
    inputs = {"seq_length": columns["history_length"]}
    for name in ("item", "category"):
        inputs |= {name: columns[f"candidate_{name}"][:, 0], f"hist_{name}": columns[f"history_{name}"]}
    model = din(shape)
    model.compile("adam", "binary_crossentropy")
    # As ours: tuned, the end of a round would wait for the tuner's sleep.
    options = tf.data.Options()
    options.autotune.enabled = False
    batches = tf.data.Dataset.from_tensor_slices((inputs, columns["label"])).batch(shape.requests).cache()
    batches = batches.with_options(options)
    return lambda: model.fit(batches, verbose=0)


if __name__ == "__main__":
    serve(build)
