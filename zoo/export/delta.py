"""What changed from one exported model to the next, as files: rows of tables, other tensors, the graph.

A delta is a folder: `delta.json` says what it is of; `rows.npz` holds the rows and tensors that changed; `files/` those files
of the newer model that differ otherwise (its graph, its vocabularies). Applied to the older model it gives the newer one: every
tensor bit for bit, every other file byte for byte.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo import files
from zoo.config import ConfigError
from zoo.json_text import json_text
from zoo.keras import tf
from zoo.manifest import write_manifest
from zoo.model_files import DAY, MANIFEST_FILE, WEIGHTS
from zoo.schema import FIRST_ID
from zoo.versions import has_model

DELTA, ROWS, FILES = "delta.json", "rows.npz", "files"
# Checkpoints of an exported model, by their prefixes.
CHECKPOINTS = ("variables/variables", WEIGHTS)
_NO_ROW = -1


@dataclass(frozen=True)
class DeltaSize:
    """How large a delta is.

    Args:
        rows: rows of tables that it holds.
        rows_of: rows that the newer model's tables have.
        tensors: other tensors that it holds whole.
        bytes: of its files.
        model_bytes: of the newer model's.
    """

    rows: int
    rows_of: int
    tensors: int
    bytes: int
    model_bytes: int


def write_delta(before: files.PathLike, after: files.PathLike, out: files.PathLike) -> DeltaSize:
    """Writes what leads from one exported model to another.

    Where both carry the vocabularies of a daily training, a row is found where its id was; else rows are compared place by
    place.

    Args:
        before: the older model, a local folder or URI.
        after: the newer one.
        out: folder to make; one that is there is replaced.

    Returns:
        Its size.

    Raises:
        ConfigError: one of them is no exported model.

    Example:
        >>> write_delta("serving/din/1700000000", "serving/din/1700086400", "deltas/1700086400").bytes
        182044
    """
    with tempfile.TemporaryDirectory() as folder:
        old, new, made = (Path(folder, name) for name in ("before", "after", "delta"))
        for source, copy in ((before, old), (after, new)):
            _checked_copy(source, copy)
        moves = _moves(old, new)
        (made / FILES).mkdir(parents=True)
        arrays: dict[str, np.ndarray] = {}
        said: dict[str, Any] = {"before": _identity(old), "after": _identity(new), "tensors": {}}
        rows = rows_of = tensors = 0
        for prefix in CHECKPOINTS:
            theirs, ours = (dict(_tensors(model / prefix)) for model in (old, new))
            for name, value in ours.items():
                kind, parts = _difference(theirs.get(name), value, moves)
                said["tensors"].setdefault(prefix, {})[name] = kind
                for part, array in parts.items():
                    # By content: signatures and what builds the model again hold the same weights.
                    kind[part] = hashlib.sha256(f"{array.dtype} {array.shape}".encode() + array.tobytes()).hexdigest()[:32]
                    arrays[kind[part]] = array
                if kind["kind"] == "rows":
                    rows, rows_of = rows + len(parts["at"]), rows_of + len(value)
                tensors += kind["kind"] == "whole"
        said["moves"] = sorted(moves)
        arrays |= {f"move|{name}": move for name, move in moves.items()}
        np.savez_compressed(made / ROWS, **arrays)
        said["removed"] = []
        for name in sorted(_other_files(old) | _other_files(new)):
            if not (new / name).is_file():
                said["removed"].append(name)
            elif not (old / name).is_file() or (old / name).read_bytes() != (new / name).read_bytes():
                files.make_dirs(files.parent(made / FILES / name))
                files.copy(new / name, made / FILES / name)
        (made / DELTA).write_text(json_text(said), encoding="utf-8")
        files.remove(out)
        files.copy(made, out)
        return DeltaSize(rows, rows_of, tensors, _bytes(made), _bytes(new))


def apply_delta(before: files.PathLike, delta: files.PathLike, out: files.PathLike) -> None:
    """Makes the newer model of the older one and a delta.

    Args:
        before: the model that the delta was made from.
        delta: as `write_delta` leaves it.
        out: folder to make; one that is there is replaced.

    Raises:
        ConfigError: the delta is of another model.
    """
    with tempfile.TemporaryDirectory() as folder:
        old, change, new = (Path(folder, name) for name in ("before", "delta", "after"))
        _checked_copy(before, old)
        files.copy(delta, change)
        if not (change / DELTA).is_file():
            raise ConfigError(f"{delta} is no delta: {DELTA} is missing")
        said = json.loads((change / DELTA).read_text(encoding="utf-8"))
        if said["before"] != _identity(old):
            raise ConfigError(f"{delta} was made from another model than {before}; apply it to the one that was pushed before")
        files.copy(old, new)
        for name in said["removed"]:
            (new / name).unlink()
        files.copy(change / FILES, new)
        with np.load(change / ROWS) as stored:
            moves = {name: stored[f"move|{name}"] for name in said["moves"]}
            for prefix, kinds in said["tensors"].items():
                theirs = dict(_tensors(old / prefix))
                _write_tensors(new / prefix, {
                    name: _applied(theirs.get(name), kind, moves, stored) for name, kind in kinds.items()})
        write_manifest(str(new))
        files.remove(out)
        files.copy(new, out)


def _difference(before: Any, after: Any, moves: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """How a tensor is said by one before it, and the arrays that it takes: nothing, some of its rows, or all of it."""
    if before is not None and before.dtype == after.dtype and before.shape == after.shape and _same(before, after).all():
        return {"kind": "same"}, {}
    whole = {"kind": "whole", "dtype": after.dtype.str}, {"value": after if after.dtype != object else _packed(after)}
    if (before is None or not after.ndim or not before.ndim or before.shape[1:] != after.shape[1:] or after.dtype == object
            or before.dtype != after.dtype):
        return whole
    possible = {name: move for name, move in moves.items() if len(move) == len(after) and move.max(initial=0) < len(before)}
    if len(before) == len(after):
        possible[""] = np.arange(len(after))
    best: tuple[str, np.ndarray] | None = None
    # Which vocabulary a table is over does not matter: any order of rows is right, the best one is the smallest.
    for name, move in possible.items():
        there = move != _NO_ROW
        same = np.zeros(len(after), bool)
        same[there] = _same(before[move[there]], after[there]).reshape(int(there.sum()), -1).all(1)
        at = np.flatnonzero(~same)
        if best is None or len(at) < len(best[1]):
            best = name, at
    if best is None or len(best[1]) == len(after):
        return whole
    return {"kind": "rows", "move": best[0]}, {"at": best[1], "value": after[best[1]]}


def _applied(before: Any, kind: Mapping[str, Any], moves: Mapping[str, np.ndarray],
             stored: Mapping[str, np.ndarray]) -> np.ndarray:
    if kind["kind"] == "same":
        return before
    if kind["kind"] == "whole":
        value = stored[kind["value"]]
        return _unpacked(value) if kind["dtype"] == "|O" else value
    at, value = (stored[kind[part]] for part in ("at", "value"))
    move = moves[kind["move"]] if kind["move"] else np.arange(len(before))
    after = np.zeros((len(move), *before.shape[1:]), before.dtype)
    there = move != _NO_ROW
    after[there] = before[move[there]]
    after[at] = value
    return after


def _same(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Bit for bit, so that NaN is NaN and -0 is not 0."""
    if one.dtype.kind == "f":
        kind = f"u{one.dtype.itemsize}"
        return np.ascontiguousarray(one).view(kind) == np.ascontiguousarray(other).view(kind)
    return np.asarray(one == other)


def _moves(before: Path, after: Path) -> dict[str, np.ndarray]:
    """By vocabulary, for each row of a table after, the row of the same id before."""
    found = {}
    for path in sorted((after / DAY).glob("*.json")):
        ids = [json.loads(one.read_text(encoding="utf-8")) if one.is_file() else {} for one in (before / DAY / path.name, path)]
        if all("ids" in one for one in ids):
            place = {name: row for row, name in enumerate(ids[0]["ids"], start=FIRST_ID)}
            found[path.stem] = np.array([*range(FIRST_ID), *(place.get(name, _NO_ROW) for name in ids[1]["ids"])], np.int64)
    return found


def _tensors(prefix: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Names and values of a checkpoint; none where there is no such checkpoint."""
    if not Path(f"{prefix}.index").is_file():
        return
    reader = tf.train.load_checkpoint(str(prefix))
    for name in sorted(reader.get_variable_to_shape_map()):
        yield name, np.asarray(reader.get_tensor(name), dtype=object if reader.get_variable_to_dtype_map()[name] == tf.string
                               else None)


def _write_tensors(prefix: Path, values: Mapping[str, np.ndarray]) -> None:
    for path in prefix.parent.glob(f"{prefix.name}.*"):
        path.unlink()
    names = sorted(values)
    tensors = [tf.constant(values[name], tf.string if values[name].dtype == object else None) for name in names]
    tf.raw_ops.SaveV2(prefix=str(prefix), tensor_names=names, shape_and_slices=[""] * len(names), tensors=tensors)


def _packed(value: np.ndarray) -> np.ndarray:
    """A tensor of texts, which numpy keeps in a file without pickling as bytes alone."""
    shape = json.dumps([list(value.shape), [len(one) for one in value.ravel()]]).encode()
    return np.frombuffer(len(shape).to_bytes(8, "little") + shape + b"".join(value.ravel()), np.uint8)


def _unpacked(packed: np.ndarray) -> np.ndarray:
    text = packed.tobytes()
    size = int.from_bytes(text[:8], "little")
    shape, lengths = json.loads(text[8:8 + size])
    value, start = np.empty(len(lengths), object), 8 + size
    for place, length in enumerate(lengths):
        value[place] = text[start:start + length]
        start += length
    return value.reshape(shape)


def _other_files(model: Path) -> set[str]:
    """Files of a model beside its checkpoints and the manifest of its files."""
    names = {path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_file()}
    return {name for name in names if name != MANIFEST_FILE and not name.startswith(tuple(f"{one}." for one in CHECKPOINTS))}


def _identity(model: Path) -> str:
    """The same for the same tensors, whichever way they were written."""
    digest = hashlib.sha256()
    for prefix in CHECKPOINTS:
        for name, value in _tensors(model / prefix):
            digest.update(f"{prefix} {name} {value.shape}".encode())
            digest.update(b"".join(value.ravel()) if value.dtype == object else np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def _checked_copy(model: files.PathLike, copy: Path) -> None:
    if not has_model(model):
        raise ConfigError(f"{model} is no exported model: saved_model.pb is missing")
    files.copy(model, copy)


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
