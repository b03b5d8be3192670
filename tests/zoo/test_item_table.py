"""Item tables: what is kept of a catalogue, added to without training, in any precision."""

from __future__ import annotations

import functools
import shutil

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from tests.toy import (
    CATEGORIES,
    ITEMS,
    ToyTransform,
    raw_tensors,
    toy_bound,
    toy_catalogue,
    toy_model,
    toy_requests,
    toy_schema,
)
from zoo.commands.models import models
from zoo.config import ConfigError
from zoo.data.catalogue import Catalogue, CatalogueError
from zoo.data.catalogue_writer import write_catalogue_table
from zoo.export import add_items, export_model
from zoo.export.item_table import IDS_FILE, read_ids
from zoo.export.model_description import read_description
from zoo.export.new_version import version_with_items
from zoo.export.state import flatten, nested
from zoo.keras import keras, tf
from zoo.schema import Label
from zoo.versions import newest_version

pytestmark = pytest.mark.slow
SETTINGS = {"crossing": "every", "half_lives": [2.0], "head": "mlp"}
SCHEMA = toy_schema((Label(name="click"), Label(name="purchase"))).bind({"item": ITEMS, "category": CATEGORIES})


def ids_only(requests):
    """The inputs of `rank` where candidates are named alone."""
    raw = raw_tensors(SCHEMA, requests)
    return {name: value for name, value in raw.items() if not name.startswith("candidate_")
            or name in ("candidate_item", "candidate_count")}


def served(path, requests):
    """Scores by `rank`, with how many candidates are unknown."""
    return {name: value.numpy() for name, value in load(str(path)).signatures["rank"](**ids_only(requests)).items()}


@functools.cache
def load(path):
    return tf.saved_model.load(path)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A model whose weights are no longer the first ones, requests, their catalogue, and the scores of the model itself."""
    keras.utils.set_random_seed(5)
    schema, requests = SCHEMA, toy_requests(40, schema=SCHEMA)
    catalogue = toy_catalogue(schema, requests)
    model = toy_model("dssm", schema, SETTINGS)
    for variable in model.trainable_variables:
        variable.assign_add(tf.random.normal(variable.shape, stddev=0.1))
    path = tmp_path_factory.mktemp("items") / "1"
    export_model(model, ToyTransform(schema), path, "float32", catalogue)
    with_columns = tmp_path_factory.mktemp("columns") / "1"
    export_model(model, ToyTransform(schema), with_columns)
    expected = load(str(with_columns)).signatures["rank"](**raw_tensors(schema, requests))
    return model, requests, catalogue, path, {name: value.numpy() for name, value in expected.items()}


def test_ids_alone_score_as_all_columns_do(world):
    _, requests, catalogue, path, expected = world
    answer = served(path, requests)
    mask = tf.sequence_mask([r.candidate_count for r in requests]).numpy()
    assert set(answer) == {"click", "purchase", "unknown_candidates"}
    for task, scores in expected.items():
        np.testing.assert_allclose(answer[task][mask], scores[mask], atol=1e-6)
    assert np.ptp(expected["click"][mask]) > 0.1 and not answer["unknown_candidates"].any()
    table = read_description(str(path)).item_table
    assert table.items == catalogue.item_count and table.until == catalogue.since.max()


def test_an_unknown_item_scores_as_one_without_features_and_is_counted(world, tmp_path):
    model, requests, _, path, _ = world
    request = requests[next(place for place, one in enumerate(requests) if one.candidate_count > 2)]
    request.candidates["item"][1:3] = ["never seen", ""]
    try:
        answer = served(path, [request])
        assert answer["unknown_candidates"].tolist() == [2]
        for name in request.candidates:
            if name != "item":
                nothing = {"image": [float("nan")] * 3, "price": float("nan")}
                request.candidates[name][1] = nothing.get(name, "")
        export_model(model, ToyTransform(model.schema), tmp_path / "1")
        alone = load(str(tmp_path / "1")).signatures["rank"](**raw_tensors(model.schema, [request]))
        np.testing.assert_allclose(answer["click"][0, 1:3], alone["click"][0, 1], atol=1e-6)
    finally:
        requests[:] = toy_requests(40, schema=SCHEMA)
        toy_catalogue(model.schema, requests)


def test_padding_is_neither_unknown_nor_scored_otherwise(world):
    _, requests, _, path, _ = world
    raw = ids_only(requests[:4])
    wide = raw | {"candidate_item": tf.concat([raw["candidate_item"], tf.fill([4, 3], "never seen")], 1)}
    rank = load(str(path)).signatures["rank"]
    answer, plain = rank(**wide), rank(**raw)
    assert answer["unknown_candidates"].numpy().tolist() == [0] * 4
    mask = tf.sequence_mask(raw["candidate_count"]).numpy()
    np.testing.assert_allclose(answer["click"].numpy()[:, :mask.shape[1]][mask], plain["click"].numpy()[mask], atol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least one candidate"):
        rank(**raw | {"candidate_count": tf.constant([1, 0, 1, 1], tf.int64)})
    with pytest.raises(tf.errors.InvalidArgumentError, match="candidate_count is above the width of candidate_item"):
        rank(**raw | {"candidate_count": tf.constant([1, 99, 1, 1], tf.int64)})


@pytest.mark.parametrize(("precision", "bytes_a_number", "tolerance"), [("float16", 2, 2e-3), ("int8", 1, 2e-2)])
def test_less_precision_costs_little(world, tmp_path, precision, bytes_a_number, tolerance):
    model, requests, catalogue, path, expected = world
    export_model(model, ToyTransform(model.schema), tmp_path / "1", precision, catalogue)
    mask = tf.sequence_mask([r.candidate_count for r in requests]).numpy()
    difference = np.abs(served(tmp_path / "1", requests)["click"] - expected["click"])[mask].max()
    assert 0 < difference < tolerance
    for name, shape in tf.train.list_variables(str(tmp_path / "1/variables/variables")):
        if name.startswith("items/tables/") and "scale" not in name:
            assert shape[0] == catalogue.item_count + 1
            assert tf.train.load_variable(str(tmp_path / "1/variables/variables"), name).itemsize == bytes_a_number


def test_items_are_added_without_training(world, tmp_path):
    model, requests, catalogue, path, expected = world
    names = sorted({item for request in requests for item in request.candidates["item"]})
    first, rest = names[:30], names[30:]
    schema = model.schema
    export_model(model, ToyTransform(schema), tmp_path / "1", "float32", toy_catalogue(schema, requests, first))
    before = served(tmp_path / "1", requests)
    assert before["unknown_candidates"].sum() == sum(item in rest for r in requests for item in r.candidates["item"])
    shutil.copytree(tmp_path / "1", tmp_path / "2")
    assert add_items(tmp_path / "2", toy_catalogue(schema, requests, [*rest, first[0]])) == (len(rest), 1, 29)
    after = served(shutil.copytree(tmp_path / "2", tmp_path / "3"), requests)
    mask = tf.sequence_mask([r.candidate_count for r in requests]).numpy()
    assert not after["unknown_candidates"].any()
    np.testing.assert_allclose(after["click"][mask], expected["click"][mask], atol=1e-6)
    assert sorted(read_ids(str(tmp_path / "2/assets" / IDS_FILE))) == [name.encode() for name in names]
    # The same graph and weights, and yet another version.
    for file in ("saved_model.pb", "assets.extra/weights/weights.index", "assets.extra/schema.yaml"):
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "2" / file).read_bytes()
    assert (tmp_path / "1/fingerprint.pb").read_bytes() != (tmp_path / "2/fingerprint.pb").read_bytes()
    assert add_items(tmp_path / "2", toy_catalogue(schema, requests, rest), replace=True) == (0, len(rest), 0)
    assert served(tmp_path / "2", requests)["unknown_candidates"].sum() == sum(
        item in first for r in requests for item in r.candidates["item"])


def test_the_command_publishes_a_version_beside_the_others(world, tmp_path):
    model, requests, catalogue, path, _ = world
    base = tmp_path / "versions"
    shutil.copytree(path, base / "4000000000")  # a number that is not reached by seconds
    fresh = catalogue.table.slice(0, 2).set_column(0, "item", pa.array(["new", "newer"]))
    write_catalogue_table(tmp_path / "fresh.parquet", model.schema, fresh)

    def run(*options):
        return CliRunner().invoke(models, ["add-items", str(base), "--out", str(base), "--catalogue", *map(str, options)])

    done = run(tmp_path / "fresh.parquet")
    assert done.exit_code == 0, done.output
    assert f"version 4000000001 to {base}/4000000001: 2 new items, 0 computed anew, {catalogue.item_count:,} as they were" in (
        " ".join(done.output.split()))
    assert sorted(one.name for one in base.iterdir()) == ["4000000000", "4000000001"]
    assert read_description(str(base / "4000000001")).item_table.items == catalogue.item_count + 2
    # The newest version is taken, and the time of day where that is above it; into a folder that need not be local.
    made, changed = version_with_items(base, tmp_path / "fresh.parquet", "memory://models/dssm", replace=True)
    assert made.version < 4000000000 and changed == (0, 2, 0) and newest_version("memory://models/dssm") == made
    assert len(read_description(made.path).item_table.model_dump()) == 3
    for wrong, message in ((tmp_path, "no such file; name a request log with a catalogue"),
                           (tmp_path / "versions/4000000000/saved_model.pb", "not a Parquet file")):
        assert message in str(run(wrong).exception)
    assert "no exported model of this zoo here" in str(CliRunner().invoke(models, [
        "add-items", str(tmp_path), "--out", str(base), "--catalogue", str(tmp_path / "fresh.parquet")]).exception)


def test_versions_with_other_items_are_loaded_side_by_side(world, tmp_path):
    """Look-up tables of one name in one process must not be one table."""
    model, requests, catalogue, path, _ = world
    shutil.copytree(path, tmp_path / "2")
    some = sorted({item for request in requests for item in request.candidates["item"]})[:5]
    add_items(tmp_path / "2", toy_catalogue(model.schema, requests, some), replace=True)
    ranks = [load(str(one)).signatures["rank"] for one in (path, tmp_path / "2", path)]
    unknown = [int(tf.reduce_sum(rank(**ids_only(requests))["unknown_candidates"])) for rank in ranks]
    assert unknown[0] == unknown[2] == 0 < unknown[1]


def test_as_tensorflow_serving_loads_it(world):
    """By a session, which knows the graph and the checkpoint and nothing of Python."""
    _, requests, _, path, expected = world
    values = {name: value.numpy() for name, value in ids_only(requests).items()}
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(path))
        signature = graph.signature_def["rank"]
        inputs = {signature.inputs[name].name: value for name, value in values.items()}
        scores = session.run(signature.outputs["click"].name, inputs)
    mask = tf.sequence_mask([r.candidate_count for r in requests]).numpy()
    np.testing.assert_allclose(scores[mask], expected["click"][mask], atol=1e-6)


def test_ids_may_hold_any_character(world, tmp_path):
    model, requests, catalogue, path, _ = world
    odd = ["a\nb", "a\r", "", "c\0d", "größe", " i1", "i1 "]
    rows = catalogue.table.slice(0, 6)
    table = rows.set_column(0, "item", pa.array(sorted(one for one in odd if one)))
    shutil.copytree(path, tmp_path / "2")
    add_items(tmp_path / "2", Catalogue(model.schema, table))
    request = requests[0]
    raw = ids_only([request]) | {"candidate_item": tf.constant([odd]), "candidate_count": tf.constant([len(odd)], tf.int64)}
    assert tf.saved_model.load(str(tmp_path / "2")).signatures["rank"](**raw)["unknown_candidates"].numpy().tolist() == [1]


def test_what_does_not_fit_is_refused(world, tmp_path):
    model, _, catalogue, path, _ = world
    table = catalogue.table.drop(["price"]).append_column("colour", pa.array(["x"] * len(catalogue)))
    other = Catalogue(model.schema, table)
    with pytest.raises(CatalogueError, match="'price' is missing, 'colour' is not expected; take the catalogue of a log"):
        add_items(path, other)
    with pytest.raises(ConfigError, match="DIN keeps no items"):
        export_model(toy_model("din"), ToyTransform(toy_bound()), tmp_path / "1", "float32")
    export_model(model, ToyTransform(model.schema), tmp_path / "2")
    with pytest.raises(ConfigError, match="'dssm' was exported without an item table"):
        add_items(tmp_path / "2", catalogue)


def test_a_state_is_nested_as_it_was():
    one, two = tf.constant(1), tf.constant(2)
    state = {"a": one, "b": {"c": two, "d": None}}
    assert nested(state, flatten(state)) == state
    assert nested(one, flatten(one)) is one


def test_what_stands_twice_in_a_state_is_kept_once(world):
    """Two labels have one item vector."""
    *_, path, _ = world
    names = {name.split("/")[2] for name, _ in tf.train.list_variables(str(path / "variables/variables"))
             if name.startswith("items/tables/")}
    assert names == {"heads_0_vector", "fields"}
    assert ITEMS >= read_description(str(path)).item_table.items > 30
