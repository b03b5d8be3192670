"""Fields of one width: views, interactions, and models that have one linear part a task."""

from __future__ import annotations

import numpy as np
import pytest

from tests.toy import CATEGORIES, ITEMS, toy_batch, toy_bound, toy_requests, toy_schema
from zoo.config import ConfigError
from zoo.keras import tf
from zoo.layers.embeddings import EmbeddingConfig, Embeddings, FieldEmbeddingConfig
from zoo.layers.interactions import FactorizationMachine, join_fields, merge_fields
from zoo.models import registry
from zoo.schema import Label


@pytest.fixture(scope="module")
def schema():
    return toy_bound()


@pytest.fixture(scope="module")
def inputs(schema):
    return toy_batch(schema, toy_requests(6, schema=schema))[0]


def test_every_column_is_one_vector_of_the_same_width(schema, inputs):
    layer = Embeddings(schema, FieldEmbeddingConfig(dim=4))
    request, candidates = layer.request_fields(inputs).numpy(), layer.candidate_fields(inputs).numpy()
    item, user = (layer.spaces[name].table.numpy() for name in ("item", "user"))
    row, place = 3, 0
    # user_id, hour (its bucket's row), then the history: item, category, gap (its bucket's row), each a mean over real events.
    assert request.shape == (6, 5, 4)
    np.testing.assert_array_equal(request[row, 0], user[inputs["user_id"][row]])
    np.testing.assert_array_equal(request[row, 1], layer.buckets["hour"].table.numpy()[inputs["hour_bucket"][row]])
    length = int(inputs["history_length"][row])
    assert 0 < length < inputs["history_item"].shape[1]
    np.testing.assert_allclose(request[row, 2], item[inputs["history_item"].numpy()[row, :length]].mean(0), rtol=1e-5)
    gaps = layer.buckets["history_gap"].table.numpy()[inputs["history_gap_bucket"].numpy()[row, :length]]
    np.testing.assert_allclose(request[row, 4], gaps.mean(0), rtol=1e-5)
    # item, category, price (times its vector), image (three numbers, each times its vector).
    assert candidates.shape[2:] == (4, 4)
    np.testing.assert_array_equal(candidates[row, place, 0], item[inputs["candidate_item"][row, place]])
    price, image = (layer.vectors[f"candidate_{name}"].numpy() for name in ("price", "image"))
    np.testing.assert_allclose(candidates[row, place, 2], inputs["candidate_price"][row, place] * price[0], rtol=1e-5)
    np.testing.assert_allclose(candidates[row, place, 3], inputs["candidate_image"].numpy()[row, place] @ image, rtol=1e-4)


def test_the_other_views_take_vectors_of_one_width_too(schema, inputs):
    layer = Embeddings(schema, FieldEmbeddingConfig(dim=4))
    fields = layer.candidate_fields(inputs)
    np.testing.assert_array_equal(layer.candidates(inputs).features, merge_fields(fields))
    behaviours = layer.behaviours(inputs, schema.sequence("behaviours"))
    assert behaviours.events.shape[-1] == layer.behaviours_width(schema.sequence("behaviours")) == 12


def test_fields_of_several_widths_are_refused(schema, inputs):
    layer = Embeddings(schema, EmbeddingConfig())
    with pytest.raises(TypeError, match="FieldEmbeddingConfig"):
        layer.request_fields(inputs)


@pytest.mark.parametrize("name", ["deepfm", "fibinet"])
def test_settings_of_the_tables_count_or_are_refused(name, schema, inputs):
    for setting in ({"dims": {"item": 8}}, {"bucket_dim": 4}):
        with pytest.raises(ConfigError, match="unknown key"):
            registry.build(name, schema, {"embedding": setting})
    model = registry.build(name, schema, {"embedding": {"dim": 6, "regularization": 0.5}})
    model(inputs)
    layer, = model.embedding_layers()
    expected = 0.0
    for space, table in layer.spaces.items():
        ids = np.unique(np.concatenate([inputs[c.name].numpy().ravel() for c in schema.columns() if c.feature.space == space]))
        expected += 0.25 * (table.table.numpy()[ids[ids != 0]] ** 2).sum()
    np.testing.assert_allclose(layer.regularization(inputs), expected, rtol=1e-4)


def test_a_width_for_a_space_that_is_not_there_is_refused(schema):
    with pytest.raises(ConfigError, match="dims: 'itm'.*did you mean 'item'"):
        Embeddings(schema, EmbeddingConfig(dims={"itm": 8}))


def test_fields_stand_beside_each_candidate():
    request, candidates = tf.constant([[[1.0, 2]]]), tf.constant([[[[3.0, 4]], [[5, 6]]]])
    joined = join_fields(request, candidates)
    assert joined.numpy().tolist() == [[[[1, 2], [3, 4]], [[1, 2], [5, 6]]]]
    assert merge_fields(joined).numpy().tolist() == [[[1, 2, 3, 4], [1, 2, 5, 6]]]


def test_a_weighted_machine_weighs_coordinates_of_the_products():
    request, candidates = tf.constant([[[1.0, 2], [3, 4]]]), tf.constant([[[[5.0, 6]]]])
    machine, plain = FactorizationMachine(weighted=True), FactorizationMachine()
    # Pairs: 1·3 + 1·5 + 3·5 = 23 in the first coordinate, 2·4 + 2·6 + 4·6 = 44 in the second.
    np.testing.assert_allclose(machine(request, candidates), [[67]])
    np.testing.assert_allclose(plain(request, candidates), [[67]])
    assert not plain.weights
    machine.weight.assign([10.0, 0.5])
    np.testing.assert_allclose(machine(request, candidates), [[252]])


@pytest.mark.parametrize("name", ["deepfm", "fibinet"])
def test_tasks_have_linear_parts_of_their_own(name):
    schema = toy_schema((Label(name="click"), Label(name="buy"))).bind({"item": ITEMS, "category": CATEGORIES})
    batch = toy_batch(schema, toy_requests(8, schema=schema))[0]
    model = registry.build(name, schema)
    with tf.GradientTape() as tape:
        click = tf.reduce_sum(model(batch)["click"])
    parts = {task: list(linear.trainable_variables) for task, linear in model.linear.linears.items()}
    if name == "deepfm":
        for task, machine in model.machines.items():
            parts[task].append(machine.weight)
    found = dict(zip(parts, tape.gradient(click, [parts["click"], parts["buy"]]), strict=True))
    assert all(gradient is not None for gradient in found["click"]) and all(gradient is None for gradient in found["buy"])
