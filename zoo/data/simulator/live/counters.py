"""What a platform has counted of rooms and hosts, as it was published at a tick."""

from __future__ import annotations

import numpy as np

from zoo.data.simulator.live.config import LiveConfig
from zoo.data.simulator.live.schema import COUNTED, RECENT, WINDOWS


class Counters:
    """Impressions, clicks and orders: of the day's rooms by tick, of hosts by day; and how many watch, of rooms by tick.

    Args:
        live: of the scenario.
        days: how many there will be.
    """

    def __init__(self, live: LiveConfig, days: int):
        self.live = live
        self.of_hosts = {what: np.zeros((days, live.hosts)) for what in COUNTED}
        self.of_rooms: dict[str, np.ndarray] = {}
        self.day = -1

    def open_day(self, day: int, rooms: int, ticks: int) -> None:
        """Begins a day with so many rooms."""
        self.day = day
        self.of_rooms = {what: np.zeros((rooms, ticks)) for what in RECENT}

    def add(self, what: str, rooms: np.ndarray, hosts: np.ndarray, tick: int) -> None:
        """Something happened in rooms of today, in a tick; what comes after a room's day counts for the host alone (`rooms`
        below 0)."""
        today = rooms >= 0
        np.add.at(self.of_rooms[what][:, tick], rooms[today], 1)
        np.add.at(self.of_hosts[what][self.day], hosts, 1)

    def watch(self, rooms: np.ndarray, first: np.ndarray, last: np.ndarray) -> None:
        """One user was in each of some of today's rooms, from one tick to another."""
        while len(rooms):
            np.add.at(self.of_rooms["watching"], (rooms, first), 1)
            there = first < last
            rooms, first, last = rooms[there], first[there] + 1, last[there]

    def known(self, rooms: np.ndarray, hosts: np.ndarray, tick: int) -> dict[str, np.ndarray]:
        """The features of candidates `[n]`, as published at the beginning of a tick."""
        live, found = self.live, {}
        half_hour = 30 // live.tick
        for what in COUNTED:
            found[f"{what}_30m"] = self.of_rooms[what][rooms, max(0, tick - half_hour):tick].sum(1)
        for what in RECENT:
            recent = np.zeros((len(rooms), live.recent))
            there = min(tick, live.recent)
            if there:
                recent[:, -there:] = self.of_rooms[what][rooms, tick - there:tick]
            found[f"recent_{what}"] = recent
        for days in WINDOWS:
            for what in COUNTED:
                found[f"{what}_{days}d"] = self.of_hosts[what][max(0, self.day - days + 1):self.day + 1, hosts].sum(0)
        return found
