"""What can be known of a click in a live room: what is kept of each room, and ever more of the truth, on a small market."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import live_ceiling
from zoo.data.simulator import SimulatorConfig, simulate


@pytest.fixture(scope="module")
def config() -> SimulatorConfig:
    return SimulatorConfig(requests=4000, users=40, requests_per_user_day=5, base=-2.5, live={"hosts": 20, "communities": 4})


@pytest.fixture(scope="module")
def known(config):
    return live_ceiling.watched(config)[1]


def test_what_is_kept_is_what_the_log_says(config, known):
    truth = np.sort([chance for _, request in simulate(config) for chance in request.truth["click"]])
    examined = 1 / (1 + config.position_decay * known["place"])
    np.testing.assert_allclose(np.sort(examined / (1 + np.exp(-known["logit"]))), truth, rtol=1e-5)
    assert set(np.unique(known["friends"])) == {0.0, 1.0} and known["day"].max() == config.days - 1


def test_who_knows_more_of_the_truth_is_nearer_to_it(config):
    found = dict(live_ceiling.measure(config))
    assert list(found) == list(live_ceiling.NAMES)
    assert found["truth"] > found["given"] > found["counted"] > 0.5
    assert found["hosts"] > found["counted"], "a user's communities show in 65 visits"
