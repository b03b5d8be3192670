"""Files of given vectors by raw id."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np

from zoo import files
from zoo.config import ConfigError


class Vectors(NamedTuple):
    """Raw `ids`, each once, and their vectors, `values [n, D]`."""

    ids: list[str]
    values: np.ndarray


def read_vectors(path: str) -> Vectors:
    """Reads vectors from Parquet (columns `id` and `vector`) or from word2vec's text form (`id v1 v2 …`, `.txt` or `.vec`).

    Raises:
        ConfigError: another kind of file, vectors of several widths, no vector, an id that stands there twice, a vector that
            isn't finite.
    """
    if path.endswith(".parquet"):
        ids, values = _parquet(path)
    elif path.endswith((".txt", ".vec")):
        ids, values = _text(path)
    else:
        raise ConfigError(f"{path}: vectors are read from .parquet (columns id, vector), .txt and .vec (id v1 v2 …)")
    if not ids:
        raise ConfigError(f"{path}: there is no vector in it")
    if len(set(ids)) < len(ids):
        seen: set[str] = set()
        twice = next(name for name in ids if name in seen or seen.add(name))
        raise ConfigError(f"{path}: the id {twice!r} stands there twice; keep one of its vectors")
    wrong = ~np.isfinite(values).all(1)
    if wrong.any():
        raise ConfigError(f"{path}: the vector of {ids[int(wrong.argmax())]!r} is not finite; leave it away or mend it")
    return Vectors(ids, values)


def _parquet(path: str) -> tuple[list[str], np.ndarray]:
    import pyarrow as pa  # imported here: only models with pre-trained tables need it
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(pa.BufferReader(_bytes(path)))
    missing = {"id", "vector"} - set(table.column_names)
    if missing:
        raise ConfigError(f"{path}: needs the columns id and vector, and has {', '.join(table.column_names)}")
    if table["id"].null_count or table["vector"].null_count:
        raise ConfigError(f"{path}: an id or a vector is missing (null); leave such rows away")
    widths = pc.unique(pc.list_value_length(table["vector"])).to_pylist()
    if len(widths) > 1:
        raise ConfigError(f"{path}: all vectors must have one width, and there are {sorted(widths)}")
    values = pc.list_flatten(table["vector"]).to_numpy().astype(np.float32)
    return table["id"].cast(pa.string()).to_pylist(), values.reshape(table.num_rows, -1)


def _text(path: str) -> tuple[list[str], np.ndarray]:
    # Only \n ends a line, as in vocabularies.
    lines = [line.rstrip("\r").rstrip(" ") for line in files.read_text(path).split("\n")]
    rows = [(number, line.split(" ")) for number, line in enumerate(lines, 1) if line]
    if len(rows) > 1 and len(rows[0][1]) == 2 and len(rows[1][1]) != 2:
        rows = rows[1:]  # word2vec's first line: how many vectors, how wide
    if not rows:
        return [], np.zeros((0, 0), np.float32)
    for number, row in rows:
        if len(row) != len(rows[0][1]) or len(row) < 2:
            raise ConfigError(f"{path}, line {number}: an id and {len(rows[0][1]) - 1} numbers were expected, as in line "
                              f"{rows[0][0]}, and there are {len(row) - 1}; ids with spaces need Parquet")
    try:
        values = np.loadtxt(io.StringIO("\n".join(" ".join(row[1:]) for _, row in rows)), np.float32, ndmin=2, comments=None)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}; every line is an id and its numbers, divided by single spaces") from None
    return [row[0] for _, row in rows], values


def _bytes(path: str) -> bytes:
    with files.open_file(path, "rb") as file:
        return file.read()
