"""What the item tower made of a catalogue, kept in the SavedModel by raw item id."""

from __future__ import annotations

import uuid
from typing import Any

from zoo.config import ConfigError
from zoo.export.model_description import Precision
from zoo.export.state import flatten, nested
from zoo.keras import tf

IDS_FILE = "item_ids.tensor"
UNKNOWN_ROW = 0
_MOST = 127.0


class ItemIds(tf.saved_model.experimental.TrackableResource):
    """Rows of raw item ids, by a hash table: the places of the ids in a file; 0, where "" stands, for one that is not there.

    The file is an asset of the SavedModel, so that other items need no other graph: a serialized string tensor, since an id may
    hold any byte, the end of a line included.

    Args:
        file: an asset, which the module that has these ids must hold as well.
    """

    def __init__(self, file: Any):
        super().__init__()
        self.file = file
        self._name = f"item_ids_{uuid.uuid4()}"  # tables of one name in one process are one table
        self._initialize()

    def __call__(self, ids: tf.Tensor) -> tf.Tensor:
        """Rows of ids, of the same shape."""
        rows = tf.raw_ops.LookupTableFindV2(table_handle=self.resource_handle, keys=ids,
                                            default_value=tf.constant(UNKNOWN_ROW, tf.int64))
        return tf.ensure_shape(rows, ids.shape)

    def _create_resource(self) -> tf.Tensor:
        return tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64, shared_name=self._name)

    def _initialize(self) -> None:
        ids = tf.io.parse_tensor(tf.io.read_file(self.file.asset_path), tf.string)
        tf.raw_ops.InitializeTableV2(table_handle=self.resource_handle, keys=ids, values=tf.range(tf.size(ids, tf.int64)))


class ItemTable(tf.Module):
    """The state that `encode_candidates` gives of every item, a table for each of its tensors; row 0 is the unknown item's.

    `float16` halves a table. `int8` keeps `round(127·x / max|x|)` of each row with one float32 scale, `max|x| / 127`.

    Args:
        unknown: the state of one item of which nothing is known, `[1, 1, …]`, all of it float32.
        precision: of the tables.
        ids: file of the items' ids, none at first (`write_ids`).

    Attributes:
        tables: variables `[items + 1, …]` by the state's names; with `int8` also `<name>-scale [items + 1]`. How many items
            there are is no part of the graph.

    Raises:
        ConfigError: a tensor of the state that is no float32.
    """

    def __init__(self, unknown: Any, precision: Precision, ids: str):
        super().__init__()
        self.precision: Precision = precision
        self.file = tf.saved_model.Asset(ids)
        self.ids = ItemIds(self.file)
        # A tensor that stands in the state more than once, for several tasks, is kept once, under its first name.
        seen: dict[int, str] = {}
        names: dict[str, str] = {}
        for name, value in flatten(unknown).items():
            if value.dtype != tf.float32:
                raise ConfigError(f"encode_candidates gives {name!r} as {value.dtype.name}; an item table keeps float32 alone, "
                                  "so look ids up and cast masks there, or set export.item_table: none")
            names[name] = seen.setdefault(id(value), name)
        # In closures: no parts of the module.
        self._like, self._kept_as = (lambda: unknown), (lambda: names)
        self.tables = {name: tf.Variable(rows[0], trainable=False, shape=[None, *rows.shape[2:]], name=name)
                       for name, rows in self.packed(unknown).items()}

    def packed(self, state: Any) -> dict[str, tf.Tensor]:
        """`[R, N, …]` what the tables keep of a state, by their names."""
        kept: dict[str, tf.Tensor] = {}
        flat = flatten(state)
        for name in dict.fromkeys(self._kept_as().values()):
            if self.precision == "int8":
                axes = list(range(2, flat[name].shape.rank))
                scale = tf.reduce_max(tf.abs(flat[name]), axes, keepdims=True) / _MOST
                kept[name] = tf.cast(tf.round(tf.math.divide_no_nan(flat[name], scale)), tf.int8)
                kept[f"{name}-scale"] = tf.squeeze(scale, axes)
            else:
                kept[name] = tf.cast(flat[name], self.precision)
        return kept

    def state(self, rows: tf.Tensor) -> Any:
        """The state of the items in some rows `[R, N]`, as `encode_candidates` gives it, up to the precision."""
        kept = {name: self._values(name, rows) for name in dict.fromkeys(self._kept_as().values())}
        return nested(self._like(), {name: kept[first] for name, first in self._kept_as().items()})

    def _values(self, name: str, rows: tf.Tensor) -> tf.Tensor:
        values = tf.cast(tf.gather(self.tables[name], rows), tf.float32)
        if self.precision != "int8":
            return values
        scale = tf.gather(self.tables[f"{name}-scale"], rows)
        return values * tf.reshape(scale, tf.concat([tf.shape(scale), tf.ones(values.shape.rank - 2, tf.int32)], 0))


def write_ids(path: str, ids: Any) -> None:
    """Writes raw item ids, bytes or strings, in the order of their rows; that of unknown items comes before them."""
    tf.io.write_file(path, tf.io.serialize_tensor(tf.constant([b"", *ids], tf.string)))


def read_ids(path: str) -> Any:
    """The items' ids of a file, as an array of bytes objects."""
    return tf.io.parse_tensor(tf.io.read_file(path), tf.string).numpy()[UNKNOWN_ROW + 1:]
