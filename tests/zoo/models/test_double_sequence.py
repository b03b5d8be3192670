"""The double-sequence model: what each stream reads, and what it answers where something is missing."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.toy import rich_bound, rich_requests, toy_batch, toy_bound, toy_model
from zoo.config import ConfigError
from zoo.data.request import Request
from zoo.keras import tf
from zoo.models import registry
from zoo.models.base import RankingModel

SCHEMA = rich_bound()


@pytest.fixture(scope="module", params=["both", "rooms", "products"])
def streamed(request) -> tuple[str, RankingModel]:
    streams = ["rooms", "products"] if request.param == "both" else [request.param]
    return request.param, toy_model("double_sequence", SCHEMA, {"streams": streams, "value": {"click": 1.0, "purchase": 1.0}})


def scores(model: RankingModel, *requests: Request) -> np.ndarray:
    return model.probabilities(toy_batch(SCHEMA, list(requests)).inputs)["value"].numpy()


def with_parts(request: Request, **parts: dict[str, Any]) -> Request:
    return dataclasses.replace(request, **{name: {**getattr(request, name), **values} for name, values in parts.items()})


@pytest.fixture(scope="module")
def request_() -> Request:
    request = rich_requests(1, seed=4, history=4, candidates=3)[0]
    return with_parts(request, candidates={"shelf": [["i1", "i2"], ["i3"], ["i4", "i5"]], "sold": [["i2"], [], ["i4"]]})


def test_each_stream_reads_its_own_history(streamed, request_):
    name, model = streamed
    rooms = with_parts(request_, sequences={"history": {**request_.sequences["history"], "item": ["i50"] * 4}})
    products = with_parts(request_, sequences={"products": {**request_.sequences["products"], "item": ["i51"] * 4}})
    plain, of_rooms, of_products = (scores(model, one)[0] for one in (request_, rooms, products))
    assert (np.abs(of_rooms - plain).max() > 0) == (name != "products")
    assert (np.abs(of_products - plain).max() > 0) == (name != "rooms")


def test_a_room_without_a_shelf_is_scored_and_leaves_the_others_alone(streamed, request_):
    bare = with_parts(request_, candidates={"shelf": [[], ["i3"], ["i4", "i5"]]})
    nothing = with_parts(request_, candidates={"shelf": [[]] * 3, "sold": [[]] * 3})
    plain, one, none = (scores(streamed[1], request)[0] for request in (request_, bare, nothing))
    assert np.isfinite(one).all() and np.isfinite(none).all() and one[0] != plain[0]
    np.testing.assert_allclose(one[1:], plain[1:], rtol=1e-5)
    np.testing.assert_allclose(scores(streamed[1], bare, nothing), [one, none], rtol=1e-4)


def test_a_user_without_products_or_rooms_and_an_event_of_an_unknown_room(streamed, request_):
    """An unknown room is a room of which nothing is known, as a missing one is; a histories' end does not matter."""
    model, past = streamed[1], request_.sequences["history"]
    empty = with_parts(request_, sequences={"products": {"item": [], "gap": []}})
    strange, missing = (with_parts(request_, sequences={"history": {**past, "item": [*past["item"][:3], room]}})
                        for room in ("a room that nobody knows", ""))
    assert np.isfinite(scores(model, empty)).all()
    np.testing.assert_allclose(scores(model, strange), scores(model, missing), rtol=1e-6)
    np.testing.assert_allclose(scores(model, empty, request_)[0], scores(model, empty)[0], rtol=1e-4)


def test_an_order_is_learned_over_all_rooms_and_its_waiting_time_is_none(request_):
    """`p(purchase | click)` moves where nothing was clicked, too."""
    model = toy_model("double_sequence", SCHEMA)
    batch = toy_batch(SCHEMA, [request_])
    labels = {**batch.labels, "click": tf.zeros_like(batch.labels["click"])}
    with tf.GradientTape() as tape:
        outputs = model(batch.inputs)
        loss = model.loss(outputs, batch._replace(labels=labels))
    assert (tape.gradient(loss, outputs["purchase"]).numpy() > 0).all()


def test_a_log_without_shelves_or_of_two_minds_is_told():
    with pytest.raises(ConfigError, match=r"the role 'products'.* the schema 'toy' has no such pair;.*streams: \[rooms\]"):
        registry.build("double_sequence", toy_bound())
    shelf = next(feature for feature in SCHEMA.candidates if feature.name == "shelf")
    category = shelf.model_copy(update={"name": "shelf_tag", "space": "tag"})
    sequence = SCHEMA.sequence("products")
    tagged = sequence.model_copy(update={"fields": (*sequence.fields, sequence.fields[0].model_copy(
        update={"name": "tag", "space": "tag", "role": None}))})
    two = SCHEMA.model_copy(update={"candidates": (*SCHEMA.candidates, category), "sequences": (SCHEMA.sequences[0], tagged)})
    model = registry.build("double_sequence", two)
    inputs = dict(toy_batch(SCHEMA, rich_requests(1, seed=1, candidates=2)).inputs)
    count = inputs["candidate_shelf_count"]
    inputs |= {"products_tag": inputs["products_item"], "candidate_shelf_tag": inputs["candidate_shelf"],
               "candidate_shelf_tag_count": count}
    assert np.isfinite(model.probabilities(inputs)["click"]).all()
    with pytest.raises(tf.errors.InvalidArgumentError, match="speak of the same products"):
        model.probabilities(inputs | {"candidate_shelf_tag_count": count + 1})
