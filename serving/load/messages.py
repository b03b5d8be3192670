"""The calls of a load, made before it begins: requests of a log, as bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.asked import asked, asked_columns
from serving.encoding import encode_requests
from serving.errors import ServingError
from serving.model_dir import ExportedModel
from serving.protocol import messages
from serving.tensors import write_tensor
from zoo.data.request import Request


@dataclass(frozen=True)
class Message:
    """A serialized PredictRequest, with the candidates and the events that it carries."""

    content: bytes
    candidates: int
    events: int


def messages_of(
    model: ExportedModel,
    name: str,
    requests: Sequence[Request],
    label: str | None = None,
    candidates: int | None = None,
    seed: int = 0,
) -> list[Message]:
    """Each request as one call of `rank`.

    Args:
        model: what is served.
        name: by which servers know it.
        requests: of a log: their numbers of candidates and events are those of the load.
        label: that is asked for; None: the newest version.
        candidates: of every call in place of the log's own, drawn from all candidates of the requests.
        seed: of the draw.

    Raises:
        ServingError: there are no requests, or more candidates than the model takes in a call.
    """
    if not requests:
        raise ServingError("no requests to send; does the log have a test split?")
    if candidates is not None:
        if candidates > model.schema.max_candidates:
            raise ServingError(f"{candidates} candidates a call; the model takes at most {model.schema.max_candidates}")
        requests = _widened(requests, candidates, np.random.default_rng(seed))
    columns = asked_columns(model.schema, model.by_id)
    found: list[Message] = []
    for request in requests:
        sent = asked(model.schema, request, model.by_id)
        call = messages.PredictRequest(
            model_spec=messages.ModelSpec(name=name, signature_name="rank", version_label=label))
        for column, array in encode_requests(columns, [sent]).inputs.items():
            write_tensor(np.asarray(array), call.inputs[column])
        events = sum(len(next(iter(fields.values()), ())) for fields in request.sequences.values())
        found.append(Message(call.SerializeToString(), sent.candidate_count, events))
    return found


def _widened(requests: Sequence[Request], candidates: int, rng: Any) -> list[Request]:
    names = list(requests[0].candidates)
    pool = {name: [value for request in requests for value in request.candidates[name]] for name in names}
    found: list[Request] = []
    for request in requests:
        places = rng.integers(0, len(pool[names[0]]), candidates)
        drawn = {name: [pool[name][place] for place in places] for name in names}
        found.append(Request(request.request_id, request.time, request.features, request.sequences, drawn))
    return found
