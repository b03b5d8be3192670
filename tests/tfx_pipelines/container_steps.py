"""Executors that the tests of the container's entry point run."""

from __future__ import annotations

from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.dsl.components.base import base_beam_executor, base_executor
from tfx.types import Artifact

from zoo import files

SEEN: list[dict[str, Any]] = []


def do(executor: Any, inputs: dict[str, list[Artifact]], outputs: dict[str, list[Artifact]], settings: dict[str, Any]) -> None:
    """Notes what the executor was given, and writes what it found in its first input to its first output."""
    SEEN.append({"inputs": {key: [one.uri for one in found] for key, found in inputs.items()}, "outputs": sorted(outputs),
                 "artifacts": inputs, "settings": settings, "temporary": executor._get_tmp_dir()})
    for found in outputs.values():
        files.make_dirs(found[0].uri)
        read = [files.read_text(files.join(one.uri, "said.txt")) for group in inputs.values() for one in group
                if files.is_file(files.join(one.uri, "said.txt"))]
        files.write_text(files.join(found[0].uri, "said.txt"), "".join(["made of ", *read]))
        found[0].set_int_custom_property("blessed", 1)


class Plain(base_executor.BaseExecutor):
    Do = do


class Anomalous(base_executor.BaseExecutor):
    """Finds what its parameter `name` says in every column of that name; nothing without it."""

    def Do(self, input_dict: dict[str, list[Artifact]], output_dict: dict[str, list[Artifact]],
           exec_properties: dict[str, Any]) -> None:
        found = anomalies_pb2.Anomalies()
        if exec_properties.get("name"):
            found.anomaly_info[exec_properties["name"]].description = "is not what the schema says"
        folder = files.join(output_dict["anomalies"][0].uri, "Split-train")
        files.make_dirs(folder)
        with files.open_file(files.join(folder, "SchemaDiff.pb"), "wb") as file:
            file.write(found.SerializeToString())


class OnBeam(base_beam_executor.BaseBeamExecutor):
    Do = do
