"""The optimizers of a run: what its sources say, over those that the model gives its groups of variables."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from tfx_pipelines.config_files import Source
from zoo.config import ConfigError, nearest
from zoo.models import registry
from zoo.optimizers import OptimizerConfig

OPTIMIZERS = ("training", "optimizers")


def over_own_optimizers(sources: Sequence[Source], model: str) -> list[Source]:
    """The sources after one that says the model's own optimizers, so that a run may change one setting of them alone.

    What a source says for all models of a log is left out where the model has no variables of that group.

    Args:
        sources: of the run.
        model: of the zoo.

    Raises:
        ConfigError: a source that speaks of this model alone names a group that it does not have, or one that speaks for all
            a group that no model has.
    """
    own = own_optimizers(model)
    values = {group: optimizer.model_dump(exclude_unset=True) for group, optimizer in own.items()}
    first = Source(f"{model}'s own ", {"training": {"optimizers": values}})
    return [first, *(_of_use(source, model, own) for source in sources)]


def own_optimizers(model: str) -> Mapping[str, OptimizerConfig]:
    """The optimizer of each group of the model's variables, where a run names no other."""
    return registry.get(model).optimizers


def _of_use(source: Source, model: str, own: Mapping[str, OptimizerConfig]) -> Source:
    given = source.get(OPTIMIZERS)
    if not isinstance(given, Mapping) or given.keys() <= own.keys():
        return source
    valid = {group for name in registry.names() for group in own_optimizers(name)} if source.shared else set(own)
    for group in given:
        if group not in valid:
            whose = "no model of the zoo has" if source.shared else f"the model {model} has no"
            raise ConfigError(f"{source.name_of((*OPTIMIZERS, group))}: {whose} variables of this group{nearest(group, valid)}")
    kept = {group: settings for group, settings in given.items() if group in own}
    return dataclasses.replace(source, values=source.values | {"training": source.values["training"] | {"optimizers": kept}})
