"""Notebooks run from top to bottom, one after the other in one folder, as small as they can."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.notebooks.executed import execute

# In this order: later ones open what earlier ones made. The smallest sizes that have all that they look at.
PARAMETERS = {
    "2_train_interactively": {"REQUESTS": 1_600, "EPOCHS": 1},
    "1_explore_a_log": {},
    "5_explain_a_ranking": {"REQUESTS": 60},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("notebooks")


@pytest.mark.slow
@pytest.mark.parametrize("name", PARAMETERS)
def test_a_notebook_runs(name, folder):
    execute(name, folder, PARAMETERS[name])
