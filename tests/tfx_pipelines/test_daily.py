"""Daily runs of the whole pipeline: two days, one run again, and one that is stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tfx_pipelines.backfill import backfill, spans_between
from tfx_pipelines.config import DailyConfig, DataConfig, ModelConfig, PipelineConfig, RunConfig, load_run_config
from tfx_pipelines.day_files import state_of
from tfx_pipelines.pipeline import create_pipeline
from tfx_pipelines.registry import history
from tfx_pipelines.run import run_pipeline
from tfx_pipelines.runners.local import StageError
from zoo.config import ConfigError
from zoo.data.simulator import SimulatorConfig, TrendsConfig, simulator_schema, write_simulated_days
from zoo.export import load_model
from zoo.export.delta import apply_delta
from zoo.layers.embedding_table import EmbeddingTable
from zoo.training.grown_vocabulary import GrownVocabulary

SETTINGS = ["gate.auc=0.0", "gate.gauc=0.0", "gate.max_drop=1.0", "training.epochs=1", "serving.replay_requests=20",
            "serving.warmup_requests=1", "daily.evict_after=0"]
HARDLY = "training.optimizers.wide.learning_rate=1.0e-9"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("daily")


@pytest.fixture(scope="module")
def logs(root):
    config = SimulatorConfig(requests=300, users=100, items=120, trends=TrendsConfig(lifetime=2.0))
    write_simulated_days(config, root / "days")
    return str(root / "days" / "{YYYY}-{MM}-{DD}")


@pytest.fixture(scope="module")
def config(root, logs):
    """Of daily runs on the days; more settings by `config("daily.days=2")`."""
    def load(*settings: str) -> RunConfig:
        return load_run_config("sim", [*SETTINGS, *settings], model="lr", options={
            "data.log": logs, "pipeline.root": str(root / "root")})

    return load


def run(config: RunConfig) -> dict:
    return run_pipeline(config)[1]


@pytest.fixture(scope="module")
def days(config):
    """The reports of two days, the second of which hardly learns."""
    first = run(config("data.span=19677"))
    return first, [report for _, report, _ in backfill(config(HARDLY), spans_between("2023-11-16..2023-11-17"), run)][1]


def weights(root: Path, version: int) -> tuple[dict[str, float], GrownVocabulary]:
    """What a pushed model has learned of each item, and its vocabulary."""
    path = str(root / "root" / "serving" / "lr" / str(version))
    model, state = load_model(path), state_of(path)
    assert state is not None
    vocabulary = GrownVocabulary.load(f"{state}/item.json")
    table = next(layer for layer in model._flatten_layers() if isinstance(layer, EmbeddingTable)
                 and layer.name == "linear_candidate_item")
    return dict(zip(vocabulary.ids, table.table.numpy()[2:, 0].tolist(), strict=True)), vocabulary


@pytest.mark.slow
def test_known_ids_keep_their_weights_and_new_ones_appear(root, days):
    before, after = (weights(root, report["pushed_version"])[0] for report in days)
    kept, new, dead = sorted(set(before) & set(after)), sorted(set(after) - set(before)), sorted(set(before) - set(after))
    np.testing.assert_allclose([after[item] for item in kept], [before[item] for item in kept], atol=1e-6)
    assert np.abs([before[item] for item in kept]).max() > 1e-3
    np.testing.assert_allclose([after[item] for item in new], 0.0, atol=1e-6)
    counts = days[1]["daily"]["vocabularies"]["item"]
    assert (counts["kept"], counts["admitted"], counts["evicted"]) == (len(kept), len(new), len(dead))
    assert kept and new and counts["rows"] == len(after)


@pytest.mark.slow
def test_the_report_and_the_registry_say_what_was_learned(root, days):
    first, second = (report["daily"] for report in days)
    assert first["warm_start"] is False and first["began_anew_because"] == "nothing was pushed yet"
    assert second["warm_start"] is True and second["from_version"] == days[0]["pushed_version"]
    assert (second["learned"], second["tested"]) == ([19_677], [19_678])
    assert days[1]["compared_with_version"] == days[0]["pushed_version"]
    assert [(one.version, one.span) for one in history(str(root / "root/serving/lr"))] == [
        (days[0]["pushed_version"], 19_677), (days[1]["pushed_version"], 19_678)]
    assert "## The day" in (root / "root/report.md").read_text() and "| item |" in (root / "root/report.md").read_text()


@pytest.mark.slow
def test_the_delta_of_the_second_day_makes_its_model_of_the_first(root, days, tmp_path):
    serving = root / "root" / "serving" / "lr"
    first, second = (serving / str(report["pushed_version"]) for report in days)
    apply_delta(first, root / "root/deltas/lr" / second.name, tmp_path / "made")
    for ours, theirs in zip(load_model(str(tmp_path / "made")).variables, load_model(str(second)).variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    size = days[1]["daily"]["delta"]
    assert days[0]["daily"]["delta"] is None and 0 < size["bytes"] < size["model_bytes"]


@pytest.mark.slow
def test_a_day_that_is_run_again_begins_where_it_began(config, days):
    (_, report, before), = backfill(config(HARDLY), spans_between("19678"), run, again=True)
    assert not before and report["pushed_version"] == days[1]["pushed_version"]
    assert all(stage["cached"] for stage in report["stages"])


@pytest.mark.slow
def test_a_column_that_moved_too_far_stops_the_run(config, days):
    message = r"stage DriftCheck failed: DriftError: drift: .*'candidate_past_impressions' by .*daily\.drift\.columns\."
    with pytest.raises(StageError, match=message):
        run(config("data.span=19678", "daily.drift.numbers=0.0001"))


def test_a_daily_pipeline_has_its_stages_in_order():
    config = RunConfig(data=DataConfig(log="days/{SPAN}"), model=ModelConfig(name="din"), daily=DailyConfig(skew={}),
                       pipeline=PipelineConfig(root="root"))
    schema = simulator_schema(SimulatorConfig())
    made = create_pipeline(config, schema, serving_dir="serving", metadata_path=None)
    names = [one.id for one in made.components]
    assert {"DayVocabularies", "DriftCheck", "LatestPushedModel"} <= set(names)
    order = ["ImportExampleGen", "LatestPushedModel", "DriftCheck", "DayVocabularies", "Transform", "Trainer", "Evaluator"]
    assert sorted(order, key=names.index) == order
    with pytest.raises(ConfigError, match="needs a log of each span"):
        create_pipeline(config.model_copy(update={"data": DataConfig(log="days")}), schema, serving_dir="serving",
                        metadata_path=None)
