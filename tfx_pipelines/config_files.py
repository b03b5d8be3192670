"""Where a run's settings stand: in a file, in the files it extends, in their parts for one model, on the command line."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from zoo.config import ConfigError, load_yaml, nearest
from zoo.models import registry

CONFIGS = Path(__file__).parent / "configs"


@dataclass(frozen=True)
class Source:
    """Plain settings from one place, in the form of a `RunConfig`.

    Args:
        place: what messages put before the path of a setting: `rees46.yaml.`, `--set `.
        values: the settings.
        shared: whether they are meant for all models of a log, which need not have what they name.
        of_model: whether they are one model's part, where `model.config` is `config`.
    """

    place: str
    values: dict[str, Any]
    shared: bool = False
    of_model: bool = False

    def get(self, path: Sequence[Any]) -> Any:
        """What stands at a path; None where nothing does."""
        value: Any = self.values
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def says(self, path: Sequence[Any]) -> bool:
        """Whether something stands at a path, null included."""
        above = self.get(path[:-1])
        return isinstance(above, Mapping) and path[-1] in above

    def name_of(self, path: Sequence[Any]) -> str:
        """A setting as a reader finds it: `rees46.yaml.models.din.config.attention`."""
        return self.place + ".".join(map(str, path[1:] if self.of_model and path[0] == "model" else path))


def shipped() -> list[str]:
    """Names of the configurations that come with the package."""
    return sorted(path.stem for path in CONFIGS.glob("*.yaml"))


def read_sources(path: str | Path, overrides: Sequence[str], options: Mapping[str, Any],
                 sections: Collection[str]) -> list[Source]:
    """All settings of a run in the order in which they change each other.

    Files come first, an extended one before the one that extends it; then what they say of the chosen model in `models`; then
    the overrides and the options.

    Args:
        path: a YAML file, or a name out of `shipped`.
        overrides: `key.path=value`; values are YAML.
        options: values by dotted path, as they are; None says nothing.
        sections: valid keys at the top of a file, beside `extends` and `models`.

    Raises:
        ConfigError: no such file, a wrong key at the top of a file or of a model's part, an unknown model, or an override
            that is none.
    """
    files = _read_files(path, None, sections)
    command = [Source("--set ", _overridden(overrides)), Source("", _nested(options))]
    bases = [Source(f"{label}.", {key: value for key, value in values.items() if key != "models"}, shared="models" in values)
             for label, values in files]
    name = model_name([*bases, *command])
    chosen = [Source("", {"model": {"name": name}})] if model_name(command) else []
    parts = [Source(f"{label}.models.{name}.", _as_sections(part), of_model=True) for label, values in files
             if (part := values.get("models", {}).get(name))]
    sources = [*bases, *chosen, *parts, *command]
    for source, key in ((source, key) for source in sources for key in sections if key in source.values):
        if not isinstance(source.values[key], Mapping):
            raise ConfigError(f"{source.name_of([key])}: expected a mapping of settings, got {source.values[key]!r}")
    return sources


def model_name(sources: Sequence[Source]) -> str | None:
    """The model that the last of these sources names, if any of them does and it is a name."""
    named = [name for source in sources if isinstance(name := source.get(("model", "name")), str)]
    return named[-1] if named else None


def name_in(sources: Sequence[Source], path: Sequence[Any], file: str | Path) -> str:
    """A setting by the place of the last source that says it; an absent one by its mapping's place, or as the file's."""
    for length in range(len(path), 0, -1):
        for source in reversed(sources):
            if source.says(path[:length]):
                return source.name_of(path)
    return ".".join(map(str, [file, *path]))


def _read_files(path: str | Path, extending: Path | None, sections: Collection[str],
                below: Sequence[Path] = ()) -> list[tuple[str, dict[str, Any]]]:
    """A file after those that it extends: `(what messages call it, its settings)`."""
    file = _find(path, extending)
    if file.resolve() in below:
        raise ConfigError(f"{extending}.extends: {path} extends this file itself, directly or through others")
    values, label = load_yaml(file), file.name if file.parent == CONFIGS else str(file)
    _check_keys(values, [*sections, "extends", "models"], label)
    models = values.get("models") or {}
    if not isinstance(models, dict):
        raise ConfigError(f"{label}.models: expected settings by the name of a model, got {models!r}")
    for name, part in models.items():
        if name not in registry.MODELS:
            raise ConfigError(f"{label}.models.{name}: there is no such model in the zoo{nearest(name, registry.MODELS)}")
        if not isinstance(part, dict | None):
            raise ConfigError(f"{label}.models.{name}: expected a mapping of settings, got {part!r}")
        _check_keys(part or {}, ["config", *(key for key in sections if key != "model")], f"{label}.models.{name}")
    extended = values.pop("extends", None)
    before = _read_files(extended, file, sections, [*below, file.resolve()]) if extended else []
    # A section without a setting, as when all of them are commented out, says nothing.
    return [*before, (label, {key: {} if value is None else value for key, value in values.items()})]


def _find(path: str | Path, extending: Path | None) -> Path:
    file = extending.parent / path if extending else Path(path)
    if not file.is_file() and str(path) in shipped():
        file = CONFIGS / f"{path}.yaml"
    if not file.is_file():
        where = f"{extending}.extends: " if extending else ""
        raise ConfigError(f"{where}{path}: no such file, and no configuration of that name comes with the package"
                          f"{nearest(str(path), shipped())}")
    return file


def _check_keys(values: Mapping[str, Any], valid: Collection[str], where: str) -> None:
    for key in values:
        if key not in valid:
            raise ConfigError(f"{where}.{key}: unknown key{nearest(key, valid)}")


def _as_sections(part: Mapping[str, Any]) -> dict[str, Any]:
    """A model's part in the form of a `RunConfig`."""
    sections = {key: value for key, value in part.items() if key != "config" and value is not None}
    return sections | ({"model": {"config": part["config"]}} if part.get("config") is not None else {})


def _overridden(overrides: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not all(key.split(".")):
            raise ConfigError(f"--set {override!r}: expected KEY=VALUE, such as training.epochs=1")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"--set {override!r}: the value is not valid YAML; quote it: {error}") from None
        _assign(values, key, value)
    return values


def _nested(options: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in options.items():
        if value is not None:
            _assign(values, key, value)
    return values


def _assign(values: dict[str, Any], key: str, value: Any) -> None:
    *path, last = key.split(".")
    for number, part in enumerate(path):
        values = values.setdefault(part, {})
        if not isinstance(values, dict):
            raise ConfigError(f"--set {key}: {'.'.join(path[:number + 1])} was given a value before, not settings")
    values[last] = value
