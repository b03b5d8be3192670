"""Typed configuration: frozen, read from YAML, unknown keys rejected by name with the nearest valid one."""

from __future__ import annotations

import difflib
import fnmatch
import inspect
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any, TypeVar, cast

import pydantic
import yaml

from zoo import files


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

    @pydantic.model_validator(mode="before")
    @classmethod
    def _over_defaults(cls, values: Any) -> Any:
        """A mapping for a field whose default is itself a configuration changes that default, and not the defaults of its
        class: `{tower: {units: [64]}}` keeps the activation that the model gives its tower."""
        if not isinstance(values, dict):
            return values
        result = dict(cast(dict[str, Any], values))
        for key, field in cls.model_fields.items():
            if isinstance(field.default, Config) and isinstance(result.get(key), dict):
                result[key] = merged(field.default.model_dump(exclude_unset=True), result[key], choices=[""])
        return result


C = TypeVar("C", bound=Config)


def parse(cls: type[C], values: Any, where: str | Callable[[tuple[Any, ...]], str] = "config") -> C:
    """Builds `cls` from plain values and turns validation errors into one readable message.

    Args:
        cls: the configuration class.
        values: a mapping, as YAML gives it; None means all defaults.
        where: what to call the root of the configuration in messages (a file name, a section); or a function that names a
            setting by its path, for values that come from several places.

    Returns:
        The configuration object.

    Raises:
        ConfigError: naming every wrong key, what was expected, and the nearest valid key for a typo.
    """
    if values is None:
        values = {}
    def below(path: tuple[Any, ...]) -> str:
        return ".".join([str(where), *map(str, path)])

    named = where if callable(where) else below
    if not isinstance(values, dict):
        raise ConfigError(f"{named(())}: expected a mapping of settings, got {type(values).__name__}: {values!r}")
    try:
        return cls.model_validate(values)
    except pydantic.ValidationError as error:
        details = error.errors()
        # A tuple with a wrong element is also reported as too short: the element's own error says it all.
        telling = [detail for detail in details if detail["type"] != "too_short" or len(details) == 1]
        raise ConfigError("\n".join(_describe(cls, detail, named) for detail in telling)) from None


def merged(base: Mapping[str, Any], over: Mapping[str, Any], choices: Collection[str] = (), at: str = "") -> dict[str, Any]:
    """Plain settings on top of others: mappings key by key to any depth, everything else as a whole.

    Args:
        base: what is changed.
        over: what changes it.
        choices: paths (`*` stands for one key or more) of mappings whose `name` says what their other keys mean: where `over`
            gives another name, nothing of the base is kept.
        at: path of both mappings.

    Example:
        >>> merged({"tower": {"units": [64], "dropout": 0.1}}, {"tower": {"units": [32, 16]}})
        {'tower': {'units': [32, 16], 'dropout': 0.1}}
        >>> merged({"dense": {"name": "ftrl", "l1": 0.1}}, {"dense": {"name": "adam"}}, choices=["dense"])
        {'dense': {'name': 'adam'}}
    """
    if "name" in base and over.get("name", base["name"]) != base["name"] and any(fnmatch.fnmatchcase(at, c) for c in choices):
        return dict(over)
    result = dict(base)
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            value = merged(result[key], cast(Mapping[str, Any], value), choices, f"{at}.{key}" if at else str(key))
        result[key] = value
    return result


def load_yaml(path: files.PathLike) -> dict[str, Any]:
    """Reads a YAML mapping from a local path or a URI.

    Raises:
        ConfigError: the file is absent, can't be read, is not YAML, names a key twice, or is not a mapping.
    """
    if not files.is_file(path):
        raise ConfigError(f"{path}: no such file")
    try:
        values = yaml.load(files.read_text(path), _Loader)
    except files.FileError as error:
        raise ConfigError(str(error)) from None
    except OSError as error:
        raise ConfigError(f"{path}: can not be read: {error.strerror or error}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected a mapping of settings at the top level")
    return cast(dict[str, Any], values)


def dump_yaml(config: Config, path: files.PathLike) -> None:
    """Writes a configuration so that `parse(type(config), load_yaml(path))` gives it back."""
    text = yaml.safe_dump(config.model_dump(mode="json", exclude_defaults=True), sort_keys=False, width=120)
    files.write_text(path, text)


def nearest(name: str, valid: Any) -> str:
    """`"; did you mean 'x'?"` for the valid name most like `name`, or the list of valid ones."""
    names: list[str] = sorted(map(str, valid))
    close: list[str] = difflib.get_close_matches(str(name), names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; valid: {', '.join(names)}" if names else ""


class _Loader(yaml.SafeLoader):
    """YAML's plain types; a key that stands twice in a mapping is an error, not the last one's victory."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _describe(cls: type[Config], detail: Any, named: Callable[[tuple[Any, ...]], str]) -> str:
    location = [part for part in detail["loc"] if part != "function-after"]
    path = named(tuple(location))
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
