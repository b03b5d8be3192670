"""TFX's StatisticsGen, which reads its examples in batches."""

from __future__ import annotations

import functools
from typing import Any

import tensorflow_data_validation as tfdv
from tfx import v1 as tfx
from tfx.components.statistics_gen import executor
from tfx.dsl.components.base import executor_spec
from tfx.types import Artifact, artifact_utils, standard_component_specs
from tfx.utils import io_utils

from tfx_pipelines.beam_runner import on_this_machine
from tfx_pipelines.record_batches import ReadRecordBatches, processes, split_files
from tfx_pipelines.statistics import file_statistics, joined_statistics
from zoo import files
from zoo.processes import divided


class Executor(executor.Executor):
    """Computes TFDV's statistics of every split, by this machine's processes, or by the Beam runner where it is another one."""

    def Do(self, input_dict: dict[str, list[Artifact]], output_dict: dict[str, list[Artifact]],
           exec_properties: dict[str, Any]) -> None:
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        statistics = artifact_utils.get_single_instance(output_dict["statistics"])
        statistics.split_names, statistics.span = examples.split_names, examples.span
        said = exec_properties.get(standard_component_specs.STATS_OPTIONS_JSON_KEY)
        options = tfdv.StatsOptions.from_json(said) if said else tfdv.StatsOptions()
        # Which examples are looked at does not depend on the runner, nor on chance.
        share, options.sample_rate = options.sample_rate or 1.0, None
        splits = {split: split_files([examples], split) for split in artifact_utils.decode_split_names(examples.split_names)}
        targets = {split: files.join(artifact_utils.get_split_uri([statistics], split), executor.DEFAULT_FILE_NAME)
                   for split in splits}
        if not on_this_machine(self._beam_pipeline_args):
            self._by_beam(splits, targets, options, share)
            return
        paths = [path for of_split in splits.values() for path in of_split]
        found = dict(divided(functools.partial(file_statistics, options=options, share=share), paths, processes(paths)))
        for split, of_split in splits.items():
            joined = joined_statistics([found.pop(path) for path in of_split], options)
            io_utils.write_bytes_file(targets[split], joined.SerializeToString())

    def _by_beam(self, splits: dict[str, list[str]], targets: dict[str, str], options: tfdv.StatsOptions, share: float) -> None:
        with self._make_beam_pipeline() as pipeline:
            for split, paths in splits.items():
                _ = (pipeline | f"Read {split}" >> ReadRecordBatches(paths, share=share)
                     | f"Compute {split}" >> tfdv.GenerateStatistics(options)
                     | f"Write {split}" >> tfdv.WriteStatisticsToBinaryFile(targets[split]))


class StatisticsGen(tfx.components.StatisticsGen):
    """Statistics of every column and split, by TFDV."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
