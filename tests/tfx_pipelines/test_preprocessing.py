"""The transformation: ids, numbers, buckets, and the layer that takes either side alone."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow_transform as tft

from tests.tfx_pipelines.transforming import analyzed
from tests.toy import ToyTransform, toy_requests, toy_schema
from tfx_pipelines.preprocessing import vocabulary_sizes
from zoo.data import parsing
from zoo.data.example import to_example
from zoo.keras import tf

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def requests():
    return toy_requests(200, schema=toy_schema())


@pytest.fixture(scope="module")
def output(requests, tmp_path_factory) -> tft.TFTransformOutput:
    return analyzed(toy_schema(), requests, tmp_path_factory.mktemp("transform"))


def raw(requests, columns):
    schema = toy_schema()
    parsed = tf.io.parse_example([to_example(schema, r) for r in requests], parsing.raw_spec(schema))
    return {c.name: parsed[c.name].to_sparse() if isinstance(parsed[c.name], tf.RaggedTensor) else parsed[c.name]
            for c in columns}


def test_each_side_alone_gives_what_both_give(output, requests):
    schema, layer = toy_schema(), output.transform_features_layer()
    both = layer(raw(requests[:5], schema.columns()))
    for level in ("request", "sequence", "candidate"):
        alone = layer(raw(requests[:5], schema.columns(level)))
        for column in schema.columns(level):
            ours, theirs = ([getattr(v, "values", v).numpy() for v in (alone[column.name], both[column.name])])
            np.testing.assert_array_equal(ours, theirs)


def test_one_vocabulary_serves_candidates_and_history(output, requests):
    schema, layer = toy_schema(), output.transform_features_layer()
    sizes = vocabulary_sizes(schema, output)
    shown = {item for r in requests for item in (*r.candidates["item"], *r.sequences["history"]["item"])}
    assert sizes["item"] == len(shown) and "user" not in sizes
    values = layer(raw(requests, [c for c in schema.columns() if c.feature.space == "item"]))
    known: dict[bytes, int] = {}
    for name in ("candidate_item", "history_item"):
        texts = raw(requests, [c for c in schema.columns() if c.name == name])[name].values.numpy()
        for text, number in zip(texts, values[name].values.numpy(), strict=True):
            assert known.setdefault(text, number) == number >= 2
    assert sorted(known.values()) == list(range(2, 2 + sizes["item"]))


def test_unknown_and_missing_ids_are_1(output):
    layer = output.transform_features_layer()
    sparse = tf.SparseTensor([[0, 0], [0, 1]], ["never-seen", ""], [1, 2])
    assert layer({"candidate_item": sparse})["candidate_item"].values.numpy().tolist() == [1, 1]
    assert layer({"user_id": tf.constant(["", "u1"])})["user_id"].numpy()[0] == 1


def test_numbers_are_normalised_and_missing_ones_are_0(output, requests):
    layer = output.transform_features_layer()
    prices = np.concatenate([r.candidates["price"] for r in requests]).astype(np.float32)
    sparse = tf.SparseTensor([[0, i] for i in range(3)], tf.constant([prices.mean(), prices.mean() + prices.std(), np.nan]),
                             [1, 3])
    np.testing.assert_allclose(layer({"candidate_price": sparse})["candidate_price"].values, [0, 1, 0], atol=1e-3)


def test_buckets_are_quantiles_and_missing_ones_are_1(output, requests):
    layer = output.transform_features_layer()
    hours = tf.constant([r.features["hour"] for r in requests] + [np.nan], tf.float32)
    buckets = layer({"hour": hours})["hour_bucket"].numpy()
    assert buckets[-1] == 1
    shares = np.bincount(buckets[:-1], minlength=6)[2:] / len(requests)
    assert len(shares) == 4 and shares.min() > 0.12


def test_toy_transform_has_the_same_columns(output, requests):
    schema = toy_schema()
    columns = raw(requests[:2], schema.columns())
    ours = set(output.transform_features_layer()(columns)) - {schema.group_column}
    assert set(ToyTransform(schema)(columns)) == ours
