"""What the configuration of a log says of a model or of one of its variants."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.variants import VARIANTS
from tfx_pipelines.config import load_run_config, shipped
from zoo.config import merged
from zoo.training.config import TrainingConfig

CONFIGS = Path(__file__).parent / "configs"


def logs() -> list[str]:
    """Names of the logs that have a configuration, here or among those that come with the package."""
    return sorted({*shipped(), *(path.stem for path in CONFIGS.glob("*.yaml"))})


def settings(log: str, name: str) -> tuple[str, dict[str, Any], TrainingConfig]:
    """Registry name, model configuration and training configuration of a contestant.

    Args:
        log: one of `logs`.
        name: of a model, or of one of `VARIANTS`.
    """
    model, changes = VARIANTS.get(name, (name, {}))
    own = CONFIGS / f"{log}.yaml"
    config = load_run_config(own if own.is_file() else log, model=model)
    return model, _without_none(merged(config.model.config, changes)), config.training


def _without_none(config: Mapping[str, Any]) -> dict[str, Any]:
    """A variant takes a setting away by None."""
    return {key: _without_none(value) if isinstance(value, Mapping) else value
            for key, value in config.items() if value is not None}
