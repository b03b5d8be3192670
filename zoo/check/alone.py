"""How well each feature alone ranks each label: what only a leak reaches shows here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from zoo.check.ids import MISSING
from zoo.check.samples import NEVER_SEEN, Samples, Values
from zoo.metrics.classification import auc
from zoo.schema import Label, Schema

# Impressions of the mean rate that an id's own are mixed with, so that an id that was seen once says little.
PRIOR = 10.0


@dataclass(frozen=True)
class Alone:
    """A feature alone against a label.

    Args:
        feature: a column; or `x is missing`, whether it has no value; `x in history_x`, whether the candidate's x stands in the
            history; `x never seen in training`, of the other splits alone.
        kind: `number`, ranked by its value; or `id`, ranked by how often the label happened with it. In training, that is
            counted on the other half of the requests, so that no candidate's own label is in its score.
        label: the task.
        auc: by split; NaN where a split has one class alone. Below 0.5, the label is rarer where the feature is higher.
        error: standard error of that AUC by split, if the feature said nothing.
        values: different values among the sampled candidates of the training split.
    """

    feature: str
    kind: str
    label: str
    auc: dict[str, float]
    error: dict[str, float]
    values: int

    def strength(self, split: str) -> float:
        """`|AUC − ½|`, 0 where there is none."""
        value = self.auc.get(split, np.nan)
        return 0.0 if np.isnan(value) else abs(value - 0.5)

    def surprise(self, split: str) -> float:
        """How many standard errors lie between its AUC and that of a feature that says nothing."""
        error = self.error.get(split, np.nan)
        return 0.0 if np.isnan(error) else self.strength(split) / error

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def alone(schema: Schema, samples: Mapping[str, Samples]) -> list[Alone]:
    """Every feature against every label, the strongest first.

    Args:
        schema: of the log.
        samples: by split, `train` among them.
    """
    features = {split: one.features() for split, one in samples.items()}
    found = []
    for label in schema.labels:
        classes = {split: classes_of(label, one.labels(label.name)) for split, one in samples.items()}
        for name in dict.fromkeys(name for several in features.values() for name in several):
            by_split = {split: several[name] for split, several in features.items() if name in several}
            if name.endswith(NEVER_SEEN) and not any(values.values.any() for values in by_split.values()):
                continue
            found.append(_one(name, label.name, by_split, classes, samples))
            missing = {split: _missing(values, samples[split].rows) for split, values in by_split.items()}
            if any(0 < flags.sum() < len(flags) for flags in missing.values()):
                indicators = {split: Values(by_split[split].level, "number", flags.astype(np.float32), np.arange(len(flags)))
                              for split, flags in missing.items()}
                found.append(_one(f"{name} is missing", label.name, indicators, classes, samples))
    return sorted(found, key=lambda one: -max(one.strength(split) for split in samples))


def classes_of(label: Label, values: np.ndarray) -> np.ndarray:
    """`[n]` 1 where the label happened, 0 where not, NaN where not observed; a regression's lie above its median."""
    split_at = np.nanmedian(values) if label.kind == "regression" and len(values) and not np.isnan(values).all() else 0.0
    split_at = 0.5 if label.soft else split_at
    return np.where(np.isnan(values), np.nan, values > split_at)


def _missing(feature: Values, rows: int) -> np.ndarray:
    """`[rows]` whether a candidate has no value."""
    there = np.isfinite(feature.values) if feature.kind == "number" else feature.values != MISSING
    return np.bincount(feature.rows[there], minlength=rows) == 0


def _one(name: str, label: str, features: Mapping[str, Values], classes: Mapping[str, np.ndarray],
         samples: Mapping[str, Samples]) -> Alone:
    aucs, errors, kind, count = {}, {}, "number", 0
    for split, feature in features.items():
        kind = feature.kind
        target, rows = classes[split], samples[split].rows
        halves = [np.ones(rows, bool)]
        if feature.kind == "number":
            score = np.full(rows, np.nan)
            score[feature.rows] = np.where(np.isfinite(feature.values), feature.values, np.nan)
            scores = [score]
        elif split == "train":
            even = samples[split].requests() % 2 == 0
            halves = [even, ~even]
            scores = [_rates(feature, feature, np.where(other, target, np.nan), rows) for other in (~even, even)]
        else:
            scores = [_rates(feature, features["train"], classes["train"], rows)]
        aucs[split], errors[split] = _auc(target, scores, halves)
        if feature.level == "request" and samples[split].sampled:
            # The candidates of a request have one value, and count for one.
            errors[split] *= np.sqrt(rows / samples[split].sampled)
        count = len(np.unique(feature.values)) if split == "train" else count
    return Alone(name, kind, label, aucs, errors, count)


def _rates(feature: Values, training: Values, target: np.ndarray, rows: int) -> np.ndarray:
    """`[rows]` how often the label happened in training with a candidate's id; the mean over its ids where it has several."""
    known = ~np.isnan(target[training.rows])
    mean = float(np.mean(target[training.rows][known])) if known.any() else 0.0
    ids, places = np.unique(training.values[known], return_inverse=True)
    happened = np.bincount(places, target[training.rows][known], len(ids))
    rates = (happened + PRIOR * mean) / (np.bincount(places, minlength=len(ids)) + PRIOR)
    of_values = np.full(len(feature.values), mean)
    if len(ids):
        found = np.minimum(np.searchsorted(ids, feature.values), len(ids) - 1)
        of_values = np.where(ids[found] == feature.values, rates[found], mean)
    count = np.bincount(feature.rows, minlength=rows)
    return np.where(count > 0, np.bincount(feature.rows, of_values, rows) / np.maximum(count, 1), mean)


def _auc(target: np.ndarray, scores: list[np.ndarray], parts: list[np.ndarray]) -> tuple[float, float]:
    """The mean AUC over parts of the candidates, and the standard error that it has if the feature says nothing:
    `√((p + n + 1) / (12·p·n))` of p positives and n negatives in all."""
    found, positives, negatives = [], 0, 0
    for score, part in zip(scores, parts, strict=True):
        usable = part & ~np.isnan(score) & ~np.isnan(target)
        value = auc(target[usable], score[usable])
        if not np.isnan(value):
            found.append(value)
            positives += int(target[usable].sum())
            negatives += int((1 - target[usable]).sum())
    if not found:
        return float("nan"), float("nan")
    return float(np.mean(found)), float(np.sqrt((positives + negatives + 1) / (12.0 * positives * negatives)))
