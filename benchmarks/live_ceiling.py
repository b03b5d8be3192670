"""What can be known of a click in a simulated live room: GAUC of the test split, from ever more of the truth.

    python -m benchmarks.live_ceiling live live_many_visits

A log's name is that of a file with the simulator's settings, `benchmarks/NAME_simulator.yaml`.

The first rows are the truth, with and without the place on the page, of which no model is told. The others are logistic
regressions, learned on the six days before it: on what counting tries to know, taken from the truth (the user's
interest, loyalty, how well the shelf fits, how often the host was clicked); and beside it on how near user and host are by who
entered which room before these days: by the factors of what counting left unexplained, by communities of the hosts that are
given, and by communities of both.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.linear_model import LogisticRegression

from benchmarks.results import write_rows
from zoo.config import load_yaml, parse
from zoo.data.simulator import SimulatorConfig
from zoo.data.simulator.live.studio import Studio
from zoo.data.simulator.simulate import Marketplace
from zoo.metrics import gauc

LEARNED_DAYS = 6
FACTORS = 12
PRIOR = 3.0  # clicks' worth of doubt about a user's taste for a community
COUNTED = ("interest", "loyal", "fits")
NAMES = {"truth": "the true chance", "place": "without the place on the page", "given": "counts and communities, both given",
         "hosts": "counts, and the hosts' communities given", "factors": "counts, and factors of who entered which room",
         "counted": "counts"}


class WatchedStudio(Studio):
    """A studio that keeps why rooms were entered."""

    def __init__(self, *args: Any):
        super().__init__(*args)
        self.known: dict[str, list[np.ndarray]] = {}

    def day(self, day: int, count: int) -> pa.RecordBatch:
        self.today = day
        return super().day(day, count)

    def _remember(self, who: np.ndarray, at: np.ndarray, room: np.ndarray, tick: int, click: np.ndarray, *rest: Any) -> None:
        on_air = self.rooms.open_at(tick)
        place = np.searchsorted(on_air, room)
        why = self._reasons(who, on_air, tick)
        of_all = why | {"logit": self._taste(why)["click"]}
        of_shown = {name: np.take_along_axis(np.broadcast_to(values, (len(who), len(on_air))), place, 1)
                    for name, values in of_all.items()}
        of_shown |= {"user": who[:, None], "host": self.rooms.host[room], "place": np.arange(room.shape[1]),
                     "day": np.array(self.today), "click": click}
        for name, values in of_shown.items():
            self.known.setdefault(name, []).append(np.broadcast_to(values, room.shape).ravel())
        super()._remember(who, at, room, tick, click, *rest)


def watched(config: SimulatorConfig) -> tuple[WatchedStudio, dict[str, np.ndarray]]:
    """The studio after its last day, and what is known of each room that it showed."""
    market = Marketplace(config, WatchedStudio)
    for _ in market.days():
        pass
    studio = market.shop
    return studio, {name: np.concatenate(parts) for name, parts in studio.known.items()}


def measure(config: SimulatorConfig) -> Iterator[tuple[str, float]]:
    """Names and GAUC."""
    studio, known = watched(config)
    user, host, click = known["user"], known["host"], known["click"].astype(float)
    before, asked = known["day"] < config.first_test_day - LEARNED_DAYS, known["day"] >= config.first_test_day
    learned = ~before & ~asked
    examined = 1 / (1 + config.position_decay * known["place"])

    def of_test(scores: np.ndarray) -> float:
        return gauc(user[asked].astype(str), click[asked], scores, np.ones(asked.sum())).value

    yield "truth", of_test((examined / (1 + np.exp(-known["logit"])))[asked])
    yield "place", of_test(known["logit"][asked])

    hosts, (people, communities) = len(studio.hosts.community), studio.belongs.shape
    rate = (np.bincount(host[before], click[before], hosts) + 1) / (np.bincount(host[before], minlength=hosts) + 10)
    counts = np.stack([*(known[name] for name in COUNTED), np.log(rate)[host], examined], 1)

    def by(*more: np.ndarray) -> float:
        """Of a regression on counts and more; the place is known to it while it learns, and not when it is asked."""
        inputs = np.stack([*more, *counts.T], 1)
        weights = LogisticRegression(C=1e4, max_iter=1000).fit(inputs[learned], click[learned]).coef_[0]
        return of_test(inputs[asked, :-1] @ weights[:-1])

    chance = LogisticRegression(C=1e4, max_iter=1000).fit(counts[before], click[before]).predict_proba(counts[before])[:, 1]
    pairs = (user[before], host[before])
    beyond, doubt = np.zeros((people, hosts)), np.zeros((people, hosts))
    np.add.at(beyond, pairs, click[before] - chance)
    np.add.at(doubt, pairs, chance * (1 - chance))
    left, sizes, right = np.linalg.svd(beyond, full_matrices=False)
    in_community = np.eye(communities)[studio.hosts.community]
    liked = (beyond @ in_community) / (doubt @ in_community + PRIOR)
    yield "given", by(known["friends"])
    yield "hosts", by(liked[user, studio.hosts.community[host]])
    yield "factors", by(np.einsum("nf,f,fn->n", left[user, :FACTORS], sizes[:FACTORS], right[:FACTORS, host]))
    yield "counted", by()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logs", nargs="+", metavar="LOG", help="as in benchmarks/LOG_simulator.yaml")
    parser.add_argument("--out", default="docs/results/live_ceiling.json")
    options = parser.parse_args()
    rows = []
    for log in options.logs:
        path = Path(__file__).parent / f"{log}_simulator.yaml"
        for name, value in measure(parse(SimulatorConfig, load_yaml(path), where=str(path))):
            print(f"{log}  {NAMES[name]:50} {value:.4f}", flush=True)
            rows.append({
                "dataset": log, "protocol": "the test split; what is learned, of the days before it", "model": NAMES[name],
                "seeds": 1, "metrics": {"gauc": {"mean": round(value, 4), "std": 0.0}},
                "command": f"python -m benchmarks.live_ceiling {' '.join(options.logs)}"})
    write_rows(options.out, rows)


if __name__ == "__main__":
    main()
