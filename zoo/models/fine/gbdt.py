"""GBDT: gradient-boosted trees over dense statistics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pydantic

from zoo.data.batch import Batch
from zoo.keras import tf
from zoo.layers.forest import Forest
from zoo.layers.late_objective import late_objective
from zoo.layers.outcomes import OutcomesConfig
from zoo.layers.statistics import DenseStatistics
from zoo.models.base import Tensors, split_inputs
from zoo.models.encoders import ColumnModel
from zoo.models.preparation import Span, TrainingSplit
from zoo.schema import Label, Schema


class GBDTConfig(OutcomesConfig):
    """Args:
        trees: grown for each task.
        leaves: of each tree at most.
        depth: of each tree at most.
        learning_rate: shrinkage.
        min_rows: candidates in a leaf at least.
        l2: on the leaves' values.
        seed: of LightGBM.
        detailed: trees also read how many events share two ids with a candidate, and its numbers within their category.
    """

    trees: int = pydantic.Field(default=500, ge=1)
    leaves: int = pydantic.Field(default=12, ge=2)
    depth: int = pydantic.Field(default=8, ge=1)
    learning_rate: float = pydantic.Field(default=0.1, gt=0, le=1)
    min_rows: int = pydantic.Field(default=20, ge=1)
    l2: float = pydantic.Field(default=1.0, ge=0)
    seed: int = 1
    detailed: bool = False


class GBDT(ColumnModel):
    """Gradient-boosted trees: `z_n = b + Σ_k value_k(leaf_k(x_n))`, x the candidate's `DenseStatistics`.

    LightGBM grows the trees from the training split before the first step (`prepare`); they become tensors of the graph, so
    that the model is exported and served as any other. Training moves b alone.

    Source: Friedman, Greedy Function Approximation, 2001; the trees of He et al., ADKDD 2014; LightGBM: Ke et al., 2017.
    """

    Config = GBDTConfig
    config: GBDTConfig
    optimizers = {"dense": ColumnModel.optimizers["dense"]}

    def __init__(self, schema: Schema, config: GBDTConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.statistics = DenseStatistics(schema, config.detailed)
        self.forests = {label.name: Forest(config.trees, config.leaves, config.depth, name=f"forest_{label.name}")
                        for label in schema.tasks}
        self.biases = {label.name: self.add_weight(f"bias_{label.name}", (), initializer="zeros") for label in schema.tasks}

    def score(self, request: Tensors, candidates: Tensors) -> dict[str, tf.Tensor]:
        rows = self.statistics(request, candidates)
        return {task: forest.total(forest(rows)) + self.biases[task] for task, forest in self.forests.items()}

    def prepare(self, split: TrainingSplit) -> Span:
        span = super().prepare(split)
        self.grow(split.batches(span))
        return span

    def grow(self, batches: Iterable[Batch]) -> None:
        """Grows the trees of every task, on its outcomes and on what a teacher says of it.

        Raises:
            ValueError: a task has no observed label.
        """
        import lightgbm  # imported here: only these models need it

        rows, labels, weights, late = self._table(batches)
        for label in self.schema.tasks:
            taught = [label, *(one for one in self.schema.labels if one.of == label.name)]
            weight = np.concatenate([one.weight / label.weight * weights[one.name] for one in taught])
            seen = weight > 0
            if not seen.any():
                raise ValueError(f"no label {label.name!r} was observed in the part of the training split that the trees see")
            outcomes = np.concatenate([labels[one.name] for one in taught])[seen]
            data = lightgbm.Dataset(rows[np.flatnonzero(seen) % len(rows)], outcomes, weight=weight[seen],
                                    feature_name=self.statistics.names)
            parameters = self._parameters(taught)
            if label.name in late:
                start, parameters["objective"] = late_objective(outcomes, weight[seen], late[label.name][seen])
                data.set_init_score(np.full(len(outcomes), start))
                self.biases[label.name].assign(start)
            booster = lightgbm.train(parameters, data, num_boost_round=self.config.trees)
            self.forests[label.name].set_trees(booster.dump_model()["tree_info"])

    def _table(self, batches: Iterable[Batch]) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray],
                                                        dict[str, np.ndarray]]:
        """Rows `[n, F]`, labels and weights of all real candidates, and of what is outstanding of those that come late."""
        parts: list[tuple] = []
        for batch in batches:
            batch = Batch(*batch)
            real = tf.sequence_mask(batch.inputs["candidate_count"]).numpy()
            parts.append((self.statistics(*split_inputs(self.schema, batch.inputs)).numpy()[real],
                          *({task: values.numpy()[real] for task, values in part.items()}
                            for part in (batch.labels, self.weights_of(batch), self.outstanding(batch)))))
        rows, labels, weights, late = zip(*parts, strict=True)
        return np.concatenate(rows), _joined(labels), _joined(weights), _joined(late)

    def _parameters(self, labels: Sequence[Label]) -> dict[str, Any]:
        config = self.config
        # LightGBM's "binary" takes every label above 0 for a 1, a teacher's probability too.
        binary = "cross_entropy" if any(label.soft for label in labels) else "binary"
        return {
            "objective": "regression" if labels[0].kind == "regression" else binary, "num_leaves": config.leaves,
            "max_depth": config.depth, "learning_rate": config.learning_rate, "min_data_in_leaf": config.min_rows,
            "lambda_l2": config.l2, "seed": config.seed, "deterministic": True, "force_row_wise": True, "verbosity": -1,
            # Missing values have become numbers before; routed alike in training and serving.
            "use_missing": False,
        }


def _joined(parts: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {task: np.concatenate([part[task] for part in parts]) for task in parts[0]}
