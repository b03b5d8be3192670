"""Which users are served by which version: shares by label, the same user always by the same one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from serving.errors import ServingError

_STEPS = 10_000


@dataclass(frozen=True)
class TrafficSplit:
    """Percentages by label.

    A user's place is a hash of the user alone, so every client and every process decides the same, and a user stays with a
    label for as long as its share reaches that place: put the label that grows first, and raising its share moves users to it
    and to no other.

    Args:
        percent: by label, in hundredths of a percent at the finest; they sum up to 100.
        salt: another salt deals the users anew, for the next experiment.

    Raises:
        ServingError: the shares do not sum up to 100.

    Example:
        >>> TrafficSplit({"canary": 5, "stable": 95}).label("u1")
        'stable'
    """

    percent: Mapping[str, float]
    salt: str = ""

    def __post_init__(self) -> None:
        if not self.percent or min(self.percent.values()) < 0 or abs(sum(self.percent.values()) - 100) > 1e-6:
            raise ServingError(f"traffic split {dict(self.percent)}: expected shares in percent, 0 or more, that sum up to 100")

    def place(self, user: str) -> float:
        """A user's place in [0, 100), uniform over users."""
        digest = hashlib.sha256(f"{self.salt}\0{user}".encode()).digest()
        return 100 * (int.from_bytes(digest[:8], "big") % _STEPS) / _STEPS

    def label(self, user: str) -> str:
        """The label that serves a user."""
        place, end = self.place(user), 0.0
        for label, share in self.percent.items():
            end += share
            if place < end - 1e-9:
                return label
        return list(self.percent)[-1]
