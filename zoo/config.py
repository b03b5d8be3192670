"""Typed configuration: frozen, read from YAML, unknown keys rejected by name with the nearest valid one."""

from __future__ import annotations

import difflib
import inspect
from pathlib import Path
from typing import Any, TypeVar, cast

import pydantic
import yaml


class ConfigError(ValueError):
    """A configuration that can't be used; the message says which key, where, and what to do."""


class Config(pydantic.BaseModel):
    """Base of every configuration object: immutable, and a key that it does not know is an error.

    Example:
        >>> class Tower(Config):
        ...     units: tuple[int, ...] = (200, 80)
        >>> parse(Tower, {"unit": [64]}, where="model.tower")
        Traceback (most recent call last):
        zoo.config.ConfigError: model.tower.unit: unknown key; did you mean 'units'?
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


C = TypeVar("C", bound=Config)


def parse(cls: type[C], values: Any, where: str = "config") -> C:
    """Builds `cls` from plain values and turns validation errors into one readable message.

    Args:
        cls: the configuration class.
        values: a mapping, as YAML gives it; None means all defaults.
        where: what to call the root of the configuration in messages (a file name, a section).

    Returns:
        The configuration object.

    Raises:
        ConfigError: naming every wrong key, what was expected, and the nearest valid key for a typo.
    """
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise ConfigError(f"{where}: expected a mapping of settings, got {type(values).__name__}: {values!r}")
    try:
        return cls.model_validate(values)
    except pydantic.ValidationError as error:
        details = error.errors()
        # A tuple with a wrong element is also reported as too short: the element's own error says it all.
        telling = [detail for detail in details if detail["type"] != "too_short" or len(details) == 1]
        raise ConfigError("\n".join(_describe(cls, detail, where) for detail in telling)) from None


def load_yaml(path: str | Path) -> dict[str, Any]:
    """Reads a YAML mapping.

    Raises:
        ConfigError: the file is absent, is not YAML, or is not a mapping.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"{path}: no such file")
    try:
        values: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected a mapping of settings at the top level")
    return cast(dict[str, Any], values)


def dump_yaml(config: Config, path: str | Path) -> None:
    """Writes a configuration so that `parse(type(config), load_yaml(path))` gives it back."""
    text = yaml.safe_dump(config.model_dump(mode="json", exclude_defaults=True), sort_keys=False, width=120)
    Path(path).write_text(text, encoding="utf-8")


def nearest(name: str, valid: Any) -> str:
    """`"; did you mean 'x'?"` for the valid name most like `name`, or the list of valid ones."""
    names: list[str] = sorted(map(str, valid))
    close: list[str] = difflib.get_close_matches(str(name), names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; valid: {', '.join(names)}" if names else ""


def _describe(cls: type[Config], detail: Any, where: str) -> str:
    location = [part for part in detail["loc"] if part != "function-after"]
    path = ".".join([where, *map(str, location)])
    if detail["type"] == "extra_forbidden":
        return f"{path}: unknown key{nearest(location[-1], _fields_at(cls, location[:-1]))}"
    if detail["type"] == "missing":
        return f"{path}: required, and not given"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{path}: {message} (got {detail['input']!r})" if location else f"{path}: {message}"


def _fields_at(cls: Any, location: list[Any]) -> list[str]:
    """Names of the fields of the configuration class that stands at `location` below `cls`."""
    for part in location:
        if isinstance(part, int) or not hasattr(cls, "model_fields") or part not in cls.model_fields:
            continue
        cls = _config_class(cls.model_fields[part].annotation) or cls
    return list(getattr(cls, "model_fields", {}))


def _config_class(annotation: Any) -> Any:
    if inspect.isclass(annotation) and issubclass(annotation, Config):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _config_class(argument)
        if found:
            return found
    return None
