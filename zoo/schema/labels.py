"""What is learned of candidates, and what is only noted of them."""

from __future__ import annotations

from typing import Literal

import pydantic

from zoo.config import Config


class Late(Config):
    """An outcome that comes some time after the candidate was shown, so that the log may end before it came.

    Args:
        waited: name of the mark that says how long the log went on after the candidate was shown.
        after: name of the mark that says how long after it the outcome came, NaN where none was seen; in the same unit.
    """

    waited: str
    after: str


class Label(Config):
    """What is learned of each candidate; also the name of the task and of its output.

    Args:
        name: the task: `click`. The column is `label_click`; NaN there means "not observed" and has no weight.
        kind: `binary` (0 or 1) or `regression`.
        scale: regression: what the column holds of a quantity x: `linear`, x; `non_negative`, x that is never below 0; `log1p`,
            log(1 + x) of such an x, so that the largest ones do not rule the squared error. The last two are predicted as
            `max(z, 0)`.
        weight: weight of its loss.
        late: binary: the outcome comes later, and marks say when; see `zoo.losses.late_cross_entropy`.
        soft: binary: the log holds a probability (a teacher's) and not an outcome; learned by the same cross entropy.
        of: with `soft`: the task that the teacher speaks of. Its output learns from outcomes and from the teacher, and the
            soft label is no task; without it, the soft label is a task of its own.
        given: binary: the task that this one is conditional on (`purchase` given `click`). Its output is p(this | given).
        entire_space: with `given`: learn `p(given)·p(this | given)` over all candidates (ESMM's CTCVR); False learns
            p(this | given) where `given` happened.
        truth: whether the log keeps the true probability beside the label (column `truth_click`); simulators do.
    """

    name: str = pydantic.Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Literal["binary", "regression"] = "binary"
    scale: Literal["linear", "non_negative", "log1p"] = "linear"
    weight: float = pydantic.Field(default=1.0, gt=0)
    late: Late | None = None
    soft: bool = False
    of: str | None = None
    given: str | None = None
    entire_space: bool = True
    truth: bool = False

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Label:
        if self.kind != "binary" and (self.soft or self.given):
            raise ValueError(f"label {self.name!r}: only binary labels are soft or conditional on another")
        if self.kind != "regression" and self.scale != "linear":
            raise ValueError(f"label {self.name!r}: `scale` is said of regressions alone")
        if self.late and (self.kind != "binary" or self.soft):
            raise ValueError(f"label {self.name!r}: `late` is said of binary labels with outcomes alone")
        if self.of is not None and (not self.soft or self.given):
            raise ValueError(f"label {self.name!r}: `of` says which task a soft label speaks of; an outcome, or what is "
                             "conditional on another, has none")
        return self

    @property
    def column(self) -> str:
        return f"label_{self.name}"

    @property
    def truth_column(self) -> str:
        return f"truth_{self.name}"


class Mark(Config):
    """A number of each candidate that no model reads and none learns: for losses, metrics and people.

    Args:
        name: the column is `mark_stage`.
        role: what it means: `stage`, how far the candidate came in the cascade (`zoo.stages`); `bought_outside`, 1 where the
            user bought it outside of the scenario, and the purchase is bound to the request; or `other`.
    """

    name: str = pydantic.Field(pattern=r"^[a-z][a-z0-9_]*$")
    role: Literal["stage", "bought_outside", "other"] = "other"

    @property
    def column(self) -> str:
        return f"mark_{self.name}"
