"""Folders of artifacts on this machine, for what maps files or writes many at once."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator

from zoo import files


@contextlib.contextmanager
def read_here(uri: str) -> Iterator[str]:
    """The folder itself where it is local, else a copy for as long as the block runs."""
    if not files.scheme(uri):
        yield uri
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = files.join(folder, "copy")
        files.copy(uri, copy)
        yield copy


@contextlib.contextmanager
def write_here(uri: str) -> Iterator[str]:
    """A local folder to write, which is the folder itself, or is copied there at the end of the block."""
    if not files.scheme(uri):
        files.make_dirs(uri)
        yield uri
        return
    with tempfile.TemporaryDirectory() as folder:
        yield folder
        for name in files.list_dir(folder):
            files.copy(files.join(folder, name), files.join(uri, name))
