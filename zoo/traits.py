"""What the rest of the cascade may rely on of a model: its stage, what its scores depend on, and what can be computed ahead."""

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
        items: `online`, the model reads all columns of a candidate; or `ahead`, `encode_candidates` reads those that belong to
            the item alone, so that it can be computed ahead of time for a whole catalogue.
    """

    stage: Stage = "fine"
    scores: Literal["pointwise", "listwise"] = "pointwise"
    items: Literal["online", "ahead"] = "online"

    @property
    def keeps_items(self) -> bool:
        """Whether a served model can keep what `encode_candidates` makes of the items, and candidates be named by ids alone.

        A list-wise score depends on which candidates are padding, which a table does not know.
        """
        return self.stage == "coarse" and self.items == "ahead" and self.scores == "pointwise"
