"""The configuration of a run: data, model, training, gate, serving, pipeline, Beam."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic
import yaml

from zoo.config import Config, ConfigError, load_yaml, parse
from zoo.training.config import TrainingConfig

CONFIGS = Path(__file__).parent / "configs"


class DataConfig(Config):
    """Args:
        log: folder of the request log; the command line may name it instead.
        cluster_log: the same log as a cluster reaches it (`gs://…`), for compiled pipelines; `log` by default.
    """

    log: str | None = None
    cluster_log: str | None = None


class ModelConfig(Config):
    """Args:
        name: of the model in the zoo.
        config: its settings, checked by the model itself.
    """

    name: str
    config: dict[str, Any] = {}


class GateConfig(Config):
    """What a model must reach to be pushed.

    Args:
        auc: least AUC on the test split.
        gauc: least GAUC on the test split.
        max_drop: how far AUC and GAUC may fall below the model that serves today, the one that was pushed last.
        require_floors: whether the floors of the log (what counting alone reaches) must be passed, or are only reported.
    """

    auc: float = pydantic.Field(0.5, ge=0, le=1)
    gauc: float = pydantic.Field(0.5, ge=0, le=1)
    max_drop: float = pydantic.Field(0.005, ge=0)
    require_floors: bool = False


class ServingConfig(Config):
    """How the exported model is tried before it is pushed.

    Args:
        model_name: name under which servers know the model; the zoo's name of the model by default.
        replay_requests: real requests sent to a server that has loaded the model.
        max_abs_diff: largest difference allowed between a served score and the trainer's.
        warmup_requests: requests written into the model for servers to warm up with, by two signatures each; TF Serving
            reads no more than 1,000 records.
    """

    model_name: str | None = None
    replay_requests: int = pydantic.Field(256, ge=1)
    max_abs_diff: float = pydantic.Field(1e-5, gt=0)
    warmup_requests: int = pydantic.Field(16, ge=1, le=500)


class PipelineConfig(Config):
    """Args:
        name: of the pipeline.
        root: where artifacts, metadata, the report and pushed models go; `runs/NAME` by default.
        cache: whether unchanged stages are taken from an earlier run.
        image: container image with this package, for Kubeflow.
    """

    name: str | None = None
    root: str | None = None
    cache: bool = True
    image: str = "cascade-zoo:latest"


class BeamConfig(Config):
    """Args:
        runner: Beam runner.
        arguments: further Beam arguments, each a string as on a command line.
    """

    runner: str = "DirectRunner"
    arguments: tuple[str, ...] = ()


class RunConfig(Config):
    """A run of the pipeline; a first one needs to name only the data and the model.

    Example:
        >>> RunConfig(data=DataConfig(log="runs/demo/log"), model=ModelConfig(name="din"))
    """

    data: DataConfig = DataConfig()
    model: ModelConfig
    training: TrainingConfig = TrainingConfig()
    gate: GateConfig = GateConfig()
    serving: ServingConfig = ServingConfig()
    pipeline: PipelineConfig = PipelineConfig()
    beam: BeamConfig = BeamConfig()

    @property
    def name(self) -> str:
        """Name of the pipeline."""
        return self.pipeline.name or f"{Path(self.log).parent.name or 'log'}-{self.model.name}"

    @property
    def root(self) -> str:
        """Folder of everything that the pipeline makes; may be remote."""
        return self.pipeline.root or f"runs/{self.name}"

    @property
    def log(self) -> str:
        """Folder of the request log.

        Raises:
            ConfigError: neither the configuration nor the command line names it.
        """
        if self.data.log is None:
            raise ConfigError("no request log is named: give data.log in the configuration, or --log on the command line")
        return self.data.log

    @property
    def served_name(self) -> str:
        """Name under which servers know the model."""
        return self.serving.model_name or self.model.name

    @property
    def beam_arguments(self) -> list[str]:
        """Beam's command line."""
        return [f"--runner={self.beam.runner}", *self.beam.arguments]


def load_run_config(path: str | Path, overrides: list[str] | None = None) -> RunConfig:
    """Reads a run's configuration and applies `key.path=value` overrides.

    Args:
        path: a YAML file, or the name of one of the configurations that come with the package.
        overrides: such as `training.epochs=1`; values are YAML.

    Raises:
        ConfigError: no such file, a wrong key, a wrong value, an unknown model or a wrong setting of it.
    """
    file = Path(path)
    if not file.is_file() and (CONFIGS / f"{path}.yaml").is_file():
        file = CONFIGS / f"{path}.yaml"
    if not file.is_file():
        shipped = ", ".join(sorted(config.stem for config in CONFIGS.glob("*.yaml")))
        raise ConfigError(f"{path}: no such file, and no configuration of that name comes with the package ({shipped})")
    values = load_yaml(file)
    for override in overrides or []:
        key, equals, value = override.partition("=")
        if not equals:
            raise ConfigError(f"--set {override!r}: expected KEY=VALUE, such as training.epochs=1")
        _assign(values, key.split("."), yaml.safe_load(value), override)
    config = parse(RunConfig, values, where=str(path))
    check_model(config)
    return config


def with_floors(config: RunConfig, floors: Mapping[str, Mapping[str, float]]) -> RunConfig:
    """The same run with its gate raised to the floors of the log, if `gate.require_floors` asks for that.

    Args:
        config: of the run.
        floors: by metric (`auc`, `gauc`) and name, from the log's manifest.
    """
    if not config.gate.require_floors:
        return config
    raised = {metric: max([getattr(config.gate, metric), *floors.get(metric, {}).values()]) for metric in ("auc", "gauc")}
    return config.model_copy(update={"gate": config.gate.model_copy(update=raised)})


def check_model(config: RunConfig) -> None:
    """Checks the model's name and settings before anything runs."""
    from zoo.models import registry

    parse(registry.get(config.model.name).Config, config.model.config, where="model.config")


def _assign(values: dict[str, Any], path: list[str], value: Any, override: str) -> None:
    for part in path[:-1]:
        values = values.setdefault(part, {})
        if not isinstance(values, dict):
            raise ConfigError(f"--set {override!r}: {part!r} holds a value, not settings")
    values[path[-1]] = value
