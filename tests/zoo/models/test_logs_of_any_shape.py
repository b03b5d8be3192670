"""Every model over logs that lack something, and over several tasks: it works, or says in plain words what it needs."""

from __future__ import annotations

import functools
import re

import numpy as np
import pytest

from tests.toy import CATEGORIES, ITEMS, small, toy_assets, toy_batch, toy_bound, toy_requests, toy_schema
from zoo.config import ConfigError
from zoo.keras import keras, tf
from zoo.models import registry
from zoo.models.base import RankingModel
from zoo.schema import BehaviourSequence, Feature, Label, Schema

BOUND = {"item": ITEMS, "category": CATEGORIES}


def reduced(**changes) -> Schema:
    """The toy schema with some parts replaced, grouped by a key so that nothing else is needed."""
    schema = toy_schema().model_copy(update={"keys": ("session",), "group_key": "session"} | changes)
    return Schema.model_validate(schema.model_dump()).bind(BOUND)


def inputs_of(schema: Schema) -> dict[str, tf.Tensor]:
    """The toy batch without the columns that the schema does not declare."""
    names = {name for c in schema.columns() for name in (c.name, c.bucket)}
    names |= {s.length for s in schema.sequences} | {"candidate_count"}
    return {name: value for name, value in toy_inputs().items() if name in names}


@functools.cache
def toy_inputs() -> dict[str, tf.Tensor]:
    return toy_batch(toy_bound(), toy_requests(5))[0]


# Linear weights and trees that have not been grown say 0 of everything.
BEGIN_AT_ZERO = ("lr", "gbdt", "gbdt_lr")
LOGS = {
    "no sequences": reduced(sequences=()),
    "no request features": reduced(request=()),
    "only an item": reduced(request=(), sequences=(), candidates=toy_schema().candidates[:1]),
    "only numbers": reduced(request=(), sequences=(), candidates=toy_schema().candidates[2:]),
    "ids without numbers": reduced(request=toy_schema().request[:1], candidates=toy_schema().candidates[:2]),
}


BEHAVIOURS = {"din", "dien", "dmr", "sim", "lsrmm", "nais", "dssm", "synchronous_dssm", "double_sequence", "hin"}
EVERY = set(registry.names())
# Which models can't do without what a log lacks; all others score it.
REFUSED = {
    "no sequences": BEHAVIOURS,
    "no request features": set(),
    "only an item": EVERY,
    "only numbers": EVERY,
    "ids without numbers": set(),
}


def build(name: str, schema: Schema) -> RankingModel:
    return registry.build(name, schema, small(name, schema), toy_assets())


@pytest.mark.slow
@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize("name", registry.names())
def test_scores_a_log_that_lacks_something_or_says_so(name, log):
    schema = LOGS[log]
    inputs = inputs_of(schema)
    if name in REFUSED[log]:
        with pytest.raises(ConfigError, match=f"needs .*{schema.name}"):
            build(name, schema)
        return
    model = build(name, schema)
    scores = model.probabilities(inputs)["click"]
    assert scores.shape == inputs[schema.columns("candidate")[0].name].shape[:2]
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("name", registry.names())
def test_a_history_that_has_nothing_in_common_with_the_candidates(name):
    strange = BehaviourSequence(name="history", max_length=8, fields=(Feature(name="gap", kind="number", buckets=5),))
    schema = reduced(sequences=(strange,))
    if name in BEHAVIOURS:
        with pytest.raises(ConfigError, match="history"):
            build(name, schema)
        return
    model = build(name, schema)
    assert np.isfinite(model.probabilities(inputs_of(schema))["click"]).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.names())
def test_several_tasks_each_learn_from_their_own_label(name):
    """A binary and a regression task side by side; a batch that has only one label leaves the other's head alone."""
    labels = (Label(name="click"), Label(name="stay", kind="regression"))
    schema = toy_schema(labels).bind(BOUND)
    inputs, targets, weights, _ = toy_batch(schema, toy_requests(12, schema=schema))
    keras.utils.set_random_seed(2)
    model = build(name, schema)
    served = model.probabilities(inputs)
    assert set(served) == {"click", "stay"} and (served["click"].numpy() < 1).all() and (served["click"].numpy() > 0).all()
    assert (np.abs(served["stay"].numpy()) > 1e-6).any() or name in BEGIN_AT_ZERO, "a regression is not a clipped probability"

    def gradients(task: str) -> dict:
        only = {t: w if t == task else tf.zeros_like(w) for t, w in weights.items()}
        with tf.GradientTape() as tape:
            loss = model.compute_loss((inputs, targets, only), training=True)
        variables = model.trainable_variables
        return {v.name: g for v, g in zip(variables, tape.gradient(loss, variables), strict=True) if moves(g)}

    click, stay = gradients("click"), gradients("stay")
    assert click and stay
    for task, other in (("click", stay), ("stay", click)):
        own = [n for n in (click | stay) if re.search(f"(wide|linear|leaves|bias|similarity)_{task}", n)]
        assert not set(own) & set(other), f"{own} of {task} moved by the other task"


def moves(gradient) -> bool:
    return gradient is not None and bool(np.any(tf.convert_to_tensor(gradient).numpy()))
