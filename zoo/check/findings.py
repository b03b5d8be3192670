"""What a report shows to be wrong, how heavy it is, and what to do."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.check.alone import Alone, OneClass
from zoo.check.samples import NEVER_SEEN, POSITION
from zoo.schema import Schema

# A feature alone that ranks this well is the label in other words.
LABEL_AUC = 0.95
# Honest features rank training and later days alike but for drift; counts of a candidate's own label differ by more.
OWN_LABEL_GAP = 0.03
# Standard errors; below it, a difference may be chance.
SURPRISE = 4.0
NEVER_SEEN_AUC = 0.05
# An id with more values than this drifts by itself: what was liked in training is forgotten.
FEW_VALUES = 1_000


@dataclass(frozen=True)
class Finding:
    """A warning.

    Args:
        kind: what was found.
        weight: 3, figures on this log would be wrong; 2, a model will suffer; 1, good to know.
        text: what is wrong, and where.
        remedy: what to do.
    """

    kind: str
    weight: int
    text: str
    remedy: str


def findings(schema: Schema, report: dict[str, Any], alone: Sequence[Alone], one_class: Sequence[OneClass]) -> list[Finding]:
    """The warnings of a report, the heaviest first."""
    found = [*_leaks(schema, report, alone), *_classes(one_class), *_labels(report), *_times(report), *_duplicates(report),
             *_rows(report), *_columns(schema, report), *_ids(schema, report), *_histories(report)]
    return sorted(found, key=lambda one: -one.weight)


def whole_training(report: dict[str, Any]) -> bool:
    """Whether all of training was read; a part of it has a part of its ids."""
    train = report["splits"]["train"]
    return train["requests_read"] == train["requests"]


def _leaks(schema: Schema, report: dict[str, Any], features: Sequence[Alone]) -> Iterator[Finding]:
    numbers = {column.name for column in schema.columns() if column.feature.kind == "number"}
    for one in features:
        split, strength = max(((split, one.strength(split)) for split in one.auc), key=lambda entry: entry[1])
        known = f"{one.feature} alone ranks {one.label} with AUC {one.auc[split]:.3f} in {split}"
        if strength > LABEL_AUC - 0.5 and one.surprise(split) >= SURPRISE:
            if one.feature == POSITION:
                yield Finding("sorted_candidates", 3, f"the candidates are sorted by {one.label}: {known}",
                              "shuffle them, or keep the order in which they were shown: a list-wise model reads it")
            else:
                yield Finding("feature_is_label", 3, f"{known}: it is the label, or was written when the label was known",
                              "leave it out, or take its value from before the request")
        elif one.feature.endswith(NEVER_SEEN):
            if whole_training(report) and strength > NEVER_SEEN_AUC and one.surprise(split) >= SURPRISE:
                yield Finding("unknown_tells", 2, f"{known}: what is new differs between positives and negatives",
                              "draw negatives from items that are as new as the positives (negatives.same_category_from: split)")
        elif (one.feature in numbers or "[" in one.feature or 0 < one.values <= FEW_VALUES) and _own_label(one):
            later = " and ".join(f"{one.auc[name]:.3f} in {name}" for name in one.auc if name != "train")
            yield Finding("own_label", 3, f"{one.feature} alone ranks {one.label} with AUC {one.auc['train']:.3f} in training, but "
                          f"{later}: in training it seems to count the candidate's own label",
                          "count what happened strictly before the request (or out of fold), in training as later")


def _own_label(one: Alone) -> bool:
    """Whether it ranks training much better than every later split, in training's direction."""
    later = [split for split in one.auc if split != "train" and not math.isnan(one.auc[split])]
    if "train" not in one.auc or math.isnan(one.auc["train"]) or not later:
        return False
    sign = 1.0 if one.auc["train"] >= 0.5 else -1.0
    gaps = [(sign * (one.auc["train"] - one.auc[split]), math.hypot(one.error["train"], one.error[split])) for split in later]
    return all(gap > OWN_LABEL_GAP and gap >= SURPRISE * error for gap, error in gaps)


def _classes(columns: Sequence[OneClass]) -> Iterator[Finding]:
    for one in columns:
        if one.positives - one.positives_by_chance > 0.2:
            yield Finding("one_class", 2, f"{one.positives:.0%} of the positives of {one.label} have a {one.column} that never stands "
                          f"among the negatives ({one.positives_by_chance:.0%} by chance): knowing the id is knowing the label",
                          "draw negatives from what the positives are drawn from, as often as they are popular")


def _labels(report: dict[str, Any]) -> Iterator[Finding]:
    rates = {}
    for split, count in report["splits"].items():
        for label, of in count["labels"].items():
            observed, positives = of["observed"], of["positives"]
            if not observed:
                yield Finding("one_label", 3, f"{label} is not observed in {split}", "leave the label out, or give it there")
            elif positives in (0, observed):
                which = "none" if not positives else "all"
                yield Finding("one_label", 3, f"{which} of the {observed:,} candidates of {split} have {label}: nothing can be "
                              + ("learned" if split == "train" else "measured"), "look at the label's column and the splits' times")
            else:
                rates.setdefault(label, {})[split] = positives / observed
                if split != "train" and positives < 100:
                    error = math.sqrt((observed + 1) / (12 * positives * (observed - positives)))
                    yield Finding("few_positives", 2, f"{split} has {positives} positives of {label}: an AUC there is known to "
                                  f"± {2 * error:.2f}", "make the split longer")
    for label, by_split in rates.items():
        for split, rate in by_split.items():
            there = by_split.get("train")
            if split != "train" and there and not 2 / 3 <= rate / there <= 1.5:
                yield Finding("rate_differs", 2, f"{label} happens to {rate:.2%} of the candidates of {split}, but to {there:.2%} in "
                              "training: probabilities will be wrong there",
                              "make candidates and labels of all splits in the same way, or measure ranking alone")


def _times(report: dict[str, Any]) -> Iterator[Finding]:
    for split, count in report["splits"].items():
        if count["later_events"]:
            yield Finding("later_events", 3, f"{count['later_events']:,} events in histories of {split} are later than their request",
                          "cut histories strictly before the request")
    axis = report["time"]
    if axis is None:
        return
    for one in axis["after"]:
        if one["requests"]:
            yield Finding("splits_overlap", 3 if one["later"] == "test" and one["share"] > 0.01 else 1,
                          f"{one['requests']:,} requests of {one['split']} ({one['share']:.1%}) came when {one['later']} had begun",
                          "right where sessions are kept whole, or the last of each user is held out; else divide by time")
    empty = [step for step in axis["steps"] if not any(step[split]["requests"] for split in report["splits"])]
    unit = {3_600: "hours", 86_400: "days"}.get(axis["step"], "weeks")
    if empty and axis["step"] > 3_600:
        yield Finding("no_requests", 2, f"{len(empty)} of {len(axis['steps'])} {unit} have no request", "look for missing files")
    for label in next(iter(report["splits"].values()))["labels"]:
        bare = [step for step in axis["steps"] if sum(step[split].get(f"observed_{label}", 0) for split in report["splits"]) >= 1_000
                and not sum(step[split].get(f"positives_{label}", 0) for split in report["splits"])]
        if bare and len(bare) < len(axis["steps"]):
            yield Finding("no_positives", 2, f"{len(bare)} of {len(axis['steps'])} {unit} have candidates, but no {label}",
                          "look for events that are missing, or that come later than the log was taken")


def _duplicates(report: dict[str, Any]) -> Iterator[Finding]:
    what = {"ids": "requests have an id that another one has", "contents": "requests have the user, time and candidates of another one"}
    for name, words in what.items():
        found = report["duplicates"][name]
        if found["across"]:
            yield Finding("duplicates", 3, f"{found['across']:,} {words} in another split: what is tested was trained on",
                          "import every row once; see that files do not overlap")
        if found["within"]:
            yield Finding("duplicates", 2, f"{found['within']:,} {words} of the same split", "import every row once; see that files do not "
                          "overlap, and that ids of requests are not begun anew for every user")


def _rows(report: dict[str, Any]) -> Iterator[Finding]:
    rows = report["rows"]
    rejected = sum(rows["rejected"].values())
    if rows["read"] and rejected > 0.01 * rows["read"]:
        most = max(rows["rejected"], key=rows["rejected"].get)
        yield Finding("rejected", 2, f"{rejected:,} of {rows['read']:,} rows ({rejected / rows['read']:.1%}) were rejected; most often: {most}",
                      "look at rejected.csv in the log, and mend the configuration or the files")
    if rows["read"] and rows["dropped_after_until"] > 0.2 * rows["read"]:
        yield Finding("dropped", 2, f"{rows['dropped_after_until']:,} of {rows['read']:,} rows lie at or after splits.until",
                      "say a later `until`, unless that is meant")


def _columns(schema: Schema, report: dict[str, Any]) -> Iterator[Finding]:
    numbers = {column.name for column in schema.columns() if column.feature.kind == "number"}
    for name, splits in report["missing"].items():
        shares = {split: found["share"] for split, found in splits.items() if not math.isnan(found["share"])}
        if not shares:
            continue
        if min(shares.values()) >= 0.95:
            yield Finding("missing", 2, f"{name} is missing in {min(shares.values()):.0%} of its places or more, in every split",
                          "leave it out, or look at the column that it comes from")
        elif max(shares.values()) - min(shares.values()) > 0.2:
            told = ", ".join(f"{share:.0%} in {split}" for split, share in shares.items())
            yield Finding("missing_differs", 3, f"{name} is missing in {told}: a model will lean on it where it is not there",
                          "find out since when it is written, and begin there or leave it out")
        ends = {bound for found in splits.values() for bound in (found["min"], found["max"]) if bound is not None}
        if name in numbers and len(ends) == 1:
            yield Finding("constant", 1, f"{name} is {ends.pop():g} everywhere", "leave it out: it says nothing")


def _ids(schema: Schema, report: dict[str, Any]) -> Iterator[Finding]:
    whole = whole_training(report)
    for space, found in report["unknown"].items():
        for split in ("validation", "test"):
            share = found.get(split, {}).get("seldom", 0.0)
            if whole and found["kind"] == "learned" and share > 0.5:
                yield Finding("unknown_ids", 2, f"{share:.0%} of the ids of space {space} in {split} are unknown after training",
                              "hash the space (kind: hashed), take a longer training split, or lean on categories instead")
    key = report["users"]["group_key"]
    reads = any(feature.name == key and feature.role == "user" for feature in schema.request)
    if whole and reads and report["users"]["test"]["seen_in_training"] == 0:
        yield Finding("new_users", 2, f"no {key} of test was seen in training: what is learned of it says nothing there",
                      "leave the feature out, or divide by time instead of by user")


def _histories(report: dict[str, Any]) -> Iterator[Finding]:
    for name in report["splits"]["train"]["histories"]:
        empty = {split: count["histories"][name].get("empty", float("nan")) for split, count in report["splits"].items()}
        if empty["train"] >= 0.9:
            yield Finding("empty_histories", 2, f"{name} is empty in {empty['train']:.0%} of the training requests: sequence models have "
                          "nothing to read", "look at who the history belongs to (history_scope), and which events make it")
        elif abs(empty["test"] - empty["train"]) > 0.3:
            yield Finding("histories_differ", 2, f"{name} is empty in {empty['train']:.0%} of the training requests, but in "
                          f"{empty['test']:.0%} of the test ones", "begin training later, when histories have filled; or give earlier "
                          "events (`--prior`)")
