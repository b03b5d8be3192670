"""Where training and serving see one request differently: which column, which raw value, what each made of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from serving.encoding import encode_requests
from zoo.data import parsing
from zoo.data.request import Request
from zoo.export.inputs import Transform, candidate_inputs, request_inputs
from zoo.keras import tf
from zoo.schema import CANDIDATE_COUNT, REQUEST_ID, Column, Schema

NAMED = 5


class Skew(NamedTuple):
    """One value of a request that training and serving transform differently.

    Args:
        request_id: of the request.
        column: the model's input.
        place: which event (oldest first) or candidate, from 0; None for a request's own column.
        raw: the value in the log; None where the number of events or candidates differs.
        trained: what the Transform stage wrote.
        served: what the served graph makes of it.
    """

    request_id: str
    column: str
    place: int | None
    raw: Any
    trained: Any
    served: Any

    def __str__(self) -> str:
        place = "" if self.place is None else f"[{self.place}]"
        raw = "" if self.raw is None else f" {self.raw!r}"
        return (f"request {self.request_id!r}: {self.column}{place}{raw} is {self.trained} in training and {self.served} in "
                "serving")


def skew(schema: Schema, request: Request, trained: bytes, transform: Transform) -> list[Skew]:
    """Compares the model's inputs of one request bit for bit, as training read them and as a serving call makes them.

    Args:
        schema: declares the columns.
        request: the raw request.
        trained: the same request's transformed example, from the Transform stage.
        transform: the transformation in the served graph.

    Returns:
        Every value that differs, in the schema's order; empty where the two ways agree.

    Example:
        >>> print(*skew(schema, request, example, output.transform_features_layer()), sep="\\n")
    """
    raw = {name: tf.constant(value) for name, value in encode_requests(schema, [request]).inputs.items()}
    served = request_inputs(schema, transform, raw) | candidate_inputs(schema, transform, raw)
    ours = parsing.to_dense(schema, tf.io.parse_example([trained], parsing.transformed_spec(schema)))
    lengths = [*(sequence.length for sequence in schema.sequences), CANDIDATE_COUNT]
    found = [Skew(request.request_id, name, None, None, int(ours[name][0]), int(served[name][0]))
             for name in lengths if int(ours[name][0]) != int(served[name][0])]
    for column in schema.columns():
        for name in column.input_names:
            found += _differences(request, column, name, ours[name].numpy()[0], served[name].numpy()[0])
    return found


def cause(schema: Schema, requests: Sequence[Request], files: Sequence[str], transform: Transform) -> str:
    """Why served scores may differ from the trainer's, in one sentence.

    Args:
        schema: declares the columns.
        requests: what was replayed.
        files: transformed examples of the split that they are from.
        transform: the transformation in the served graph.
    """
    waiting, found = {request.request_id: request for request in requests}, []
    for record in tf.data.TFRecordDataset(list(files), compression_type="GZIP"):
        example = record.numpy()
        name = tf.train.Example.FromString(example).features.feature[REQUEST_ID].bytes_list.value[0].decode()
        if request := waiting.pop(name, None):
            found += skew(schema, request, example, transform)
        if not waiting:
            break
    if not found:
        return "what the model reads is the same in training and serving, so the model itself scores one request in two ways"
    columns = ", ".join(dict.fromkeys(one.column for one in found))
    more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return f"training and serving transform {columns} differently: {'; '.join(map(str, found[:NAMED]))}{more}"


def _differences(request: Request, column: Column, name: str, trained: np.ndarray, served: np.ndarray) -> Iterator[Skew]:
    of_request = column.level == "request"
    if of_request:
        trained, served = trained[np.newaxis], served[np.newaxis]
    raw = request.weights(column) if name == column.weight else request.values(column)
    for place, (value, ours, theirs) in enumerate(zip(raw, trained, served, strict=False)):
        if column.feature.multiple and name != column.count:
            ours, theirs = ours[:len(value)], theirs[:len(value)]
        if not np.array_equal(ours, theirs):
            yield Skew(request.request_id, name, None if of_request else place, value, _plain(ours), _plain(theirs))


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value
