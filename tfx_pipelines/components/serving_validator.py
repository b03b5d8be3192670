"""Loads the exported model in a server, replays real requests, and writes the model's warm-up file."""

# No postponed annotations here: TFX reads the types of the component's arguments.
import dataclasses
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow_transform as tft
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, InfraBlessing, Model, ModelRun, TransformGraph
from tfx.utils import io_utils, path_utils

from serving.client import RankingClient
from serving.replay import Replay, replay
from serving.server import LocalModelServer
from serving.warmup import write_warmup
from tfx_pipelines.kept_items import KeptItems
from tfx_pipelines.schema import schema_from_json
from tfx_pipelines.scores import SCORES, read_columns
from tfx_pipelines.skew import cause
from zoo import files
from zoo.data.catalogue import CATALOGUE_FILE, Catalogue
from zoo.data.example import from_example
from zoo.data.request import Request
from zoo.keras import tf
from zoo.schema import REQUEST_ID, Schema

RESULT = "serving_validation.json"


class RequestIdError(ValueError):
    """Two requests of the test split have the same id."""


@component
def ServingValidator(
    examples: InputArtifact[Examples],
    model: InputArtifact[Model],
    model_run: InputArtifact[ModelRun],
    transformed_examples: InputArtifact[Examples],
    transform_graph: InputArtifact[TransformGraph],
    validated_model: OutputArtifact[Model],
    blessing: OutputArtifact[InfraBlessing],
    schema: Parameter[str],
    model_name: Parameter[str],
    replay_requests: Parameter[int],
    warmup_requests: Parameter[int],
    max_abs_diff: Parameter[float],
    max_rounding: Parameter[float],
):
    """Blesses a model whose served scores are the trainer's.

    TFX's InfraValidator needs Docker and does not run on Kubeflow v2; this one needs Python. The output model is the
    input model with `assets.extra/tf_serving_warmup_requests`.

    Args:
        examples: the request log; requests of its test split are replayed.
        model: the exported model.
        model_run: of the trainer, with the scores of the test split.
        transformed_examples: what the trainer scored; where scores differ, what a serving call makes of a request is compared
            with it.
        transform_graph: the transformation that the model was exported with.
        validated_model: the model with warm-up requests.
        blessing: blessed where every score agrees within the tolerance.
        schema: the zoo's Schema as JSON.
        model_name: name to serve the model by.
        replay_requests: how many requests to send.
        warmup_requests: how many requests to write into the model.
        max_abs_diff: largest difference allowed between a served score and the trainer's.
        max_rounding: the same for `rank`, where the model keeps its items in less precision. Candidates whose features in the
            log are not what it keeps (an item had another price then) can't be compared so, and are counted.
    """
    declared = schema_from_json(schema)
    requests = list(_requests(examples, declared, max(replay_requests, warmup_requests)))
    exported = path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model))
    with tempfile.TemporaryDirectory() as folder:
        version = Path(folder) / model_name / "1"
        io_utils.copy_dir(exported, str(version))
        write_warmup(version, model_name, declared, requests[:warmup_requests])
        expected = _expected_scores(f"{model_run.uri}/{SCORES}")
        check_ids(requests, expected)
        catalogue = files.join(model.uri, CATALOGUE_FILE)
        as_kept = KeptItems(Catalogue.read(catalogue, declared)) if files.is_file(catalogue) else None
        result = _replay(model_name, version.parent, requests[:replay_requests], expected, as_kept)
        io_utils.copy_dir(str(version), path_utils.serving_model_path(validated_model.uri))
    tolerances = {"rank": max_rounding, "serving_default": max_abs_diff}
    # Written so that NaN is no agreement.
    blessed = all(difference <= tolerances[signature] for signature, difference in result.max_abs_diff_by_signature.items())
    blessing.set_int_custom_property("blessed", int(blessed))
    fileio.makedirs(blessing.uri)
    io_utils.write_string_file(f"{blessing.uri}/{'INFRA_BLESSED' if blessed else 'INFRA_NOT_BLESSED'}", "")
    summary = dataclasses.asdict(result) | {"tolerance": max_abs_diff, "max_rounding": max_rounding, "blessed": blessed}
    if not blessed:
        layer = tft.TFTransformOutput(transform_graph.uri).transform_features_layer()
        summary["cause"] = cause(declared, requests[:replay_requests], _files(transformed_examples), layer)
    io_utils.write_string_file(f"{blessing.uri}/{RESULT}", json.dumps(summary, indent=2))


def _requests(examples: Examples, schema: Schema, count: int) -> Iterator[Request]:
    """The first requests of the test split."""
    for record in tf.data.TFRecordDataset(_files(examples), compression_type="GZIP").take(count):
        yield from_example(schema, record.numpy())


def _files(examples: Examples) -> list[str]:
    """The files of the test split."""
    folder = artifact_utils.get_split_uri([examples], "test")
    return sorted(tf.io.gfile.glob(f"{folder}/*"))


def _expected_scores(path: str) -> dict[str, dict[str, np.ndarray]]:
    """By request id and output of the model, the scores that the trainer computed."""
    stored = read_columns(path)
    ids = stored["keys"][REQUEST_ID]
    starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
    tasks = {name: np.split(scores, starts[1:]) for name, scores in stored["scores"].items()}
    if len(set(ids[starts])) < len(starts):
        names, counts = np.unique(ids[starts], return_counts=True)
        raise RequestIdError(_twice(names[counts > 1][0].decode()))
    return {identity.decode(): {task: scores[row] for task, scores in tasks.items()}
            for row, identity in enumerate(ids[starts])}


def check_ids(requests: list[Request], expected: dict[str, dict[str, np.ndarray]]) -> None:
    """Requests with the same id, one after the other, look like one with more candidates."""
    for request in requests:
        if any(len(scores) != request.candidate_count for scores in expected[request.request_id].values()):
            raise RequestIdError(_twice(request.request_id))


def _twice(identity: str) -> str:
    return (f"request_id {identity!r} stands more than once in the test split, so its served scores can't be compared; "
            "give every request of the log an id of its own")


def _replay(model_name: str, base: Path, requests: list[Request], expected: dict[str, dict[str, np.ndarray]],
            as_kept: KeptItems | None) -> Replay:
    with (LocalModelServer({model_name: base}, rest_port=None) as server,
          RankingClient.of_model(server.target, model_name, base, deadline_s=30.0) as client):
        client.wait_until_ready()
        return replay(client, requests, expected, as_kept)


__all__ = ["RESULT", "RequestIdError", "ServingValidator", "check_ids"]
