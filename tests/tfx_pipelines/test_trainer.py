"""Which training a checkpoint belongs to."""

from __future__ import annotations

from tfx_pipelines.training_files import training_key

SETTINGS = {"model": "din", "training": {"seed": 1}, "checkpoints": "root/training"}


def test_a_training_is_known_by_settings_code_and_files(tmp_path):
    file = tmp_path / "part"
    file.write_text("1")
    key = training_key(SETTINGS, "code", [str(file)])
    assert key == training_key(SETTINGS | {"checkpoints": "elsewhere"}, "code", [str(file)])
    assert key != training_key(SETTINGS | {"training": {"seed": 2}}, "code", [str(file)])
    assert key != training_key(SETTINGS, "other code", [str(file)])
    assert key != training_key(SETTINGS, "code", [])
    file.write_text("12")
    assert key != training_key(SETTINGS, "code", [str(file)])
