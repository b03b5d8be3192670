"""TFX's Trainer, which also takes what was learned of the log's graph."""

from __future__ import annotations

from typing import Any

from tfx.components.trainer import executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import Artifact, Channel, artifact_utils, standard_artifacts, standard_component_specs
from tfx.types.channel import BaseChannel
from tfx.types.component_spec import ChannelParameter
from tfx.utils import json_utils, path_utils

from tfx_pipelines.artifacts import DayVocabularies, NeighbourTables, NodeVectors
from zoo.assets import Assets

VECTORS, NEIGHBOURS = "vectors", "neighbours"
DAY, PUSHED = "day", "pushed"


class TrainerSpec(standard_component_specs.TrainerSpec):
    """TFX's, with the artifacts of files that models read when they are made."""

    INPUTS = {
        **standard_component_specs.TrainerSpec.INPUTS,
        VECTORS: ChannelParameter(type=NodeVectors, optional=True),
        NEIGHBOURS: ChannelParameter(type=NeighbourTables, optional=True),
        DAY: ChannelParameter(type=DayVocabularies, optional=True),
        PUSHED: ChannelParameter(type=standard_artifacts.Model, optional=True)}


def given_files(input_dict: dict[str, list[Artifact]]) -> dict[str, str]:
    """The files of vectors and neighbours among a stage's inputs, by name."""
    given = Assets()
    for name in (VECTORS, NEIGHBOURS):
        if input_dict.get(name):
            given |= Assets.from_folder(artifact_utils.get_single_uri(input_dict[name]))
    return dict(given)


class Executor(executor.GenericExecutor):
    """Hands the files of those artifacts on to `run_fn` by their names, in its settings, as `given`; of a daily run, the folder
    of its vocabularies as `day`, and the model that serves today as `pushed`."""

    def Do(self, input_dict: dict[str, list[Artifact]], output_dict: dict[str, list[Artifact]],
           exec_properties: dict[str, Any]) -> None:
        key = standard_component_specs.CUSTOM_CONFIG_KEY
        settings = json_utils.loads(exec_properties[key]) | {"given": given_files(input_dict)}
        if input_dict.get(DAY):
            settings |= {DAY: artifact_utils.get_single_uri(input_dict[DAY]),
                         PUSHED: path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict[PUSHED]))}
        super().Do(input_dict, output_dict, exec_properties | {key: json_utils.dumps(settings)})


class Trainer(base_component.BaseComponent):
    """Trains a model of the zoo.

    Args:
        settings: inputs and settings of TFX's Trainer, by their names.
        custom_config: what `run_fn` reads.
        tables: artifacts with further files that the model may read, by `vectors` and `neighbours`; and, of a daily run, `day`
            and `pushed`.
    """

    SPEC_CLASS = TrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, *, custom_config: dict[str, Any], tables: dict[str, BaseChannel] | None = None, **settings: Any):
        super().__init__(spec=TrainerSpec(
            custom_config=json_utils.dumps(custom_config), model=Channel(type=standard_artifacts.Model),
            model_run=Channel(type=standard_artifacts.ModelRun), **settings, **(tables or {})))
