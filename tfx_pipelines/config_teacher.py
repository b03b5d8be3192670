"""Who teaches a run's model, and what."""

from __future__ import annotations

from typing import Any, Literal

import pydantic

from zoo.config import Config, ConfigError, nearest
from zoo.schema import Label, Schema
from zoo.training.config import TrainingConfig


class TeacherConfig(Config):
    """A model whose scores another one learns: trained and blessed in the same run, or pushed by an earlier one.

    Args:
        name: of a model of the zoo that this run trains first, as its own file would.
        config: its settings, over those of the file.
        assets: files that it reads when it is made.
        training: of it, over that of the file.
        pushed: in place of `name`, a folder of versions; the newest one teaches.
        tasks: labels that it speaks of; the log's first one by default.
        output: `shared`, a task's output learns from outcomes and from the teacher; or `own`, the teacher's opinion is a task
            beside it, with an output of its own.
        weight: of what the teacher says, beside the outcomes' weights.
    """

    name: str | None = None
    config: dict[str, Any] = {}
    assets: dict[str, str] = {}
    training: TrainingConfig = TrainingConfig()
    pushed: str | None = None
    tasks: tuple[str, ...] = ()
    output: Literal["shared", "own"] = "shared"
    weight: float = pydantic.Field(default=1.0, gt=0)

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> TeacherConfig:
        if (self.name is None) == (self.pushed is None):
            raise ValueError("a teacher is either a model of the zoo that is trained first (`name`), or the newest version in "
                             "a folder of pushed ones (`pushed`)")
        if self.pushed and (self.config or self.assets):
            raise ValueError("`config` and `assets` are for a teacher that is trained; a pushed one is what it is")
        return self

    def labels(self, schema: Schema) -> dict[str, str]:
        """The soft labels that it gives, with the tasks that they speak of.

        Args:
            schema: of the request log.

        Raises:
            ConfigError: the log has no such task, or one that is no probability.
        """
        tasks = {label.name: label for label in schema.tasks}
        for name in self.tasks:
            if name not in tasks:
                raise ConfigError(f"teacher.tasks: the log has no label {name!r}{nearest(name, tasks)}")
            if tasks[name].kind != "binary" or tasks[name].soft:
                raise ConfigError(f"teacher.tasks: {name!r} is not a binary label with outcomes")
        return {f"{name}_teacher": name for name in self.tasks or (schema.labels[0].name,)}

    def taught(self, schema: Schema) -> Schema:
        """The schema of the student: the log's, with the soft labels.

        Args:
            schema: of the request log.

        Raises:
            ConfigError: the log has a label of that name, or no task of this one.
        """
        labels = [Label(name=name, soft=True, of=task if self.output == "shared" else None, weight=self.weight)
                  for name, task in self.labels(schema).items()]
        twice = {label.name for label in labels} & {label.name for label in schema.labels}
        if twice:
            raise ConfigError(f"teacher: the log has a label {min(twice)!r} already, as the teacher's scores would be called")
        return schema.model_copy(update={"labels": (*schema.labels, *labels)})
