"""What training adds to the loss for the rows of a batch, each row once however often it occurs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from zoo.keras import keras, tf
from zoo.layers.embedding_table import EmbeddingTable
from zoo.layers.pretrained import Anchor
from zoo.layers.values import real_ids
from zoo.schema import PADDING_ID, Schema

Tensors = Mapping[str, tf.Tensor]


class RowRegularization(keras.layers.Layer):
    """Mini-batch-aware L2, `λ/2 · Σ_{j in the batch} ‖w_j‖² / n_j`, n_j how often the training split has the id j; and anchors.

    Its gradient is the paper's `λ · (α_mj / n_j) · w_j`. Padding is not an id and does not decay; frozen tables do not either.

    Args:
        schema: a bound schema.
        strength: λ; 0 leaves the L2 away.
        anchors: of tables that are pulled back to where they began, by space.

    Source: Zhou et al., Deep Interest Network, KDD 2018, section 5.2.
    """

    def __init__(self, schema: Schema, strength: float, anchors: Mapping[str, Anchor], **kwargs):
        super().__init__(**kwargs)
        self.strength, self.anchors = strength, dict(anchors)
        spaces = [space for space in schema.spaces if any(column.feature.space == space for column in schema.columns())]
        self.columns = {space: [column for column in schema.columns() if column.feature.space == space] for space in spaces}
        # Ids seen this often in the training split; without a count, every id as if seen once.
        self.frequencies = {
            space: self.add_weight(f"frequency_{space}", (schema.size(space),), initializer="ones", trainable=False)
            for space in self.columns if strength
        }

    def count(self, batches: Iterable[Tensors]) -> None:
        """Counts the ids of the training split."""
        counts = {space: np.zeros(variable.shape[0]) for space, variable in self.frequencies.items()}
        for inputs in batches:
            for space, total in counts.items():
                for column in self.columns[space]:
                    total += np.bincount(real_ids(column, inputs).numpy(), minlength=len(total))
        for space, variable in self.frequencies.items():
            variable.assign(np.maximum(counts[space], 1.0))

    def call(self, inputs: Tensors, tables: Mapping[str, EmbeddingTable],
             roles: Iterable[EmbeddingTable] = ()) -> tf.Tensor:
        """Of a batch, a scalar.

        Args:
            inputs: columns of the batch.
            tables: by space; anchors are theirs.
            roles: further tables, which know their spaces.
        """
        total, roles = tf.constant(0.0), list(roles)
        for space, columns in self.columns.items():
            anchor = self.anchors.get(space)
            ours = ([tables[space]] if space in tables else []) + [table for table in roles if table.space == space]
            if anchor is None and not (self.strength and any(table.trainable for table in ours)):
                continue
            ids, _ = tf.unique(tf.concat([real_ids(column, inputs) for column in columns], 0))
            ids = tf.boolean_mask(ids, ids != PADDING_ID)
            for table in ours:
                rows = table(ids)
                if self.strength and table.trainable:
                    squares = tf.reduce_sum(tf.square(rows), -1)
                    total += 0.5 * self.strength * tf.reduce_sum(squares / tf.gather(self.frequencies[space], ids))
                if anchor is not None and table is tables.get(space):
                    total += anchor(ids, rows)
        return total
