"""What a process of a divided training is told."""

from __future__ import annotations

import json
from typing import Any

from zoo import files
from zoo.assets import Assets
from zoo.config import Config
from zoo.keras import keras, tf
from zoo.models import registry
from zoo.models.base import RankingModel
from zoo.schema import Schema
from zoo.training.config import TrainingConfig
from zoo.training.machines.cluster import Cluster
from zoo.training.machines.config import MachinesConfig
from zoo.training.machines.parent import end_with
from zoo.training.run import TrainingRun
from zoo.training.split import TrainingFiles

JOB, RESULT, WEIGHTS = "job.json", "result.json", "weights"


class Job(Config):
    """A training, as it is handed to other processes.

    Args:
        name: of the model in the registry.
        data_schema: bound to its vocabularies.
        train_files, validation_files: transformed examples, which all machines reach.
        config: of the run, with its machines.
        settings: of the model.
        assets: files that it reads.
        kept: folder for checkpoints, and the digest of what this training is; None keeps none.
        begin: checkpoint of the weights that it begins with.
        cluster: addresses by job.
        out: folder for the result.
    """

    name: str
    data_schema: Schema
    train_files: tuple[str, ...]
    validation_files: tuple[str, ...]
    config: TrainingConfig
    settings: dict[str, Any]
    assets: dict[str, str]
    kept: tuple[str, str] | None
    begin: str
    cluster: dict[str, tuple[str, ...]]
    out: str

    @classmethod
    def told(cls, path: str, parent: int) -> Job:
        """What stands in a file, for a process that ends with the one that started it."""
        end_with(parent)
        return cls.model_validate_json(files.read_text(path))

    @property
    def machines(self) -> MachinesConfig:
        """How it is divided."""
        assert self.config.machines is not None
        return self.config.machines

    @property
    def addresses(self) -> Cluster:
        """Where the others are."""
        return Cluster.of(self.cluster)

    def build(self) -> RankingModel:
        """The model, with fresh weights."""
        keras.utils.set_random_seed(self.config.seed)
        model = registry.build(self.name, self.data_schema, self.settings, Assets(self.assets))
        model.make_variables()
        return model

    def begun(self) -> RankingModel:
        """The model, with the weights that the training begins with."""
        model = self.build()
        tf.train.Checkpoint(model=model).read(self.begin).assert_existing_objects_matched()
        return model

    def split(self) -> TrainingFiles:
        """What is learned from."""
        return TrainingFiles(self.data_schema, self.train_files, self.config)

    def complete(self, run: TrainingRun, leads: bool = True) -> None:
        """Trains to the end, and leaves the result where this process leads the others."""
        run.complete(self.validation_files)
        if not leads:
            return
        tf.train.Checkpoint(model=run.model).write(f"{self.out}/{WEIGHTS}")
        with tf.io.gfile.GFile(f"{self.out}/{RESULT}", "w") as file:
            file.write(json.dumps({"history": run.history, "best_epoch": run.best_epoch}))
