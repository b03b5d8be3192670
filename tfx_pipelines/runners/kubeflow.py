"""Compiles the pipeline for Kubeflow Pipelines v2, without a cluster."""

from __future__ import annotations

from pathlib import Path

from tfx import v1 as tfx

from tfx_pipelines.config import RunConfig
from tfx_pipelines.pipeline import create_pipeline
from tfx_pipelines.schema import write_tfmd_schema
from zoo.config import ConfigError
from zoo.schema import Schema


def compile_kubeflow(config: RunConfig, schema: Schema, out: str | Path) -> Path:
    """Writes the pipeline as Kubeflow Pipelines takes it, and beside it `<out>.schema.pbtxt`, the TFMD schema.

    The pipeline's root, the request log (`data.cluster_log`) and the TFMD schema, copied to `<root>/schema/schema.pbtxt`,
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
    pipeline = create_pipeline(config, schema, schema_file=f"{config.root}/schema/schema.pbtxt",
                               serving_dir=f"{config.root}/serving/{config.served_name}", metadata_path=None,
                               log=config.data.cluster_log)
    out.parent.mkdir(parents=True, exist_ok=True)
    runner = tfx.orchestration.experimental.KubeflowV2DagRunner(
        config=tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(default_image=config.pipeline.image),
        output_dir=str(out.parent), output_filename=out.name)
    runner.run(pipeline)
    write_tfmd_schema(schema, str(schema_beside(out)))
    return out


def schema_beside(out: Path) -> Path:
    """Where `compile_kubeflow` leaves the TFMD schema."""
    return out.with_suffix(".schema.pbtxt")
