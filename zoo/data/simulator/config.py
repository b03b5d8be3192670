"""Settings of the marketplace simulator."""

from __future__ import annotations

from typing import Literal

import pydantic

from zoo.config import Config
from zoo.data.simulator.live.config import LiveConfig


class CascadeConfig(Config):
    """The stages between the assortment and a page, and what is logged of them.

    Args:
        pool: different items that recall finds for a request.
        interest: share of the pool that is found by the user's interests; each item by its attraction.
        popular: share that is found by attraction alone; the rest is drawn at random.
        coarse: how many of the pool coarse ranking scores; it has no time for the others.
        fine: how many of those fine ranking scores, the best by coarse ranking.
        coarse_noise: error of coarse ranking's scores, in logits; and it is blind to brands, prices and what was seen before.
        fine_noise: error of fine ranking's scores, in logits.
        fine_samples: candidates of each logged request that fine ranking scored and did not show.
        coarse_samples: that coarse ranking scored and cut.
        recalled_samples: that nothing scored.
        pools: requests of the last day that are logged with the whole pool, in the split `pools`, and not in `test`.
        outside: chance that the user buys a candidate outside of the scenario.
    """

    pool: int = pydantic.Field(default=2_000, ge=4)
    interest: float = pydantic.Field(default=0.5, ge=0, le=1)
    popular: float = pydantic.Field(default=0.3, ge=0, le=1)
    coarse: int = pydantic.Field(default=1_500, ge=3)
    fine: int = pydantic.Field(default=300, ge=2)
    coarse_noise: float = pydantic.Field(default=1.0, ge=0)
    fine_noise: float = pydantic.Field(default=1.0, ge=0)
    fine_samples: int = pydantic.Field(default=4, ge=0)
    coarse_samples: int = pydantic.Field(default=4, ge=0)
    recalled_samples: int = pydantic.Field(default=2, ge=0)
    pools: int = pydantic.Field(default=500, ge=0)
    outside: float = pydantic.Field(default=0.3, ge=0, le=1)

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> CascadeConfig:
        if not self.fine <= self.coarse <= self.pool:
            raise ValueError(f"each stage passes fewer on than it gets; got pool {self.pool}, coarse {self.coarse}, "
                             f"fine {self.fine}")
        if self.interest + self.popular > 1:
            raise ValueError(f"shares of the pool sum up to 1 at most; got interest {self.interest} and popular {self.popular}")
        return self


class TrendsConfig(Config):
    """What changes for everybody while the log runs, beside each user's own interests.

    Args:
        fashion: of a brand is a part of its items' appeal, in logits: standard deviation over brands.
        turnover: share of its variance that is new each night; yesterday's fashion counts for `√(1 − turnover)`.
        lifetime: days that an item is sold, from its birth or from the first day, in the mean (exponential); None for ever.
    """

    fashion: float = pydantic.Field(default=0.7, ge=0)
    turnover: float = pydantic.Field(default=0.1, ge=0, le=1)
    lifetime: float | None = pydantic.Field(default=None, gt=0)


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
        cascade: what is shown is chosen by a cascade, whose stages are logged; None fills pages from the user's interests.
        trends: fashions of brands and items that are no longer sold; None for neither.
        live: candidates are live rooms, and labels click, stay and order; None for items.
        labels: `click`, or also `purchase`, which is observed for clicked candidates only.
        test_days: days of the test split, the last ones. A log with more of them and as many more requests has the same
            training and validation splits.
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
    cascade: CascadeConfig | None = None
    trends: TrendsConfig | None = None
    live: LiveConfig | None = None
    labels: tuple[Literal["click", "purchase"], ...] = ("click",)
    test_days: int = pydantic.Field(default=1, ge=1)
    start: int = 1_700_006_400

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> SimulatorConfig:
        if self.first_test_day < 2:
            raise ValueError(f"{self.requests} requests of {self.users} users last {self.days} days; the splits need at "
                             f"least {2 + self.test_days}: ask for more requests or fewer users")
        if self.cascade and self.cascade.fine < self.page:
            raise ValueError(f"a page of {self.page} is chosen from what fine ranking scores; got cascade.fine "
                             f"{self.cascade.fine}")
        if self.cascade and self.cascade.pools >= self.requests - (self.days - 1) * self.requests_a_day:
            raise ValueError(f"the last day has {self.requests - (self.days - 1) * self.requests_a_day} requests, and the test "
                             f"split needs some; got cascade.pools {self.cascade.pools}")
        if self.live and self.trends:
            raise ValueError("`trends` are of items, and live rooms have none; leave out one of `live` and `trends`")
        if self.live and (self.cascade or self.labels != ("click",)):
            raise ValueError("live rooms have their own labels (click, stay, order) and no cascade; leave out `labels` and "
                             "`cascade`")
        if self.live and self.live.hosts < self.page:
            raise ValueError(f"a page shows {self.page} different rooms; got live.hosts {self.live.hosts}")
        if self.live and self.live.assortment > self.items / 2:
            raise ValueError(f"a host has different products of those that are there on the first day, two thirds; got items "
                             f"{self.items}, live.assortment {self.live.assortment}")
        if not self.labels or self.labels[0] != "click" or len(set(self.labels)) != len(self.labels):
            raise ValueError("labels must be [click] or [click, purchase]")
        return self

    @property
    def requests_a_day(self) -> int:
        """Requests of each day but the last, which may have fewer."""
        return max(1, round(self.users * self.requests_per_user_day))

    @property
    def days(self) -> int:
        """Days that the log lasts."""
        return -(-self.requests // self.requests_a_day)

    @property
    def first_test_day(self) -> int:
        """The number of the first day of the test split, from 0; the day before it is validation."""
        return self.days - self.test_days
