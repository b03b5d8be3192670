"""The three switches of synchronous distillation, by their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.toy import CATEGORIES, ITEMS, toy_batch, toy_model, toy_requests, toy_schema
from zoo.data.batch import Batch
from zoo.keras import tf
from zoo.losses import task_losses
from zoo.models.coarse.synchronous_dssm import SynchronousDSSM

BOUND = toy_schema().bind({"item": ITEMS, "category": CATEGORIES})


@pytest.fixture(scope="module")
def batch() -> Batch:
    return toy_batch(toy_schema(), toy_requests(16))


def built(**config: Any) -> SynchronousDSSM:
    """The same initial weights whatever the switches, which are no part of the architecture."""
    model = toy_model("synchronous_dssm", BOUND, config)
    assert isinstance(model, SynchronousDSSM)
    for number, variable in enumerate(model.trainable_variables):
        variable.assign(tf.random.stateless_normal(variable.shape, [7, number], stddev=0.3))
    return model


def gradients(model: SynchronousDSSM, batch: Batch, loss: Any = None) -> dict[str, np.ndarray]:
    """By the name of each variable; zero where none reaches it."""
    with tf.GradientTape() as tape:
        outputs = model(batch.inputs, training=True)
        value = (loss or model.loss)(outputs, batch)
    found = tape.gradient(value, model.trainable_variables)
    return {name: np.zeros(variable.shape) if gradient is None else tf.convert_to_tensor(gradient).numpy()
            for (name, variable), gradient in zip(named(model).items(), found, strict=True)}


def named(model: SynchronousDSSM) -> dict[str, tf.Variable]:
    return {f"{number} {variable.name}": variable for number, variable in enumerate(model.trainable_variables)}


def places(model: SynchronousDSSM, *layers: Any) -> set[str]:
    """The names of some layers' variables, as in `gradients`."""
    inside = {variable.ref() for layer in layers for variable in layer.trainable_variables}
    return {name for name, variable in named(model).items() if variable.ref() in inside}


def of_teacher(model: SynchronousDSSM) -> Any:
    """The teacher's own loss alone."""
    return lambda outputs, batch: task_losses(
        model.schema, {"click": outputs["click/teacher"]}, batch.labels, batch.weights)


def test_the_distillation_never_reaches_the_teacher(batch):
    follows, alone = built(distillation={"pointwise": 5.0, "listwise": 3.0}), built(distillation=None)
    found, expected = gradients(follows, batch), gradients(alone, batch)
    teachers = places(follows, follows.attention, follows.tower, follows.counting)
    assert len(teachers) > 5
    for name in teachers:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-7)
    moved = [name for name in set(found) - teachers if not np.allclose(found[name], expected[name], atol=1e-6)]
    assert any(name in places(follows, follows.user_tower, follows.item_tower) for name in moved)


@pytest.mark.parametrize("moves", [False, True])
def test_the_student_moves_the_tables_where_it_may(batch, moves):
    model = built(student_updates_embeddings=moves, nova=None)
    found, teachers = gradients(model, batch), gradients(model, batch, of_teacher(model))
    tables = places(model, model.embeddings)
    assert all(np.abs(teachers[name]).max() > 0 for name in tables)
    same = [np.allclose(found[name], teachers[name], atol=1e-7) for name in tables]
    assert not any(same) if moves else all(same)


@pytest.mark.parametrize("teacher_moves", [True, False])
def test_exactly_one_of_the_two_moves_the_users_attention(batch, teacher_moves):
    model = built(teacher_updates_user_attention=teacher_moves)
    found, teachers = gradients(model, batch), gradients(model, batch, of_teacher(model))
    attention = places(model, *model.nova)
    assert attention
    for name in attention:
        assert np.abs(found[name]).max() > 0
        if teacher_moves:
            np.testing.assert_allclose(found[name], teachers[name], atol=1e-7)
        else:
            assert not teachers[name].any()


def test_the_student_learns_of_candidates_without_an_outcome(batch):
    unseen = batch._replace(weights={"click": tf.zeros_like(batch.weights["click"])})
    model = built()
    found = gradients(model, unseen)
    assert all(np.abs(found[name]).max() > 0 for name in places(model, model.item_tower))
    assert not any(found[name].any() for name in places(model, model.tower))


def test_the_teacher_stands_in_training_alone(batch):
    model = built()
    assert set(model(batch.inputs)) == {"click"}
    assert set(model(batch.inputs, training=True)) == {"click", "click/teacher"}
