"""The static rule counts as it says; COLD keeps the fields that matter."""

from __future__ import annotations

import numpy as np
import pytest

from tests.toy import toy_assets, toy_batch, toy_bound, toy_requests, write_transformed
from zoo.config import ConfigError
from zoo.data.batch import Batch
from zoo.keras import keras, tf
from zoo.models import registry
from zoo.models.coarse.cold import COLD, COLDConfig
from zoo.models.coarse.static_rule import StaticRule, StaticRuleConfig
from zoo.optimizers import OptimizerConfig
from zoo.schema import Label
from zoo.training import TrainingConfig
from zoo.training.split import TrainingFiles


@pytest.fixture
def split(tmp_path) -> TrainingFiles:
    requests = toy_requests(200, seed=3)
    path = write_transformed(str(tmp_path / "train.gz"), toy_bound(), requests)
    optimizers = {"dense": OptimizerConfig(name="adam", learning_rate=0.01),
                  "embedding": OptimizerConfig(name="lazy_adam", learning_rate=0.01)}
    return TrainingFiles(toy_bound(), (path,), TrainingConfig(batch_size=32, optimizers=optimizers))


class Given:
    """A training split of one batch that is written out: items 2 and 3 of category 2, item 4 of category 3."""

    def batches(self, span=None):
        inputs = dict(toy_batch(toy_bound(), toy_requests(2, candidates=3)).inputs)
        inputs["candidate_item"] = tf.constant([[2, 3, 1], [2, 4, 0]], tf.int64)
        inputs["candidate_category"] = tf.constant([[2, 2, 1], [2, 3, 0]], tf.int64)
        labels, weights = tf.constant([[1, 0, 1], [1, 1, 0]], tf.float32), tf.constant([[1, 1, 1], [0.5, 1, 0]], tf.float32)
        yield Batch(inputs, {"click": labels}, {"click": weights})


def test_rates_by_hand():
    model = StaticRule(toy_bound(), StaticRuleConfig(shrinkage=2.0))
    model.prepare(Given())
    asked = {"candidate_item": tf.constant([[2, 3, 4, 5, 1]], tf.int64),
             "candidate_category": tf.constant([[2, 2, 3, 2, 1]], tf.int64), "candidate_count": tf.constant([5], tf.int64)}
    whole = (3.5 + 0.5) / (4.5 + 1)  # with one observation of one half
    two, three = (1.5 + 2 * whole) / (2.5 + 2), (1 + 2 * whole) / (1 + 2)
    # An item that was never seen has its category's rate; where that is unknown, too, the log's.
    expected = [(1.5 + 2 * two) / (1.5 + 2), (0 + 2 * two) / (1 + 2), (1 + 2 * three) / (1 + 2), two, whole]
    np.testing.assert_allclose(model.encode_candidates(asked)["rates"][0, :, 0], expected, rtol=1e-6)
    state = model.encode_candidates(asked)
    logits = model.score({}, state)["click"].numpy()[0]
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), expected, rtol=1e-5)


def test_a_purchase_is_counted_where_a_click_happened():
    schema = toy_bound().model_copy(update={"labels": (Label(name="click"), Label(name="bought", given="click"))})
    model = StaticRule(schema, StaticRuleConfig())
    batch = next(Given().batches())
    labels = {"click": tf.constant([[1.0, 0, 0], [1, 1, 0]]), "bought": tf.constant([[1.0, 0, 0], [0, 0, 0]])}
    weights = {name: tf.constant([[1.0, 1, 1], [1, 1, 0]]) for name in labels}

    class Two:
        def batches(self, span=None):
            yield Batch(batch.inputs, labels, weights)

    model.prepare(Two())
    assert model.total.numpy().tolist() == [[3, 5], [1, 3]]
    assert model.counts["candidate_item"].numpy()[2].tolist() == [[2, 2], [1, 2]]
    assert not model.counts["candidate_item"].numpy()[:2].any()


def test_items_and_categories_are_needed():
    schema = toy_bound()
    nothing = schema.model_copy(update={"candidates": tuple(f for f in schema.candidates if f.kind == "number")})
    with pytest.raises(ConfigError, match="has the role item or category"):
        StaticRule(nothing, StaticRuleConfig())


@pytest.mark.slow
def test_cold_keeps_the_fields_of_largest_importance(split):
    keras.utils.set_random_seed(1)
    model = COLD(toy_bound(), COLDConfig(keep=4, scout_epochs=2), assets=toy_assets())
    model.make_variables()
    assert len(model.names) == 2 + 3 + 4 + 2 and model.names[-1] == "history_category x candidate_category"
    seen: list[np.ndarray] = []
    found = COLD.mean_importance

    def watched(self, split):
        seen.append(found(self, split))
        return seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(COLD, "mean_importance", watched)
        model.prepare(split)
    [importance] = seen
    assert importance.shape == (11,) and importance.std() > 1e-3
    assert set(model.kept_names()) == {model.names[place] for place in np.argsort(-importance)[:4]}
    assert model.kept.numpy().tolist() == sorted(model.kept.numpy().tolist())


class OneBatch:
    """A training split of some requests in one batch."""

    def __init__(self, *requests):
        self.batch = toy_batch(toy_bound(), list(requests))

    def batches(self, span=None):
        yield self.batch


def test_padded_candidates_say_nothing_of_a_fields_importance():
    [long], [short] = toy_requests(1, candidates=5), toy_requests(1, seed=1, candidates=1)
    model = COLD(toy_bound(), COLDConfig(), assets=toy_assets())
    model.make_variables()
    splits = ((long, short), (long,), (short,))
    together, of_long, of_short = (model.mean_importance(OneBatch(*requests)) for requests in splits)
    assert np.abs(of_long - of_short).max() > 1e-4
    np.testing.assert_allclose(together, (5 * of_long + of_short) / 6, rtol=1e-5)


def test_what_cold_does_not_keep_changes_nothing():
    model = COLD(toy_bound(), COLDConfig(keep=2), assets=toy_assets())
    model.make_variables()
    model.kept.assign([model.names.index("candidate_item"), model.names.index("history_item x candidate_item")])
    inputs = dict(toy_batch(toy_bound(), toy_requests(4, history=3, candidates=3)).inputs)
    before = model(inputs)["click"].numpy()
    for name, changes in (("candidate_category", False), ("user_id", False), ("candidate_item", True), ("history_item", True)):
        after = model(inputs | {name: tf.ones_like(inputs[name]) * 3})["click"].numpy()
        assert (not np.allclose(after, before, atol=1e-6)) == changes, name


def test_cold_can_not_keep_more_than_there_is():
    with pytest.raises(ConfigError, match="12 fields are to be kept, and with the crosses there are 11"):
        registry.build("cold", toy_bound(), {"keep": 12})


def test_each_head_of_the_user_takes_the_items_that_suits_it_best():
    model = registry.build("int_tower", toy_bound(), {"heads": 2, "dim": 2, "units": [4], "contrast": 1.0, "temperature": 1.0})
    model.make_variables()
    user, item = tf.constant([[[1.0, 0], [0, 2]]]), tf.constant([[[[1.0, 1], [3, -1]], [[-1.0, 0], [0, -1]]]])
    outputs = model.score({"click": user}, {"heads": item})
    # Of the first item: 3 of its second head, 2 of its first; of the second item: 0 of its second head, 0 of its first.
    np.testing.assert_allclose(outputs["click"], [[5.0, 0.0]])
    norm = np.sqrt([5 * 12, 5 * 2])
    np.testing.assert_allclose(outputs["contrast"], [[(1 - 2) / norm[0], (-1 - 2) / norm[1]]], rtol=1e-5)


def test_the_contrast_draws_to_what_was_clicked_and_not_to_what_was_never_shown():
    model = registry.build("int_tower", toy_bound(), {"contrast": 1.0})
    model.make_variables()
    outputs = {"click": tf.zeros((1, 3)), "contrast": tf.constant([[1.0, 2.0, 9.0]])}
    labels, weights = {"click": tf.constant([[1.0, 0, 0]])}, {"click": tf.constant([[1.0, 1, 0]])}
    expected = np.log(2) + np.log(1 + np.e)  # cross entropy of the click, and of the first of two
    np.testing.assert_allclose(model.loss(outputs, Batch({}, labels, weights)), expected, rtol=1e-5)


def test_half_lives_are_of_sums_that_are_crossed():
    with pytest.raises(ConfigError, match="half_lives are of sums that are crossed, and crossing is 'none'"):
        registry.build("dssm", toy_bound(), {"half_lives": [2]})
