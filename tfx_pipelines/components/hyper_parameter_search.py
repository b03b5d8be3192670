"""TFX's Tuner, which also takes what was learned of the log's graph."""

from __future__ import annotations

from typing import Any

from tfx.components.tuner import executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import Artifact, Channel, standard_artifacts, standard_component_specs
from tfx.types.channel import BaseChannel
from tfx.types.component_spec import ChannelParameter
from tfx.utils import json_utils

from tfx_pipelines.artifacts import NeighbourTables, NodeVectors
from tfx_pipelines.components.trainer import NEIGHBOURS, VECTORS, given_files


class SearchSpec(standard_component_specs.TunerSpec):
    """TFX's, with the artifacts of files that models read when they are made."""

    INPUTS = {
        **standard_component_specs.TunerSpec.INPUTS,
        VECTORS: ChannelParameter(type=NodeVectors, optional=True),
        NEIGHBOURS: ChannelParameter(type=NeighbourTables, optional=True)}


class Executor(executor.Executor):
    """Hands the files of those artifacts on to `tuner_fn` by their names, in its settings, as `given`."""

    def Do(self, input_dict: dict[str, list[Artifact]], output_dict: dict[str, list[Artifact]],
           exec_properties: dict[str, Any]) -> None:
        key = standard_component_specs.CUSTOM_CONFIG_KEY
        settings = json_utils.loads(exec_properties[key]) | {"given": given_files(input_dict)}
        super().Do(input_dict, output_dict, exec_properties | {key: json_utils.dumps(settings)})


class HyperParameterSearch(base_component.BaseComponent):
    """Tries settings, and gives the best ones to the Trainer.

    Args:
        settings: inputs and settings of TFX's Tuner, by their names.
        custom_config: what `tuner_fn` reads.
        tables: artifacts with further files that the model may read, by `vectors` and `neighbours`.
    """

    SPEC_CLASS = SearchSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, *, custom_config: dict[str, Any], tables: dict[str, BaseChannel] | None = None, **settings: Any):
        super().__init__(spec=SearchSpec(
            custom_config=json_utils.dumps(custom_config),
            best_hyperparameters=Channel(type=standard_artifacts.HyperParameters),
            tuner_results=Channel(type=standard_artifacts.TunerResults), **settings, **(tables or {})))
