"""Settings of metapath2vec; to read them takes no TensorFlow."""

from __future__ import annotations

import pydantic

from zoo.config import Config
from zoo.graph.walks import WalkConfig
from zoo.optimizers import OptimizerConfig


class MetaPath2VecConfig(Config):
    """Args:
        paths: meta-paths; walks along all of them are learned together.
        walks: of each path.
        dim: width of the vectors.
        window: how far apart on a walk two nodes may be.
        negatives: drawn for each pair, of the context's type.
        batch_size: pairs a step.
        epochs: passes over the walks.
        optimizer: of both tables.
        seed: of walks, order, initial values and negatives.
    """

    paths: tuple[str, ...] = pydantic.Field(min_length=1)
    walks: WalkConfig = WalkConfig()
    dim: int = pydantic.Field(default=64, ge=1)
    window: int = pydantic.Field(default=5, ge=1)
    negatives: int = pydantic.Field(default=5, ge=1)
    batch_size: int = pydantic.Field(default=8192, ge=1)
    epochs: int = pydantic.Field(default=1, ge=1)
    optimizer: OptimizerConfig = OptimizerConfig(name="lazy_adam", learning_rate=0.002)
    seed: int = pydantic.Field(default=1, ge=0)
