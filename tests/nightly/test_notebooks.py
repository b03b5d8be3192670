"""The notebooks that take too long for every run of the tests, from top to bottom, as small as they can."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.notebooks.executed import execute

# In this order: later ones open the log that the first one makes.
PARAMETERS = {
    "3_compare_models": {"REQUESTS": 1_600, "EPOCHS": 1},
    "4_pipeline_step_by_step": {"REQUESTS": 1_600, "EPOCHS": 1},
    "6_coarse_ranking": {"REQUESTS": 1_500, "EPOCHS": 1},
    "7_live_network": {"REQUESTS": 1_500, "EPOCHS": 1},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("notebooks")


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_notebook_runs(name, folder):
    execute(name, folder, PARAMETERS[name])
