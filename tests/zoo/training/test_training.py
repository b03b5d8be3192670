"""The trainer on a tiny transformed log: epochs, seeds, groups of variables, evaluation."""

from __future__ import annotations

import numpy as np
import pytest

from tests.toy import CATEGORIES, ITEMS, toy_bound, toy_model, toy_requests, toy_schema, write_transformed
from zoo.config import ConfigError, parse
from zoo.data import parsing
from zoo.data.batch import Batch
from zoo.keras import keras, tf
from zoo.models import registry
from zoo.schema import Label
from zoo.training import GroupedOptimizer, TrainingConfig, TrainingLoop, read_dataset, score_dataset, train

FAST = {"dense": {"name": "adam", "learning_rate": 0.01}, "embedding": {"name": "lazy_adam", "learning_rate": 0.01}}
FASTER = {"dense": {"name": "adam", "learning_rate": 0.03}, "embedding": {"name": "lazy_adam", "learning_rate": 0.03}}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Transformed examples as the pipeline writes them, by the toy transformation."""
    schema, folder = toy_bound(), tmp_path_factory.mktemp("transformed")
    result = {}
    for number, (split, count) in enumerate((("train", 600), ("validation", 150))):
        requests = toy_requests(count, seed=number, schema=schema)
        result[split] = [write_transformed(str(folder / f"{split}.gz"), schema, requests)]
    return result


def run(files, name="din", **config):
    settings = parse(TrainingConfig, {"epochs": 2, "batch_size": 32, "seed": 5} | config)
    return train(name, toy_bound(), files["train"], files["validation"], config=settings)


@pytest.mark.slow
def test_batches_are_padded_to_their_longest(files):
    inputs, labels, weights, _ = next(iter(read_dataset(toy_bound(), files["train"], 4)))
    assert inputs["history_item"].shape[1] == inputs["history_length"].numpy().max()
    assert inputs["candidate_item"].shape == labels["click"].shape == weights["click"].shape
    np.testing.assert_array_equal(weights["click"].numpy().sum(1), inputs["candidate_count"])


@pytest.mark.slow
def test_the_same_seed_gives_the_same_metrics(files):
    first, second, other = run(files), run(files), run(files, seed=6)
    assert [e["validation"] for e in first.history] == [e["validation"] for e in second.history]
    assert first.history[-1]["validation"] != other.history[-1]["validation"]


@pytest.mark.slow
@pytest.mark.parametrize(("metric", "best"), [("auc", np.argmax), ("logloss", np.argmin)])
def test_the_best_epoch_is_kept(files, metric, best):
    settings = {"epochs": 5, "select_by": metric, "optimizers": FASTER}
    result = run(files, "embedding_mlp", patience=5, **settings)
    values = [entry["validation"][metric] for entry in result.history]
    assert result.best_epoch == 1 + int(best(values)) < 5, "it overfits, and the last epoch is not the best"
    kept = score_dataset(result.model, read_dataset(toy_bound(), files["validation"], 64, keys=True))
    assert kept.metrics("user_id", "click")[metric] == pytest.approx(values[result.best_epoch - 1], abs=1e-6)
    stopped = run(files, "embedding_mlp", patience=1, **settings)
    worse = next(n for n in range(1, 5) if best(values[:n + 1]) != n)
    assert len(stopped.history) == worse + 1, "no epoch after the first that is not better"


def test_learning_is_better_than_chance(files):
    result = run(files, epochs=8, patience=8, optimizers=FAST)
    assert result.history[result.best_epoch - 1]["validation"]["auc"] > 0.6


@pytest.mark.slow
def test_graphs_are_traced_once_and_without_autograph(files, monkeypatch):
    statuses, model = [], registry.get("din")
    score = model.score

    def watched(self, *arguments):
        statuses.append(tf.__internal__.autograph.control_status_ctx().status.name)
        return score(self, *arguments)

    monkeypatch.setattr(model, "score", watched)
    run(files, epochs=1)
    # Once eagerly, which builds the model; then for the graphs of a step and of scoring.
    assert len(statuses) == 3 and statuses[0] == "UNSPECIFIED" and set(statuses[1:]) == {"DISABLED"}
    run(files, epochs=3, patience=3)
    assert len(statuses) == 6, "batches of other shapes and later epochs need no other graphs"


@pytest.mark.slow
def test_divergence_is_an_error_that_says_so(files):
    huge = {"dense": {"name": "sgd", "learning_rate": 1e30}, "embedding": {"name": "adagrad", "learning_rate": 1e30}}
    with pytest.raises((FloatingPointError, ValueError), match="NaN"):
        run(files, optimizers=huge)


def test_no_files_is_an_error():
    with pytest.raises(FileNotFoundError, match="no transformed examples"):
        read_dataset(toy_bound(), [], 4)


def test_labels_that_are_nan_have_no_weight():
    schema = toy_bound()
    ragged = tf.ragged.constant([[1.0, float("nan")], [0.0]])
    labels, weights = parsing.labels_and_weights(schema, {"label_click": ragged})
    assert labels["click"].numpy().tolist() == [[1, 0], [0, 0]] and weights["click"].numpy().tolist() == [[1, 0], [1, 0]]
    weighted = schema.model_copy(update={"sample_weight": True})
    parsed = {"label_click": ragged, "sample_weight": tf.ragged.constant([[2.0, 3.0], [5.0]])}
    assert parsing.labels_and_weights(weighted, parsed)[1]["click"].numpy().tolist() == [[2, 0], [5, 0]]


def test_penalties_are_learned(files):
    """Where no candidate has weight, regularisation alone moves the rows of the batch, towards zero."""
    model = toy_model("embedding_mlp", config={"embedding": {"regularization": 1.0}})
    inputs, labels, weights, _ = next(iter(read_dataset(toy_bound(), files["train"], 16)))
    loop, table = TrainingLoop(model, GroupedOptimizer(model)), model.embeddings.spaces["item"].table
    seen = np.unique(inputs["candidate_item"])
    seen, before = seen[seen > 1], table.numpy()
    loop.step(Batch(inputs, labels, {task: tf.zeros_like(weight) for task, weight in weights.items()}))
    assert (np.abs(table.numpy()[seen]) < np.abs(before[seen])).mean() > 0.9
    assert loop.losses()["loss"] == 0 and loop.losses()["extra_loss"] > 0


def test_every_epoch_has_an_order_of_its_own_and_spans_do_not_overlap(files):
    def ids(**options) -> list[bytes]:
        return [name for _, extras in read_dataset(toy_bound(), files["train"], 64, keys=True, **options)
                for name in extras["request_id"].numpy()]

    everything = ids()
    first, again, second = (ids(shuffle_buffer=1000, seed=1, epoch=epoch) for epoch in (0, 0, 1))
    assert first == again != second and sorted(first) == sorted(second) == sorted(everything) and len(everything) == 600
    middle = 1_600_000_000 + 200
    before, after = ids(until=middle), ids(after=middle)
    assert len(before) == 201 and before + after == everything


@pytest.mark.slow
def test_several_steps_a_call_are_the_same_training(files):
    """11 batches in calls of 8 and 3 steps, or step by step: the same weights and mean losses."""
    found = []
    for together in (True, False):
        keras.utils.set_random_seed(3)
        batches = read_dataset(toy_bound(), files["train"], 32).take(11)
        model = registry.build("embedding_mlp", toy_bound())
        model.make_variables()
        optimizer = GroupedOptimizer(model)
        loop = TrainingLoop(model, optimizer)
        for _ in range(2):
            loop.reset()
            if together:
                loop.run(batches)
            else:
                for batch in batches:
                    loop.step(batch)
        assert optimizer.iterations == 22
        found.append((loop.losses(), model.get_weights()))
    (losses, weights), (others, other_weights) = found
    np.testing.assert_allclose(list(losses.values()), list(others.values()), rtol=1e-5)
    for one, other in zip(weights, other_weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_an_optimizer_for_variables_that_a_model_lacks_is_an_error(files):
    with pytest.raises(ConfigError, match=r"training.optimizers.wide: DIN has no such group"):
        run(files, optimizers={"wide": {"name": "ftrl", "learning_rate": 0.1}})


@pytest.mark.slow
def test_a_regression_alone_chooses_its_epoch_by_its_squared_error(tmp_path):
    schema = toy_schema((Label(name="stay", kind="regression", scale="non_negative"),)).bind({"item": ITEMS,
                                                                                              "category": CATEGORIES})
    written = {split: [write_transformed(str(tmp_path / f"{split}.gz"), schema, toy_requests(count, seed=count, schema=schema))]
               for split, count in (("train", 150), ("validation", 60))}
    lines: list[str] = []
    config = parse(TrainingConfig, {"epochs": 3, "batch_size": 32, "patience": 3, "optimizers": FAST})
    result = train("embedding_mlp", schema, written["train"], written["validation"], config=config, on_progress=lines.append)
    errors = [epoch["validation"]["rmse"] for epoch in result.history]
    assert result.best_epoch == 1 + int(np.argmin(errors)) and "validation RMSE" in lines[0]
    scored = score_dataset(result.model, read_dataset(schema, written["validation"], 64, keys=True))
    off = scored.scores["stay"] - scored.labels["stay"]
    assert min(errors) == pytest.approx(np.sqrt(np.mean(off ** 2)), rel=1e-5)
