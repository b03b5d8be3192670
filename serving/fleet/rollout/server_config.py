"""A state as ModelServer's configuration: what a server reads when it starts, and what it is sent while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from serving.fleet.commented import to_text_proto
from serving.fleet.messages import ModelServerConfig
from serving.fleet.rollout.state import State
from zoo import files

# By model.
Versions = Mapping[str, Sequence[int]]
Labels = Mapping[str, Mapping[str, int]]


def server_config(state: State, versions: Versions | None = None, labels: Labels | None = None) -> Any:
    """ModelServerConfig of a state.

    Args:
        state: of the fleet.
        versions: by model, what is loaded in place of the state's own.
        labels: by model, version by label in place of the state's own.
    """
    config = ModelServerConfig()
    for name, model in state.models.items():
        one = config.model_config_list.config.add(name=name, base_path=model.base_path, model_platform="tensorflow")
        loaded = sorted(set(model.loaded if versions is None else versions.get(name, ())))
        if loaded:
            one.model_version_policy.specific.versions.extend(loaded)
        else:
            one.model_version_policy.latest.num_versions = 1
        for label, version in (model.labels if labels is None else labels.get(name, {})).items():
            one.version_labels[label] = version
    return config


def config_path(state: files.PathLike) -> str:
    """Where the configuration of a state file lies.

    Example:
        >>> config_path("fleet/rollout.yaml")
        'fleet/rollout.models.config'
    """
    return files.join(files.parent(state), files.name(state).removesuffix(".yaml") + ".models.config")


def config_text(state: State) -> str:
    """The configuration in text form, for `--model_config_file` and `zoo serve --config`."""
    return to_text_proto(server_config(state), {}, head="What a server loads when it starts: the state file beside this one, "
                         "which `zoo fleet promote` changes. With labels ModelServer needs "
                         "--allow_version_labels_for_unavailable_models.")
