"""The two ways of a raw value to a model: through Beam, as Transform goes, and through a serving call."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import apache_beam as beam
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.options.pipeline_options import PipelineOptions
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder
from tfx_bsl.public import tfxio

from serving.encoding import encode_requests
from tfx_pipelines.config import PICKLER
from tfx_pipelines.preprocessing import preprocessing_fn
from tfx_pipelines.schema import schema_to_json, tfmd_schema
from zoo.data import parsing
from zoo.data.example import to_example
from zoo.data.request import Request
from zoo.export.inputs import Transform, candidate_inputs, candidate_specs, request_inputs, request_specs
from zoo.keras import tf
from zoo.schema import Schema

OPTIONS = PipelineOptions([PICKLER])


def analyzed(schema: Schema, requests: Sequence[Request], path: Path) -> tft.TFTransformOutput:
    """The transformation that a training split makes."""
    with beam.Pipeline(options=OPTIONS) as pipeline, tft_beam.Context(temp_dir=tempfile.mkdtemp()):
        function = _read(pipeline, schema, requests, None) | tft_beam.AnalyzeDataset(
            lambda inputs: preprocessing_fn(inputs, {"schema": schema_to_json(schema)}))
        _ = function | tft_beam.WriteTransformFn(str(path))
    return tft.TFTransformOutput(str(path))


def transformed(schema: Schema, output: tft.TFTransformOutput, requests: Sequence[Request], batch: int = 64) -> list[bytes]:
    """Transformed examples as Transform writes them, in the order of the requests."""
    encoder = RecordBatchToExamplesEncoder(output.transformed_metadata.schema)
    with tempfile.TemporaryDirectory() as folder:
        with beam.Pipeline(options=OPTIONS) as pipeline, tft_beam.Context(temp_dir=folder):
            function = pipeline | tft_beam.ReadTransformFn(str(Path(output.transform_savedmodel_dir).parent))
            dataset, _ = (_read(pipeline, schema, requests, batch), function) | tft_beam.TransformDataset(
                output_record_batches=True)
            _ = (dataset | beam.FlatMap(lambda element: encoder.encode(element[0]))
                 | beam.io.WriteToTFRecord(f"{folder}/examples"))
        found = [record.numpy() for record in tf.data.TFRecordDataset(tf.io.gfile.glob(f"{folder}/examples*"))]
    ids = {tf.train.Example.FromString(one).features.feature["request_id"].bytes_list.value[0].decode(): one for one in found}
    return [ids[request.request_id] for request in requests]


def training_inputs(schema: Schema, examples: Sequence[bytes]) -> dict[str, tf.Tensor]:
    """The model's inputs from transformed examples."""
    return parsing.to_dense(schema, tf.io.parse_example(list(examples), parsing.transformed_spec(schema)))


def serving(schema: Schema, transform: Transform) -> Callable[[Sequence[Request]], dict[str, tf.Tensor]]:
    """From the requests of one call to the model's inputs, in a graph as that of the signature `rank`."""
    graph = tf.function(lambda **raw: request_inputs(schema, transform, raw) | candidate_inputs(schema, transform, raw),
                        autograph=False).get_concrete_function(**request_specs(schema), **candidate_specs(schema))
    return lambda requests: graph(**{name: tf.constant(array)
                                     for name, array in encode_requests(schema, requests).inputs.items()})


def _read(pipeline: beam.Pipeline, schema: Schema, requests: Sequence[Request], batch: int | None) -> tuple:
    source = tfxio.TFExampleBeamRecord("requests", schema=tfmd_schema(schema))
    examples = [to_example(schema, request) for request in requests]
    return pipeline | beam.Create(examples, reshuffle=False) | source.BeamSource(batch), source.TensorAdapterConfig()
