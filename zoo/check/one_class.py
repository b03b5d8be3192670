"""Ids that are positive alone, or negative alone, more often than chance makes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.check.alone import classes_of
from zoo.check.ids import MISSING
from zoo.check.samples import Samples
from zoo.schema import Schema


@dataclass(frozen=True)
class OneClass:
    """Ids of a column that stand in one class of a label alone, in training.

    Args:
        column, label: of the log.
        positives: share of the positive candidates whose id never stands among the negative ones.
        positives_by_chance: the share that ids as frequent as these have if the label knows nothing of them.
        negatives, negatives_by_chance: the other way round.
    """

    column: str
    label: str
    positives: float
    positives_by_chance: float
    negatives: float
    negatives_by_chance: float


def one_class(schema: Schema, training: Samples) -> list[OneClass]:
    """Columns with one id a candidate, those first whose ids most often stand among the positives alone."""
    features, found = training.features(), []
    for label in schema.labels:
        target = classes_of(label, training.labels(label.name))
        for column in (column for column in schema.columns() if column.level != "sequence"):
            feature = features.get(column.name)
            if feature is None or feature.kind != "id" or column.feature.multiple:
                continue
            usable = ~np.isnan(target[feature.rows]) & (feature.values != MISSING)
            classes, ids = target[feature.rows][usable], feature.values[usable]
            if not 0 < classes.sum() < len(classes):
                continue
            _, places, count = np.unique(ids, return_inverse=True, return_counts=True)
            happened = np.bincount(places, classes, len(count))
            rate = classes.mean()
            chance = (float((count * rate ** count).sum() / (rate * len(ids))),
                      float((count * (1 - rate) ** count).sum() / ((1 - rate) * len(ids))))
            alone_in = (float(count[happened == count].sum() / classes.sum()),
                        float(count[happened == 0].sum() / (len(classes) - classes.sum())))
            found.append(OneClass(column.name, label.name, alone_in[0], chance[0], alone_in[1], chance[1]))
    return sorted(found, key=lambda one: one.positives_by_chance - one.positives)
