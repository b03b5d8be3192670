"""The SavedModel's edges: long histories, wrong lengths, wide numbers, encoders."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.toy import ToyTransform, raw_tensors, toy_bound, toy_request, toy_requests
from zoo.data.example import to_example
from zoo.export import ServableRanker, export_model, flatten
from zoo.keras import tf
from zoo.models import registry
from zoo.schema import Schema


@pytest.fixture(scope="module")
def servable():
    schema = toy_bound()
    return ServableRanker(registry.build("din", schema), ToyTransform(schema))


def test_a_long_history_counts_by_its_last_events(servable):
    request = toy_request(np.random.default_rng(0), servable.schema, history=20, candidates=3)
    recent = dataclasses.replace(request, sequences={"history": {
        name: values[-8:] for name, values in request.sequences["history"].items()}})
    long, short = (servable.rank(**raw_tensors(servable.schema, [r]))["click"].numpy() for r in (request, recent))
    np.testing.assert_allclose(long, short, atol=1e-6)


def test_a_request_beside_a_longer_one_keeps_its_scores(servable):
    rng = np.random.default_rng(0)
    requests = [toy_request(rng, servable.schema, history=n, candidates=c) for n, c in ((20, 2), (0, 5), (3, 1))]
    together = servable.rank(**raw_tensors(servable.schema, requests))["click"].numpy()
    for row, request in enumerate(requests):
        alone = servable.rank(**raw_tensors(servable.schema, [request]))["click"].numpy()[0]
        np.testing.assert_allclose(together[row, :request.candidate_count], alone, atol=1e-6)


@pytest.mark.parametrize(("changes", "message"), [
    ({"history_length": [9]}, "history_length is above the width of history_item"),
    ({"history_length": [-1]}, "history_length must not be negative"),
    ({"candidate_count": [3]}, "candidate_count is above the width of candidate_item"),
])
def test_lengths_must_fit_their_tensors(servable, changes, message):
    raw = raw_tensors(servable.schema, [toy_request(np.random.default_rng(0), servable.schema, history=2, candidates=2)])
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        servable.rank(**raw | {name: tf.constant(value, tf.int64) for name, value in changes.items()})


def test_columns_of_an_example_must_be_equally_long(servable):
    example = tf.train.Example.FromString(to_example(servable.schema, toy_requests(1)[0], labelled=False))
    example.features.feature["candidate_category"].bytes_list.value.append(b"c1")
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be equally long"):
        servable.serve_examples(tf.constant([example.SerializeToString()]))


def test_the_schema_travels_with_the_model(servable, tmp_path):
    export_model(servable.model, ToyTransform(servable.schema), tmp_path / "1")
    assert Schema.load(tmp_path / "1" / "assets.extra" / "schema.yaml") == servable.schema


def test_states_are_flat_by_name():
    one, two = tf.constant(1), tf.constant(2)
    assert list(flatten({"a": one, "b": {"c": two, "d": None}})) == ["a", "b_c"]
    assert list(flatten(one)) == ["state"]
