"""Requests and outcomes on an axis of time."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.check.profile import Profile
from zoo.data.request_log import RequestLog

HOUR, DAY = 3_600, 86_400
# More steps than this are hard to read; a log of a year goes by weeks.
_MOST = {HOUR: 96, DAY: 150, 7 * DAY: None}


def has_times(log: RequestLog) -> bool:
    """Whether the log says when its requests came."""
    return bool(log.manifest.get("times", any(count["last_time"] for count in log.manifest["splits"].values())))


def time_axis(log: RequestLog, profiles: dict[str, Profile]) -> dict[str, Any] | None:
    """Requests, observed candidates and positives by hour, day or week (UTC) and split; None for a log without times.

    What was counted on a part of a split stands for all of it.

    Returns:
        `step` in seconds; `steps`, each with `from` (seconds since 1970) and by split what was counted; `after`, requests of
        a split that came when a later split had begun.
    """
    if not has_times(log):
        return None
    times = {split: profile.request_times() for split, profile in profiles.items()}
    every = np.concatenate(list(times.values()))
    first, last = int(every.min()), int(every.max())
    step = next(step for step, most in _MOST.items() if most is None or (last - first) / step <= most)
    # Weeks begin on a Monday; 1970 began on a Thursday.
    origin = 4 * DAY if step == 7 * DAY else 0
    begin = (first - origin) // step
    steps: list[dict[str, Any]] = [{"from": (begin + number) * step + origin}
                                   for number in range((last - origin) // step - begin + 1)]
    for split, profile in profiles.items():
        places, scale = (times[split] - origin) // step - begin, 1.0
        if len(times[split]):
            scale = log.manifest["splits"][split]["requests"] / len(times[split])
        columns = {"requests": np.bincount(places, minlength=len(steps))}
        for kind, of in (("observed", profile.observed), ("positives", profile.positives)):
            columns |= {f"{kind}_{label}": np.bincount(places, np.concatenate(parts), len(steps))
                        for label, parts in of.items()}
        for number, entry in enumerate(steps):
            entry[split] = {name: round(scale * float(values[number])) for name, values in columns.items()}
    later = {("train", "validation"), ("train", "test"), ("validation", "test")}
    return {"step": step, "steps": steps,
            "after": [{"split": one, "later": other, "requests": int((times[one] > times[other].min()).sum()),
                       "share": float((times[one] > times[other].min()).mean())}
                      for one, other in sorted(later) if len(times[one]) and len(times[other])]}
