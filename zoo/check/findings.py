"""What a report shows to be wrong, and what to do."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from zoo.check.finding import Finding
from zoo.check.times import DAY, HOUR
from zoo.data.log_shard import SPLITS
from zoo.schema import Schema

# Below it, a measured AUC is chance.
FEW_POSITIVES = 100
# A step of time with so many candidates and no positive has lost them.
_MANY = 1_000
_UNITS = {HOUR: "hours", DAY: "days"}


def whole_training(report: dict[str, Any]) -> bool:
    """Whether all of training was read."""
    train = report["splits"]["train"]
    return train["requests_read"] == train["requests"]


def findings(schema: Schema, report: dict[str, Any]) -> Iterator[Finding]:
    """The warnings of a report, but for those of single features."""
    yield from _labels(report)
    yield from _times(report)
    yield from _duplicates(report)
    yield from _rows(report)
    yield from _columns(schema, report)
    yield from _ids(schema, report)
    yield from _histories(report)


def _labels(report: dict[str, Any]) -> Iterator[Finding]:
    for label in report["labels"]:
        rates = {}
        for split in SPLITS:
            found = report["splits"][split]["labels"][label]
            observed, positives = found["observed"], found["positives"]
            if not observed:
                yield Finding("one_label", 3, f"{label} is not observed in {split}", "leave the label out, or give it there")
            elif positives in (0, observed):
                which, what = "none" if not positives else "all", "learned" if split == "train" else "measured"
                yield Finding("one_label", 3,
                              f"{which} of the {observed:,} candidates of {split} have {label}: nothing can be {what}",
                              "look at the label's column, and at the times that divide the splits")
            else:
                rates[split] = positives / observed
                yield from _few(label, split, observed, positives)
        for split in ("validation", "test"):
            if split in rates and "train" in rates and not 2 / 3 <= rates[split] / rates["train"] <= 1.5:
                yield Finding("rate_differs", 2,
                              f"{label} happens to {rates[split]:.2%} of the candidates of {split}, but to "
                              f"{rates['train']:.2%} in training: probabilities will be wrong there",
                              "make candidates and labels of all splits in the same way, or measure ranking alone")


def _few(label: str, split: str, observed: int, positives: int) -> Iterator[Finding]:
    rarer = min(positives, observed - positives)
    if split != "train" and rarer < FEW_POSITIVES:
        error = math.sqrt((observed + 1) / (12 * positives * (observed - positives)))
        which = "positives" if rarer == positives else "negatives"
        yield Finding("few_positives", 2, f"{split} has {rarer} {which} of {label}: an AUC there is known to ± {2 * error:.2f}",
                      "make the split longer")


def _times(report: dict[str, Any]) -> Iterator[Finding]:
    for split in SPLITS:
        if later := report["splits"][split]["later_events"]:
            yield Finding("later_events", 3, f"{later:,} events in histories of {split} are later than their request",
                          "cut histories strictly before the request")
    if report["time"] is None:
        return
    for one in report["time"]["after"]:
        if one["requests"]:
            heavy = one["later"] == "test" and one["share"] > 0.01
            yield Finding("splits_overlap", 3 if heavy else 1,
                          f"{one['requests']:,} requests of {one['split']} ({one['share']:.1%}) came when {one['later']} had "
                          "begun",
                          "right where sessions are kept whole, or the last of each user is held out; else divide by time")
    steps, step = report["time"]["steps"], report["time"]["step"]
    unit = _UNITS.get(step, "weeks")
    empty = [one for one in steps if not any(one[split]["requests"] for split in SPLITS)]
    if empty and step > HOUR:  # nobody comes in some hours of a night
        yield Finding("no_requests", 2, f"{len(empty)} of {len(steps)} {unit} have no request", "look for missing files")
    for label in report["labels"]:
        totals = [[sum(one[split].get(f"{kind}_{label}", 0) for split in SPLITS) for kind in ("observed", "positives")]
                  for one in steps]
        bare = [observed for observed, positives in totals if observed >= _MANY and not positives]
        if bare and len(bare) < len(steps):
            yield Finding("no_positives", 2, f"{len(bare)} of {len(steps)} {unit} have candidates, but no {label}",
                          "look for events that are missing, or that come later than the log was taken")


def _duplicates(report: dict[str, Any]) -> Iterator[Finding]:
    what = {"ids": "requests have an id that another one has",
            "contents": "requests have the user, the time and the candidates of another one"}
    for name, words in what.items():
        found = report["duplicates"][name]
        if found["across"]:
            yield Finding("duplicates", 3, f"{found['across']:,} {words} in another split: what is tested was trained on",
                          "import every row once; see that files do not overlap")
        if found["within"]:
            yield Finding("duplicates", 2, f"{found['within']:,} {words} of the same split",
                          "import every row once; see that ids of requests are not begun anew for every user")


def _rows(report: dict[str, Any]) -> Iterator[Finding]:
    rows = report["rows"]
    read, rejected, late = rows["read"], sum(rows["rejected"].values()), rows["dropped_after_until"]
    if read and rejected > 0.01 * read:
        most = max(rows["rejected"], key=rows["rejected"].get)
        yield Finding("rejected", 2, f"{rejected:,} of {read:,} rows ({rejected / read:.1%}) were rejected; most often: {most}",
                      "look at rejected.csv in the log, and mend the configuration or the files")
    if read and late > 0.2 * read:
        yield Finding("dropped", 2, f"{late:,} of {read:,} rows lie at or after splits.until",
                      "say a later `until`, unless that is meant")


def _columns(schema: Schema, report: dict[str, Any]) -> Iterator[Finding]:
    numbers = {column.name for column in schema.columns() if column.feature.kind == "number"}
    for name, splits in report["missing"].items():
        shares = {split: found["share"] for split, found in splits.items() if not math.isnan(found["share"])}
        if not shares:
            continue
        least, most = min(shares.values()), max(shares.values())
        if least >= 0.95:
            yield Finding("missing", 2, f"{name} is missing in at least {least:.0%} of its places in every split",
                          "leave it out, or look at the column that it comes from")
        elif most - least > 0.2:
            told = ", ".join(f"{share:.0%} in {split}" for split, share in shares.items())
            yield Finding("missing_differs", 3, f"{name} is missing to {told}: a model leans on what is not there later",
                          "find out when it is written; begin then, or leave it out")
        ends = {bound for found in splits.values() for bound in (found["min"], found["max"]) if bound is not None}
        if name in numbers and len(ends) == 1:
            yield Finding("constant", 1, f"{name} is {ends.pop():g} everywhere", "leave it out: it says nothing")


def _ids(schema: Schema, report: dict[str, Any]) -> Iterator[Finding]:
    if not whole_training(report):
        return
    for space, found in report["unknown"].items():
        for split in ("validation", "test"):
            share = found[split]["seldom"] if split in found else 0.0
            if found["kind"] == "learned" and share > 0.5:
                yield Finding("unknown_ids", 2,
                              f"{share:.0%} of the ids of space {space} in {split} are unknown after training",
                              "hash the space (kind: hashed), make training longer, or lean on categories instead")
    key = report["users"]["group_key"]
    reads = any(feature.name == key and feature.role == "user" for feature in schema.request)
    if reads and report["users"]["test"]["seen_in_training"] == 0:
        yield Finding("new_users", 2, f"no {key} of test was seen in training: what is learned of it says nothing there",
                      "leave the feature out, or divide by time instead of by user")


def _histories(report: dict[str, Any]) -> Iterator[Finding]:
    for name, of_training in report["splits"]["train"]["histories"].items():
        train, test = of_training["empty"], report["splits"]["test"]["histories"][name]["empty"]
        if train >= 0.9:
            yield Finding("empty_histories", 2,
                          f"{name} is empty in {train:.0%} of the training requests: nothing to read there",
                          "look at whose history it is (history_scope), and at the events that make it")
        elif abs(test - train) > 0.3:
            yield Finding("histories_differ", 2,
                          f"{name} is empty in {train:.0%} of the training requests, in {test:.0%} of those of test",
                          "begin training when histories have filled, or give earlier events (--prior)")
