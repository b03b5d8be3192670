"""The contract of every model, and the whole way of the demo, with TFX 1.21 in a Debian 13."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nightly.other_lane import copied, debian_13, inside, missing

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def root():
    if lacking := missing():
        pytest.skip(f"no Debian 13 can be made here: {lacking}")
    # Kept: it, and the environment in it, take some minutes.
    made = debian_13(Path.home() / ".cache/cascade-zoo/debian-13")
    copied(REPOSITORY, made)
    return made


def test_the_newest_lane_is_taken_and_goes_the_whole_way(root):
    done = inside(root, "make", "demo")
    assert done.returncode == 0, done.stdout[-6000:]
    assert "Lane: TFX 1.21" in done.stdout, done.stdout[:2000]


def test_the_contract_of_every_model(root):
    inside(root, "make", "env")
    done = inside(root, ".venv/bin/python", "-W", "ignore", "-m", "pytest", "-q", "-n", "2", "tests/contract")
    assert done.returncode == 0, done.stdout[-6000:]
