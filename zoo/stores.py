"""The file systems behind `zoo.files`: this machine's, those that TensorFlow knows, and those of fsspec."""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
import shutil
import sys
from typing import IO, Any, Protocol

# Schemes that TensorFlow may know by itself. It takes seconds to load and is asked for these alone.
_TENSORFLOW_SCHEMES = ("gs", "ram", "hdfs", "viewfs")
# Elsewhere a folder is renamed file by file.
_RENAMES_FOLDERS = ("hdfs", "viewfs")


class FileError(ValueError):
    """A file or folder that can't be reached, read or written; the message says which, why and what to do."""


class Store(Protocol):
    """What `zoo.files` needs of a file system; paths are whole, scheme and all.

    Attributes:
        tensorflow_reads: whether TensorFlow opens these paths itself.
        renames_folders: whether a folder gets its name in one step.
    """

    tensorflow_reads: bool
    renames_folders: bool

    def open(self, path: str, mode: str) -> IO[Any]: ...

    def is_file(self, path: str) -> bool: ...

    def is_dir(self, path: str) -> bool: ...

    def names(self, folder: str) -> list[str]: ...

    def make_dirs(self, folder: str) -> None: ...

    def move(self, source: str, target: str) -> None: ...

    def remove(self, path: str) -> None: ...


def store_of(scheme: str, path: str) -> Store:
    """The file system of a path.

    Args:
        scheme: of the path, "" for a local one.
        path: for messages, and for what fsspec reads in it (a host, a bucket).

    Returns:
        TensorFlow's file system where it knows the scheme, else fsspec's.

    Raises:
        FileError: neither knows the scheme.
    """
    if not scheme:
        return LocalStore()
    if scheme in _TENSORFLOW_SCHEMES or "tensorflow" in sys.modules:
        try:
            from zoo.keras import tf
        except ModuleNotFoundError:
            pass
        else:
            if scheme in tf.io.gfile.get_registered_schemes():
                return TensorFlowStore(tf.io.gfile, scheme in _RENAMES_FOLDERS)
    try:
        import fsspec

        system, _ = fsspec.core.url_to_fs(path, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        raise FileError(f"{path}: neither TensorFlow nor fsspec reaches {scheme}://{_told(error)}; give a local path, or "
                        "install the package that brings this file system (s3fs for s3://, gcsfs for gs://)") from None
    return FsspecStore(system, scheme in _RENAMES_FOLDERS)


class LocalStore:
    """Files of this machine."""

    tensorflow_reads = True
    renames_folders = True

    def open(self, path: str, mode: str) -> IO[Any]:
        if "b" in mode:
            return open(path, mode)
        return open(path, mode, encoding="utf-8", newline="" if "w" in mode else None)

    def is_file(self, path: str) -> bool:
        return os.path.isfile(path)

    def is_dir(self, path: str) -> bool:
        return os.path.isdir(path)

    def names(self, folder: str) -> list[str]:
        return os.listdir(folder)

    def make_dirs(self, folder: str) -> None:
        os.makedirs(folder, exist_ok=True)

    def move(self, source: str, target: str) -> None:
        os.rename(source, target)

    def remove(self, path: str) -> None:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.remove(path)


class TensorFlowStore:
    """Files that TensorFlow reaches; its text is UTF-8.

    Args:
        gfile: the module `tf.io.gfile`.
        renames_folders: as in `Store`.
    """

    tensorflow_reads = True

    def __init__(self, gfile: Any, renames_folders: bool):
        self.gfile, self.renames_folders = gfile, renames_folders

    def open(self, path: str, mode: str) -> IO[Any]:
        # It opens when it is first read, and says then in its own way that there is nothing.
        if "r" in mode and not self.gfile.exists(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        # TensorFlow's memory appends to a file that is there.
        if "w" in mode and path.startswith("ram://"):
            self.remove(path)
        return self.gfile.GFile(path, mode)

    def is_file(self, path: str) -> bool:
        return self.gfile.exists(path) and not self.gfile.isdir(path)

    def is_dir(self, path: str) -> bool:
        return self.gfile.isdir(path)

    def names(self, folder: str) -> list[str]:
        return [name.rstrip("/") for name in self.gfile.listdir(folder)]

    def make_dirs(self, folder: str) -> None:
        self.gfile.makedirs(folder)

    def move(self, source: str, target: str) -> None:
        self.gfile.rename(source, target)

    def remove(self, path: str) -> None:
        if self.gfile.isdir(path):
            self.gfile.rmtree(path)
        elif self.gfile.exists(path):
            self.gfile.remove(path)


class FsspecStore:
    """Files that fsspec reaches.

    Args:
        system: fsspec's file system.
        renames_folders: as in `Store`.
    """

    tensorflow_reads = False

    def __init__(self, system: Any, renames_folders: bool):
        self.system, self.renames_folders = system, renames_folders

    def open(self, path: str, mode: str) -> IO[Any]:
        return self.system.open(path, mode, **({} if "b" in mode else {"encoding": "utf-8"}))

    def is_file(self, path: str) -> bool:
        return self.system.isfile(path)

    def is_dir(self, path: str) -> bool:
        return self.system.isdir(path)

    def names(self, folder: str) -> list[str]:
        return [posixpath.basename(path.rstrip("/")) for path in self.system.ls(folder, detail=False)]

    def make_dirs(self, folder: str) -> None:
        self.system.makedirs(folder, exist_ok=True)

    def move(self, source: str, target: str) -> None:
        if self.renames_folders:
            self.system.mv(source, target)
        else:
            # Its `mv`, and its `rm` below, take a path for a pattern.
            self.system.cp_file(source, target)
            self.system.rm_file(source)

    def remove(self, path: str) -> None:
        if self.system.isdir(path):
            for name in self.names(path):
                self.remove(posixpath.join(path, name))
            # Object stores have no empty folders, and say so.
            with contextlib.suppress(OSError, NotImplementedError):
                self.system.rmdir(path)
        elif self.system.exists(path):
            self.system.rm_file(path)


def _told(error: Exception) -> str:
    return f" ({error})" if str(error) else ""
