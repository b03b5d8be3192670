"""No label in a feature: on logs whose labels are drawn by lot, nothing that the import makes ranks the candidates.

What is drawn as a negative is chosen by the import and not by lot, so there the question is another one: whether a feature
ranks the clicked item otherwise than a stranger that is put in its place. Where all items are known and equally liked, uniform
negatives are such strangers, and the answer is 0.5. Negatives by popularity are not: an item is drawn for the clicks that it
will have had by the end of training, which the counts of before know half of. There the AUC that is expected is that of items
drawn by lot against items drawn by popularity, which is below 0.5.
"""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest

from tests.zoo.data.test_importer import DAY, START, config, write
from zoo.data.importer import ImportConfig, import_events
from zoo.data.request import Request
from zoo.metrics import auc

ITEMS, USERS, CATEGORIES = 2_000, 40, 12
SPLITS = {"validation_from": "2023-11-25", "test_from": "2023-11-26", "until": "2023-11-27"}
TRAIN_DAYS, DAYS = 10, 12
BY = [{"of": "item", "windows": ["1d", "all"]}, {"of": "category", "windows": ["12h", "all"]},
      {"of": ["user", "category"], "counts": ["clicks"]}, {"of": ["user", "item"], "counts": ["clicks"]}]


def about(item: int) -> str:
    return f"i{item},c{item % CATEGORIES}"


def moments(draw: random.Random, count: int) -> list[int]:
    return sorted(START + draw.randrange(DAYS * DAY) for _ in range(count))


def shown(draw: random.Random, label: bool) -> tuple[list[str], str, ImportConfig]:
    """Pages of eight items; each item is shown some three times in training, and clicked one time in ten."""
    rows = []
    for page, time in enumerate(moments(draw, 900)):
        user = f"u{draw.randrange(USERS)}"
        for item in draw.sample(range(ITEMS), 8):
            hit = draw.random() < 0.1
            if label:
                rows.append(f"{user},p{page},{time},{int(hit)},{about(item)}")
            else:
                rows.append(f"{user},p{page},{time},show,{about(item)}")
                rows += [f"{user},p{page},{time + 30},click,{about(item)}"] * hit
    columns = {"user": "user", "request": "page", "time": "time", "item": "item"}
    columns |= {"label": "event"} if label else {"event": "event"}
    types = {"clicks": []} if label else {"clicks": ["click"], "impressions": ["show"]}
    settings = config(columns=columns, other=[], splits=SPLITS, counters=BY, **types)
    return rows, "user,page,time,event,item,category", settings


def clicked(draw: random.Random, items: int, **negatives) -> tuple[list[str], str, ImportConfig]:
    """Clicks on any item alike; all items are there from the beginning."""
    rows = [f"u{item % USERS},{START},scroll,{about(item)}" for item in range(items)]
    rows += [f"u{draw.randrange(USERS)},{time},click,{about(draw.randrange(items))}" for time in moments(draw, 2_400)]
    settings = config(columns={"user": "user", "time": "time", "event": "event", "item": "item"}, splits=SPLITS, counters=BY,
                      negatives={"popularity": 0, "same_category": 0} | negatives)
    return rows, "user,time,event,item,category", settings


LOGS = {
    "impressions": lambda draw: shown(draw, label=False),
    "labels": lambda draw: shown(draw, label=True),
    "uniform negatives": lambda draw: clicked(draw, ITEMS, uniform=3),
    # So many clicks an item that each is among those of the training split, which are drawn from.
    "negatives of the same category": lambda draw: clicked(draw, 120, same_category=3),
}


def training(tmp_path, rows: list[str], header: str, settings: ImportConfig) -> list[Request]:
    log = import_events(settings, [write(tmp_path / "events.csv", rows, header)], tmp_path / "log")
    return list(log.requests("train"))


def ranked_by(requests: list[Request]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The labels of all candidates, and whatever of the request could rank them."""
    columns: dict[str, list[float]] = {}
    for request in requests:
        past = request.sequences["history"]
        places = range(request.candidate_count)
        found = {name: values for name, values in request.candidates.items() if name not in ("item", "category")}
        for field in ("item", "category"):
            own = request.candidates[field]
            found[f"history_{field}_matches"] = [past[field].count(one) for one in own]
            found[f"gap_to_last_{field}"] = [min((gap for other, gap in zip(past[field], past["gap"], strict=True)
                                                  if other == one), default=1e9) for one in own]
        found |= {"place": list(places), "history_length": [len(past["item"])] * len(places),
                  "last_gap": [past["gap"][-1] if past["gap"] else 1e9] * len(places),
                  "candidates": [len(places)] * len(places)}
        for name, values in found.items():
            columns.setdefault(name, []).extend(values)
    labels = np.array([label for request in requests for label in request.labels["click"]])
    return labels, {name: np.array(values) for name, values in columns.items()}


def bound(labels: np.ndarray) -> float:
    """Four standard deviations of an AUC of noise: √((P + N + 1) / 12PN)."""
    positives, negatives = (labels == 1).sum(), (labels == 0).sum()
    return float(4 * np.sqrt((positives + negatives + 1) / (12 * positives * negatives)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", LOGS)
def test_nothing_ranks_the_candidates_of_noise(tmp_path, kind):
    labels, columns = ranked_by(training(tmp_path, *LOGS[kind](random.Random(3))))
    assert len(labels) > 3_000 and {"popularity", "item_clicks_all", "user_category_clicks_all"} <= columns.keys()
    most = bound(labels)
    assert most < 0.06
    found = {name: round(auc(labels, values), 3) for name, values in columns.items()}
    assert not {name: value for name, value in found.items() if abs(value - 0.5) > most}, (most, found)


def test_with_negatives_by_popularity_the_clicked_item_ranks_as_any_item_would(tmp_path):
    rows, header, settings = clicked(random.Random(5), 600, popularity=3)
    requests = training(tmp_path, rows, header, settings)
    labels, columns = ranked_by(requests)
    clicks = [(int(row.split(",")[1]), row.split(",")[3]) for row in rows if ",click," in row]
    weights = Counter(item for time, item in clicks if time < START + TRAIN_DAYS * DAY)
    draw, items, total = random.Random(7), [f"i{item}" for item in range(600)], Counter()
    drawn = draw.choices(list(weights), list(weights.values()), k=10 * len(requests))
    strangers = draw.choices(items, k=10 * len(requests))
    before, by_lot, by_popularity = iter(clicks), [], []
    upcoming = next(before)
    for number, request in enumerate(sorted(requests, key=lambda request: request.time)):
        while upcoming[0] < request.time:
            total[upcoming[1]] += 1
            upcoming = next(before)
        for place in range(10 * number, 10 * number + 10):
            by_lot.append(total[strangers[place]])
            by_popularity.append(total[drawn[place]])
    expected = auc([1] * len(by_lot) + [0] * len(by_popularity), by_lot + by_popularity)
    assert expected < 0.5 - bound(labels), "the draw alone tells them apart"
    assert auc(labels, columns["popularity"]) == pytest.approx(expected, abs=bound(labels))
    assert auc(labels, columns["item_clicks_all"]) == pytest.approx(expected, abs=bound(labels))
