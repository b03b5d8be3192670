"""Settings of the marketplace simulator."""

from __future__ import annotations

from typing import Literal

import pydantic

from zoo.config import Config


class SimulatorConfig(Config):
    """A marketplace and how long it is watched.

    More requests mean more days of the same users, so memory depends on users and items alone.

    Args:
        requests: requests to make, over all splits.
        seed: of everything; the same seed gives the same log.
        users: number of users.
        items: number of items.
        roots: top-level categories.
        leaves: leaf categories of each root.
        brands: brands of each root.
        interests: interests that a user has at a time, each a leaf category, a brand and a price level.
        drift: chance that a user's weakest interest is replaced on a day.
        requests_per_user_day: mean pages a user sees a day.
        page: candidates a request.
        history: most recent clicks kept for a user.
        exploration: share of a page drawn from the whole assortment, whatever the user likes.
        position_decay: the candidate at position p (from 0) is examined with probability `1 / (1 + decay·p)`.
        base: logit of a click on an examined item of average appeal.
        labels: `click`, or also `purchase`, which is observed for clicked candidates only.
        start: first day, seconds since 1970.
    """

    requests: int = pydantic.Field(default=40_000, ge=100)
    seed: int = 1
    users: int = pydantic.Field(default=1_000, ge=10)
    items: int = pydantic.Field(default=2_000, ge=50)
    roots: int = pydantic.Field(default=8, ge=1)
    leaves: int = pydantic.Field(default=8, ge=1)
    brands: int = pydantic.Field(default=20, ge=1)
    interests: int = pydantic.Field(default=4, ge=1)
    drift: float = pydantic.Field(default=0.05, ge=0, le=1)
    requests_per_user_day: float = pydantic.Field(default=1.0, gt=0)
    page: int = pydantic.Field(default=8, ge=2)
    history: int = pydantic.Field(default=50, ge=1)
    exploration: float = pydantic.Field(default=0.25, ge=0, le=1)
    position_decay: float = pydantic.Field(default=0.12, ge=0)
    base: float = -4.2
    labels: tuple[Literal["click", "purchase"], ...] = ("click",)
    start: int = 1_700_006_400

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> SimulatorConfig:
        if self.days < 3:
            raise ValueError(f"{self.requests} requests of {self.users} users last {self.days} days; the splits need at "
                             "least 3: ask for more requests or fewer users")
        if not self.labels or self.labels[0] != "click" or len(set(self.labels)) != len(self.labels):
            raise ValueError("labels must be [click] or [click, purchase]")
        return self

    @property
    def days(self) -> int:
        """Days that the log lasts; the last is the test split, the one before it validation."""
        return int(-(-self.requests // max(1, round(self.users * self.requests_per_user_day))))
