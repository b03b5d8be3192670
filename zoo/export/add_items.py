"""Fills the item table of an exported model from a catalogue: the same graph, the same weights, other items."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tensorflow.core.protobuf import fingerprint_pb2

from zoo.config import ConfigError
from zoo.data.catalogue import Catalogue, CatalogueError, arrow_schema, column_differences, item_feature
from zoo.export.item_table import IDS_FILE, read_ids, write_ids
from zoo.export.items import item_tensors
from zoo.export.model_description import ItemTableDescription, read_description, write_description
from zoo.keras import tf
from zoo.model_files import MODEL_FILE, SCHEMA_FILE
from zoo.schema import Schema

_BATCH = 4096
_VARIABLES = "variables/variables"
_FINGERPRINT = "fingerprint.pb"


class AddedItems(NamedTuple):
    """How many items a table got, how many it had before and were computed anew, and how many it kept as they were."""

    added: int
    renewed: int
    kept: int


def add_items(path: str | Path, catalogue: Catalogue, replace: bool = False,
              on_progress: Callable[[int, int], None] | None = None) -> AddedItems:
    """Encodes the items of a catalogue by the model's own `encode_items` and writes them into its table.

    The folder is changed in place, so it must be nobody else's: a copy, or a model that was not published yet
    (`zoo.versions.publish`). Graph and weights stay what they are, to the last bit; no code of the model runs but its graph.

    Args:
        path: of the SavedModel, a local folder.
        catalogue: of a log with the model's columns; each item as its last row says.
        replace: forget the items that are not in the catalogue; else they stay.
        on_progress: called with how many items are encoded, and of how many.

    Raises:
        ConfigError: the model has no item table.
        CatalogueError: the catalogue has other columns than the model's schema.

    Example:
        >>> add_items("runs/copy", RequestLog("runs/log-of-today").catalogue())
    """
    path = str(path)
    description = read_description(path)
    if description.item_table is None:
        raise ConfigError(f"{path}/{MODEL_FILE}: the model {description.name!r} was exported without an item table; export a "
                          "coarse ranker with export.item_table")
    schema = Schema.load(f"{path}/{SCHEMA_FILE}")
    different = column_differences(arrow_schema(schema), catalogue.table.schema)
    if different:
        raise CatalogueError(f"the catalogue has other columns than {description.name!r} in {path} reads: {different}; take "
                             "the catalogue of a log with the model's schema, or train a model on this one")
    loaded = tf.saved_model.load(path)
    ids, rows = _encoded(loaded.signatures["encode_items"], schema, catalogue, on_progress)
    before = read_ids(f"{path}/assets/{IDS_FILE}")
    stored = tf.train.load_checkpoint(f"{path}/{_VARIABLES}")
    old = {name: stored.get_tensor(_key(name)) for name in rows}
    # Not by NumPy, which compares objects one by one.
    anew = set(ids)
    again = np.array([item in anew for item in before], bool)
    stay = np.flatnonzero(~again) if not replace else np.zeros(0, np.int64)
    tables = {name: np.concatenate([old[name][:1], old[name][1:][stay], rows[name]]) for name in rows}
    del loaded
    write_ids(f"{path}/assets/{IDS_FILE}", np.concatenate([before[stay], ids]))
    _rewrite(path, stored, {_key(name): table for name, table in tables.items()})
    since = max([int(catalogue.since.max())] if len(catalogue) else [0])
    table = ItemTableDescription(precision=description.item_table.precision, items=len(stay) + len(ids),
                                 until=max(since, description.item_table.until if not replace else 0))
    write_description(path, description.model_copy(update={"item_table": table}))
    return AddedItems(len(ids) - int(again.sum()), int(again.sum()), len(stay))


def _encoded(encode: Any, schema: Schema, catalogue: Catalogue,
             on_progress: Callable[[int, int], None] | None) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The catalogue's items as bytes objects, and by table their rows."""
    total, ids = catalogue.item_count, []
    name = item_feature(schema).name
    tables = {key: np.empty((total, *spec.shape[2:]), spec.dtype.as_numpy_dtype) for key, spec in
              encode.structured_outputs.items()}
    mine = Catalogue(schema, catalogue.table)
    for items in mine.batches(min(_BATCH, schema.max_candidates)):
        first = len(ids)
        ids += [item.encode() for item in items[name]]
        for key, rows in encode(**item_tensors(schema, items)).items():
            tables[key][first:len(ids)] = rows[0].numpy()
        if on_progress:
            on_progress(len(ids), total)
    found = np.empty(len(ids), object)
    found[:] = ids
    return found, tables


def _key(name: str) -> str:
    """Name of a table in the checkpoint."""
    return f"items/tables/{name}/.ATTRIBUTES/VARIABLE_VALUE"


def _rewrite(path: str, stored: Any, changed: Mapping[str, np.ndarray]) -> None:
    """Writes the SavedModel's variables anew, some of them with other values.

    How many rows a table has is not said by the graph, so what reads one checkpoint reads the other.
    """
    names = sorted(stored.get_variable_to_shape_map())
    tensors = [tf.constant(changed[name] if name in changed else stored.get_tensor(name)) for name in names]
    tf.raw_ops.SaveV2(prefix=f"{path}/{_VARIABLES}", tensor_names=names, shape_and_slices=[""] * len(names), tensors=tensors)
    # By it two versions are told apart.
    fingerprint = fingerprint_pb2.FingerprintDef.FromString(Path(path, _FINGERPRINT).read_bytes())
    index = Path(path, f"{_VARIABLES}.index").read_bytes()
    fingerprint.checkpoint_hash = int(tf.strings.to_hash_bucket_fast(index, 2 ** 63 - 1))
    Path(path, _FINGERPRINT).write_bytes(fingerprint.SerializeToString())


__all__ = ["AddedItems", "add_items"]
