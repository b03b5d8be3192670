"""Several values in the text of one cell."""

from __future__ import annotations

import collections
import re
from collections.abc import Sequence
from typing import NamedTuple

_MARKS = ("\x1d", "\x02", ";", "|", ",", " ", "^", "#")
_WITHIN = ("|", ":", "_", "-", "\x03", "#")
_TOKEN = re.compile(r"[^\s]{1,64}")
_LABELLED = re.compile(r"(.+)([-:_])([01])")


class Cells(NamedTuple):
    """How several values stand in a text.

    Args:
        separator: between them.
        lengths: how many there are in each cell, by how often.
        within: between the parts of each value, where all have the same number of them; "" where they have one.
        parts: number of them.
        labelled: whether the last part is 0 or 1, and both are there.
    """

    separator: str
    lengths: collections.Counter[int]
    within: str = ""
    parts: int = 1
    labelled: bool = False


def cells_of(values: Sequence[str]) -> Cells | None:
    """How the texts of a column are divided; None where they seem to be one value each."""
    if not values:
        return None
    for mark in _MARKS:
        several = [value for value in values if mark in value]
        # A comma or blank is in names, too: there, words do not come again as ids do.
        if len(several) < 0.2 * len(values):
            continue
        parts = [[part for part in value.split(mark)] for value in values]
        flat = [part for row in parts for part in row if part]
        if not all(map(_TOKEN.fullmatch, flat[:5_000])) or (mark in ", " and not _ids(flat)):
            continue
        lengths = collections.Counter(map(len, parts))
        labelled = [found for part in flat if (found := _LABELLED.fullmatch(part))]
        marks, labels = {found[2] for found in labelled}, {found[3] for found in labelled}
        if len(labelled) == len(flat) and len(marks) == 1 and len(labels) == 2:
            return Cells(mark, lengths, labelled[0][2], 2, True)
        for within in _WITHIN:
            counts = {part.count(within) for part in flat}
            if within != mark and len(counts) == 1 and counts != {0}:
                return Cells(mark, lengths, within, counts.pop() + 1)
        if len(lengths) > 1 or next(iter(lengths)) > 1:
            return Cells(mark, lengths)
    return None


def _ids(parts: Sequence[str]) -> bool:
    """Whether they look like ids and not like words: nearly all have a digit."""
    return sum(any(letter.isdigit() for letter in part) for part in parts) > 0.9 * len(parts)
