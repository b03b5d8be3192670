"""The check of a request log as a whole."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from zoo.check.alone import alone
from zoo.check.findings import findings, whole_training
from zoo.check.ids import IdCounts
from zoo.check.leaks import leaks
from zoo.check.one_class import one_class
from zoo.check.profile import Profile
from zoo.check.samples import CANDIDATES, Samples
from zoo.check.times import time_axis
from zoo.data.log_reader import BATCH, read_batches
from zoo.data.log_shard import SPLITS
from zoo.data.request_log import RequestLog
from zoo.json_text import json_text
from zoo.schema import Schema

REQUESTS = 100_000
Progress = Callable[[str, int, int], None]


def check_log(log: RequestLog, requests: int = REQUESTS,
              on_progress: Progress = lambda what, done, total: None) -> dict[str, Any]:
    """Counts what a request log holds and looks for what is wrong with it.

    Args:
        log: the log; it is read, and nothing is written.
        requests: read at most so many of each split, evenly over it; 0 reads all.
        on_progress: called with what is being done, how much of it, and of how much.

    Returns:
        The report, in plain values as JSON has them; `findings` are its warnings, the heaviest first. NaN stands for what
        can't be said, such as the AUC of a split of one class.
    """
    known: dict[str, IdCounts] = {}
    profiles, samples = {}, {}
    for split in SPLITS:
        count = log.manifest["splits"][split]
        every = math.ceil(count["requests"] / requests) if requests else 1
        candidates = max(1, count["candidates"] // every)
        samples[split] = Samples(log.schema, math.ceil(candidates / CANDIDATES))
        profiles[split] = Profile(log.schema, samples[split])
        expected = math.ceil(count["requests"] / every)
        for done, batch in enumerate(read_batches(log, split, every)):
            on_progress(f"reading {split}", min(done * BATCH, expected), expected)
            profiles[split].add(batch, known, training=split == "train")
    on_progress("single features", 0, 1)
    features, classes = alone(log.schema, samples), one_class(log.schema, samples["train"])
    report = {
        "name": log.manifest["name"], "log": log.path, "labels": [label.name for label in log.schema.labels],
        "rows": _rows(log),
        "splits": {split: _split(log, split, profile) for split, profile in profiles.items()},
        "time": time_axis(log, profiles),
        "positions": {label.name: {split: _positions(profile, label.name) for split, profile in profiles.items()}
                      for label in log.schema.labels},
        "unknown": _unknown(log.schema, profiles, known), "missing": _missing(profiles), "users": _users(log, profiles, known),
        "alone": [one.plain() for one in features],
        "one_class": [asdict(one) for one in classes],
        "duplicates": _duplicates(profiles),
    }
    found = [*leaks(log.schema, features, classes, whole_training(report)), *findings(log.schema, report)]
    report["findings"] = [asdict(one) for one in sorted(found, key=lambda one: -one.weight)]
    return report


def report_json(report: dict[str, Any]) -> str:
    """A report as JSON, which has null for what can't be said."""
    return json_text(report)


def _rows(log: RequestLog) -> dict[str, Any]:
    """What came in, what fell and why, as whoever made the log counted it."""
    manifest = log.manifest
    return {"read": manifest.get("rows"), "rejected": manifest.get("rejected") or {},
            "dropped_after_until": manifest.get("dropped_after_until") or 0, "notes": manifest.get("notes") or {},
            "requests": sum(count["requests"] for count in manifest["splits"].values())}


def _split(log: RequestLog, split: str, profile: Profile) -> dict[str, Any]:
    count, times = log.manifest["splits"][split], profile.request_times()
    return {
        "requests": count["requests"], "requests_read": len(times), "candidates": count["candidates"],
        "labels": {label.name: {"observed": profile.total(profile.observed, label.name),
                                "positives": profile.total(profile.positives, label.name)} for label in log.schema.labels},
        "first_time": count["first_time"], "last_time": count["last_time"],
        "candidates_per_request": _quantiles(profile.joined(profile.candidates)),
        "histories": {sequence.name: _history(profile.joined(profile.lengths.get(sequence.name, [])), sequence.max_length)
                      for sequence in log.schema.sequences},
        "later_events": profile.later_events,
    }


def _quantiles(values: np.ndarray) -> dict[str, float]:
    if not len(values):
        return {}
    least, half, high, most = np.quantile(values, [0, 0.5, 0.95, 1], method="inverted_cdf").tolist()
    return {"min": least, "median": half, "mean": float(values.mean()), "p95": high, "max": most}


def _history(lengths: np.ndarray, longest: int) -> dict[str, Any]:
    bounds = sorted({0, 1, *(bound for bound in (2, 5, 10, 20, 50, 100, 200, 500, 1000) if bound < longest), longest})
    counts = np.histogram(lengths, [*bounds, np.inf])[0] if len(lengths) else np.zeros(len(bounds), int)
    return {**_quantiles(lengths), "empty": _share((lengths == 0).sum(), len(lengths)),
            "full": _share((lengths >= longest).sum(), len(lengths)), "max_length": longest,
            "counts": [{"from": bound, "requests": int(count)} for bound, count in zip(bounds, counts, strict=True)]}


def _positions(profile: Profile, label: str) -> list[dict[str, Any]]:
    table = profile.by_position.get(label, np.zeros((0, 2), np.int64))
    return [{"position": place + 1, "observed": int(observed), "positives": int(positives)}
            for place, (observed, positives) in enumerate(table.tolist()) if observed]


def _unknown(schema: Schema, profiles: dict[str, Profile], known: dict[str, IdCounts]) -> dict[str, Any]:
    report = {}
    for space, declared in schema.spaces.items():
        if space in known:
            report[space] = {"ids_in_training": len(known[space]), "min_count": declared.min_count, "kind": declared.kind}
            report[space] |= {split: {"values": found.values, "never": _share(found.never, found.values),
                                      "seldom": _share(found.seldom, found.values)}
                              for split, profile in profiles.items() if (found := profile.unknown.get(space))}
    return report


def _missing(profiles: dict[str, Profile]) -> dict[str, Any]:
    columns = profiles["train"].missing
    return {name: {split: {"values": (found := profile.missing[name]).values, "share": _share(found.missing, found.values),
                           "min": found.least if found.least <= found.most else None,
                           "max": found.most if found.least <= found.most else None}
                   for split, profile in profiles.items() if name in profile.missing} for name in columns}


def _users(log: RequestLog, profiles: dict[str, Profile], known: dict[str, IdCounts]) -> dict[str, Any]:
    found: dict[str, Any] = {"group_key": log.schema.group_key}
    for split, profile in profiles.items():
        groups = np.unique(profile.joined(profile.groups).astype(np.uint64)) if profile.groups else np.zeros(0, np.uint64)
        found[split] = {"count": len(groups),
                        "seen_in_training": _share((known[""].of(groups) > 0).sum(), len(groups)) if "" in known else 0.0}
    return found


def _duplicates(profiles: dict[str, Profile]) -> dict[str, Any]:
    """Requests that stand there again, after the first: by their id, and by who saw what and when."""
    found = {}
    for name in ("ids", "contents"):
        codes = [np.concatenate(getattr(profile, name) or [np.zeros(0, np.uint64)]) for profile in profiles.values()]
        parts = [np.unique(one) for one in codes]
        every = np.unique(np.concatenate(parts))
        found[name] = {"within": sum(map(len, codes)) - sum(map(len, parts)), "across": sum(map(len, parts)) - len(every)}
    return found


def _share(part: float, whole: float) -> float:
    return float(part) / whole if whole else float("nan")
