"""A shelf against a product history, the forecast of the last sales, the recent past: by hand, and where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.config import ConfigError
from zoo.keras import tf
from zoo.layers.behaviours import Behaviours
from zoo.layers.minutes import Minutes
from zoo.layers.shelf import Shelf, ShelfAttention
from zoo.layers.sold import SoldForecast
from zoo.schema import Column, Feature


def shelf(counts: list[list[int]], places: int, width: int = 3, seed: int = 0) -> Shelf:
    rng = np.random.default_rng(seed)
    shape = (len(counts), len(counts[0]), places)
    return Shelf(tf.constant(rng.normal(size=(*shape, width)), tf.float32),
                 tf.sequence_mask(counts, places, dtype=tf.float32), tf.constant(rng.integers(0, 6, (*shape, 1))))


def history(lengths: list[int], events: int, width: int = 3, context: int = 2) -> Behaviours:
    rng = np.random.default_rng(5)
    shape = (len(lengths), events)
    return Behaviours(tf.constant(rng.normal(size=(*shape, width)), tf.float32),
                      tf.constant(rng.normal(size=(*shape, context)), tf.float32),
                      tf.sequence_mask(lengths, events, dtype=tf.float32), tf.constant(rng.integers(0, 6, (*shape, 1))))


def softmax(values: np.ndarray) -> np.ndarray:
    return np.exp(values) / np.exp(values).sum()


def test_an_event_weighs_by_the_nearest_product_of_the_shelf():
    on, past, user = shelf([[4, 2], [0, 1]], 4), history([3, 2], 3), tf.constant([[1.0, -1.0], [0.5, 2.0]])
    layer = ShelfAttention(3, hidden=5)
    found = layer(on, past, user)
    layer.same.set_weights([np.array([[0.7]])])
    found = [part.numpy() for part in layer(on, past, user)]
    kernel = layer.kernel.numpy()
    of_product, bias = (weights.numpy() for weights in layer.of_product.weights)
    for r, n, length, places in ((0, 0, 3, 4), (0, 1, 3, 2), (1, 1, 2, 1)):
        items, ids = on.products.numpy()[r, n, :places], on.ids.numpy()[r, n, :places, 0]
        keys, event_ids = past.keys.numpy()[r, :length], past.ids.numpy()[r, :length, 0]
        same = (event_ids[:, None] == ids[None]) & (ids[None] > 1)
        near = (keys @ kernel @ items.T / np.sqrt(3) + 0.7 * same).max(1)
        np.testing.assert_allclose(found[0][r, n], softmax(near) @ past.events.numpy()[r, :length], atol=1e-5)
        assert found[1][r, n, 0] == pytest.approx(near.mean(), abs=1e-5)
        hidden = np.tanh(items @ of_product + bias + user.numpy()[r] @ layer.of_user.kernel.numpy())
        np.testing.assert_allclose(found[2][r, n], softmax(hidden @ layer.logit.kernel.numpy()[:, 0]) @ items, atol=1e-5)
    for part in found:
        assert (part[1, 0] == 0).all(), "a room without a shelf"


@pytest.mark.parametrize(("lengths", "events", "places"), [([0, 0], 0, 4), ([0, 2], 3, 4), ([3, 2], 3, 0)])
def test_nothing_in_the_history_or_on_any_shelf(lengths, events, places):
    on, past = shelf([[places, places]] * 2, places), history(lengths, events)
    layer, user = ShelfAttention(3), tf.ones((2, 2))
    with tf.GradientTape() as tape:
        found = layer(on, past, user)
        loss = sum(tf.reduce_sum(part) for part in found)
    assert (found.history.numpy()[0] == 0).all() and (found.relevance.numpy()[0] == 0).all()
    assert (found.summary.numpy() == 0).all() == (places == 0)
    assert all(np.isfinite(tf.convert_to_tensor(one)).all() for one in tape.gradient(loss, layer.trainable_variables)
               if one is not None)


def test_the_last_sales_forecast_the_shelf():
    on, sold = shelf([[4, 0, 3]], 4), shelf([[2, 2, 0]], 3, width=2, seed=1)
    layer = SoldForecast(2, 3)
    layer(sold, on)
    layer.places.assign([0.0, np.log(3)])
    found = layer(sold, on).numpy()[0]
    query = sold.products.numpy()[0, 0, :2].T @ [0.25, 0.75] @ layer.query.kernel.numpy()
    items = on.products.numpy()[0, 0]
    np.testing.assert_allclose(found[0], softmax(items @ query / np.sqrt(3)) @ items, atol=1e-5)
    assert (found[1] == 0).all() and (found[2] == 0).all(), "nothing on the shelf, nothing sold"


def columns(*widths: int) -> list[Column]:
    return [Column(f"candidate_{i}", "candidate", None, Feature(name=f"n{i}", kind="number", width=width, role="recent"))
            for i, width in enumerate(widths)]


def test_the_recent_past_is_read_in_its_order_by_candidate():
    layer, rng = Minutes(columns(4, 4), 3), np.random.default_rng(0)
    counts = {f"candidate_{i}": tf.constant(rng.normal(size=(2, 3, 4)), tf.float32) for i in range(2)}
    found = layer(counts)
    assert found.shape == (2, 3, 3)
    alone = layer({name: values[1:, 2:] for name, values in counts.items()})
    np.testing.assert_allclose(alone[0, 0], found[1, 2], atol=1e-6)
    assert np.abs(layer({name: values[..., ::-1] for name, values in counts.items()}) - found).max() > 1e-3
    last = {name: tf.concat([values[..., :-1], values[..., -1:] + 1], -1) for name, values in counts.items()}
    first = {name: tf.concat([values[..., :1] + 1, values[..., 1:]], -1) for name, values in counts.items()}
    assert np.abs(layer(last) - found).mean() > np.abs(layer(first) - found).mean(), "the last step says most"


def test_columns_of_the_recent_past_have_one_width():
    with pytest.raises(ConfigError, match="must have one `width`; they have candidate_0: 4, candidate_1: 3"):
        Minutes(columns(4, 3), 3)
