"""What a pushed version consists of: every file with its size and checksum, in a file beside them."""

from __future__ import annotations

import hashlib
import json
from typing import Any, cast

from zoo import files
from zoo.model_files import MANIFEST_FILE


def write_manifest(model: files.PathLike) -> None:
    """Writes `assets.extra/manifest.json` into a model's folder: `{"files": {path: {"bytes": …, "sha256": …}}}`.

    Args:
        model: the SavedModel; an older manifest in it is replaced.
    """
    path = files.join(model, MANIFEST_FILE)
    files.remove(path)
    content = {"files": {one: _digest(files.join(model, one)) for one in _below(model)}}
    files.make_dirs(files.parent(path))
    files.write_text(path, json.dumps(content, indent=1) + "\n")


def read_manifest(model: files.PathLike) -> dict[str, Any] | None:
    """The files that a manifest names, by path; None where there is no manifest, as in what another tool pushed.

    Raises:
        FileError: it can't be read.
    """
    path = files.join(model, MANIFEST_FILE)
    if not files.is_file(path):
        return None
    try:
        content: Any = json.loads(files.read_text(path))
        return cast(dict[str, Any], content["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise files.FileError(f"{path}: not a manifest ({error}); push the version anew") from None


def faults_of(model: files.PathLike) -> list[str]:
    """What of a version is not as it was pushed, a line each; none where it is whole.

    A file that the manifest does not name is no fault: servers get batching parameters laid into their copy.

    Args:
        model: the SavedModel.
    """
    try:
        named = read_manifest(model)
    except files.FileError as error:
        return [str(error)]
    if named is None:
        return [f"no {MANIFEST_FILE}: pushed by another tool, so that nothing can be said of it; push it by `zoo fleet push`"]
    faults: list[str] = []
    for one, expected in named.items():
        path = files.join(model, one)
        if not files.is_file(path):
            faults.append(f"{one}: missing")
        elif (found := _digest(path)) != expected:
            faults.append(f"{one}: {found['bytes']} bytes with another checksum than the {expected['bytes']} that were pushed")
    return faults


def _below(folder: files.PathLike, at: str = "") -> list[str]:
    here = files.join(folder, at) if at else files.normal(folder)
    found: list[str] = []
    for one in files.list_dir(here):
        path = f"{at}/{one}" if at else one
        found += _below(folder, path) if files.is_dir(files.join(folder, path)) else [path]
    return found


def _digest(path: str) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with files.open_file(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
            size += len(piece)
    return {"bytes": size, "sha256": digest.hexdigest()}
