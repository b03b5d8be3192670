"""Shared and dedicated tables: what the roles of an entity have in common and what not; and neighbours of several ids."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.toy import toy_schema
from zoo.assets import Assets
from zoo.config import ConfigError
from zoo.keras import tf
from zoo.layers.behaviours import matched_columns
from zoo.layers.embeddings import EmbeddingConfig, Embeddings
from zoo.layers.expanded_behaviours import expanded
from zoo.layers.meta_path_neighbours import MetaPathConfig, MetaPathNeighbours
from zoo.layers.pretrained import PretrainedConfig
from zoo.layers.role_embeddings import RoleEmbeddingConfig, RoleEmbeddings

BOUND = toy_schema().bind({"item": 4, "category": 2})
COLUMNS = {column.name: column for column in BOUND.columns()}
IDS = tf.constant([2, 3, 2], tf.int64)
REQUEST = {"user_id": tf.constant([2], tf.int64), "history_item": tf.constant([[3, 2, 3]], tf.int64),
           "history_category": tf.constant([[2, 3, 2]], tf.int64), "history_gap": tf.constant([[1.0, 2.0, 3.0]]),
           "history_gap_bucket": tf.constant([[2, 3, 2]], tf.int64), "history_length": tf.constant([2], tf.int64)}


def of_roles(embeddings: RoleEmbeddings) -> list[np.ndarray]:
    return [embeddings.look_up(COLUMNS[name], IDS).numpy() for name in ("history_item", "candidate_item")] + [
        embeddings.neighbour("item", IDS).numpy()]


def test_roles_share_one_part_and_have_another_of_their_own():
    embeddings = RoleEmbeddings(BOUND, RoleEmbeddingConfig(dim=6, dedicated_dim=2), neighbours=["item"])
    roles = of_roles(embeddings)
    for role in roles:
        assert role.shape == (3, 8) == (3, embeddings.width(COLUMNS["history_item"]))
        np.testing.assert_array_equal(role[:, :6], roles[0][:, :6])
    own = [role[:, 6:] for role in roles]
    assert not any(np.array_equal(a, b) for a, b in ((own[0], own[1]), (own[0], own[2]), (own[1], own[2])))
    # An id of one role alone, and numbers, are as without roles.
    assert set(embeddings.roles) == {"history_item", "candidate_item", "neighbour_item", "history_category",
                                     "candidate_category"}
    sequence = BOUND.sequence("behaviours")
    assert embeddings.behaviours(REQUEST, sequence).events.shape[-1] == embeddings.behaviours_width(sequence)
    assert embeddings.matched_width(sequence) == 16


def test_a_sum_is_the_mixed_shared_row_and_the_own_one():
    embeddings = RoleEmbeddings(BOUND, RoleEmbeddingConfig(dim=2, combine="sum"), neighbours=["item"])
    embeddings.mixed["item"].assign([[0.0, 2.0], [1.0, 0.0]])
    embeddings.spaces["item"].fill(np.array([2]), np.array([[3.0, 5.0]], np.float32))
    embeddings.roles["candidate_item"].fill(np.array([2]), np.array([[0.5, 0.25]], np.float32))
    found = embeddings.look_up(COLUMNS["candidate_item"], tf.constant([2], tf.int64))
    np.testing.assert_allclose(found, [[5.5, 6.25]])
    assert embeddings.width(COLUMNS["candidate_item"]) == 2


@pytest.mark.parametrize("tables", ["shared", "both", "dedicated"])
def test_tables_of_roles_decay_as_others_do(tables):
    embeddings = RoleEmbeddings(BOUND, RoleEmbeddingConfig(dim=2, tables=tables, regularization=0.5), neighbours=["item"])
    inputs = REQUEST | {"candidate_count": tf.constant([1], tf.int64), "candidate_item": tf.constant([[4]], tf.int64),
                        "candidate_category": tf.constant([[2]], tf.int64)}
    embeddings.row_regularization.frequencies["item"].assign([1, 1, 1, 2, 4, 1])
    # The history's third event is padding, and so is no id; its first ones are 3 and 2.
    seen = {"user": {2: 1}, "item": {2: 1, 3: 2, 4: 4}, "category": {2: 1, 3: 1}}
    own = {name: table for name, table in embeddings.roles.items() if table.space == "item"}
    assert set(own) == (set() if tables == "shared" else {"history_item", "candidate_item", "neighbour_item"})
    expected = sum(float((table.table.numpy()[row] ** 2).sum()) / often
                   for table in [*embeddings.spaces.values(), *embeddings.roles.values()]
                   for row, often in seen[table.space].items())
    np.testing.assert_allclose(embeddings.regularization(inputs), 0.25 * expected, rtol=1e-5)


def test_alone_they_are_one_table_or_one_each():
    shared = RoleEmbeddings(BOUND, RoleEmbeddingConfig(dim=4, tables="shared"), neighbours=["item"])
    first, *others = of_roles(shared)
    assert not shared.roles and all(np.array_equal(first, other) for other in others) and first.shape == (3, 4)
    dedicated = RoleEmbeddings(BOUND, RoleEmbeddingConfig(dim=4, tables="dedicated"), neighbours=["item"])
    first, *others = of_roles(dedicated)
    assert first.shape == (3, 4) and not any(np.array_equal(first, other) for other in others)
    assert set(dedicated.spaces) == {"user"}, "no table that nobody reads"
    with pytest.raises(ConfigError, match=r"pretrained\.item: with `tables: dedicated`, no table of 'item' is shared"):
        RoleEmbeddings(BOUND, RoleEmbeddingConfig(tables="dedicated", pretrained={"item": PretrainedConfig(asset="v")}))


def test_without_roles_nothing_is_different():
    """The views of a model go through `look_up` and `width`, and so do those of other models."""
    plain = Embeddings(BOUND, EmbeddingConfig(dim=4))
    shared = RoleEmbeddings(BOUND, RoleEmbeddingConfig(dim=4, tables="shared"))
    for space, table in shared.spaces.items():
        table.table.assign(plain.spaces[space].table)
    shared.buckets["history_gap"].table.assign(plain.buckets["history_gap"].table)
    sequence = BOUND.sequence("behaviours")
    for ours, theirs in zip(shared.behaviours(REQUEST, sequence), plain.behaviours(REQUEST, sequence), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.fixture
def assets(tmp_path) -> Assets:
    """Items a to d have the ids 2 to 5; a's neighbours are c and d, b's is d, c has none."""
    pq.write_table(pa.table({"id": list("abc"), "neighbours": [["c", "d"], ["d"], []]}), tmp_path / "n.parquet")
    (tmp_path / "items").write_text("a\nb\nc\nd\n")
    return Assets({"neighbours_ii": tmp_path / "n.parquet", "vocabulary_item": tmp_path / "items"})


def along(column: str, embeddings: RoleEmbeddings, assets: Assets) -> MetaPathNeighbours:
    return MetaPathNeighbours(BOUND, "ii", MetaPathConfig(column=column, to="item", neighbours=2), embeddings, assets)


def test_neighbours_of_a_column_by_hand(assets):
    embeddings = RoleEmbeddings(BOUND, RoleEmbeddingConfig(dim=3, dedicated_dim=1), neighbours=["item"])
    found = along("candidate_item", embeddings, assets)({"candidate_item": tf.constant([[2, 3, 4, 0]], tf.int64)})
    np.testing.assert_array_equal(found.mask, [[[1, 1], [1, 0], [0, 0], [0, 0]]])
    np.testing.assert_array_equal(found.vectors[0, 0], embeddings.neighbour("item", tf.constant([4, 5], tf.int64)))
    rows = embeddings.look_up(COLUMNS["candidate_item"], tf.constant([2, 3, 4], tf.int64))
    np.testing.assert_array_equal(found.node[0, :3], rows)


def test_neighbours_of_a_history_are_those_of_its_real_events(assets):
    embeddings = RoleEmbeddings(BOUND, RoleEmbeddingConfig(dim=3, dedicated_dim=1), neighbours=["item"])
    found = along("history_item", embeddings, assets)(REQUEST)  # b, a, and padding that looks like b
    np.testing.assert_array_equal(found.mask, [[1, 0, 1, 1, 0, 0]])
    rows = embeddings.look_up(COLUMNS["history_item"], tf.constant([3, 2], tf.int64))
    np.testing.assert_allclose(found.node, tf.reduce_mean(rows, 0, keepdims=True), rtol=1e-6)
    np.testing.assert_array_equal(found.vectors[0, 0], embeddings.neighbour("item", tf.constant(5, tf.int64)))


def test_a_history_is_expanded_by_neighbours_of_which_the_id_is_known(assets):
    embeddings = RoleEmbeddings(BOUND, RoleEmbeddingConfig(dim=3, dedicated_dim=1), neighbours=["item"])
    sequence = BOUND.sequence("behaviours")
    columns = [event for event, _ in matched_columns(BOUND, sequence)]
    behaviours = embeddings.behaviours(REQUEST, sequence)
    found = expanded(behaviours, columns, along("history_item", embeddings, assets), embeddings, REQUEST)
    np.testing.assert_array_equal(found.mask, [[1, 0, 1, 1, 0, 0, 1, 1, 0]])
    np.testing.assert_array_equal(found.ids[0, :4], [[5, 0], [0, 0], [4, 0], [5, 0]])
    np.testing.assert_array_equal(found.keys[0, 0, :4], embeddings.look_up(COLUMNS["history_item"], tf.constant(5, tf.int64)))
    assert not found.keys[0, 0, 4:].numpy().any() and not found.context[0, 0].numpy().any()
    for ours, theirs in zip(found, behaviours, strict=True):
        np.testing.assert_array_equal(ours[:, 6:], theirs)


@pytest.mark.parametrize(("path", "message"), [
    ({"column": "history_itm", "to": "item"}, r"paths\.ii\.column: .* did you mean 'history_item'"),
    ({"column": "hour", "to": "item"}, r"paths\.ii\.column: 'hour' has no ids that are nodes"),
    ({"column": "history_item", "to": "itm"}, r"paths\.ii\.to: .* did you mean 'item'"),
    ({"column": "user_id", "to": "item"}, "the space 'user' of the schema 'toy' is hashed"),
])
def test_wrong_paths_are_told(assets, path, message):
    embeddings = RoleEmbeddings(BOUND, RoleEmbeddingConfig(), neighbours=["item"])
    with pytest.raises(ConfigError, match=message):
        MetaPathNeighbours(BOUND, "ii", MetaPathConfig(**path), embeddings, assets)
