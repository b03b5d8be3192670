"""Grows the vocabularies of the model that serves today by the ids of a day."""

# No postponed annotations here: TFX reads the types of the component's arguments.
import json

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, ExampleStatistics, Model
from tfx.utils import path_utils

from tfx_pipelines.artifacts import DayVocabularies as Vocabularies
from tfx_pipelines.components.latest_pushed_model import REFUSED, VERSION
from tfx_pipelines.day import Day, grown, learned
from tfx_pipelines.day_files import (
    GROWTH,
    NUMBERS,
    ROWS,
    STATE,
    STATISTICS,
    STATS_FILE,
    read_json,
    state_of,
    vocabulary_name,
    write_rows,
)
from tfx_pipelines.record_batches import split_files
from tfx_pipelines.schema import schema_from_json, schema_text
from zoo import files
from zoo.json_text import json_text
from zoo.training.grown_vocabulary import GrownVocabulary
from zoo.versions import has_model


@component
def DayVocabularies(
    examples: InputArtifact[Examples],
    statistics: InputArtifact[ExampleStatistics],
    pushed: InputArtifact[Model],
    vocabularies: OutputArtifact[Vocabularies],
    schema: Parameter[str],
    admit_at: Parameter[int],
    evict_after: Parameter[int],
    warm_start: Parameter[int],
):
    """Reads the training split once, and writes what Transform and Trainer need to go on from the model that serves today.

    Known ids keep their places, new ones follow, dead ones are evicted. Moments and buckets of numbers are those of the first
    day: weights were learned over them. Where nothing was pushed, or what was pushed carries no vocabularies of days, all
    begins anew.

    Args:
        examples: of the days that are learned, in the split `train`; their span is the number of the day.
        statistics: of them, which the next day is compared with.
        pushed: of LatestPushedModel.
        vocabularies: see `tfx_pipelines.day_files`.
        schema: the zoo's Schema of the request log, as JSON.
        admit_at: as of `DailyConfig`; 0 for the schema's.
        evict_after: as of `DailyConfig`; -1 for never.
        warm_start: whether weights are to be carried over; else rows begin fresh.
    """
    declared, model = schema_from_json(schema), path_utils.serving_model_path(pushed.uri)
    state, reason = None, "nothing was pushed yet"
    if has_model(model):
        state = state_of(model)
        reason = "" if state else "the model that was pushed carries no vocabularies of days"
    elif pushed.has_custom_property(REFUSED):
        reason = f"the model that was pushed can't read this log: {pushed.get_string_custom_property(REFUSED)}"
    before = {name: GrownVocabulary.load(files.join(state, f"{name}.json")) for name in learned(declared)
              if state and files.is_file(files.join(state, f"{name}.json"))}
    numbers = read_json(files.join(state, NUMBERS)) if state else {}
    day, tfmd = Day(declared, known=numbers), schema_pb2.Schema()
    text_format.Parse(schema_text(declared), tfmd)
    day.read(split_files([examples], "train"), tfmd)
    span = examples.get_int_custom_property("span")
    growth = grown(declared, day, before, span, admit_at or None, None if evict_after < 0 else evict_after)
    folder = files.join(vocabularies.uri, STATE)
    files.make_dirs(folder)
    for name, one in growth.items():
        one.vocabulary.save(files.join(folder, f"{name}.json"))
        lines = "".join(f"{line}\n" for line in one.vocabulary.ids)
        files.write_text(files.join(vocabularies.uri, vocabulary_name(name)), lines)
    files.write_text(files.join(folder, NUMBERS), json.dumps(day.moments() | numbers) + "\n")
    of_training = artifact_utils.get_split_uri([statistics], "train")
    files.copy(files.join(of_training, STATS_FILE), files.join(folder, STATISTICS))
    write_rows(files.join(vocabularies.uri, ROWS), {name: one.rows for name, one in growth.items()})
    warm = bool(warm_start and state)
    said = {"span": span, "warm": warm, "reason": reason or ("" if warm else "daily.warm_start is false"),
            "from_version": pushed.get_int_custom_property(VERSION) if state else None,
            "spaces": {name: {**one.counts(), "rows": len(one.vocabulary.ids)} for name, one in growth.items()}}
    for place in (vocabularies.uri, folder):
        files.write_text(files.join(place, GROWTH), json_text(said))


__all__ = ["DayVocabularies"]
