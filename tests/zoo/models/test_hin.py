"""The HIN attention model: what neighbours change, what its switches leave, and what it answers where there are none."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.toy import META_PATHS, rich_bound, rich_requests, toy_assets, toy_batch, toy_model
from zoo.config import ConfigError
from zoo.data.request import Request
from zoo.data.vectors import read_vectors
from zoo.models.base import RankingModel
from zoo.schema import FIRST_ID

SCHEMA = rich_bound()


@pytest.fixture(scope="module")
def request_() -> Request:
    """Three rooms; i5, i10 and i15 have no neighbours, of an item in five as of i5."""
    request = rich_requests(1, seed=4, history=4, candidates=3)[0]
    return dataclasses.replace(request, candidates={**request.candidates, "item": ["i1", "i5", "i2"],
                                                    "shelf": [["i1", "i2"], ["i5"], []]})


@pytest.fixture(scope="module")
def model() -> RankingModel:
    return toy_model("hin", SCHEMA)


def with_products(request: Request, *items: str) -> Request:
    products = {"item": list(items), "gap": [1.0] * len(items)}
    return dataclasses.replace(request, sequences={**request.sequences, "products": products})


def scores(model: RankingModel, *requests: Request) -> np.ndarray:
    return model.probabilities(toy_batch(SCHEMA, list(requests)).inputs)["click"].numpy()


def states(model: RankingModel, request: Request) -> tuple[Any, Any]:
    inputs = toy_batch(SCHEMA, [request]).inputs
    return model.encode_request(inputs), model.encode_candidates(inputs)


def test_what_has_neighbours_has_a_part_and_what_has_none_has_zeros(model, request_):
    user, room = states(model, with_products(request_, "i5", "i10"))
    np.testing.assert_array_equal(room.room.present[0], [[1, 1], [0, 0], [1, 0]])  # like and on_shelf, by room
    assert room.room.paths[0, 0].numpy().any(-1).all() and not room.room.paths[0, 1].numpy().any()
    assert user.user.present[0, 0] == 0 and not user.user.paths[0, 0].numpy().any()
    nobody = dataclasses.replace(with_products(request_), candidates={
        **request_.candidates, "item": ["i5"] * 3, "shelf": [[]] * 3})
    assert np.isfinite(scores(model, nobody)).all()
    np.testing.assert_allclose(scores(model, nobody, request_)[1], scores(model, request_)[0], rtol=1e-4)


def test_a_history_is_expanded_by_the_offline_neighbours_of_its_products(model, request_):
    found = states(model, with_products(request_, "i1", "i5"))[0].live.products
    assert [str(id_) for id_ in found.ids[0, :, 0].numpy()] == [str(FIRST_ID + i) for i in (7, 13)] + ["0", "0"] + [
        str(FIRST_ID + i) for i in (1, 5)]
    plain = states(toy_model("hin", SCHEMA, {"expand": []}), with_products(request_, "i1", "i5"))[0]
    assert plain.live.products.mask.shape[1] == 2 and plain.user.paths.shape[1] == 3, "it is attended to instead"


@pytest.mark.parametrize(("settings", "tables"), [
    ({"embedding": {"tables": "shared"}}, {"space_item": 1, "role": 0}),
    ({"embedding": {"tables": "dedicated"}}, {"space_item": 0, "role": 1}),
    ({"embedding": {"tables": "both", "combine": "sum"}, "semantic": "mean"}, {"space_item": 1, "role": 1}),
    ({"paths": {}, "expand": []}, {"space_item": 1, "role": 1}),
])
def test_switches_leave_what_they_say(request_, settings, tables):
    model = toy_model("hin", SCHEMA, settings)
    assert np.isfinite(scores(model, request_)).all()
    names = {variable.name.split("/")[0] for variable in model.trainable_variables}
    assert {part: int(any(name.startswith(part) for name in names)) for part in tables} == tables
    hidden = [layer for layer in model._flatten_layers() if type(layer).__name__ == "SemanticAttention"]
    assert len(hidden) == (2 if "paths" not in settings and "semantic" not in settings else 0)


def test_shared_tables_begin_with_given_vectors_and_dedicated_ones_do_not():
    given = read_vectors(toy_assets()["item_vectors"])
    model = toy_model("hin", SCHEMA, {"embedding": {
        "dim": 16, "pretrained": {"item": {"asset": "item_vectors", "mode": "anchored", "anchor": 0.1}}}})
    rows = [FIRST_ID + int(raw[1:]) for raw in given.ids]
    np.testing.assert_allclose(model.embeddings.spaces["item"].table.numpy()[rows], given.values, rtol=1e-6)
    assert np.abs(model.embeddings.roles["candidate_item"].table.numpy()).max() < 0.1
    assert "item" in model.embeddings.row_regularization.anchors


@pytest.mark.parametrize(("settings", "message"), [
    ({"expand": ["nearr"]}, r"model\.config\.expand: there is no path 'nearr'; did you mean 'near'"),
    ({"expand": ["like"]}, r"'like' goes from candidate_item to item; the history is expanded from a field that the shelf has"),
    ({"embedding": {"dims": {"category": 5}}}, r"need vectors of one width, and there are item 48, category 21"),
    ({"paths": {"uiu": {"column": "products_item", "to": "item"}}, "expand": []}, r"no asset 'neighbours_uiu'"),
    ({"paths": {**META_PATHS, "like": {"column": "candidate_itm", "to": "item"}}}, r"paths\.like\.column: .* 'candidate_item'"),
])
def test_wrong_settings_are_told(settings, message):
    with pytest.raises(ConfigError, match=message):
        toy_model("hin", SCHEMA, settings)
