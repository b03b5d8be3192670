"""Makes a model a version in the folder that servers watch, and says in the registry what it was made of."""

# No postponed annotations here: TFX reads the types of the component's arguments.
import dataclasses
import datetime
import json

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, InfraBlessing, Model, ModelBlessing, ModelRun, PushedModel
from tfx.utils import path_utils

from tfx_pipelines.components.latest_pushed_model import RECORD, REFUSED, VERSION
from tfx_pipelines.lineage import origin
from tfx_pipelines.recorded_metrics import metrics_of
from tfx_pipelines.registry import Pushed, delta_folder, record
from tfx_pipelines.schema import schema_from_json
from tfx_pipelines.scores import HISTORY, SCORES
from zoo import __version__, files
from zoo.export.delta import write_delta
from zoo.versions import publish

PUSHED_VERSION, DESTINATION, DELTA = "pushed_version", "pushed_destination", "delta"


@component
def Pusher(
    model: InputArtifact[Model],
    pushed_model: OutputArtifact[PushedModel],
    serving_dir: Parameter[str],
    pipeline: Parameter[str],
    schema: Parameter[str],
    examples: InputArtifact[Examples],
    model_blessing: InputArtifact[ModelBlessing] = None,  # pyright: ignore[reportArgumentType]  (TFX's way to say optional)
    infra_blessing: InputArtifact[InfraBlessing] = None,  # pyright: ignore[reportArgumentType]
    model_run: InputArtifact[ModelRun] = None,  # pyright: ignore[reportArgumentType]
    baseline: InputArtifact[Model] = None,  # pyright: ignore[reportArgumentType]
    daily: Parameter[int] = 0,
):
    """Publishes a model that every gate blessed, whole and under a number of its own, on any store that `zoo.files` reaches.

    TFX's Pusher writes where TensorFlow does, which is not `s3://`, drops the second of two pushes within a second, and leaves
    its lineage to the metadata store.

    Args:
        model: to push.
        pushed_model: a copy; says the `pushed_version`, the `pushed_destination` and the `record`; `pushed` is 0 where a gate
            said no.
        serving_dir: folder of versions that servers watch.
        pipeline: its name, for the record.
        schema: the zoo's Schema of the request log, as JSON; for the metrics of the record.
        examples: that the model was made of.
        model_blessing: of the Evaluator, which has to bless where it is given.
        infra_blessing: of the ServingValidator, which has to bless where it is given.
        model_run: of the Trainer: its name, code and test scores go into the record.
        baseline: that the model was compared with.
        daily: whether to write beside the version, in `ROOT/deltas/NAME/VERSION`, what changed from the baseline
            (`zoo.export.delta`); the property `delta` says how large it is.
    """
    blessings = [one for one in (model_blessing, infra_blessing) if one is not None]
    if any(one.get_int_custom_property("blessed") != 1 for one in blessings):
        pushed_model.set_int_custom_property("pushed", 0)
        return
    path = path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model))
    version = publish(path, serving_dir)
    files.copy(path, pushed_model.uri)
    training = json.loads(files.read_text(files.join(model_run.uri, HISTORY))) if model_run is not None else {}
    given = {"model": model, "examples": examples, "model_blessing": model_blessing, "infra_blessing": infra_blessing,
             "model_run": model_run}
    compared = baseline is not None and baseline.has_custom_property(VERSION) and not baseline.has_custom_property(REFUSED)
    delta = None
    if daily and compared and baseline is not None:
        before = path_utils.serving_model_path(baseline.uri)
        delta = dataclasses.asdict(write_delta(before, version.path, delta_folder(serving_dir, version.version)))
        pushed_model.set_string_custom_property(DELTA, json.dumps(delta))
    place = record(serving_dir, Pushed(
        name=files.name(serving_dir), version=version.version, path=version.path, package=__version__, pipeline=pipeline,
        pushed_at=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        model=training.get("model"), code=training.get("code"),
        inputs={name: origin(one) for name, one in given.items() if one is not None},
        span=examples.get_int_custom_property("span") if examples.has_custom_property("span") else None,
        baseline=baseline.get_int_custom_property(VERSION) if compared and baseline is not None else None, delta=delta,
        metrics=metrics_of(files.join(model_run.uri, SCORES), schema_from_json(schema)) if model_run is not None else {}))
    pushed_model.set_int_custom_property("pushed", 1)
    pushed_model.set_string_custom_property(DESTINATION, version.path)
    pushed_model.set_string_custom_property(PUSHED_VERSION, str(version.version))
    pushed_model.set_string_custom_property(RECORD, place)


__all__ = ["DELTA", "DESTINATION", "PUSHED_VERSION", "Pusher"]
