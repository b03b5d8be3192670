"""GBDT+LR: the leaves of boosted trees as features of a logistic regression."""

from __future__ import annotations

from typing import Any

import pydantic

from zoo.keras import tf
from zoo.layers.embedding_table import EmbeddingTable
from zoo.layers.linear import WIDE, WideLogits
from zoo.models.base import Tensors
from zoo.models.fine.gbdt import GBDT, GBDTConfig
from zoo.models.preparation import Span, TrainingSplit
from zoo.schema import Schema


class GBDTLRConfig(GBDTConfig):
    """Args:
        trees: grown for each task.
        leaves: of each tree at most.
        depth: of each tree at most.
        learning_rate: shrinkage.
        min_rows: candidates in a leaf at least.
        l2: on the leaves' values.
        seed: of LightGBM.
        detailed: as in GBDT.
        tree_share: earliest share of the training requests, from which the trees are grown; LR learns from the later ones.
        sparse: also give LR the ids, numbers and crosses that LR alone has.
        crosses: as in LR.
        cross_buckets: rows of each cross's table.
    """

    tree_share: float = pydantic.Field(default=0.5, gt=0, lt=1)
    sparse: bool = True
    crosses: tuple[tuple[str, str], ...] | None = None
    cross_buckets: int = pydantic.Field(default=1 << 20, ge=1)


class GBDTLR(GBDT):
    """Boosted trees into logistic regression: `z_n = w·x_n + Σ_k w[leaf_k(x_n)] / √K`, moved by FTRL-Proximal.

    The trees are grown from the earlier part of the training split and LR from the later one: weights of leaves learned from
    the requests that made the leaves would trust them too much.

    Source: He et al., Practical Lessons from Predicting Clicks on Ads at Facebook, ADKDD 2014.
    """

    Config = GBDTLRConfig
    optimizers = {"wide": WIDE}
    optimizer_group = "wide"

    def __init__(self, schema: Schema, config: GBDTLRConfig, **kwargs: Any):
        super().__init__(schema, config, **kwargs)
        self.tree_share = config.tree_share
        rows = config.trees * (2 * config.leaves - 1)
        self.leaves = {label.name: EmbeddingTable(rows, 1, scale=0.0, optimizer_group="wide", name=f"leaves_{label.name}")
                       for label in schema.tasks}
        self.wide = WideLogits(schema, config.crosses, config.cross_buckets) if config.sparse else None

    def score(self, request: Tensors, candidates: Tensors) -> dict[str, tf.Tensor]:
        rows, logits = self.statistics(request, candidates), {}
        wide = self.wide(request, candidates) if self.wide is not None else dict.fromkeys(self.forests, 0.0)
        for task, forest in self.forests.items():
            weights = self.leaves[task](tf.cast(forest(rows), tf.int64))
            # FTRL's first steps are as long for a rare feature as for K that are always there: kept short by 1/√K.
            of_leaves = tf.reduce_sum(weights, [-2, -1]) / self.config.trees ** 0.5
            logits[task] = of_leaves + self.biases[task] + wide[task]
        return logits

    def prepare(self, split: TrainingSplit) -> Span:
        self.count(split)
        cut = split.time_quantile(self.tree_share)
        self.grow(split.batches(Span(until=cut)))
        return Span(after=cut)
