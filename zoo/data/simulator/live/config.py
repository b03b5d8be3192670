"""Settings of the live scenario."""

from __future__ import annotations

import pydantic

from zoo.config import Config

DAY_MINUTES = 1_440


class LiveConfig(Config):
    """Rooms in place of items.

    Args:
        hosts: how many there are.
        communities: to which hosts and users belong; nothing in the log says so, but who watches whom.
        opens: chance that a host opens a room on a day; the first ones, as many as a page has rooms, are on air all day.
        minutes: shortest and longest time that a room is open.
        shelf: products on a room's shelf at a time.
        assortment: products that a host has; each half hour some of them take the place of others on the shelf.
        tick: minutes between two publications of what happened; features know what was published before the request.
        recent: ticks of a room's recent past that are logged.
        sold: last products sold that are logged.
        watched: most recent rooms kept for a user.
        delay_hours: mean time from a click to its order.
        user_ids: whether models read the user's id, as those do that look up who is near a user; else it is a key alone.
    """

    hosts: int = pydantic.Field(default=200, ge=4)
    communities: int = pydantic.Field(default=12, ge=1)
    opens: float = pydantic.Field(default=0.6, ge=0, le=1)
    minutes: tuple[int, int] = (60, 240)
    shelf: int = pydantic.Field(default=8, ge=1)
    assortment: int = pydantic.Field(default=40, ge=1)
    tick: int = pydantic.Field(default=5, ge=1)
    recent: int = pydantic.Field(default=12, ge=6)
    sold: int = pydantic.Field(default=5, ge=1)
    watched: int = pydantic.Field(default=30, ge=1)
    delay_hours: float = pydantic.Field(default=3.0, gt=0)
    user_ids: bool = False

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> LiveConfig:
        if self.shelf > self.assortment:
            raise ValueError(f"a shelf holds some of the host's products; got shelf {self.shelf}, assortment {self.assortment}")
        if not 0 < self.minutes[0] <= self.minutes[1] <= DAY_MINUTES:
            raise ValueError(f"minutes are the shortest and the longest time of a room on one day; got {self.minutes}")
        if 30 % self.tick:
            raise ValueError(f"half an hour has a whole number of ticks; got tick {self.tick}")
        return self
