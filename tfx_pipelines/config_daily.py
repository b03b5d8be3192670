"""How a model is trained every day anew, from the model of the day before."""

from __future__ import annotations

from typing import Literal

import pydantic

from zoo.config import Config


class DriftConfig(Config):
    """How far columns may move before a run stops.

    An id's column is measured by the largest change of one id's share of all values (L-infinity), a number's by the
    Jensen-Shannon divergence of its histograms; both are 0 for the same data and 1 at most. TFDV measures them.

    Args:
        ids: most for columns of ids; null looks at none.
        numbers: most for columns of numbers; null looks at none.
        columns: other values for some columns, by their names in the log (`candidate_price`); null leaves one out.
    """

    ids: float | None = pydantic.Field(default=0.1, gt=0, le=1)
    numbers: float | None = pydantic.Field(default=0.1, gt=0, le=1)
    columns: dict[str, float | None] = {}

    @pydantic.model_validator(mode="after")
    def _within(self) -> DriftConfig:
        for name, value in self.columns.items():
            if value is not None and not 0 < value <= 1:
                raise ValueError(f"columns.{name}: a distance lies between 0 and 1; got {value:g}")
        return self


class DailyConfig(Config):
    """A run for each span of the data (a day), in order.

    Args:
        test: `next`, a run of span T learns the whole span before it and is tested on T, as is the model that serves today, and
            neither has seen T; or `same`, it learns the training split of T and what the span before it was tested on, and is
            tested on the test split of T.
        days: spans that are learned; more than one for a first run, or for training from scratch on a window.
        warm_start: begin with the weights of the model that serves today; false begins with fresh ones, over its vocabularies.
        admit_at: occurrences, summed up over spans, that an id needs for a row; by default the schema's `min_count`.
        evict_after: spans without an occurrence after which an id loses its row; null keeps all.
        drift: stop where what is learned lies too far from what the model that serves today has learned last; null looks not.
        skew: stop where what is learned lies too far from what the model is tested on; null looks not.
    """

    test: Literal["next", "same"] = "next"
    days: int = pydantic.Field(default=1, ge=1)
    warm_start: bool = True
    admit_at: int | None = pydantic.Field(default=None, ge=1)
    evict_after: int | None = pydantic.Field(default=None, ge=0)
    drift: DriftConfig | None = None
    skew: DriftConfig | None = None
