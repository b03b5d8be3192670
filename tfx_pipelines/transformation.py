"""What a transformation of TensorFlow Transform makes of files of tf.Examples, a file at a time."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform import impl_helper
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder, RecordBatchToExamplesEncoder
from tfx_bsl.tfxio import tensor_adapter
from tfx_bsl.tfxio.tf_example_record import TFExampleBeamRecord

from tfx_pipelines.record_batches import serialized_batches
from zoo import files
from zoo.data.log_shard import open_shard
from zoo.keras import tf


def transform_file(paths: tuple[str, str], schema: bytes, output: str) -> None:
    """Transforms a file.

    Args:
        paths: the file, and what to make.
        schema: serialized TFMD schema of the raw examples.
        output: folder of the transformation.
    """
    source, target = paths
    transform = _transformation(schema, output)
    files.make_dirs(files.parent(target))
    with open_shard(target) as writer:
        for batch in serialized_batches(source):
            for record in transform(batch):
                writer.write(record)


def tensors(schema: schema_pb2.Schema) -> tensor_adapter.TensorAdapterConfig:
    """How columns of Arrow become tensors."""
    return TFExampleBeamRecord("tfrecords_gzip", schema=schema).TensorAdapterConfig()


@functools.lru_cache(maxsize=1)
def _transformation(schema: bytes, output: str) -> Callable[[list[bytes]], list[bytes]]:
    """From raw to transformed examples; read and traced once a process."""
    transformation = tft.TFTransformOutput(output)
    decoder = ExamplesToRecordBatchDecoder(schema)
    adapter = tensor_adapter.TensorAdapter(tensors(schema_pb2.Schema.FromString(schema)))
    graph = tf.function(transformation.transform_raw_features, input_signature=[adapter.TypeSpecs()], autograph=False)
    converter = impl_helper.make_tensor_to_arrow_converter(transformation.transformed_metadata.schema)
    encoder = RecordBatchToExamplesEncoder(transformation.transformed_metadata.schema)

    def transform(serialized: list[bytes]) -> list[bytes]:
        raw: Mapping[str, Any] = adapter.ToBatchTensors(decoder.DecodeBatch(serialized), produce_eager_tensors=True)
        return encoder.encode(converter.convert(graph(raw)))

    return transform
