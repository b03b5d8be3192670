"""Edges of a log by hand: which values stand together, in requests and in the catalogue, and what pairs nothing."""

from __future__ import annotations

import pyarrow as pa
import pytest

from zoo.config import ConfigError
from zoo.graph.log_edges import EdgeConfig, catalogue_pairs, log_pairs, node_types
from zoo.schema import BehaviourSequence, Feature, IdSpace, Label, Schema

SCHEMA = Schema(
    name="rooms", spaces={name: IdSpace() for name in ("item", "category", "host", "tag", "city")},
    request=(Feature(name="city", space="city"), Feature(name="tastes", space="tag", multiple=True),
             Feature(name="age", kind="number")),
    sequences=(BehaviourSequence(name="past", fields=(Feature(name="item", space="item", role="item"),
                                                      Feature(name="tags", space="tag", multiple=True))),
               BehaviourSequence(name="rooms", role="other", fields=(Feature(name="host", space="host"),))),
    candidates=(Feature(name="host", space="host", role="item", owner="item"),
                Feature(name="category", space="category", owner="item"),
                Feature(name="tags", space="tag", multiple=True, owner="item"),
                Feature(name="shelf", space="item", multiple=True), Feature(name="leaf", space="category", multiple=True)),
    labels=(Label(name="click"),), group_key="user_id", keys=("user_id",))
# Two requests: u has seen a (tags x, y) and b (none), and is shown h (shelf a, c) and g (nothing); v has seen nothing.
ROWS = {
    "user_id": [["u"], ["v"]], "city": [["p"], [""]], "tastes": [["x", "z"], []], "tastes_count": [[2], [0]],
    "past_item": [["a", "b"], []], "past_tags": [["x", "y"], []], "past_tags_count": [[2, 0], []],
    "rooms_host": [["h", "h", ""], ["g"]],
    "candidate_host": [["h", "g"], ["h"]], "candidate_category": [["k", "l"], ["k"]],
    "candidate_shelf": [["a", "c"], ["a"]], "candidate_shelf_count": [[2, 0], [1]],
    "candidate_leaf": [["k", "m"], ["k"]], "candidate_leaf_count": [[2, 0], [1]],
}


def batch(**changes) -> pa.RecordBatch:
    rows = ROWS | changes
    return pa.RecordBatch.from_pydict({
        name: pa.array([[one.encode() if isinstance(one, str) else one for one in row] for row in values],
                       pa.list_(pa.int64() if name.endswith("_count") else pa.binary())) for name, values in rows.items()})


def pairs(source: str, target: str, of: pa.RecordBatch | None = None) -> dict[tuple[str, str], float]:
    found = log_pairs(of or batch(), SCHEMA, EdgeConfig(source=source, target=target)).to_pylist()
    assert len({(row["source"], row["target"]) for row in found}) == len(found)
    return {(row["source"], row["target"]): row["weight"] for row in found}


@pytest.mark.parametrize(("source", "target", "expected"), [
    ("user_id", "past_item", {("u", "a"): 1, ("u", "b"): 1}),
    ("past_item", "user_id", {("a", "u"): 1, ("b", "u"): 1}),
    ("user_id", "rooms_host", {("u", "h"): 2, ("v", "g"): 1}),                        # a missing id is in no pair
    ("city", "rooms_host", {("p", "h"): 2}),
    ("tastes", "user_id", {("x", "u"): 1, ("z", "u"): 1}),
    ("past_item", "past_tags", {("a", "x"): 1, ("a", "y"): 1}),
    ("candidate_host", "candidate_category", {("h", "k"): 2, ("g", "l"): 1}),
    ("candidate_host", "candidate_shelf", {("h", "a"): 2, ("h", "c"): 1}),
    ("candidate_shelf", "candidate_host", {("a", "h"): 2, ("c", "h"): 1}),
    ("candidate_shelf", "candidate_leaf", {("a", "k"): 2, ("c", "m"): 1}),
    ("user_id", "candidate_shelf", {("u", "a"): 1, ("u", "c"): 1, ("v", "a"): 1}),
])
def test_what_stands_together_by_hand(source, target, expected):
    assert pairs(source, target) == expected


def test_of_a_slice_and_of_nothing():
    assert pairs("user_id", "rooms_host", batch().slice(1)) == {("v", "g"): 1}
    assert pairs("candidate_host", "candidate_shelf", batch().slice(1)) == {("h", "a"): 1}
    assert pairs("past_item", "past_tags", batch().slice(1)) == {}


def test_types_are_spaces_and_keys():
    assert node_types(SCHEMA, EdgeConfig(source="user_id", target="past_item"), "graph.edges.of") == ("user_id", "item")


@pytest.mark.parametrize(("edge", "message"), [
    ({"source": "past_itm", "target": "user_id"}, r"graph\.edges\.of\.source: .* 'past_itm'; did you mean 'past_item'"),
    ({"source": "user_id", "target": "age"}, r"graph\.edges\.of\.target: the column 'age' is a number"),
    ({"source": "past_item", "target": "rooms_host"}, "nothing says which value of past_item belongs to which of rooms_host"),
    ({"source": "past_item", "target": "candidate_host"}, "nothing says which value"),
    ({"source": "tastes", "target": "past_item"}, "nothing says which value"),
    ({"source": "host", "target": "shelf", "of": "catalogue"}, r"no column of the catalogue 'shelf'"),
])
def test_columns_that_pair_nothing_are_told_before_a_run(edge, message):
    with pytest.raises(ConfigError, match=message):
        node_types(SCHEMA, EdgeConfig(**edge), "graph.edges.of")


def test_several_values_of_different_number_belong_nowhere():
    with pytest.raises(ConfigError, match="candidate_shelf and candidate_leaf have several values in one place, and not"):
        pairs("candidate_shelf", "candidate_leaf", batch(candidate_leaf=[["k"], ["k"]], candidate_leaf_count=[[1, 0], [1]]))


def test_a_catalogue_is_read_as_of_a_time():
    table = pa.table({"item": ["h", "h", "g"], "valid_from": [1, 5, 2], "category": ["k", "l", ""],
                      "tags": pa.array([["x", "y"], ["z"], ["x"]])})
    def found(until: int, source: str, target: str):
        rows = catalogue_pairs(table, SCHEMA, EdgeConfig(source=source, target=target, of="catalogue"), until).to_pylist()
        return {(row["source"], row["target"]) for row in rows}

    assert found(4, "host", "category") == {("h", "k")}
    assert found(5, "host", "category") == {("h", "k"), ("h", "l")}
    assert found(4, "tags", "host") == {("x", "h"), ("y", "h"), ("x", "g")}
