"""A training that goes on from yesterday's weights, over vocabularies that have grown."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from tests.toy import toy_schema
from zoo.config import ConfigError
from zoo.keras import tf
from zoo.layers.activations import Dice
from zoo.layers.embedding_table import EmbeddingTable
from zoo.models import registry
from zoo.optimizers.rules import Ftrl
from zoo.training.grown_vocabulary import NO_ROW
from zoo.training.warm_start import WarmStart

ZOO = Path(__file__).parents[3] / "zoo"
# Items a, b, c become b, c, d, e: a is gone, d and e are new; categories are the same.
ROWS = {"item": np.array([0, 1, 3, 4, NO_ROW, NO_ROW]), "category": np.arange(4)}


def model(name: str, items: int, **config):
    made = registry.build(name, toy_schema().bind({"item": items, "category": 2}), config)
    made.make_variables()
    return made


@pytest.fixture(scope="module")
def begun():
    """Yesterday's DIN, today's as it was made, and as it begins."""
    before = model("din", 3)
    for number, variable in enumerate(before.variables):
        variable.assign(tf.cast(tf.reshape(tf.range(tf.size(variable)), variable.shape), variable.dtype) + 100 * number)
    after = model("din", 4)
    fresh = {id(variable): variable.numpy() for variable in after.variables}
    WarmStart(before, ROWS).begin(after)
    return before, after, fresh


def test_known_ids_keep_their_weights_and_new_ones_begin_fresh(begun):
    before, after, fresh = begun
    old, new = (one.embeddings.spaces["item"].table for one in (before, after))
    np.testing.assert_array_equal(new.numpy()[:4], old.numpy()[[0, 1, 3, 4]])
    np.testing.assert_array_equal(new.numpy()[4:], fresh[id(new)][4:])
    old, new = (one.embeddings.spaces["category"].table for one in (before, after))
    np.testing.assert_array_equal(new, old)


def test_all_that_training_moves_goes_on(begun):
    before, after, _ = begun
    for old, new in zip(before.trainable_variables, after.trainable_variables, strict=True):
        if old.shape == new.shape:
            np.testing.assert_array_equal(new, old, err_msg=old.name)
    dice = [[layer for layer in one._flatten_layers() if isinstance(layer, Dice)] for one in (before, after)]
    assert dice[0]
    for old, new in zip(*dice, strict=True):
        for name in ("alpha", "moving_mean", "moving_variance", "batches"):
            np.testing.assert_array_equal(getattr(new, name), getattr(old, name))


def test_what_can_not_go_on_says_why():
    lr = model("lr", 3)
    with pytest.raises(ConfigError, match="WideAndDeep can't go on from the weights of a LR|LR.*warm_start"):
        WarmStart(lr, ROWS).begin(model("wdl", 4))
    with pytest.raises(ConfigError, match="trees are grown anew.*warm_start"):
        WarmStart(lr, ROWS).begin(model("gbdt", 4))
    with pytest.raises(ConfigError, match=r"has grown; begin anew"):
        tables = [layer for layer in lr._flatten_layers() if isinstance(layer, EmbeddingTable)]
        for table in tables:
            table.space = None
        other = model("lr", 4)
        for layer in other._flatten_layers():
            if isinstance(layer, EmbeddingTable):
                layer.space = None
        WarmStart(lr, ROWS).begin(other)


def test_other_settings_are_named():
    with pytest.raises(ConfigError, match=r"other settings \(embedding: .*begin anew"):
        WarmStart(model("embedding_mlp", 3, embedding={"dim": 8}), ROWS).begin(model("embedding_mlp", 4))


def test_other_columns_are_named():
    schema = toy_schema().bind({"item": 4, "category": 2})
    fewer = schema.model_copy(update={"candidates": schema.candidates[:-1]})
    other = registry.build("lr", fewer)
    other.make_variables()
    with pytest.raises(ConfigError, match="other columns.*: candidate_image; begin anew"):
        WarmStart(model("lr", 3), ROWS).begin(other)


def test_ftrl_begins_at_the_weights_that_are_there():
    """A step with a gradient of 0 leaves them; from z = 0 it would make them 0."""
    weights = np.array([[0.5], [-2.0], [0.0]], np.float32)
    variable, optimizer = tf.Variable(weights), Ftrl(0.05, l1=0.1, l2=0.3)
    optimizer.apply_gradients([(tf.zeros((3, 1)), variable)])
    np.testing.assert_allclose(variable.numpy(), weights, rtol=1e-6)


def test_every_table_over_an_id_space_says_so():
    """A table that did not would keep its rows where they are when their ids move."""
    found = 0
    for path in [*ZOO.glob("layers/*.py"), *ZOO.glob("models/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not any(
                    isinstance(below, ast.Call) and isinstance(below.func, ast.Attribute) and below.func.attr == "size"
                    and ast.unparse(below.func).endswith("schema.size") for one in node.args for below in ast.walk(one)):
                continue
            called = ast.unparse(node.func)
            said = {keyword.arg: keyword.value for keyword in node.keywords}
            if called in ("EmbeddingTable", "ItemSimilarity"):
                assert "space" in said, f"{path.name}:{node.lineno}"
                found += 1
            elif called.endswith("add_weight"):
                assert ast.literal_eval(said["trainable"]) is False, f"{path.name}:{node.lineno}"
    assert found >= 6
