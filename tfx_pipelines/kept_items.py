"""Which candidates of a request have the features that a model keeps of their items."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from zoo.data.catalogue import Catalogue, item_feature
from zoo.data.request import Request


class KeptItems:
    """Compares candidates with the rows of a catalogue that an item table was made from.

    Args:
        catalogue: its last row of each item is what the model keeps.

    Example:
        >>> KeptItems(catalogue)(request)       # [N] of truth values
    """

    def __init__(self, catalogue: Catalogue):
        self.columns = [column for column in catalogue.schema.item_columns() if column.feature.role != "item"]
        self.name = item_feature(catalogue.schema).name
        last = catalogue.last_of_item()
        self.table = catalogue.table.filter(pa.array(last))
        self.rows = {item: row for row, item in enumerate(catalogue.items.filter(pa.array(last)).to_pylist())}

    def __call__(self, request: Request) -> np.ndarray:
        """Whether the item of each candidate is kept with just its features."""
        rows = [self.rows.get(item) for item in request.candidates[self.name]]
        kept = np.array([row is not None for row in rows])
        table = self.table.take(pa.array([row or 0 for row in rows])) if len(self.table) else self.table
        for column in self.columns if kept.any() else []:
            for name, values in [(column.feature.name, request.values(column))] + (
                    [(column.feature.weight, request.weights(column))] if column.feature.weighted else []):
                most = column.feature.max_values if column.feature.multiple else None
                for place, (ours, theirs) in enumerate(zip(values, table[name].to_pylist(), strict=True)):
                    kept[place] &= _same(ours, theirs[:most] if most else theirs)
        return kept


def _same(one: Any, other: Any) -> bool:
    """Strings, numbers of 32 bits, where a missing one is the same as another, or lists of them."""
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return np.array_equal(np.asarray(one, object), np.asarray(other, object)) or (
        np.shape(one) == np.shape(other) and all(isinstance(x, float) for x in np.ravel(np.asarray(one, object)))
        and np.array_equal(np.asarray(one, np.float32), np.asarray(other, np.float32), equal_nan=True))
