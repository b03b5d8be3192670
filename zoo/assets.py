"""Files that travel with a model: vocabularies, pre-trained tables, tokenisers, neighbour tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from zoo import files
from zoo.config import ConfigError, nearest

NAME = re.compile(r"[A-Za-z0-9_-]+")


class Assets(Mapping[str, str]):
    """Files by name, which a model reads when it is made. An export takes along those that were read. Immutable.

    A file's name in a folder is the asset's name with any ending: `item_vectors.parquet` is `item_vectors`. The vocabulary of
    an id space is `vocabulary_<space>`, as TensorFlow Transform names it: one raw id a line, in the order of the ids from 2.

    Args:
        paths: paths or URIs by name.

    Raises:
        ConfigError: a name with other characters than letters, digits, `_` and `-`; a file that is not there.

    Example:
        >>> assets = Assets.from_folder("runs/demo/vocabularies") | Assets({"item_vectors": "gs://bucket/vectors.parquet"})
        >>> assets.vocabulary("item")[0]        # the raw id of id 2
    """

    def __init__(self, paths: Mapping[str, str | Path] | None = None):
        self._files = MappingProxyType({name: str(path) for name, path in (paths or {}).items()})
        self._read: set[str] = set()
        for name, path in self.items():
            if not NAME.fullmatch(name):
                raise ConfigError(f"asset {name!r} ({path}): a name has letters, digits, _ and - only; rename it")
            if not files.is_file(path):
                raise ConfigError(f"asset {name!r}: {path} is not a file")

    def __getitem__(self, name: str) -> str:
        return self._files[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __repr__(self) -> str:
        return f"Assets({dict(self)!r})"

    def __or__(self, others: Mapping[str, str | Path]) -> Assets:
        """Both; where a name stands in both, the file of `others`."""
        return Assets({**self, **others})

    def path(self, name: str) -> str:
        """Where the file of this name is.

        Raises:
            ConfigError: there is none; names the nearest one.
        """
        if name not in self:
            raise ConfigError(f"the model was given no asset {name!r}{nearest(name, self) or '; it was given none at all'}")
        self._read.add(name)
        return self[name]

    def read(self) -> Assets:
        """Those that somebody asked for by `path` or `vocabulary`: what a model was made from, and an export takes along."""
        return Assets({name: path for name, path in self.items() if name in self._read})

    def vocabulary(self, space: str) -> list[str]:
        """The raw ids of an id space: the first one has id 2, the next one 3, …

        Raises:
            ConfigError: there is no such vocabulary, or an id stands there twice.
        """
        # Only \n ends a line: an id may hold the other characters that Python takes for the end of one.
        path = self.path(f"vocabulary_{space}")
        lines = files.read_text(path).split("\n")
        ids = lines[:-1] if not lines[-1] else lines
        if len(set(ids)) < len(ids):
            raise ConfigError(f"{path}: {len(ids) - len(set(ids))} lines repeat others; each id has one line")
        return ids

    def copy_to(self, folder: str | Path) -> Assets:
        """Copies all files into a folder, which is made if there is none, and gives back the copies."""
        files.make_dirs(folder)
        copies = {name: files.join(folder, name + _ending(path)) for name, path in self.items()}
        for name, path in self.items():
            if path != copies[name]:
                files.copy(path, copies[name])
        return Assets(copies)

    @classmethod
    def from_folder(cls, folder: str | Path) -> Assets:
        """All files of a folder, as `copy_to` and TensorFlow Transform write them; hidden ones are left.

        Raises:
            ConfigError: there is no such folder, or two of its files differ in their ending alone.
        """
        if not files.is_dir(folder):
            raise ConfigError(f"assets: {folder} is not a folder")
        paths: dict[str, str] = {}
        for file in files.list_dir(folder):
            name = file.split(".")[0]
            if not name:
                continue
            if name in paths:
                raise ConfigError(f"assets: {folder} holds {file} and another file of the name {name!r}; remove one of them")
            paths[name] = files.join(folder, file)
        return cls(paths)


def _ending(path: str) -> str:
    """`.txt.gz` of `folder/name.txt.gz`."""
    return "".join(path.rsplit("/", 1)[-1].partition(".")[1:])
