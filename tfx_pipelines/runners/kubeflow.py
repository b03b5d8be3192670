"""Compiles the pipeline for Kubeflow Pipelines v2, without a cluster."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import yaml
from tfx import v1 as tfx

from tfx_pipelines.config import RunConfig
from tfx_pipelines.pipeline import create_pipeline
from tfx_pipelines.schema import schema_file, write_tfmd_schema
from zoo.config import ConfigError
from zoo.schema import Schema

# What these give depends on folders that Kubeflow does not look into before it asks its cache.
NEVER_CACHED = ("LatestPushedModel", "ItemTable")
_LONGEST_NAME = 128


def compile_kubeflow(config: RunConfig, schema: Schema, out: str | Path) -> Path:
    """Writes the pipeline as Kubeflow Pipelines takes it, and beside it `<out>.schema.pbtxt`, the TFMD schema.

    The pipeline's root, the request log (`data.cluster_log`) and the TFMD schema, copied to `schema_file(root, schema)`,
    must be reachable from the cluster; every step runs the image `pipeline.image`, which must contain this package.

    Args:
        config: of the run.
        schema: of the request log.
        out: a `.json` file (PipelineJob, as Vertex AI takes it) or a `.yaml` file (KFP's own form).

    Returns:
        The file.

    Raises:
        ConfigError: the file has another ending.
    """
    out = Path(out)
    if out.suffix not in (".json", ".yaml"):
        raise ConfigError(f"{out}: Kubeflow pipelines are written as .json or .yaml")
    named = config.model_copy(update={"pipeline": config.pipeline.model_copy(
        update={"name": legal_name(config.name), "root": config.root})})
    pipeline = create_pipeline(named, schema, schema_file=schema_file(config.root, schema),
                               serving_dir=f"{config.root}/serving/{config.served_name}", metadata_path=None,
                               log=config.data.cluster_log)
    # Schema 2.0, TFX's default, is refused by the open-source backend.
    job = tfx.orchestration.experimental.KubeflowV2DagRunner(
        config=tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(
            default_image=config.pipeline.image, use_pipeline_spec_2_1=True)).run(pipeline, write_out=False)
    tasks = job["pipelineSpec"]["root"]["dag"]["tasks"]
    asked = [*NEVER_CACHED, *(["LogGraph"] if config.graph and config.graph.of_catalogue else [])]
    for stage in (one for one in asked if one in tasks):
        tasks[stage].pop("cachingOptions", None)
    out.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(job, sort_keys=True) if out.suffix == ".json" else yaml.safe_dump(job["pipelineSpec"])
    out.write_text(text, encoding="utf-8")
    write_tfmd_schema(schema, str(schema_beside(out)))
    return out


def legal_name(name: str) -> str:
    """A name that Kubeflow allows, of lower-case letters, digits and dashes.

    Example:
        >>> legal_name("My Shop-gbdt_lr")
        'my-shop-gbdt-lr'
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST_NAME] or "pipeline"


def schema_beside(out: Path) -> Path:
    """Where `compile_kubeflow` leaves the TFMD schema."""
    return out.with_suffix(".schema.pbtxt")
