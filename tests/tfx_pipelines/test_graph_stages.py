"""From a log to its graph, vectors and neighbours: what the stages make, of which split, and that they come from the cache."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from tfx import v1 as tfx

from tfx_pipelines.components.import_example_gen import ImportExampleGen
from tfx_pipelines.config import RunConfig, load_run_config
from tfx_pipelines.data_stages import graph_components
from tfx_pipelines.pipeline import create_pipeline
from tfx_pipelines.runners.kubeflow import pipeline_job
from tfx_pipelines.runners.local import run_local
from zoo.config import ConfigError, parse
from zoo.data.neighbour_file import read_neighbours
from zoo.data.vectors import read_vectors
from zoo.graph import Graph

GRAPH = {
    "graph": {"edges": {"bought": {"source": "user_id", "target": "history_item"},
                        "of": {"source": "history_item", "target": "history_category"},
                        "sold_as": {"source": "item", "target": "category", "of": "catalogue"}}},
    "pretraining": {"paths": ["user_id-item-user_id"], "dim": 4, "walks": {"walks": 1, "length": 5}, "batch_size": 4096},
    "neighbours": {"paths": {"uiu": "user_id-item-user_id", "ici": "item-(of)-category-(^of)-item"}, "neighbours": 3},
}


@pytest.fixture(scope="module")
def with_graph(config) -> RunConfig:
    return parse(RunConfig, config.model_dump(mode="json") | GRAPH)


def run(with_graph, log, folder, **keys):
    first = ImportExampleGen(log.path)
    stages = graph_components(with_graph, log.schema, first, log.path)
    return run_local(tfx.dsl.Pipeline(
        pipeline_name="graph", pipeline_root=str(folder / "root"), components=[first, *stages.values()], enable_cache=True,
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(str(folder / "ml.sqlite")),
        beam_pipeline_args=with_graph.beam_arguments), folder / "log.txt", keys=keys)


@pytest.fixture(scope="module")
def made(with_graph, log, tmp_path_factory):
    folder = tmp_path_factory.mktemp("graph")
    return run(with_graph, log, folder, LogGraph="code"), folder


@pytest.mark.slow
def test_the_graph_holds_the_training_split_and_nothing_later(made, log):
    done, _ = made
    graph = Graph(done.artifacts["LogGraph", "graph"])
    expected = {(request.features["user_id"], item)
                for request in log.requests("train") for item in request.sequences["history"]["item"]}
    adjacency, users, items = graph.adjacency("bought"), graph.ids("user_id"), graph.ids("item")
    assert {(user, items[place]) for number, user in enumerate(users)
            for place in adjacency.targets[adjacency.offsets[number]:adjacency.offsets[number + 1]]} == expected
    last = max(request.time for request in log.requests("train"))
    later = {row.item for row in log.catalogue().rows() if row.valid_from > last}
    assert later and not later & set(items), "a simulated shop has new items every day"
    found = done.properties["LogGraph", "graph"]
    assert found["nodes"] == sum(graph.description.nodes.values())
    assert found["edges"] == sum(graph.relations[name].edges for name in ("bought", "of", "sold_as"))


@pytest.mark.slow
def test_vectors_and_neighbours_are_files_that_models_read(made):
    done, _ = made
    graph = Graph(done.artifacts["LogGraph", "graph"])
    vectors = done.artifacts["MetaPathVectors", "vectors"]
    for kind in ("user_id", "item"):
        found = read_vectors(f"{vectors}/vectors_{kind}.parquet")
        assert found.ids == graph.ids(kind) and found.values.shape[1] == 4
    lists = read_neighbours(f"{done.artifacts['NeighbourLists', 'neighbours']}/neighbours_uiu.parquet")
    assert lists.ids == graph.ids("user_id") and set(lists.neighbours) <= set(lists.ids) and len(lists.neighbours) > 0
    table = pq.read_table(f"{done.artifacts['NeighbourLists', 'neighbours']}/neighbours_ici.parquet")
    assert table["id"].to_pylist() == graph.ids("item")


@pytest.mark.slow
def test_unchanged_stages_come_from_the_cache_and_other_code_makes_all_anew(made, with_graph, log):
    _, folder = made
    again = run(with_graph, log, folder, LogGraph="code")
    assert all(stage.cached for stage in again.stages)
    fewer = with_graph.model_copy(update={"neighbours": with_graph.neighbours.model_copy(update={"neighbours": 2})})
    changed = {stage.name: stage.cached for stage in run(fewer, log, folder, LogGraph="code").stages}
    assert changed == {"ImportExampleGen": True, "LogGraph": True, "MetaPathVectors": True, "NeighbourLists": False}


def test_kubeflow_gets_the_stages(with_graph, log):
    remote = with_graph.model_copy(update={"pipeline": with_graph.pipeline.model_copy(update={"root": "s3://shop/root"})})
    tasks = pipeline_job(remote, log.schema, "kubeflow")["pipelineSpec"]["root"]["dag"]["tasks"]
    assert {"LogGraph", "MetaPathVectors", "NeighbourLists"} <= set(tasks["Trainer"]["dependentTasks"]) | set(tasks)
    assert {"MetaPathVectors", "NeighbourLists"} <= set(tasks["Trainer"]["dependentTasks"])
    assert not tasks["LogGraph"].get("cachingOptions") and tasks["NeighbourLists"].get("cachingOptions")


@pytest.mark.parametrize(("setting", "message"), [
    ("neighbours={paths: {uiu: user-item-user}}", "`neighbours` is of a graph, and there is none"),
    ("graph={edges: {of: {source: a, target: b}}}", "nothing reads the `graph`"),
    ("neighbours={paths: {u.i: user-item-user}}", "is part of a file's name"),
    ("graph={edges: {of: {source: a, taget: b}}}", r"graph\.edges\.of\.taget: unknown key; did you mean 'target'"),
])
def test_wrong_settings_are_told(setting, message):
    with pytest.raises(ConfigError, match=message):
        load_run_config("demo", [setting])


def test_columns_that_the_log_has_not_are_told_before_a_run(with_graph, log):
    edges = {"bought": with_graph.graph.edges["bought"].model_copy(update={"target": "histroy_item"})}
    wrong = with_graph.model_copy(update={"graph": with_graph.graph.model_copy(update={"edges": edges})})
    with pytest.raises(ConfigError, match=r"graph\.edges\.bought\.target: .* did you mean 'history_item'"):
        create_pipeline(wrong, log.schema, serving_dir="serving", metadata_path="metadata.sqlite")
