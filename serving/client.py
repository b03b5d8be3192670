"""The client of a ranking model, for TF Serving and for the local model server alike."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import grpc
import numpy as np

from serving.asked import asked, asked_columns
from serving.encoding import decode_scores, encode_requests
from serving.errors import DeadlineError, ModelNotFoundError, ServingError
from serving.model_dir import exported_model
from serving.packing import packed
from serving.protocol import messages
from serving.protocol.services import Services
from serving.proxies import proxy_variable
from serving.ranking import Ranking, TopCandidates
from serving.retries import call, channel
from serving.tensors import Array, read_tensor, write_tensor
from zoo.data.request import Request, RequestError
from zoo.files import PathLike
from zoo.model_files import TOP_COUNT, TOP_PLACES, UNKNOWN_CANDIDATES, VALUE
from zoo.schema import Schema
from zoo.traits import Traits

POINTWISE = Traits()


class VersionStatus(NamedTuple):
    """One version of a model, as the server reports it: `state` is `AVAILABLE`, `LOADING`, `END`, …"""

    version: int
    state: str
    error: str


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


class RankingClient:
    """Sends requests to a model server and gives the candidates' scores back.

    Requests are checked before anything is sent. Many requests share a call, and a request with more candidates than
    the schema allows in one is split over several, unless the model is list-wise: its scores depend on the whole list,
    and such a request is refused. UNAVAILABLE, and a server whose threads are all taken, are tried again with growing
    pauses; no other error is, since the same call would fail the same way.

    Args:
        target: `HOST:PORT` of the server's gRPC port.
        model_name: name under which the server knows the model.
        schema: the schema of the model; `RankingClient.of_model` reads it, and the traits, from the exported model.
        traits: of the model; by default its scores are point-wise.
        signature: the signature to call.
        version: call this version; by default the newest that is available.
        label: call the version that has this label; not together with `version`.
        deadline_s: seconds for a whole `rank`, its calls, retries and pauses included.
        max_attempts: how often a call is tried while the server is UNAVAILABLE or has no thread for it.
        max_batch: most requests in one call.
        max_call_candidates: most candidates in one call, padding included; by default the schema's maximum, or
            10,000 where that is more. A single request never sends more than the schema's maximum at once.
        by_id: whether the model keeps the items itself: then candidates need their item's id and no more, and of other features
            nothing is sent. `RankingClient.of_model` reads it, `takes_ids_alone` asks the server.

    Raises:
        ServingError: both a version and a label were given, or a limit is out of its range.

    Example:
        >>> with RankingClient.of_model("localhost:8500", "din", "runs/demo/serving") as client:
        ...     ranking = client.rank_one(request)
        ...     best = ranking.ranked()[0].index
    """

    def __init__(self, target: str, model_name: str, schema: Schema, traits: Traits = POINTWISE, signature: str = "rank",
                 version: int | None = None, label: str | None = None, deadline_s: float = 5.0, max_attempts: int = 5,
                 max_batch: int = 64, max_call_candidates: int | None = None, by_id: bool = False):
        if version is not None and label is not None:
            raise ServingError(f"model {model_name!r}: give a version or a label, not both")
        for name, value, least in (("max_attempts", max_attempts, 1), ("max_batch", max_batch, 1),
                                   ("max_call_candidates", max_call_candidates, 1), ("version", version, 0)):
            if value is not None and value < least:
                raise ServingError(f"model {model_name!r}: {name} is {value}; expected at least {least}")
        if not 0 < deadline_s < math.inf:
            raise ServingError(f"model {model_name!r}: deadline_s is {deadline_s}; expected seconds, more than 0")
        self.target, self.model_name, self.schema = target, model_name, schema
        self.traits, self.by_id, self.signature = traits, by_id, signature
        self.deadline_s, self.max_attempts, self.max_batch = deadline_s, max_attempts, max_batch
        self.max_call_candidates = max_call_candidates or max(schema.max_candidates, 10_000)
        self._spec = messages.ModelSpec(name=model_name, version_label=label)
        if version is not None:
            self._spec.version.value = version
        proxy = proxy_variable(target)
        self._through = f" (through the proxy that {proxy} names; no_proxy can except the host)" if proxy else ""
        self._channel = channel(target, proxy is not None)
        self._services = Services(self._channel)

    @classmethod
    def of_model(cls, target: str, model_name: str, path: PathLike, **options: Any) -> RankingClient:
        """A client for an exported model, whose schema and traits it reads.

        Args:
            target: `HOST:PORT` of the server's gRPC port.
            model_name: name under which the server knows the model.
            path: the SavedModel, or its folder of versions.
            **options: further arguments of the class.

        Raises:
            ServingError: there is no model, or it carries no schema.
        """
        model = exported_model(path)
        options.setdefault("by_id", model.by_id)
        return cls(target, model_name, model.schema, model.traits, **options)

    # ---- ranking ---------------------------------------------------------------------------------------------------

    def rank(self, requests: Sequence[Request]) -> list[Ranking]:
        """Scores the candidates of some requests, in as few calls as the limits allow.

        Args:
            requests: what to rank; labels are not needed and not sent.

        Returns:
            One `Ranking` a request, in their order.

        Raises:
            RequestError: a request does not fit the schema, or its list is too long for a list-wise model; nothing was sent.
            ServingError: a call failed; the subclass says how.
        """
        deadline = time.monotonic() + self.deadline_s
        version, answers = self._answers(requests, deadline, self.signature)
        return [self._ranking(request, answer, version) for request, answer in zip(requests, answers, strict=True)]

    def rank_one(self, request: Request) -> Ranking:
        """Scores the candidates of one request; see `rank`."""
        return self.rank([request])[0]

    def top_k(self, requests: Sequence[Request], k: int) -> list[TopCandidates]:
        """The best candidates of some requests, by a model that keeps the items itself: no more than these travel back.

        Args:
            requests: what to rank, as for `rank`.
            k: how many of each.

        Returns:
            One `TopCandidates` a request, in their order.

        Raises:
            RequestError: a request does not fit the schema; nothing was sent.
            ServingError: `k` is below 1, the model keeps no items, or a call failed.
        """
        if k < 1:
            raise ServingError(f"model {self.model_name!r}: k is {k}; expected at least 1")
        if not self.by_id:
            raise ServingError(f"model {self.model_name!r} keeps no items, so it has no top_k; rank the request, or export a "
                               "coarse ranker with export.item_table")
        deadline = time.monotonic() + self.deadline_s
        version, answers = self._answers(requests, deadline, "top_k", k=k)
        return [self._best(request, answer, version, k) for request, answer in zip(requests, answers, strict=True)]

    def takes_ids_alone(self) -> bool:
        """Asks the server whether its model keeps the items itself.

        Raises:
            ServingError: the call failed; the subclass says how.
        """
        asked = self.signatures().get("rank")
        return asked is not None and UNKNOWN_CANDIDATES in asked.outputs

    def _answers(self, requests: Sequence[Request], deadline: float, signature: str,
                 **more: int) -> tuple[int, list[list[_Answer]]]:
        """The version that answered, and by request what it says of its pieces, in order."""
        sent = [asked(self.schema, request, self.by_id) for request in requests]
        for request in sent:
            if self._whole_lists and request.candidate_count > self.schema.max_candidates:
                raise RequestError(f"request {request.request_id!r}: {request.candidate_count} candidates, but model "
                                   f"{self.model_name!r} takes at most {self.schema.max_candidates} and ranks them as one "
                                   "list, which can't be split over calls; send fewer candidates")
        attempt = 1
        while True:
            try:
                return self._answers_of_one_version(sent, deadline, signature, more)
            except _VersionGone as gone:
                if attempt == self.max_attempts:
                    raise gone.cause from None
                attempt += 1

    def _ranking(self, request: Request, answers: list[_Answer], version: int) -> Ranking:
        scores = {task: np.concatenate([one.outputs[task] for one in answers]) for task in answers[0].outputs}
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

    def score_examples(self, examples: Sequence[bytes]) -> dict[str, Array]:
        """Scores serialized tf.Examples by the signature `serving_default`.

        Args:
            examples: R serialized requests.

        Returns:
            Scores by task, `[R, N]`, N that of the longest.

        Raises:
            ServingError: the call failed; the subclass says how.
        """
        serialized = np.empty(len(examples), object)
        serialized[:] = examples
        return self.predict({"examples": serialized}, "serving_default")

    def predict(self, inputs: Mapping[str, Array], signature: str | None = None) -> dict[str, Array]:
        """Calls a signature with arrays; strings are arrays of bytes objects.

        Args:
            inputs: arrays by input name.
            signature: its name; by default the client's.

        Returns:
            Arrays by output name.

        Raises:
            ServingError: the call failed; the subclass says how.
        """
        return _arrays(self._predict(inputs, signature or self.signature, time.monotonic() + self.deadline_s))

    # ---- the server ------------------------------------------------------------------------------------------------

    def model_status(self) -> list[VersionStatus]:
        """The versions of the model that the server knows, newest first, with their errors.

        A client with a version gets that one; one with a label gets all, since servers do not look at it here.

        Raises:
            ServingError: the call failed; the subclass says how.
        """
        request = messages.GetModelStatusRequest(model_spec=self._spec)
        response = self._call(self._services.status, request, time.monotonic() + self.deadline_s)
        found = [VersionStatus(status.version, messages.STATES.get(status.state, "UNKNOWN"), status.status.error_message)
                 for status in response.model_version_status]
        return sorted(found, reverse=True)

    def signatures(self) -> dict[str, Any]:
        """The SignatureDefs of the model by name.

        Raises:
            ServingError: the call failed; the subclass says how.
        """
        response = self._metadata()
        signatures = messages.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        return dict(signatures.signature_def)

    def wait_until_ready(self, timeout_s: float = 60.0) -> int:
        """Waits until a version of the model (that of the client's version or label, if it has one) answers calls.

        Args:
            timeout_s: how long to wait.

        Returns:
            The version that answers: the client's, or the newest available.

        Raises:
            DeadlineError: it did not come in time; the message says what was seen last.
        """
        deadline, seen = time.monotonic() + timeout_s, "no answer"
        while True:
            try:
                status = self.model_status()
                available = [found.version for found in status if found.state == "AVAILABLE"]
                if available:
                    # A label is known where it is asked for, and not to the status.
                    return self._metadata().model_spec.version.value if self._spec.version_label else available[0]
                seen = "; ".join(f"version {s.version} is {s.state} {s.error}".rstrip() for s in status)
            except ServingError as error:
                seen = str(error)
            if time.monotonic() > deadline:
                raise DeadlineError(f"{self.target}, model {self.model_name!r}: not ready after {timeout_s:g} s; "
                                    f"seen last: {seen}", grpc.StatusCode.DEADLINE_EXCEEDED)
            time.sleep(0.1)

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def __enter__(self) -> RankingClient:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _metadata(self) -> Any:
        request = messages.GetModelMetadataRequest(model_spec=self._spec, metadata_field=["signature_def"])
        return self._call(self._services.metadata, request, time.monotonic() + self.deadline_s)

    # ---- calls -----------------------------------------------------------------------------------------------------

    def _answers_of_one_version(self, requests: Sequence[Request], deadline: float, signature: str,
                                more: Mapping[str, int]) -> tuple[int, list[list[_Answer]]]:
        answers: list[list[_Answer]] = [[] for _ in requests]
        version = None
        # A list that is ranked as a whole is no longer than that, and stays in one piece.
        for pieces in packed(requests, self.schema.max_candidates, self.max_call_candidates, self.max_batch):
            encoded = encode_requests(asked_columns(self.schema, self.by_id), [piece.request for piece in pieces])
            inputs = {**encoded.inputs, **{name: np.full(len(pieces), value, np.int64) for name, value in more.items()}}
            try:
                response = self._predict(inputs, signature, deadline, version)
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

    def _predict(self, inputs: Mapping[str, Array], signature: str, deadline: float,
                 version: int | None = None) -> Any:
        request = messages.PredictRequest(model_spec=self._spec)
        request.model_spec.signature_name = signature
        if version is not None:
            request.model_spec.version.value = version
        for name, array in inputs.items():
            write_tensor(np.asarray(array), request.inputs[name])
        return self._call(self._services.predict, request, deadline)

    def _call(self, method: Any, request: Any, deadline: float) -> Any:
        where = f"{self.target}{self._through}, model {self.model_name!r}"
        if getattr(request.model_spec, "signature_name", ""):
            where += f", signature {request.model_spec.signature_name!r}"
        return call(method, request, deadline, self.max_attempts, where)

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
