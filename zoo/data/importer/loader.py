"""Reads the configuration of an import, of whatever kind it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo import files
from zoo.config import ConfigError, load_yaml, nearest, parse
from zoo.data.importer.config import ImportConfig
from zoo.data.importer.samples.config import SamplesConfig

CONFIGS = Path(__file__).parents[2] / "configs"
_KINDS: dict[str, type[ImportConfig] | type[SamplesConfig]] = {"events": ImportConfig, "samples": SamplesConfig}


def load_import_config(path: files.PathLike) -> ImportConfig | SamplesConfig:
    """Reads an import configuration: a YAML file or its URI, or the name of one that comes with the package (`rees46`).

    Its `kind` says what the files are: `events` (also where it says none) or `samples`.

    Raises:
        ConfigError: no such configuration, or a wrong key or value.
    """
    shipped = CONFIGS / f"{path}_import.yaml"
    file = path if files.is_file(path) else shipped
    if not files.is_file(file):
        names = ", ".join(sorted(f.name.removesuffix("_import.yaml") for f in CONFIGS.glob("*_import.yaml")))
        raise ConfigError(f"{path}: no such file, and no import configuration of that name comes with the package "
                          f"({names})")
    values: dict[str, Any] = load_yaml(file)
    return parse_import_config(values, where=str(path)).located(files.parent(file))


def parse_import_config(values: dict[str, Any], where: str) -> ImportConfig | SamplesConfig:
    """The configuration of an import by its plain values; raises `ConfigError` as `load_import_config` does."""
    kind = str(values.get("kind", "events"))
    if kind not in _KINDS:
        raise ConfigError(f"{where}.kind: {kind!r} is no kind of log{nearest(kind, _KINDS)}")
    return parse(_KINDS[kind], values, where=where)
