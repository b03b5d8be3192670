"""What is read of a day, vocabularies that grow by it, and how far columns have moved; by hand."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv

from tfx_pipelines.config import DriftConfig
from tfx_pipelines.day import Day, grown
from tfx_pipelines.day_files import read_rows, write_rows
from tfx_pipelines.drift import in_words, measured
from tfx_pipelines.record_batches import serialized_batches
from tfx_pipelines.statistics import file_statistics, joined_statistics
from zoo.config import ConfigError
from zoo.data.log_shard import open_shard
from zoo.keras import tf
from zoo.schema import BehaviourSequence, Feature, IdSpace, Label, Schema

SCHEMA = Schema(
    name="day", spaces={"item": IdSpace(min_count=2), "user": IdSpace(kind="hashed", buckets=5)},
    request=(Feature(name="user", space="user"),),
    sequences=(BehaviourSequence(name="history", fields=(Feature(name="item", space="item"),)),),
    candidates=(Feature(name="item", space="item", role="item"), Feature(name="price", kind="number", buckets=2),
                Feature(name="stock", kind="number", transform="log_zscore"),
                Feature(name="raw", kind="number", transform="none")),
    labels=(Label(name="click"),), group_key="user")


def batch(*requests: tuple[list[str], list[str], list[float]]) -> pa.RecordBatch:
    """Requests by their history, their candidates and their prices."""
    past, items, prices = (list(column) for column in zip(*requests, strict=True))
    return pa.RecordBatch.from_pydict({
        "user": [[b"u"]] * len(requests), "history_item": [[one.encode() for one in row] for row in past],
        "candidate_item": [[one.encode() for one in row] for row in items],
        **{f"candidate_{name}": pa.array(prices, pa.list_(pa.float32())) for name in ("price", "stock", "raw")}})


def day(*requests) -> Day:
    read = Day(SCHEMA)
    for one in requests:
        read.add(batch(one))
    return read


def test_ids_count_wherever_they_stand_and_missing_ones_do_not():
    read = day((["a", "b"], ["a", ""], [1.0, 2.0]), ([], ["a", "c"], [3.0, 4.0]))
    assert read.counts("item") == {"a": 3, "b": 1, "c": 1} and set(read.spaces) == {"item"}


def test_moments_and_buckets_are_those_of_the_values():
    read = day(([], ["a", "a"], [1.0, 3.0]), ([], ["a", "a", "a"], [5.0, 7.0, float("nan")]))
    moments = read.moments()
    assert moments["candidate_price"] == {"mean": 4.0, "deviation": pytest.approx(np.sqrt(5)), "bounds": [5.0]}
    logs = np.log1p([1.0, 3.0, 5.0, 7.0])
    assert moments["candidate_stock"] == {"mean": pytest.approx(logs.mean()), "deviation": pytest.approx(logs.std())}
    assert "candidate_raw" not in moments
    later = Day(SCHEMA, known=["candidate_price"])
    later.add(batch(([], ["a"], [1.0])))
    assert set(later.moments()) == {"candidate_stock"}, "an earlier day's are not reckoned again"
    assert day(([], [], [])).moments()["candidate_price"] == {"mean": 0.0, "deviation": 1.0, "bounds": []}


def test_vocabularies_grow_by_the_schema_or_by_what_is_asked_for():
    first = grown(SCHEMA, day((["a", "a"], ["b"], [1.0])), {}, 1, None, None)
    assert first["item"].vocabulary.ids == ("a",) and first["item"].vocabulary.waiting == {"b": (1, 1)}
    before = {"item": first["item"].vocabulary}
    second = grown(SCHEMA, day(([], ["b", "c"], [1.0, 1.0])), before, 2, None, 0)
    assert second["item"].counts() == {"kept": 0, "admitted": 0, "evicted": 1, "waiting": 1, "forgotten": 0} or (
        second["item"].vocabulary.ids == ("b",))
    asked = grown(SCHEMA, day(([], ["b", "c"], [1.0, 1.0])), before, 2, 1, None)
    assert asked["item"].vocabulary.ids == ("a", "b", "c")
    with pytest.raises(ConfigError, match="span 1: no id of the space 'item' occurs 9 times"):
        grown(SCHEMA, day(([], ["b"], [1.0])), {}, 1, 9, None)
    bounded = SCHEMA.model_copy(update={"spaces": {**SCHEMA.spaces, "item": IdSpace(max_size=5)}})
    with pytest.raises(ConfigError, match="max_size.*daily.admit_at"):
        grown(bounded, day(([], ["b"], [1.0])), {}, 1, None, None)


def test_rows_are_kept_in_a_file(tmp_path):
    write_rows(str(tmp_path / "rows.npz"), {"item": np.array([0, 1, -1]), "odd / name": np.array([0, 1])})
    again = read_rows(str(tmp_path / "rows.npz"))
    assert {name: rows.tolist() for name, rows in again.items()} == {"item": [0, 1, -1], "odd / name": [0, 1]}


def statistics(path, items: list[str], prices: list[float]):
    """Statistics of examples of one candidate each."""
    with open_shard(str(path)) as writer:
        for item, price in zip(items, prices, strict=True):
            example = tf.train.Example()
            example.features.feature["candidate_item"].bytes_list.value.append(item.encode())
            example.features.feature["candidate_price"].float_list.value.append(price)
            writer.write(example.SerializeToString())
    assert sum(map(len, serialized_batches(str(path)))) == len(items)
    options = tfdv.StatsOptions()
    return joined_statistics([file_statistics(str(path), options)[1]], options)


def test_columns_that_moved_too_far_are_named(tmp_path):
    """Shares of a and b were 0.5 and 0.5, and are 0.8 and 0.2: the largest change is 0.3. Prices are all new."""
    before = statistics(tmp_path / "before.gz", ["a"] * 50 + ["b"] * 50, [1.0] * 50 + [2.0] * 50)
    after = statistics(tmp_path / "after.gz", ["a"] * 80 + ["b"] * 20, [101.0] * 50 + [102.0] * 50)
    moved = {one.column: one for one in measured(SCHEMA, DriftConfig(ids=0.2, numbers=None), after, before)}
    assert moved["candidate_item"].distance == pytest.approx(0.3) and "candidate_price" not in moved
    said = in_words({"drift": list(moved.values())})
    assert "'candidate_item' by 0.300, above 0.2 (L-infinity)" in said and "daily.drift.columns.candidate_item" in said
    allowed = measured(SCHEMA, DriftConfig(ids=0.2, columns={"candidate_item": 0.4, "candidate_price": 0.5}), after, before)
    assert {one.column: one.distance > one.most for one in allowed} == {"candidate_item": False, "candidate_price": True}
    assert "candidate_price" in in_words({"skew": allowed}) and "candidate_item" not in in_words({"skew": allowed})
    off = measured(SCHEMA, DriftConfig(columns={"candidate_item": None, "candidate_price": None}), after, before)
    assert in_words({"drift": off}) == ""
    with pytest.raises(ConfigError, match="columns.candidate_itm.*candidate_item"):
        measured(SCHEMA, DriftConfig(columns={"candidate_itm": 0.1}), after, before)
    assert json.dumps([one._asdict() for one in allowed])
