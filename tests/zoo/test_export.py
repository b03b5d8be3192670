"""The SavedModel's edges: long histories, wrong lengths, wide numbers, encoders."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.documented import register
from tests.toy import (
    ToyTransform,
    raw_tensors,
    rich_bound,
    rich_requests,
    toy_batch,
    toy_bound,
    toy_catalogue,
    toy_model,
    toy_request,
    toy_requests,
)
from zoo.config import load_yaml
from zoo.data.batch import Batch
from zoo.data.example import to_example
from zoo.export import ServableRanker, export_model, flatten, item_tensors, load_model
from zoo.keras import tf
from zoo.losses import task_loss
from zoo.models import registry
from zoo.schema import Schema
from zoo.training import GroupedOptimizer, OptimizerConfig, TrainingLoop
from zoo.traits import Traits


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


class Taught(registry.get("embedding_mlp")):
    """A student: looks up something in a table of its own, and learns what a teacher says, in training alone."""

    traits = Traits(stage="coarse", scores="listwise")

    def __init__(self, schema, config, **kwargs):
        super().__init__(schema, config, **kwargs)
        self.teacher = registry.build("din", schema)
        keys = tf.lookup.KeyValueTensorInitializer(tf.constant([2, 3], tf.int64), tf.constant([0.5, -0.5]))
        self.boost = tf.lookup.StaticHashTable(keys, 0.0)

    def score(self, request, candidates):
        logits = super().score(request, candidates)
        return {"click": logits["click"] + self.boost.lookup(candidates.ids[..., 0])}

    def loss(self, outputs, batch):
        soft = tf.stop_gradient(tf.sigmoid(self.teacher(batch.inputs, training=False)["click"]))
        return task_loss("binary", soft, outputs["click"], batch.weights["click"])

    def make_variables(self):
        super().make_variables()
        self.teacher.make_variables()


@pytest.fixture
def taught(monkeypatch):
    monkeypatch.setitem(registry.MODELS, "taught", f"{__name__}:Taught")
    return registry.build("taught", toy_bound())


@pytest.mark.slow
def test_a_look_up_table_is_exported_and_what_only_training_needs_is_not(taught, tmp_path):
    schema, requests = taught.schema, toy_requests(9)
    batch = Batch(*toy_batch(schema, requests))
    taught.make_variables()
    loss = float(taught.compute_loss(batch))
    fast = {"dense": OptimizerConfig(name="adam", learning_rate=0.02)}
    TrainingLoop(taught, GroupedOptimizer(taught, fast)).run(tf.data.Dataset.from_tensors(batch).repeat(30))
    assert float(taught.compute_loss(batch)) < loss
    export_model(taught, ToyTransform(schema), tmp_path / "1")
    served = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    answer = served(tf.constant([to_example(schema, r, labelled=False) for r in requests]))["click"].numpy()
    np.testing.assert_allclose(answer, taught.probabilities(batch.inputs)["click"], atol=1e-6)
    stored = [shape for name, shape in tf.train.list_variables(str(tmp_path / "1" / "variables" / "variables"))
              if name.startswith("reached")]
    student = [v for v in taught.trainable_variables if not any(v is t for t in taught.teacher.variables)]
    assert sorted(map(tuple, stored)) == sorted(tuple(v.shape) for v in student)


@pytest.mark.slow
def test_an_exported_model_is_built_again_and_goes_on_learning(taught, tmp_path):
    schema = taught.schema
    batch = Batch(*toy_batch(schema, toy_requests(9)))
    taught.make_variables()
    export_model(taught, ToyTransform(schema), tmp_path / "1")
    again = load_model(str(tmp_path / "1"))
    assert type(again) is Taught and again.config == taught.config and again.schema == schema
    for one, other in zip(taught.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    loss = float(again.compute_loss(batch))
    TrainingLoop(again, GroupedOptimizer(again)).run(tf.data.Dataset.from_tensors(batch).repeat(8))
    assert float(again.compute_loss(batch)) < loss


def test_traits_stand_in_the_saved_model(taught, tmp_path):
    taught.make_variables()
    export_model(taught, ToyTransform(taught.schema), tmp_path / "1")
    values = load_yaml(tmp_path / "1" / "assets.extra" / "model.yaml")
    assert values["traits"] == {"stage": "coarse", "scores": "listwise"} and values["name"] == "taught"


def test_states_are_flat_by_name():
    one, two = tf.constant(1), tf.constant(2)
    assert list(flatten({"a": one, "b": {"c": two, "d": None}})) == ["a", "b_c"]
    assert list(flatten(one)) == ["state"]


@pytest.mark.slow
def test_vectors_of_a_catalogue_score_as_the_model_does(tmp_path, monkeypatch):
    """As the guide has it: items are encoded from the catalogue alone, and a product with the user's vector is the score."""
    register(monkeypatch, tmp_path)
    schema = rich_bound()
    model = toy_model("two_tower_dot", schema)
    export_model(model, ToyTransform(schema), tmp_path / "model")
    requests = rich_requests(5)
    catalogue = toy_catalogue(schema, requests)
    signatures = tf.saved_model.load(str(tmp_path / "model")).signatures
    vectors = {}
    for items in catalogue.batches(4):
        found = signatures["encode_candidates"](**item_tensors(schema, items))["item"][0]
        vectors |= dict(zip(items["item"], found.numpy(), strict=True))
    raw = raw_tensors(schema, requests)
    users = signatures["encode_request"](**{name: value for name, value in raw.items() if not name.startswith("candidate_")})
    scores = signatures["rank"](**raw)["click"].numpy()
    for row, request in enumerate(requests):
        logits = np.stack([vectors[item] for item in request.candidates["item"]]) @ users["user"].numpy()[row, 0]
        np.testing.assert_allclose(scores[row, :request.candidate_count], 1 / (1 + np.exp(-logits)), atol=1e-6)
