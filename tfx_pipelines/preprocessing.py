"""The `preprocessing_fn` of TensorFlow Transform, derived from the Schema.

It works elementwise and keeps the structure of sequences and candidates, so that the layer made from it takes the
request's columns and the candidates' columns apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow_transform as tft

from tfx_pipelines.day_files import NUMBERS, STATE, read_json, vocabulary_name
from tfx_pipelines.moments import MeansAndVariances
from tfx_pipelines.schema import schema_from_json
from zoo import files
from zoo.assets import Assets
from zoo.keras import tf
from zoo.schema import FIRST_ID, REQUEST_TIME, UNKNOWN_ID, Column, Feature, Schema

Value = tf.Tensor | tf.SparseTensor


def preprocessing_fn(inputs: dict[str, Value], custom_config: dict[str, Any]) -> dict[str, Value]:
    """Ids through one vocabulary a space, numbers normalised by the training split, everything else (text too) as it is.

    Args:
        inputs: raw columns: request columns `[R]`; sequences, candidates and several values sparse.
        custom_config: `schema`, the Schema as JSON; and, for a daily run, `vocabularies`, the folder of a `DayVocabularies`
            artifact, whose vocabularies, moments and buckets are taken in place of those of the split.

    Returns:
        Transformed columns by the same names, `<column>_bucket` for numbers with buckets, and the raw group key.
    """
    schema = schema_from_json(custom_config["schema"])
    folder = custom_config.get("vocabularies")
    look_up = {name: _look_up(schema, name, inputs, folder) for name in schema.spaces}
    given = read_json(files.join(folder, STATE, NUMBERS)) if folder else {}
    numbers = [column for column in schema.columns() if column.feature.kind == "number"]
    moments = _moments([column for column in numbers if column.feature.transform != "none"], inputs, given)
    outputs: dict[str, Value] = {}
    for column in schema.columns():
        if column.feature.kind == "id":
            outputs[column.name] = _apply(look_up[column.space], inputs[column.name])
        elif column.feature.kind == "number":
            outputs |= _number(column, inputs[column.name], given.get(column.name), moments.get(column.name))
    passed = [*schema.string_keys, REQUEST_TIME]
    passed += [column.name for column in schema.columns() if column.feature.kind == "text"]
    passed += [name for column in schema.columns() for name in column.raw_names if name != column.name]
    passed += [name for label in schema.labels for name in
               ([label.column, label.truth_column] if label.truth else [label.column])]
    passed += [mark.column for mark in schema.marks]
    passed += ["sample_weight"] if schema.sample_weight else []
    return outputs | {name: inputs[name] for name in passed} | {schema.group_column: inputs[schema.group_key]}


def vocabulary_sizes(schema: Schema, output: tft.TFTransformOutput) -> dict[str, int]:
    """Real ids of each learned space, as counted on the training split."""
    return {name: output.vocabulary_size_by_name(vocabulary_name(name))
            for name, space in schema.spaces.items() if space.kind == "learned"}


def vocabularies(schema: Schema, output: tft.TFTransformOutput) -> Assets:
    """The vocabulary files of the learned spaces, as models ask for them."""
    return Assets({vocabulary_name(name): str(output.vocabulary_file_by_name(vocabulary_name(name)))
                   for name, space in schema.spaces.items() if space.kind == "learned"})


def _look_up(schema: Schema, name: str, inputs: dict[str, Value], folder: str | None) -> Callable[[tf.Tensor], tf.Tensor]:
    """The function from raw ids of a space to its numbers."""
    space = schema.spaces[name]
    if space.kind == "hashed":
        return lambda ids: tf.where(ids == "", tf.constant(UNKNOWN_ID, tf.int64),
                                    FIRST_ID + tf.strings.to_hash_bucket_fast(ids, space.buckets))
    columns = [column for column in schema.columns() if column.feature.space == name]
    if folder is not None and columns:
        path = files.join(folder, vocabulary_name(name))
        table: Any = tft.make_and_track_object(lambda: tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(
            path, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER),
            UNKNOWN_ID - FIRST_ID), name=vocabulary_name(name))
        return lambda ids: FIRST_ID + table.lookup(ids)
    # Every occurrence counts, wherever it stands: one vocabulary for the candidate's and the history's items.
    everything = tf.concat([_values(inputs[column.name]) for column in columns], 0)
    # Each weighs 1: weights are summed up by id within a batch, where plain ids are counted by Beam one by one.
    ones = tf.ones_like(everything, tf.int64)
    vocabulary = tft.vocabulary(everything, weights=ones, top_k=space.max_size, frequency_threshold=space.min_count,
                                vocab_filename=vocabulary_name(name), name=vocabulary_name(name))
    return lambda ids: FIRST_ID + tft.apply_vocabulary(ids, vocabulary, default_value=UNKNOWN_ID - FIRST_ID)


def _moments(columns: list[Column], inputs: dict[str, Value], given: dict[str, Any]) -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
    """Mean and standard deviation of each number that is normalised, by its column; of the split where none are given."""
    constants = {column.name: tuple(tf.constant(given[column.name][name], tf.float64) for name in ("mean", "deviation"))
                 for column in columns if column.name in given}
    learned = [column for column in columns if column.name not in given]
    if not learned:
        return constants
    means, variances = tft.experimental.ptransform_analyzer(
        [_values(_exact(column, inputs[column.name])) for column in learned], MeansAndVariances(len(learned)),
        output_dtypes=[tf.float64, tf.float64], output_shapes=[[len(learned)], [len(learned)]], name="moments")
    deviations = tf.where(variances > 0, tf.sqrt(variances), tf.ones_like(variances))
    return constants | {column.name: (means[place], deviations[place]) for place, column in enumerate(learned)}


def _exact(column: Column, raw: Value) -> Value:
    """The number that is normalised, in float64: as it is, or its logarithm."""
    exact = _apply(lambda x: tf.cast(x, tf.float64), raw)
    if column.feature.transform == "log_zscore":
        return _apply(lambda x: tf.sign(x) * tf.math.log1p(tf.abs(x)), exact)
    return exact


def _number(column: Column, raw: Value, given: dict[str, Any] | None,
            moments: tuple[tf.Tensor, tf.Tensor] | None) -> dict[str, Value]:
    """A number as the model reads it, and its quantile bucket where it has buckets. NaN is a missing value.

    Both depend on the raw number alone. The last bit of a float32 logarithm depends on where in a batch the number stands, and
    that of a division on how the graph was optimised. So boundaries are raw numbers (the logarithm keeps their order), and
    normalisation is done in float64 and rounded once.

    Args:
        column: its column.
        raw: as the log has it.
        given: its `bounds` (`tfx_pipelines.day`); None for those of the split.
        moments: mean and standard deviation, where it is normalised.
    """
    feature = column.feature
    missing = tf.math.is_nan
    outputs: dict[str, Value] = {}
    if feature.buckets:
        bucket = _buckets(feature, raw, given)
        outputs[column.bucket] = _apply(
            lambda x: tf.where(missing(x), tf.constant(UNKNOWN_ID, tf.int64),
                               FIRST_ID + bucket(tf.where(missing(x), tf.zeros_like(x), x))), raw)
    value = raw
    if moments is not None:
        mean, deviation = moments
        value = _apply(lambda x: tf.cast((x - mean) / deviation, tf.float32), _exact(column, raw))
    outputs[column.name] = _apply(lambda x: tf.where(missing(x), tf.zeros_like(x), x), value)
    return outputs


def _buckets(feature: Feature, raw: Value, given: dict[str, Any] | None) -> Callable[[tf.Tensor], tf.Tensor]:
    """The function from numbers, none of them missing, to their quantile buckets from 0 on."""
    if given is not None:
        edges = tf.constant(given["bounds"], tf.float32)
        return lambda x: tf.reshape(tf.searchsorted(edges, tf.reshape(x, [-1]), "right", tf.int64), tf.shape(x))
    bounds = tft.quantiles(tf.boolean_mask(_values(raw), ~tf.math.is_nan(_values(raw))), feature.buckets,
                           epsilon=min(0.01, 1 / feature.buckets))
    return lambda x: tft.apply_buckets(x, bounds)


def _values(value: Value) -> tf.Tensor:
    return value.values if isinstance(value, tf.SparseTensor) else value


def _apply(function: Callable[[tf.Tensor], tf.Tensor], value: Value) -> Value:
    if isinstance(value, tf.SparseTensor):
        return tf.SparseTensor(value.indices, function(value.values), value.dense_shape)
    return function(value)
