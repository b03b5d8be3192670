"""A stage's key follows the code that it runs: editing a file changes the keys of those stages, and of no others."""

from __future__ import annotations

import builtins
import io
import re
import shutil

import pytest
from tfx.dsl.compiler import compiler
from tfx.orchestration.local import runner_utils

from tfx_pipelines.code import PACKAGES, RUNS, stage_code
from tfx_pipelines.config import DailyConfig, DataConfig, DriftConfig, FilterConfig, LogGraphConfig, NeighboursConfig
from tfx_pipelines.config_search import SearchConfig
from tfx_pipelines.config_teacher import TeacherConfig
from tfx_pipelines.pipeline import create_pipeline
from zoo.code import HOME, code_fingerprint, imported_modules
from zoo.config import ConfigError
from zoo.graph.log_edges import EdgeConfig
from zoo.graph.metapath2vec_config import MetaPath2VecConfig

EDITS = {
    "tfx_pipelines/preprocessing.py": {"Transform", "Trainer", "HyperParameterSearch"},  # for the vocabularies' sizes
    "tfx_pipelines/trainer.py": {"Trainer"},
    "tfx_pipelines/search.py": {"HyperParameterSearch"},
    "tfx_pipelines/training_files.py": {"Trainer", "HyperParameterSearch"},
    "zoo/training/trainer.py": {"Trainer", "HyperParameterSearch"},
    "zoo/optimizers/rules.py": {"MetaPathVectors", "Trainer", "HyperParameterSearch"},
    "zoo/layers/target_attention.py": {"Trainer", "HyperParameterSearch"},
    "zoo/models/fine/din.py": {"Trainer", "HyperParameterSearch"},
    "zoo/models/fine/dien.py": set(),
    "zoo/export/servable.py": {"Trainer"},
    "zoo/metrics/gauc.py": {"Trainer", "HyperParameterSearch", "Evaluator", "TeacherEvaluator", "Pusher"},
    "tfx_pipelines/ranking_metrics.py": {"Evaluator", "TeacherEvaluator"},
    "tfx_pipelines/filter_metrics.py": {"Evaluator"},
    "zoo/metrics/pool_ranks.py": {"Trainer", "HyperParameterSearch", "Evaluator", "Pusher"},
    "serving/client.py": {"ServingValidator"},
    "serving/server/versions.py": {"ServingValidator"},
    "tfx_pipelines/components/serving_validator.py": {"ServingValidator"},
    "tfx_pipelines/components/latest_pushed_model.py": {"DayVocabularies", "LatestPushedModel", "TeacherModel", "TeacherScores",
                                                           "Pusher"},
    "tfx_pipelines/components/evaluator.py": {"Evaluator", "TeacherEvaluator"},
    "tfx_pipelines/components/teacher_scores.py": {"TeacherScores"},
    "tfx_pipelines/config.py": set(),
    "tfx_pipelines/components/import_example_gen.py": {"ImportExampleGen", "RawLogExampleGen"},
    "tfx_pipelines/components/transform.py": {"Transform"},
    "tfx_pipelines/record_batches.py": {"DayVocabularies", "LogGraph", "StatisticsGen", "Transform", "TeacherScores"},
    "zoo/training/grown_vocabulary.py": {"DayVocabularies", "Trainer", "HyperParameterSearch"},
    "tfx_pipelines/drift.py": {"DriftCheck"},
    "tfx_pipelines/statistics.py": {"StatisticsGen"},
    "tfx_pipelines/transformation.py": {"Transform"},
    "zoo/processes.py": {"DayVocabularies", "LogGraph", "RawLogExampleGen", "StatisticsGen", "Transform", "TeacherScores"},
    "tfx_pipelines/components/pusher.py": {"Pusher"},
    "tfx_pipelines/container/step.py": set(),
    "zoo/schema/schema.py": {"ImportExampleGen", "RawLogExampleGen", "DayVocabularies", "DriftCheck",
                      "DeclaredSchema", "Transform", "Trainer", "HyperParameterSearch", "ItemTable", "LatestPushedModel",
                      "ServingValidator", "TeacherModel", "TeacherScores", "LogGraph", "MetaPathVectors", "Pusher"},
    "zoo/graph/log_edges.py": {"LogGraph"},
    "zoo/graph/skip_gram.py": {"MetaPathVectors"},
    "zoo/graph/neighbours.py": {"NeighbourLists"},
    "zoo/graph/walks.py": {"LogGraph", "MetaPathVectors", "NeighbourLists"},  # what the package gathers
    "tfx_pipelines/components/trainer.py": {"Trainer", "HyperParameterSearch"},
    "zoo/export/add_items.py": {"Trainer", "ItemTable"},
    "tfx_pipelines/components/item_table.py": {"ItemTable"},
    "zoo/data/simulator/market.py": set(),
    "zoo/data/importer/events.py": {"RawLogExampleGen"},
    "tfx_pipelines/report.py": set(),
    "tfx_pipelines/pipeline.py": set(),
    "tfx_pipelines/data_stages.py": set(),
    "serving/serve.py": set(),
}


@pytest.fixture
def build(config, log):
    return lambda: create_pipeline(config, log.schema, serving_dir="serving",
                                   metadata_path="metadata.sqlite")


@pytest.fixture
def pipeline(build):
    return build()


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    home = tmp_path_factory.mktemp("code")
    for package in PACKAGES:
        shutil.copytree(HOME / package, home / package, ignore=shutil.ignore_patterns("*.pyc", "*.yaml", "*.md"))
    return home


def test_where_the_code_lies_is_no_part_of_its_key(copy):
    assert stage_code("din", copy) == stage_code("din")


@pytest.mark.parametrize(("path", "stages"), EDITS.items())
def test_editing_a_file_changes_the_keys_of_the_stages_that_run_it(copy, path, stages):
    file, before = copy / path, stage_code("din", copy)
    text = file.read_text(encoding="utf-8")
    file.write_text(text + "\n# another line\n", encoding="utf-8")
    try:
        after = stage_code("din", copy)
    finally:
        file.write_text(text, encoding="utf-8")
    assert {stage for stage in before if after[stage] != before[stage]} == stages


def test_every_stage_begins_where_the_pipeline_says(pipeline, config, log):
    """Whatever of ours a stage names (its executor, `run_fn`, a metric's module) is known as where its code begins."""
    changes = ({"data": DataConfig(raw=("gs://shop/events.csv",), config="rees46")},
               {"data": DataConfig(log="days/{SPAN}"), "daily": DailyConfig(drift=DriftConfig())},
               {"search": SearchConfig(space={"training.epochs": (1, 2)})},
               {"teacher": TeacherConfig(name="din")}, {"teacher": TeacherConfig(pushed="serving")},
               {"graph": LogGraphConfig(edges={"bought": EdgeConfig(source="user_id", target="history_item")}),
                "pretraining": MetaPath2VecConfig(paths=("user_id-item-user_id",)),
                "neighbours": NeighboursConfig(paths={"uiu": "user_id-item-user_id"})},
               {"model": config.model.model_copy(update={"name": "dssm"}), "filter": FilterConfig()})
    begins = {}
    for one in (pipeline, *(create_pipeline(config.model_copy(update=change), log.schema,
                                            serving_dir="serving", metadata_path="metadata.sqlite") for change in changes)):
        ir = compiler.Compiler().compile(one)
        deployment = runner_utils.extract_local_deployment_config(ir)
        for node in ir.nodes:
            name = node.pipeline_node.node_info.id
            text = f"{runner_utils.extract_executor_spec(deployment, name)} {node.pipeline_node.parameters}"
            begins[name] = {module_of(dotted) for dotted in re.findall(rf"\b(?:{'|'.join(PACKAGES)})(?:\.\w+)+", text)}
    assert set(begins) == set(stage_code("din", teacher="din"))
    expected = {stage: set(modules) for stage, modules in RUNS.items()}
    assert {name: modules for name, modules in begins.items() if modules} == expected | {"TeacherTrainer": expected["Trainer"]}


def module_of(dotted: str) -> str:
    while not (HOME / f"{dotted.replace('.', '/')}.py").is_file():
        dotted = dotted.rpartition(".")[0]
    return dotted


def test_imports_are_followed_as_python_does(tmp_path):
    sources = {
        "a/__init__.py": "from a.base import B",
        "a/base.py": "B = 1",
        "a/main.py": "from typing import TYPE_CHECKING\nimport numpy\nif TYPE_CHECKING:\n    import a.types\n"
                     "def f():\n    from . import lazy\n    from .sub.deep import Thing\n",
        "a/asks.py": "from a import B", "a/types.py": "", "a/lazy.py": "import b.other", "a/unused.py": "",
        "a/sub/__init__.py": "", "a/sub/deep.py": "from ..up import C", "a/up.py": "", "b/__init__.py": "", "b/other.py": "",
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    reached = {"a", "a.main", "a.lazy", "a.sub", "a.sub.deep", "a.up"}
    assert imported_modules(["a.main"], ["a"], tmp_path) == reached
    assert imported_modules(["a.asks"], ["a"], tmp_path) == {"a", "a.asks", "a.base"}
    assert imported_modules(["a.main"], ["a", "b"], tmp_path) == reached | {"b", "b.other"}
    with pytest.raises(ModuleNotFoundError, match="a.main2"):
        code_fingerprint(["a.main2"], ["a"], tmp_path)


def test_a_model_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match="did you mean 'din'"):
        stage_code("dinn")


def test_the_function_that_builds_the_pipeline_reads_no_file(build, monkeypatch):
    build()

    def refused(file, *_, **__):
        raise AssertionError(f"{file} is read")

    for module in (builtins, io):  # what `open` and pathlib call
        monkeypatch.setattr(module, "open", refused)
    assert build().pipeline_info.pipeline_name
