"""What is read of a day: how often each id occurs, moments and buckets of numbers; and how vocabularies grow by it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.arrow import array_util
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from tfx_pipelines.record_batches import serialized_batches
from zoo.config import ConfigError
from zoo.schema import Column, Schema
from zoo.training.grown_vocabulary import GrownVocabulary, Growth, grow

# Of more values than this, quantiles are those of some of them, evenly over the data.
_VALUES = 2_000_000


def learned(schema: Schema) -> dict[str, list[Column]]:
    """The columns of each learned id space that has any."""
    found = {name: [column for column in schema.columns() if column.feature.space == name]
             for name, space in schema.spaces.items() if space.kind == "learned"}
    return {name: columns for name, columns in found.items() if columns}


class Day:
    """Counts the ids of a day and collects its numbers.

    Args:
        schema: declares the columns.
        known: columns whose moments and buckets are those of an earlier day, and are not looked at.
    """

    def __init__(self, schema: Schema, known: Collection[str] = ()):
        self.schema, self.spaces = schema, learned(schema)
        self.numbers = [column for column in schema.columns() if column.feature.kind == "number"
                        and column.name not in known and (column.feature.buckets or column.feature.transform != "none")]
        self._counts: dict[str, list[pa.Table]] = {space: [] for space in self.spaces}
        self._values: dict[str, list[np.ndarray]] = {column.name: [] for column in self.numbers}

    def read(self, paths: Sequence[str], declared: schema_pb2.Schema) -> None:
        """Reads files of raw examples.

        Args:
            paths: gzipped TFRecords.
            declared: the TFMD schema of the examples.
        """
        decode = ExamplesToRecordBatchDecoder(declared.SerializeToString()).DecodeBatch
        for path in paths:
            for serialized in serialized_batches(path):
                self.add(decode(serialized))

    def add(self, batch: pa.RecordBatch) -> None:
        """Takes a batch of raw examples."""
        for space, columns in self.spaces.items():
            for column in columns:
                counted = _flat(batch, column).value_counts()
                if len(counted):
                    self._counts[space].append(pa.table(
                        {"id": counted.field("values").cast(pa.binary()), "count": counted.field("counts")}))
        for column in self.numbers:
            values = _flat(batch, column).to_numpy(zero_copy_only=False).astype(np.float32)
            self._values[column.name].append(values[np.isfinite(values)])

    def counts(self, space: str) -> dict[str, int]:
        """How often each id of a space occurs, wherever it stands.

        Raises:
            ConfigError: an id is no UTF-8.
        """
        tables = self._counts[space]
        if not tables:
            return {}
        summed = pa.concat_tables(tables).group_by("id").aggregate([("count", "sum")])
        try:
            names = [one.decode() for one in summed["id"].to_pylist()]
        except UnicodeDecodeError as error:
            raise ConfigError(f"the id space {space!r} has an id that is no UTF-8: {error}; mend the log, or make the space "
                              "`hashed`") from None
        # A vocabulary is a file of lines, and an empty id is a missing one.
        return {name: count for name, count in zip(names, summed["count_sum"].to_pylist(), strict=True)
                if name and "\n" not in name and "\r" not in name}

    def moments(self) -> dict[str, dict[str, Any]]:
        """By column what its transformation needs: `mean` and `deviation`, of the logarithm where that is asked for, and the
        `bounds` of its buckets."""
        return {column.name: _moments(column, np.concatenate([np.zeros(0, np.float32), *self._values[column.name]]))
                for column in self.numbers}


def grown(schema: Schema, day: Day, before: Mapping[str, GrownVocabulary], span: int, admit_at: int | None,
          evict_after: int | None) -> dict[str, Growth]:
    """Each vocabulary after a day.

    Args:
        schema: declares the spaces.
        day: what was read.
        before: the vocabularies before it; none on the first day.
        span: the number of the day.
        admit_at, evict_after: as of `DailyConfig`.

    Raises:
        ConfigError: a space has no id at all, or a largest size, by which vocabularies of days can't go.
    """
    found = {}
    for name in day.spaces:
        space = schema.spaces[name]
        if space.max_size is not None:
            raise ConfigError(f"the id space {name!r} keeps its {space.max_size} most frequent ids (max_size), and a "
                              "vocabulary that lives for many days keeps those that it has; set daily.admit_at and "
                              "daily.evict_after instead")
        growth = grow(before.get(name, GrownVocabulary()), day.counts(name), span, admit_at=admit_at or space.min_count,
                      evict_after=evict_after)
        if not growth.vocabulary.ids:
            raise ConfigError(f"span {span}: no id of the space {name!r} occurs {admit_at or space.min_count} times, so it has "
                              "no vocabulary; learn more days at first (daily.days), or lower daily.admit_at")
        found[name] = growth
    return found


def _flat(batch: pa.RecordBatch, column: Column) -> pa.Array:
    place = batch.schema.get_field_index(column.name)
    return array_util.flatten_nested(batch.column(place), False)[0]


def _moments(column: Column, values: np.ndarray) -> dict[str, Any]:
    feature = column.feature
    result: dict[str, Any] = {}
    if feature.transform != "none":
        exact = values.astype(np.float64)
        exact = np.sign(exact) * np.log1p(np.abs(exact)) if feature.transform == "log_zscore" else exact
        deviation = float(exact.std()) if len(exact) else 0.0
        result = {"mean": float(exact.mean()) if len(exact) else 0.0, "deviation": deviation or 1.0}
    if feature.buckets:
        some = np.sort(values[::max(1, -(-len(values) // _VALUES))])
        places = np.arange(1, feature.buckets) * len(some) // feature.buckets
        result["bounds"] = some[places].tolist() if len(some) else []
    return result
