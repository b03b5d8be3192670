"""The pipeline's Pusher publishes as everything else does."""

from __future__ import annotations

import time

import pytest
from tfx.types import standard_artifacts

from tests.toy import toy_schema
from tfx_pipelines.components.pusher import Pusher
from tfx_pipelines.schema import schema_to_json
from zoo.manifest import faults_of
from zoo.versions import versions_in


def artifact(kind, path, **properties):
    made = kind()
    made.uri = str(path)
    for name, value in properties.items():
        made.set_int_custom_property(name, value)
    return made


@pytest.fixture
def model(tmp_path):
    serving = tmp_path / "model/Format-Serving"
    serving.mkdir(parents=True)
    (serving / "saved_model.pb").write_bytes(b"graph")
    return artifact(standard_artifacts.Model, tmp_path / "model")


@pytest.mark.parametrize("blessed", [1, 0])
def test_a_blessed_model_is_published_and_recorded(model, tmp_path, monkeypatch, blessed):
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.5)
    model.set_string_custom_property("tfx_version", "1.16.0")
    blessing = artifact(standard_artifacts.ModelBlessing, tmp_path / "blessing", blessed=blessed)
    found = []
    # Two runs end within one second; TFX's own would drop the second.
    for number in range(2):
        pushed = artifact(standard_artifacts.PushedModel, tmp_path / f"pushed {number}")
        Pusher.test_call(model=model, pushed_model=pushed, serving_dir=f"{tmp_path}/serving", pipeline="toy",
                         schema=schema_to_json(toy_schema()), model_blessing=blessing,
                         examples=artifact(standard_artifacts.Examples, tmp_path / "examples"))
        found.append(pushed)
    versions = versions_in(tmp_path / "serving")
    assert versions == ([1_700_000_000, 1_700_000_001] if blessed else [])
    for version, pushed in zip(versions, found, strict=False):
        path = tmp_path / "serving" / str(version)
        assert faults_of(path) == [] and pushed.get_string_custom_property("pushed_version") == str(version)
        assert pushed.get_string_custom_property("pushed_destination") == str(path)
        assert (tmp_path / pushed.uri / "saved_model.pb").read_bytes() == b"graph"
    assert [pushed.get_int_custom_property("pushed") for pushed in found] == [blessed] * 2
