"""From a table of samples to the first batch as DeepCTR's examples do it: pandas, LabelEncoder, padded lists, a dict of arrays.

    python -m benchmarks.peers.deepctr_reader samples.parquet

What its example of movie ratings does by hand: ids as numbers, texts of several values split and numbered, padded to 50.
"""

from __future__ import annotations

import json
import os
import sys

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # DeepCTR 0.9.4 knows no other Keras

import pandas
import tensorflow as tf
from sklearn.preprocessing import LabelEncoder, MinMaxScaler
from tf_keras.preprocessing.sequence import pad_sequences

from benchmarks.peers.table import BATCH, HISTORY, SEPARATOR


def first_batch(path: str) -> int:
    """Makes all that `fit` is called with, and takes the first batch of it."""
    data = pandas.read_parquet(path)
    inputs = {name: LabelEncoder().fit_transform(data[name]) for name in ("user", "age", "city")}
    inputs["price"] = MinMaxScaler().fit_transform(data[["price"]])
    for name in ("item", "category"):
        numbers: dict[str, int] = {}  # of the candidates and the history together; 0 is padding

        def numbered(text: str, numbers: dict[str, int] = numbers) -> list[int]:
            parts = text.split(SEPARATOR)
            for part in parts:
                if part not in numbers:
                    numbers[part] = len(numbers) + 1
            return [numbers[part] for part in parts]

        past = list(map(numbered, data[f"hist_{name}"].values))
        inputs[f"hist_{name}"] = pad_sequences(past, maxlen=HISTORY, padding="post", truncating="pre")
        inputs[name] = pad_sequences(list(map(numbered, data[name].values)), maxlen=1)[:, 0]
        inputs["seq_length"] = pandas.Series(map(len, past)).clip(upper=HISTORY).to_numpy()
    batch = next(iter(tf.data.Dataset.from_tensor_slices((inputs, data["click"].values)).batch(BATCH)))
    assert batch[0]["hist_item"].shape == (BATCH, HISTORY)
    return len(data)


if __name__ == "__main__":
    print(json.dumps({"count": first_batch(sys.argv[1])}))
