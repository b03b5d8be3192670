"""What a ranking client asks and makes of the answers, apart from how calls are sent: the same for threads and for asyncio."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from serving.asked import asked, asked_columns
from serving.encoding import decode_scores, encode_requests
from serving.errors import ModelNotFoundError, ServingError
from serving.limits import RetryBudget, Throttle
from serving.observed import CallInfo, Observer, Observers
from serving.packing import packed
from serving.protocol import messages
from serving.proxies import proxy_variable
from serving.ranking import Ranking, TopCandidates
from serving.retries import Retries
from serving.split import TrafficSplit
from serving.targets import grpc_target
from serving.tensors import Array, read_tensor, write_tensor
from serving.tls import ClientTls
from zoo.data.request import Request, RequestError
from zoo.model_files import TOP_COUNT, TOP_PLACES, UNKNOWN_CANDIDATES, VALUE
from zoo.schema import Schema
from zoo.traits import Traits

POINTWISE = Traits()
T = TypeVar("T")


class VersionStatus(NamedTuple):
    """One version of a model, as the server reports it: `state` is `AVAILABLE`, `LOADING`, `END`, …"""

    version: int
    state: str
    error: str


class Asked(NamedTuple):
    """A call that is to be made: `method` of `serving.protocol.services.Services`, its request, and words for its errors."""

    method: str
    request: Any
    info: CallInfo
    where: str


# Yields calls, gets their answers (or their errors thrown in), and returns what the client's caller wants.
Dialogue = Generator[Asked, Any, T]


class _Answer(NamedTuple):
    """What a version says of a piece of a request that begins with the candidate number `start`."""

    start: int
    outputs: dict[str, Array]
    unknown: int


class _VersionGone(Exception):
    """The version that answered the first call was unloaded before the last."""

    def __init__(self, cause: ServingError):
        super().__init__(str(cause))
        self.cause = cause


class ClientSettings:
    """The settings of a client, and its dialogues with the server; see `RankingClient` for the arguments."""

    def __init__(self, target: str | Sequence[str], model_name: str, schema: Schema, traits: Traits = POINTWISE,
                 signature: str = "rank", version: int | None = None, label: str | None = None, deadline_s: float = 5.0,
                 max_attempts: int = 5, max_batch: int = 64, max_call_candidates: int | None = None, by_id: bool = False,
                 split: TrafficSplit | None = None, hedge_after_s: float | None = None, tls: ClientTls | None = None,
                 observers: Sequence[Observer] = (), retry_budget: RetryBudget | None = None,
                 throttle: Throttle | None = None):
        if sum(choice is not None for choice in (version, label, split)) > 1:
            raise ServingError(f"model {model_name!r}: give a version, a label or a split, not both")
        for name, value, least in (("max_attempts", max_attempts, 1), ("max_batch", max_batch, 1),
                                   ("max_call_candidates", max_call_candidates, 1), ("version", version, 0)):
            if value is not None and value < least:
                raise ServingError(f"model {model_name!r}: {name} is {value}; expected at least {least}")
        for name, seconds in (("deadline_s", deadline_s), ("hedge_after_s", hedge_after_s)):
            if seconds is not None and not 0 < seconds < math.inf:
                raise ServingError(f"model {model_name!r}: {name} is {seconds}; expected seconds, more than 0")
        targets = [target] if isinstance(target, str) else list(target)
        self.target, self.model_name, self.schema = ", ".join(targets), model_name, schema
        self.traits, self.by_id, self.signature = traits, by_id, signature
        self.version, self.label, self.split, self.tls = version, label, split, tls
        self.deadline_s, self.max_attempts, self.max_batch = deadline_s, max_attempts, max_batch
        self.max_call_candidates = max_call_candidates or max(schema.max_candidates, 10_000)
        self.observers = Observers(observers)
        self._grpc_target = grpc_target(target)
        self._proxy = next((name for one in targets if (name := proxy_variable(one))), None)
        self._through = f" (through the proxy that {self._proxy} names; no_proxy can except the host)" if self._proxy else ""
        self._retries = Retries(max_attempts, hedge_after_s, retry_budget or RetryBudget(), throttle or Throttle(),
                                self.observers)

    # ---- ranking ---------------------------------------------------------------------------------------------------

    def _rank(self, requests: Sequence[Request]) -> Dialogue[list[Ranking]]:
        rankings: list[Ranking | None] = [None] * len(requests)
        sent = self._checked(requests)
        for label, places in self._by_label(requests).items():
            version, answers = yield from self._answers([sent[place] for place in places], self.signature, label)
            for place, answer in zip(places, answers, strict=True):
                rankings[place] = self._ranking(requests[place], answer, version, label)
        return [one for one in rankings if one is not None]

    def _top_k(self, requests: Sequence[Request], k: int) -> Dialogue[list[TopCandidates]]:
        if k < 1:
            raise ServingError(f"model {self.model_name!r}: k is {k}; expected at least 1")
        if not self.by_id:
            raise ServingError(f"model {self.model_name!r} keeps no items, so it has no top_k; rank the request, or export a "
                               "coarse ranker with export.item_table")
        found: list[TopCandidates | None] = [None] * len(requests)
        sent = self._checked(requests)
        for label, places in self._by_label(requests).items():
            version, answers = yield from self._answers([sent[place] for place in places], "top_k", label, k=k)
            for place, answer in zip(places, answers, strict=True):
                found[place] = self._best(requests[place], answer, version, k)
        return [one for one in found if one is not None]

    def _predict(self, inputs: Mapping[str, Array], signature: str | None) -> Dialogue[dict[str, Array]]:
        response = yield self._predicting(inputs, signature or self.signature, self.label)
        return _arrays(response)

    # ---- the server ------------------------------------------------------------------------------------------------

    def _model_status(self) -> Dialogue[list[VersionStatus]]:
        response = yield self._asking("status", messages.GetModelStatusRequest(model_spec=self._spec(self.label)))
        found = [VersionStatus(status.version, messages.STATES.get(status.state, "UNKNOWN"), status.status.error_message)
                 for status in response.model_version_status]
        return sorted(found, reverse=True)

    def _signatures(self) -> Dialogue[dict[str, Any]]:
        response = yield self._metadata()
        signatures = messages.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        return dict(signatures.signature_def)

    def _ready_version(self) -> Dialogue[int]:
        """The version that answers; an error that says what was seen where none does."""
        status = yield from self._model_status()
        available = [found.version for found in status if found.state == "AVAILABLE"]
        if not available:
            raise ServingError("; ".join(f"version {s.version} is {s.state} {s.error}".rstrip() for s in status))
        if self.label is None:
            return available[0]
        # A label is known where it is asked for, and not to the status.
        response = yield self._metadata()
        return response.model_spec.version.value

    # ---- parts -----------------------------------------------------------------------------------------------------

    def _checked(self, requests: Sequence[Request]) -> list[Request]:
        sent = [asked(self.schema, request, self.by_id) for request in requests]
        for request in sent:
            if self._whole_lists and request.candidate_count > self.schema.max_candidates:
                raise RequestError(f"request {request.request_id!r}: {request.candidate_count} candidates, but model "
                                   f"{self.model_name!r} takes at most {self.schema.max_candidates} and ranks them as one "
                                   "list, which can't be split over calls; send fewer candidates")
        return sent

    def _by_label(self, requests: Sequence[Request]) -> dict[str | None, list[int]]:
        """Places of the requests by the label that serves them, in order."""
        places: dict[str | None, list[int]] = {}
        for place, request in enumerate(requests):
            places.setdefault(self.label if self.split is None else self.split.label(self._user(request)), []).append(place)
        return places

    def _user(self, request: Request) -> str:
        """Whom a split goes by: the group key of the schema, or the request's id where it has none."""
        return str(request.features.get(self.schema.group_key or "", request.request_id))

    def _answers(self, sent: Sequence[Request], signature: str, label: str | None,
                 **more: int) -> Dialogue[tuple[int, list[list[_Answer]]]]:
        """The version that answered, and by request what it says of its pieces, in order."""
        attempt = 1
        while True:
            try:
                return (yield from self._answers_of_one_version(sent, signature, label, more))
            except _VersionGone as gone:
                if attempt == self.max_attempts:
                    raise gone.cause from None
                attempt += 1

    def _answers_of_one_version(self, requests: Sequence[Request], signature: str, label: str | None,
                                more: Mapping[str, int]) -> Dialogue[tuple[int, list[list[_Answer]]]]:
        answers: list[list[_Answer]] = [[] for _ in requests]
        version = None
        # A list that is ranked as a whole is no longer than that, and stays in one piece.
        for pieces in packed(requests, self.schema.max_candidates, self.max_call_candidates, self.max_batch):
            encoded = encode_requests(asked_columns(self.schema, self.by_id), [piece.request for piece in pieces])
            inputs = {**encoded.inputs, **{name: np.full(len(pieces), value, np.int64) for name, value in more.items()}}
            try:
                response = yield self._predicting(inputs, signature, label, version)
            except ModelNotFoundError as error:
                raise (_VersionGone(error) if version is not None else error) from None
            # Scores of two versions can't be compared: all calls go to the version that answered the first.
            version = response.model_spec.version.value
            outputs = _arrays(response)
            unknown = outputs.pop(UNKNOWN_CANDIDATES, np.zeros(len(pieces), np.int64))
            counts = outputs.pop(TOP_COUNT, encoded.counts)
            for row, (piece, scored) in enumerate(zip(pieces, decode_scores(outputs, counts), strict=True)):
                answers[piece.index].append(_Answer(piece.start, scored, int(unknown[row])))
        return version or 0, answers

    def _ranking(self, request: Request, answers: list[_Answer], version: int, label: str | None) -> Ranking:
        scores = {task: np.concatenate([one.outputs[task] for one in answers]) for task in answers[0].outputs}
        self.observers.ranked(label or "", self.model_name, version, scores)
        return Ranking(request, scores, version, self._truncated(request), sum(one.unknown for one in answers))

    def _best(self, request: Request, answers: list[_Answer], version: int, k: int) -> TopCandidates:
        places = np.concatenate([one.outputs[TOP_PLACES] + one.start for one in answers])
        first = self.schema.labels[0].name
        names = [name for name in (VALUE, *(label.name for label in self.schema.labels)) if name in answers[0].outputs]
        scores = {name: np.concatenate([one.outputs[name] for one in answers]) for name in names}
        # Equal scores keep the request's order, which is that of the pieces.
        order = np.argsort(-scores.get(VALUE, scores[first]), kind="stable")[:k]
        return TopCandidates(request, places[order], {task: values[order] for task, values in scores.items()}, version,
                             self._truncated(request), sum(one.unknown for one in answers))

    def _spec(self, label: str | None) -> Any:
        spec = messages.ModelSpec(name=self.model_name, version_label=label)
        if self.version is not None:
            spec.version.value = self.version
        return spec

    def _predicting(self, inputs: Mapping[str, Array], signature: str, label: str | None, version: int | None = None) -> Asked:
        request = messages.PredictRequest(model_spec=self._spec(label))
        request.model_spec.signature_name = signature
        if version is not None:
            request.model_spec.version.value = version
        for name, array in inputs.items():
            write_tensor(np.asarray(array), request.inputs[name])
        return self._asking("predict", request, signature, label)

    def _metadata(self) -> Asked:
        request = messages.GetModelMetadataRequest(model_spec=self._spec(self.label), metadata_field=["signature_def"])
        return self._asking("metadata", request)

    def _asking(self, method: str, request: Any, signature: str = "", label: str | None = None) -> Asked:
        where = f"{self.target}{self._through}, model {self.model_name!r}" + (f", signature {signature!r}" if signature else "")
        names = {"predict": "Predict", "status": "GetModelStatus", "metadata": "GetModelMetadata"}
        return Asked(method, request, CallInfo(names[method], self.target, self.model_name, signature, label or ""), where)

    @property
    def _whole_lists(self) -> bool:
        return self.traits.scores == "listwise"

    def _truncated(self, request: Request) -> dict[str, int]:
        """By sequence, how many of the oldest events were left out."""
        lengths = {s.name: (len(request.sequences[s.name][s.fields[0].name]), s.max_length)
                   for s in self.schema.sequences}
        return {name: length - maximum for name, (length, maximum) in lengths.items() if length > maximum}


def _arrays(response: Any) -> dict[str, Array]:
    return {name: read_tensor(proto) for name, proto in response.outputs.items()}
