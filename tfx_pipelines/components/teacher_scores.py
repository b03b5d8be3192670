"""What a teacher says of every candidate, written beside the examples as soft labels."""

# No postponed annotations here: TFX reads the types of the component's arguments.
import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

import apache_beam as beam
from tfx.dsl.component.experimental.annotations import BeamComponentParameter, InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, Model, ModelBlessing
from tfx.utils import path_utils

from tfx_pipelines.components.latest_pushed_model import REFUSED
from tfx_pipelines.record_batches import serialized_batches, split_files
from tfx_pipelines.schema import schema_from_json
from zoo import files
from zoo.data import parsing
from zoo.data.log_shard import open_shard
from zoo.keras import tf
from zoo.model_files import SCHEMA_FILE
from zoo.schema import REQUEST_ID, Label, Schema
from zoo.versions import has_model

# Requests that the teacher scores in one call, and their bytes: of thousands of candidates each, more would take gigabytes.
_REQUESTS, _BYTES = 64, 1 << 20


class TeacherError(ValueError):
    """The teacher can't teach."""


@component(use_beam=True)
def TeacherScores(
    examples: InputArtifact[Examples],
    transformed_examples: InputArtifact[Examples],
    model: InputArtifact[Model],
    scored_examples: OutputArtifact[Examples],
    scored_transformed_examples: OutputArtifact[Examples],
    schema: Parameter[str],
    labels: Parameter[str],
    blessing: InputArtifact[ModelBlessing] = None,  # pyright: ignore[reportArgumentType]  (TFX's way to say optional)
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,  # pyright: ignore[reportArgumentType]
):
    """Scores every candidate with the teacher, and adds the scores to the raw and to the transformed examples.

    Each file becomes one of the same place with the same requests in the same order.

    Args:
        examples: the request log.
        transformed_examples: its files transformed, one by one.
        model: the teacher.
        scored_examples: the raw examples with a column for each soft label that has none.
        scored_transformed_examples: the transformed examples with the same columns.
        schema: the zoo's Schema of the request log, as JSON.
        labels: the soft labels that are added, with the teacher's task that each of them is, as JSON.
        blessing: of the teacher, where it was trained in the same run; one that was pushed was blessed before.
        beam_pipeline: made by TFX from the run's Beam arguments.

    Raises:
        TeacherError: it was not blessed; nothing was pushed; or it does not score a task.
    """
    path = path_utils.serving_model_path(model.uri)
    taught = json.loads(labels)
    _check(model, path, blessing, taught)
    outputs = (scored_examples, scored_transformed_examples)
    for output, source in zip(outputs, (examples, transformed_examples), strict=True):
        output.split_names = source.split_names
    work = [(*twins, *(_place(output, split, path) for output, path in zip(outputs, twins, strict=True)))
            for split in artifact_utils.decode_split_names(examples.split_names)
            for twins in zip(split_files([examples], split), split_files([transformed_examples], split), strict=True)]
    with beam_pipeline as pipeline:
        _ = (pipeline | beam.Create(work) | beam.Reshuffle()
             | beam.ParDo(_ScoreFile(path, schema, {Label(name=name).column: task for name, task in taught.items()})))


def _check(model: Model, path: str, blessing: ModelBlessing | None, taught: dict[str, str]) -> None:
    if blessing is not None and blessing.get_int_custom_property("blessed") != 1:
        raise TeacherError("the Evaluator did not bless the teacher, so nothing is learned from it; see its AUC and GAUC in "
                           "the artifacts of TeacherEvaluator, and lower the gate or mend the teacher")
    if not has_model(path):
        refused = model.get_string_custom_property(REFUSED)
        raise TeacherError(f"the teacher can't score this log: {refused}" if refused else
                           "no teacher was pushed to the folder that teacher.pushed names; train one first, or name one of the "
                           "zoo as teacher.name")
    known = [label.name for label in Schema.load(files.join(path, SCHEMA_FILE)).tasks]
    for task in taught.values():
        if task not in known:
            raise TeacherError(f"the teacher does not score {task!r}; it scores {', '.join(known)}")


def _place(output: Examples, split: str, source: str) -> str:
    return files.join(artifact_utils.get_split_uri([output], split), files.name(source))


class _ScoreFile(beam.DoFn):
    """Scores a raw file, and writes it and its transformed twin with the scores.

    Args:
        model: folder of the teacher's SavedModel.
        schema: as JSON.
        columns: soft column to the teacher's task.
    """

    def __init__(self, model: str, schema: str, columns: dict[str, str]):
        self.model, self.schema, self.columns = model, schema, columns
        self._signature: Any = None

    def setup(self) -> None:
        # The signature keeps its model alive only as long as that is held, too.
        self._loaded = tf.saved_model.load(self.model)
        self._signature = self._loaded.signatures["serving_default"]
        spec = parsing.label_spec(schema_from_json(self.schema))
        counted = next(iter(spec))
        self._spec = {REQUEST_ID: tf.io.FixedLenFeature([], tf.string), counted: spec[counted]}
        self._counted = counted

    def process(self, element: tuple[str, str, str, str]) -> Iterator[None]:
        raw, transformed, to_raw, to_transformed = element
        for path in (to_raw, to_transformed):
            files.make_dirs(files.parent(path))
        with open_shard(to_raw) as raw_writer, open_shard(to_transformed) as transformed_writer:
            for batch, twins in _parts(raw, transformed):
                self._same_requests(raw, transformed, batch, twins)
                for example, twin, scores in zip(batch, twins, self._scores(batch), strict=True):
                    # Messages one after the other are one message with the fields of both.
                    raw_writer.write(example + scores)
                    transformed_writer.write(twin + scores)
        yield from ()

    def _same_requests(self, raw: str, transformed: str, batch: list[bytes], twins: list[bytes]) -> None:
        ids = [tf.io.parse_example(some, {REQUEST_ID: self._spec[REQUEST_ID]})[REQUEST_ID].numpy().tolist()
               for some in (batch, twins)]
        if ids[0] != ids[1]:
            raise TeacherError(f"{transformed} does not hold the requests of {raw} in their order")

    def _scores(self, examples: list[bytes]) -> Iterator[bytes]:
        """For each request an Example with the teacher's scores alone."""
        counts = tf.io.parse_example(examples, self._spec)[self._counted].row_lengths().numpy()
        scores = self._signature(examples=tf.constant(examples))
        values = {column: scores[task].numpy() for column, task in self.columns.items()}
        for row, count in enumerate(counts):
            example = tf.train.Example()
            for column, of_requests in values.items():
                example.features.feature[column].float_list.value.extend(of_requests[row, :count])
            yield example.SerializeToString()


def _parts(raw: str, transformed: str) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """The examples of a file and of its twin, a few at a time; of pools, which are large, fewer."""
    examples, twins = (chain.from_iterable(serialized_batches(path)) for path in (raw, transformed))
    batch: list[tuple[bytes, bytes]] = []
    size = 0
    for pair in zip(examples, twins, strict=True):
        batch.append(pair)
        size += len(pair[0])
        if len(batch) == _REQUESTS or size >= _BYTES:
            yield [one for one, _ in batch], [twin for _, twin in batch]
            batch, size = [], 0
    if batch:
        yield [one for one, _ in batch], [twin for _, twin in batch]


__all__ = ["TeacherError", "TeacherScores"]
