"""The SavedModel of a ranking model: five signatures over raw features, made from a plain `tf.Module`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zoo.data import parsing
from zoo.keras import tf
from zoo.models.base import RankingModel
from zoo.schema import CANDIDATE_COUNT, Column, Schema

EXTRA_ASSETS = "assets.extra"
Transform = Callable[[dict[str, Any]], Mapping[str, Any]]


class ServableRanker(tf.Module):
    """A model, the transformation of raw features, and the functions a server answers with.

    Args:
        model: a trained ranking model.
        transform: from raw columns to transformed ones, elementwise: request columns are dense `[R]`, sequence and
            candidate columns are `tf.SparseTensor`s whose structure it keeps. It must take any subset of the columns.
            TensorFlow Transform's layer is one.
    """

    def __init__(self, model: RankingModel, transform: Transform):
        super().__init__()
        self.schema = model.schema
        # The SavedModel needs the variables, not the Keras object around them, which Keras would try to describe.
        self.model_variables = list(model.variables)
        self._model = lambda: model
        self.transform = transform  # an attribute, so that its look-up tables are tracked and initialised

    @property
    def model(self) -> RankingModel:
        return self._model()

    # ---- the functions behind the signatures ---------------------------------------------------------------------

    def serve_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """`{task: [R, N]}` for serialized requests."""
        spec = parsing.raw_spec(self.schema)
        parsed = tf.io.parse_example(examples, spec)
        raw = {name: value.to_sparse() if isinstance(value, tf.RaggedTensor) else value
               for name, value in parsed.items()}
        transformed = {name: tf.RaggedTensor.from_sparse(value) if isinstance(value, tf.SparseTensor) else value
                       for name, value in self.transform(raw).items()}
        return self.model.probabilities(self._checked(parsing.to_dense(self.schema, transformed)))

    def rank(self, **raw: tf.Tensor) -> dict[str, tf.Tensor]:
        """`{task: [R, N]}` for raw request and candidate tensors; lengths say what is padding."""
        return self.model.probabilities(self._request_inputs(raw) | self._checked(self._candidate_inputs(raw)))

    def encode_request(self, **raw: tf.Tensor) -> dict[str, tf.Tensor]:
        """The request's state, flat by name."""
        return flatten(self.model.encode_request(self._request_inputs(raw)))

    def encode_candidates(self, **raw: tf.Tensor) -> dict[str, tf.Tensor]:
        """The candidates' state, flat by name."""
        return flatten(self.model.encode_candidates(self._checked(self._candidate_inputs(raw))))

    def transform_features(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Labels `label_…` and weights `weight_…` `[R, N]` of labelled examples, for evaluation."""
        parsed = tf.io.parse_example(examples, parsing.label_spec(self.schema))
        labels, weights = parsing.labels_and_weights(self.schema, parsed)
        return ({f"label_{task}": value for task, value in labels.items()}
                | {f"weight_{task}": value for task, value in weights.items()})

    # ---- signatures ----------------------------------------------------------------------------------------------

    def signatures(self) -> dict[str, Any]:
        """The concrete functions by signature name."""
        examples = tf.TensorSpec([None], tf.string, name="examples")
        request, candidates = request_specs(self.schema), candidate_specs(self.schema)
        # As training is (`RankingModel.train_step`): AutoGraph would rewrite every function below these, and none needs it.
        graph = tf.function(autograph=False)
        return {
            "serving_default": graph(self.serve_examples).get_concrete_function(examples),
            "rank": graph(self.rank).get_concrete_function(**request, **candidates),
            "encode_request": graph(self.encode_request).get_concrete_function(**request),
            "encode_candidates": graph(self.encode_candidates).get_concrete_function(**candidates),
            "transform_features": graph(self.transform_features).get_concrete_function(examples),
        }

    # ---- raw tensors to the model's inputs -----------------------------------------------------------------------

    def _request_inputs(self, raw: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        values: dict[str, Any] = {column.name: raw[column.name] for column in self.schema.columns("request")}
        lengths = {}
        for sequence in self.schema.sequences:
            _check_lengths(raw, sequence.length, [c.name for c in self.schema.sequence_columns(sequence)])
            # A longer history than the model was trained with keeps its most recent events.
            lengths[sequence.length] = tf.minimum(raw[sequence.length], sequence.max_length)
            for column in self.schema.sequence_columns(sequence):
                events = _last(raw[column.name], raw[sequence.length], sequence.max_length)
                values[column.name] = _sparse(events, lengths[sequence.length])
        return _densify(self.transform(values)) | lengths

    def _candidate_inputs(self, raw: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        count = raw[CANDIDATE_COUNT]
        columns = self.schema.columns("candidate")
        _check_lengths(raw, CANDIDATE_COUNT, [column.name for column in columns])
        values = {column.name: _sparse(_flat(raw[column.name], column), count * column.feature.width)
                  for column in columns}
        dense = _densify(self.transform(values))
        for column in columns:
            if column.feature.width > 1:
                dense[column.name] = tf.reshape(dense[column.name], tf.shape(raw[column.name]))
        return dense | {CANDIDATE_COUNT: count}

    def _checked(self, inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Refuses requests without candidates and with too many; the error is INVALID_ARGUMENT on any server."""
        count, most = inputs[CANDIDATE_COUNT], self.schema.max_candidates
        checks = [
            tf.debugging.assert_positive(count, message="every request needs at least one candidate"),
            tf.debugging.assert_less_equal(count, tf.constant(most, count.dtype), message=
                f"a request may have at most {most} candidates; send more in several calls, scores do not change"),
        ]
        with tf.control_dependencies(checks):
            return {name: tf.identity(value) for name, value in inputs.items()}


def export_model(model: RankingModel, transform: Transform, path: str | Path) -> None:
    """Writes the SavedModel with its five signatures and, in `assets.extra/schema.yaml`, the bound schema.

    Args:
        model: a trained ranking model.
        transform: see `ServableRanker`.
        path: folder to make; an existing one is replaced.

    Example:
        >>> export_model(model, tft_output.transform_features_layer(), "runs/model/1")
    """
    path = Path(path)
    shutil.rmtree(path, ignore_errors=True)
    servable = ServableRanker(model, transform)
    tf.saved_model.save(servable, str(path), signatures=servable.signatures())
    extra = path / EXTRA_ASSETS
    extra.mkdir()
    model.schema.save(extra / "schema.yaml")


def request_specs(schema: Schema) -> dict[str, tf.TensorSpec]:
    """Specs of the request's raw tensors: `[R]` columns, `[R, T]` sequences, `[R]` lengths."""
    specs = {c.name: _spec(c, [None]) for c in schema.columns("request")}
    specs |= {c.name: _spec(c, [None, None]) for c in schema.columns("sequence")}
    return specs | {s.length: tf.TensorSpec([None], tf.int64, s.length) for s in schema.sequences}


def candidate_specs(schema: Schema) -> dict[str, tf.TensorSpec]:
    """Specs of the candidates' raw tensors: `[R, N]` or `[R, N, width]`, and `candidate_count [R]`."""
    specs = {c.name: _spec(c, [None, None] + ([c.feature.width] if c.feature.width > 1 else []))
             for c in schema.columns("candidate")}
    return specs | {CANDIDATE_COUNT: tf.TensorSpec([None], tf.int64, CANDIDATE_COUNT)}


def flatten(state: Any, prefix: str = "") -> dict[str, tf.Tensor]:
    """A nested state of named tuples and dictionaries as tensors by name: `behaviours.keys` is `behaviours_keys`."""
    if isinstance(state, tf.Tensor):
        return {prefix or "state": state}
    items = state._asdict().items() if hasattr(state, "_asdict") else state.items()
    flat: dict[str, tf.Tensor] = {}
    for name, value in items:
        if value is not None:
            flat |= flatten(value, f"{prefix}_{name}" if prefix else name)
    return flat


def _check_lengths(raw: Mapping[str, tf.Tensor], length: str, columns: list[str]) -> None:
    """Lengths must be at least 0 and at most the width of every tensor that they describe."""
    tf.debugging.assert_non_negative(raw[length], message=f"{length} must not be negative")
    for name in columns:
        width = tf.shape(raw[name], raw[length].dtype)[1]
        tf.debugging.assert_less_equal(raw[length], width, message=f"{length} is above the width of {name}")


def _spec(column: Column, shape: list[int | None]) -> tf.TensorSpec:
    return tf.TensorSpec(shape, tf.string if column.feature.kind == "id" else tf.float32, column.name)


def _sparse(values: tf.Tensor, lengths: tf.Tensor) -> tf.SparseTensor:
    """The first `lengths[r]` values of each row; the shape keeps the padding, so answers keep the caller's width."""
    indices = tf.where(tf.sequence_mask(lengths, tf.shape(values)[1]))
    return tf.SparseTensor(indices, tf.gather_nd(values, indices), tf.shape(values, tf.int64))


def _densify(values: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    return {name: tf.sparse.to_dense(value) if isinstance(value, tf.SparseTensor) else value
            for name, value in values.items()}


def _flat(values: tf.Tensor, column: Column) -> tf.Tensor:
    if column.feature.width == 1:
        return values
    shape = tf.shape(values)
    return tf.reshape(values, [shape[0], shape[1] * shape[2]])


def _last(values: tf.Tensor, lengths: tf.Tensor, most: int) -> tf.Tensor:
    """`[R, min(T, most)]` the last `most` real values of each row, from its start."""
    kept = tf.minimum(lengths, most)
    width = tf.minimum(tf.shape(values)[1], most)
    places = (lengths - kept)[:, tf.newaxis] + tf.range(tf.cast(width, tf.int64))
    return tf.gather(values, tf.minimum(places, tf.cast(tf.shape(values)[1], tf.int64) - 1), batch_dims=1)
