"""One contract for every registered model: what a user of any of them may rely on."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from serving.client import RankingClient
from serving.errors import BadRequestError
from serving.server import LocalModelServer
from tests.documented import documented, register
from tests.toy import (
    ToyTransform,
    raw_tensors,
    rich_bound,
    rich_request,
    rich_requests,
    rich_schema,
    toy_batch,
    toy_model,
    write_transformed,
)
from zoo.data.batch import Batch
from zoo.data.example import to_example
from zoo.data.request import Request
from zoo.export import candidate_specs, export_model, load_model, request_specs
from zoo.keras import keras, tf
from zoo.layers.embedding_table import EmbeddingTable
from zoo.models import registry
from zoo.models.base import NetworkConfig, RankingModel
from zoo.schema import Schema
from zoo.training import GroupedOptimizer, OptimizerConfig, TrainingConfig, TrainingLoop
from zoo.training.split import TrainingFiles

TOLERANCE = 1e-5
FAST = {"dense": OptimizerConfig(name="adam", learning_rate=0.01),
        "embedding": OptimizerConfig(name="lazy_adam", learning_rate=0.01),
        "wide": OptimizerConfig(name="ftrl", learning_rate=1.0),
        "proximal": OptimizerConfig(name="proximal", learning_rate=0.1, l1=1e-6, l21=1e-6)}

# Trainable variables that training does not move, by model, and why; all others must move within a few steps.
UNMOVED: dict[str, dict[str, str]] = {}
# What is off by default is tried here, too.
SWITCHED_ON = {"detailed": True, "nova": {}, "senet": True, "bilinear": True, "crossing": "matched",
               "half_lives": [2.0], "head": "mlp"}
# Adam moves a variable by rounding errors as by a gradient: a bias in front of a softmax, which nothing depends on, walks.
# FiBiNET's products of re-weighted fields begin at 2e-7 of the largest gradient.
ROUNDING = 1e-7
# Steps that are taken without a graph, after which models of one seed are compared.
FIRST = 2
# The models that are compared at the end of their training, too; `make test-fast` takes the first one.
FEW = ("din", "wdl")


@dataclasses.dataclass(frozen=True)
class Trained:
    """A model after some steps, so that no weight is at its initial value, exported and served.

    Args:
        losses: on the batch, before and after.
        first: the weights after the first steps.
        unmoved: names of the trainable variables that no step moved.
        path: of the SavedModel.
        client: of a server that has loaded it.
    """

    name: str
    model: RankingModel
    requests: list[Request]
    batch: Batch
    losses: tuple[float, float]
    first: list[np.ndarray]
    unmoved: set[str]
    path: Path
    client: RankingClient

    @property
    def schema(self) -> Schema:
        return self.model.schema

    def scores(self, *requests: Request) -> list[np.ndarray]:
        """Of each request, by the exported model: as a graph, loaded again, over gRPC."""
        return [ranking.scores["click"] for ranking in self.client.rank(requests)]

    def eager(self, inputs: dict[str, tf.Tensor]) -> np.ndarray:
        """`[R, N]` by the model itself."""
        return self.model.probabilities(inputs)["click"].numpy()


def gradient_sizes(model: RankingModel, batch: Batch) -> np.ndarray:
    """The largest number of each trainable variable's gradient, over the largest of all."""
    with tf.GradientTape() as tape:
        loss = model.loss(model(batch.inputs, training=True), batch) + model.penalties(batch)
    found = tape.gradient(loss, model.trainable_variables)
    sizes = np.array([0.0 if one is None else float(tf.reduce_max(tf.abs(getattr(one, "values", one)))) for one in found])
    return sizes / max(sizes.max(), 1e-30)


@dataclasses.dataclass(frozen=True)
class Begun:
    """A model after its first steps.

    Args:
        start: its trainable variables' values before them.
        loss: on the batch, before them.
    """

    model: RankingModel
    loop: TrainingLoop
    start: list[np.ndarray]
    loss: float


def begin(name: str, batch: Batch, data: str) -> Begun:
    """A model and its first steps on a batch, taken without a graph, which costs more to make than all steps of a test."""
    keras.utils.set_random_seed(7)
    tf.config.experimental.enable_op_determinism()
    config = registry.get(name).Config
    settings = {"statistics": "detailed"} if issubclass(config, NetworkConfig) else {
        setting: value for setting, value in SWITCHED_ON.items() if setting in config.model_fields}
    model = toy_model(name, rich_bound(), settings)
    optimizers = {group: FAST[group] for group in model.optimizers}
    loss = float(model.compute_loss(batch))
    model.prepare(TrainingFiles(model.schema, (data,), TrainingConfig(batch_size=16, optimizers=optimizers)))
    start = [variable.numpy() for variable in model.trainable_variables]
    loop = TrainingLoop(model, GroupedOptimizer(model, optimizers))
    for _ in range(FIRST):
        loop.step(batch)
    return Begun(model, loop, start, loss)


def go_on(begun: Begun, batch: Batch) -> set[str]:
    """Trains to the end, and names the trainable variables that no step has moved."""
    model, gradients = begun.model, gradient_sizes(begun.model, batch)
    begun.loop.run(tf.data.Dataset.from_tensors(batch).repeat(60 - FIRST))
    gradients = np.maximum(gradients, gradient_sizes(model, batch))
    return {variable.name for variable, value, gradient in zip(model.trainable_variables, begun.start, gradients, strict=True)
            if np.array_equal(variable.numpy(), value) or gradient < ROUNDING}


@pytest.fixture(scope="module")
def requests() -> list[Request]:
    return rich_requests(48)


@pytest.fixture(scope="module")
def batch(requests) -> Batch:
    return Batch(*toy_batch(rich_bound(), requests))


@pytest.fixture(scope="module")
def data(requests, tmp_path_factory) -> str:
    return write_transformed(str(tmp_path_factory.mktemp("transformed") / "train.gz"), rich_bound(), requests)


def names() -> list:
    """All models, and those of the docs; `make test-fast` takes one of them."""
    return [pytest.param(name, marks=() if name == FEW[0] else pytest.mark.slow)
            for name in [*registry.names(), *documented()]]


@pytest.fixture(scope="module", autouse=True)
def with_documented(tmp_path_factory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        register(patch, tmp_path_factory.mktemp("documented"))
        yield


@pytest.fixture(scope="module", params=names())
def trained(request, requests, batch, data, with_documented, tmp_path_factory) -> Iterator[Trained]:
    name = request.param
    begun = begin(name, batch, data)
    model, first, unmoved = begun.model, begun.model.get_weights(), go_on(begun, batch)
    losses = begun.loss, float(model.compute_loss(batch))
    path = tmp_path_factory.mktemp(name) / "1"
    export_model(model, ToyTransform(model.schema), path)
    with (LocalModelServer({name: path.parent}, rest_port=None) as server,
          RankingClient.of_model(server.target, name, path, deadline_s=60.0) as client):
        client.wait_until_ready()
        yield Trained(name, model, requests, batch, losses, first, unmoved, path, client)
    keras.backend.clear_session()
    gc.collect()
    gc.freeze()  # what is left of a model stays, and is not walked again


def test_loss_falls_on_one_batch(trained):
    before, after = trained.losses
    assert after < 0.9 * before


def test_every_trainable_variable_moves(trained):
    """A part of a model that never learns leaves all other tests green."""
    assert trained.unmoved == set(UNMOVED.get(trained.name, {}))


def test_every_variable_belongs_to_one_optimizer(trained):
    groups = trained.model.variable_groups()
    refs = [variable.ref() for variables in groups.values() for variable in variables]
    assert len(refs) == len(set(refs)) and set(refs) == {v.ref() for v in trained.model.trainable_variables}
    assert set(groups) <= set(trained.model.optimizers)


def test_tables_get_sparse_gradients(trained):
    """A dense gradient of a table would cost its size at every step."""
    before = trained.model.get_weights()
    with tf.GradientTape() as tape:
        loss = trained.model.loss(trained.model(trained.batch.inputs, training=True), trained.batch)
    trained.model.set_weights(before)  # a call in training moves the moving statistics, and the other tests read them
    tables = [layer.table for layer in trained.model._flatten_layers() if isinstance(layer, EmbeddingTable)]
    assert tables or trained.name in ("gbdt", "static_rule"), "only trees and counts read no id through a table"
    for table, gradient in zip(tables, tape.gradient(loss, tables), strict=True):
        assert isinstance(gradient, tf.IndexedSlices), f"{table.name} has a dense gradient"


def test_the_same_seed_gives_the_same_model(trained, batch, data):
    """After the first steps; and of a few models at the end, by a graph that was traced anew."""
    again = begin(trained.name, batch, data)
    assert again.loss == trained.losses[0]
    for ours, theirs in zip(trained.first, again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    if trained.name in FEW:
        go_on(again, batch)
        for ours, theirs in zip(trained.model.get_weights(), again.model.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_served_scores_are_the_models_and_probabilities(trained):
    """Of every task, by both signatures: raw tensors, and serialized examples."""
    examples = trained.client.score_examples([to_example(trained.schema, r, labelled=False) for r in trained.requests])
    rankings = trained.client.rank(trained.requests)
    expected = trained.model.probabilities(trained.batch.inputs)
    assert set(expected) == set(examples) == {"click", "purchase", "teacher"}
    for task, values in expected.items():
        assert (values.numpy() > 0).all() and (values.numpy() < 1).all()
        for row, (ranking, request) in enumerate(zip(rankings, trained.requests, strict=True)):
            known = values[row, :request.candidate_count]
            np.testing.assert_allclose(ranking.scores[task], known, atol=TOLERANCE)
            np.testing.assert_allclose(examples[task][row, :request.candidate_count], known, atol=TOLERANCE)


def test_same_scores_when_built_again(trained):
    """From what the export says of the model, its weights included: what a teacher, a warm start and a notebook need."""
    again = load_model(str(trained.path))
    assert type(again) is type(trained.model) and again.traits == trained.model.traits
    np.testing.assert_array_equal(again.probabilities(trained.batch.inputs)["click"], trained.eager(trained.batch.inputs))


def test_what_stands_in_the_padding_is_ignored(trained):
    """TF Serving pads batches with the first element of a tensor: lengths must decide, never a padding value."""
    raw = raw_tensors(trained.schema, trained.requests[:6])
    padded = dict(raw)
    for name, value in raw.items():
        if len(value.shape) > 1:
            filler = tf.fill([value.shape[0], 3, *value.shape[2:]], tf.reshape(value, [-1])[0])
            padded[name] = tf.concat([value, filler], 1)
    plain, wide = (trained.client.predict({name: value.numpy() for name, value in inputs.items()})["click"]
                   for inputs in (raw, padded))
    assert wide.shape[1] == plain.shape[1] + 3
    mask = tf.sequence_mask(raw["candidate_count"]).numpy()
    np.testing.assert_allclose(wide[:, :plain.shape[1]][mask], plain[mask], atol=TOLERANCE)


def test_scores_do_not_depend_on_the_other_requests_or_candidates(trained):
    if trained.model.traits.scores != "pointwise":
        pytest.skip("scores of a list-wise model depend on the whole list")
    for request, together in list(zip(trained.requests, trained.scores(*trained.requests), strict=True))[:12:3]:
        first = dataclasses.replace(request, candidates={name: values[:1] for name, values in request.candidates.items()})
        np.testing.assert_allclose(trained.scores(request)[0], together, atol=TOLERANCE)
        np.testing.assert_allclose(trained.scores(first)[0], together[:1], atol=TOLERANCE)


def test_permuted_candidates_get_permuted_scores(trained):
    rng = np.random.default_rng(3)
    request = rich_request(rng, trained.schema, history=5, candidates=6)
    order = rng.permutation(6)
    permuted = dataclasses.replace(request, candidates={n: [v[i] for i in order] for n, v in request.candidates.items()})
    np.testing.assert_allclose(trained.scores(permuted)[0], trained.scores(request)[0][order], atol=TOLERANCE)


def test_empty_history_and_one_candidate(trained):
    lonely = rich_request(np.random.default_rng(5), trained.schema, history=0, candidates=1)
    full = rich_request(np.random.default_rng(6), trained.schema, history=8, candidates=6)
    alone = trained.scores(lonely)[0]
    assert np.isfinite(alone).all()
    np.testing.assert_allclose(trained.scores(lonely, full)[0], alone, atol=TOLERANCE)
    # A batch without one event, whose width is 0 in examples.
    examples = trained.client.score_examples([to_example(trained.schema, lonely, labelled=False)])
    np.testing.assert_allclose(examples["click"][0], alone, atol=TOLERANCE)


def test_a_row_of_padding_changes_nothing_and_learns_nothing(trained):
    def extended(part: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {name: tf.concat([value, tf.zeros_like(value[:1])], 0) for name, value in part.items()}

    more = Batch(*map(extended, trained.batch))
    together = trained.eager(more.inputs)
    np.testing.assert_allclose(together[:-1], trained.eager(trained.batch.inputs), atol=TOLERANCE)
    assert np.isfinite(together).all()
    np.testing.assert_allclose(trained.model.compute_loss(more), trained.losses[1], rtol=1e-5)


def test_unknown_ids_score_like_missing_ones(trained):
    request = rich_request(np.random.default_rng(8), trained.schema, history=3, candidates=4)
    unknown, missing = trained.scores(*(
        dataclasses.replace(request, candidates={**request.candidates, "item": [text] * 4}) for text in ("never-seen", "")))
    assert np.isfinite(unknown).all()
    np.testing.assert_allclose(unknown, missing, atol=TOLERANCE)


@pytest.mark.parametrize(("signature", "specs"), [("encode_request", request_specs), ("encode_candidates", candidate_specs)])
def test_encoders_ask_for_their_own_side_only(trained, signature, specs):
    """And the candidates' for no more than what the catalogue has, where the model says so."""
    raw = {name: value.numpy() for name, value in raw_tensors(trained.schema, trained.requests[:3]).items()}
    schema = trained.schema.of_items() if trained.model.traits.items == "ahead" else trained.schema
    state = trained.client.predict({name: raw[name] for name in specs(schema)}, signature)
    assert state and all(len(value) == 3 for value in state.values())


def test_refuses_no_candidates_and_too_many(trained):
    raw = {name: value.numpy() for name, value in raw_tensors(trained.schema, trained.requests[:1]).items()}
    with pytest.raises(BadRequestError, match="at least one candidate"):
        trained.client.predict({**raw, "candidate_count": np.array([0])})
    many = {name: np.repeat(value[:, :1], 501, 1) if name.startswith("candidate_") and value.ndim > 1 else value
            for name, value in raw.items()} | {"candidate_count": np.array([501])}
    with pytest.raises(BadRequestError, match="at most 500 candidates"):
        trained.client.predict(many)


@pytest.mark.parametrize("name", registry.names())
def test_has_a_card_and_rejects_unknown_settings(name):
    card = registry.card(name)
    for section in ("## What it is", "## When to use it", "## Settings", "## Deviations", "## Results", "Source"):
        assert section in card, f"the card of {name} lacks {section!r}"
    with pytest.raises(ValueError, match="unknown key"):
        registry.build(name, rich_bound(), {"no_such_setting": 1})


def test_the_schema_of_the_contract_has_every_kind_of_column_and_label():
    """So that every model is tried with all that a log may have."""
    schema = rich_schema()
    columns = schema.columns()
    assert {c.level for c in columns} == {"request", "sequence", "candidate"}
    assert {c.feature.kind for c in columns} == {"id", "number", "text"}
    assert {c.feature.owner for c in columns} == {"item", "request"}
    for has in (lambda f: f.width > 1, lambda f: f.buckets, lambda f: f.multiple, lambda f: f.multiple and f.weighted):
        assert any(has(column.feature) for column in columns)
    assert any(label.soft for label in schema.labels) and any(label.given for label in schema.labels)
