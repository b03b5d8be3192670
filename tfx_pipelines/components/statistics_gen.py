"""TFX's StatisticsGen, which reads its examples in batches."""

from __future__ import annotations

from typing import Any

import tensorflow_data_validation as tfdv
from tfx import v1 as tfx
from tfx.components.statistics_gen import executor
from tfx.dsl.components.base import executor_spec
from tfx.types import Artifact, artifact_utils

from tfx_pipelines.record_batches import ReadRecordBatches, split_files
from zoo import files


class Executor(executor.Executor):
    """Computes TFDV's statistics of every split."""

    def Do(self, input_dict: dict[str, list[Artifact]], output_dict: dict[str, list[Artifact]],
           exec_properties: dict[str, Any]) -> None:
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        statistics = artifact_utils.get_single_instance(output_dict["statistics"])
        statistics.split_names, statistics.span = examples.split_names, examples.span
        with self._make_beam_pipeline() as pipeline:
            for split in artifact_utils.decode_split_names(examples.split_names):
                path = files.join(artifact_utils.get_split_uri([statistics], split), executor.DEFAULT_FILE_NAME)
                _ = (pipeline | f"Read {split}" >> ReadRecordBatches(split_files([examples], split))
                     | f"Compute {split}" >> tfdv.GenerateStatistics(tfdv.StatsOptions())
                     | f"Write {split}" >> tfdv.WriteStatisticsToBinaryFile(path))


class StatisticsGen(tfx.components.StatisticsGen):
    """Statistics of every column and split, by TFDV."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
