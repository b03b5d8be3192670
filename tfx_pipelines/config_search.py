"""What a search for hyper-parameters tries."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import pydantic

from zoo.config import Config, merged

_SECTIONS = ("model.config.", "training.")
# What a trial can't try: how it is made, not what comes of it.
_NEVER = ("training.seed", "training.machines", "training.checkpoint_seconds", "training.select_by")


class RangeConfig(Config):
    """Numbers between two.

    Args:
        min, max: both may be tried; whole numbers where both are whole.
        step: between two neighbours; None for any.
        log: each order of magnitude is as likely as another.
    """

    min: int | float
    max: int | float
    step: int | float | None = pydantic.Field(default=None, gt=0)
    log: bool = False

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> RangeConfig:
        if self.min >= self.max:
            raise ValueError(f"`min` is below `max`; got {self.min} and {self.max}")
        if self.log and (self.min <= 0 or self.step is not None):
            raise ValueError("with `log`, `min` is above 0, and there is no `step`")
        return self


class SearchConfig(Config):
    """A search before the training, by trials that are trained and judged on the validation split.

    Args:
        space: settings below `model.config` and `training`, by dotted path: a range (`{min: 0.0001, max: 0.01, log: true}`) or
            a list of values, of any kind.
        trials: at most so many. But for a grid, the first one is the run's own settings, where they lie in the space.
        strategy: `bayesian`, after what earlier trials showed; `random`; or `grid`, of which steps are all values.
        epochs: of each trial at most; the run's own by default.
        seed: of the strategy.
    """

    space: dict[str, RangeConfig | tuple[Any, ...]] = pydantic.Field(min_length=1)
    trials: int = pydantic.Field(default=10, ge=1)
    strategy: Literal["bayesian", "random", "grid"] = "bayesian"
    epochs: int | None = pydantic.Field(default=None, ge=1)
    seed: int = 1

    @pydantic.model_validator(mode="after")
    def _names(self) -> SearchConfig:
        for name, values in self.space.items():
            if not name.startswith(_SECTIONS) or name.startswith(_NEVER):
                raise ValueError(f"space.{name}: a search tries settings below model.config and training, and of these none of "
                                 f"{', '.join(_NEVER)}")
            if not isinstance(values, RangeConfig) and len({json.dumps(value) for value in values}) < 2:
                raise ValueError(f"space.{name}: there is nothing to choose from; list two values at least")
        return self

    def tried(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that a trial's values stand for, by dotted path; values of a list are known by their place in it."""
        return {name: values[name] if isinstance(of, RangeConfig) else of[values[name]] for name, of in self.space.items()}

    def ends(self) -> Iterator[dict[str, Any]]:
        """Settings at the ends of each range, and each value of a list: what has to be allowed."""
        for name, values in self.space.items():
            for value in (values.min, values.max) if isinstance(values, RangeConfig) else values:
                yield {name: value}


def with_values(settings: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a run (`model.config`, `training`, by their sections) with what a trial tries.

    Example:
        >>> with_values({"training": {"epochs": 3}}, {"training.epochs": 1})
        {'training': {'epochs': 1}}
    """
    result = dict(settings)
    for name, value in values.items():
        for key in reversed(name.split(".")):
            value = {key: value}
        result = merged(result, value)
    return result
