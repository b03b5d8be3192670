"""Public layouts: what is guessed loads, says what is right, and imports without a change by hand."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from tests.zoo.data.guess import layouts
from zoo.data.guess import guess_config
from zoo.data.importer import ImportConfig, import_events, import_samples, load_import_config

# What must be said, by hand from the layouts' descriptions; anything else may be there, too.
EXPECTED: dict[str, dict[str, Any]] = {
    "rees46": {
        "columns": {"user": "user_id", "session": "user_session", "time": "event_time", "event": "event_type",
                    "item": "product_id"},
        "clicks": ["view", "cart", "purchase"], "other": ["remove_from_cart"],
        "attributes": [{"name": "category", "column": "category_id", "role": "category"}, {"name": "brand", "role": "brand"},
                       {"name": "price", "kind": "number", "role": "price", "transform": "log_zscore", "buckets": 10},
                       {"name": "category_code"}]},
    "retailrocket": {"columns": {"user": "visitorid", "time": "timestamp", "event": "event", "item": "itemid"},
                     "time_unit": "ms", "clicks": ["view", "addtocart", "transaction"]},
    "taobao": {"files": {"header": False, "names": ["user", "item", "category", "event", "time"], "delimiter": ","},
               "columns": {"user": "user", "time": "time", "event": "event", "item": "item"},
               "attributes": [{"name": "category", "role": "category"}]},
    "movielens": {"files": {"header": False, "names": ["user", "item", "rating", "time"], "delimiter": "::"},
                  "columns": {"user": "user", "time": "time", "event": "rating", "item": "item"}, "clicks": ["4", "5"],
                  "other": ["1", "2", "3"]},
    "hm": {"columns": {"user": "customer_id", "time": "t_dat", "item": "article_id"}},
    "tianchi": {"columns": {"user": "user_id", "time": "time", "event": "behavior_type", "item": "item_id"},
                "time_format": "%Y-%m-%d %H",
                "attributes": [{"name": "category", "column": "item_category", "role": "category"}]},
    "din": {"kind": "samples", "columns": {"user": "user"}, "labels": [{"name": "click", "column": "label"}],
            "candidates": [{"name": "item", "column": "item_id", "role": "item"},
                           {"name": "category", "column": "cate_id", "role": "category"}],
            "sequences": [{"name": "history", "fields": [{"name": "item", "column": "hist_item_id", "role": "item"},
                                                         {"name": "category", "column": "hist_cate_id", "role": "category"}]}]},
    "easyrec": {"kind": "samples", "columns": {"user": "user_id"},
                "labels": [{"name": "click", "column": "clk"}, {"name": "buy", "given": "click"}],
                "sequences": [{"name": "history", "separator": "|", "fields": [
                    {"name": "category", "column": "tag_category_list", "role": "category"},
                    {"name": "brand", "column": "tag_brand_list", "role": "brand"}]}]},
    "kuairand": {"kind": "samples", "columns": {"user": "user_id", "time": "time_ms"}, "time_unit": "ms",
                 "labels": [{"name": "click", "column": "is_click"}, {"name": "like", "column": "is_like", "given": "click"},
                            {"name": "long_view", "given": "click"},
                            {"name": "play_time", "column": "play_time_ms", "kind": "regression", "scale": 0.001}]},
    "mind": {"kind": "samples", "rows": "requests", "columns": {"user": "user", "time": "time"},
             "time_format": "%m/%d/%Y %I:%M:%S %p", "candidates": [{"name": "item", "role": "item"}],
             "page": {"column": "candidates", "separator": " ", "field_separator": "-", "fields": ["item", "click"]},
             "sequences": [{"name": "history", "fields": [{"name": "item", "column": "history", "role": "item"}],
                            "separator": " "}]},
    "amazon": {"columns": {"user": "reviewerID", "time": "unixReviewTime", "event": "overall", "item": "asin"},
               "clicks": ["4", "5"], "other": ["1", "2", "3"]},
}


@pytest.mark.slow
@pytest.mark.parametrize("layout", layouts.ALL, ids=lambda layout: layout.__name__)
def test_a_public_layout_is_right_without_a_change_by_hand(tmp_path, layout):
    file = layout(tmp_path)
    text = guess_config(file)
    said = yaml.safe_load(text)
    expected = EXPECTED[layout.__name__]
    assert {key: said.get(key) for key in expected} == expected
    log = imported(tmp_path, file, text)
    counts = {split: count["requests"] for split, count in log.manifest["splits"].items()}
    assert sum(counts.values()) > 300 and min(counts.values()) >= 20
    # Every line is a comment, or a setting of 120 characters: it is read by people.
    assert max(map(len, text.splitlines())) <= 180


def imported(folder: Path, file: Path, text: str):
    (folder / "guessed.yaml").write_text(text, encoding="utf-8")
    config = load_import_config(folder / "guessed.yaml")
    if isinstance(config, ImportConfig):
        return import_events(config, [file], folder / "log")
    return import_samples(config, [file], folder / "log")


def test_times_that_lie_far_away_move_no_split(tmp_path):
    text = guess_config(layouts.taobao(tmp_path))
    assert yaml.safe_load(text)["splits"] == {"validation_from": "2019-10-17T00:00:00", "test_from": "2019-10-19T00:00:00",
                                              "until": "2019-10-21T00:00:00"}
    assert "(the first at 1970-01-12 13:46 and the last at 2030-03-17 17:46)" in " ".join(text.replace("\n# ", " ").split())


@pytest.mark.parametrize("packed", ["gz", "zst"])
def test_a_packed_file_is_the_file(tmp_path, packed):
    file = layouts.taobao(tmp_path)
    if packed == "gz":
        with open(file, "rb") as plain, gzip.open(f"{file}.gz", "wb") as target:
            shutil.copyfileobj(plain, target)
    else:
        with pa.CompressedOutputStream(f"{file}.zst", "zstd") as target:
            target.write(file.read_bytes())
    assert yaml.safe_load(guess_config(f"{file}.{packed}")) == yaml.safe_load(guess_config(file))
    if packed == "zst":  # one with a header, too
        named = layouts.retailrocket(tmp_path)
        with pa.CompressedOutputStream(f"{named}.zst", "zstd") as target:
            target.write(named.read_bytes())
        assert yaml.safe_load(guess_config(f"{named}.zst")) == yaml.safe_load(guess_config(named))
