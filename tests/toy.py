"""A small schema with every kind of column, random requests over it, and a transformation without TFX."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from zoo.assets import Assets
from zoo.data import parsing
from zoo.data.batch import Batch
from zoo.data.catalogue import Catalogue, CatalogueRow
from zoo.data.catalogue_writer import write_catalogue
from zoo.data.example import to_example
from zoo.data.request import Request
from zoo.export.inputs import example_inputs
from zoo.keras import tf
from zoo.models import registry
from zoo.models.base import RankingModel
from zoo.schema import FIRST_ID, UNKNOWN_ID, BehaviourSequence, Feature, IdSpace, Label, Mark, Schema
from zoo.stages import StageTag

ITEMS, CATEGORIES, TAGS = 60, 6, 12
ASSETS = Path(__file__).with_name("assets")  # small files of models that need others than these, by name
# What `hin` looks up in a log with products: of the user twice, of the room twice, and by what its history is expanded.
META_PATHS: dict[str, dict[str, Any]] = {
    "bought": {"column": "products_item", "to": "item"}, "seen": {"column": "history_item", "to": "category"},
    "like": {"column": "candidate_item", "to": "item"},
    "on_shelf": {"column": "candidate_shelf", "to": "item", "neighbours": 2},
    "near": {"column": "products_item", "to": "item", "neighbours": 2}}


def toy_schema(labels: tuple[Label, ...] = (Label(name="click"),)) -> Schema:
    """Items, categories, a hashed user, numbers with and without buckets, and a wide number."""
    return Schema(
        name="toy",
        spaces={"item": IdSpace(), "category": IdSpace(), "user": IdSpace(kind="hashed", buckets=50)},
        request=(Feature(name="user_id", space="user", role="user"), Feature(name="hour", kind="number", buckets=4)),
        sequences=(BehaviourSequence(name="history", max_length=8, fields=(
            Feature(name="item", space="item", role="item"),
            Feature(name="category", space="category", role="category"),
            Feature(name="gap", kind="number", role="time_gap", transform="log_zscore", buckets=5),
        )),),
        candidates=(
            Feature(name="item", space="item", role="item", owner="item"),
            Feature(name="category", space="category", role="category", owner="item"),
            Feature(name="price", kind="number", role="price", owner="item"),
            Feature(name="image", kind="number", width=3, owner="item"),
        ),
        labels=labels,
        group_key="user_id",
        max_candidates=500,
    )


def toy_request(rng: np.random.Generator, schema: Schema, history: int | None = None, candidates: int | None = None,
                name: str = "r", time: int = 1_600_000_000) -> Request:
    """A random request; clicks are likely where the candidate's category stands in the history."""
    events = int(rng.integers(0, 9)) if history is None else history
    count = int(rng.integers(1, 7)) if candidates is None else candidates
    past, shown = rng.integers(0, ITEMS, events), rng.integers(0, ITEMS, count)
    liked = np.where(np.isin(shown % CATEGORIES, past % CATEGORIES), 0.8, 0.2)
    labels: dict[str, list[float]] = {}
    for label in schema.labels:
        drawn = liked * rng.random(count) if label.soft else (rng.random(count) < liked).astype(float)
        labels[label.name] = (drawn * labels[label.given] if label.given else drawn).tolist()
    return Request(
        request_id=name, time=time,
        features={"user_id": f"u{rng.integers(30)}", "hour": float(rng.integers(24))},
        sequences={"history": {"item": [f"i{i}" for i in past], "category": [f"c{i % CATEGORIES}" for i in past],
                               "gap": rng.exponential(100, events).tolist()}},
        candidates={"item": [f"i{i}" for i in shown], "category": [f"c{i % CATEGORIES}" for i in shown],
                    "price": rng.exponential(10, count).tolist(), "image": rng.normal(size=(count, 3)).tolist()},
        labels=labels,
        marks={mark.name: (shown % len(StageTag)).astype(float).tolist() for mark in schema.marks},
    )


def toy_requests(count: int = 64, seed: int = 0, schema: Schema | None = None, **kwargs: Any) -> list[Request]:
    rng = np.random.default_rng(seed)
    schema = schema or toy_schema()
    return [toy_request(rng, schema, name=f"r{i}", time=1_600_000_000 + i, **kwargs) for i in range(count)]


def rich_schema() -> Schema:
    """The toy's columns, and what a log may have beside them: several values with and without weights, text, columns of the
    item, a room's shelf with the history that it meets, what was sold and counted there last, a purchase given the click, a
    teacher's probability, and how far a candidate came in the cascade."""
    toy = toy_schema((Label(name="click"), Label(name="purchase", given="click"), Label(name="teacher", soft=True)))
    history, = toy.sequences
    tags = Feature(name="tags", space="tag", multiple=True, max_values=3)
    return Schema(**toy.model_dump() | {
        "name": "rich",
        "spaces": {**toy.spaces, "tag": IdSpace()},
        "request": (*toy.request, Feature(name="interests", space="tag", multiple=True, weighted=True, max_values=4)),
        "sequences": (history.model_copy(update={"fields": (*history.fields, tags)}), BehaviourSequence(
            name="products", max_length=6, role="products", fields=(
                Feature(name="item", space="item", role="item"), Feature(name="gap", kind="number", role="time_gap")))),
        "candidates": (*toy.candidates, tags.model_copy(update={"owner": "item", "weighted": True}),
                       Feature(name="title", kind="text", owner="item"), Feature(name="clicks", kind="number"),
                       Feature(name="shelf", space="item", role="shelf", multiple=True, max_values=4),
                       Feature(name="sold", space="item", role="sold", multiple=True, max_values=2),
                       *(Feature(name=f"recent_{what}", kind="number", role="recent", width=3)
                         for what in ("clicks", "orders"))),
        "marks": (Mark(name="stage", role="stage"),),
    })


def rich_request(rng: np.random.Generator, schema: Schema, **kwargs: Any) -> Request:
    """A random request of the rich schema: up to five tags at each place, so some are above the maximum; often none."""
    toy = toy_request(rng, schema, **kwargs)
    past, shown = toy.sequences["history"], toy.candidates

    def tags() -> list[str]:
        return [f"t{tag}" for tag in rng.integers(0, TAGS, rng.integers(0, 6))]

    def weights(several: list[str]) -> list[float]:
        return rng.exponential(1.0, len(several)).tolist()

    def products(most: int) -> list[str]:
        """Of a room; often none."""
        return [f"i{item}" for item in rng.integers(0, ITEMS, rng.integers(0, most + 1))]

    interests, of_shown = tags(), [tags() for _ in shown["item"]]
    return dataclasses.replace(
        toy, features={**toy.features, "interests": interests, "interests_weight": weights(interests)},
        sequences={"history": {**past, "tags": [tags() for _ in past["item"]]},
                   "products": {"item": past["item"][::-1], "gap": rng.exponential(10, len(past["item"])).tolist()}},
        candidates={**shown, "tags": of_shown, "tags_weight": [weights(several) for several in of_shown],
                    "title": [f"Größe {item}, {category}" for item, category in zip(shown["item"], shown["category"],
                                                                                     strict=True)],
                    "clicks": rng.poisson(3.0, len(of_shown)).astype(float).tolist(),
                    **{name: [products(most) for _ in of_shown] for name, most in (("shelf", 5), ("sold", 3))},
                    **{f"recent_{what}": rng.poisson(2.0, (len(of_shown), 3)).astype(float).tolist()
                       for what in ("clicks", "orders")}})


def rich_requests(count: int = 64, seed: int = 0, schema: Schema | None = None, **kwargs: Any) -> list[Request]:
    rng = np.random.default_rng(seed)
    schema = schema or rich_schema()
    return [rich_request(rng, schema, name=f"r{i}", time=1_600_000_000 + i, **kwargs) for i in range(count)]


def toy_catalogue(schema: Schema, requests: list[Request], items: Iterable[str] | None = None) -> Catalogue:
    """The items of some requests, as the last of them has each; the others are made to say the same.

    Args:
        schema: of the requests.
        requests: changed in place.
        items: only these.
    """
    features = [column.feature for column in schema.item_columns()]
    names = [name for feature in features for name in ([feature.name, feature.weight] if feature.weighted else [feature.name])]
    rows = {item: CatalogueRow(item, request.time, {name: request.candidates[name][place] for name in names if name != "item"})
            for request in requests for place, item in enumerate(request.candidates["item"])}
    for request in requests:
        for place, item in enumerate(request.candidates["item"]):
            for name, value in rows[item].values.items():
                request.candidates[name][place] = value
    with tempfile.TemporaryDirectory() as folder:
        write_catalogue(f"{folder}/catalogue", schema, [row for item, row in rows.items() if items is None or item in items])
        return Catalogue.read(f"{folder}/catalogue", schema)


class ToyTransform(tf.Module):
    """Look-ups and fixed scaling, by the contract of the pipeline's transformation; elementwise, any subset."""

    def __init__(self, schema: Schema):
        super().__init__()
        self.schema = schema
        self.tables = {"item": _table(f"i{i}" for i in range(ITEMS)),
                       "category": _table(f"c{i}" for i in range(CATEGORIES)),
                       "tag": _table(f"t{i}" for i in range(TAGS - 1))}

    def __call__(self, values: Mapping[str, Any]) -> dict[str, Any]:
        result = {}
        for column in self.schema.columns():
            if column.name not in values:
                continue
            value = values[column.name]
            if column.feature.kind == "text":
                result[column.name] = value
            elif column.feature.kind == "number":
                scale = tf.math.log1p if column.feature.transform == "log_zscore" else (lambda x: x / 10.0)
                result[column.name] = _elementwise(_in_float64(scale), value)
                result[column.name] = _elementwise(lambda x: tf.where(tf.math.is_nan(x), 0.0, x), result[column.name])
                if column.feature.buckets:
                    most = column.feature.buckets - 1
                    result[column.bucket] = _elementwise(
                        lambda x, most=most: tf.where(tf.math.is_nan(x), tf.constant(UNKNOWN_ID, tf.int64), FIRST_ID + tf.cast(
                            tf.clip_by_value(tf.where(tf.math.is_nan(x), 0.0, x) / 8, 0, most), tf.int64)), value)
            elif column.feature.space == "user":
                result[column.name] = _elementwise(
                    lambda x: tf.where(x == "", tf.constant(UNKNOWN_ID, tf.int64),
                                       FIRST_ID + tf.strings.to_hash_bucket_fast(x, 50)), value)
            else:
                result[column.name] = _elementwise(self.tables[column.feature.space].lookup, value)
        return result


def toy_bound() -> Schema:
    return toy_schema().bind({"item": ITEMS, "category": CATEGORIES})


def rich_bound() -> Schema:
    return rich_schema().bind({"item": ITEMS, "category": CATEGORIES, "tag": TAGS - 1})


def small(name: str, schema: Schema) -> dict[str, Any]:
    """Settings of a model for a log of this size: by default, there are a million crosses, and 500 trees, for each task,
    and more shrinkage than an item has observations; no stream of products where there are none, else meta-paths of them; and
    FiBiNET's gates are none that some seeds close from the start, as ReLU does with so few fields."""
    settings: dict[str, Any] = {"cross_buckets": 1 << 10, "trees": 40, "shrinkage": 0.1}
    settings |= {"gate": "sigmoid"} if name == "fibinet" else {}
    settings |= {"paths": META_PATHS, "expand": ["near"]} if schema.sequence("products") else {"streams": ["rooms"]}
    return {setting: value for setting, value in settings.items() if setting in registry.get(name).Config.model_fields}


@functools.cache
def toy_assets() -> Assets:
    """Files that a model over the toy's schema may ask for: vocabularies, the words of titles, vectors of half the items."""
    folder = Path(_temporary().name)
    vectors = np.random.default_rng(0).normal(0.0, 0.1, (ITEMS // 2, 16))
    lines = {"vocabulary_item": [f"i{i}" for i in range(ITEMS)], "vocabulary_category": [f"c{i}" for i in range(CATEGORIES)],
             "vocabulary_tag": [f"t{i}" for i in range(TAGS - 1)],
             "vocabulary_words": ["größe", *(f"{letter}{i}" for letter in "ic" for i in range(CATEGORIES))],
             "item_vectors.txt": [" ".join([f"i{i}", *map(str, vector)]) for i, vector in enumerate(vectors)]}
    for name, content in lines.items():
        (folder / name).write_text("".join(f"{line}\n" for line in content), encoding="utf-8")
    for name, path in META_PATHS.items():
        # Items of one category; an item in five has none.
        near = [[f"i{i + step * CATEGORIES}" for step in (1, 2, 3)] if path["to"] == "item" else [f"c{i % CATEGORIES}"]
                for i in range(ITEMS)]
        pq.write_table(pa.table({"id": [f"i{i}" for i in range(ITEMS)],
                                 "neighbours": [found if i % 5 else [] for i, found in enumerate(near)]}),
                       folder / f"neighbours_{name}.parquet")
    return Assets.from_folder(folder) | (Assets.from_folder(ASSETS) if ASSETS.is_dir() else Assets())


@functools.cache
def _temporary() -> tempfile.TemporaryDirectory:
    """Kept until the process ends."""
    return tempfile.TemporaryDirectory(prefix="toy_assets")


def toy_model(name: str, schema: Schema | None = None, config: Mapping[str, Any] | None = None) -> RankingModel:
    """A small model of the zoo with its variables, over the toy's schema."""
    schema = schema or toy_bound()
    model = registry.build(name, schema, small(name, schema) | dict(config or {}), toy_assets())
    model.make_variables()
    return model


def toy_batch(schema: Schema, requests: list[Request]) -> Batch:
    """A batch of some requests, through parsing and the transformation."""
    examples = tf.constant([to_example(schema, request) for request in requests])
    parsed = tf.io.parse_example(examples, parsing.label_spec(schema))
    return Batch(example_inputs(schema, ToyTransform(schema), examples), *parsing.labels_and_weights(schema, parsed),
                 parsing.marks(schema, parsed))


def raw_tensors(schema: Schema, requests: list[Request]) -> dict[str, tf.Tensor]:
    """The `rank` signature's inputs for some requests, made without the client; nothing is cut."""
    raw: dict[str, tf.Tensor] = {}
    for column in schema.columns():
        kind = tf.float32 if column.feature.kind == "number" else tf.string
        rows = [request.all_values(column) for request in requests]
        if column.feature.multiple:
            raw[column.count] = _padded([[len(several) for several in row] for row in rows], tf.int64)
        raw[column.name] = _padded(rows, kind, column.feature)
        if column.feature.weighted:
            rows = [request.all_values(column, column.feature.weight) for request in requests]
            raw[column.weight] = _padded(rows, tf.float32, column.feature)
        if column.level == "request":
            raw |= {name: raw[name][:, 0] for name in column.raw_names}
    for sequence in schema.sequences:
        raw[sequence.length] = tf.constant([len(r.sequences[sequence.name]["item"]) for r in requests], tf.int64)
    return raw | {"candidate_count": tf.constant([r.candidate_count for r in requests], tf.int64)}


def _padded(rows: list[Any], kind: tf.DType, feature: Feature | None = None) -> tf.Tensor:
    several, width = feature is not None and feature.multiple, feature.width if feature else 1
    inner = (width,) if width > 1 else ()
    if not any(len(row) for row in rows):
        return tf.zeros((len(rows), 0, *((0,) if several else inner)), kind)
    return tf.ragged.constant(rows, dtype=kind, ragged_rank=2 if several else 1, inner_shape=inner).to_tensor()


def _in_float64(function: Any) -> Any:
    """Rounded once, as in the pipeline: the last bit depends neither on a value's place nor on how graphs are optimised."""
    return lambda values: tf.cast(function(tf.cast(values, tf.float64)), tf.float32)


def _table(keys: Iterable[str]) -> tf.lookup.StaticHashTable:
    keys = list(keys)
    values = tf.range(FIRST_ID, FIRST_ID + len(keys), dtype=tf.int64)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(tf.constant(keys), values), UNKNOWN_ID)


def _elementwise(function: Any, value: Any) -> Any:
    return value.with_values(function(value.values)) if isinstance(value, tf.SparseTensor) else function(value)


def transformed_example(schema: Schema, request: Request, transform: ToyTransform | None = None) -> bytes:
    """A request's transformed example as the pipeline writes it, by the toy transformation."""
    raw = to_example(schema, request)
    parsed = tf.io.parse_example([raw], parsing.raw_spec(schema))
    sparse = {k: v.to_sparse() if isinstance(v, tf.RaggedTensor) else v for k, v in parsed.items()}
    example = tf.train.Example.FromString(raw)
    for name, value in (transform or ToyTransform(schema))(sparse).items():
        values = (value.values if isinstance(value, tf.SparseTensor) else value).numpy()
        feature = example.features.feature[name]
        feature.Clear()
        if values.dtype == np.int64:
            feature.int64_list.value.extend(values)
        elif values.dtype == object:
            feature.bytes_list.value.extend(values)
        else:
            feature.float_list.value.extend(values)
    group = str(request.features[schema.group_key]).encode()
    example.features.feature[schema.group_column].bytes_list.value[:] = [group]
    return example.SerializeToString()


def write_transformed(path: str, schema: Schema, requests: Iterable[Request]) -> str:
    """A file of transformed examples."""
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        transform = ToyTransform(schema)
        for request in requests:
            writer.write(transformed_example(schema, request, transform))
    return path
