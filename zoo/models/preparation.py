"""What a model may ask of the training split before its first step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from zoo.data.batch import Batch

if TYPE_CHECKING:
    from zoo.models.base import RankingModel


class Span(NamedTuple):
    """Part of a split by time: requests later than `after` and not later than `until`, seconds since 1970; None is no bound."""

    after: int | None = None
    until: int | None = None


EVERYTHING = Span()


class TrainingSplit(Protocol):
    """The training split as a model sees it; `zoo.training` has the real one.

    Example:
        >>> noon = split.time_quantile(0.5)
        >>> early, late = split.batches(Span(until=noon)), split.batches(Span(after=noon))
    """

    def batches(self, span: Span = EVERYTHING) -> Iterable[Batch]:
        """Shuffled batches of one pass over the requests of a span."""
        ...

    def steps(self) -> int:
        """How many batches one pass over the split has."""
        ...

    def time_quantile(self, share: float) -> int:
        """The time until which this share of the requests came.

        Raises:
            ValueError: no request came later, so the split can't be divided by time.
        """
        ...

    def fit(self, model: RankingModel, epochs: int) -> None:
        """Trains another model on the whole split by the run's settings, for models that begin where it ends."""
        ...
