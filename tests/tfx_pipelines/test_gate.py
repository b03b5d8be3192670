"""The gate of a whole run, held against the floors of the log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tfx_pipelines.run import run_pipeline
from zoo.export import load_model

pytestmark = pytest.mark.slow


def test_a_model_that_counting_alone_would_beat_is_refused(ran, config, log):
    manifest = Path(log.path, "manifest.json")
    before = manifest.read_text()
    manifest.write_text(json.dumps(json.loads(before) | {"floors": {"auc": {"counts": 0.99}}}))
    try:
        _, refused = run_pipeline(config)
        _, reported = run_pipeline(config.model_copy(update={"gate": config.gate.model_copy(update={"above_floors": None})}))
    finally:
        manifest.write_text(before)
    assert not refused["blessed"] and refused["pushed_version"] is None and load_model(refused["trained_model"])
    assert "is below the gate's 0.99" in refused["reasons"][0] and refused["reasons"][1].endswith("floor counts 0.99")
    assert reported["blessed"] and reported["reasons"][1].endswith("floor counts 0.99 (reported only)")
