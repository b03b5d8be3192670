"""A warning of a check."""

from __future__ import annotations

from dataclasses import dataclass


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
