"""Training, serialized requests and raw calls give a model the same inputs, bit for bit, whatever a call is padded with."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.encoding import encode_requests
from tests.model_inputs import real_inputs
from tests.toy import ToyTransform, raw_tensors, rich_bound, rich_request, transformed_example
from zoo.data import parsing
from zoo.data.example import to_example
from zoo.data.request import Request
from zoo.export.inputs import candidate_inputs, candidate_specs, example_inputs, request_inputs, request_specs
from zoo.keras import tf

SCHEMA = rich_bound()
TRANSFORM = ToyTransform(SCHEMA)
# Known and unknown ones, a missing one, and one that is no ASCII.
tags = st.lists(st.sampled_from(["t0", "t3", "t11", "never seen", "", "größe"]), max_size=6)
numbers = st.floats(0, 1e6, width=32) | st.just(float("nan"))


@st.composite
def requests(draw) -> Request:
    base = rich_request(np.random.default_rng(draw(st.integers(0, 2**32))), SCHEMA, history=draw(st.integers(0, 11)),
                        candidates=draw(st.integers(1, 6)), name=draw(st.text(max_size=3)))
    events, count = len(base.sequences["history"]["item"]), base.candidate_count

    def several(places: int) -> dict:
        ids = [draw(tags) for _ in range(places)]
        return {"tags": ids, "tags_weight": [[draw(st.floats(0, 10, width=32)) for _ in one] for one in ids]}

    interests = several(1)
    return dataclasses.replace(
        base,
        features=base.features | {"interests": interests["tags"][0], "interests_weight": interests["tags_weight"][0],
                                  "hour": draw(numbers)},
        sequences=base.sequences | {"history": {**base.sequences["history"], "tags": several(events)["tags"]}},
        candidates={**base.candidates, **several(count), "title": [draw(st.text(max_size=5)) for _ in range(count)],
                    "price": [draw(numbers) for _ in range(count)]})


def training(batch: list[Request]) -> dict[str, tf.Tensor]:
    examples = [transformed_example(SCHEMA, request, TRANSFORM) for request in batch]
    return parsing.to_dense(SCHEMA, tf.io.parse_example(examples, parsing.transformed_spec(SCHEMA)))


@functools.cache
def signatures() -> tuple:
    """What stands behind `rank` and `serving_default`, traced as for an export."""
    rank = tf.function(lambda **raw: request_inputs(SCHEMA, TRANSFORM, raw) | candidate_inputs(SCHEMA, TRANSFORM, raw),
                       autograph=False).get_concrete_function(**request_specs(SCHEMA), **candidate_specs(SCHEMA))
    serving_default = tf.function(lambda examples: example_inputs(SCHEMA, TRANSFORM, examples),
                                  autograph=False).get_concrete_function(tf.TensorSpec([None], tf.string))
    return rank, serving_default


def ranking(raw: dict) -> dict[str, tf.Tensor]:
    return signatures()[0](**{name: tf.constant(value) for name, value in raw.items()})


def from_examples(examples: list[bytes]) -> dict[str, tf.Tensor]:
    return signatures()[1](tf.constant(examples))


def joined(calls: list[dict[str, tf.Tensor]]) -> dict[str, tf.Tensor]:
    """Calls of one request each as TF Serving joins them: padded with the first element of each tensor."""
    result = {}
    for name in calls[0]:
        arrays = [call[name].numpy() for call in calls]
        shape = np.max([array.shape[1:] for array in arrays], 0).astype(int) if arrays[0].ndim > 1 else ()
        empty = b"" if arrays[0].dtype == object else 0
        result[name] = np.concatenate([
            np.pad(array, [(0, 0)] + [(0, most - size) for most, size in zip(shape, array.shape[1:], strict=True)],
                   constant_values=array.flat[0] if array.size else empty) for array in arrays])
    return result


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(st.lists(requests(), min_size=1, max_size=3))
def test_all_ways_give_the_same_inputs(batch):
    expected = real_inputs(SCHEMA, training(batch))
    examples = [to_example(SCHEMA, request, labelled=False) for request in batch]
    assert real_inputs(SCHEMA, from_examples(examples)) == expected
    assert real_inputs(SCHEMA, ranking(encode_requests(SCHEMA, batch).inputs)) == expected
    uncut = ranking(raw_tensors(SCHEMA, batch))
    assert real_inputs(SCHEMA, uncut) == expected
    calls = [raw_tensors(SCHEMA, [request]) for request in batch]
    assert real_inputs(SCHEMA, ranking(joined(calls))) == expected
    assert uncut["history_tags"].shape[1] <= 8 and uncut["history_tags"].shape[2] <= 3
    for row, request in enumerate(batch):
        events = request.sequences["history"]["tags"][-8:]
        assert [min(len(several), 3) for several in events] == uncut["history_tags_count"][row].numpy()[:len(events)].tolist()
        for place, title in enumerate(request.candidates["title"]):
            assert uncut["candidate_title"][row, place].numpy().decode() == title


def by_hand() -> Request:
    base = rich_request(np.random.default_rng(0), SCHEMA, history=2, candidates=2)
    return dataclasses.replace(
        base,
        features={"user_id": "u1", "hour": 1.0, "interests": ["t1", "no such", "t2", "t3", "t4"],
                  "interests_weight": [0.5, 1.0, 2.0, 3.0, 4.0]},
        sequences=base.sequences | {"history": {"item": ["i1", "i2"], "category": ["c1", "c2"], "gap": [1.0, 2.0],
                                                "tags": [[], ["t5", "t0"]]}})


def test_several_values_by_hand():
    inputs = ranking(raw_tensors(SCHEMA, [by_hand()]))
    # Five interests, of which the schema keeps four; t0 is 2, and an id that is not in the vocabulary 1.
    assert inputs["interests"].numpy().tolist() == [[3, 1, 4, 5]] and inputs["interests_count"].numpy().tolist() == [4]
    assert inputs["interests_weight"].numpy().tolist() == [[0.5, 1.0, 2.0, 3.0]]
    assert inputs["history_tags"].numpy().tolist() == [[[0, 0], [7, 2]]]
    assert inputs["history_tags_count"].numpy().tolist() == [[0, 2]]


@pytest.mark.parametrize(("changes", "message"), [
    ({"interests_count": [6]}, "interests_count is above the width of interests"),
    ({"interests_count": [-1]}, "interests_count must not be negative"),
    ({"history_tags_count": [[0, 3]]}, "history_tags_count is above the width of history_tags"),
    ({"history_tags_count": [[0]]}, "history_length is above the width of history_tags_count"),
    ({"history_tags_count": [[0, 2, 1]]}, "history_tags_count must have the shape of history_tags without its last"),
    ({"interests_weight": [[1.0]]}, "interests_weight must have the shape of interests"),
])
def test_counts_and_weights_must_fit_the_values(changes, message):
    raw = raw_tensors(SCHEMA, [by_hand()])
    raw |= {name: tf.constant(value, raw[name].dtype) for name, value in changes.items()}
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        ranking(raw)


@pytest.mark.parametrize("column", ["interests_count", "history_tags_count", "candidate_tags_count"])
def test_counts_of_an_example_must_sum_up_to_its_values(column):
    example = tf.train.Example.FromString(to_example(SCHEMA, by_hand(), labelled=False))
    example.features.feature[column].int64_list.value[0] += 1
    values = column.removesuffix("_count")
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{column}.* must sum up to the number of values in .*{values}"):
        from_examples([example.SerializeToString()])


def test_the_smallest_inputs_have_every_name():
    inputs = parsing.smallest_inputs(SCHEMA)
    assert set(inputs) == set(training([by_hand()]))
    assert inputs["interests_count"].numpy().tolist() == [0] and inputs["candidate_title"].numpy().tolist() == [[b""]]
