"""Kubeflow Pipelines' driver and launcher, as far as a step sees them.

After their sources, of commits about 2.15 (`backend/src/v2/driver`, `component/launcher_v2.go`, `objectstore`,
`metadata/converter.go`): what a step is given, where, and what becomes of what it leaves. No pods, no metadata server, no Argo.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from tests.kubeflow.store import Store

OUTPUT_FILE = "/tmp/kfp_outputs/output_metadata.json"
MOUNTS = {"gs://": "/gcs/", "minio://": "/minio/", "s3://": "/s3/"}
LOGS = "executor-logs"


class RefusedError(ValueError):
    """The backend does not take the pipeline."""


class StepError(RuntimeError):
    """A step's command failed."""


def check(spec: Mapping[str, Any]) -> None:
    """What the backend refuses: another schema, and executors that are neither containers nor importers."""
    if spec["schemaVersion"] != "2.1.0":
        raise RefusedError(f"schema {spec['schemaVersion']}, where the backend takes 2.1.0 alone")
    for label, executor in spec["deploymentSpec"]["executors"].items():
        if set(executor) != {"container"}:
            raise RefusedError(f"{label}: {', '.join(executor)} executor; the backend has containers and importers alone")
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())


def order(spec: Mapping[str, Any]) -> list[str]:
    """The steps, each after those that it waits for."""
    tasks = spec["root"]["dag"]["tasks"]
    waits = {name: {*task.get("dependentTasks", ()), *(one["taskOutputArtifact"]["producerTask"] for one in
                                                       task.get("inputs", {}).get("artifacts", {}).values())}
             for name, task in tasks.items()}
    return list(TopologicalSorter(waits).static_order())


class Launcher:
    """Runs the steps of a compiled pipeline, one by one.

    Args:
        spec: the pipeline.
        store: where its artifacts are.
        environment: of every step; a pod's, so nothing of this process is in it.
        below: folder before the launcher's mounts (`/s3/…`), "" for the real ones.
        folder: of the steps' logs.
    """

    def __init__(self, spec: Mapping[str, Any], store: Store, environment: Mapping[str, str], below: str, folder: Path):
        check(spec)
        self.spec, self.store, self.environment, self.below, self.folder = spec, store, environment, below, folder
        self.root = spec["defaultPipelineRoot"]
        # What the metadata store keeps of each output, and the number of the last artifact.
        self.known: dict[tuple[str, str], dict[str, Any]] = {}
        self.artifacts = 0

    def run(self, name: str) -> None:
        """Runs a step in what is a fresh pod to it.

        Raises:
            StepError: its command failed; the message has the end of its log.
        """
        task = self.spec["root"]["dag"]["tasks"][name]
        component = self.spec["components"][task["componentRef"]["name"]]
        container = self.spec["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
        given = self.executor_input(task, component)
        self._clear()
        for one in self._artifacts(given["inputs"]):
            self.store.download(self._local(one["uri"]), self.store.key(one["uri"]))
        for one in self._artifacts(given["outputs"]):
            os.makedirs(os.path.dirname(self._local(one["uri"])), exist_ok=True)
        text = json_format.MessageToJson(json_format.ParseDict(given, pipeline_spec_pb2.ExecutorInput()), indent=None)
        words = [word.replace("{{$}}", text) for word in (*container["command"], *container["args"])]
        log = self._local(given["outputs"]["artifacts"][LOGS]["artifacts"][0]["uri"])
        ended = self.execute(name, words, container, Path(log))
        shutil.copy(log, self.folder / f"{name}.log")
        if ended:
            end = Path(log).read_text(encoding="utf-8", errors="replace")[-4000:]
            raise StepError(f"step {name} ended with {ended}:\n{end}")
        self._collect(name, given)
        self._clear()

    def execute(self, name: str, words: Sequence[str], container: Mapping[str, Any], log: Path) -> int:
        """Runs a step's command as a process.

        Args:
            name: of the step.
            words: of the command.
            container: as the compiled file has it.
            log: for what it prints.

        Returns:
            Its exit status.
        """
        variables = {one["name"]: one["value"] for one in container.get("env", ())}
        with open(log, "w", encoding="utf-8") as file:
            return subprocess.run(words, env={**self.environment, **variables}, cwd="/", stdout=file,
                                  stderr=subprocess.STDOUT).returncode

    def executor_input(self, task: Mapping[str, Any], component: Mapping[str, Any]) -> dict[str, Any]:
        """What the driver makes of a task: inputs without a type, outputs with one, and the launcher's log beside them."""
        inputs = task.get("inputs", {})
        artifacts = {key: {"artifacts": [self.known[one["taskOutputArtifact"]["producerTask"],
                                                    one["taskOutputArtifact"]["outputArtifactKey"]]]}
                     for key, one in inputs.get("artifacts", {}).items()}
        salt, name = str(uuid.uuid4()), task["taskInfo"]["name"]
        declared = component.get("outputDefinitions", {}).get("artifacts", {})
        declared = declared | {LOGS: {"artifactType": {"schemaTitle": "system.Artifact"}}}
        outputs = {key: {"artifacts": [{"uri": f"{self.root}/{name}/{salt}/{key}", "type": one["artifactType"],
                                        "metadata": one.get("metadata", {})}]} for key, one in declared.items()}
        parameters = {key: one["runtimeValue"]["constant"] for key, one in inputs.get("parameters", {}).items()}
        return {"inputs": {"parameterValues": parameters, "artifacts": artifacts},
                "outputs": {"artifacts": outputs, "outputFile": OUTPUT_FILE}}

    def _collect(self, name: str, given: Mapping[str, Any]) -> None:
        """Reads the step's executor output as strictly as Go does, uploads its artifacts, and keeps what it said of them."""
        said: dict[str, Any] = {}
        if os.path.exists(OUTPUT_FILE):
            text = Path(OUTPUT_FILE).read_text(encoding="utf-8")
            said = json_format.MessageToDict(json_format.Parse(text, pipeline_spec_pb2.ExecutorOutput())).get("artifacts", {})
        for key, one in given["outputs"]["artifacts"].items():
            artifact = one["artifacts"][0]
            over = said.get(key, {}).get("artifacts", [{}])[0]
            uri, metadata = over.get("uri") or artifact["uri"], artifact["metadata"] | over.get("metadata", {})
            self.store.upload(self._local(uri), self.store.key(uri))
            self.artifacts += 1
            self.known[name, key] = {"name": str(self.artifacts), "uri": uri, "metadata": {
                "display_name": key, "store_session_info": "{}", **{name: _stored(value) for name, value in metadata.items()}}}

    def _local(self, uri: str) -> str:
        scheme = next(scheme for scheme in MOUNTS if uri.startswith(scheme))
        return self.below + MOUNTS[scheme] + uri.removeprefix(scheme)

    def _artifacts(self, given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        return (one for value in given["artifacts"].values() for one in value["artifacts"])

    def _clear(self) -> None:
        """The next step has a pod of its own."""
        for path in (self._local(f"s3://{self.store.bucket}"), os.path.dirname(OUTPUT_FILE)):
            shutil.rmtree(path, ignore_errors=True)


def _stored(value: Any) -> Any:
    """What comes back of a value from the metadata store: truth values as numbers, lists and mappings wrapped, never null."""
    if value is None:
        raise StepError("metadata hold null, which the launcher can't store")
    if isinstance(value, bool):
        return float(value)
    return {"list": value} if isinstance(value, list) else {"struct": value} if isinstance(value, Mapping) else value


def documents(path: Path) -> list[dict[str, Any]]:
    """All documents of a compiled file: the pipeline, and what Kubernetes alone knows of its steps."""
    import yaml

    return json.loads(json.dumps(list(yaml.safe_load_all(path.read_text(encoding="utf-8")))))
