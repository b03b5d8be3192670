"""A small schema with every kind of column, random requests over it, and a transformation without TFX."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from zoo.data import parsing
from zoo.data.example import to_example
from zoo.data.request import Request
from zoo.keras import tf
from zoo.schema import FIRST_ID, UNKNOWN_ID, BehaviourSequence, Feature, IdSpace, Label, Schema

ITEMS, CATEGORIES = 60, 6


def toy_schema(labels: tuple[Label, ...] = (Label(name="click"),)) -> Schema:
    """Items, categories, a hashed user, numbers with and without buckets, and a wide number."""
    return Schema(
        name="toy",
        spaces={"item": IdSpace(), "category": IdSpace(), "user": IdSpace(kind="hashed", buckets=50)},
        request=(Feature(name="user_id", space="user", role="user"), Feature(name="hour", kind="number", buckets=4)),
        sequences=(BehaviourSequence(name="history", max_length=8, fields=(
            Feature(name="item", space="item", role="item"),
            Feature(name="category", space="category", role="category"),
            Feature(name="gap", kind="number", role="time_gap", transform="log_zscore", buckets=5),
        )),),
        candidates=(
            Feature(name="item", space="item", role="item"),
            Feature(name="category", space="category", role="category"),
            Feature(name="price", kind="number", role="price"),
            Feature(name="image", kind="number", width=3),
        ),
        labels=labels,
        group_key="user_id",
        max_candidates=500,
    )


def toy_request(rng: np.random.Generator, schema: Schema, history: int | None = None, candidates: int | None = None,
                name: str = "r", time: int = 1_600_000_000) -> Request:
    """A random request; clicks are likely where the candidate's category stands in the history."""
    events = int(rng.integers(0, 9)) if history is None else history
    count = int(rng.integers(1, 7)) if candidates is None else candidates
    past, shown = rng.integers(0, ITEMS, events), rng.integers(0, ITEMS, count)
    liked = np.isin(shown % CATEGORIES, past % CATEGORIES)
    labels = {label.name: (rng.random(count) < np.where(liked, 0.8, 0.2)).astype(float).tolist()
              for label in schema.labels}
    return Request(
        request_id=name, time=time,
        features={"user_id": f"u{rng.integers(30)}", "hour": float(rng.integers(24))},
        sequences={"history": {"item": [f"i{i}" for i in past], "category": [f"c{i % CATEGORIES}" for i in past],
                               "gap": rng.exponential(100, events).tolist()}},
        candidates={"item": [f"i{i}" for i in shown], "category": [f"c{i % CATEGORIES}" for i in shown],
                    "price": rng.exponential(10, count).tolist(), "image": rng.normal(size=(count, 3)).tolist()},
        labels=labels,
    )


def toy_requests(count: int = 64, seed: int = 0, schema: Schema | None = None, **kwargs: Any) -> list[Request]:
    rng = np.random.default_rng(seed)
    schema = schema or toy_schema()
    return [toy_request(rng, schema, name=f"r{i}", time=1_600_000_000 + i, **kwargs) for i in range(count)]


class ToyTransform(tf.Module):
    """Look-ups and fixed scaling, by the contract of the pipeline's transformation; elementwise, any subset."""

    def __init__(self, schema: Schema):
        super().__init__()
        self.schema = schema
        self.tables = {"item": _table(f"i{i}" for i in range(ITEMS)),
                       "category": _table(f"c{i}" for i in range(CATEGORIES))}

    def __call__(self, values: Mapping[str, Any]) -> dict[str, Any]:
        result = {}
        for column in self.schema.columns():
            if column.name not in values:
                continue
            value = values[column.name]
            if column.feature.kind == "number":
                scale = _log1p if column.feature.transform == "log_zscore" else (lambda x: x / 10.0)
                result[column.name] = _elementwise(scale, value)
                if column.feature.buckets:
                    most = column.feature.buckets - 1
                    result[column.bucket] = _elementwise(
                        lambda x, most=most: FIRST_ID + tf.cast(tf.clip_by_value(x / 8, 0, most), tf.int64), value)
            elif column.feature.space == "user":
                result[column.name] = _elementwise(
                    lambda x: tf.where(x == "", tf.constant(UNKNOWN_ID, tf.int64),
                                       FIRST_ID + tf.strings.to_hash_bucket_fast(x, 50)), value)
            else:
                result[column.name] = _elementwise(self.tables[column.feature.space].lookup, value)
        return result


def toy_bound() -> Schema:
    return toy_schema().bind({"item": ITEMS, "category": CATEGORIES})


def toy_batch(schema: Schema, requests: list[Request]) -> tuple[dict, dict, dict]:
    """`(inputs, labels, weights)` of some requests, through parsing and the transformation."""
    examples = tf.constant([to_example(schema, request) for request in requests])
    parsed = tf.io.parse_example(examples, parsing.raw_spec(schema) | parsing.label_spec(schema))
    raw = {c.name: parsed[c.name] for c in schema.columns()}
    sparse = {k: v.to_sparse() if isinstance(v, tf.RaggedTensor) else v for k, v in raw.items()}
    transformed = {k: tf.RaggedTensor.from_sparse(v) if isinstance(v, tf.SparseTensor) else v
                   for k, v in ToyTransform(schema)(sparse).items()}
    return parsing.to_dense(schema, transformed), *parsing.labels_and_weights(schema, parsed)


def _log1p(values: tf.Tensor) -> tf.Tensor:
    """In float64, as the pipeline's: a float32 logarithm's last bit depends on the value's place."""
    return tf.cast(tf.math.log1p(tf.cast(values, tf.float64)), tf.float32)


def _table(keys: Iterable[str]) -> tf.lookup.StaticHashTable:
    keys = list(keys)
    values = tf.range(FIRST_ID, FIRST_ID + len(keys), dtype=tf.int64)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(tf.constant(keys), values), UNKNOWN_ID)


def _elementwise(function: Any, value: Any) -> Any:
    return value.with_values(function(value.values)) if isinstance(value, tf.SparseTensor) else function(value)


def write_transformed(path: str, schema: Schema, requests: Iterable[Request]) -> str:
    """A file of transformed examples as the pipeline writes them, by the toy transformation."""
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        for request in requests:
            raw = to_example(schema, request)
            parsed = tf.io.parse_example([raw], parsing.raw_spec(schema))
            sparse = {k: v.to_sparse() if isinstance(v, tf.RaggedTensor) else v for k, v in parsed.items()}
            example = tf.train.Example.FromString(raw)
            for name, value in ToyTransform(schema)(sparse).items():
                values = (value.values if isinstance(value, tf.SparseTensor) else value).numpy()
                feature = example.features.feature[name]
                feature.Clear()
                if values.dtype == np.int64:
                    feature.int64_list.value.extend(values)
                else:
                    feature.float_list.value.extend(values)
            example.features.feature["request_id"].bytes_list.value[:] = [request.request_id.encode()]
            group = str(request.features[schema.group_key]).encode()
            example.features.feature[schema.group_column].bytes_list.value[:] = [group]
            writer.write(example.SerializeToString())
    return path
