"""Which pushed version is the newest, when two are the same model, and whether it can read a log."""

from __future__ import annotations

import fsspec
import numpy as np
import pytest
from tfx.orchestration.portable import outputs_utils
from tfx.types.standard_artifacts import Examples, InfraBlessing, Model, ModelBlessing, ModelRun, PushedModel

from tests.kubeflow.store import running_store
from tests.toy import toy_schema
from tfx_pipelines.components.latest_pushed_model import LatestPushedModel, newest_before, unreadable
from tfx_pipelines.components.pusher import Pusher
from tfx_pipelines.pushed import identity
from tfx_pipelines.registry import Pushed, history, lineage, record
from tfx_pipelines.schema import schema_to_json
from zoo import files
from zoo.config import ConfigError
from zoo.manifest import faults_of
from zoo.schema import Feature, Label
from zoo.versions import Version, newest_version, publish


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


def with_uri(artifact, folder, **properties):
    artifact.uri = str(folder)
    for name, value in properties.items():
        artifact.set_int_custom_property(name, value)
    return artifact


@pytest.fixture
def push(tmp_path):
    """Pushes a model as the pipeline does: the properties of what it was pushed as."""
    (tmp_path / "trained/Format-Serving").mkdir(parents=True)
    (tmp_path / "trained/Format-Serving/saved_model.pb").write_text("graph")
    (tmp_path / "run").mkdir()
    (tmp_path / "run/training.json").write_text('{"model": "din", "code": "abc"}')
    ones = np.ones(4, np.float32)
    np.savez(tmp_path / "run/test_scores.npz", **{
        "labels/click": np.array([1, 0, 0, 1], np.float32), "scores/click": np.array([0.9, 0.2, 0.3, 0.8], np.float32),
        "weights/click": ones, "keys/user_id": np.array([b"a", b"a", b"b", b"b"])})

    def one(blessed: int = 1, served: int = 1, folder: str = "root/serving/din", **baseline: int) -> PushedModel:
        pushed, model = with_uri(PushedModel(), tmp_path / "pushed"), with_uri(Model(), tmp_path / "trained")
        outputs_utils.tag_output_artifacts_with_version({"model": [model]})
        model.set_string_custom_property("origin_uri", "s3://b/root/ServingValidator/1/validated_model")
        Pusher.test_call(
            model=model, pushed_model=pushed, serving_dir=f"{tmp_path}/{folder}", pipeline="shop-din",
            schema=schema_to_json(toy_schema()), examples=with_uri(Examples(), tmp_path / "examples", span=19680),
            model_blessing=with_uri(ModelBlessing(), tmp_path / "a", blessed=blessed),
            infra_blessing=with_uri(InfraBlessing(), tmp_path / "b", blessed=served),
            model_run=with_uri(ModelRun(), tmp_path / "run"), baseline=with_uri(Model(), tmp_path / "before", **baseline))
        return pushed

    return one


def test_a_version_is_recorded_with_what_it_was_made_of(push, tmp_path):
    pushed = push(version=7)
    number = int(pushed.get_string_custom_property("pushed_version"))
    folder = f"{tmp_path}/root/serving/din"
    assert newest_version(folder) == Version(number, f"{folder}/{number}") and pushed.get_int_custom_property("pushed") == 1
    (made,) = history(folder)
    assert made == lineage(folder, Version(number, ""))
    assert (made.name, made.version, made.model, made.code, made.baseline, made.span, made.pipeline) == (
        "din", number, "din", "abc", 7, 19680, "shop-din")
    assert made.metrics["auc"] == 1.0 and made.metrics["gauc"] == 1.0
    assert made.inputs["model"] == "s3://b/root/ServingValidator/1/validated_model" and "examples" in made.inputs
    assert files.is_file(f"{tmp_path}/root/registry/din/{number}.json")


def test_the_next_run_finds_the_version_with_its_record(push, serving_dir, tmp_path):
    (tmp_path / "trained/Format-Serving/assets.extra").mkdir()
    toy_schema().save(tmp_path / "trained/Format-Serving/assets.extra/schema.yaml")
    push()
    model = found(f"{tmp_path}/root/serving/din", toy_schema(), tmp_path)
    assert f'"version": {model.get_int_custom_property("version")}' in model.get_string_custom_property("record")
    # One that was put there by hand serves all the same.
    assert not found(serving_dir, toy_schema(), tmp_path / "other").has_custom_property("record")


@pytest.mark.parametrize(("blessed", "served"), [(0, 1), (1, 0), (0, 0)])
def test_what_a_gate_refuses_is_neither_pushed_nor_recorded(push, tmp_path, blessed, served):
    pushed = push(blessed, served)
    assert not pushed.has_custom_property("pushed_version") and pushed.get_int_custom_property("pushed") == 0
    assert not files.exists(f"{tmp_path}/root")


def test_a_damaged_record_is_named(push, tmp_path):
    push()
    folder = f"{tmp_path}/root/serving/din"
    path = f"{tmp_path}/root/registry/din/{newest_version(folder).version}.json"
    files.write_text(path, "{")
    with pytest.raises(ConfigError, match="not JSON.*remove the file"):
        history(folder)


def test_versions_lie_in_an_object_store(monkeypatch, tmp_path):
    """Where TensorFlow writes nothing."""
    with running_store("shop") as store:
        for name, value in store.environment().items():
            monkeypatch.setenv(name, value)
        fsspec.filesystem("s3").clear_instance_cache()
        folder = "s3://shop/root/serving/din"
        (tmp_path / "saved_model.pb").write_text("graph")
        version = publish(tmp_path, folder)
        assert newest_version(folder) == version and faults_of(version.path) == []
        assert f"root/serving/din/{version.version}/saved_model.pb" in store.keys("root/serving/din/")
        record(folder, Pushed(name="din", version=version.version, path=version.path, pushed_at="now", package="0"))
        assert lineage(folder, version).version == version.version
        assert store.keys("root/registry/") == [f"root/registry/din/{version.version}.json"]


def test_a_day_that_is_run_again_passes_over_what_was_pushed_for_it_and_later(tmp_path):
    folder = str(tmp_path / "root/serving/din")
    for version, span in ((1, 5), (2, None), (3, 6), (4, 7)):
        files.make_dirs(f"{folder}/{version}")
        files.write_text(f"{folder}/{version}/saved_model.pb", "graph")
        record(folder, Pushed(name="din", version=version, path="", pushed_at="", package="", span=span))
    found = {span: getattr(newest_before(folder, span), "version", None) for span in (None, 8, 7, 6, 5)}
    # One of no span serves, whatever the day.
    assert found == {None: 4, 8: 4, 7: 3, 6: 2, 5: 2}
    assert newest_before(f"{tmp_path}/nowhere", 5) is None
