"""One stage in a container: the platform's executor input in, TFX's executor, the platform's executor output out."""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from tfx.dsl.components.base import base_beam_executor, base_executor
from tfx.orchestration.portable import outputs_utils
from tfx.types import Artifact, standard_artifacts

from tfx_pipelines.anomalies import check_anomalies
from tfx_pipelines.container import artifacts
from tfx_pipelines.container.parameters import resolve_span, values
from tfx_pipelines.container.paths import as_folder, local_path
from tfx_pipelines.container.staging import staged
from tfx_pipelines.lineage import ORIGIN
from zoo import files

# Where the Evaluator says which models it compared, TFX writes its numbers for them.
_MODEL_IDS = ("current_model_id", "baseline_model_id")

Artifacts = dict[str, list[Artifact]]


def run_step(executor: str, component: Mapping[str, Any], given: Mapping[str, Any], *, beam: Sequence[str] = (),
             local: bool = False, temporary: str | None = None) -> None:
    """Runs an executor on the artifacts that a platform gives, and leaves the executor output where it looks for it.

    Args:
        executor: dotted path of the class.
        component: `inputDefinitions` and `outputDefinitions` of the compiled component, as JSON.
        given: the platform's `ExecutorInput` as JSON.
        beam: Beam's arguments.
        local: whether artifacts are read and written where Kubeflow's launcher keeps its copies; else by their URIs.
        temporary: folder that all of Beam's workers reach, where they are not this machine. Stages that use Beam work on copies
            of the artifacts there.

    Raises:
        ArtifactTypeError: nobody says the type of an artifact.
        ArtifactPlaceError: the launcher does not copy an artifact.
        AnomalyError: ExampleValidator found that the log does not fit its schema: a run ends there.
    """
    said_in, said_out = given.get("inputs", {}), given["outputs"]
    names: dict[int, str] = {}
    inputs = _artifacts(said_in.get("artifacts", {}), component.get("inputDefinitions", {}), local, names)
    declared = component.get("outputDefinitions", {})
    # What is not declared is the platform's own, as the launcher's log of this step.
    ours = {key: value for key, value in said_out.get("artifacts", {}).items() if key in declared.get("artifacts", {})}
    outputs = _artifacts(ours, declared, local, names)
    if local:
        for artifact in _all(inputs):
            as_folder(artifact.uri)
        for artifact in _all(outputs):
            files.make_dirs(artifact.uri)
    for artifact in _all(inputs):
        _with_version_of_its_form(artifact)
    settings = values(said_in, component.get("inputDefinitions", {}))
    resolve_span(settings, outputs)
    of_class = _class(executor)
    on_beam = issubclass(of_class, base_beam_executor.BaseBeamExecutor)
    unique = _unique(ours)
    logging.info("%s %s: inputs %s, outputs %s", executor, unique, inputs, outputs)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(_own_folder(temporary if on_beam else None, unique))
        if temporary and on_beam:
            stack.enter_context(staged([*_all(inputs)], [*_all(outputs)], files.join(folder, "artifacts")))
        context = (base_beam_executor.BaseBeamExecutor.Context(beam_pipeline_args=[*beam], unique_id=unique, tmp_dir=folder)
                   if on_beam else
                   base_executor.BaseExecutor.Context(extra_flags=[*beam], unique_id=unique, tmp_dir=folder))
        of_class(context).Do(inputs, outputs, settings)
    for artifact in _all(outputs):
        if isinstance(artifact, standard_artifacts.ExampleAnomalies):
            check_anomalies(artifact.uri)
    outputs_utils.tag_output_artifacts_with_version(outputs)
    for artifact in _all(outputs):
        _name_models(artifact, names)
    # Each output by the URI that the platform gave it, not by that of its copy.
    result = {key: {"artifacts": [artifacts.written(one, uri["uri"]) for one, uri in zip(found, ours[key]["artifacts"],
                                                                                        strict=True)]}
              for key, found in outputs.items()}
    target = said_out["outputFile"]
    files.make_dirs(files.parent(target))
    files.write_text(target, json.dumps({"artifacts": result}))


def _artifacts(given: Mapping[str, Any], definitions: Mapping[str, Any], local: bool, names: dict[int, str]) -> Artifacts:
    found: Artifacts = {}
    for key, value in given.items():
        declared = definitions.get("artifacts", {}).get(key, {}).get("artifactType")
        found[key] = []
        for one in value.get("artifacts", []):
            of_class = artifacts.class_of(key, declared, one.get("type"))
            artifact = artifacts.read(one, of_class, local_path(one["uri"]) if local else one["uri"], names)
            if artifact.uri != one["uri"]:
                artifact.set_string_custom_property(ORIGIN, one["uri"])
            found[key].append(artifact)
    return found


def _all(given: Artifacts) -> Iterator[Artifact]:
    return (artifact for found in given.values() for artifact in found)


def _with_version_of_its_form(artifact: Artifact) -> None:
    """A model whose metadata were lost lies in `Format-Serving` all the same: TFX looks for old ones elsewhere."""
    if (isinstance(artifact, standard_artifacts.Model) and not artifact.has_custom_property("tfx_version")
            and files.is_dir(files.join(artifact.uri, "Format-Serving"))):
        outputs_utils.tag_output_artifacts_with_version({"model": [artifact]})


def _name_models(artifact: Artifact, names: Mapping[int, str]) -> None:
    for key in _MODEL_IDS:
        if artifact.has_custom_property(key):
            number = artifact.get_int_custom_property(key)
            artifact.set_string_custom_property(key, names.get(number, str(number)))


def _class(dotted: str) -> Any:
    module, _, name = dotted.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _unique(outputs: Mapping[str, Any]) -> str:
    """A name that no other step has, nor another try of this one.

    The output file, of which TFX makes one, is the same in every step of Kubeflow. The URIs of outputs are not: they lie at
    `ROOT/STAGE/NUMBER/OUTPUT`; another try has the same.
    """
    uri = next((one["uri"] for value in outputs.values() for one in value["artifacts"]), "")
    return "-".join([*PurePosixPath(uri).parts[-3:-1], uuid.uuid4().hex[:8]])


@contextlib.contextmanager
def _own_folder(temporary: str | None, unique: str) -> Iterator[str]:
    """A folder for one step, gone afterwards: below one that all workers reach, or on this machine where it is the only one."""
    if temporary is None:
        with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
            yield folder
        return
    folder = files.join(temporary, unique)
    files.make_dirs(folder)
    try:
        yield folder
    finally:
        files.remove(folder)
