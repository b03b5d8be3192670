"""The data stages that read in batches give what TFX's own give, which read record by record."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow_data_validation as tfdv
from tfx import v1 as tfx
from tfx.proto import example_gen_pb2

from tests.toy import rich_requests, rich_schema
from tfx_pipelines.components import statistics_gen
from tfx_pipelines.components import transform as transform_stage
from tfx_pipelines.components.import_example_gen import ImportExampleGen
from tfx_pipelines.components.statistics_gen import StatisticsGen
from tfx_pipelines.components.transform import Transform
from tfx_pipelines.config import PICKLER
from tfx_pipelines.data_stages import data_components
from tfx_pipelines.runners.local import run_local
from zoo.data.layout import POOLS
from zoo.data.request_log import SPLITS, RequestLogWriter
from zoo.keras import tf
from zoo.training import read_dataset

pytestmark = pytest.mark.slow
SCHEMA = rich_schema()
REQUESTS = dict(zip((*SPLITS, POOLS), np.split(np.array(rich_requests(95), object), [60, 80, 90]), strict=True))
IDS = {split: [request.request_id for request in requests] for split, requests in REQUESTS.items()}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The stages of the pipeline and TFX's own, on a log of several files: the folder of each output by (stage, output)."""
    folder = tmp_path_factory.mktemp("stages")
    with RequestLogWriter(folder / "log", SCHEMA, source={}, shard_size=25) as log:
        for split, requests in REQUESTS.items():
            for request in requests:
                log.write(split, request)
    ours = data_components(SCHEMA, ImportExampleGen(str(folder / "log")))
    splits = [example_gen_pb2.Input.Split(name=split, pattern=f"{split}/*") for split in SPLITS]
    examples = tfx.components.ImportExampleGen(
        input_base=str(folder / "log"), input_config=example_gen_pb2.Input(splits=splits)).with_id("TfxExamples")
    statistics = tfx.components.StatisticsGen(examples=examples.outputs["examples"]).with_id("TfxStatistics")
    settings = {name: ours["transform"].exec_properties[name] for name in ("preprocessing_fn", "splits_config")}
    transform = tfx.components.Transform(
        examples=examples.outputs["examples"], schema=ours["declared"].outputs["schema"],
        custom_config={"schema": SCHEMA.model_dump_json(exclude_defaults=True)}, disable_statistics=True,
        disable_analyzer_cache=True, **settings).with_id("TfxTransform")
    assert isinstance(ours["statistics"], StatisticsGen) and isinstance(ours["transform"], Transform)
    return artifacts(folder, [*ours.values(), examples, statistics, transform])


@pytest.fixture(scope="module")
def by_beam(runs, tmp_path_factory):
    """Our stages as they work where Beam runs on other machines."""
    folder, log = tmp_path_factory.mktemp("beam"), runs["log", ""]
    with pytest.MonkeyPatch.context() as patch:
        for module in (statistics_gen, transform_stage):
            patch.setattr(module, "on_this_machine", lambda arguments: False)
        return artifacts(folder, list(data_components(SCHEMA, ImportExampleGen(str(log))).values()))


def artifacts(folder: Path, components: list) -> dict[tuple[str, str], Path]:
    """Runs some stages: the folder of each output by (stage, output), and that of the log."""
    pipeline = tfx.dsl.Pipeline(
        pipeline_name="stages", pipeline_root=str(folder), components=components,
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(str(folder / "m.sqlite")),
        beam_pipeline_args=[PICKLER])
    found = run_local(pipeline, folder / "run.log").artifacts
    return {key: Path(uri) for key, uri in found.items()} | {("log", ""): folder / "log"}


def examples_of(folder: Path, split: str) -> list[bytes]:
    """Of a split, in order; a map's order in the bytes is left to chance."""
    return [one for path in sorted((folder / f"Split-{split}").iterdir()) for one in examples_of_file(path)]


def examples_of_file(path: Path) -> list[bytes]:
    return [tf.train.Example.FromString(record.numpy()).SerializeToString(deterministic=True)
            for record in tf.data.TFRecordDataset(str(path), compression_type="GZIP")]


@pytest.mark.parametrize("split", SPLITS)
def test_examples_are_handed_on_in_the_order_of_the_log(runs, split):
    """TFX's own reader takes several files in an order of its own."""
    handed_on = examples_of(runs["ImportExampleGen", "examples"], split)
    assert sorted(handed_on) == sorted(examples_of(runs["TfxExamples", "examples"], split))
    assert [request_id(one) for one in handed_on] == IDS[split]


@pytest.mark.parametrize("split", SPLITS)
def test_transformed_examples_are_the_same(runs, split):
    transformed = examples_of(runs["Transform", "transformed_examples"], split)
    assert sorted(transformed) == sorted(examples_of(runs["TfxTransform", "transformed_examples"], split))
    assert [request_id(one) for one in transformed] == IDS[split]


def test_pools_are_handed_on_and_transformed_where_a_log_has_them(runs):
    for stage, output in (("ImportExampleGen", "examples"), ("Transform", "transformed_examples")):
        assert [request_id(one) for one in examples_of(runs[stage, output], POOLS)] == IDS[POOLS]
    paths = (runs["Transform", "transformed_examples"] / f"Split-{POOLS}").iterdir()
    batch = next(iter(read_dataset(SCHEMA, [str(path) for path in paths], 5)))
    expected = [request.marks["stage"] for request in REQUESTS[POOLS]]
    assert [row[:len(marks)] for row, marks in zip(batch.marks["stage"].numpy().tolist(), expected, strict=True)] == expected


def test_vocabularies_are_the_same(runs):
    ours, theirs = (sorted((runs[stage, "transform_graph"] / "transform_fn" / "assets").iterdir())
                    for stage in ("Transform", "TfxTransform"))
    assert [path.name for path in ours] == [path.name for path in theirs] != []
    assert [path.read_bytes() for path in ours] == [path.read_bytes() for path in theirs]
    assert {path.name for path in runs["Transform", "transform_graph"].iterdir()} == {
        path.name for path in runs["TfxTransform", "transform_graph"].iterdir()}


def request_id(example: bytes) -> str:
    return tf.train.Example.FromString(example).features.feature["request_id"].bytes_list.value[0].decode()


@pytest.mark.parametrize("split", SPLITS)
def test_beam_workers_write_the_same_files(runs, by_beam, split):
    ours, theirs = ({path.name: examples_of_file(path) for path in (one["Transform", "transformed_examples"]
                                                                    / f"Split-{split}").iterdir()} for one in (runs, by_beam))
    assert ours == theirs != {}


@pytest.mark.parametrize("by", ["processes", "beam"])
@pytest.mark.parametrize("split", SPLITS)
def test_statistics_are_the_same(runs, by_beam, split, by):
    """But for quantiles, which depend on where one file ends and the next one begins."""
    ours, theirs = (tfdv.load_stats_binary(str(folder / f"Split-{split}" / "FeatureStats.pb"))
                    for folder in ((runs if by == "processes" else by_beam)["StatisticsGen", "statistics"],
                                   runs["TfxStatistics", "statistics"]))
    def by_name(statistics):
        found = {feature.path.step[0]: feature for feature in statistics.datasets[0].features}
        for feature in found.values() if split == "train" else ():
            for common in (feature.num_stats, feature.string_stats):
                common.common_stats.ClearField("num_values_histogram")
            kept = [one for one in feature.num_stats.histograms if one.type != one.QUANTILES]
            del feature.num_stats.histograms[:]
            feature.num_stats.histograms.extend(kept)
        return found

    assert ours.datasets[0].num_examples == theirs.datasets[0].num_examples
    assert by_name(ours) == by_name(theirs)


def test_arguments_of_the_program_that_calls_are_its_own(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["mine.py", "-v", "--epochs"])
    assert artifacts(tmp_path, [ImportExampleGen(str(runs["log", ""]))])["ImportExampleGen", "examples"].is_dir()
    assert sys.argv == ["mine.py", "-v", "--epochs"]
