"""A coarse ranker through the pipeline: its items from the catalogue, its replay by ids, new items without training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from serving.client import RankingClient
from serving.server import LocalModelServer
from tfx_pipelines.config import item_table, load_run_config
from tfx_pipelines.item_pipeline import create_item_pipeline
from tfx_pipelines.kept_items import KeptItems
from tfx_pipelines.places import serving_dir
from tfx_pipelines.run import run_pipeline
from tfx_pipelines.runners.kubeflow import pipeline_job
from tfx_pipelines.runners.local import run_local
from tfx_pipelines.source import source_of
from zoo import files
from zoo.data.catalogue import CATALOGUE_FILE, Catalogue
from zoo.data.catalogue_writer import write_catalogue_table
from zoo.export.model_description import read_description
from zoo.versions import newest_version

SETTINGS = {"embedding": {"dim": 8}, "units": [32], "head": "mlp", "crossing": "matched"}


@pytest.fixture(scope="module")
def coarse(config):
    """The demo's configuration with a dual tower: the data stages are the demo's."""
    return config.model_copy(update={"model": config.model.model_copy(update={"name": "dssm", "config": SETTINGS})})


@pytest.fixture(scope="module")
def coarse_run(coarse):
    return run_pipeline(coarse)


@pytest.mark.slow
def test_what_is_pushed_names_candidates_and_scores_as_the_trainer_does(coarse_run, coarse, log):
    run, report = coarse_run
    assert report["blessed"] and report["serving"]["max_abs_diff"] < 1e-5, report["reasons"]
    assert report["items"] == log.catalogue().item_count
    assert report["serving"]["unknown"] == 0
    assert report["serving"]["compared"] == report["serving"]["candidates"] > 500
    found = json.loads((Path(run.artifacts["ServingValidator", "blessing"]) / "serving_validation.json").read_text("utf-8"))
    assert 0 < found["max_abs_diff_by_signature"]["rank"] < 1e-5
    base = serving_dir(coarse)
    request = next(log.requests("test"))
    with (LocalModelServer({"dssm": base}) as server,
          RankingClient.of_model(server.target, "dssm", base, deadline_s=20) as client):
        client.wait_until_ready()  # after its warm-up, by ids too
        top = client.top_k([request], 3)[0]
        assert client.by_id and list(top.places) == [one.index for one in client.rank_one(request).ranked("click")[:3]]


@pytest.mark.slow
def test_new_items_come_to_the_model_that_serves_without_training(coarse_run, coarse, log, tmp_path):
    """By the pipeline of items alone, from a log whose catalogue has another item."""
    before = newest_version(serving_dir(coarse))
    fresh = tmp_path / "log"
    files.copy(log.path, fresh)
    catalogue = log.catalogue()
    other = catalogue.table.slice(0, 1).set_column(0, "item", [["brand new"]])
    write_catalogue_table(fresh / CATALOGUE_FILE, log.schema, type(other).from_batches(
        [*catalogue.table.to_batches(), *other.to_batches()]))
    data = coarse.data.model_copy(update={"log": str(fresh)})
    pipeline = create_item_pipeline(coarse.model_copy(update={"data": data}), log.schema, serving_dir=serving_dir(coarse),
                                    metadata_path=str(tmp_path / "metadata.sqlite"))
    run_local(pipeline, tmp_path / "run.log")
    after = newest_version(serving_dir(coarse))
    assert after.version > before.version
    assert read_description(after.path).item_table.items == read_description(before.path).item_table.items + 1
    for file in ("saved_model.pb", "assets.extra/weights/weights.index"):
        assert Path(after.path, file).read_bytes() == Path(before.path, file).read_bytes()


def test_candidates_are_compared_where_the_model_keeps_what_the_log_says(log, tmp_path):
    catalogue = log.catalogue()
    request = next(log.requests("test"))
    assert KeptItems(catalogue)(request).tolist() == [True] * request.candidate_count
    item, price = request.candidates["item"][1], request.candidates["price"][1]
    prices = np.array(catalogue.table["price"].to_pylist(), np.float32)
    prices[[row == item for row in catalogue.items.to_pylist()]] = price + 1
    place = catalogue.table.column_names.index("price")
    changed = Catalogue(log.schema, catalogue.table.set_column(place, catalogue.table.schema.field("price"), [prices]))
    expected = [one != item for one in request.candidates["item"]]
    assert KeptItems(changed)(request).tolist() == expected
    request.candidates["item"][1] = "never seen"
    assert not KeptItems(catalogue)(request)[1]


def test_who_keeps_items(config, coarse, log, tmp_path):
    assert item_table(config) is None and item_table(coarse) == "float32"
    assert item_table(load_run_config("demo", ["export.item_table=none"], model="dssm")) is None
    with pytest.raises(ValueError, match="export.item_table"):
        load_run_config("demo", ["export.item_table=bfloat16"], model="dssm")
    # A log without a catalogue has nothing to fill a table from.
    files.copy(log.path, tmp_path / "log")
    files.remove(tmp_path / "log" / CATALOGUE_FILE)
    source = source_of(coarse.data.model_copy(update={"log": str(tmp_path / "log")}))
    assert item_table(source.allowed(coarse)) is None and item_table(source_of(coarse.data).allowed(coarse)) == "float32"


def test_kubeflow_gets_the_stage_and_never_caches_it(coarse, log):
    remote = coarse.model_copy(update={"pipeline": coarse.pipeline.model_copy(update={"root": "s3://shop/root"})})
    tasks = pipeline_job(remote, log.schema, "kubeflow")["pipelineSpec"]["root"]["dag"]["tasks"]
    assert "ItemTable" in tasks and "cachingOptions" not in tasks["ItemTable"]
    assert "ItemTable" in tasks["Evaluator"]["dependentTasks"] and "ItemTable" in tasks["ServingValidator"]["dependentTasks"]
