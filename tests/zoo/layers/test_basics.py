"""Masking, activations, dense layers: hand-computed."""

from __future__ import annotations

import numpy as np

from tests.toy import toy_bound, toy_schema
from zoo.keras import keras, tf
from zoo.layers.activations import Dice, PerUnitPReLU
from zoo.layers.dense import MLP, SplitDense
from zoo.layers.interactions import BilinearInteraction, FactorizationMachine, HadamardInteraction, SqueezeExcitation
from zoo.layers.masking import length_mask, masked_mean, masked_softmax, masked_sum, weighted_sum
from zoo.layers.tower import RankingTower, TowerConfig
from zoo.losses import task_loss
from zoo.schema import Label


def test_masks_come_from_lengths():
    assert length_mask(tf.constant([2, 0]), tf.zeros((2, 3, 4))).numpy().tolist() == [[1, 1, 0], [0, 0, 0]]


def test_masked_softmax_and_pooling():
    mask = tf.constant([[1.0, 1, 0], [0, 0, 0]])
    weights = masked_softmax(tf.constant([[0.0, np.log(3), 50], [1, 2, 3]]), mask).numpy()
    np.testing.assert_allclose(weights, [[0.25, 0.75, 0], [0, 0, 0]], atol=1e-6)
    values = tf.constant([[[2.0], [4], [100]], [[1], [1], [1]]])
    assert masked_sum(values, mask).numpy().tolist() == [[6], [0]]
    assert masked_mean(values, mask).numpy().tolist() == [[3], [0]]


def test_weighted_sums_of_any_rank():
    values = tf.constant([[[1.0, 2], [3, 4], [5, 6]]])                                # [1, 3, 2]
    assert weighted_sum(tf.constant([[1.0, 0, 2]]), values).numpy().tolist() == [[11, 14]]
    # One list of values for all rows of weights, as the user's meta-paths are for all rooms.
    found = weighted_sum(tf.constant([[[1.0, 0, 2], [0, 1, 0]]]), values[:, tf.newaxis])
    assert found.numpy().tolist() == [[[11, 14], [3, 4]]]
    assert weighted_sum(tf.zeros((2, 0)), tf.zeros((2, 0, 3))).numpy().tolist() == [[0, 0, 0], [0, 0, 0]]


def test_dice_by_hand_with_a_mask():
    layer = Dice(momentum=0.15)
    inputs, mask = tf.constant([[1.0], [3.0], [99.0]]), tf.constant([1.0, 1.0, 0.0])
    layer(inputs)
    layer.alpha.assign([0.5])
    # Over the two real values: mean 2, variance 1. p(1) = σ(−1), p(3) = σ(1).
    out = layer(inputs, mask=mask, training=True).numpy()[:2, 0]
    p = 1 / (1 + np.exp([1.0, -1.0]))
    np.testing.assert_allclose(out, p * [1, 3] + (1 - p) * 0.5 * np.array([1, 3]), rtol=1e-5)
    # The first batch is all that is known; the second counts 9/10; the third 9/11, were 1 − momentum = 0.85 not more.
    np.testing.assert_allclose([layer.moving_mean.numpy()[0], layer.moving_variance.numpy()[0]], [2.0, 1.0], rtol=1e-5)
    for value, mean in ((4.0, 3.8), (8.0, 7.37)):
        layer(tf.fill((2, 1), value), training=True)
        np.testing.assert_allclose(layer.moving_mean, [mean], rtol=1e-5)
    alone = layer(inputs[:1]).numpy()
    np.testing.assert_allclose(alone, layer(inputs).numpy()[:1], rtol=1e-6)


def test_dice_at_inference_by_hand():
    layer = Dice()
    layer(tf.zeros((1, 1)))
    for weight, value in zip((layer.alpha, layer.moving_mean, layer.moving_variance), (0.5, 1.0, 4.0), strict=True):
        weight.assign([value])
    # s = 3: p = σ((3 − 1)/2) = σ(1); s = −1: p = σ(−1).
    p = 1 / (1 + np.exp([-1.0, 1.0]))
    np.testing.assert_allclose(layer(tf.constant([[3.0], [-1.0]]))[:, 0],
                               p * [3, -1] + (1 - p) * 0.5 * np.array([3, -1]), rtol=1e-5)


def test_dice_learns_nothing_of_the_data_from_a_batch_without_a_real_place():
    layer = Dice(momentum=0.5)
    layer(tf.zeros((1, 2)))
    layer.moving_mean.assign([3.0, 4.0])
    for inputs, mask in ((tf.ones((2, 2)), tf.zeros(2)), (tf.zeros((0, 2)), tf.zeros(0)), (tf.zeros((0, 2)), None)):
        assert np.isfinite(layer(inputs, mask=mask, training=True)).all()
        assert layer.moving_mean.numpy().tolist() == [3, 4] and layer.moving_variance.numpy().tolist() == [1, 1]


def test_dice_without_a_mask_counts_all():
    inputs = tf.constant(np.float32(np.random.default_rng(0).normal(size=(4, 5, 3))))
    plain, masked = Dice(), Dice()
    np.testing.assert_array_equal(plain(inputs, training=True), masked(inputs, mask=tf.ones((4, 5)), training=True))
    np.testing.assert_allclose(plain.moving_mean, inputs.numpy().mean((0, 1)), rtol=1e-4)
    np.testing.assert_allclose(plain.moving_variance, inputs.numpy().var((0, 1)), rtol=1e-5)


def test_prelu_has_one_slope_a_unit():
    layer = PerUnitPReLU()
    layer(tf.zeros((1, 2)))
    layer.alpha.assign([0.1, 0.5])
    np.testing.assert_allclose(layer(tf.constant([[-2.0, -2.0], [3.0, 4.0]])), [[-0.2, -1.0], [3, 4]], rtol=1e-6)


def test_split_dense_is_dense_over_the_concatenation():
    rng = np.random.default_rng(0)
    user, item = tf.constant(rng.normal(size=(2, 3)), tf.float32), tf.constant(rng.normal(size=(2, 4, 5)), tf.float32)
    layer = SplitDense(6)
    layer([user, item])
    layer.bias.assign(rng.normal(size=6))
    result = layer([user, item])
    kernel = np.concatenate([k.numpy() for k in layer.kernels])
    both = np.concatenate([np.repeat(user.numpy()[:, None], 4, 1), item.numpy()], -1)
    np.testing.assert_allclose(result, both @ kernel + layer.bias.numpy(), atol=1e-5)
    limit = np.sqrt(6 / (8 + 6))
    assert np.abs(kernel).max() <= limit and np.abs(kernel).max() > 0.8 * limit


def test_mlp_drops_in_training_only():
    layer = MLP((8, 4), "relu", dropout=0.5)
    inputs = [tf.ones((2, 3, 5))]
    np.testing.assert_array_equal(layer(inputs), layer(inputs))
    assert not np.array_equal(layer(inputs, training=True), layer(inputs, training=True))


def test_tower_gives_one_logit_a_task():
    tower = RankingTower(toy_bound(), TowerConfig(units=(4,)))
    logits = tower([tf.ones((2, 3)), tf.ones((2, 5, 2)), tf.ones((2, 0))], tf.ones((2, 5)))
    assert {task: tuple(value.shape) for task, value in logits.items()} == {"click": (2, 5)}
    tower = RankingTower(toy_schema((Label(name="click"), Label(name="buy"))).bind({"item": 5, "category": 2}), TowerConfig())
    tower([tf.ones((1, 2, 3))], tf.ones((1, 2)))
    tower.logits.bias.assign([1.0, 3.0])
    logits = tower([tf.zeros((1, 2, 3))], tf.ones((1, 2)))
    assert logits["click"].numpy().tolist() == [[1, 1]] and logits["buy"].numpy().tolist() == [[3, 3]]


def test_factorization_machine_is_the_sum_over_pairs():
    rng = np.random.default_rng(0)
    user, item = np.float32(rng.normal(size=(2, 3, 4))), np.float32(rng.normal(size=(2, 5, 2, 4)))
    result = FactorizationMachine()(tf.constant(user), tf.constant(item)).numpy()
    fields = np.concatenate([user[1], item[1, 3]])
    expected = sum(fields[i] @ fields[j] for i in range(5) for j in range(i))
    np.testing.assert_allclose(result[1, 3], expected, rtol=1e-4)


def test_bilinear_kinds_and_hadamard():
    fields = tf.constant(np.float32(np.random.default_rng(0).normal(size=(2, 3, 4))))
    for kind, kernels in (("all", 1), ("each", 2), ("interaction", 3)):
        layer = BilinearInteraction(kind)
        result = layer(fields).numpy()
        assert layer.kernels.shape[0] == kernels
        kernel = layer.kernels.numpy()
        pick = {"all": [0, 0, 0], "each": [0, 0, 1], "interaction": [0, 1, 2]}[kind]
        for place, (i, j) in enumerate([(0, 1), (0, 2), (1, 2)]):
            expected = (fields.numpy()[:, i] @ kernel[pick[place]]) * fields.numpy()[:, j]
            np.testing.assert_allclose(result[:, place], expected, atol=1e-5)
    np.testing.assert_allclose(HadamardInteraction()(fields)[:, 2], fields[:, 1] * fields[:, 2])


def test_senet_starts_near_one_with_sigmoid_and_scales_whole_fields():
    keras.utils.set_random_seed(1)
    layer = SqueezeExcitation(gate="sigmoid")
    fields = tf.constant(np.float32(np.random.default_rng(0).normal(size=(4, 6, 3))))
    ratio = layer(fields).numpy() / fields.numpy()
    np.testing.assert_allclose(ratio, np.repeat(ratio[..., :1], 3, -1), rtol=1e-4)
    assert abs(ratio.mean() - 1) < 0.1 and 0.3 < ratio.min() and ratio.max() < 1.7


def test_loss_is_the_mean_over_what_has_weight():
    labels, logits = tf.constant([[1.0, 0.0]]), tf.constant([[0.0, 5.0]])
    assert float(task_loss("binary", labels, logits, tf.constant([[1.0, 0.0]]))) == np.float32(np.log(2))
    assert float(task_loss("regression", labels, logits, tf.constant([[1.0, 3.0]]))) == np.float32((1 + 3 * 25) / 4)
    assert float(task_loss("binary", labels, logits, tf.zeros((1, 2)))) == 0.0
    assert keras.__name__ == "tf_keras"
