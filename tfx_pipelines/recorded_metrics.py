"""What the record of a pushed version says of its quality."""

from __future__ import annotations

from tfx_pipelines.scores import read_columns
from zoo.metrics import auc, gauc, logloss
from zoo.schema import Schema


def metrics_of(path: str, schema: Schema) -> dict[str, float | None]:
    """AUC, GAUC and logloss of the first label on the test split.

    Args:
        path: URI of the file.
        schema: of the request log.
    """
    columns, task = read_columns(path), schema.labels[0].name
    y, p, w = (columns[kind][task] for kind in ("labels", "scores", "weights"))
    return {"auc": auc(y, p, w), "gauc": gauc(columns["keys"][schema.group_key], y, p, w).value, "logloss": logloss(y, p, w)}
