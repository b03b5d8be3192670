"""A new version of an exported model: the same weights, other items."""

from __future__ import annotations

import tempfile
from collections.abc import Callable

from zoo import files
from zoo.config import ConfigError
from zoo.data.catalogue import CATALOGUE_FILE, Catalogue
from zoo.export.add_items import AddedItems, add_items
from zoo.model_files import SCHEMA_FILE
from zoo.schema import Schema
from zoo.versions import SAVED_MODEL, Version, has_model, newest_version, publish


def version_with_items(path: files.PathLike, catalogue: files.PathLike, out: files.PathLike, replace: bool = False,
                       on_progress: Callable[[int, int], None] | None = None) -> tuple[Version, AddedItems]:
    """Copies a model, adds the items of a catalogue, and publishes the copy as the newest version of a folder.

    Args:
        path: of the model, or of a folder of versions, whose newest is taken; a local path or a URI.
        catalogue: of the file, or of the request log that it lies in.
        out: folder of versions.
        replace: forget the items that are not in the catalogue.
        on_progress: see `add_items`.

    Raises:
        ConfigError: there is no model, no catalogue, or no item table in the model.
        CatalogueError: the catalogue has other columns than the model's schema.
    """
    model = path if has_model(path) else (newest_version(path) or Version(0, "")).path
    if not model or not files.is_file(files.join(model, SCHEMA_FILE)):
        raise ConfigError(f"{path}: no exported model of this zoo here, neither {SAVED_MODEL} nor <version>/{SAVED_MODEL}")
    with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
        copy = files.join(folder, "model")
        files.copy(model, copy)
        changed = add_items(copy, read_catalogue(catalogue, Schema.load(f"{copy}/{SCHEMA_FILE}")), replace, on_progress)
        return publish(copy, out), changed


def read_catalogue(path: files.PathLike, schema: Schema) -> Catalogue:
    """The catalogue in a file or a request log, whose columns must be those of a model's schema.

    Raises:
        ConfigError: there is none.
        CatalogueError: it has other columns.
    """
    file = files.join(path, CATALOGUE_FILE) if files.is_dir(path) else files.normal(path)
    if not files.is_file(file):
        raise ConfigError(f"{file}: no such file; name a request log with a catalogue, or the catalogue's Parquet file")
    return Catalogue.read(file, schema)
