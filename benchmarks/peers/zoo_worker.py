"""Ours: a model of the zoo, trained as the trainer does."""

from __future__ import annotations

from benchmarks.peers.samples import BATCHES, CATEGORIES, Shape, samples
from benchmarks.peers.worker import Round, serve
from zoo.keras import tf
from zoo.models import registry
from zoo.schema import BehaviourSequence, Feature, IdSpace, Schema
from zoo.training import GroupedOptimizer, TrainingLoop
from zoo.training.dataset import untuned


def schema(shape: Shape) -> Schema:
    """Two id fields, a history over both."""
    item, category = (Feature(name=name, space=name, role=name) for name in ("item", "category"))
    return Schema(
        name="peers", spaces={"item": IdSpace(), "category": IdSpace()},
        sequences=(BehaviourSequence(name="history", fields=(item, category), max_length=shape.history),),
        candidates=(item, category), group_key="user_id", keys=("user_id",),
    ).bind({"item": shape.rows - 2, "category": CATEGORIES - 2})


def dataset(shape: Shape) -> tf.data.Dataset:
    """The samples as batches of `(inputs, labels, weights)`."""
    columns = samples(shape)
    labels = columns.pop("label")
    longest = tf.constant(shape.candidates, tf.int64)

    def batch(inputs, clicks):
        counts = tf.fill([tf.shape(clicks)[0]], longest)
        return inputs | {"candidate_count": counts}, {"click": clicks}, {"click": tf.ones_like(clicks)}

    batches = tf.data.Dataset.from_tensor_slices((columns, labels)).batch(shape.requests).map(batch).take(BATCHES).cache()
    return batches.with_options(untuned())


def build(shape: Shape) -> Round:
    """Default settings of the model: tables 16 wide, tower 200-80, Adam (dense) and lazy Adam (tables)."""
    batches = dataset(shape)
    model = registry.build(shape.model, schema(shape))
    model.make_variables()
    loop = TrainingLoop(model, GroupedOptimizer(model))
    return lambda: loop.run(batches)


if __name__ == "__main__":
    serve(build)
