"""Every model of the zoo by name. A new model is a file, a line here, and a card."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.assets import Assets
from zoo.config import ConfigError, nearest, parse
from zoo.schema import Schema

if TYPE_CHECKING:
    from zoo.models.base import RankingModel

# name -> module and class, imported only when asked for, so that listing models needs no TensorFlow
MODELS = {
    "wdl": "zoo.models.fine.wdl:WDL",
    "din": "zoo.models.fine.din:DIN",
    "dien": "zoo.models.fine.dien:DIEN",
    "dmr": "zoo.models.fine.dmr:DMR",
    "sim": "zoo.models.fine.sim:SIM",
    "lsrmm": "zoo.models.fine.lsrmm:LSRMM",
    "nais": "zoo.models.fine.nais:NAIS",
    "usm": "zoo.models.fine.usm:USM",
    "mmoe": "zoo.models.fine.mmoe:MMoE",
    "lr": "zoo.models.fine.lr:LR",
    "gbdt": "zoo.models.fine.gbdt:GBDT",
    "gbdt_lr": "zoo.models.fine.gbdt_lr:GBDTLR",
    "mlr": "zoo.models.fine.mlr:MLR",
    "embedding_mlp": "zoo.models.fine.embedding_mlp:EmbeddingMLP",
    "dcn": "zoo.models.fine.dcn:DCN",
    "deepfm": "zoo.models.fine.deepfm:DeepFM",
    "fibinet": "zoo.models.fine.fibinet:FiBiNET",
    "dssm": "zoo.models.coarse.dssm:DSSM",
    "cold": "zoo.models.coarse.cold:COLD",
    "int_tower": "zoo.models.coarse.int_tower:IntTower",
    "static_rule": "zoo.models.coarse.static_rule:StaticRule",
    "double_sequence": "zoo.models.live.double_sequence:DoubleSequence",
    "hin": "zoo.models.live.hin:HINAttention",
    "synchronous_dssm": "zoo.models.coarse.synchronous_dssm:SynchronousDSSM",
}

CARDS = Path(__file__).parent / "cards"


def names() -> list[str]:
    """Names of all models."""
    return list(MODELS)


def get(name: str) -> type[RankingModel]:
    """The class of a model.

    Raises:
        ConfigError: there is no such model; names the nearest one.
    """
    module, attribute = _line(name)
    return getattr(importlib.import_module(module), attribute)


def name_of(cls: type[RankingModel]) -> str:
    """The name under which a model's class is registered.

    Raises:
        ConfigError: it is not.
    """
    for name, place in MODELS.items():
        if place.split(":")[1] == cls.__name__ and get(name) is cls:
            return name
    raise ConfigError(f"{cls.__name__} is no model of the zoo; add its line to zoo/models/registry.py")


def module_of(name: str) -> str:
    """The dotted name of a model's module, which is not imported.

    Raises:
        ConfigError: there is no such model; names the nearest one.
    """
    return _line(name)[0]


def card(name: str) -> str:
    """The model card, in Markdown."""
    _line(name)
    return (CARDS / f"{name}.md").read_text(encoding="utf-8")


def summary(name: str) -> str:
    """The first sentence of the model's card, without loading TensorFlow."""
    text = card(name).split("## What it is", 1)[1].strip()
    return " ".join(text.split("\n\n")[0].split()).split(". ")[0].rstrip(".")


def build(name: str, schema: Schema, config: dict[str, Any] | None = None, assets: Assets | None = None) -> RankingModel:
    """A new model over a bound schema.

    Args:
        name: of the model.
        schema: bound to its vocabularies.
        config: settings of the model's `Config`; None for the defaults.
        assets: files that the model reads and that travel with it.

    Raises:
        ConfigError: unknown model or setting.

    Example:
        >>> model = build("din", schema, {"attention": {"softmax": True}})
    """
    cls = get(name)
    return cls(schema, parse(cls.Config, config, where="model.config"), assets=assets)


def _line(name: str) -> list[str]:
    if name not in MODELS:
        raise ConfigError(f"there is no model {name!r} in the zoo{nearest(name, MODELS)}")
    return MODELS[name].split(":")
