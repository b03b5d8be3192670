"""What the docs say is true: the example model works as it stands, tables are those of the results, links lead somewhere."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from benchmarks.results import KEYS, read_rows
from benchmarks.tables import RESULTS, documents, fill
from tests.toy import toy_batch, toy_bound, toy_requests
from zoo.keras import tf
from zoo.models import registry
from zoo.training import GroupedOptimizer, TrainingLoop

ROOT = Path(__file__).parents[1]


def test_the_example_of_a_new_model_trains_as_it_stands(tmp_path, monkeypatch):
    text = (ROOT / "docs/adding_a_model.md").read_text()
    block = re.search(r'\n((?:    .*\n|\n)*?    """TwoTowerDot: .*?\n)\*\*2\.', text, re.S)[1]
    (tmp_path / "two_tower_dot.py").write_text(textwrap.dedent(block))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(registry.MODELS, "two_tower_dot", "two_tower_dot:TwoTowerDot")
    schema = toy_bound()
    model = registry.build("two_tower_dot", schema, {"units": [32, 16]})
    batch = toy_batch(schema, toy_requests(16, schema=schema))
    model.make_variables()
    before = float(model.compute_loss(batch))
    TrainingLoop(model, GroupedOptimizer(model)).run(tf.data.Dataset.from_tensors(batch).repeat(40))
    assert float(model.compute_loss(batch)) < before


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_tables_are_those_of_the_results(path):
    assert fill(path.read_text()) == path.read_text(), "run `make tables`"


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.name)
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
