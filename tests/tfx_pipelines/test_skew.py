"""What the serving gate says of a request that training and serving see differently."""

from __future__ import annotations

import numpy as np
import pytest

from tests.toy import ToyTransform, toy_bound, toy_request, write_transformed
from tfx_pipelines.skew import Skew, cause, skew
from zoo.keras import tf
from zoo.schema import Schema


@pytest.fixture(scope="module")
def schema() -> Schema:
    return toy_bound()


@pytest.fixture(scope="module")
def request_(schema):
    return toy_request(np.random.default_rng(0), schema, history=12, candidates=3, name="r7")


def example(schema, request, tmp_path, **changes) -> bytes:
    """The transformed example, with some values set: `column=(place, value)`."""
    path = write_transformed(str(tmp_path / "transformed.gz"), schema, [request])
    found = tf.train.Example.FromString(next(iter(tf.data.TFRecordDataset(path, "GZIP"))).numpy())
    for name, (place, value) in changes.items():
        feature = found.features.feature[name]
        getattr(feature, feature.WhichOneof("kind")).value[place] = value
    return found.SerializeToString()


def test_nothing_is_found_where_the_two_ways_agree(schema, request_, tmp_path):
    assert skew(schema, request_, example(schema, request_, tmp_path), ToyTransform(schema)) == []


def test_column_place_and_raw_value_are_named(schema, request_, tmp_path):
    gaps, prices = request_.sequences["history"]["gap"][-8:], request_.candidates["price"]
    wrong = example(schema, request_, tmp_path, hour_bucket=(0, 9), history_gap_bucket=(5, 0), candidate_price=(2, 0.5))
    found = skew(schema, request_, wrong, ToyTransform(schema))
    assert [(one.column, one.place, one.raw, one.trained) for one in found] == [
        ("hour_bucket", None, request_.features["hour"], 9), ("history_gap_bucket", 5, gaps[5], 0),
        ("candidate_price", 2, prices[2], 0.5)]
    assert found[2].served == np.float32(np.float32(prices[2]) / 10)
    assert str(found[1]) == (f"request 'r7': history_gap_bucket[5] {gaps[5]!r} is 0 in training and {found[1].served} in "
                             "serving")


def test_a_lost_event_is_found_by_the_length(schema, request_, tmp_path):
    whole = tf.train.Example.FromString(example(schema, request_, tmp_path))
    for name in ("history_item", "history_category", "history_gap_bucket"):
        del whole.features.feature[name].int64_list.value[-1]
    del whole.features.feature["history_gap"].float_list.value[-1]
    found = skew(schema, request_, whole.SerializeToString(), ToyTransform(schema))
    assert found == [Skew("r7", "history_length", None, None, 7, 8)]


def test_the_cause_in_one_sentence(schema, request_, tmp_path):
    def of(serialized: bytes) -> str:
        with tf.io.TFRecordWriter(str(tmp_path / "split.gz"), "GZIP") as writer:
            writer.write(serialized)
        return cause(schema, [request_], [str(tmp_path / "split.gz")], ToyTransform(schema))

    assert of(example(schema, request_, tmp_path)).startswith("what the model reads is the same in training and serving")
    wrong = {"hour_bucket": (0, 9), "history_item": (2, 0), "candidate_price": (2, 0.5)}
    sentence = of(example(schema, request_, tmp_path, **wrong))
    assert sentence.startswith("training and serving transform hour_bucket, history_item, candidate_price differently: "
                               "request 'r7': hour_bucket ")
    assert repr(request_.sequences["history"]["item"][-6]) in sentence
