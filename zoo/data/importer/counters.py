"""Counters: what had happened to an item, a category, a user, before a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import pydantic

from zoo.config import Config
from zoo.data.importer.durations import Delay, Window, short
from zoo.data.importer.timeline import Timeline
from zoo.schema import Feature

IMPRESSIONS, CLICKS, RATE = "impressions", "clicks", "rate"


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class Counter(Config):
    """Numbers of events in windows of time before a request at t: those in [t - delay - window, t - delay).

    So nothing of the request's own second is counted, nor of anything later. A counter of the user alone is a feature of the
    request, any other one of each candidate. An impression counts at the time of its row, a click at its own. The rate is
    smoothed towards that of the whole log in the same window, p:

        rate = (clicks + smoothing·p) / (impressions + smoothing),   p = (all clicks + 1) / (all impressions + 2)

    A feature's name is made of its parts: `item_clicks_7d`, `user_category_rate_all`. Where the candidate has no such
    attribute, it is missing.

    Args:
        of: `item`, `user` or an attribute of the item, or two of them (`[user, category]`).
        counts: `impressions`, `clicks`, `rate`, or any event type; all three in a log of impressions, `clicks` in others.
        windows: lengths of time (`1h`, `1d`, `7d`), or `all`.
        delay: time after which an event is known; `1d` where counters are made once a day.
        smoothing: of the rate, in impressions.
        buckets: of each number, as in `zoo.schema.Feature`.
    """

    of: Annotated[tuple[str, ...], pydantic.Field(min_length=1, max_length=2), pydantic.BeforeValidator(_listed)]
    counts: Annotated[tuple[str, ...], pydantic.BeforeValidator(_listed)] = ()
    windows: tuple[Window, ...] = pydantic.Field(default=("all",), min_length=1)
    delay: Delay = 0
    smoothing: float = pydantic.Field(default=20.0, gt=0)
    buckets: int = pydantic.Field(default=0, ge=0)

    @property
    def of_request(self) -> bool:
        """Whether it is the same for all candidates."""
        return self.of == ("user",)

    @property
    def counted(self) -> set[str]:
        """What needs to be counted for it."""
        return {one for count in self.counts for one in ((IMPRESSIONS, CLICKS) if count == RATE else (count,))}

    def features(self) -> list[Feature]:
        """As the schema declares them."""
        return [Feature(name=self._name(count, window), kind="number", buckets=self.buckets,
                        transform="zscore" if count == RATE else "log_zscore")
                for count in self.counts for window in self.windows]

    def values(self, by_key: Mapping[str, Timeline], of_all: Mapping[str, Timeline], keys: np.ndarray, times: np.ndarray,
               ) -> dict[str, np.ndarray]:
        """The features by name, `[n]` each.

        Args:
            by_key: the events of each key, by what is counted.
            of_all: the events of the whole log, under key 0; clicks and impressions, for a rate.
            keys: `[n]`; -1 where there is none.
            times: `[n]` of the requests, in seconds since 1970.
        """
        end = times - self.delay
        begins = [np.zeros_like(end) if window == "all" else end - window for window in self.windows]
        number = {what: line.counts(keys, begins, end) for what, line in by_key.items()}
        if RATE in self.counts:
            mean = self._mean(of_all, begins, end)
            number[RATE] = [(clicks + self.smoothing * p) / (impressions + self.smoothing)
                            for clicks, impressions, p in zip(number[CLICKS], number[IMPRESSIONS], mean, strict=True)]
        return {self._name(count, window): np.where(keys < 0, np.nan, values).astype(np.float32)
                for count in self.counts for window, values in zip(self.windows, number[count], strict=True)}

    @staticmethod
    def _mean(of_all: Mapping[str, Timeline], begins: list[np.ndarray], end: np.ndarray) -> list[np.ndarray]:
        """The rate of the whole log in each window; requests share their times with all of their candidates."""
        _, first, request = np.unique(end, return_index=True, return_inverse=True)
        at = [begin[first] for begin in begins]
        clicks, impressions = (of_all[what].counts(np.zeros_like(first), at, end[first]) for what in (CLICKS, IMPRESSIONS))
        return [((hits + 1) / (shown + 2))[request] for hits, shown in zip(clicks, impressions, strict=True)]

    def _name(self, count: str, window: Any) -> str:
        return "_".join([*self.of, count, short(window)])
