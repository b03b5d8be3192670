"""The examples of docs/data.md: each is imported as it stands there."""

from __future__ import annotations

import random
import re
import textwrap
from pathlib import Path

import pytest

from tests.zoo.data.test_importer import write
from zoo import files
from zoo.data.importer import import_events, load_import_config
from zoo.data.request_log import RequestLog

GUIDE = Path(__file__).parents[3] / "docs/data.md"
EXAMPLES = dict(re.findall(r"<!-- example: (\w+) -->\n((?: {4}.*\n)+)", files.read_text(GUIDE)))
START, DAY = 1_710_201_600, 86_400  # 2024-03-12 00:00 UTC


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    """A folder with the files that the examples name."""
    return write_shop(tmp_path_factory.mktemp("shop"))


def write_shop(folder: Path) -> Path:
    """Writes the files that the examples name."""
    draw, rows = random.Random(2), []
    for page in range(96):
        time, user = START + page * 16 * DAY // 96, f"u{page % 7}"
        for item in draw.sample(range(9), 3):
            about = f"p{item},c{item % 2}"
            rows.append(f"{user},g{page},{time},show,{about},,,phone")
            if draw.random() < 0.5:
                rows.append(f"{user},g{page},{time + 9},click,{about},{draw.randrange(1, 90)},,phone")
                rows.append(f"{user},,{time + 600},{draw.choice(['cart', 'purchase', 'scroll'])},{about},,12.5,phone")
    write(folder / "events.csv", rows, "user_id,page_id,ts,type,product_id,category,seconds,amount,device")
    write(folder / "users.csv", [f"u{k},2024-03-{15 + k % 2},{20 + k},city{k % 3}" for k in range(7)], "user_id,since,age,city")
    write(folder / "products.csv", [f"p{k},2024-03-01T12:00:00Z,b{k % 4}" for k in range(9)], "product_id,valid_from,brand")
    write(folder / "pages.csv", [f"g{k},shoes" for k in range(96)], "page_id,query")
    write(folder / "weather.csv", [f"2024-03-{day},sun" for day in range(11, 28)], "date,weather")
    return folder


def imported(shop: Path, out: Path, name: str) -> RequestLog:
    text = textwrap.dedent(EXAMPLES["shop"]) + (textwrap.dedent(EXAMPLES[name]) if name != "shop" else "")
    (shop / f"{name}.yaml").write_text(text, encoding="utf-8")
    return import_events(load_import_config(shop / f"{name}.yaml"), [shop / "events.csv"], out)


MADE = {
    "shop": {"candidate_popularity"},
    "histories": {"history_action", "purchases_item"},
    "labels": {"label_purchase", "label_stay", "label_basket"},
    "tables": {"age", "city", "candidate_brand", "history_brand", "query", "weather"},
    "context": {"device", "hour", "weekday"},
    "counters": {"candidate_item_rate_1h", "candidate_item_clicks_7d", "candidate_category_rate_7d",
                 "candidate_user_category_purchase_all", "user_clicks_1d"},
    "sessions": {"session_id"},
}


def test_all_examples_are_tried():
    assert set(EXAMPLES) == set(MADE)


@pytest.mark.parametrize("name", MADE)
def test_the_example_makes_what_it_says(shop, tmp_path, name):
    log = imported(shop, tmp_path / "log", name)
    schema = log.schema
    names = {column.name for column in schema.columns()} | {label.column for label in schema.labels} | set(schema.keys)
    assert MADE[name] <= names
    assert {split: count["requests"] for split, count in log.manifest["splits"].items()} == {
        "train": 48, "validation": 24, "test": 24}
    if name == "labels":
        assert all(count["positives"]["purchase"] > 0 for count in log.manifest["splits"].values())
    assert not log.manifest["rejected"] and not any("named_in_the_configuration" in note for note in log.manifest["notes"])
