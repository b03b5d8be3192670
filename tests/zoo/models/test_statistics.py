"""Networks with what counting says of a candidate."""

from __future__ import annotations

import numpy as np
import pytest

from tests.toy import rich_bound, rich_requests, toy_batch
from zoo.keras import keras, tf
from zoo.models import registry
from zoo.models.base import NetworkConfig

NETWORKS = [name for name in registry.names() if issubclass(registry.get(name).Config, NetworkConfig)]


@pytest.fixture(scope="module")
def batch():
    return toy_batch(rich_bound(), rich_requests(6))


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_statistics_are_an_input_of_the_network(name, batch):
    """The layer that reads them is that much wider, and their weights have a gradient."""
    plain, counted = (registry.build(name, rich_bound(), {"statistics": statistics}) for statistics in (False, True))
    for model in (plain, counted):
        keras.utils.set_random_seed(1)
        model.make_variables()
    assert counted.learned_numbers() > plain.learned_numbers()
    with tf.GradientTape() as tape:
        loss = counted.compute_loss(batch, training=True)
    gradients = tape.gradient(loss, counted.trainable_variables)
    assert all(gradient is not None for gradient in gradients)
    scores, others = (model.probabilities(batch[0])["click"].numpy() for model in (counted, plain))
    assert np.isfinite(scores).all() and not np.allclose(scores, others)


def test_networks_are_those_that_are_not_linear_and_have_them_not_already():
    assert {"embedding_mlp", "wdl", "dcn", "deepfm", "fibinet", "mmoe", "din", "dien", "dmr", "sim", "lsrmm",
            "usm"} <= set(NETWORKS)
