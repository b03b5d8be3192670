"""What the serving gate says of a request that training and serving see differently."""

from __future__ import annotations

import numpy as np
import pytest

from tests.toy import ToyTransform, rich_bound, rich_request, toy_bound, toy_request, transformed_example
from tfx_pipelines.skew import Skew, cause, skew
from zoo.keras import tf
from zoo.schema import Schema


@pytest.fixture(scope="module")
def schema() -> Schema:
    return toy_bound()


@pytest.fixture(scope="module")
def request_(schema):
    return toy_request(np.random.default_rng(0), schema, history=12, candidates=3, name="r7")


def example(schema, request, **changes) -> bytes:
    """The transformed example, with some values set: `column=(place, value)`."""
    found = tf.train.Example.FromString(transformed_example(schema, request))
    for name, (place, value) in changes.items():
        feature = found.features.feature[name]
        getattr(feature, feature.WhichOneof("kind")).value[place] = value
    return found.SerializeToString()


def test_nothing_is_found_where_the_two_ways_agree(schema, request_):
    assert skew(schema, request_, example(schema, request_), ToyTransform(schema)) == []


def test_column_place_and_raw_value_are_named(schema, request_):
    gaps, prices = request_.sequences["history"]["gap"][-8:], request_.candidates["price"]
    wrong = example(schema, request_, hour_bucket=(0, 9), history_gap_bucket=(5, 0), candidate_price=(2, 0.5))
    found = skew(schema, request_, wrong, ToyTransform(schema))
    assert [(one.column, one.place, one.raw, one.trained) for one in found] == [
        ("hour_bucket", None, request_.features["hour"], 9), ("history_gap_bucket", 5, gaps[5], 0),
        ("candidate_price", 2, prices[2], 0.5)]
    assert found[2].served == np.float32(np.float64(np.float32(prices[2])) / 10)
    assert str(found[1]) == (f"request 'r7': history_gap_bucket[5] {gaps[5]!r} is 0 in training and {found[1].served} in "
                             "serving")


def test_several_values_are_compared_up_to_their_count():
    schema = rich_bound()
    request = rich_request(np.random.default_rng(3), schema, history=3, candidates=2)
    assert skew(schema, request, example(schema, request), ToyTransform(schema)) == []
    tags, weights = request.candidates["tags"], request.candidates["tags_weight"]
    place = next(place for place, several in enumerate(tags) if several)
    first = sum(len(several[:3]) for several in tags[:place])
    wrong = example(schema, request, candidate_tags=(first, 0), candidate_tags_weight=(first, 99.0),
                    candidate_title=(1, "Größe".encode()))
    found = skew(schema, request, wrong, ToyTransform(schema))
    assert [(one.column, one.place, one.raw) for one in found] == [
        ("candidate_tags", place, tags[place][:3]), ("candidate_tags_weight", place, weights[place][:3]),
        ("candidate_title", 1, request.candidates["title"][1])]
    assert found[0].trained == [0, *found[0].served[1:]] and found[1].trained[0] == 99.0


def test_a_lost_event_is_found_by_the_length(schema, request_):
    whole = tf.train.Example.FromString(example(schema, request_))
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

    assert of(example(schema, request_)).startswith("what the model reads is the same in training and serving")
    wrong = {"hour_bucket": (0, 9), "history_item": (2, 0), "candidate_price": (2, 0.5)}
    sentence = of(example(schema, request_, **wrong))
    assert sentence.startswith("training and serving transform hour_bucket, history_item, candidate_price differently: "
                               "request 'r7': hour_bucket ")
    assert repr(request_.sequences["history"]["item"][-6]) in sentence
