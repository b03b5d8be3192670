"""Models and requests for the benchmark of serving: two id fields, a history over both, the widths of the contests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.samples import CATEGORIES, Shape
from benchmarks.peers.zoo_worker import schema
from serving.encoding import encode_requests
from serving.protocol import messages
from serving.tensors import write_tensor
from zoo.data.example import to_example
from zoo.data.request import Request
from zoo.export import export_model
from zoo.keras import keras, tf
from zoo.models import registry
from zoo.schema import FIRST_ID, UNKNOWN_ID, Schema

ITEMS, CANDIDATES, EVENTS = 100_000, 600, 50
SHAPE = Shape(ITEMS, history=EVENTS)


class Vocabularies(tf.Module):
    """Ids by a hash table each, as the transformation of the pipeline has them."""

    def __init__(self, own: Schema):
        super().__init__()
        self.schema = own
        self.tables = {space: _table(prefix, count) for space, prefix, count in (
            ("item", "i", ITEMS - FIRST_ID), ("category", "c", CATEGORIES - FIRST_ID))}

    def __call__(self, values: Mapping[str, Any]) -> dict[str, Any]:
        found = {}
        for column in self.schema.columns():
            if column.name in values:
                value, lookup = values[column.name], self.tables[column.feature.space].lookup
                sparse = isinstance(value, tf.SparseTensor)
                found[column.name] = value.with_values(lookup(value.values)) if sparse else lookup(value)
        return found


def write_model(name: str, path: Path) -> Path:
    """Exports a model of the zoo with its defaults and untrained weights: time does not depend on them."""
    keras.utils.set_random_seed(1)
    own = schema(SHAPE)
    model = registry.build(name, own)
    model.make_variables()
    export_model(model, Vocabularies(own), path)
    return path


def logged_request() -> Request:
    """One request: 600 candidates, 50 events, ids by a power law as in the contests."""
    rng = np.random.default_rng(0)

    def drawn(count: int) -> dict[str, list[str]]:
        items = (ITEMS - FIRST_ID) ** rng.random(count)
        return {"item": [f"i{int(item)}" for item in items],
                "category": [f"c{category}" for category in rng.integers(0, CATEGORIES - FIRST_ID, count)]}

    return Request("r1", 0, {"user_id": "u1"}, {"history": drawn(EVENTS)}, drawn(CANDIDATES))


def rank_call(model: str, request: Request) -> bytes:
    """The request as one call of `rank`."""
    return _call(model, "rank", encode_requests(schema(SHAPE), [request]).inputs)


def pointwise_call(model: str, request: Request) -> bytes:
    """The same as 600 tf.Examples, each with the whole history and one candidate, through `serving_default`."""
    examples = np.empty(request.candidate_count, object)
    for place in range(request.candidate_count):
        one = {name: values[place:place + 1] for name, values in request.candidates.items()}
        examples[place] = to_example(
            schema(SHAPE), Request(request.request_id, 0, request.features, request.sequences, one), labelled=False)
    return _call(model, "serving_default", {"examples": examples})


def deepctr_call(model: str, request: Request) -> bytes:
    """The same as 600 rows of dense ids: DeepCTR's models look nothing up, whoever calls them has to."""
    ids = {"item": lambda text: FIRST_ID + int(text[1:]), "category": lambda text: FIRST_ID + int(text[1:])}
    inputs: dict[str, Any] = {"seq_length": np.full(CANDIDATES, EVENTS, np.int32)}
    for name, number in ids.items():
        inputs[name] = np.array([number(text) for text in request.candidates[name]], np.int32)
        past = np.array([number(text) for text in request.sequences["history"][name]], np.int32)
        inputs[f"hist_{name}"] = np.tile(past, (CANDIDATES, 1))
    return _call(model, "serving_default", inputs)


def _call(model: str, signature: str, inputs: Mapping[str, Any]) -> bytes:
    sent = messages.PredictRequest(model_spec=messages.ModelSpec(name=model, signature_name=signature))
    for name, array in inputs.items():
        write_tensor(np.asarray(array), sent.inputs[name])
    return sent.SerializeToString()


def _table(prefix: str, count: int) -> Any:
    keys = tf.constant([f"{prefix}{number}" for number in range(count)])
    values = tf.range(FIRST_ID, FIRST_ID + count, dtype=tf.int64)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), UNKNOWN_ID)
