"""Typed configuration: what a typo, a wrong type or a wrong file says."""

from __future__ import annotations

import pydantic
import pytest

from zoo.config import Config, ConfigError, dump_yaml, load_yaml, merged, nearest, parse


class Tower(Config):
    units: tuple[int, ...] = (200, 80)
    dropout: float = pydantic.Field(default=0.0, ge=0, lt=1)


class Model(Config):
    name: str
    tower: Tower = Tower()
    deep: Tower = Tower(units=(8, 8, 8), dropout=0.1)
    towers: dict[str, Tower] = {}
    optional: Tower | None = None


def test_values_become_a_frozen_object():
    model = parse(Model, {"name": "din", "tower": {"units": [64, 32]}})
    assert model.tower.units == (64, 32) and model.tower.dropout == 0.0
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        model.name = "wdl"


def test_nothing_gives_all_defaults():
    assert parse(Tower, None) == Tower()


@pytest.mark.parametrize(("values", "message"), [
    ({"name": "din", "towr": {}}, r"^m\.yaml\.towr: unknown key; did you mean 'tower'\?$"),
    ({"name": "din", "tower": {"unit": [1]}}, r"^m\.yaml\.tower\.unit: unknown key; did you mean 'units'\?$"),
    ({"name": "din", "optional": {"unit": [1]}}, r"m\.yaml\.optional\.unit: unknown key; did you mean 'units'\?"),
    ({"name": "din", "xyz": 1}, r"xyz: unknown key; valid: deep, name, optional, tower, towers"),
    ({}, r"^m\.yaml\.name: required, and not given$"),
    ({"name": "din", "tower": {"dropout": 1.5}}, r"^m\.yaml\.tower\.dropout: .*less than 1 \(got 1\.5\)$"),
    ({"name": "din", "tower": {"units": "many"}}, r"m\.yaml\.tower\.units: .*\(got 'many'\)"),
    ([1, 2], r"^m\.yaml: expected a mapping of settings, got list"),
])
def test_a_wrong_setting_is_named_with_its_place(values, message):
    with pytest.raises(ConfigError, match=message):
        parse(Model, values, where="m.yaml")


def test_a_setting_of_a_part_is_merged_over_the_parts_default():
    """Not over the defaults of its class: the other settings that the default names stay."""
    assert parse(Model, {"name": "din", "deep": {"units": [4]}}).deep == Tower(units=(4,), dropout=0.1)
    assert Model(name="din", deep=Tower(units=(4,))).deep.dropout == 0.0


@pytest.mark.parametrize(("base", "over", "result"), [
    ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": 4}}, {"a": 1, "b": {"c": 4, "d": 3}}),
    ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
    ({"a": {"b": 1}}, {"a": None}, {"a": None}),
    ({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ({"o": {"dense": {"name": "ftrl", "l1": 1}}}, {"o": {"dense": {"l1": 2}}}, {"o": {"dense": {"name": "ftrl", "l1": 2}}}),
    ({"o": {"dense": {"name": "ftrl", "l1": 1}}}, {"o": {"dense": {"name": "adam"}}}, {"o": {"dense": {"name": "adam"}}}),
    ({"p": {"name": "a", "root": "r"}}, {"p": {"name": "b"}}, {"p": {"name": "b", "root": "r"}}),
])
def test_merging_is_deep_and_another_choice_starts_afresh(base, over, result):
    before = repr((base, over))
    assert merged(base, over, choices=["o.*"]) == result
    assert repr((base, over)) == before


def test_places_may_be_named_by_a_function():
    with pytest.raises(ConfigError, match=r"^<tower/dropout>: .*less than 1"):
        parse(Model, {"name": "din", "tower": {"dropout": 2}}, where=lambda path: f"<{'/'.join(path)}>")


def test_every_wrong_setting_is_named_at_once():
    with pytest.raises(ConfigError) as error:
        parse(Model, {"nam": "din", "tower": {"dropout": -1}})
    assert [line.split(":")[0] for line in str(error.value).splitlines()] == [
        "config.name", "config.tower.dropout", "config.nam"]


def test_a_file_written_reads_back_the_same(tmp_path):
    model = Model(name="din", tower=Tower(units=(7,)), towers={"click": Tower(dropout=0.5)})
    dump_yaml(model, tmp_path / "m.yaml")
    assert parse(Model, load_yaml(tmp_path / "m.yaml")) == model


@pytest.mark.parametrize(("text", "message"), [
    (None, "no such file"), ("a: [1", "not valid YAML"), ("- 1", "expected a mapping"), ("", "expected a mapping"),
    ("a: 1\nb: 2\na: 3", "not valid YAML: the key 'a' stands twice"), (b"a: \xff", "not UTF-8"),
])
def test_a_file_that_holds_no_settings_is_named(tmp_path, text, message):
    path = tmp_path / "m.yaml"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=f"m.yaml: {message}"):
        load_yaml(path)


def test_nearest_names_one_or_lists_all():
    assert nearest("iten", ["item", "brand"]) == "; did you mean 'item'?"
    assert nearest("zzz", ["item", "brand"]) == "; valid: brand, item"
    assert nearest("zzz", []) == ""
