"""Features that know the label before it happened."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from zoo.check.alone import Alone
from zoo.check.finding import Finding
from zoo.check.one_class import OneClass
from zoo.check.samples import NEVER_SEEN, POSITION
from zoo.schema import Schema

# A feature alone that ranks this well is the label in other words.
LABEL_AUC = 0.95
# Honest features rank training and later days alike but for drift; counts of a candidate's own label differ by more.
OWN_LABEL_GAP = 0.03
NEVER_SEEN_GAP = 0.05
ONE_CLASS_GAP = 0.2
# Standard errors; below it, a difference may be chance.
SURPRISE = 4.0
# An id with more values than this drifts by itself: what was liked in training is forgotten.
FEW_VALUES = 1_000


def leaks(schema: Schema, features: Sequence[Alone], one_class: Sequence[OneClass], whole: bool) -> Iterator[Finding]:
    """Warnings of single features.

    Args:
        schema: of the log.
        features: judged alone.
        one_class: ids of training that stand in one class alone.
        whole: whether all of training was read; a part of it has a part of its ids.
    """
    numbers = {column.name for column in schema.columns() if column.feature.kind == "number"}
    for one in features:
        split, strength = max(((split, one.strength(split)) for split in one.auc), key=lambda entry: entry[1])
        known = f"{one.feature} alone ranks {one.label} with AUC {one.auc[split]:.3f} in {split}"
        sure = one.surprise(split) >= SURPRISE
        if strength > LABEL_AUC - 0.5 and sure:
            yield _is_label(one, known)
        elif one.feature.endswith(NEVER_SEEN):
            if whole and strength > NEVER_SEEN_GAP and sure:
                yield Finding("unknown_tells", 2, f"{known}: what is new differs between positives and negatives",
                              "draw negatives that may be as new as the positives (negatives.same_category_from: split)")
        elif (one.feature.split("[")[0] in numbers or 0 < one.values <= FEW_VALUES) and counts_own_label(one):
            later = " and ".join(f"{one.auc[name]:.3f} in {name}" for name in one.auc if name != "train")
            yield Finding("own_label", 3,
                          f"{one.feature} alone ranks {one.label} with AUC {one.auc['train']:.3f} in training, but {later}: in "
                          "training it seems to count the candidate's own label",
                          "count what happened strictly before the request (or out of fold), in training as later")
    for ids in one_class:
        if ids.positives - ids.positives_by_chance > ONE_CLASS_GAP:
            yield Finding("one_class", 2,
                          f"{ids.positives:.0%} of the positives of {ids.label} have a {ids.column} that never stands among "
                          f"the negatives ({ids.positives_by_chance:.0%} by chance): knowing the id is knowing the label",
                          "draw negatives from what the positives come from, as often as they are popular")


def _is_label(one: Alone, known: str) -> Finding:
    if one.feature == POSITION:
        return Finding("sorted_candidates", 3, f"the candidates are sorted by {one.label}: {known}",
                       "keep the order in which they were shown, or shuffle them: a list-wise model reads it")
    return Finding("feature_is_label", 3, f"{known}: it is the label, or was written when the label was known",
                   "leave it out, or take its value from before the request")


def counts_own_label(one: Alone) -> bool:
    """Whether a feature ranks training much better than every later split, in training's direction."""
    there = one.auc.get("train", math.nan)
    later = [split for split, value in one.auc.items() if split != "train" and not math.isnan(value)]
    if math.isnan(there) or not later:
        return False
    sign = 1.0 if there >= 0.5 else -1.0
    gaps = [(sign * (there - one.auc[split]), math.hypot(one.error["train"], one.error[split])) for split in later]
    return all(gap > OWN_LABEL_GAP and gap >= SURPRISE * error for gap, error in gaps)
