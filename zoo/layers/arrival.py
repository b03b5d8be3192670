"""How long after a candidate was shown its outcome comes, learned from a log that ends before some have come."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from zoo.data.batch import Batch
from zoo.keras import keras, tf
from zoo.schema import Label

# Before anything was learned: every outcome comes at once.
_AT_ONCE = 1e6
_HALVINGS = 100


class Arrival(keras.layers.Layer):
    """The chance `F(e) = 1 - exp(-λ·e)` that an outcome which comes at all has come within the time e.

    λ is the most likely one for the outcomes that were seen. One that was seen after d had to come within the e that the log
    waited for it, so its likelihood is `λ·exp(-λ·d) / F(e)`, whatever the chance that it comes at all: outcomes that have not
    come need not be told from those that never will. λ solves

    `1/λ = mean(d + e·exp(-λ·e) / F(e))`,

    whose right side is the mean of d alone where the log waited long. No gradient moves it. Chapelle lets λ depend on the
    features and learns it with the model; one λ for a label is steadier where few outcomes are on their way.

    Args:
        label: a label whose `late` names the marks.

    Example:
        >>> arrival = Arrival(schema.labels[2])
        >>> arrival.learn(split.batches())
        >>> arrival(batch.marks)        # [R, N], log(1 - F)

    Source: Chapelle, Modeling Delayed Feedback in Display Advertising, KDD 2014, section 4, for the exponential delay.
    """

    def __init__(self, label: Label, **kwargs):
        super().__init__(**kwargs)
        assert label.late is not None
        self.task, self.late = label.name, label.late
        self.rate = self.add_weight("rate", (), initializer=keras.initializers.Constant(_AT_ONCE), trainable=False)

    def call(self, marks: dict[str, tf.Tensor]) -> tf.Tensor:
        """`log(1 - F)` of each candidate, `[R, N]`; 0 on padding."""
        waited = marks[self.late.waited]
        return -self.rate * tf.where(tf.math.is_nan(waited), 0.0, tf.maximum(waited, 0.0))

    def learn(self, batches: Iterable[Batch]) -> None:
        """Takes λ from the outcomes that were seen; leaves it where there are none.

        Raises:
            ValueError: an outcome that was seen has no time, or one after the log's end.
        """
        parts = [np.zeros((2, 0))]
        for batch in batches:
            inputs, labels, weights, marks = Batch(*batch)
            seen = (weights[self.task].numpy() > 0) & (labels[self.task].numpy() == 1)
            parts.append(np.stack([marks[name].numpy()[seen] for name in (self.late.after, self.late.waited)]).astype(float))
        after, waited = np.concatenate(parts, 1)
        wrong = ~((after >= 0) & (after <= waited))
        if wrong.any():
            raise ValueError(f"of {len(after)} outcomes {self.task!r} that were seen, {wrong.sum()} have no time between 0 and "
                             f"the log's end, such as {after[wrong][0]} of {waited[wrong][0]}; see the marks "
                             f"{self.late.after!r} and {self.late.waited!r}")
        if len(after):
            self.rate.assign(_most_likely(after, waited))


def _most_likely(after: np.ndarray, waited: np.ndarray) -> float:
    """The solution of `1/λ = mean(d + e·exp(-λ·e) / F(e))`, by halving; `1/λ` minus the right side falls as λ grows.

    Where outcomes come as late as the log allows, as many in the second half of the time as in the first, there is no such λ >
    0; it is then the least that is tried, by which one outcome in a thousand has come.
    """
    low, high = np.log(1e-3 / max(waited.max(), 1e-9)), np.log(_AT_ONCE)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        rate = np.exp(middle)
        still = np.exp(-np.minimum(rate * waited, 700.0))
        more = 1 / rate > np.mean(after + waited * still / np.maximum(-np.expm1(-rate * waited), 1e-300))
        low, high = (middle, high) if more else (low, middle)
    return float(np.exp((low + high) / 2))
