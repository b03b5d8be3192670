"""Which pushed version is the newest, when two are the same model, and whether it can read a log."""

from __future__ import annotations

import pytest

from tests.toy import toy_schema
from tfx_pipelines.components.latest_pushed_model import unreadable
from tfx_pipelines.pushed import PushedVersion, identity, newest_pushed
from zoo.schema import Feature, Label


def version(folder, number: str, model: str = "a"):
    (folder / number).mkdir(parents=True)
    (folder / number / "saved_model.pb").write_text(model)
    (folder / number / "fingerprint.pb").write_text(model)


def test_the_newest_is_the_highest_number_that_is_whole(tmp_path):
    assert newest_pushed(str(tmp_path / "nowhere")) is None
    assert newest_pushed(str(tmp_path)) is None
    for number in ("9", "10", "x", "11.tmp"):
        version(tmp_path, number)
    (tmp_path / "12").mkdir()  # still being copied: saved_model.pb comes last
    assert newest_pushed(str(tmp_path)) == PushedVersion(10, f"{tmp_path}/10")


def test_a_folder_may_be_named_like_a_pattern(tmp_path):
    version(tmp_path / "din [v2]", "3")
    assert newest_pushed(f"{tmp_path}/din [v2]").version == 3


def test_a_model_is_the_same_whichever_version_it_is(tmp_path):
    for number, model in (("1", "a"), ("2", "a"), ("3", "b")):
        version(tmp_path, number, model)
    one, again, other = (identity(PushedVersion(int(n), f"{tmp_path}/{n}")) for n in "123")
    assert one == again != other and identity(None) == "none"
    (tmp_path / "3" / "fingerprint.pb").unlink()
    assert identity(PushedVersion(3, f"{tmp_path}/3")) == "3"


def test_a_model_that_reads_what_the_log_has_not_is_not_compared():
    schema = toy_schema()
    fewer = schema.model_copy(update={"candidates": tuple(f for f in schema.candidates if f.name != "price")})
    assert unreadable(schema, schema) == "" == unreadable(fewer, schema)
    assert "candidate_price" in unreadable(schema, fewer)
    text = schema.model_copy(update={"candidates": (*fewer.candidates, Feature(name="price", space="item"))})
    assert "candidate_price" in unreadable(schema, text)  # the same name, another form
    two = toy_schema(labels=(Label(name="click"), Label(name="purchase")))
    assert "score purchase" in unreadable(schema, two) and "label_purchase" in unreadable(two, schema)
    assert "schema.yaml" in unreadable(None, schema)


@pytest.mark.parametrize("changed", [{"max_candidates": 7}, {"name": "other"}])
def test_what_the_log_only_calls_otherwise_is_no_hindrance(changed):
    assert unreadable(toy_schema().model_copy(update=changed), toy_schema()) == ""
