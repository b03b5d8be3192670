"""The final value of a model of several tasks: in a server's answer beside its factors, and what candidates are ranked by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from serving.client import RankingClient
from serving.server import LocalModelServer
from tests.toy import CATEGORIES, ITEMS, ToyTransform, toy_catalogue, toy_model, toy_requests, toy_schema
from zoo.data.example import to_example
from zoo.data.request import Request
from zoo.export import export_model, load_model
from zoo.keras import keras, tf
from zoo.schema import Label, Schema

# The less likely a click, the more it is worth, so that no task's order is the value's.
POWERS = {"click": -1.0, "stay": 2.0, "order": 1.5}


@pytest.fixture(scope="module")
def schema() -> Schema:
    labels = (Label(name="click"), Label(name="stay", kind="regression", scale="log1p"), Label(name="order", given="click"))
    return toy_schema(labels).bind({"item": ITEMS, "category": CATEGORIES})


@pytest.fixture(scope="module")
def requests(schema) -> list[Request]:
    return toy_requests(6, schema=schema, candidates=5)


@pytest.fixture(scope="module", params=["embedding_mlp", "dssm"])
def served(request, schema, requests, tmp_path_factory) -> Iterator[tuple[Path, RankingClient]]:
    """A model that is sent all columns, and one that keeps its items."""
    keras.utils.set_random_seed(3)
    model = toy_model(request.param, schema, {"value": POWERS})
    for variable in model.trainable_variables:
        variable.assign_add(tf.random.normal(variable.shape, stddev=0.2))
    path = tmp_path_factory.mktemp(request.param) / "1"
    catalogue = toy_catalogue(schema, requests)
    export_model(model, ToyTransform(schema), path, *(("float32", catalogue) if request.param == "dssm" else ()))
    with (LocalModelServer({"model": path.parent}, rest_port=None) as server,
          RankingClient.of_model(server.target, "model", path, deadline_s=60.0) as client):
        client.wait_until_ready()
        yield path, client


@pytest.mark.slow
def test_the_answer_has_the_value_and_its_factors_and_ranks_by_it(served, schema, requests):
    path, client = served
    examples = client.score_examples([to_example(schema, request, labelled=False) for request in requests])
    for row, ranking in enumerate(client.rank(requests)):
        scores = ranking.scores
        assert set(scores) == {"click", "stay", "order", "value"}
        assert (scores["stay"] >= 0).all()
        expected = scores["click"] ** -1 * np.exp(scores["stay"]) ** 2 * scores["order"] ** 1.5
        np.testing.assert_allclose(scores["value"], expected, rtol=1e-4)
        np.testing.assert_allclose(examples["value"][row], scores["value"], rtol=1e-4)
        best = [candidate.index for candidate in ranking.ranked()]
        assert best == np.argsort(-scores["value"], kind="stable").tolist()
        assert ranking.ranked("click")[0].index == np.argmax(scores["click"])
    assert load_model(str(path)).config.value == POWERS
    if client.by_id:
        for top, ranking in zip(client.top_k(requests, 3), client.rank(requests), strict=True):
            assert top.places.tolist() == np.argsort(-ranking.scores["value"], kind="stable")[:3].tolist()
            assert [one.score for one in top.ranked()] == pytest.approx(sorted(ranking.scores["value"])[:1:-1][:3], rel=1e-4)
