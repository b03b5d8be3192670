"""Which pushed version is the newest, when two are the same model, and whether it can read a log."""

from __future__ import annotations

import pytest
from tfx.types.standard_artifacts import Model

from tests.toy import toy_schema
from tfx_pipelines.components.latest_pushed_model import LatestPushedModel, unreadable
from tfx_pipelines.pushed import identity
from tfx_pipelines.schema import schema_to_json
from zoo import files
from zoo.schema import Feature, Label
from zoo.versions import Version, newest_version


def version(folder, number: str, model: str = "a"):
    (folder / number).mkdir(parents=True)
    (folder / number / "saved_model.pb").write_text(model)
    (folder / number / "fingerprint.pb").write_text(model)


def test_the_newest_is_the_highest_number_that_is_whole(tmp_path):
    assert newest_version(str(tmp_path / "nowhere")) is None
    assert newest_version(str(tmp_path)) is None
    for number in ("9", "10", "x", "11.tmp"):
        version(tmp_path, number)
    (tmp_path / "12").mkdir()  # still being copied: saved_model.pb comes last
    assert newest_version(str(tmp_path)) == Version(10, f"{tmp_path}/10")


def test_a_folder_may_be_named_like_a_pattern(tmp_path):
    version(tmp_path / "din [v2]", "3")
    assert newest_version(f"{tmp_path}/din [v2]").version == 3


def test_a_model_is_the_same_whichever_version_it_is(tmp_path):
    for number, model in (("1", "a"), ("2", "a"), ("3", "b")):
        version(tmp_path, number, model)
    one, again, other = (identity(Version(int(n), f"{tmp_path}/{n}")) for n in "123")
    assert one == again != other and identity(None) == "none"
    (tmp_path / "3" / "fingerprint.pb").unlink()
    assert identity(Version(3, f"{tmp_path}/3")) == "3"


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


@pytest.fixture(params=["local", "ram"])
def serving_dir(request, tmp_path):
    """A folder of one version, on this machine's file system and on another that TensorFlow has."""
    folder = f"{tmp_path}/din" if request.param == "local" else f"ram://{tmp_path.name}/din"
    for name, text in (("saved_model.pb", "graph"), ("fingerprint.pb", "a"), ("variables/variables.index", "weights")):
        files.make_dirs(files.parent(f"{folder}/7/{name}"))
        files.write_text(f"{folder}/7/{name}", text)
    files.make_dirs(f"{folder}/7/assets.extra")
    toy_schema().save(tmp_path / "schema.yaml")
    files.copy(tmp_path / "schema.yaml", f"{folder}/7/assets.extra/schema.yaml")
    return folder


def found(folder: str, schema, tmp_path) -> Model:
    model = Model()
    model.uri = f"{tmp_path}/artifact"
    LatestPushedModel.test_call(model=model, serving_dir=folder, schema=schema_to_json(schema))
    return model


def test_the_component_copies_the_newest_version(serving_dir, tmp_path):
    model = found(serving_dir, toy_schema(), tmp_path)
    assert model.get_int_custom_property("version") == 7
    assert files.read_text(f"{model.uri}/Format-Serving/variables/variables.index") == "weights"
    assert identity(newest_version(serving_dir)) == identity(Version(1, f"{model.uri}/Format-Serving"))


def test_the_component_says_why_a_version_is_none_for_this_log(serving_dir, tmp_path):
    fewer = toy_schema().model_copy(update={"candidates": toy_schema().candidates[:2]})
    model = found(serving_dir, fewer, tmp_path)
    assert "candidate_price" in model.get_string_custom_property("refused")
    assert not files.exists(model.uri)


def test_the_component_gives_no_model_where_none_was_pushed(tmp_path):
    model = found(f"{tmp_path}/nowhere", toy_schema(), tmp_path)
    assert not files.exists(model.uri) and not model.has_custom_property("version")
