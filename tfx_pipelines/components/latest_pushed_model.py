"""Finds the model that serves today, which a new one is compared with."""

# No postponed annotations here: TFX reads the types of the component's arguments.
from typing import Any

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model
from tfx.utils import path_utils

from tfx_pipelines.registry import lineage
from tfx_pipelines.schema import schema_from_json
from zoo import files
from zoo.data import parsing
from zoo.json_text import json_text
from zoo.model_files import SCHEMA_FILE
from zoo.schema import Schema
from zoo.versions import Version, newest_version, versions_in

VERSION, REFUSED, RECORD = "version", "refused", "record"


@component
def LatestPushedModel(
    model: OutputArtifact[Model],
    serving_dir: Parameter[str],
    schema: Parameter[str],
    examples: InputArtifact[Examples] = None,  # pyright: ignore[reportArgumentType]  (TFX's way to say optional)
):
    """Copies the newest pushed version, whatever was blessed since; a folder without a model where there is none.

    TFX's Resolver asks ML Metadata for the model blessed last, which may never have been pushed, and does not run on
    open-source Kubeflow. What is pushed stands in a folder, so a cache must not answer for this stage without looking there.

    Args:
        model: the copy; its custom properties say the `version`, its `record` in the registry (which run pushed it, made of
            what), and why it is `refused` where it can't read this log.
        serving_dir: folder of versions that servers watch.
        schema: the zoo's Schema of the request log, as JSON.
        examples: of a daily run: versions that were pushed for their span, or for later ones, are passed over, so that a day
            that is run again begins where it began.
    """
    pushed = newest_before(serving_dir, examples.get_int_custom_property("span") if examples is not None else None)
    if pushed is None:
        return
    model.set_int_custom_property(VERSION, pushed.version)
    known = lineage(serving_dir, pushed)
    if known is not None:
        model.set_string_custom_property(RECORD, json_text(known.model_dump(mode="json")))
    why = unreadable(_schema_of(pushed.path), schema_from_json(schema))
    if why:
        model.set_string_custom_property(REFUSED, why)
    else:
        files.copy(pushed.path, path_utils.serving_model_path(model.uri))


def newest_before(serving_dir: str, span: int | None) -> Version | None:
    """The newest version that was not pushed for a span or a later one; simply the newest for None."""
    if span is None:
        return newest_version(serving_dir)
    for number in reversed(versions_in(serving_dir)):
        version = Version(number, files.join(serving_dir, str(number)))
        known = lineage(serving_dir, version)
        if known is None or known.span is None or known.span < span:
            return version
    return None


def unreadable(pushed: Schema | None, log: Schema) -> str:
    """Why a model can't be tried on a log: what it reads and the log has not; empty where it can.

    Args:
        pushed: schema that the model was exported with; None where it carries none.
        log: schema of the request log.
    """
    if pushed is None:
        return f"it carries no {SCHEMA_FILE}"
    offered = _columns(log)
    missing = [name for name, form in _columns(pushed).items() if offered.get(name) != form]
    if missing:
        return f"it reads {', '.join(missing)}, which the log lacks or has in another form"
    unscored = [label.name for label in log.labels if label.name not in {one.name for one in pushed.labels}]
    return f"it does not score {', '.join(unscored)}" if unscored else ""


def _columns(schema: Schema) -> dict[str, Any]:
    return parsing.raw_spec(schema) | parsing.label_spec(schema)


def _schema_of(model: str) -> Schema | None:
    path = files.join(model, SCHEMA_FILE)
    return Schema.load(path) if files.is_file(path) else None


__all__ = ["RECORD", "REFUSED", "VERSION", "LatestPushedModel", "newest_before", "unreadable"]
