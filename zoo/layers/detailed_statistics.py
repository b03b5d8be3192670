"""What more than single counts says of a candidate: pairs of ids, and numbers within their category."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping

from zoo.keras import tf
from zoo.layers.behaviours import same_ids
from zoo.layers.history_statistics import HistoryStatistics
from zoo.layers.masking import length_mask
from zoo.layers.usual import Moments, UsualNumber
from zoo.schema import CANDIDATE_COUNT, Column, Schema

# So many events of no taste are added to a history before its mean is taken: one event says little.
TASTE_PRIOR = 3.0


class DetailedStatistics(HistoryStatistics):
    """`[R, N, F]` `HistoryStatistics` and more.

    How many events share two ids with the candidate (`count`; the item is left out, since it settles the others). Where
    candidates and events have a category, also each number that both have, within its category (`UsualNumber`): the candidate's
    (`usual`), the history's taste `Σ r_t / (T + 3)` (`taste`), and the square of their difference (`off_taste`).

    Args:
        schema: a bound schema.

    Attributes:
        names, kinds: as in `HistoryStatistics`.
    """

    def __init__(self, schema: Schema, **kwargs):
        super().__init__(schema, **kwargs)
        apart = [pair for pair in self.matched if pair[1].feature.role != "item"]
        self.pairs = list(itertools.combinations(apart, 2))
        self.category = next((pair for pair in self.matched if pair[1].feature.role == "category"), None)
        self.usual = [UsualNumber(schema.size(self.category[1].space), name=f"usual_{column.name}")
                      for _, column in self.compared] if self.category else []
        named = [(f"{one[0].name}_{other[0].feature.name}_count", "count") for one, other in self.pairs]
        named += [(f"{event.name}_{kind}", kind) for _, event, *_ in self._within() for kind in ("usual", "taste", "off_taste")]
        self.names += [name for name, _ in named]
        self.kinds += [kind for _, kind in named]

    def learn(self, batches: Iterable[Mapping[str, tf.Tensor]]) -> None:
        """Learns what is usual of each category.

        Args:
            batches: the model's inputs of the training split.
        """
        columns = [(usual, column.name, category.name) for usual, _, column, _, category in self._within()]
        if not columns:
            return
        moments = [Moments(usual.mean.shape[0]) for usual, *_ in columns]
        for inputs in batches:
            real = tf.sequence_mask(inputs[CANDIDATE_COUNT], inputs[columns[0][1]].shape[1]).numpy()
            for counted, (_, *names) in zip(moments, columns, strict=True):
                counted.add(*(inputs[name].numpy()[real] for name in names))
        for counted, (usual, *_) in zip(moments, columns, strict=True):
            usual.learn(counted)

    def call(self, request: Mapping[str, tf.Tensor], candidates: Mapping[str, tf.Tensor]) -> tf.Tensor:
        mask = length_mask(request[self.sequence.length], request[self.first])
        more = []
        for pair in self.pairs:
            one, other = (same_ids(tf.expand_dims(candidates[column.name], 2), tf.expand_dims(request[event.name], 1))
                          for event, column in pair)
            more.append(tf.reduce_sum(one * other * tf.expand_dims(mask, 1), 2))
        for usual, event, column, past_category, category in self._within():
            own = usual(candidates[column.name], candidates[category.name])
            past = usual(request[event.name], request[past_category.name]) * mask
            # In float64, where sums of some float32 are exact, whatever the padding.
            total, count = (tf.reduce_sum(tf.cast(values, tf.float64), 1, keepdims=True) for values in (past, mask))
            taste = tf.cast(total / (count + TASTE_PRIOR), tf.float32)
            more += [own, taste + tf.zeros_like(own), tf.square(own - taste)]
        return tf.concat([super().call(request, candidates), *(tf.expand_dims(value, -1) for value in more)], -1)

    def _within(self) -> Iterator[tuple[UsualNumber, Column, Column, Column, Column]]:
        """Each compared number of events and of candidates, with their categories."""
        if self.category:
            for usual, (event, column) in zip(self.usual, self.compared, strict=True):
                yield usual, event, column, *self.category
