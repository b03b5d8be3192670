"""Which models a server keeps, and which of their versions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serving.server.faults import Fault, invalid

_TENSORFLOW = 1  # ModelType, which older configurations have instead of a platform


@dataclass(frozen=True)
class VersionPolicy:
    """Which versions of a model are served.

    Args:
        latest: the newest so many.
        all: every version; `latest` is not looked at.
        specific: just these, and none if it names none; `latest` is not looked at. None where another policy holds.

    Example:
        >>> VersionPolicy.parse("latest:2").choose([1, 2, 3])
        {2, 3}
    """

    latest: int = 1
    all: bool = False
    specific: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.latest < 1:
            raise invalid(f"version policy: the newest {self.latest} versions; expected at least 1")

    def choose(self, versions: Iterable[int]) -> set[int]:
        """Those of the versions on disk that should be served."""
        versions = sorted(versions)
        if self.specific is not None:
            return set(self.specific) & set(versions)
        return set(versions if self.all else versions[-self.latest:])

    @classmethod
    def parse(cls, text: str) -> VersionPolicy:
        """Reads `latest:N`, `latest`, `all` or `specific:1,3`.

        Raises:
            Fault: the text is none of these.
        """
        if text == "all":
            return cls(all=True)
        if match := re.fullmatch(r"latest(?::([1-9]\d{0,9}))?", text):
            return cls(latest=int(match[1] or 1))
        if match := re.fullmatch(r"specific:(\d{1,19}(?:,\d{1,19})*)", text):
            return cls(specific=tuple(int(number) for number in match[1].split(",")))
        raise invalid(f"version policy {text!r}: expected `latest`, `latest:N`, `all` or `specific:V,V`")


@dataclass(frozen=True)
class ModelSpec:
    """One model of a server.

    Args:
        name: what callers call it.
        base_path: folder with one subfolder a version, named by a number.
        policy: which versions are served.
        labels: version by label; a label may only name a version that is available.
    """

    name: str
    base_path: Path
    policy: VersionPolicy = VersionPolicy()
    labels: dict[str, int] = field(default_factory=dict)


def specs_from_proto(config: Any) -> dict[str, ModelSpec]:
    """Reads TF Serving's ModelServerConfig.

    Raises:
        Fault: INVALID_ARGUMENT where ModelServer refuses the configuration too.
    """
    if config.WhichOneof("config") != "model_config_list":
        raise invalid("ServerModelConfig type not supported by HandleReloadConfigRequest; "
                      "only model_config_list is currently supported")
    specs: dict[str, ModelSpec] = {}
    for model in config.model_config_list.config:
        where = f"model_config_list.config {model.name!r}"
        if not model.name or re.search(r"[/:]", model.name):
            raise invalid(f"{where}: a model needs a name without '/' and ':'")
        if model.name in specs:
            raise invalid(f"Illegal to list model {model.name} multiple times in config list")
        path = model.base_path.removeprefix("file://")
        if not path.startswith("/"):
            raise invalid(f"Expected model {model.name} to have an absolute path; got base_path()={model.base_path!r}")
        if model.model_platform and model.model_type:
            raise invalid(f"{where}: Illegal setting both ModelServerConfig::model_type (deprecated) and model_platform")
        platform = model.model_platform or ("tensorflow" if model.model_type == _TENSORFLOW else "")
        if platform != "tensorflow":
            raise invalid(f"{where}: model_platform is {platform!r}; only 'tensorflow' is served")
        specs[model.name] = ModelSpec(model.name, Path(path), _policy(model), dict(model.version_labels))
    return specs


def _policy(model: Any) -> VersionPolicy:
    choice = model.model_version_policy.WhichOneof("policy_choice")
    if choice == "all":
        return VersionPolicy(all=True)
    if choice == "specific":
        return VersionPolicy(specific=tuple(model.model_version_policy.specific.versions))
    return VersionPolicy(latest=max(1, model.model_version_policy.latest.num_versions))


__all__ = ["Fault", "ModelSpec", "VersionPolicy", "specs_from_proto"]
