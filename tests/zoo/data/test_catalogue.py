"""Catalogues: the round trip with every kind of column, what was known when, and errors that name item and column."""

from __future__ import annotations

import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from zoo import files
from zoo.commands.data import data
from zoo.data.catalogue import CATALOGUE_FILE, Catalogue, CatalogueError, CatalogueRow
from zoo.data.catalogue_writer import write_catalogue
from zoo.data.request import Request
from zoo.data.request_log import SPLITS, RequestLog, RequestLogWriter
from zoo.schema import Feature, IdSpace, Schema

OWN = {"owner": "item"}
SCHEMA = Schema(
    name="shop", spaces={"product": IdSpace(), "brand": IdSpace(), "tag": IdSpace()}, group_key="user_id", keys=("user_id",),
    candidates=(Feature(name="product", space="product", role="item", **OWN), Feature(name="brand", space="brand", **OWN),
                Feature(name="price", kind="number", **OWN), Feature(name="image", kind="number", width=2, **OWN),
                Feature(name="tags", space="tag", multiple=True, weighted=True, **OWN),
                Feature(name="title", kind="text", **OWN), Feature(name="distance", kind="number")))


def row(item: str, since: int, price: float = 1.5, **changes) -> CatalogueRow:
    values = {"brand": "b", "price": price, "image": [0.5, 2.0], "tags": ["x", "y"], "tags_weight": [1.0, 0.25],
              "title": "Чайник [1]"}
    return CatalogueRow(item, since, values | changes)


ROWS = [row("b", 20, 2.5), row("a", 10), row("b", 5, math.nan, tags=[], tags_weight=[], brand=""), row("ä", 0)]


def written(tmp_path, rows, schema=SCHEMA) -> Catalogue:
    class Log:
        path = str(tmp_path)

    Log.schema = schema
    write_catalogue(tmp_path / CATALOGUE_FILE, schema, rows)
    return Catalogue.load(Log)


def test_rows_come_back_by_item_and_time(tmp_path):
    catalogue = written(tmp_path, ROWS)
    found = list(catalogue.rows())
    assert [(one.item, one.valid_from) for one in found] == [("a", 10), ("b", 5), ("b", 20), ("ä", 0)]
    assert found[0] == ROWS[1] and found[2] == ROWS[0]
    assert math.isnan(found[1].values["price"]) and found[1].values["tags"] == [] and found[1].values["brand"] == ""
    assert (len(catalogue), catalogue.item_count) == (4, 3)
    assert (len(written(tmp_path, [])), list(written(tmp_path, []).batches(5))) == (0, [])


@pytest.mark.parametrize(("item", "time", "price"), [
    ("b", 4, None), ("b", 5, "nan"), ("b", 19, "nan"), ("b", 20, 2.5), ("b", 10**10, 2.5), ("a", 9, None), ("a", 10, 1.5),
    ("aa", 99, None), ("", 99, None), ("z", 99, None), ("ä", 0, 1.5)])
def test_an_item_is_known_as_of_a_time(tmp_path, item, time, price):
    found = written(tmp_path, ROWS).as_of(item, time)
    assert (found and found.item) == (item if price else None)
    assert price is None or str(found.values["price"]) == str(price)


def test_batches_have_one_row_an_item_in_the_form_of_candidates(tmp_path):
    catalogue = written(tmp_path, ROWS)
    first, second = catalogue.batches(2)
    assert first["product"] == ["a", "b"] and second["product"] == ["ä"] and first["price"] == [1.5, 2.5]
    assert first["tags"] == [["x", "y"]] * 2 and first["tags_weight"] == [[1.0, 0.25]] * 2
    assert set(first) == {"product", "brand", "price", "image", "tags", "tags_weight", "title"}
    assert [batch["product"] for batch in catalogue.batches(9, time=5)] == [["b", "ä"]]
    [batch] = catalogue.batches(9, time=19)
    assert batch["product"] == ["a", "b", "ä"] and math.isnan(batch["price"][1])


@pytest.mark.parametrize(("changes", "message"), [
    ({"brand": 7}, "column 'brand': expected a string, got 7 .int"),
    ({"brand": None}, "column 'brand': expected a string, got None"),
    ({"price": "cheap"}, "column 'price': expected a number, got 'cheap'"),
    ({"price": None}, "column 'price': expected a number, got None"),
    ({"image": [1.0]}, "column 'image': expected 2 numbers, got .1.0."),
    ({"tags": "xy"}, "column 'tags': expected a list of strings, got 'xy'"),
    ({"tags": ["x", 3]}, "column 'tags': expected a list of strings"),
    ({"tags": ["x"]}, "column 'tags_weight': expected a weight for each of the 1 values"),
    ({"distance": 1.0}, "column 'distance': the schema has no such item column"),
    ({"titel": "x"}, "column 'titel': the schema has no such item column"),
])
def test_a_row_that_does_not_fit_is_named(tmp_path, changes, message):
    with pytest.raises(CatalogueError, match="item 'i7', " + message):
        written(tmp_path, [row("a", 1), row("i7", 1, **changes)])
    assert not files.exists(tmp_path / CATALOGUE_FILE)


def test_what_else_can_not_be_written_or_read_is_named(tmp_path):
    with pytest.raises(CatalogueError, match="item 'b', column 'valid_from': two rows hold from 5"):
        written(tmp_path, [*ROWS, row("b", 5)])
    with pytest.raises(CatalogueError, match="item '', column 'item'"):
        written(tmp_path, [row("", 5)])
    with pytest.raises(CatalogueError, match="item 'a', column 'valid_from': expected whole seconds"):
        written(tmp_path, [row("a", 1.5)])
    missing = dict(ROWS[0].values)
    del missing["price"]
    with pytest.raises(CatalogueError, match="item 'b', column 'price': the value is missing"):
        written(tmp_path, [CatalogueRow("b", 5, missing)])
    taken = SCHEMA.model_copy(update={"candidates": (*SCHEMA.candidates, Feature(name="item", kind="number", **OWN))})
    with pytest.raises(CatalogueError, match="a column 'item' of its own"):
        written(tmp_path, [], taken)
    with pytest.raises(CatalogueError, match="needs a candidate feature with the role item"):
        written(tmp_path, [], SCHEMA.model_copy(update={"candidates": (Feature(name="x", kind="number"),)}))


def log(path) -> RequestLog:
    request = Request("r", 50, {"user_id": "u"}, {}, {
        "product": ["b", "a"], "brand": ["b", "b"], "price": [2.5, 1.5], "image": [[0.5, 2.0]] * 2, "distance": [1.0, 2.0],
        "tags": [["x"], []], "tags_weight": [[1.0], []], "title": ["", ""]}, {"click": [0.0, 1.0]})
    plain = SCHEMA.model_copy(update={"candidates": tuple(f for f in SCHEMA.candidates if f.name in ("product", "price"))})
    plain_request = Request("r", 50, {"user_id": "u"}, {}, {name: request.candidates[name] for name in ("product", "price")},
                            request.labels)
    with RequestLogWriter(path, plain, {}) as writer:
        for split in SPLITS:
            writer.write(split, plain_request)
        writer.write_catalogue(CatalogueRow(one.item, one.valid_from, {"price": one.values["price"]}) for one in ROWS)
    return RequestLog(path)


def test_a_log_has_its_catalogue_and_an_older_one_has_none(tmp_path):
    made = log(tmp_path / "log")
    assert made.manifest["catalogue"] == {"rows": 4, "items": 3}
    assert made.catalogue().as_of("b", 50).values == {"price": 2.5}
    shown = CliRunner().invoke(data, ["show", made.path]).output
    assert "catalogue: 3 items, 4 rows" in shown and "CatalogueRow(item='b', valid_from=20, values={'price': 2.5})" in shown
    files.remove(tmp_path / "log" / CATALOGUE_FILE)
    assert "CatalogueRow" not in CliRunner().invoke(data, ["show", made.path]).output
    assert made.catalogue() is None
    with pytest.raises(CatalogueError, match="has no catalogue"):
        Catalogue.load(made)
    pq.write_table(pa.table({"item": ["a"], "valid_from": [1], "price": ["high"]}), tmp_path / "log" / CATALOGUE_FILE)
    with pytest.raises(CatalogueError, match="'price' is string and not float"):
        made.catalogue()
    columns = {"item": ["b", "a", "b"], "valid_from": [7, 5, 3], "price": pa.array([1.0, 2.0, 3.0], pa.float32())}
    pq.write_table(pa.table(columns), tmp_path / "log" / CATALOGUE_FILE)  # by another tool, in any order
    assert [(one.item, one.valid_from) for one in made.catalogue().rows()] == [("a", 5), ("b", 3), ("b", 7)]
    for change, message in (({"colour": ["x"] * 3}, "'colour' is not expected"), ({"valid_from": [7, 5, 7]}, "two rows hold"),
                            ({"price": pa.array([1.0, None, 2.0], pa.float32())}, "'price': 1 values are missing")):
        pq.write_table(pa.table(columns | change), tmp_path / "log" / CATALOGUE_FILE)
        with pytest.raises(CatalogueError, match=message):
            made.catalogue()
    files.write_text(tmp_path / "log" / CATALOGUE_FILE, "no parquet")
    with pytest.raises(CatalogueError, match="not a Parquet file"):
        made.catalogue()
