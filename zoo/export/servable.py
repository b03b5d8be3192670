"""The functions that a server answers with, over raw features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.data import parsing
from zoo.export.inputs import (
    Transform,
    candidate_inputs,
    candidate_specs,
    checked,
    example_inputs,
    request_inputs,
    request_specs,
)
from zoo.export.state import flatten
from zoo.keras import tf
from zoo.models.base import RankingModel
from zoo.schema import Schema


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
        # In a closure: the SavedModel needs what the signatures reach, not the Keras object, which Keras would try to describe.
        self._model = lambda: model
        self.transform = transform  # an attribute, so that its look-up tables are tracked and initialised

    @property
    def model(self) -> RankingModel:
        return self._model()

    # ---- the functions behind the signatures ---------------------------------------------------------------------

    def serve_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """`{task: [R, N]}` for serialized requests."""
        return self.model.probabilities(checked(self.schema, example_inputs(self.schema, self.transform, examples)))

    def rank(self, **raw: tf.Tensor) -> dict[str, tf.Tensor]:
        """`{task: [R, N]}` for raw request and candidate tensors; lengths say what is padding."""
        candidates = self._candidates(self.schema, raw)
        return self.model.probabilities(request_inputs(self.schema, self.transform, raw) | candidates)

    def encode_request(self, **raw: tf.Tensor) -> dict[str, tf.Tensor]:
        """The request's state, flat by name."""
        return flatten(self.model.encode_request(request_inputs(self.schema, self.transform, raw)))

    def encode_candidates(self, **raw: tf.Tensor) -> dict[str, tf.Tensor]:
        """The candidates' state, flat by name."""
        return flatten(self.model.encode_candidates(self._candidates(self.model.encoded_schema, raw)))

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
        request = request_specs(self.schema)
        encoded = candidate_specs(self.model.encoded_schema)
        # As training is (`zoo.training.loop`): AutoGraph would rewrite every function below these, and none needs it.
        graph = tf.function(autograph=False)
        return {
            "serving_default": graph(self.serve_examples).get_concrete_function(examples),
            "rank": graph(self.rank).get_concrete_function(**self.rank_specs()),
            "encode_request": graph(self.encode_request).get_concrete_function(**request),
            "encode_candidates": graph(self.encode_candidates).get_concrete_function(**encoded),
            "transform_features": graph(self.transform_features).get_concrete_function(examples),
        }

    def rank_specs(self) -> dict[str, tf.TensorSpec]:
        """Specs of the inputs of `rank`."""
        return request_specs(self.schema) | candidate_specs(self.schema)

    def track(self, signatures: Mapping[str, Any]) -> None:
        """Holds what of the model the signatures reach, as objects: variables, look-up tables with their files.

        What only training needs (an auxiliary head, a teacher) is not reached, and not exported.
        """
        handles = {id(capture) for signature in signatures.values() for capture in signature.captured_inputs}
        self.reached = [part for part in tf.train.TrackableView(self.model).descendants() if id(_handle(part)) in handles]

    def _candidates(self, schema: Schema, raw: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return checked(schema, candidate_inputs(schema, self.transform, raw))


def _handle(part: Any) -> Any:
    """The resource of a variable or a look-up table; what is neither has none that anything captures."""
    return getattr(part, "resource_handle" if hasattr(part, "resource_handle") else "handle", None)
