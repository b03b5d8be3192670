"""Old versions go from the folder; what a label points to, or may be taken back to, stays."""

from __future__ import annotations

import os
import time

from serving.fleet.rollout.state import ModelState
from zoo import files
from zoo.versions import DRAFT, versions_in

_ABANDONED_S = 24 * 3600.0


def doomed(model: ModelState, keep: int) -> list[int]:
    """The versions that retention removes.

    Kept are those that a label points to, the last one that each label pointed to before (a rollback needs it), those that stay
    loaded, and the newest `keep`; so is everything newer than what labels point to, which nobody has tried yet.

    Args:
        model: its state.
        keep: how many of the newest are kept whatever labels say, at least 1.
    """
    there = versions_in(model.folder)
    pinned = {*model.labels.values(), *model.loaded, *(versions[0] for versions in model.earlier.values() if versions)}
    newest = max(model.labels.values(), default=-1)
    old = there[: len(there) - keep]
    return [version for version in old if version not in pinned and (not model.labels or version < newest)]


def prune(model: ModelState, keep: int) -> list[str]:
    """Removes old versions, and drafts that a pusher left behind more than a day ago.

    Returns:
        What was removed.
    """
    removed: list[str] = []
    for version in doomed(model, keep):
        path = files.join(model.folder, str(version))
        if files.renames_folders(model.folder):
            # Renamed first: nobody must find half of it.
            gone = files.join(model.folder, f".{version}.gone")
            files.move(path, gone)
            path = gone
        files.remove(path)
        removed.append(f"version {version}")
    for one in files.list_dir(model.folder):
        path = files.join(model.folder, one)
        abandoned = one.startswith(".") and one.endswith((DRAFT, ".gone"))
        if abandoned and not files.scheme(path) and time.time() - os.stat(path).st_mtime > _ABANDONED_S:
            files.remove(path)
            removed.append(f"draft {one}")
    return removed
