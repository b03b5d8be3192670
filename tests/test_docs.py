"""What the docs say is true: the example models work as they stand, tables are those of the results, links lead somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.results import KEYS, read_rows
from benchmarks.tables import RESULTS, documents, fill
from tests.documented import register
from tests.toy import rich_bound, rich_requests, toy_assets, toy_batch, toy_model
from zoo import files
from zoo.data.batch import Batch
from zoo.keras import keras, tf
from zoo.models import registry
from zoo.schema import FIRST_ID
from zoo.training import GroupedOptimizer, TrainingLoop

ROOT = Path(__file__).parents[1]


def test_the_example_with_files_reads_them(tmp_path, monkeypatch):
    """The contract tests try both examples as every model; here, that given vectors and the words of titles decide."""
    register(monkeypatch, tmp_path)
    keras.utils.set_random_seed(4)
    schema, requests = rich_bound(), rich_requests(16)
    model = toy_model("title_tower", schema)
    given = files.read_text(toy_assets()["item_vectors"]).splitlines()[7].split()
    np.testing.assert_allclose(model.embeddings.spaces["item"].table[FIRST_ID + 7], np.float32(given[1:]), rtol=1e-6)
    inputs, labels, weights, _ = toy_batch(schema, requests)
    even = inputs["candidate_item"] % 2 == 0
    batch = Batch(inputs | {"candidate_title": tf.where(even, "C1 thing", "c2 THING")},
                  labels | {"click": tf.cast(even, tf.float32)}, weights)
    TrainingLoop(model, GroupedOptimizer(model)).run(tf.data.Dataset.from_tensors(batch).repeat(40))
    first, second = (model.probabilities(inputs | {"candidate_title": tf.fill(even.shape, text)})["click"].numpy()
                     for text in ("c1", "c2"))
    assert (first > second)[batch.weights["click"].numpy() > 0].all(), "the title is what was learned"


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_tables_are_those_of_the_results(path):
    assert fill(path.read_text()) == path.read_text(), "run `make tables`"


OTHER_RESULTS = {RESULTS / f"{name}.json" for name in ("targets", "mutations", "faults", "kubernetes")}


@pytest.mark.parametrize("path", sorted(set(RESULTS.glob("*.json")) - OTHER_RESULTS), ids=lambda path: path.name)
def test_results_have_their_form(path):
    rows = read_rows(path)
    assert rows
    for row in rows:
        assert set(row) == KEYS and row["seeds"] >= 1 and row["command"]
        assert all(set(value) == {"mean", "std"} for value in row["metrics"].values())


def test_every_fault_of_the_table_has_its_test():
    rows = json.loads((RESULTS / "faults.json").read_text(encoding="utf-8"))["faults"]
    assert rows
    for row in rows:
        path, _, name = row["test"].partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), row


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_links_lead_to_files(path):
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
        assert (path.parent / target).exists(), f"{path.name} links to {target}, which is not there"


def test_every_model_has_a_card_and_the_list_a_sentence():
    for name in registry.names():
        assert 10 < len(registry.summary(name)) < 150
