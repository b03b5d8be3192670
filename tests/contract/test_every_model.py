"""One contract for every registered model: what a user of any of them may rely on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.toy import (
    ToyTransform,
    raw_tensors,
    rich_bound,
    rich_requests,
    toy_batch,
    toy_bound,
    toy_request,
    toy_requests,
    toy_schema,
    write_transformed,
)
from zoo.data.batch import Batch
from zoo.data.example import to_example
from zoo.export import ServableRanker, candidate_specs, export_model, load_model, request_specs
from zoo.keras import keras, tf
from zoo.models import registry
from zoo.models.base import NetworkConfig, split_inputs
from zoo.schema import Schema
from zoo.training import GroupedOptimizer, OptimizerConfig, TrainingConfig, TrainingLoop
from zoo.training.split import TrainingFiles

TOLERANCE = 1e-5
FAST = {"dense": OptimizerConfig(name="adam", learning_rate=0.01),
        "embedding": OptimizerConfig(name="lazy_adam", learning_rate=0.01),
        "wide": OptimizerConfig(name="ftrl", learning_rate=1.0),
        "proximal": OptimizerConfig(name="proximal", learning_rate=0.1, l1=1e-6, l21=1e-6)}


# Trainable variables that training does not move, and why; all others must move within a few steps.
UNMOVED: dict[str, dict[str, str]] = {}


@pytest.fixture(scope="module", params=registry.names())
def trained(request, tmp_path_factory):
    """A model after some steps (so that no weight is at its initial value), its requests, losses and SavedModel."""
    keras.utils.set_random_seed(7)
    schema = toy_bound()
    requests = toy_requests(48, schema=schema)
    batch = Batch(*toy_batch(schema, requests))
    model = registry.build(request.param, schema)
    model.make_variables()
    optimizers = {group: FAST[group] for group in model.optimizers}
    before = float(model.compute_loss(batch))
    data = write_transformed(str(tmp_path_factory.mktemp("transformed") / "train.gz"), schema, requests)
    model.prepare(TrainingFiles(schema, (data,), TrainingConfig(batch_size=16, optimizers=optimizers)))
    begin = {variable.name: variable.numpy() for variable in model.trainable_variables}
    TrainingLoop(model, GroupedOptimizer(model, optimizers)).run(tf.data.Dataset.from_tensors(batch).repeat(60))
    after = float(model.compute_loss(batch))
    unmoved = {variable.name for variable in model.trainable_variables
               if np.array_equal(begin[variable.name], variable.numpy())}
    path = tmp_path_factory.mktemp(request.param) / "1"
    export_model(model, ToyTransform(schema), path)
    return dataclasses.make_dataclass("Trained", ["name", "model", "schema", "requests", "batch", "losses", "unmoved", "path"])(
        request.param, model, schema, requests, batch, (before, after), unmoved, path)


def scores(trained, inputs) -> np.ndarray:
    return trained.model.probabilities(inputs)["click"].numpy()


def real(trained) -> np.ndarray:
    return tf.sequence_mask(trained.batch[0]["candidate_count"]).numpy()


def test_loss_falls_on_one_batch(trained):
    before, after = trained.losses
    assert after < 0.9 * before


def test_every_trainable_variable_moves(trained):
    """A part of a model that never learns leaves all other tests green."""
    assert trained.unmoved == set(UNMOVED.get(trained.name, {}))


def test_predictions_are_probabilities_inside_the_open_interval(trained):
    predicted = scores(trained, trained.batch[0])
    assert (predicted > 0).all() and (predicted < 1).all()


def test_same_scores_in_a_graph(trained):
    graph = tf.function(trained.model.probabilities)(trained.batch[0])["click"]
    np.testing.assert_allclose(graph, scores(trained, trained.batch[0]), atol=TOLERANCE)


def test_same_scores_after_reload(trained):
    examples = [to_example(trained.schema, request, labelled=False) for request in trained.requests]
    reloaded = tf.saved_model.load(str(trained.path))
    served = reloaded.signatures["serving_default"](tf.constant(examples))["click"].numpy()
    expected = scores(trained, trained.batch[0])
    np.testing.assert_allclose(served[real(trained)], expected[real(trained)], atol=TOLERANCE)


def test_same_scores_when_built_again(trained):
    """From what the export says of the model, its weights included: what a teacher, a warm start and a notebook need."""
    again = load_model(str(trained.path))
    assert type(again) is type(trained.model) and again.traits == trained.model.traits
    np.testing.assert_array_equal(again.probabilities(trained.batch.inputs)["click"], scores(trained, trained.batch.inputs))


def test_same_scores_over_grpc(trained):
    from serving.client import RankingClient
    from serving.server import LocalModelServer

    with LocalModelServer(models={trained.name: trained.path.parent}, port=0) as server:
        schema = Schema.load(trained.path / "assets.extra" / "schema.yaml")
        with RankingClient(f"127.0.0.1:{server.port}", trained.name, schema) as client:
            client.wait_until_ready()
            answers = [result.scores["click"] for result in client.rank(trained.requests)]
    expected = scores(trained, trained.batch[0])
    for row, (answer, request) in enumerate(zip(answers, trained.requests, strict=True)):
        np.testing.assert_allclose(answer, expected[row, :request.candidate_count], atol=TOLERANCE)


def test_rank_signature_ignores_what_stands_in_the_padding(trained):
    """TF Serving pads batches with the first element of a tensor: lengths must decide, never a padding value."""
    servable = ServableRanker(trained.model, ToyTransform(trained.schema))
    raw = raw_tensors(trained.schema, trained.requests[:6])
    padded = dict(raw)
    for name, value in raw.items():
        if len(value.shape) > 1:
            filler = tf.fill([value.shape[0], 3, *value.shape[2:]], tf.reshape(value, [-1])[0])
            padded[name] = tf.concat([value, filler], 1)
    plain, wide = servable.rank(**raw)["click"], servable.rank(**padded)["click"]
    assert wide.shape[1] == plain.shape[1] + 3
    mask = tf.sequence_mask(raw["candidate_count"]).numpy()
    np.testing.assert_allclose(wide.numpy()[:, :plain.shape[1]][mask], plain.numpy()[mask], atol=TOLERANCE)


def test_scores_do_not_depend_on_the_other_requests_or_candidates(trained):
    if trained.model.traits.scores == "listwise":
        pytest.skip("a list-wise model's scores depend on the whole list, and it says so")
    together = scores(trained, trained.batch[0])
    for row in range(0, 12, 3):
        request = trained.requests[row]
        alone = scores(trained, toy_batch(trained.schema, [request])[0])
        np.testing.assert_allclose(alone[0, :request.candidate_count], together[row, :request.candidate_count],
                                   atol=TOLERANCE)
        first = dataclasses.replace(
            request, candidates={name: values[:1] for name, values in request.candidates.items()},
            labels={"click": request.labels["click"][:1]})
        np.testing.assert_allclose(scores(trained, toy_batch(trained.schema, [first])[0])[0, 0], together[row, 0],
                                   atol=TOLERANCE)


def test_permuted_candidates_get_permuted_scores(trained):
    rng = np.random.default_rng(3)
    request = toy_request(rng, trained.schema, history=5, candidates=6)
    order = rng.permutation(6)
    permuted = dataclasses.replace(
        request, candidates={n: [v[i] for i in order] for n, v in request.candidates.items()},
        labels={"click": [request.labels["click"][i] for i in order]})
    plain, moved = (scores(trained, toy_batch(trained.schema, [r])[0])[0] for r in (request, permuted))
    np.testing.assert_allclose(moved, plain[order], atol=TOLERANCE)


def test_empty_history_and_one_candidate(trained):
    lonely = toy_request(np.random.default_rng(5), trained.schema, history=0, candidates=1)
    full = toy_request(np.random.default_rng(6), trained.schema, history=8, candidates=6)
    alone = scores(trained, toy_batch(trained.schema, [lonely])[0])
    beside = scores(trained, toy_batch(trained.schema, [lonely, full])[0])
    assert np.isfinite(alone).all()
    np.testing.assert_allclose(beside[0, 0], alone[0, 0], atol=TOLERANCE)
    # A batch without one event, in the exported graph.
    served = tf.saved_model.load(str(trained.path)).signatures["serving_default"](
        tf.constant([to_example(trained.schema, lonely, labelled=False)]))
    np.testing.assert_allclose(served["click"], alone, atol=TOLERANCE)


def test_a_row_of_padding_changes_nothing_and_learns_nothing(trained):
    inputs, labels, weights = trained.batch
    extended = {name: tf.concat([value, tf.zeros_like(value[:1])], 0) for name, value in inputs.items()}
    together = scores(trained, extended)
    np.testing.assert_allclose(together[:-1], scores(trained, inputs), atol=TOLERANCE)
    assert np.isfinite(together).all()
    more = [{name: tf.concat([value, tf.zeros_like(value[:1])], 0) for name, value in part.items()}
            for part in (labels, weights)]
    np.testing.assert_allclose(trained.model.compute_loss((extended, *more)), trained.model.compute_loss(trained.batch),
                               rtol=1e-5)


def test_unknown_ids_score_like_missing_ones(trained):
    request = toy_request(np.random.default_rng(8), trained.schema, history=3, candidates=4)

    def with_items(text: str):
        return dataclasses.replace(request, candidates={**request.candidates, "item": [text] * 4})

    unknown, missing = (scores(trained, toy_batch(trained.schema, [with_items(text)])[0])
                        for text in ("never-seen", ""))
    assert np.isfinite(unknown).all()
    np.testing.assert_allclose(unknown, missing, atol=TOLERANCE)


def test_encoders_look_at_their_own_side_only(trained):
    """The request's state must be the same whatever the candidates, and the other way round."""
    request, candidates = split_inputs(trained.schema, trained.batch[0])
    assert set(request) & set(candidates) == set()
    trained.model.encode_request(request)
    trained.model.encode_candidates(candidates)
    servable = ServableRanker(trained.model, ToyTransform(trained.schema)).signatures()
    assert set(servable["encode_request"].structured_input_signature[1]) == set(request_specs(trained.schema))
    assert set(servable["encode_candidates"].structured_input_signature[1]) == set(candidate_specs(trained.schema))


def test_refuses_no_candidates_and_too_many(trained):
    servable = ServableRanker(trained.model, ToyTransform(trained.schema))
    raw = raw_tensors(trained.schema, trained.requests[:1])
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least one candidate"):
        servable.rank(**{**raw, "candidate_count": tf.constant([0], tf.int64)})
    many = {name: tf.repeat(value[:, :1], 501, 1) if name.startswith("candidate_") and len(value.shape) > 1 else value
            for name, value in raw.items()} | {"candidate_count": tf.constant([501], tf.int64)}
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most 500 candidates"):
        servable.rank(**many)


def test_the_same_seed_gives_the_same_weights(trained):
    results = []
    for _ in range(2):
        keras.utils.set_random_seed(11)
        model = registry.build(trained.name, trained.schema)
        model.make_variables()
        TrainingLoop(model, GroupedOptimizer(model)).run(tf.data.Dataset.from_tensors(trained.batch).repeat(3))
        results.append(model.probabilities(trained.batch[0])["click"])
    np.testing.assert_array_equal(results[0], results[1])


@pytest.mark.parametrize("name", registry.names())
def test_takes_all_that_a_log_may_have(name):
    """Several values, text, columns of the item, a task given another, a teacher's label, and statistics for networks: scored,
    learned, and served alike."""
    keras.utils.set_random_seed(3)
    schema = rich_bound()
    requests = rich_requests(12, schema=schema)
    batch = Batch(*toy_batch(schema, requests))
    settings = {"statistics": True} if issubclass(registry.get(name).Config, NetworkConfig) else {}
    model = registry.build(name, schema, settings)
    model.make_variables()
    before = float(model.compute_loss(batch))
    optimizers = {group: FAST[group] for group in model.optimizers}
    TrainingLoop(model, GroupedOptimizer(model, optimizers)).run(tf.data.Dataset.from_tensors(batch).repeat(8))
    assert float(model.compute_loss(batch)) < before
    expected = model.probabilities(batch.inputs)
    assert set(expected) == {"click", "purchase", "teacher"}
    raw = raw_tensors(schema, requests)
    real = tf.sequence_mask(raw["candidate_count"]).numpy()
    for task, served in ServableRanker(model, ToyTransform(schema)).rank(**raw).items():
        np.testing.assert_allclose(served.numpy()[real], expected[task].numpy()[real], atol=TOLERANCE)


def test_has_a_card_and_rejects_unknown_settings(trained):
    card = registry.card(trained.name)
    for section in ("## What it is", "## When to use it", "## Settings", "## Deviations", "## Results", "Source"):
        assert section in card, f"the card of {trained.name} lacks {section!r}"
    with pytest.raises(ValueError, match="unknown key"):
        registry.build(trained.name, trained.schema, {"no_such_setting": 1})


def test_toy_schema_has_every_kind_of_column():
    columns = toy_schema().columns()
    assert {c.level for c in columns} == {"request", "sequence", "candidate"}
    assert any(c.feature.width > 1 for c in columns) and any(c.feature.buckets for c in columns)
