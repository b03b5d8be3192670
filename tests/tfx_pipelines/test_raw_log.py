"""The pipeline from raw files on: the import as its first stage, and the shards of an import with Beam."""

from __future__ import annotations

import json
from pathlib import Path

import apache_beam as beam
import pytest
import yaml
from apache_beam.options.pipeline_options import PipelineOptions
from tfx import v1 as tfx

from tests.zoo.data.test_importer import DAY, START, config, sessions, write
from tfx_pipelines.beam_shards import beam_samples, beam_shards
from tfx_pipelines.code import stage_code
from tfx_pipelines.components.raw_log_example_gen import RawLogExampleGen, imported_log
from tfx_pipelines.config import PICKLER, DailyConfig, DataConfig
from tfx_pipelines.runners.local import LocalRun, StageError, run_local
from zoo import files
from zoo.config import ConfigError
from zoo.data.example import from_example
from zoo.data.importer import SamplesConfig, import_events, import_samples, importer, load_import_config
from zoo.data.importer.samples import shards as sample_shards
from zoo.data.importer.samples import table as sample_table
from zoo.data.request import Request
from zoo.data.request_log import SPLITS, RequestLog
from zoo.keras import tf

SETTINGS = config().model_dump(mode="json", exclude_unset=True)


def content(log: str) -> dict[str, list[Request]]:
    """The requests of a log by file, in order; how an example's features are ordered in its bytes is left to chance."""
    schema = RequestLog(log).schema
    return {f"{split}/{Path(path).name}": [from_example(schema, record.numpy())
                                           for record in tf.data.TFRecordDataset(path, compression_type="GZIP")]
            for split in SPLITS for path in RequestLog(log).files(split)}


@pytest.fixture
def imported(tmp_path):
    """Runs the import as a stage, on the files of `raw/`, in one root."""
    (tmp_path / "raw").mkdir()

    def run(*raw: str, **settings) -> LocalRun:
        values = settings.pop("whole", None) or SETTINGS | settings.pop("config", {})
        (tmp_path / "import.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
        paths = tuple(str(tmp_path / "raw" / name) for name in raw)
        daily = settings.pop("daily", None)
        data = DataConfig(raw=paths, config=str(tmp_path / "import.yaml"), **settings)
        pipeline = tfx.dsl.Pipeline(
            pipeline_name="raw", pipeline_root=str(tmp_path / "root"), components=[RawLogExampleGen(data, daily)],
            enable_cache=True,
            metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(str(tmp_path / "m.sqlite")))
        return run_local(pipeline, tmp_path / "run.log", keys=stage_code("din"))

    return run


def examples(run: LocalRun) -> str:
    return run.artifacts["RawLogExampleGen", "examples"]


def test_the_stage_makes_the_log_of_the_command_and_is_cached_until_a_file_or_a_setting_changes(tmp_path, imported):
    file = write(tmp_path / "raw" / "events[1].csv", sessions())
    first = imported("events[1].csv")
    log = RequestLog(imported_log(examples(first)))
    assert content(log.path) == content(import_events(config(), [file], tmp_path / "log").path)
    for split in SPLITS:
        handed_on = sorted(Path(examples(first)).glob(f"Split-{split}/*"))
        assert [path.read_bytes() for path in handed_on] == [Path(path).read_bytes() for path in log.files(split)]
    again = imported("events[1].csv")
    assert again.stages[0].cached and examples(again) == examples(first)

    assert not imported("events[1].csv", config={"history": 2}).stages[0].cached
    write(file, sessions(per_day=5))
    changed = imported("events[1].csv")
    assert not changed.stages[0].cached
    assert RequestLog(imported_log(examples(changed))).manifest["splits"]["train"]["requests"] == 10


def test_the_newest_span_is_imported_and_stands_in_the_metadata(tmp_path, imported):
    for day, per_day in ((18, 3), (19, 4)):
        write(tmp_path / "raw" / f"events-202311{day}.csv", sessions(per_day=per_day))
    newest = imported("events-{YYYY}{MM}{DD}.csv")
    assert newest.properties["RawLogExampleGen", "examples"]["span"] == 19_680  # days from 1970 to 2023-11-19
    manifest = RequestLog(imported_log(examples(newest))).manifest
    assert manifest["source"]["files"] == ["events-20231119.csv"] and manifest["splits"]["train"]["requests"] == 8
    given = imported("events-{YYYY}{MM}{DD}.csv", span=19_679)
    assert given.properties["RawLogExampleGen", "examples"]["span"] == 19_679
    assert RequestLog(imported_log(examples(given))).manifest["source"]["files"] == ["events-20231118.csv"]


def test_a_daily_run_learns_the_days_before_a_span_and_is_tested_on_it(tmp_path, imported):
    """14 sessions a day, a thousand seconds apart, with two requests each: 11 of them begin in the first three hours."""
    rows = sessions(days=4, per_day=14)
    for day in range(4):
        of_day = [row for row in rows if START + day * DAY <= int(row.split(",")[2]) < START + (day + 1) * DAY]
        write(tmp_path / "raw" / f"events-202311{15 + day}.csv", of_day)
    run = imported("events-{YYYY}{MM}{DD}.csv", span=19_678, daily=DailyConfig(days=2))
    log = RequestLog(imported_log(examples(run)))
    assert {split: count["requests"] for split, count in log.manifest["splits"].items()} == {
        "train": 56, "validation": 22, "test": 6}
    assert log.manifest["source"]["files"] == ["events-20231115.csv", "events-20231116.csv", "events-20231117.csv"]
    assert json.loads(run.properties["RawLogExampleGen", "examples"]["days"])["train"] == [19_676, 19_677]
    with pytest.raises(StageError, match=r"events-20231114.csv: no file has such a name; a daily run reads all days"):
        imported("events-{YYYY}{MM}{DD}.csv", span=19_677, daily=DailyConfig(days=2))


@pytest.mark.parametrize(("raw", "daily", "message"), [
    ("events-{SPAN}.csv", {}, "their files are named by dates"), ("events-{YYYY}{MM}{DD}.csv", {"test": "same"}, "daily.test")])
def test_days_that_can_not_be_imported_are_said_before_the_first_stage(raw, daily, message):
    with pytest.raises(ConfigError, match=message):
        RawLogExampleGen(DataConfig(raw=(raw,), config="rees46"), DailyConfig(**daily))


def test_a_changed_table_is_imported_anew(tmp_path, imported):
    write(tmp_path / "raw" / "events.csv", sessions())
    table = tmp_path / "users.csv"
    settings = {"tables": [{"file": str(table), "of": "user", "key": "user", "features": [{"name": "city"}]}]}
    write(table, ["u1,c1"], "user,city")
    assert not imported("events.csv", config=settings).stages[0].cached
    assert imported("events.csv", config=settings).stages[0].cached
    write(table, ["u1,c1", "u2,c2"], "user,city")
    assert not imported("events.csv", config=settings).stages[0].cached


def test_a_folder_of_files_is_imported(tmp_path, imported):
    rows = sessions()
    write(tmp_path / "raw" / "a.csv", rows[:7])
    write(tmp_path / "raw" / "b.csv", rows[7:])
    assert RequestLog(imported_log(examples(imported("")))).manifest["rows"] == len(rows)


def test_a_table_of_samples_is_imported_where_all_is_said_of_it(tmp_path, imported):
    rows = [f"u{row},{row},{row}.5,1,{split}" for row, split in enumerate(SPLITS)]
    write(tmp_path / "raw/samples.csv", rows, "user,item,price,click,split")
    item, price = {"name": "item", "role": "item"}, {"name": "price", "kind": "number"}
    settings = {"kind": "samples", "name": "shop", "columns": {"user": "user"}, "splits": {"column": "split"}}
    run = imported("samples.csv", whole=settings | {"candidates": [item, price]})
    requests = RequestLog(imported_log(examples(run))).requests("test")
    assert [request.candidates for request in requests] == [{"item": ["2"], "price": [2.5]}]
    with pytest.raises(StageError, match="'candidate_price' turned out to be number, where its configuration alone says id"):
        imported("samples.csv", whole=settings | {"candidates": [item, {"name": "price"}]})


def test_what_was_rejected_outlives_a_stage_that_failed(tmp_path, imported):
    write(tmp_path / "raw" / "events.csv", [*sessions(), *["u1,s1,never,click,i1,c1"] * 10])
    with pytest.raises(StageError, match=r"21\.7% of 46 rows were rejected.*time can not be read: 10.*All of them: ") as error:
        imported("events.csv")
    report = str(error.value).split("All of them: ")[1].splitlines()[0]
    assert Path(report).read_text(encoding="utf-8").count("time can not be read") == 10


@pytest.mark.parametrize(("settings", "message"), [
    ({"raw": ("absent.csv",), "config": "rees46"}, r"absent\.csv: no such file"),
    ({"raw": ("events-{SPAN}.csv",), "prior": ("prior-*.csv",), "config": "rees46"}, "names a span, and .*prior.* does not"),
    ({"raw": ("events-*.csv",), "config": "rees46", "span": 3}, "data.span says which span"),
    ({"raw": ("events-*.csv",), "config": "absent"}, "absent: no such file, and no import configuration of that name"),
])
def test_what_can_not_be_imported_is_said_before_the_first_stage(settings, message):
    with pytest.raises(ConfigError, match=message):
        RawLogExampleGen(DataConfig(**settings))


@pytest.mark.parametrize("values", [{"raw": ["a.csv"]}, {"raw": ["a.csv"], "config": "rees46", "log": "log"},
                                    {"prior": ["a.csv"]}, {"config": "rees46"}])
def test_raw_files_come_with_a_configuration_and_in_place_of_a_log(values):
    with pytest.raises(ValueError, match="`raw`"):
        DataConfig(**values)


@pytest.mark.slow
@pytest.mark.parametrize("events", [10_000, 5])
def test_beam_makes_the_log_that_processes_make_file_for_file(tmp_path, monkeypatch, events):
    monkeypatch.setattr(importer, "SHARD_EVENTS", events)
    file = write(tmp_path / "events.csv", sessions(per_day=6))
    shards = beam_shards(lambda: beam.Pipeline(options=PipelineOptions([PICKLER])))
    one = import_events(config(), [file], tmp_path / "processes")
    other = import_events(config(), [file], tmp_path / "beam", shards=shards)
    assert content(other.path) == content(one.path) and other.manifest == one.manifest
    assert len(one.files("train")) == (1 if events == 10_000 else 6)
    assert not [name for name in files.list_dir(tmp_path) if name.startswith(".import")]


def test_beam_reaches_a_log_in_a_store(tmp_path, monkeypatch):
    monkeypatch.setattr(importer, "SHARD_EVENTS", 20)
    file = write(tmp_path / "events.csv", sessions())
    local = import_events(config(), [file], tmp_path / "local")
    remote = import_events(config(), [file], "memory://beam/log", shards=beam_shards(
        lambda: beam.Pipeline(options=PipelineOptions([PICKLER]))))
    for split in SPLITS:
        assert list(remote.requests(split)) == list(local.requests(split))
    assert files.list_dir("memory://beam") == ["log"]


@pytest.mark.slow
@pytest.mark.parametrize("request_column", ["page", None])
@pytest.mark.parametrize("out", ["local", "memory"])
def test_beam_makes_samples_as_processes_do(tmp_path, monkeypatch, request_column, out):
    monkeypatch.setattr(sample_shards, "_SHARD_BYTES", 2_000)
    monkeypatch.setattr(sample_shards, "_SHARD_BATCHES", 1)
    monkeypatch.setattr(sample_table, "CHUNK_ROWS", 40)
    rows = [f"u{row % 9},p{row % 50},{row % 7},{row % 7}.5,{row % 2 if row != 99 else 'x'},{SPLITS[row % 9 % 3]}"
            for row in range(200)]
    file = write(tmp_path / "samples.csv", rows, "user,page,item,price,click,split")
    (tmp_path / "import.yaml").write_text(yaml.safe_dump({
        "kind": "samples", "name": "shop", "columns": {"user": "user"} | ({"request": "page"} if request_column else {}),
        "candidates": [{"name": "item", "role": "item"}, {"name": "price", "kind": "number", "owner": "item"}],
        "splits": {"column": "split"}}), encoding="utf-8")
    settings = load_import_config(tmp_path / "import.yaml")
    assert isinstance(settings, SamplesConfig)
    place = str(tmp_path / "beam") if out == "local" else f"memory://samples-{request_column}/log"
    one = import_samples(settings, [file], tmp_path / "processes")
    other = import_samples(settings, [file], place, shards=beam_samples(
        lambda: beam.Pipeline(options=PipelineOptions([PICKLER]))))
    assert other.manifest == one.manifest and one.manifest["rejected"] == {"click is neither 1 nor 0: x": 1}
    for split in SPLITS:
        names = [[files.name(path) for path in log.files(split)] for log in (one, other)]
        assert names[0] == names[1] and len(names[0]) > 1
        assert list(other.requests(split)) == list(one.requests(split))
    assert [row for log in (one, other) for row in log.catalogue().rows()] == 2 * list(one.catalogue().rows())
    for name in ("rejected.csv", "schema.yaml"):
        assert files.read_text(files.join(one.path, name)) == files.read_text(files.join(other.path, name))
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []
    if out == "memory":
        assert files.list_dir(files.parent(place)) == ["log"]


def test_a_run_from_raw_files_compiles_for_kubeflow(tmp_path, command):
    (tmp_path / "run.yaml").write_text(yaml.safe_dump({
        "data": {"raw": ["gs://shop/events-{YYYY}{MM}{DD}.csv"], "prior": ["gs://shop/prior-{YYYY}{MM}{DD}.csv"],
                 "config": "rees46"},
        "model": {"name": "din"}}), encoding="utf-8")
    output, code = command("compile", tmp_path / "run.yaml", "--root", "gs://shop/root", "--out", tmp_path / "pipeline.yaml")
    assert code == 0, output
    written = yaml.safe_load_all((tmp_path / "pipeline.yaml").read_text(encoding="utf-8"))
    dag = next(filter(None, written))["root"]["dag"]["tasks"]
    assert "RawLogExampleGen" in dag and "ImportExampleGen" not in dag
    given = dag["RawLogExampleGen"]["inputs"]["parameters"]
    assert given["input_base"]["runtimeValue"]["constant"] == "gs://shop"
    assert "events-{YYYY}{MM}{DD}.csv" in given["input_config"]["runtimeValue"]["constant"]
