"""KServe's form of the fleet."""

from __future__ import annotations

from collections.abc import Iterable

from serving.fleet.description.fields import Percent, Version
from zoo.config import Config, nearest


class Canary(Config):
    """A second version beside the first, for KServe.

    Args:
        version: of the model.
        percent: of the calls.
    """

    version: Version
    percent: Percent = 10


class KServe(Config):
    """KServe's form of the same fleet.

    Args:
        versions: by model, the version that is served.
        canaries: by model, a second version and its share.
    """

    versions: dict[str, Version]
    canaries: dict[str, Canary] = {}


def object_name(model: str) -> str:
    """A model's name as Kubernetes takes names.

    Example:
        >>> object_name("two_towers.v2")
        'two-towers-v2'
    """
    return "".join(letter if letter.isalnum() else "-" for letter in model.lower()).strip("-")


def check_kserve(kserve: KServe, models: Iterable[str]) -> None:
    """Holds KServe's section against the models of the fleet.

    Raises:
        ValueError: it names another model, leaves one out, or two would have one name.
    """
    models = list(models)
    for name in sorted({*kserve.versions, *kserve.canaries} - set(models)):
        raise ValueError(f"kserve: no model {name!r}{nearest(name, models)}")
    for name in sorted(set(models) - set(kserve.versions)):
        raise ValueError(f"kserve.versions: which version of {name!r}? KServe's pods hold just one")
    objects: dict[str, str] = {}
    for name in models:
        other = objects.setdefault(object_name(name), name)
        if other != name:
            raise ValueError(f"kserve: {other!r} and {name!r} would both be called {object_name(name)!r}; rename one")
    for name, canary in kserve.canaries.items():
        if canary.version == kserve.versions[name]:
            raise ValueError(f"kserve.canaries.{name}: version {canary.version} is the stable one already")
