"""What the docs say is true: the example model works as it stands, tables are those of the results, links lead somewhere."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

from benchmarks.results import KEYS, read_rows
from benchmarks.tables import RESULTS, documents, fill
from tests.toy import CATEGORIES, ITEMS, toy_batch, toy_bound, toy_requests, toy_schema
from zoo.assets import Assets
from zoo.keras import tf
from zoo.models import registry
from zoo.schema import FIRST_ID, Feature, Schema
from zoo.training import GroupedOptimizer, TrainingLoop

ROOT = Path(__file__).parents[1]


@pytest.fixture
def example(tmp_path, monkeypatch):
    """Writes a model of the docs to a file, as it stands, and registers it."""
    def write(name: str, cls: str) -> str:
        blocks = re.findall(r"(?:^(?: {4}.*)?\n)+", (ROOT / "docs/adding_a_model.md").read_text(), re.M)
        block, = (block for block in blocks if block.lstrip().startswith(f'"""{cls}: '))
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(block))
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setitem(registry.MODELS, name, f"{name}:{cls}")
        return name

    return write


def assert_learns(model, batch) -> None:
    model.make_variables()
    before = float(model.compute_loss(batch))
    TrainingLoop(model, GroupedOptimizer(model)).run(tf.data.Dataset.from_tensors(batch).repeat(40))
    assert float(model.compute_loss(batch)) < before
    assert float(tf.reduce_min(model.probabilities(batch[0])["click"])) < 0.4, "a rare click has a low probability"


def test_the_example_of_a_new_model_trains_as_it_stands(example):
    schema = toy_bound()
    model = registry.build(example("two_tower_dot", "TwoTowerDot"), schema, {"units": [32, 16]})
    assert_learns(model, toy_batch(schema, toy_requests(16, schema=schema)))


def test_the_example_with_files_trains_as_it_stands(example, tmp_path):
    """Titles are "blue thing" and "red thing"; the items i0 to i29 have given vectors."""
    toy = toy_schema().model_copy(update={"candidates": (*toy_schema().candidates, Feature(name="title", kind="text"))})
    schema = Schema.model_validate(toy.model_dump()).bind({"item": ITEMS, "category": CATEGORIES})
    folder = tmp_path / "assets"
    folder.mkdir()
    (folder / "vocabulary_item").write_text("".join(f"i{i}\n" for i in range(ITEMS)))
    (folder / "vocabulary_words").write_text("red\nblue\nthing\n")
    (folder / "item_vectors.txt").write_text("".join(f"i{i} " + " ".join([f"{i / 100}"] * 16) + "\n" for i in range(30)))
    model = registry.build(example("title_tower", "TitleTower"), schema, {"units": [32, 16]}, Assets.from_folder(folder))
    np.testing.assert_allclose(model.embeddings.spaces["item"].table[FIRST_ID + 7], [0.07] * 16)
    inputs, labels, weights = toy_batch(toy_bound(), toy_requests(16, schema=toy_bound()))
    titles = tf.where(inputs["candidate_item"] % 2 == 0, "Red thing", "BLUE thing")
    red, blue = (model.probabilities(inputs | {"candidate_title": tf.fill(titles.shape, text)})["click"]
                 for text in ("red", "blue"))
    assert (np.abs(red - blue) > 1e-6).any(), "the title is read"
    assert_learns(model, (inputs | {"candidate_title": titles}, labels, weights))


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_tables_are_those_of_the_results(path):
    assert fill(path.read_text()) == path.read_text(), "run `make tables`"


@pytest.mark.parametrize("path", sorted(set(RESULTS.glob("*.json")) - {RESULTS / "targets.json", RESULTS / "mutations.json"}),
                         ids=lambda path: path.name)
def test_results_have_their_form(path):
    rows = read_rows(path)
    assert rows
    for row in rows:
        assert set(row) == KEYS and row["seeds"] >= 1 and row["command"]
        assert all(set(value) == {"mean", "std"} for value in row["metrics"].values())


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_links_lead_to_files(path):
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
        assert (path.parent / target).exists(), f"{path.name} links to {target}, which is not there"


def test_every_model_has_a_card_and_the_list_a_sentence():
    for name in registry.names():
        assert 10 < len(registry.summary(name)) < 150
