"""What was pushed, by whom and of what: a file for each version at the pipeline's root, which needs no metadata store.

`ROOT/registry/NAME/VERSION.json`, beside `ROOT/serving/NAME/VERSION`. A file each, since object stores can't append to one, and
two runs that wrote the same would lose a record. Which version serves is said by the folder of versions alone.
"""

from __future__ import annotations

import json
from typing import Any

import pydantic

from zoo import files
from zoo.config import Config, ConfigError, parse
from zoo.json_text import json_text
from zoo.versions import Version

_SERVING = "serving"


class Pushed(Config):
    """One version.

    Args:
        name: under which servers know the model.
        version: its number.
        path: of the SavedModel.
        pushed_at: time, ISO 8601 in UTC.
        model: the zoo's name of it; None for one whose items were renewed without training.
        code: of ours that trained it.
        package: version of this package.
        pipeline: its name.
        inputs: URIs of the artifacts that it was made of, by what they are (`examples`, `model`, `blessing`, …).
        span: of the examples, where they have one.
        baseline: version that it was compared with.
        metrics: AUC and GAUC on the test split.
        delta: of a daily run, how large what changed from the baseline is (`zoo.export.delta.DeltaSize`).
    """

    name: str
    version: int
    path: str
    pushed_at: str
    model: str | None = None
    code: str | None = None
    package: str
    pipeline: str = ""
    inputs: dict[str, str] = {}
    span: int | None = None
    baseline: int | None = None
    metrics: dict[str, float | None] = {}
    delta: dict[str, int] | None = None

    # A later version of this package may say more.
    model_config = pydantic.ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


def registry_folder(serving_dir: str) -> str:
    """Where the records of a folder of versions lie.

    Example:
        >>> registry_folder("s3://shop/root/serving/din")
        's3://shop/root/registry/din'
    """
    return _beside(serving_dir, "registry")


def delta_folder(serving_dir: str, version: int) -> str:
    """Where the delta of a version lies.

    Example:
        >>> delta_folder("s3://shop/root/serving/din", 1700000000)
        's3://shop/root/deltas/din/1700000000'
    """
    return files.join(_beside(serving_dir, "deltas"), str(version))


def _beside(serving_dir: str, what: str) -> str:
    above, name = files.parent(serving_dir), files.name(serving_dir)
    return files.join(files.parent(above) if files.name(above) == _SERVING else above, what, name)


def record(serving_dir: str, pushed: Pushed) -> str:
    """Writes the record of a version.

    Returns:
        Its path.
    """
    folder = registry_folder(serving_dir)
    files.make_dirs(folder)
    path = files.join(folder, f"{pushed.version}.json")
    files.write_text(path, json_text(pushed.model_dump(mode="json")))
    return path


def lineage(serving_dir: str, version: Version) -> Pushed | None:
    """The record of a version; None for one that was put there by other means.

    Raises:
        ConfigError: the record is damaged.
    """
    path = files.join(registry_folder(serving_dir), f"{version.version}.json")
    if not files.is_file(path):
        return None
    try:
        values: dict[str, Any] = json.loads(files.read_text(path))
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}: not JSON ({error}); remove the file: the version then has no record") from None
    return parse(Pushed, values, where=path)


def history(serving_dir: str) -> list[Pushed]:
    """All records of a folder of versions, the newest last, whether the versions are still there or not."""
    folder = registry_folder(serving_dir)
    numbers = sorted(int(name.removesuffix(".json")) for name in files.list_dir(folder) if name.removesuffix(".json").isdigit())
    found = (lineage(serving_dir, Version(number, "")) for number in numbers)
    return [one for one in found if one is not None]
