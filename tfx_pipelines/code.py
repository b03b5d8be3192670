"""Which code each stage of the pipeline runs."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from zoo.code import HOME, code_fingerprint
from zoo.models.registry import module_of

PACKAGES = ("zoo", "serving", "tfx_pipelines")
LIBRARIES = ("tfx", "tensorflow")  # the rest of the family follows them
TFX_ALONE = ("ExampleValidator",)
# Where the code of ours that a stage runs begins.
RUNS = {
    "ImportExampleGen": ("tfx_pipelines.components.import_example_gen",),
    "RawLogExampleGen": ("tfx_pipelines.components.raw_log_example_gen",),
    "DeclaredSchema": ("tfx_pipelines.components.declared_schema",),
    "StatisticsGen": ("tfx_pipelines.components.statistics_gen",),
    "Transform": ("tfx_pipelines.components.transform", "tfx_pipelines.preprocessing"),
    "LogGraph": ("tfx_pipelines.components.log_graph",),
    "MetaPathVectors": ("tfx_pipelines.components.meta_path_vectors",),
    "NeighbourLists": ("tfx_pipelines.components.neighbour_lists",),
    "HyperParameterSearch": ("tfx_pipelines.components.hyper_parameter_search", "tfx_pipelines.search"),
    "Trainer": ("tfx_pipelines.components.trainer", "tfx_pipelines.trainer"),
    "DayVocabularies": ("tfx_pipelines.components.day_vocabularies",),
    "DriftCheck": ("tfx_pipelines.components.drift_check",),
    "LatestPushedModel": ("tfx_pipelines.components.latest_pushed_model",),
    "Evaluator": ("tfx_pipelines.components.evaluator", "tfx_pipelines.ranking_metrics", "tfx_pipelines.filter_metrics"),
    "ServingValidator": ("tfx_pipelines.components.serving_validator",),
    "ItemTable": ("tfx_pipelines.components.item_table",),
    "Pusher": ("tfx_pipelines.components.pusher",),
    "TeacherModel": ("tfx_pipelines.components.latest_pushed_model",),
    "TeacherEvaluator": ("tfx_pipelines.components.evaluator", "tfx_pipelines.ranking_metrics"),
    "TeacherScores": ("tfx_pipelines.components.teacher_scores",),
}


def stage_code(model: str, home: Path = HOME, teacher: str | None = None) -> dict[str, str]:
    """By stage, what identifies its code: the libraries' versions, and the fingerprint of our modules that it runs.

    TFX takes a stage from its cache where inputs and settings are the same, whatever became of the code. A runner that makes
    this a setting of the stage gives back no vocabulary of an older transformation and no model that an older layer trained.

    Args:
        model: name in the zoo; the other models' files are no part of the Trainer.
        home: the folder that holds our packages.
        teacher: name in the zoo of a teacher that is trained first.

    Raises:
        ConfigError: there is no such model.
    """
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    trained = {"Trainer": model, "HyperParameterSearch": model, "TeacherTrainer": teacher}
    modules = RUNS | {stage: (*RUNS.get(stage, RUNS["Trainer"]), module_of(name))
                      for stage, name in trained.items() if name is not None}
    return dict.fromkeys(TFX_ALONE, libraries) | {
        stage: f"{libraries}, {code_fingerprint(names, PACKAGES, home)}" for stage, names in modules.items()}
