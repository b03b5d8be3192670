"""One pass over a split: labels, scores, groups, and exact metrics of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from zoo.data.batch import Batch, Tensors
from zoo.keras import tf
from zoo.metrics import auc, calibration, gauc, hit_rate, logloss, ndcg, positive_ranks
from zoo.schema import REQUEST_ID
from zoo.training.protocol import Trainable

TOP = (5, 10)


@dataclass(frozen=True)
class Scored:
    """Every scored candidate of a split, flat.

    Args:
        labels, weights: by label, `[n]`.
        scores: by task, `[n]`, and the final `value` where the model has one.
        truth: by task, `[n]` true probabilities, where the log knows them.
        marks: by name, `[n]`.
        keys: by key name, `[n]`, the request's value repeated for its candidates.
    """

    labels: dict[str, np.ndarray]
    scores: dict[str, np.ndarray]
    weights: dict[str, np.ndarray]
    truth: dict[str, np.ndarray] = field(default_factory=dict)
    keys: dict[str, np.ndarray] = field(default_factory=dict)
    marks: dict[str, np.ndarray] = field(default_factory=dict)

    def metrics(self, group_key: str, task: str, kind: Literal["binary", "regression"] = "binary") -> dict[str, float]:
        """AUC, GAUC, logloss and calibration of a task; where the truth is known, the distance to it.

        A regression has two others, `rmse` and `mae`: the root of the mean squared error, and the mean absolute error.

        `truth_gap` is the mean absolute difference to the true probability, `excess_logloss` the cross entropy to the
        truth above the truth's own entropy (0 for a perfect model).

        Where every request has exactly one positive among more than 10 candidates, as by leave-one-out, also `hr_at_5`,
        `ndcg_at_5`, `hr_at_10` and `ndcg_at_10`.
        """
        y, p, w = self.labels[task], self.scores[task], self.weights[task]
        if kind == "regression":
            return {"rmse": float(np.sqrt(np.average((p - y) ** 2, weights=w))),
                    "mae": float(np.average(np.abs(p - y), weights=w))}
        grouped, calibrated = gauc(self.keys[group_key], y, p, w), calibration(y, p, w)
        result = {
            "auc": auc(y, p, w), "gauc": grouped.value, "gauc_groups": grouped.groups,
            "gauc_skipped_groups": grouped.skipped_groups, "logloss": logloss(y, p, w),
            "calibration_ratio": calibrated.ratio, "calibration_error": calibrated.ece,
        }
        if task in self.truth:
            truth = self.truth[task]
            result |= {"truth_gap": float(np.average(np.abs(p - truth), weights=w)),
                       "excess_logloss": logloss(truth, p, w) - logloss(truth, truth, w),
                       "oracle_auc": auc(y, truth, w), "oracle_gauc": gauc(self.keys[group_key], y, truth, w).value}
        return result | self._one_positive(task)

    def _one_positive(self, task: str) -> dict[str, float]:
        """HR and NDCG where they are defined and say something, else nothing."""
        kept = self.weights[task] > 0
        labels, scores = self.labels[task][kept], self.scores[task][kept]
        # Seen by the counts alone on most logs; the requests are sorted out only where it can be leave-one-out.
        if REQUEST_ID not in self.keys or not 0 < (labels > 0).sum() * max(TOP) < len(labels):
            return {}
        requests = np.unique(self.keys[REQUEST_ID][kept], return_inverse=True)[1]
        if (np.bincount(requests, labels > 0) != 1).any() or np.bincount(requests).min() <= max(TOP):
            return {}
        ranks = positive_ranks(requests, labels, scores)
        return {f"{name}_at_{k}": metric(ranks, k) for k in TOP for name, metric in (("hr", hit_rate), ("ndcg", ndcg))}


def predictor(model: Trainable, dataset: tf.data.Dataset) -> Callable[[Tensors], Tensors]:
    """The model's predictions as a graph that is traced once, whatever the shapes of the dataset's batches.

    Tracing takes longer than a pass over a small split does, so whoever scores a split after every epoch keeps this.

    Args:
        model: a ranking model.
        dataset: of `(Batch, extras)`.
    """
    inputs = Batch(*dataset.element_spec[0]).inputs
    return tf.function(model.probabilities, input_signature=[inputs], autograph=False)


def score_dataset(model: Trainable, dataset: tf.data.Dataset, predict: Callable[[Tensors], Tensors] | None = None) -> Scored:
    """Scores a dataset that was read with `keys=True`.

    Args:
        model: a ranking model.
        dataset: of `(Batch, extras)`.
        predict: the `predictor` of both; None makes one for this pass.

    Returns:
        The candidates that have weight, in the order of the dataset.
    """
    schema = model.schema
    predict = predict or predictor(model, dataset)
    columns: dict[tuple[str, str], list[np.ndarray]] = {}

    def keep(kind: str, name: str, values: Any) -> None:
        columns.setdefault((kind, name), []).append(values)

    for batch, extras in dataset:
        inputs, labels, weights, marks = Batch(*batch)
        scores = predict(inputs)
        real = tf.sequence_mask(inputs["candidate_count"]).numpy()
        for name, values in scores.items():
            keep("scores", name, values.numpy()[real])
        for label in schema.labels:
            keep("labels", label.name, labels[label.name].numpy()[real])
            keep("weights", label.name, weights[label.name].numpy()[real])
            if label.truth:
                keep("truth", label.name, extras[label.truth_column].numpy()[real])
        for name, values in marks.items():
            keep("marks", name, values.numpy()[real])
        for key in schema.string_keys:
            keep("keys", key, np.repeat(extras[key].numpy(), real.sum(1)))
        if schema.group_key not in schema.string_keys:
            keep("keys", schema.group_key, np.repeat(extras[schema.group_column].numpy(), real.sum(1)))
    joined: dict[str, dict[str, np.ndarray]] = {}
    for (kind, name), parts in columns.items():
        column = np.concatenate(parts)
        # Strings of fixed width sort many times faster than objects, and can be saved without pickling.
        joined.setdefault(kind, {})[name] = column.astype(np.bytes_) if column.dtype == object else column
    return Scored(**joined)
