"""What a step of a compiled pipeline makes of what Kubeflow's launcher, or Vertex AI, gives it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tfx.types import standard_artifacts
from tfx.types.experimental.simple_artifacts import File
from tfx.utils import path_utils

from tests.tfx_pipelines.container_steps import SEEN
from tfx_pipelines.anomalies import AnomalyError
from tfx_pipelines.artifacts import TypedGraph
from tfx_pipelines.container.artifacts import ArtifactTypeError, class_of, properties, read, written
from tfx_pipelines.container.parameters import values
from tfx_pipelines.container.paths import BELOW, ArtifactPlaceError, local_path
from tfx_pipelines.container.step import run_step
from zoo import files

TFX_MODEL = {"instanceSchema": "title: tfx.Model\ntype: object\n"}
COMPONENT = {
    "inputDefinitions": {"artifacts": {"model": {"artifactType": TFX_MODEL}},
                         "parameters": {"count": {"parameterType": "NUMBER_INTEGER"}, "name": {"parameterType": "STRING"},
                                        "rate": {"parameterType": "NUMBER_DOUBLE"}}},
    "outputDefinitions": {"artifacts": {"blessing": {"artifactType": {"schemaTitle": "tfx.ModelBlessing"}}}}}


@pytest.fixture
def given(tmp_path, monkeypatch):
    """An executor input as the launcher gives it, and where its copies are."""
    monkeypatch.setenv(BELOW, str(tmp_path))
    SEEN.clear()
    return {
        "inputs": {"parameterValues": {"count": 3.0, "rate": 1, "name": "din"},
                   "artifacts": {"model": {"artifacts": [{"name": "17", "uri": "s3://b/root/Trainer/1a/model", "metadata": {
                       "display_name": "model", "store_session_info": "{}", "tfx_version": "1.16.0", "items": 5.0}}]}}},
        "outputs": {"artifacts": {
            "blessing": {"artifacts": [{"uri": "s3://b/root/Evaluator/2b/blessing",
                                        "type": {"schemaTitle": "tfx.ModelBlessing"}}]},
            "executor-logs": {"artifacts": [{"uri": "s3://b/root/Evaluator/2b/executor-logs",
                                             "type": {"schemaTitle": "system.Artifact"}}]}},
            "outputFile": f"{tmp_path}/kfp_outputs/output_metadata.json"}}


def put(tmp_path, text: str = "weights") -> None:
    folder = tmp_path / "s3/b/root/Trainer/1a/model"
    folder.mkdir(parents=True)
    (folder / "said.txt").write_text(text)


def step(kind: str, given, **options) -> dict:
    run_step(f"tests.tfx_pipelines.container_steps.{kind}", COMPONENT, given, local=True, **options)
    return json.loads(Path(given["outputs"]["outputFile"]).read_text())


@pytest.mark.parametrize(("kinds", "expected"), [
    ([TFX_MODEL, None], standard_artifacts.Model),  # an input of the launcher has no type
    ([TFX_MODEL, {"schemaTitle": "system.Artifact"}], standard_artifacts.Model),
    ([None, {"schemaTitle": "system.Model"}], standard_artifacts.Model),
    ([{"instanceSchema": ""}, {"schemaTitle": "tfx.Examples", "schemaVersion": "0.0.1"}], standard_artifacts.Examples),
    ([{"schemaTitle": "tfx.File"}], File),
    ([{"instanceSchema": "title: zoo.TypedGraph\ntype: object\n"}], TypedGraph),
])
def test_the_type_is_the_first_that_is_said(kinds, expected):
    assert class_of("one", *kinds) is expected


@pytest.mark.parametrize("kinds", [[None], [{"instanceSchema": ""}], [{"schemaTitle": "system.Artifact"}],
                                   [{"schemaTitle": "tfx.Nothing"}], [{"schemaTitle": "tfx.__name__"}]])
def test_an_artifact_of_no_known_type_is_named(kinds):
    with pytest.raises(ArtifactTypeError, match="'one'.*compile"):
        class_of("one", *kinds)


def test_what_was_said_of_an_artifact_comes_back_through_the_launcher():
    """Its metadata store has floats for integers, and wraps lists and mappings."""
    examples = standard_artifacts.Examples()
    examples.span, examples.split_names = 19680, '["train", "test"]'
    examples.set_int_custom_property("blessed", 1)
    examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    examples.set_json_value_custom_property("parts", ["a", {"b": 2.0}])
    examples.set_json_value_custom_property("kept", {"x": [1.0]})
    examples.set_string_custom_property("span", "named as a property")
    said = written(examples, "s3://b/x")
    assert said["uri"] == "s3://b/x"
    json.dumps(said)
    stored = {key: {"list": value} if isinstance(value, list) else {"struct": value} if isinstance(value, dict)
              else float(value) if isinstance(value, int) else value for key, value in said["metadata"].items()}
    again = read({"name": "12", "uri": "s3://b/x", "metadata": stored}, standard_artifacts.Examples, "/s3/b/x", names := {})
    assert names == {12: "12"} and again.id == 12 and again.uri == "/s3/b/x"
    assert (again.span, again.split_names) == (19680, '["train", "test"]')
    assert again.get_int_custom_property("blessed") == 1
    assert again.get_string_custom_property("payload_format") == "FORMAT_TF_EXAMPLE"
    assert again.get_json_value_custom_property("parts") == ["a", {"b": 2.0}]
    assert again.get_json_value_custom_property("kept") == {"x": [1.0]}
    assert again.get_string_custom_property("span") == "named as a property"
    assert properties(again) == properties(examples)
    assert written(again, "s3://b/x") == said


def test_vertex_says_it_in_the_older_way():
    given = {"name": "projects/1/artifacts/2", "uri": "gs://b/x", "properties": {"span": {"intValue": "7"}},
             "customProperties": {"blessed": {"intValue": "1"}}}
    examples = read(given, standard_artifacts.Examples, "gs://b/x", names := {})
    assert examples.span == 7 and examples.get_int_custom_property("blessed") == 1
    assert names[examples.id] == "projects/1/artifacts/2"
    assert values({"parameters": {"count": {"intValue": "3"}, "name": {"stringValue": "din"}, "rate": {"doubleValue": 0.5}}},
                  {}) == {"count": 3, "name": "din", "rate": 0.5}


def test_a_step_reads_and_writes_the_launchers_copies(given, tmp_path):
    put(tmp_path)
    said = step("Plain", given)
    seen, = SEEN
    assert seen["inputs"] == {"model": [f"{tmp_path}/s3/b/root/Trainer/1a/model"]}
    assert seen["settings"] == {"count": 3, "rate": 1.0, "name": "din"}
    assert isinstance(seen["settings"]["count"], int) and isinstance(seen["settings"]["rate"], float)
    assert (tmp_path / "s3/b/root/Evaluator/2b/blessing/said.txt").read_text() == "made of weights"
    # The launcher's log is its own, and URIs are the store's, not those of the copies.
    assert seen["outputs"] == ["blessing"] == list(said["artifacts"])
    blessing, = said["artifacts"]["blessing"]["artifacts"]
    assert blessing["uri"] == "s3://b/root/Evaluator/2b/blessing"
    assert blessing["metadata"]["blessed"] == 1 and "tfx_version" in blessing["metadata"]
    assert str(tmp_path) not in json.dumps(said)


@pytest.mark.parametrize("marker", [True, False])
def test_an_artifact_without_files_is_an_empty_folder(given, tmp_path, marker):
    """The launcher copies no empty folder; of a marker, an empty object named as the folder, it makes a file."""
    place = tmp_path / "s3/b/root/Trainer/1a/model"
    if marker:
        place.parent.mkdir(parents=True)
        place.touch()
    step("Plain", given)
    assert place.is_dir() and not list(place.iterdir())


def test_a_model_whose_metadata_were_lost_is_found_where_it_lies(given, tmp_path):
    (tmp_path / "s3/b/root/Trainer/1a/model/Format-Serving").mkdir(parents=True)
    given["inputs"]["artifacts"]["model"]["artifacts"][0].pop("metadata")
    step("Plain", given)
    model, = SEEN[0]["artifacts"]["model"]
    assert not path_utils.is_old_model_artifact(model)


def test_every_try_of_a_step_has_a_folder_of_its_own(given, tmp_path):
    put(tmp_path)
    step("OnBeam", given)
    step("OnBeam", given)
    first, second = (one["temporary"] for one in SEEN)
    assert first != second and "Evaluator-2b-" in first
    assert not any(files.exists(files.parent(files.normal(one))) for one in (first, second))


def test_beam_on_other_machines_works_on_copies_that_they_reach(given, tmp_path):
    put(tmp_path)
    step("OnBeam", given, temporary=f"{tmp_path}/shared")
    step("Plain", given, temporary=f"{tmp_path}/shared")
    on_beam, plain = SEEN
    assert all(one.startswith(f"{tmp_path}/shared/") for one in (*on_beam["inputs"]["model"], on_beam["temporary"]))
    assert plain["inputs"]["model"] == [f"{tmp_path}/s3/b/root/Trainer/1a/model"]
    assert (tmp_path / "s3/b/root/Evaluator/2b/blessing/said.txt").read_text() == "made of weights"
    assert not list((tmp_path / "shared").iterdir())


def test_a_place_that_the_launcher_does_not_copy_is_named():
    assert [local_path(f"{scheme}://b/x") for scheme in ("gs", "s3", "minio")] == ["/gcs/b/x", "/s3/b/x", "/minio/b/x"]
    with pytest.raises(ArtifactPlaceError, match="hdfs://b/x.*pipeline.root"):
        local_path("hdfs://b/x")


def test_the_newest_span_is_found_in_the_step(given, tmp_path):
    """Elsewhere a driver does that, before the step."""
    for day in ("2026-01-01", "2026-01-02"):
        (tmp_path / f"events-{day}.csv").write_text("x\n")
    component = {"inputDefinitions": {"artifacts": {}, "parameters": {}},
                 "outputDefinitions": {"artifacts": {"examples": {"artifactType": {"schemaTitle": "tfx.Examples"}}}}}
    given["inputs"] = {"parameterValues": {"input_base": str(tmp_path), "input_config": json.dumps(
        {"splits": [{"name": "events-0", "pattern": "events-{YYYY}-{MM}-{DD}.csv"}]})}}
    given["outputs"]["artifacts"] = {"examples": {"artifacts": [{"uri": "s3://b/root/Raw/3c/examples"}]}}
    run_step("tests.tfx_pipelines.container_steps.Plain", component, given, local=True)
    assert json.loads(SEEN[0]["settings"]["input_config"])["splits"][0]["pattern"] == "events-2026-01-02.csv"
    said = json.loads(Path(given["outputs"]["outputFile"]).read_text())["artifacts"]["examples"]["artifacts"][0]["metadata"]
    assert said["custom:span"] == 20455 and "num_files:1," in said["input_fingerprint"]


@pytest.mark.parametrize("column", ["", "candidate_price"])
def test_a_log_that_does_not_fit_its_schema_ends_the_run(given, column):
    """Elsewhere our runner looks what ExampleValidator wrote down."""
    component = {"outputDefinitions": {"artifacts": {"anomalies": {"artifactType": {"schemaTitle": "tfx.ExampleAnomalies"}}}}}
    given["inputs"] = {"parameterValues": {"name": column}}
    given["outputs"]["artifacts"] = {"anomalies": {"artifacts": [{"uri": "s3://b/root/ExampleValidator/4d/anomalies"}]}}
    executor = "tests.tfx_pipelines.container_steps.Anomalous"
    if not column:
        run_step(executor, component, given, local=True)
        return
    with pytest.raises(AnomalyError, match="train: column 'candidate_price': is not what the schema says"):
        run_step(executor, component, given, local=True)
    assert not Path(given["outputs"]["outputFile"]).exists()
