"""The Schema and configuration: files, binding, and errors that name the nearest valid thing."""

from __future__ import annotations

import pytest

from tests.toy import toy_schema
from zoo.config import Config, ConfigError, load_yaml, parse
from zoo.schema import Label, Late, Schema


def values() -> dict:
    return toy_schema().model_dump(mode="json", exclude_defaults=True)


def test_yaml_round_trip(tmp_path):
    toy_schema().save(tmp_path / "schema.yaml")
    assert Schema.load(tmp_path / "schema.yaml") == toy_schema()
    bound = toy_schema().bind({"item": 5, "category": 3})
    bound.save(tmp_path / "bound.yaml")
    assert Schema.load(tmp_path / "bound.yaml").size("item") == 7


def test_fewer_labels():
    labels = (Label(name="click"), Label(name="order", given="click"), Label(name="taught", soft=True, of="click"))
    schema = toy_schema(labels)
    assert [label.name for label in schema.only(["taught", "click"]).labels] == ["click", "taught"]
    alone, = schema.only(["order", "taught"]).labels
    assert alone == Label(name="order"), "learned where it was observed; nobody is taught"
    with pytest.raises(ConfigError, match="no label 'clik'.*'click'"):
        schema.only(["clik"])
    with pytest.raises(ConfigError, match="no label is left to learn; name some of click, order, taught"):
        schema.only(["taught"])


def test_labels_that_come_late_name_their_marks():
    late = Late(waited="waited", after="ater")
    marks = {"marks": [{"name": "waited"}, {"name": "after"}], "labels": [{"name": "click", "late": late.model_dump()}]}
    with pytest.raises(ConfigError, match="`late` names the mark 'ater', which is not declared.*'after'"):
        parse(Schema, {**values(), **marks})
    for wrong in ({"kind": "regression", "late": late}, {"soft": True, "late": late}, {"scale": "log1p"}):
        with pytest.raises(ConfigError, match="is said of"):
            parse(Label, {"name": "click", **wrong})


def test_columns_have_their_names_on_the_wire():
    assert [column.name for column in toy_schema().columns()] == [
        "user_id", "hour", "history_item", "history_category", "history_gap", "candidate_item", "candidate_category",
        "candidate_price", "candidate_image"]
    assert toy_schema().candidate("category").name == "candidate_category" and toy_schema().candidate("brand") is None


def test_columns_of_ids_alone_have_an_id_space():
    columns = {column.name: column for column in toy_schema().columns()}
    assert columns["history_item"].space == columns["candidate_item"].space == "item"
    with pytest.raises(TypeError, match="'candidate_price' is a number"):
        assert columns["candidate_price"].space


def test_sizes_need_binding():
    with pytest.raises(ConfigError, match="call Schema.bind first"):
        toy_schema().size("item")
    with pytest.raises(ConfigError, match="no vocabulary was given for the space 'item'"):
        toy_schema().bind({"category": 3})
    assert toy_schema().bind({"item": 1, "category": 1}).size("user") == 52


def change(path: str, value):
    changed = values()
    target = changed
    *parents, last = path.split("/")
    for part in parents:
        target = target[int(part) if part.isdigit() else part]
    target[int(last) if last.isdigit() else last] = value
    return changed


@pytest.mark.parametrize(("changed", "message"), [
    (change("spaces/item", {"mincount": 2}), "schema.spaces.item.mincount: unknown key; did you mean 'min_count'"),
    (change("candidates/0/space", "itm"), "names the space 'itm', which is not declared; did you mean 'item'"),
    (change("group_key", "user"), "group_key 'user' is neither.*did you mean 'user_id'"),
    (change("spaces/user", {"kind": "hashed"}), "a hashed space needs `buckets`"),
    (change("candidates/2/space", "item"), "an id needs `space`, and a number must not have it"),
    (change("keys", ["hour"]), "declared twice: hour"),
    (change("candidates", []), "at least 1 item"),
    (change("request/1", {"name": "hour", "kind": "number", "width": 3}), "only candidate features can be wider"),
])
def test_a_wrong_schema_says_what_and_where(changed, message):
    with pytest.raises(ConfigError, match=message):
        parse(Schema, changed, where="schema")


class Inner(Config):
    units: tuple[int, ...] = (1,)


class Outer(Config):
    inner: Inner = Inner()
    rate: float = 0.1


def test_config_errors_and_files(tmp_path):
    assert parse(Outer, None) == Outer()
    with pytest.raises(ConfigError, match=r"run.inner.unit: unknown key; did you mean 'units'"):
        parse(Outer, {"inner": {"unit": [3]}}, where="run")
    with pytest.raises(ConfigError, match=r"rate: Input should be a valid number.*got 'fast'"):
        parse(Outer, {"rate": "fast"})
    with pytest.raises(ConfigError, match="expected a mapping"):
        parse(Outer, {"inner": [1]}["inner"])
    with pytest.raises(ConfigError, match="no such file"):
        load_yaml(tmp_path / "absent.yaml")
    (tmp_path / "bad.yaml").write_text("a: [1")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_yaml(tmp_path / "bad.yaml")
    with pytest.raises(Exception, match="frozen"):
        Outer().rate = 0.2
