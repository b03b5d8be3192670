"""Tables that begin with given vectors: by raw id, free, anchored or frozen."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from tests.toy import ITEMS, toy_batch, toy_bound, toy_requests
from zoo.assets import Assets
from zoo.config import Config, ConfigError, parse
from zoo.data.batch import Batch
from zoo.keras import keras, tf
from zoo.layers.embeddings import EmbeddingConfig, Embeddings
from zoo.models import registry
from zoo.training import GroupedOptimizer, TrainingLoop


@pytest.fixture(scope="module")
def schema():
    return toy_bound()


@pytest.fixture(scope="module")
def assets(tmp_path_factory):
    """Vectors `[j, -j]` for the items i3, i5 and for one that nobody knows."""
    folder = tmp_path_factory.mktemp("assets")
    (folder / "vocabulary_item").write_text("".join(f"i{i}\n" for i in range(ITEMS)))
    (folder / "vocabulary_category").write_text("c0\n")
    (folder / "item_vectors.txt").write_text("i3 3 -3\nnobody 9 9\ni5 5 -5\n")
    (folder / "others.txt").write_text("x 1 1\ny 2 2\n")
    return Assets.from_folder(folder)


def config(space="item", dim=2, **settings) -> EmbeddingConfig:
    return parse(EmbeddingConfig, {"dim": dim, "pretrained": {space: {"asset": "item_vectors"} | settings}})


def test_rows_with_a_vector_begin_there_and_the_others_at_random(schema, assets, caplog):
    with caplog.at_level(logging.INFO, logger="zoo"):
        layer = Embeddings(schema, config(), assets)
    rows = layer.spaces["item"].table.numpy()
    np.testing.assert_array_equal(rows[[5, 7]], [[3, -3], [5, -5]])  # ids begin at 2
    others = np.delete(rows, [5, 7], 0)
    assert 0.03 < others.std() < 0.07 and (others != 0).all()
    assert "2 of the 60 ids of the space 'item' begin with a vector" in caplog.text


@pytest.mark.parametrize(("space", "settings", "message"), [
    ("item", {"dim": 3}, "are 2 wide, and the table of the space 'item' is 3; set embedding.dims.item"),
    ("item", {"asset": "others"}, "a vector for none of the 60 ids of the space 'item'; its ids are such as \\['x', 'y'\\]"),
    ("user", {}, "'user' of the schema 'toy' is hashed.*make it `learned`"),
    ("item", {"asset": "item_vector"}, "no asset 'item_vector'; did you mean 'item_vectors'"),
    ("category", {}, "vocabulary_category has 1 ids, and the schema 'toy' was bound to 6"),
    ("itm", {}, "pretrained: 'itm' is not an id space.*did you mean 'item'"),
])
def test_vectors_that_do_not_fit_are_refused(space, settings, message, schema, assets):
    with pytest.raises(ConfigError, match=message):
        Embeddings(schema, config(space, **settings), assets)


@pytest.mark.parametrize("settings", [{"mode": "anchored"}, {"mode": "frozen", "anchor": 0.1}])
def test_only_an_anchored_table_has_a_strength(settings):
    with pytest.raises(ConfigError, match="anchored needs `anchor`"):
        config(**settings)


def test_an_anchor_pulls_the_given_rows_of_the_batch(schema, assets):
    layer = Embeddings(schema, config(mode="anchored", anchor=0.5), assets)
    table = layer.spaces["item"].table
    table.assign_add(tf.ones_like(table))
    inputs = toy_batch(schema, toy_requests(2, schema=schema))[0]
    inputs |= {"candidate_item": tf.constant([[5, 8], [5, 0]], tf.int64), "history_item": tf.zeros_like(inputs["history_item"])}
    with tf.GradientTape() as tape:
        value = layer.regularization(inputs)
    # Of rows 5 and 8 in the batch, only 5 was given: (1² + 1²)/2·0.5, once though it stands there twice.
    np.testing.assert_allclose(value, 0.5, rtol=1e-6)
    gradient = tape.gradient(value, table)
    assert isinstance(gradient, tf.IndexedSlices)
    dense = tf.convert_to_tensor(gradient).numpy()
    np.testing.assert_allclose(dense[5], [0.5, 0.5], rtol=1e-5)
    assert np.count_nonzero(dense) == 2


@pytest.mark.slow
def test_training_moves_free_tables_holds_anchored_ones_and_leaves_frozen_ones(schema, assets):
    batch = toy_batch(schema, toy_requests(32, schema=schema))
    moved, variables = {}, {}
    for mode in ("free", "anchored", "frozen"):
        keras.utils.set_random_seed(1)
        pretrained = {"item": {"asset": "item_vectors", "mode": mode} | ({"anchor": 10.0} if mode == "anchored" else {})}
        model = registry.build("embedding_mlp", schema, {"embedding": {"dim": 2, "pretrained": pretrained}}, assets)
        model.make_variables()
        layer, = model.embedding_layers()
        table = layer.spaces["item"].table
        begin = table.numpy()
        loop = TrainingLoop(model, GroupedOptimizer(model))
        loop.run(tf.data.Dataset.from_tensors(Batch(*batch)).repeat(20))
        moved[mode] = np.abs(table.numpy() - begin)
        variables[mode] = {v.ref() for v in model.trainable_variables}
        assert (table.ref() in variables[mode]) == (mode != "frozen")
    assert not moved["frozen"].any()
    # Of the last of them, which is frozen: what has no vector is 0 and not noise for ever.
    assert not np.delete(begin, [5, 7], 0).any() and begin[[5, 7]].all()
    given = {mode: movement[[5, 7]].sum() for mode, movement in moved.items()}
    assert given["free"] > 0.01 and given["anchored"] < 0.3 * given["free"]
    free = np.delete(np.arange(62), [5, 7])
    assert moved["anchored"][free].sum() > 0.5 * moved["free"][free].sum(), "rows that were not given are free"


def test_a_frozen_table_does_not_decay(schema, assets):
    inputs = toy_batch(schema, toy_requests(4, schema=schema))[0]
    settings = {"dim": 2, "regularization": 1.0, "pretrained": {"item": {"asset": "item_vectors", "mode": "frozen"}}}
    layer = Embeddings(schema, parse(EmbeddingConfig, settings), assets)
    for space in ("category", "user"):
        layer.spaces[space].table.assign(tf.zeros_like(layer.spaces[space].table))
    assert float(layer.regularization(inputs)) == 0


def test_the_model_is_made_again_from_its_copied_assets(schema, assets, tmp_path):
    model = registry.build("din", schema, {"embedding": {"dim": 2, "pretrained": {"item": {"asset": "item_vectors"}}}}, assets)
    model.assets.copy_to(tmp_path / "assets")
    settings = type(model).Config.model_validate(model.config.model_dump(mode="json"))
    again = type(model)(schema, settings, assets=Assets.from_folder(tmp_path / "assets"))
    np.testing.assert_array_equal(again.embeddings.spaces["item"].table.numpy()[5], [3, -3])
    assert isinstance(settings, Config)
