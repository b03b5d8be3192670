"""A delta from one exported model to the next."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.toy import CATEGORIES, ToyTransform, toy_schema
from zoo.config import ConfigError
from zoo.export import export_model, load_model
from zoo.export.delta import apply_delta, write_delta
from zoo.keras import tf
from zoo.manifest import faults_of
from zoo.model_files import DAY
from zoo.models import registry


def exported(path: Path, items: list[str], weights: dict[str, float]) -> str:
    """A model whose weight of each item is given, with its vocabulary of days."""
    schema = toy_schema().bind({"item": len(items), "category": CATEGORIES})
    model = registry.build("lr", schema)
    model.make_variables()
    for variable in model.trainable_variables:
        variable.assign(tf.fill(variable.shape, 0.25))
        if variable.name.startswith("linear_candidate_item") and variable.shape[0] == len(items) + 2:
            variable.assign([[0.0], [0.5], *([weights[item]] for item in items)])
    export_model(model, ToyTransform(schema), path)
    (path / DAY).mkdir(parents=True)
    (path / DAY / "item.json").write_text(json.dumps({"ids": items}), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Item a is gone, b stays as it is, c has another weight, d is new, and e has another sign alone."""
    folder = tmp_path_factory.mktemp("delta")
    before = exported(folder / "before", ["a", "b", "c", "e"], {"a": 1.0, "b": 2.0, "c": 3.0, "e": 0.0})
    after = exported(folder / "after", ["b", "c", "d", "e"],
                     {"b": 2.0, "c": float("nan"), "d": 4.0, "e": -0.0})
    return before, after, write_delta(before, after, folder / "delta"), str(folder / "delta")


def contents(model: str) -> dict[str, object]:
    """Every tensor of a model's checkpoints, and every other file."""
    found: dict[str, object] = {}
    for path in sorted(Path(model).rglob("*")):
        name = path.relative_to(model).as_posix()
        if name.endswith(".index"):
            reader = tf.train.load_checkpoint(str(path.with_suffix("")))
            found |= {f"{name}|{key}": np.asarray(reader.get_tensor(key)).tobytes()
                      for key, kind in reader.get_variable_to_dtype_map().items() if kind != tf.string}
        elif path.is_file() and ".data-" not in name and not name.endswith("manifest.json"):
            found[name] = path.read_bytes()
    return found


@pytest.mark.slow
def test_yesterdays_model_and_a_delta_give_todays_bit_for_bit(models, tmp_path):
    before, after, _, delta = models
    apply_delta(before, delta, tmp_path / "made")
    assert contents(str(tmp_path / "made")) == contents(after) != contents(before)
    assert faults_of(str(tmp_path / "made")) == []
    again = load_model(str(tmp_path / "made"))
    for ours, theirs in zip(again.variables, load_model(after).variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert tf.saved_model.load(str(tmp_path / "made")).signatures["rank"]


def test_rows_of_ids_that_stay_are_not_in_it(models):
    """Of the table of four items, c, d and e: b has moved up, and is the same."""
    *_, size, delta = models
    said = json.loads(Path(delta, "delta.json").read_text(encoding="utf-8"))
    moved = [(name, kind) for name, kind in said["tensors"]["variables/variables"].items() if kind.get("move") == "item"]
    assert len(moved) == 1
    with np.load(Path(delta, "rows.npz")) as stored:
        assert stored[moved[0][1]["at"]].tolist() == [3, 4, 5]
    assert size.rows == 6 and size.rows_of == 12  # once for the signatures, once for the model that is built again
    assert 0 < size.bytes < size.model_bytes


def test_it_is_applied_to_its_own_model_alone(models, tmp_path):
    before, after, _, delta = models
    with pytest.raises(ConfigError, match="made from another model"):
        apply_delta(after, delta, tmp_path / "made")
    with pytest.raises(ConfigError, match="no delta"):
        apply_delta(before, before, tmp_path / "made")
    with pytest.raises(ConfigError, match="no exported model"):
        write_delta(tmp_path, after, tmp_path / "made")
    assert not (tmp_path / "made").exists()
