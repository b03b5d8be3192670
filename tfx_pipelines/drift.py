"""How far columns have moved between two days, as TFDV measures it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import statistics_pb2

from tfx_pipelines.config_daily import DriftConfig
from tfx_pipelines.schema import tfmd_schema
from zoo import files
from zoo.config import ConfigError, nearest
from zoo.schema import Schema

MOST_SHOWN = 5
# What is compared with what, by check.
_BETWEEN = {"drift": "between what the model that serves today has learned last and what this run learns",
            "skew": "between what this run learns and what it is tested on"}
_REMEDY = ("Look at both days (`zoo data check`). Where the data are right, allow more (daily.{check}.columns.{column}, null "
           "for not at all) or set daily.{check} to null; where they are wrong, mend the day's log and run it again")


class DriftError(ValueError):
    """Columns have moved further than they may; the message names them."""


class Moved(NamedTuple):
    """How far a column has moved.

    Args:
        column: its name in the log.
        measure: `L-infinity` or `Jensen-Shannon`.
        distance: between 0 and 1.
        most: how far it may.
    """

    column: str
    measure: str
    distance: float
    most: float


def measured(schema: Schema, config: DriftConfig, now: Any, before: Any) -> list[Moved]:
    """The distance of every column that is looked at, the largest excess first.

    Args:
        schema: of the request log.
        config: which columns, and how far they may move.
        now: statistics of one data set.
        before: of the other.

    Raises:
        ConfigError: the configuration names a column that the log has not.
    """
    allowed = _allowed(schema, config)
    declared = tfmd_schema(schema)
    for feature in declared.feature:
        if feature.name not in allowed:
            continue
        kind, most = allowed[feature.name]
        comparator = feature.drift_comparator
        (comparator.infinity_norm if kind == "id" else comparator.jensen_shannon_divergence).threshold = most
    anomalies = tfdv.validate_statistics(now, declared, previous_statistics=before)
    found = []
    for info in anomalies.drift_skew_info:
        name = ".".join(info.path.step)
        kind, most = allowed[name]
        found += [Moved(name, "L-infinity" if kind == "id" else "Jensen-Shannon", measurement.value, most)
                  for measurement in info.drift_measurements]
    return sorted(found, key=lambda one: one.most - one.distance)


def in_words(found: Mapping[str, Sequence[Moved]]) -> str:
    """Which columns have moved further than they may, how far, and what to do; empty where none has."""
    sentences = []
    for check, moved in found.items():
        beyond = [one for one in moved if one.distance > one.most]
        if not beyond:
            continue
        named = "; ".join(f"{one.column!r} by {one.distance:.3f}, above {one.most:g} ({one.measure})"
                          for one in beyond[:MOST_SHOWN])
        more = f"; and {len(beyond) - MOST_SHOWN} more" if len(beyond) > MOST_SHOWN else ""
        sentences.append(f"{check}: {_BETWEEN[check]}, columns moved: {named}{more}. "
                         + _REMEDY.format(check=check, column=beyond[0].column))
    return ". ".join(sentences)


def read_statistics(path: str) -> Any:
    """Statistics as StatisticsGen writes them."""
    made_at_run_time: Any = statistics_pb2
    with files.open_file(path, "rb") as file:
        return made_at_run_time.DatasetFeatureStatisticsList.FromString(file.read())


def _allowed(schema: Schema, config: DriftConfig) -> dict[str, tuple[str, float]]:
    """By column, its kind and how far it may move; without those that nobody looks at."""
    kinds = {column.name: column.feature.kind for column in schema.columns() if column.feature.kind != "text"}
    kinds |= {label.column: "number" for label in schema.labels}
    for name in config.columns:
        if name not in kinds:
            raise ConfigError(f"columns.{name}: the log has no such column{nearest(name, kinds)}")
    usual = {"id": config.ids, "number": config.numbers}
    limits = {name: config.columns.get(name, usual[kind]) for name, kind in kinds.items()}
    return {name: (kinds[name], most) for name, most in limits.items() if most is not None}
