"""Files that are packed as .gz or .zst."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pyarrow as pa

from zoo.data.importer.errors import EventLogError

_CHUNK = 1 << 20


def unpacked(path: str) -> Any:
    """The bytes of a file, also of one that is packed."""
    if path.lower().endswith(".zst"):
        return pa.input_stream(path, compression="zstd")
    return gzip.open(path, "rb") if path.lower().endswith(".gz") else open(path, "rb")


def check_gzip(name: str, path: str) -> None:
    """Raises `EventLogError` for a gzip that is damaged or was cut off; DuckDB takes such a file for one that ends there."""
    if not path.lower().endswith(".gz"):
        return
    with open(path, "rb") as file:
        packed, inflate, begun = file.read(_CHUNK), zlib.decompressobj(31), False
        while packed:
            try:
                inflate.decompress(packed)
            except zlib.error as error:
                raise EventLogError(f"{name}: the file is no gzip, or damaged: {error}; fetch it again") from None
            begun = True
            if inflate.eof:  # a file may hold several parts
                packed, inflate, begun = inflate.unused_data.lstrip(b"\0"), zlib.decompressobj(31), False
                if packed:
                    continue
            packed = file.read(_CHUNK)
        if begun:
            raise EventLogError(f"{name}: the file ends in the middle of its gzip (a download that stopped?); fetch it again")
