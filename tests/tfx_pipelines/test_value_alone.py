"""A transformed value depends on the raw value alone: at and next to every bucket's boundary, wherever it stands."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tfx_pipelines.transforming import analyzed, serving, training_inputs, transformed
from zoo.data.request import Request
from zoo.schema import BehaviourSequence, Feature, IdSpace, Schema

pytestmark = pytest.mark.slow
PRICE = {"kind": "number", "transform": "log_zscore", "buckets": 10}
SCHEMA = Schema(
    name="prices", spaces={"user": IdSpace(kind="hashed", buckets=5)}, group_key="user",
    request=(Feature(name="user", space="user"), Feature(name="spent", **PRICE)),
    sequences=(BehaviourSequence(name="history", max_length=50, fields=(
        Feature(name="price", **PRICE), Feature(name="gap", kind="number", buckets=7))),),
    candidates=(Feature(name="price", **PRICE), Feature(name="age", kind="number", buckets=7)),
)
NUMBERS = [column for column in SCHEMA.columns() if column.feature.kind == "number"]


def request(name: str, spent: float, past: np.ndarray, shown: np.ndarray) -> Request:
    return Request(name, 0, {"user": "u", "spent": float(spent)},
                   {"history": {"price": past.tolist(), "gap": past.tolist()}},
                   {"price": shown.tolist(), "age": shown.tolist()}, labels={"click": [0.0] * len(shown)})


@pytest.fixture(scope="module")
def log() -> list[Request]:
    """Prices in cents, a few of them often: boundaries are values of the log."""
    rng = np.random.default_rng(0)
    shop = np.float32(np.round(rng.lognormal(3.5, 1.0, 120), 2))
    return [request(f"log{i}", rng.choice(shop), rng.choice(shop, rng.integers(0, 30)), rng.choice(shop, rng.integers(1, 20)))
            for i in range(300)]


@pytest.fixture(scope="module")
def output(log, tmp_path_factory):
    return analyzed(SCHEMA, log, tmp_path_factory.mktemp("transform"))


@pytest.fixture(scope="module")
def served(output):
    return serving(SCHEMA, output.transform_features_layer())


@pytest.fixture(scope="module")
def probes(log, served) -> np.ndarray:
    """Every boundary, as the least value of each bucket, and the numbers next to it."""
    inputs, found = served(log), set()
    for column in NUMBERS:
        raw, buckets = (np.concatenate(values) for values in zip(*(
            (raw_values(column, one), real_values(column, inputs, column.bucket, row)) for row, one in enumerate(log)),
            strict=True))
        found |= {raw[buckets == bucket].min() for bucket in np.unique(buckets)}
    bounds = np.array(sorted(found), np.float32)
    assert len(bounds) > 20
    return np.concatenate([np.nextafter(bounds, np.float32(-np.inf)), bounds, np.nextafter(bounds, np.float32(np.inf))])


def raw_values(column, one: Request) -> np.ndarray:
    name = column.feature.name
    values = {"request": [one.features.get(name)], "sequence": one.sequences["history"].get(name),
              "candidate": one.candidates.get(name)}[column.level]
    return np.asarray(values, np.float32)


def real_values(column, inputs, name: str, row: int) -> np.ndarray:
    values = inputs[name].numpy()[row]
    length = {"sequence": "history_length", "candidate": "candidate_count"}.get(column.level)
    return values[:int(inputs[length][row])] if length else values[np.newaxis]


def test_a_value_is_transformed_alike_through_both_ways_alone_and_in_company(output, served, probes):
    rng = np.random.default_rng(1)
    alone = [request(f"alone{i}", value, value[np.newaxis], value[np.newaxis]) for i, value in enumerate(probes)]
    company = [request(f"company{size}.{i}", rng.choice(probes), rng.choice(probes, size % 51), rng.choice(probes, size))
               for size in range(1, 35) for i in range(2)]
    seen: dict = {}

    def see(requests: list[Request], inputs) -> None:
        for column in NUMBERS:
            for row, one in enumerate(requests):
                value, bucket = (real_values(column, inputs, name, row) for name in (column.name, column.bucket))
                for raw, *pair in zip(raw_values(column, one), value.view(np.int32), bucket, strict=True):
                    seen.setdefault((column.name, raw), set()).add(tuple(pair))

    see(alone + company, training_inputs(SCHEMA, transformed(SCHEMA, output, alone + company, batch=100)))
    see(company, served(company))
    for one in alone + company:
        see([one], served([one]))
    assert len(seen) == len(NUMBERS) * len(probes)
    differing = {key: values for key, values in seen.items() if len(values) > 1}
    assert not differing
