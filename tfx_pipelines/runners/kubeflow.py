"""Compiles the pipeline for Kubeflow Pipelines and for Vertex AI, without either."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from typing import Any, Literal

import yaml
from tfx import v1 as tfx

from tfx_pipelines.config import RunConfig
from tfx_pipelines.pipeline import create_pipeline
from tfx_pipelines.runners.containers import check_steps, platform_spec, step_container
from zoo import files
from zoo.config import ConfigError
from zoo.schema import Schema

Target = Literal["kubeflow", "vertex"]
# Kubeflow's backend takes no other schema than 2.1, and Vertex AI, as TFX 1.16 compiles for it, 2.0.
SCHEMAS = {"kubeflow": "2.1.0", "vertex": "2.0.0"}
ENDINGS = {"kubeflow": ".yaml", "vertex": ".json"}
# What these give depends on folders that no platform looks into before it asks its cache.
NEVER_CACHED = ("RawLogExampleGen", "ItemTable", "LatestPushedModel", "TeacherModel", "Pusher", "RunReport")
_LONGEST_NAME = 128
# Roots that the platform reads: Kubeflow's launcher knows no others, and Vertex AI has one store.
_ROOTS = {"kubeflow": ("gs", "s3", "minio"), "vertex": ("gs",)}


def compile_pipeline(config: RunConfig, schema: Schema, out: str | Path, target: Target = "kubeflow",
                     log_digest: str = "") -> Path:
    """Writes the pipeline as a platform takes it.

    Every step runs the image `pipeline.image`, which must contain this package. The request log (`data.cluster_log`) must be
    reachable from the cluster, by `zoo.files`.

    Args:
        config: of the run.
        schema: of the request log.
        out: a `.yaml` file for Kubeflow (the pipeline, and its Kubernetes settings as a second document); a `.json` file for
            Vertex AI (a PipelineJob).
        target: `kubeflow` or `vertex`.
        log_digest: of what the log holds, by which caches know it (`tfx_pipelines.source.log_digest`); without one it is read
            anew each time.

    Returns:
        The file.

    Raises:
        ConfigError: the file has another ending; the root is none that the platform reads; the configuration names a step that
            the pipeline has not, or wants of a platform what it lacks.
    """
    out = Path(out)
    if out.suffix != ENDINGS[target]:
        raise ConfigError(f"{out}: pipelines for {target} are written as {ENDINGS[target]}")
    spec = pipeline_job(config, schema, target, log_digest)
    out.parent.mkdir(parents=True, exist_ok=True)
    if target == "vertex":
        text = json.dumps(spec, sort_keys=True)
    else:
        documents = [spec["pipelineSpec"], *filter(None, [platform_spec(config.cluster, _labels(spec))])]
        text = yaml.dump_all(documents, Dumper=_Plain, width=120)
    out.write_text(text, encoding="utf-8")
    return out


def pipeline_job(config: RunConfig, schema: Schema, target: Target, log_digest: str = "") -> dict[str, Any]:
    """The pipeline as a PipelineJob, as plain values; arguments as of `compile_pipeline`."""
    root, beam = config.root, config.beam
    if files.scheme(root) not in _ROOTS[target]:
        raise ConfigError(f"pipeline.root: {root} is no place that {target} keeps artifacts in; name one of "
                          + ", ".join(f"{scheme}://" for scheme in _ROOTS[target]) + " (--root)")
    if beam.runner != "DirectRunner" and beam.temporary is None:
        raise ConfigError(f"beam.temporary: the workers of the {beam.runner} don't reach a step's artifacts, which lie in its "
                          "pod; name a folder that they and the steps reach")
    named = config.model_copy(update={"pipeline": config.pipeline.model_copy(
        update={"name": legal_name(config.name), "root": _readable(root)})})
    pipeline = create_pipeline(named, schema, serving_dir=f"{_readable(root)}/serving/{config.served_name}", metadata_path=None,
                               log=_readable(config.data.cluster_log or "") or None, log_digest=log_digest, report=True)
    job = tfx.orchestration.experimental.KubeflowV2DagRunner(
        config=tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(
            default_image=config.pipeline.image, use_pipeline_spec_2_1=target == "kubeflow")).run(pipeline, write_out=False)
    spec = job["pipelineSpec"]
    check_steps(config.cluster, spec["root"]["dag"]["tasks"], target)
    job["runtimeConfig"]["gcsOutputDirectory"] = root
    if target == "kubeflow":
        spec["defaultPipelineRoot"] = root
    asked = {*NEVER_CACHED, *([] if log_digest else ["ImportExampleGen"]),
             *(["LogGraph"] if config.graph and config.graph.of_catalogue else [])}
    for name, task in spec["root"]["dag"]["tasks"].items():
        label = spec["components"][name]["executorLabel"]
        step_container(spec["deploymentSpec"]["executors"][label]["container"], spec["components"][name], config, name,
                       target)
        if name in asked:
            task.pop("cachingOptions", None)
        if config.cluster.retries:
            task["retryPolicy"] = {"maxRetryCount": config.cluster.retries, "backoffFactor": 2.0,
                                   "backoffDuration": f"{config.cluster.retry_seconds}s"}
    return job


def legal_name(name: str) -> str:
    """A name that Kubeflow allows, of lower-case letters, digits and dashes.

    Example:
        >>> legal_name("My Shop-gbdt_lr")
        'my-shop-gbdt-lr'
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST_NAME] or "pipeline"


class _Plain(yaml.SafeDumper):
    """YAML without anchors, which not every reader knows."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _readable(place: str) -> str:
    """The launcher's name for an S3-compatible store is known to it alone."""
    return place.replace("minio://", "s3://", 1) if place.startswith("minio://") else place


def _labels(job: dict[str, Any]) -> dict[str, str]:
    """The label of each step's executor."""
    return {name: component["executorLabel"] for name, component in job["pipelineSpec"]["components"].items()}
