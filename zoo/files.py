"""Files wherever they lie: local paths and URIs (`gs://`, `hdfs://`, `s3://`, `memory://`, …), by the same few functions.

A path is text and stays text: what it holds (brackets, stars, spaces) is never a pattern. Text is UTF-8 in every locale.
"""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import os
import posixpath
import re
import shutil
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from zoo.stores import FileError, Store, store_of

__all__ = ["FileError", "PathLike", "absolute", "copy", "exists", "glob", "is_dir", "is_file", "join", "list_dir",
           "local_copy", "local_draft", "make_dirs", "move", "name", "normal", "open_file", "parent", "read_text", "remove",
           "renames_folders", "scheme", "seen_from", "tensorflow_reads", "write_text", "writing"]

PathLike = str | os.PathLike[str]

# What a full, read-only or closed folder makes of a write, and what to do.
_REFUSALS = {
    errno.ENOSPC: "there is no space left; free some, or choose another folder",
    errno.EDQUOT: "the quota is used up; free some, or choose another folder",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.EACCES: "there is no permission to write; ask for it, or choose another folder",
    errno.EPERM: "there is no permission to write; ask for it, or choose another folder",
}
# Errors of these packages carry the system's words and no number.
_FOREIGN = ("duckdb", "_duckdb", "tensorflow", "pyarrow")
# DuckDB does not spill more than the disk has, and says so in its own words.
_DUCKDB_FULL = "max_temp_directory_size"


# ---- paths -------------------------------------------------------------------------------------------------------


def normal(path: PathLike) -> str:
    """The path as text: without `file://`, and without a slash at its end.

    Example:
        >>> normal("file:///data/log/"), normal("gs://shop/log/")
        ('/data/log', 'gs://shop/log')
    """
    text = os.fspath(path)
    if text.startswith("file://"):
        text = text.removeprefix("file://")
    bare = text.rstrip("/")
    return text if not bare or bare.endswith(":") else bare


def scheme(path: PathLike) -> str:
    """The scheme of a URI, "" for a local path."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", normal(path))
    return found[1].lower() if found else ""


def join(folder: PathLike, *names: str) -> str:
    """The path of something below a folder."""
    return posixpath.join(normal(folder), *names)


def seen_from(folder: PathLike, path: PathLike) -> str:
    """A path that a file in a folder names: relative to that folder, or whole.

    Example:
        >>> seen_from("gs://shop/settings", "users.csv"), seen_from("settings", "/data/users.csv")
        ('gs://shop/settings/users.csv', '/data/users.csv')
    """
    return normal(path) if scheme(path) or os.path.isabs(normal(path)) else join(folder, normal(path))


def parent(path: PathLike) -> str:
    """The folder that holds a path; "." for a bare name."""
    return posixpath.dirname(normal(path)) or "."


def name(path: PathLike) -> str:
    """The last part of a path."""
    return posixpath.basename(normal(path))


def absolute(path: PathLike) -> str:
    """A local path from the root; a URI as it is."""
    return normal(path) if scheme(path) else os.path.abspath(normal(path))


# ---- files and folders -------------------------------------------------------------------------------------------


def open_file(path: PathLike, mode: str = "r") -> IO[Any]:
    """Opens a file.

    Args:
        path: of the file.
        mode: `r` or `w` for text, which is UTF-8; `rb` or `wb`.

    Raises:
        FileError: nothing reaches this scheme.
        FileNotFoundError: there is no such file.
    """
    return _store(path).open(normal(path), mode)


def read_text(path: PathLike) -> str:
    """The text of a file.

    Raises:
        FileError: it is not UTF-8.
    """
    with open_file(path, "rb") as file:
        content = file.read()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileError(f"{normal(path)}: not UTF-8 ({error.reason} at byte {error.start}); write it anew as UTF-8") from None


def write_text(path: PathLike, text: str) -> None:
    """Writes a text file anew."""
    with open_file(path, "wb") as file:
        file.write(text.encode("utf-8"))


def replace_text(path: PathLike, text: str) -> None:
    """Writes a text file anew; whoever reads it meanwhile, or after a crash, has the old text or the new one, whole."""
    if scheme(path):
        # A store's object appears when its last byte has come.
        write_text(path, text)
        return
    draft = join(parent(path), f".{name(path)}.{os.getpid()}.draft")
    try:
        write_text(draft, text)
        _to_disk(draft)
        move(draft, path)
    finally:
        remove(draft)
    write_through_name(parent(path))


def write_through(folder: PathLike) -> None:
    """Waits until a local folder, with all it holds, is on the disk and outlives a crash; elsewhere the store sees to it."""
    if scheme(folder):
        return
    for path, _, names in os.walk(normal(folder)):
        for one in [*names, ""]:
            _to_disk(os.path.join(path, one))


def write_through_name(folder: PathLike) -> None:
    """The same for the names in a folder alone, after one was added or moved."""
    if not scheme(folder):
        _to_disk(normal(folder))


def _to_disk(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_file(path: PathLike) -> bool:
    """Whether there is such a file."""
    return _store(path).is_file(normal(path))


def is_dir(path: PathLike) -> bool:
    """Whether there is such a folder."""
    return _store(path).is_dir(normal(path))


def exists(path: PathLike) -> bool:
    """Whether there is such a file or folder."""
    return is_file(path) or is_dir(path)


def list_dir(folder: PathLike) -> list[str]:
    """Names of what lies in a folder, sorted; none where there is no folder."""
    return sorted(_store(folder).names(normal(folder))) if is_dir(folder) else []


def glob(folder: PathLike, pattern: str) -> list[str]:
    """Paths in a folder whose names fit a pattern such as `*.gz`, sorted; the folder itself is no pattern."""
    return [join(folder, one) for one in list_dir(folder) if fnmatch.fnmatchcase(one, pattern)]


def make_dirs(folder: PathLike) -> None:
    """Makes a folder and those above it, where they are missing."""
    _store(folder).make_dirs(normal(folder))


def move(source: PathLike, target: PathLike) -> None:
    """Renames a file, or a folder where `renames_folders`, in the same file system."""
    _store(source).move(normal(source), normal(target))


def remove(path: PathLike) -> None:
    """Removes a file, or a folder with all it holds; nothing where there is neither."""
    _store(path).remove(normal(path))


def copy(source: PathLike, target: PathLike) -> None:
    """Copies a file, or a folder with all it holds, from any file system to any other."""
    if is_dir(source):
        make_dirs(target)
        for one in list_dir(source):
            copy(join(source, one), join(target, one))
        return
    with open_file(source, "rb") as old, open_file(target, "wb") as new:
        shutil.copyfileobj(old, new, 1 << 20)


def renames_folders(path: PathLike) -> bool:
    """Whether a folder there gets its name in one step, so that it can appear complete."""
    return _store(path).renames_folders


def tensorflow_reads(path: PathLike) -> bool:
    """Whether TensorFlow opens such a path itself; for others there are `local_copy` and `local_draft`."""
    return _store(path).tensorflow_reads


# ---- for those that know local files alone -----------------------------------------------------------------------


@contextlib.contextmanager
def local_copy(path: PathLike) -> Iterator[str]:
    """A local file with the content of `path`: itself where it is local, else a copy for as long as the block runs."""
    if not scheme(path):
        yield normal(path)
        return
    with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
        local = os.path.join(folder, name(path))
        with writing(folder):
            copy(path, local)
        yield local


@contextlib.contextmanager
def local_draft(path: PathLike) -> Iterator[str]:
    """A local file to write, which becomes `path` at the end of the block; after an error there is nothing of it."""
    if not scheme(path):
        with contextlib.ExitStack() as undo:
            undo.callback(remove, path)
            yield normal(path)
            undo.pop_all()
        return
    with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
        local = os.path.join(folder, name(path))
        with writing(folder):
            yield local
        copy(local, path)


@contextlib.contextmanager
def writing(folder: PathLike) -> Iterator[None]:
    """Says of a full, read-only or closed folder what it is, whoever was writing: Python, DuckDB, TensorFlow or Arrow.

    Args:
        folder: where the block writes.

    Raises:
        FileError: naming the folder, in place of the writer's own error.
    """
    try:
        yield
    except ValueError:
        raise
    except Exception as error:
        refusal = refused(error)
        if refusal is None:
            raise
        raise FileError(f"{normal(folder)}: {refusal}") from None


def refused(error: BaseException) -> str | None:
    """Why a folder takes no more, where that is what an error says; None for any other error."""
    if isinstance(error, OSError) and error.errno is not None:
        return _REFUSALS.get(error.errno)
    if not isinstance(error, OSError) and type(error).__module__.split(".")[0] not in _FOREIGN:
        return None
    text = str(error)
    if _DUCKDB_FULL in text:
        return _REFUSALS[errno.ENOSPC]
    return next((refusal for number, refusal in _REFUSALS.items() if os.strerror(number) in text), None)


def _store(path: PathLike) -> Store:
    return store_of(scheme(path), normal(path))
