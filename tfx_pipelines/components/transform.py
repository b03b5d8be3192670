"""TFX's Transform, which reads, transforms and writes whole batches, a file at a time."""

from __future__ import annotations

import functools
import importlib
import json
from typing import Any

import apache_beam as beam
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import dataset_metadata
from tfx import v1 as tfx
from tfx.components.transform import executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import transform_pb2
from tfx.types import Artifact, artifact_utils, standard_component_specs
from tfx.types.channel import BaseChannel
from tfx.types.component_spec import ChannelParameter
from tfx.utils import io_utils, proto_utils

from tfx_pipelines.artifacts import DayVocabularies
from tfx_pipelines.beam_runner import on_this_machine
from tfx_pipelines.record_batches import ReadRecordBatches, processes, split_files
from tfx_pipelines.transformation import tensors, transform_file
from zoo import files
from zoo.data.layout import POOLS
from zoo.processes import divided

VOCABULARIES = "vocabularies"


class Executor(executor.Executor):
    """Analyzes a split with TensorFlow Transform, and transforms each file of all splits into one of the same place.

    Files are shared by this machine's processes, or by the Beam runner where it is another one. Values are those of TFX's own
    executor, whose pipeline handles every record by itself, in Python. Neither statistics nor an analyzer cache are made.
    """

    def Do(self, input_dict: dict[str, list[Artifact]], output_dict: dict[str, list[Artifact]],
           exec_properties: dict[str, Any]) -> None:
        self._log_startup(input_dict, output_dict, exec_properties)
        examples, output = input_dict["examples"], artifact_utils.get_single_uri(output_dict["transform_graph"])
        schema = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(
            artifact_utils.get_single_uri(input_dict["schema"])))
        splits = transform_pb2.SplitsConfig()
        proto_utils.json_to_proto(exec_properties["splits_config"], splits)
        module, _, function = exec_properties["preprocessing_fn"].rpartition(".")
        given = ({VOCABULARIES: artifact_utils.get_single_uri(input_dict[VOCABULARIES])}
                 if input_dict.get(VOCABULARIES) else {})
        preprocess = functools.partial(getattr(importlib.import_module(module), function),
                                       custom_config=json.loads(exec_properties["custom_config"]) | given)
        self._analyze([path for split in splits.analyze for path in split_files(examples, split)], schema, preprocess, output)
        transformed = artifact_utils.get_single_instance(output_dict["transformed_examples"])
        # Pools are in some logs only, which is not known where the pipeline is compiled.
        there = artifact_utils.decode_split_names(artifact_utils.get_single_instance(examples).split_names)
        wanted = [*splits.transform, *([POOLS] if POOLS in there else [])]
        transformed.split_names = artifact_utils.encode_split_names(wanted)
        work = [(path, files.join(folder, f"transformed_examples-{number:05d}-of-{len(paths):05d}.gz"))
                for split in wanted
                for folder in [artifact_utils.get_split_uri([transformed], split)]
                for paths in [split_files(examples, split)]
                for number, path in enumerate(paths)]
        transform = functools.partial(transform_file, schema=schema.SerializeToString(), output=output)
        if on_this_machine(self._beam_pipeline_args):
            for _ in divided(transform, work, processes([source for source, _ in work])):
                pass
            return
        with self._make_beam_pipeline() as pipeline:
            _ = pipeline | beam.Create(work) | beam.Reshuffle() | beam.Map(transform)

    def _analyze(self, paths: list[str], schema: schema_pb2.Schema, preprocess: Any, output: str) -> None:
        """Writes the transformation that the examples give."""
        work = files.join(output, ".temp_path")
        with self._make_beam_pipeline() as pipeline, tft_beam.Context(temp_dir=work):
            batches = pipeline | ReadRecordBatches(paths, schema.SerializeToString())
            transformation = (batches, tensors(schema)) | tft_beam.AnalyzeDataset(preprocess)
            _ = transformation | tft_beam.WriteTransformFn(output)
            raw = files.join(output, tft.TFTransformOutput.RAW_METADATA_DIR)
            _ = dataset_metadata.DatasetMetadata(schema) | tft_beam.WriteMetadata(raw, pipeline)
        files.remove(work)


class TransformSpec(standard_component_specs.TransformSpec):
    """TFX's, with the vocabularies of a day."""

    INPUTS = {**standard_component_specs.TransformSpec.INPUTS,
              VOCABULARIES: ChannelParameter(type=DayVocabularies, optional=True)}


class Transform(tfx.components.Transform):
    """Vocabularies, buckets and moments of the analyzed split, and all splits transformed by them, by TensorFlow Transform.

    Args:
        vocabularies: of a day, which are taken with the moments and buckets beside them, in place of an analysis.
        settings: as of TFX's Transform.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, *, vocabularies: BaseChannel | None = None, **settings: Any):
        super().__init__(**settings)
        if vocabularies is not None:
            said = {**self.spec.exec_properties, **self.spec.inputs, **self.spec.outputs}
            base_component.BaseComponent.__init__(self, spec=TransformSpec(**said, vocabularies=vocabularies))
