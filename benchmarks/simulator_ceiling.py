"""What can be known of a simulated click: AUC of ever less of the truth, and of a plain estimator.

    python -m benchmarks.simulator_ceiling --config benchmarks/simulator_1m.yaml

All on the test split. The true probability; the same averaged over the positions that the page could have given the candidate;
also over the interests that may have brought the user; and also without the interests that left no click in the history.
Then an estimator of a dozen numbers that anyone would count in the log who knows docs/simulator.md, with boosted trees on
top, learned from the days before: once for each candidate by itself, and once with what the page says.
"""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa

from benchmarks.results import write_rows
from zoo.config import load_yaml, parse
from zoo.data.columnar import to_requests
from zoo.data.request import Request
from zoo.data.simulator import SimulatorConfig, simulator_schema
from zoo.data.simulator.shop import Pages, Shop
from zoo.data.simulator.simulate import Marketplace
from zoo.metrics import auc

DRAWS = 32  # orders of a page that a position is averaged over
NOISE = 2.5  # of the logging policy
LEARNED_DAYS = 10
DAY = 86_400


class WatchedShop(Shop):
    """A shop that also keeps what would be known of its clicks in the test split."""

    def __init__(self, *args: Any):
        super().__init__(*args)
        self.dice = np.random.default_rng(0)  # its own, so that the shop's days stay what they are
        self.known: dict[str, list[np.ndarray]] = {}

    def day(self, day: int, count: int) -> pa.RecordBatch:
        self.watching = day >= self.config.first_test_day
        return super().day(day, count)

    def _pages(self, who: np.ndarray, at: np.ndarray) -> Pages:
        pages = super()._pages(who, at)
        if self.watching:
            # Where what was shown stood before the policy put it in order.
            places = (self.items[:, None, :] == pages.items[:, :, None]).argmax(2)
            estimates = {name: np.take_along_axis(values, places, 1) for name, values in self.estimates.items()}
            for name, values in (estimates | {"truth": pages.truth, "click": pages.click}).items():
                self.known.setdefault(name, []).append(values.ravel())
        return pages

    def _appeal(self, who: np.ndarray, items: np.ndarray, focus: np.ndarray) -> np.ndarray:
        appeal = super()._appeal(who, items, focus)
        if self.watching:
            self.items = items
            of_focus = self._over_focus(who, items)
            leaves = self.users.leaf
            kept = np.arange(self.config.history) < self.clicks[who][:, None]
            clicked = np.where(kept, self.goods.leaf[self.clicked[who]], -1)
            traces = (leaves[who][:, :, None] == clicked[:, None, :]).any(2)
            self.users.leaf, self.users.brand, brands = leaves.copy(), self.users.brand.copy(), self.users.brand
            self.users.leaf[who] = np.where(traces, leaves[who], -1)
            self.users.brand[who] = np.where(traces, brands[who], -1)
            without = self._over_focus(who, items)
            self.users.leaf, self.users.brand = leaves, brands
            self.estimates = {"position": self._over_positions(appeal), "focus": of_focus, "traces": without}
        return appeal

    def _over_focus(self, who: np.ndarray, items: np.ndarray) -> np.ndarray:
        total = np.zeros(items.shape)
        for interest in range(self.config.interests):
            appeal = super()._appeal(who, items, np.full(len(who), interest))
            total += self.users.strength[who, interest][:, None] * self._over_positions(appeal)
        return total

    def _over_positions(self, appeal: np.ndarray) -> np.ndarray:
        """Click probability, averaged over orders that the logging policy could have made."""
        seen = appeal[..., None] + self.dice.normal(0, NOISE, (*appeal.shape, DRAWS))
        position = np.argsort(np.argsort(-seen, axis=1), axis=1)
        return (1 / (1 + self.config.position_decay * position)).mean(2) / (1 + np.exp(-appeal))


def counted(request: Request, levels: dict[str, tuple[float, float]]) -> list[list[float]]:
    """The estimator's numbers of each candidate of a request."""
    past, shown = request.sequences["history"], request.candidates
    leaf, brand, item = (np.array(past[name]) for name in ("category", "brand", "item"))
    fresh = 0.5 ** (np.array(past["gap"]) / DAY / 20)
    tastes = [price_level(price, category, levels) for price, category in zip(past["price"], past["category"], strict=True)]
    taste = sum(tastes) / (len(tastes) + 3)
    rows = []
    for place in range(request.candidate_count):
        mine, ours = leaf == shown["category"][place], brand == shown["brand"][place]
        level = price_level(shown["price"][place], shown["category"][place], levels)
        rows.append([len(leaf), mine.sum(), mine.mean() if len(leaf) else 0.0, (mine * fresh).sum(), ours.sum(),
                     (mine & ours).sum(), (item == shown["item"][place]).sum(), level, taste, (level - taste) ** 2,
                     int(request.features["age_group"][1:]), int(request.features["city"][1:]), shown["past_ctr"][place],
                     shown["past_impressions"][place], shown["age_days"][place]])
    return rows


def page_counts(request: Request) -> list[list[int]]:
    """How many of the page's candidates have each candidate's category, and how many the most frequent one."""
    here = Counter(request.candidates["category"])
    return [[here[category], max(here.values())] for category in request.candidates["category"]]


def price_level(price: float, category: str, levels: dict[str, tuple[float, float]]) -> float:
    """Standard deviations above the category's mean, on the scale of logarithms."""
    mean, deviation = levels.get(category, (np.log(price), 1.0))
    return float((np.log(price) - mean) / deviation)


def price_levels(requests: list[Request]) -> dict[str, tuple[float, float]]:
    """Mean and deviation of the logarithm of prices in each category."""
    logs: dict[str, list[float]] = {}
    for request in requests:
        for price, category in zip(request.candidates["price"], request.candidates["category"], strict=True):
            logs.setdefault(category, []).append(np.log(price))
    return {category: (float(np.mean(values)), float(np.std(values)) or 1.0) for category, values in logs.items()}


def plain_estimates(learned: list[Request], asked: list[Request]) -> dict[str, np.ndarray]:
    """Scores of the asked requests' candidates, from the learned ones: without what the page says, and with it."""
    levels = price_levels(learned)
    known, new = (np.array([[*row, *page] for request in requests
                            for row, page in zip(counted(request, levels), page_counts(request), strict=True)])
                  for requests in (learned, asked))
    labels = [label for request in learned for label in request.labels["click"]]
    alone = known.shape[1] - 2
    return {name: lightgbm.train({"objective": "binary", "num_leaves": 12, "learning_rate": 0.05, "min_data_in_leaf": 100,
                                  "verbosity": -1, "deterministic": True, "force_row_wise": True},
                                 lightgbm.Dataset(known[:, :width], labels), num_boost_round=300).predict(new[:, :width])
            for name, width in (("plain", alone), ("page", alone + 2))}


def measure(config: SimulatorConfig) -> dict[str, float]:
    """AUC by what is known."""
    market, schema = Marketplace(config, WatchedShop), simulator_schema(config)
    learned: list[Request] = []
    asked: list[Request] = []
    for day, (split, batch) in enumerate(market.days()):
        if day >= config.first_test_day - LEARNED_DAYS:
            (asked if split == "test" else learned).extend(to_requests(schema, batch))
    known = {name: np.concatenate(parts) for name, parts in market.shop.known.items()}
    click = known.pop("click")
    results = {name: auc(click, values) for name, values in known.items()}
    clicks = np.concatenate([request.labels["click"] for request in asked])
    return results | {name: auc(clicks, scores) for name, scores in plain_estimates(learned, asked).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, help="settings of the simulator, YAML")
    parser.add_argument("--out", default="docs/results/simulator_ceiling.json")
    options = parser.parse_args()
    config = parse(SimulatorConfig, load_yaml(options.config), where=options.config)
    names = {"truth": "the true probability", "position": "without the position",
             "focus": "nor the interest that brought the user", "traces": "nor interests that left no click",
             "plain": "a plain estimator over the log", "page": "the same, and how many of the page have the category"}
    results = measure(config)
    write_rows(options.out, [{
        "dataset": "simulator", "protocol": "the test day; what is not known is averaged out", "model": names[name], "seeds": 1,
        "metrics": {"auc": {"mean": round(results[name], 4), "std": 0.0}},
        "command": f"python -m benchmarks.simulator_ceiling --config {options.config}"} for name in names])


if __name__ == "__main__":
    main()
