"""What changed from one exported model to the next, as files: rows of tables, other tensors, the graph.

A delta is a folder: `delta.json` says what it is of; `rows.npz` holds the rows and tensors that changed; `files/` those files
of the newer model that differ otherwise (its graph, its vocabularies). Applied to the older model it gives the newer one: every
tensor bit for bit, every other file byte for byte.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo import files
from zoo.config import ConfigError
from zoo.export.checkpoint_tensors import read_tensors, write_tensors
from zoo.export.tensor_delta import NO_ROW, applied, difference
from zoo.json_text import json_text
from zoo.manifest import write_manifest
from zoo.model_files import DAY, MANIFEST_FILE, WEIGHTS
from zoo.schema import FIRST_ID
from zoo.versions import has_model

DELTA, ROWS, FILES = "delta.json", "rows.npz", "files"
# Checkpoints of an exported model, by their prefixes.
CHECKPOINTS = ("variables/variables", WEIGHTS)


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
            theirs, ours = (dict(read_tensors(model / prefix)) for model in (old, new))
            for name, value in ours.items():
                kind, parts = difference(theirs.get(name), value, moves)
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
                theirs = dict(read_tensors(old / prefix))
                write_tensors(new / prefix, {
                    name: applied(theirs.get(name), kind, moves, stored) for name, kind in kinds.items()})
        write_manifest(str(new))
        files.remove(out)
        files.copy(new, out)


def _moves(before: Path, after: Path) -> dict[str, np.ndarray]:
    """By vocabulary, for each row of a table after, the row of the same id before."""
    found = {}
    for path in sorted((after / DAY).glob("*.json")):
        ids = [json.loads(one.read_text(encoding="utf-8")) if one.is_file() else {} for one in (before / DAY / path.name, path)]
        if all("ids" in one for one in ids):
            place = {name: row for row, name in enumerate(ids[0]["ids"], start=FIRST_ID)}
            found[path.stem] = np.array([*range(FIRST_ID), *(place.get(name, NO_ROW) for name in ids[1]["ids"])], np.int64)
    return found


def _other_files(model: Path) -> set[str]:
    """Files of a model beside its checkpoints and the manifest of its files."""
    names = {path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_file()}
    return {name for name in names if name != MANIFEST_FILE and not name.startswith(tuple(f"{one}." for one in CHECKPOINTS))}


def _identity(model: Path) -> str:
    """The same for the same tensors, whichever way they were written."""
    digest = hashlib.sha256()
    for prefix in CHECKPOINTS:
        for name, value in read_tensors(model / prefix):
            digest.update(f"{prefix} {name} {value.shape}".encode())
            digest.update(b"".join(value.ravel()) if value.dtype == object else np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def _checked_copy(model: files.PathLike, copy: Path) -> None:
    if not has_model(model):
        raise ConfigError(f"{model} is no exported model: saved_model.pb is missing")
    files.copy(model, copy)


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
