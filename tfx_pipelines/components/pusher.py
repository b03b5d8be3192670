"""TFX's Pusher, which publishes as everything here does: whole, with a manifest, under a number that no other pusher has."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format
from tfx import types
from tfx import v1 as tfx
from tfx.components.pusher import executor
from tfx.dsl.components.base import executor_spec
from tfx.types import artifact_utils
from tfx.utils import io_utils

from zoo.versions import publish


class PublishingExecutor(executor.Executor):
    """TFX's decides whether a model is pushed, and what is recorded; `zoo.versions.publish` pushes it.

    TFX's own copies into the folder that servers watch, and of two pushes within a second drops the second.
    """

    def Do(self, input_dict: dict[str, list[types.Artifact]], output_dict: dict[str, list[types.Artifact]],
           exec_properties: dict[str, Any]) -> None:
        """Pushes the model if it is blessed, and records where it lies and its version."""
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        model, destination = self.GetModelPath(input_dict), tfx.proto.PushDestination()
        json_format.Parse(exec_properties["push_destination"], destination)
        version = publish(model, destination.filesystem.base_directory)
        io_utils.copy_dir(model, pushed.uri)
        self._MarkPushed(pushed, pushed_destination=version.path, pushed_version=str(version.version))


def pusher_to(serving_dir: str, **inputs: Any) -> Any:
    """The last stage of a pipeline.

    Args:
        serving_dir: folder of versions.
        **inputs: of TFX's Pusher, channels.
    """
    return tfx.components.Pusher(
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=serving_dir)),
        custom_executor_spec=executor_spec.ExecutorClassSpec(PublishingExecutor), **inputs)
