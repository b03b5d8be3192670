"""The contract of coarse rankers that keep the items themselves: candidates are named, and scored as the model scores them."""

from __future__ import annotations

import dataclasses
import gc
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from serving.client import RankingClient
from serving.commands import rank
from serving.errors import BadRequestError, ServingError
from serving.model_dir import exported_model
from serving.server import LocalModelServer
from serving.warmup import write_warmup
from tests.contract.test_every_model import SWITCHED_ON, TOLERANCE
from tests.documented import documented, register
from tests.toy import ToyTransform, rich_bound, rich_request, rich_requests, toy_batch, toy_catalogue, toy_model
from zoo.data.example import to_example
from zoo.data.request import Request, RequestError
from zoo.data.request_json import request_to_json
from zoo.export import export_model
from zoo.keras import keras, tf
from zoo.models import registry

pytestmark = pytest.mark.slow


@dataclasses.dataclass(frozen=True)
class Kept:
    """A model that keeps the items of some requests, served; `expected` are the model's own scores, by request and task."""

    name: str
    requests: list[Request]
    expected: list[dict[str, np.ndarray]]
    path: Path
    client: RankingClient


def named(request: Request, *items: str) -> Request:
    """A request with nothing but ids: its own, or these."""
    return dataclasses.replace(request, candidates={"item": list(items or request.candidates["item"])})


def candidates_of_models() -> list[str]:
    """Names of the coarse models, those of the docs among them."""
    return [*(name for name in registry.names() if registry.MODELS[name].startswith("zoo.models.coarse.")), *documented()]


@pytest.fixture(scope="module", params=candidates_of_models())
def kept(request, tmp_path_factory) -> Iterator[Kept]:
    name = request.param
    with pytest.MonkeyPatch.context() as patch:
        register(patch, tmp_path_factory.mktemp("documented"))
        cls = registry.get(name)
        if not cls.traits.keeps_items:
            pytest.skip(f"{name} keeps no items")
        keras.utils.set_random_seed(4)
        schema, requests = rich_bound(), rich_requests(24)
        catalogue = toy_catalogue(schema, requests)
        model = toy_model(name, schema, {setting: value for setting, value in SWITCHED_ON.items()
                                         if setting in cls.Config.model_fields})
        for variable in model.trainable_variables:
            variable.assign_add(tf.random.normal(variable.shape, stddev=0.1))
        scores = model.probabilities(toy_batch(schema, requests)[0])
        path = tmp_path_factory.mktemp(name) / "1"
        export_model(model, ToyTransform(schema), path, "float32", catalogue)
        write_warmup(path, name, schema, requests[:2])
        expected = [{task: values[row, :one.candidate_count].numpy() for task, values in scores.items()}
                    for row, one in enumerate(requests)]
        with (LocalModelServer({name: path.parent}, rest_port=None) as server,
              RankingClient.of_model(server.target, name, path, deadline_s=60.0) as client):
            client.wait_until_ready()
            yield Kept(name, requests, expected, path, client)
    keras.backend.clear_session()
    gc.collect()


def test_ids_alone_are_scored_as_the_model_scores(kept):
    """Of all requests in one call, with all their columns or none; and by examples, which carry all of them."""
    assert exported_model(kept.path).by_id and kept.client.by_id and kept.client.takes_ids_alone()
    plain, bare = kept.client.rank(kept.requests), kept.client.rank([named(request) for request in kept.requests])
    examples = kept.client.score_examples([to_example(kept.client.schema, r, labelled=False) for r in kept.requests])
    for row, (known, one, other) in enumerate(zip(kept.expected, plain, bare, strict=True)):
        assert one.unknown == other.unknown == 0 and set(one.scores) == set(known)
        for task, scores in known.items():
            np.testing.assert_allclose(one.scores[task], scores, atol=TOLERANCE)
            np.testing.assert_array_equal(other.scores[task], one.scores[task])
            np.testing.assert_allclose(examples[task][row, :len(scores)], scores, atol=TOLERANCE)


def test_unknown_ids_have_a_score_and_are_counted(kept):
    request = kept.requests[0]
    known = request.candidates["item"][0]
    ranking = kept.client.rank_one(named(request, "never seen", known, "", "nor this"))
    assert ranking.unknown == 3
    scores = ranking.scores["click"]
    np.testing.assert_array_equal(scores[[0, 2]], scores[3])
    np.testing.assert_allclose(scores[1], kept.expected[0]["click"][0], atol=TOLERANCE)
    assert np.isfinite(scores).all()
    # A rule that has counted nothing says the same of all.
    assert kept.name == "static_rule" or abs(scores[0] - scores[1]) > TOLERANCE


def test_more_candidates_and_another_order_change_no_score(kept):
    request = kept.requests[1]
    items = sorted({item for one in kept.requests for item in one.candidates["item"]})
    one = dict(zip(items, kept.client.rank_one(named(request, *items)).scores["click"], strict=True))
    # More than the schema allows in a call, so in two.
    many = list(np.random.default_rng(3).choice(items, 620))
    np.testing.assert_allclose(kept.client.rank_one(named(request, *many)).scores["click"], [one[item] for item in many],
                               atol=TOLERANCE)
    for item, score in zip(request.candidates["item"], kept.expected[1]["click"], strict=True):
        np.testing.assert_allclose(one[item], score, atol=TOLERANCE)


def test_what_stands_in_the_padding_is_ignored(kept):
    from serving.encoding import encode_requests

    requests = [named(request) for request in kept.requests[:4]]
    inputs = dict(encode_requests(kept.client.schema.by_id(), requests).inputs)
    wide = inputs | {"candidate_item": np.concatenate([inputs["candidate_item"], np.full((4, 3), b"?", object)], 1)}
    one, other = kept.client.predict(inputs), kept.client.predict(wide)
    assert other["click"].shape[1] == one["click"].shape[1] + 3 and not other["unknown_candidates"].any()
    for row, request in enumerate(requests):
        np.testing.assert_allclose(other["click"][row, :request.candidate_count], kept.expected[row]["click"], atol=TOLERANCE)
    best = kept.client.predict(wide | {"k": np.array([9, 1, 2, 9])}, "top_k")
    counts = [min(k, request.candidate_count) for k, request in zip([9, 1, 2, 9], requests, strict=True)]
    assert best["top_count"].tolist() == counts and best["top_items"].shape == (4, max(counts))
    for row, count in enumerate(counts):
        assert b"?" not in best["top_items"][row] and best["top_places"][row, count:].tolist() == [-1] * (max(counts) - count)


def test_the_best_ones_alone_travel_back(kept):
    request = kept.requests[2]
    items = sorted({item for one in kept.requests for item in one.candidates["item"]})
    many = named(request, *np.random.default_rng(5).choice(items, 620), "never seen")  # two calls, and items more than once
    everything, top = kept.client.rank_one(many), kept.client.top_k([many, named(request)], 30)
    for ours, theirs in zip(top[0].ranked(), everything.ranked("click")[:30], strict=True):
        assert (ours.rank, ours.index, ours.features) == (theirs.rank, theirs.index, theirs.features)
        assert ours.score == pytest.approx(theirs.score, abs=TOLERANCE)
    assert top[0].unknown == 1 and top[0].version == 1
    order = np.argsort(-kept.expected[2]["click"], kind="stable")
    assert top[1].places.tolist() == order.tolist()
    np.testing.assert_allclose(top[1].scores["purchase"], kept.expected[2]["purchase"][order], atol=TOLERANCE)
    with pytest.raises(ServingError, match="k is 0; expected at least 1"):
        kept.client.top_k([request], 0)
    with pytest.raises(BadRequestError, match="k must be at least 1"):
        raw = {"candidate_item": np.array([[b"i1"]], object), "candidate_count": np.array([1]), "k": np.array([0])}
        from serving.encoding import encode_requests

        kept.client.predict(dict(encode_requests(kept.client.schema.by_id(), [named(request)]).inputs) | raw, "top_k")


def test_what_does_not_fit_is_refused(kept):
    with pytest.raises(RequestError, match="unknown candidate feature 'itm'; did you mean 'item'"):
        kept.client.rank_one(dataclasses.replace(kept.requests[0], candidates={"itm": ["i1"]}))
    with pytest.raises(RequestError, match="candidate feature 'item' is missing"):
        kept.client.rank_one(dataclasses.replace(kept.requests[0], candidates={"price": [1.0]}))
    with (RankingClient(kept.client.target, kept.name, kept.client.schema) as client,
          pytest.raises(ServingError, match="keeps no items, so it has no top_k")):
        client.top_k([kept.requests[0]], 3)


def test_ranking_on_the_command_line_needs_ids_alone(kept, tmp_path):
    """Whether the exported model says so or the server is asked."""
    schema = kept.client.schema
    written = json.loads(request_to_json(schema, rich_request(np.random.default_rng(1), schema, candidates=2)))
    written["candidates"] = [{"item": kept.requests[0].candidates["item"][0]}, {"item": "never seen"}]
    (tmp_path / "request.json").write_text(json.dumps(written), encoding="utf-8")
    schema.save(tmp_path / "schema.yaml")
    for where in (["--model-dir", kept.path], ["--schema", tmp_path / "schema.yaml"]):
        result = CliRunner().invoke(rank, [str(one) for one in (
            "--target", kept.client.target, "--model", kept.name, "--request", tmp_path / "request.json", *where)])
        assert result.exit_code == 0, result.output
        assert "1 of 2 candidates are no items that the model keeps" in " ".join(result.output.split())
