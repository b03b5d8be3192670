"""Whether a canary may stay: its errors, latency and scores beside those of the stable version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from zoo.config import Config


class Bounds(Config):
    """What a canary must keep.

    Args:
        min_calls: of both, before anything is said.
        error_ratio: how far its share of failed calls may lie above stable's.
        latency_ratio: how many times stable's quantile its own may be.
        latency_quantile: which.
        latency_floor_ms: below that no latency is too high.
        score_distance: how far apart the distributions of the scores may lie, as the largest difference of their cumulative
            shares (Kolmogorov and Smirnov's distance), 0 to 1.
    """

    min_calls: Annotated[int, Field(ge=1)] = 500
    error_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.01
    latency_ratio: Annotated[float, Field(ge=1)] = 1.5
    latency_quantile: Annotated[float, Field(gt=0, lt=1)] = 0.95
    latency_floor_ms: Annotated[float, Field(ge=0)] = 5.0
    score_distance: Annotated[float, Field(gt=0, le=1)] = 0.1


@dataclass(frozen=True)
class Histogram:
    """Counts by upper bound, not cumulated; the last bound is infinite."""

    bounds: Sequence[float] = ()
    counts: Sequence[float] = ()

    @property
    def total(self) -> float:
        return float(sum(self.counts))

    def quantile(self, q: float) -> float:
        """The bound of the bucket that holds the quantile, as coarse as the buckets are; NaN where there is nothing."""
        if not self.total:
            return float("nan")
        below: Any = np.cumsum(np.array(self.counts, np.float64))
        return float(self.bounds[int(below.searchsorted(q * below[-1]))])


@dataclass(frozen=True)
class Seen:
    """What clients saw of one version in a while.

    Args:
        calls: by gRPC status; what was refused as the caller's fault is not counted against a version.
        seconds: of the calls.
        scores: by task.
    """

    calls: dict[str, float] = field(default_factory=dict[str, float])
    seconds: Histogram = Histogram()
    scores: dict[str, Histogram] = field(default_factory=dict[str, Histogram])

    @property
    def count(self) -> float:
        return sum(self.calls.values())

    @property
    def failed(self) -> float:
        """Calls that a version failed; INVALID_ARGUMENT counts too, since a version with another schema answers that."""
        return self.count - self.calls.get("OK", 0.0)


@dataclass(frozen=True)
class Verdict:
    """`bad`: the canary leaves its bounds, for these reasons; `enough`: there were calls enough to say so."""

    enough: bool
    reasons: tuple[str, ...] = ()

    @property
    def bad(self) -> bool:
        return bool(self.reasons)


def judge(stable: Seen, canary: Seen, bounds: Bounds | None = None) -> Verdict:
    """Compares a canary with the stable version over the same time and the same traffic.

    Args:
        stable: what clients saw of it.
        canary: the same.
        bounds: what it must keep.

    Returns:
        The verdict; failed calls count as calls.
    """
    bounds = bounds or Bounds()
    if min(stable.count, canary.count) < bounds.min_calls:
        return Verdict(enough=False)
    reasons = [reason for look in (_errors, _latency, _scores) for reason in look(stable, canary, bounds)]
    return Verdict(True, tuple(reasons))


def _errors(stable: Seen, canary: Seen, bounds: Bounds) -> list[str]:
    before, now = stable.failed / stable.count, canary.failed / canary.count
    # Chance alone moves the share of a few hundred calls: three standard deviations of the common share are let through.
    common = (stable.failed + canary.failed) / (stable.count + canary.count)
    noise = 3 * float(np.sqrt(common * (1 - common) * (1 / stable.count + 1 / canary.count)))
    if now - before <= max(bounds.error_ratio, noise):
        return []
    return [f"{now:.2%} of its calls fail, {before:.2%} of stable's; allowed are {bounds.error_ratio:.2%} more"]


def _latency(stable: Seen, canary: Seen, bounds: Bounds) -> list[str]:
    before, now = (1e3 * seen.seconds.quantile(bounds.latency_quantile) for seen in (stable, canary))
    if not now > max(bounds.latency_floor_ms, bounds.latency_ratio * before):
        return []
    return [f"{bounds.latency_quantile:.0%} of its calls take up to {now:.4g} ms, of stable's {before:.4g}; allowed are "
            f"{bounds.latency_ratio:g} times as much"]


def _scores(stable: Seen, canary: Seen, bounds: Bounds) -> list[str]:
    reasons: list[str] = []
    for task in sorted(stable.scores.keys() & canary.scores.keys()):
        one, other = stable.scores[task], canary.scores[task]
        if not one.total or not other.total:
            continue
        apart = float(np.abs(np.cumsum(one.counts) / one.total - np.cumsum(other.counts) / other.total).max())
        if apart > bounds.score_distance:
            reasons.append(f"its scores of {task} lie {apart:.3f} from stable's; allowed are {bounds.score_distance:g}")
    return reasons
