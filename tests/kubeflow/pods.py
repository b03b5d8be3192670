"""The launcher's steps as pods of a real Kubernetes: what a pod is made of, the compiled file says, and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.kubeflow.launcher import OUTPUT_FILE, Launcher, StepError
from tests.kubernetes.kubectl import create, get, kubectl, wait

NAMESPACE = "pipelines"
_SECRET, _KEYS = "s3", {"AWS_ACCESS_KEY_ID": "accesskey", "AWS_SECRET_ACCESS_KEY": "secretkey"}
_START_SECONDS, _STEP_SECONDS = 120.0, 900.0


def settings(image: str, environment: Mapping[str, str]) -> list[str]:
    """What the run's configuration says of the cluster, so that pods find the store.

    Args:
        image: that each step runs.
        environment: by which a process finds it; keys come from a secret.
    """
    open_ones = {name: value for name, value in environment.items() if name not in _KEYS}
    return [f"pipeline.image={image}", "cluster.image_pull_policy=Never", "cluster.step={cpu: 1.5, memory_gb: 5}",
            f"cluster.environment={json.dumps({'TF_CPP_MIN_LOG_LEVEL': '1', **open_ones})}",
            f"cluster.secrets={json.dumps({name: f'{_SECRET}/{key}' for name, key in _KEYS.items()})}"]


def prepare(environment: Mapping[str, str]) -> None:
    """The namespace, with the store's keys as a secret of it."""
    create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, namespace=None)
    create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": _SECRET},
            "stringData": {key: environment[name] for name, key in _KEYS.items()}}, namespace=NAMESPACE)
    wait("the namespace has its account", lambda: any(
        one["metadata"]["name"] == "default" for one in get("serviceaccounts", namespace=NAMESPACE)), 60)


class PodLauncher(Launcher):
    """Runs each step as a pod. What the launcher keeps at `/s3/…` of the pod, is a folder of this machine here.

    Args:
        spec, store, environment, below, folder: as of `Launcher`; no pod gets anything of `environment`.
        platform: the compiled file's second document.
    """

    def __init__(self, *args: Any, platform: Mapping[str, Any]):
        super().__init__(*args)
        self.platform = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        self.nodes: list[str] = []  # that steps ran on, in their order

    def execute(self, name: str, words: Sequence[str], container: Mapping[str, Any], log: Path) -> int:
        pod = name.lower()
        create(self.pod(pod, name, words, container), namespace=NAMESPACE)
        try:
            wait(f"pod {pod} has been started", lambda: self._phase(pod) != "Pending", _START_SECONDS)
            wait(f"pod {pod} has ended", lambda: self._phase(pod) in ("Succeeded", "Failed"), _STEP_SECONDS)
        except TimeoutError as error:
            raise StepError(f"{error}\n{kubectl('describe', 'pod', pod, namespace=NAMESPACE)}") from error
        log.write_text(kubectl("logs", pod, namespace=NAMESPACE), encoding="utf-8")
        found = get("pod", pod, namespace=NAMESPACE)
        self.nodes.append(found["spec"]["nodeName"])
        kubectl("delete", "pod", pod, "--wait=true", namespace=NAMESPACE)
        return found["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"]

    def pod(self, pod: str, name: str, words: Sequence[str], container: Mapping[str, Any]) -> dict[str, Any]:
        """What the driver makes of a step's container and of its platform's settings."""
        component = self.spec["components"][self.spec["root"]["dag"]["tasks"][name]["componentRef"]["name"]]
        of_platform = self.platform.get(component["executorLabel"], {})
        secrets = [{"name": one["envVar"], "valueFrom": {"secretKeyRef": {"name": of["secretName"], "key": one["secretKey"]}}}
                   for of in of_platform.get("secretAsEnv", ()) for one in of["keyToEnv"]]
        asked = container.get("resources", {})
        amounts = {kind: {name: value for name, value in (("cpu", asked.get(f"cpu{end}")), ("memory", _gigabytes(
            asked.get(f"memory{end}")))) if value} for kind, end in (("limits", "Limit"), ("requests", "Request"))}
        shared = {"artifacts": Path(self._local(f"s3://{self.store.bucket}")), "output": Path(OUTPUT_FILE).parent}
        for folder in shared.values():
            _open(folder)
        mounted = [("tmp", "/tmp"), ("output", str(shared["output"])), ("artifacts", f"/s3/{self.store.bucket}")]
        main = {
            "name": "main", "image": container["image"], "imagePullPolicy": of_platform.get("imagePullPolicy", "IfNotPresent"),
            # A dollar before a bracket would be Kubernetes' own.
            "command": [word.replace("$(", "$$(") for word in words],
            "env": [*container.get("env", ()), *secrets], "resources": amounts,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "readOnlyRootFilesystem": True,
                                "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            "volumeMounts": [{"name": one, "mountPath": path} for one, path in mounted]}
        volumes = [{"name": one, "hostPath": {"path": str(folder), "type": "Directory"}} for one, folder in shared.items()]
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod}, "spec": {
            "restartPolicy": "Never", "containers": [main], "volumes": [*volumes, {"name": "tmp", "emptyDir": {}}]}}

    def _phase(self, pod: str) -> str:
        return get("pod", pod, namespace=NAMESPACE)["status"]["phase"]


def _gigabytes(value: float | None) -> str:
    return f"{value}G" if value else ""


def _open(folder: Path) -> None:
    """Lets the pod's user write there, as the launcher's own would be: it runs in the pod."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, _, _ in os.walk(folder):
        os.chmod(path, 0o777)
