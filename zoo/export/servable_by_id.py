"""The functions of a server that keeps what the item tower made of a catalogue: candidates are named, and no more."""

from __future__ import annotations

import math
from typing import Any

from zoo.config import ConfigError
from zoo.data.catalogue import item_feature
from zoo.data.checks import check
from zoo.export.inputs import Transform, candidate_specs, checked_count, request_inputs, request_specs
from zoo.export.item_table import UNKNOWN_ROW, ItemTable
from zoo.export.items import item_tensors
from zoo.export.model_description import Precision
from zoo.export.servable import ServableRanker
from zoo.keras import tf
from zoo.model_files import TOP_COUNT, TOP_ITEMS, TOP_PLACES, UNKNOWN_CANDIDATES, VALUE
from zoo.models.base import RankingModel
from zoo.schema import CANDIDATE_COUNT, Schema

OUTPUTS = frozenset({UNKNOWN_CANDIDATES, TOP_ITEMS, TOP_PLACES, TOP_COUNT})


class ServableById(ServableRanker):
    """A model whose items are computed ahead of time, with a table of them.

    Args:
        model: a trained model with the traits of `keeps_items`.
        transform: see `ServableRanker`.
        precision: of the table.
        ids: file of the items' ids.
    """

    def __init__(self, model: RankingModel, transform: Transform, precision: Precision, ids: str):
        super().__init__(model, transform)
        taken = sorted({label.name for label in model.schema.labels} & OUTPUTS)
        if taken:
            raise ConfigError(f"schema {model.schema.name!r}: a label is named {taken[0]!r}, as an output of a ranker that "
                              "keeps items is; give it another name, or set export.item_table: none")
        missing = item_tensors(model.schema, missing_item(model.schema))
        self.items = ItemTable(model.encode_candidates(self._candidates(model.encoded_schema, missing)), precision, ids)

    def rank(self, **raw: tf.Tensor) -> dict[str, tf.Tensor]:
        """`{task: [R, N]}` of candidates by their ids, and `unknown_candidates [R]`: how many are not in the table."""
        raw, count = checked_count(self.schema, raw, self._id)
        rows = self.items.ids(raw[self._id])
        scores = self.model.predictions(self.model.score(
            self.model.encode_request(request_inputs(self.schema, self.transform, raw)), self.items.state(rows)))
        unknown = tf.sequence_mask(count, tf.shape(rows)[1]) & (rows == UNKNOWN_ROW)
        return scores | {UNKNOWN_CANDIDATES: tf.reduce_sum(tf.cast(unknown, tf.int64), 1)}

    def top_k(self, **raw: tf.Tensor) -> dict[str, tf.Tensor]:
        """The `k [R]` best candidates by the final `value`, or the first label's score where there is none, best first, equal
        ones in the request's order.

        `top_items [R, K]`, `top_places [R, K]` (from 0), the scores `{task: [R, K]}` and `top_count [R]`, how many of them are
        real: k, or all candidates where there are fewer. K is the largest k, at most N. The rest is "", −1 and 0.
        """
        wanted = check(raw["k"] > 0, "k must be at least 1", raw["k"])
        ids, count = raw[self._id], raw[CANDIDATE_COUNT]
        answer = self.rank(**{name: value for name, value in raw.items() if name != "k"})
        unknown = answer.pop(UNKNOWN_CANDIDATES)
        first = answer[VALUE] if VALUE in answer else answer[self.schema.labels[0].name]
        with tf.control_dependencies([wanted]):
            counts = tf.minimum(raw["k"], count)
        most = tf.cast(tf.reduce_max(counts), tf.int32)
        among = tf.sequence_mask(count, tf.shape(first)[1])
        places = tf.math.top_k(tf.where(among, first, first.dtype.min), most).indices
        real = tf.sequence_mask(counts, most)
        found = {task: tf.where(real, tf.gather(scores, places, batch_dims=1), 0.0) for task, scores in answer.items()}
        return found | {TOP_ITEMS: tf.where(real, tf.gather(ids, places, batch_dims=1), ""), UNKNOWN_CANDIDATES: unknown,
                        TOP_PLACES: tf.where(real, tf.cast(places, tf.int64), -1), TOP_COUNT: counts}

    def encode_items(self, **raw: tf.Tensor) -> dict[str, tf.Tensor]:
        """What the tables keep of items, by their names."""
        return self.items.packed(self.model.encode_candidates(self._candidates(self.model.encoded_schema, raw)))

    def signatures(self) -> dict[str, Any]:
        graph = tf.function(autograph=False)
        return super().signatures() | {
            "top_k": graph(self.top_k).get_concrete_function(**self.rank_specs(), k=tf.TensorSpec([None], tf.int64, "k")),
            "encode_items": graph(self.encode_items).get_concrete_function(**candidate_specs(self.model.encoded_schema))}

    def rank_specs(self) -> dict[str, tf.TensorSpec]:
        return request_specs(self.schema) | {
            self._id: tf.TensorSpec([None, None], tf.string, self._id),
            CANDIDATE_COUNT: tf.TensorSpec([None], tf.int64, CANDIDATE_COUNT)}

    @property
    def _id(self) -> str:
        return f"candidate_{item_feature(self.schema).name}"


def missing_item(schema: Schema) -> dict[str, list[Any]]:
    """One item of which nothing is known, in the form of a catalogue's batch."""
    found: dict[str, list[Any]] = {}
    for column in schema.item_columns():
        feature = column.feature
        one = math.nan if feature.kind == "number" else ""
        found[feature.name] = [[]] if feature.multiple else [[one] * feature.width] if feature.width > 1 else [one]
        if feature.weighted:
            found[feature.weight] = [[]]
    return found
