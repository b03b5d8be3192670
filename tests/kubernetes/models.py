"""What the fleet serves: small untrained models of the zoo, exported as the pipeline exports them."""

from __future__ import annotations

from pathlib import Path

from serving.warmup import write_warmup
from tests.toy import ToyTransform, toy_batch, toy_bound, toy_requests
from zoo.export import export_model
from zoo.keras import keras
from zoo.models import registry

CALL = {"candidates": 50, "history": 8}  # of every call


def write_model(name: str, path: Path, worse: bool = False) -> Path:
    """Exports a model of the zoo.

    Args:
        name: of the registry.
        path: of the SavedModel.
        worse: its scores are all high: what a mistake in training or in its features may do.
    """
    keras.utils.set_random_seed(3)
    schema = toy_bound()
    model = registry.build(name, schema)
    model(toy_batch(schema, toy_requests(4, schema=schema))[0])
    if worse:
        bias = [weight for weight in model.trainable_variables if weight.shape.rank == 1 and weight.shape[0] == 1]
        bias[-1].assign_add([2.0])
    export_model(model, ToyTransform(schema), path)
    # As a pushed model has them: the first calls of a graph take seconds, and no caller should wait for that.
    write_warmup(path, name, schema, toy_requests(5, schema=schema, **CALL))
    return path
