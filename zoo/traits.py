"""What the rest of the cascade may rely on of a model: its stage, and what its scores depend on."""

from __future__ import annotations

from typing import Literal

from zoo.config import Config

Stage = Literal["recall", "coarse", "fine", "rerank"]


class Traits(Config):
    """Declared by a model's class, kept in its SavedModel, read by client, contract tests, gates and commands.

    Args:
        stage: of the cascade: `recall`, `coarse`, `fine` or `rerank`.
        scores: `pointwise`, a candidate's score does not depend on the others of its request; or `listwise`, it depends on the
            whole list, which must then never be divided between calls.
    """

    stage: Stage = "fine"
    scores: Literal["pointwise", "listwise"] = "pointwise"
