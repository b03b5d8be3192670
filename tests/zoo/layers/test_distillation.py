"""What a student learns from a teacher, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.toy import CATEGORIES, ITEMS, toy_batch, toy_model, toy_requests, toy_schema
from zoo.config import ConfigError
from zoo.data.batch import Batch
from zoo.keras import tf
from zoo.layers.distillation import Distillation, DistillationConfig
from zoo.losses import listwise_divergence, rank_alignment, softened_cross_entropy, task_losses
from zoo.models import registry
from zoo.schema import Label

CLICK, TEACHER = Label(name="click"), Label(name="teacher", soft=True, of="click", weight=0.5)


def row(*values: float) -> tf.Tensor:
    return tf.constant([values], tf.float32)


def log(*odds: float) -> tf.Tensor:
    return tf.math.log(row(*odds))


def test_a_soft_label_of_a_task_is_learned_by_its_output():
    schema = toy_schema((CLICK, TEACHER))
    assert [label.name for label in schema.tasks] == ["click"]
    loss = task_losses(schema, {"click": log(3)}, {"click": row(1), "teacher": row(0.25)}, {"click": row(1), "teacher": row(1)})
    assert float(loss) == pytest.approx(-np.log(3 / 4) + 0.5 * (-0.25 * np.log(3 / 4) - 0.75 * np.log(1 / 4)))


def test_temperature_by_hand():
    # The teacher says 0.9, odds 9: at temperature 2 odds 3. The student's odds are 81, at temperature 2 they are 9.
    loss = softened_cross_entropy(row(0.9), log(81), row(1), 2.0)
    assert float(loss) == pytest.approx(4 * (-0.75 * np.log(0.9) - 0.25 * np.log(0.1)), rel=1e-5)
    plain = softened_cross_entropy(row(0.25), log(3), row(1))
    assert float(plain) == pytest.approx(-0.25 * np.log(3 / 4) - 0.75 * np.log(1 / 4))


def test_lists_by_hand():
    # The teacher's odds 1 and 3 are shares 1/4 and 3/4, the student's halves; the third is not scored by the teacher, and what
    # stands there is no matter.
    teacher, logits, weights = row(0.5, 0.75, 0.9), log(2, 2, 50), row(1, 1, 0)
    expected = 0.25 * np.log(0.25 / 0.5) + 0.75 * np.log(0.75 / 0.5)
    assert float(listwise_divergence(teacher, logits, weights)) == pytest.approx(expected, rel=1e-5)
    # A list of one says nothing, and has no weight among the others.
    teacher, logits = tf.concat([teacher, row(0.3, 0, 0)], 0), tf.concat([logits, log(1, 1, 1)], 0)
    weights = tf.concat([weights, row(1, 0, 0)], 0)
    assert float(listwise_divergence(teacher, logits, weights)) == pytest.approx(expected, rel=1e-5)
    assert float(listwise_divergence(row(0.5, 0.75), log(1, 3), row(1, 1))) == pytest.approx(0.0, abs=1e-6)
    # What is common to all of a request is no part of it.
    assert float(listwise_divergence(row(0.5, 0.75), log(10, 30), row(1, 1))) == pytest.approx(0.0, abs=1e-5)


def test_rank_alignment_by_hand():
    # Two chunks of two: {0.9, 0.8} before {0.2, 0.1}. Four pairs, all of one cost; pairs within a chunk don't count.
    logits = row(0.0, 5.0, 1.0, -5.0)
    pairs = [1.0 - 0.0, -5.0 - 0.0, 1.0 - 5.0, -5.0 - 5.0]
    assert float(rank_alignment(row(0.9, 0.8, 0.2, 0.1), logits, row(1, 1, 1, 1), 2)) == pytest.approx(
        np.mean(np.log1p(np.exp(pairs))), rel=1e-5)
    # What the teacher did not score is in no chunk, wherever it stands.
    assert float(rank_alignment(row(0.95, 0.9, 0.8, 0.2, 0.1), tf.concat([row(99.0), logits], 1), row(0, 1, 1, 1, 1), 2)) == (
        pytest.approx(np.mean(np.log1p(np.exp(pairs))), rel=1e-5))
    # Three chunks of one: swapping the first with the last costs more than swapping neighbours.
    g, d = 2.0 ** np.array([1, 0.5, 0]), 1 / np.log2([2, 3, 4])
    costs = {(i, j): abs(g[i] - g[j]) * abs(d[i] - d[j]) for i, j in ((0, 1), (0, 2), (1, 2))}
    z = np.array([0.3, -0.2, 1.0])
    expected = sum(cost * np.log1p(np.exp(z[j] - z[i])) for (i, j), cost in costs.items()) / sum(costs.values())
    assert float(rank_alignment(row(0.9, 0.5, 0.1), row(*z), row(1, 1, 1), 3)) == pytest.approx(expected, rel=1e-5)


def test_no_gradient_reaches_the_teacher():
    teacher, student = tf.Variable(row(0.9, 0.2)), tf.Variable(row(0.0, 0.0))
    layer = Distillation([TEACHER], DistillationConfig(listwise=1.0, alignment=1.0, chunks=2))
    with tf.GradientTape() as tape:
        loss = layer({"click": student}, Batch({}, {"teacher": tf.sigmoid(teacher)}, {"teacher": row(1, 1)}))
    of_teacher, of_student = tape.gradient(loss, [teacher, student])
    assert of_teacher is None
    assert np.all(of_student.numpy() != 0)


def test_the_teacher_teaches_alone_at_first():
    layer = Distillation([TEACHER], DistillationConfig(alone=0.5, outcomes=0.7))
    layer.begin(4)
    weights = []
    for _ in range(4):
        layer.step()
        weights.append(float(layer.outcomes()))
    assert weights == pytest.approx([0, 0, 0.7, 0.7])


def test_the_teacher_is_not_heard_before_it_knows_something():
    layer = Distillation([TEACHER], DistillationConfig(after=0.5))
    layer.begin(4)
    batch, losses = Batch({}, {"teacher": row(0.5)}, {"teacher": row(1)}), []
    for _ in range(4):
        layer.step()
        losses.append(float(layer({"click": row(0.0)}, batch)))
    assert losses == pytest.approx([0, 0, 0.5 * np.log(2), 0.5 * np.log(2)])
    with pytest.raises(ConfigError, match="either the teacher is heard alone"):
        registry.build("dssm", toy_schema(), {"distillation": {"alone": 1, "after": 1}})


def test_the_teachers_word_weighs_by_how_far_a_candidate_came():
    layer = Distillation([TEACHER], DistillationConfig(stages={"exposed": 3, "recalled": 0}), "stage")
    # Exposed, scored by fine ranking, recalled alone, and padding.
    batch = Batch({}, {"teacher": row(0.9, 0.6, 0.2, 0)}, {"teacher": row(1, 1, 1, 0)}, {"stage": row(3, 2, 0, np.nan)})
    entropies = [-np.log(3 / 4) * p - np.log(1 / 4) * (1 - p) for p in (0.9, 0.6)]
    assert float(layer({"click": log(3, 3, 3, 3)}, batch)) == pytest.approx(0.5 * (3 * entropies[0] + entropies[1]) / 4)
    with pytest.raises(ConfigError, match="no mark of the role 'stage'"):
        Distillation([TEACHER], DistillationConfig(stages={"exposed": 3}))


def test_what_came_further_should_score_higher():
    layer = Distillation([TEACHER], DistillationConfig(pointwise=0, further=1), "stage")
    batch = Batch({}, {"teacher": row(0, 0, 0, 0)}, {"teacher": row(1, 1, 1, 0)}, {"stage": row(3, 1, 1, np.nan)})
    pairs = [0.5 - 2.0, -1.0 - 2.0]  # the two of one stage are no pair
    assert float(layer({"click": row(2.0, 0.5, -1.0, 9.0)}, batch)) == pytest.approx(0.5 * np.mean(np.log1p(np.exp(pairs))))


def test_a_student_without_a_teacher_is_told():
    with pytest.raises(ConfigError, match=r"no soft label; name a teacher"):
        registry.build("dssm", toy_schema().bind({"item": 5, "category": 3, "user": 3}), {"distillation": {}})
    with pytest.raises(ConfigError, match="nothing is learned beside outcomes"):
        registry.build("dssm", toy_schema(), {"distillation": {"pointwise": 0}})


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.names())
def test_every_model_learns_from_its_teacher(name):
    """By the output of the task that the teacher speaks of; where no outcome was observed, the teacher is all there is."""
    schema = toy_schema((CLICK, TEACHER))
    requests = toy_requests(4, schema=schema)
    batch = toy_batch(schema, requests)
    unseen = batch._replace(weights=batch.weights | {"click": tf.zeros_like(batch.weights["click"])})
    model = toy_model(name, schema.bind({"item": ITEMS, "category": CATEGORIES}))
    with tf.GradientTape() as tape:
        outputs = model(batch.inputs)
        loss = model.loss(outputs, unseen)
    assert set(model.predictions(outputs)) == {"click"}
    away = tape.gradient(loss, outputs["click"])
    weights = batch.weights["teacher"]
    expected = TEACHER.weight * weights * (tf.sigmoid(outputs["click"]) - batch.labels["teacher"]) / tf.reduce_sum(weights)
    np.testing.assert_allclose(away, expected, atol=1e-6)


def test_trees_grow_on_what_the_teacher_says():
    """Half of the candidates have an outcome, the others the teacher's word alone; trees see both."""
    schema = toy_schema((CLICK, TEACHER))
    batch = toy_batch(schema, toy_requests(200, schema=schema))
    liked = tf.cast(batch.inputs["candidate_category"] % 2, tf.float32)
    taught = batch._replace(labels={"click": tf.zeros_like(liked), "teacher": 0.1 + 0.8 * liked},
                            weights={"click": 0.01 * batch.weights["click"], "teacher": batch.weights["teacher"]})
    model = toy_model("gbdt", schema.bind({"item": ITEMS, "category": CATEGORIES}))
    model.grow([taught])
    scores, real = model(batch.inputs)["click"], batch.weights["teacher"] > 0
    assert float(tf.reduce_min(scores[real & (liked == 1)])) > float(tf.reduce_max(scores[real & (liked == 0)]))
