"""The client of a ranking model, for TF Serving and for the local model server alike."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import grpc

from serving.channels import channel
from serving.dialogue import POINTWISE, ClientSettings, Dialogue, T, VersionStatus
from serving.encoding import examples_tensor
from serving.errors import DeadlineError, ServingError
from serving.model_dir import exported_model
from serving.protocol.services import Services
from serving.ranking import Ranking, TopCandidates
from serving.retries import call
from serving.tensors import Array
from zoo.data.request import Request
from zoo.files import PathLike
from zoo.model_files import UNKNOWN_CANDIDATES

__all__ = ["POINTWISE", "RankingClient", "VersionStatus"]


class RankingClient(ClientSettings):
    """Sends requests to model servers and gives the candidates' scores back.

    Requests are checked before anything is sent. Many requests share a call, and a request with more candidates than
    the schema allows in one is split over several, unless the model is list-wise: its scores depend on the whole list,
    and such a request is refused. UNAVAILABLE, and a server whose threads are all taken, are tried again with growing
    pauses, as far as the budget of retries goes; no other error is, since the same call would fail the same way. While servers
    refuse most calls for want of threads, a part of them is not sent at all.

    Args:
        target: `HOST:PORT` of the server's gRPC port; or a list of them, or a name of DNS with several addresses: calls take
            turns over all servers that answer.
        model_name: name under which the servers know the model.
        schema: the schema of the model; `RankingClient.of_model` reads it, and the traits, from the exported model.
        traits: of the model; by default its scores are point-wise.
        signature: the signature to call.
        version: call this version; by default the newest that is available.
        label: call the version that has this label; not together with `version`.
        deadline_s: seconds for a whole `rank`, its calls, retries and pauses included.
        max_attempts: how often a call is tried while servers are UNAVAILABLE or have no thread for it.
        max_batch: most requests in one call.
        max_call_candidates: most candidates in one call, padding included; by default the schema's maximum, or
            10,000 where that is more. A single request never sends more than the schema's maximum at once.
        by_id: whether the model keeps the items itself: then candidates need their item's id and no more, and of other features
            nothing is sent. `RankingClient.of_model` reads it, `takes_ids_alone` asks the server.
        split: shares of the users by label, in place of `version` and `label`; a user is known by the schema's group key.
        hedge_after_s: a call without an answer after so many seconds is sent once more beside the first, and what comes first
            is taken; None: never.
        tls: how servers are reached by TLS; None: in the clear.
        observers: who watches: `serving.client_metrics.ClientMetrics`, `serving.client_traces.ClientTraces`, your own.
        retry_budget: of calls that are sent twice; by default 20, and one more on ten answered calls and on each second.
        throttle: what keeps calls back while servers refuse most of them.

    Raises:
        ServingError: two of version, label and split were given, or a limit is out of its range.

    Example:
        >>> with RankingClient.of_model("localhost:8500", "din", "runs/demo/serving") as client:
        ...     ranking = client.rank_one(request)
        ...     best = ranking.ranked()[0].index
    """

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self._channel = channel(self._grpc_target, self._proxy is not None, self.tls)
        self._services = Services(self._channel)

    @classmethod
    def of_model(cls, target: str | Sequence[str], model_name: str, path: PathLike, **options: Any) -> RankingClient:
        """A client for an exported model, whose schema and traits it reads.

        Args:
            target: `HOST:PORT` of the server's gRPC port, or several.
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
        return self._run(self._rank(requests))

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
        return self._run(self._top_k(requests, k))

    def takes_ids_alone(self) -> bool:
        """Asks the server whether its model keeps the items itself.

        Raises:
            ServingError: the call failed; the subclass says how.
        """
        asked = self.signatures().get("rank")
        return asked is not None and UNKNOWN_CANDIDATES in asked.outputs

    def score_examples(self, examples: Sequence[bytes]) -> dict[str, Array]:
        """Scores serialized tf.Examples by the signature `serving_default`.

        Args:
            examples: R serialized requests.

        Returns:
            Scores by task, `[R, N]`, N that of the longest.

        Raises:
            ServingError: the call failed; the subclass says how.
        """
        return self.predict({"examples": examples_tensor(examples)}, "serving_default")

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
        return self._run(self._predict(inputs, signature))

    # ---- the server ------------------------------------------------------------------------------------------------

    def model_status(self) -> list[VersionStatus]:
        """The versions of the model that the server knows, newest first, with their errors.

        A client with a version gets that one; one with a label gets all, since servers do not look at it here.

        Raises:
            ServingError: the call failed; the subclass says how.
        """
        return self._run(self._model_status())

    def signatures(self) -> dict[str, Any]:
        """The SignatureDefs of the model by name.

        Raises:
            ServingError: the call failed; the subclass says how.
        """
        return self._run(self._signatures())

    def wait_until_ready(self, timeout_s: float = 60.0) -> int:
        """Waits until a version of the model (that of the client's version or label, if it has one) answers calls.

        Args:
            timeout_s: how long to wait.

        Returns:
            The version that answers: the client's, or the newest available.

        Raises:
            DeadlineError: it did not come in time; the message says what was seen last.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                return self._run(self._ready_version())
            except ServingError as error:
                if time.monotonic() > deadline:
                    raise not_ready(self, timeout_s, error) from None
            time.sleep(0.1)

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def __enter__(self) -> RankingClient:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _run(self, dialogue: Dialogue[T]) -> T:
        deadline = time.monotonic() + self.deadline_s
        try:
            step = next(dialogue)
            while True:
                try:
                    method = getattr(self._services, step.method)
                    answer = call(method, step.request, deadline, self._retries, step.info, step.where)
                except ServingError as error:
                    step = dialogue.throw(error)
                else:
                    step = dialogue.send(answer)
        except StopIteration as done:
            return done.value


def not_ready(client: ClientSettings, timeout_s: float, seen: ServingError) -> DeadlineError:
    """What to say of a model that did not come."""
    return DeadlineError(f"{client.target}, model {client.model_name!r}: not ready after {timeout_s:g} s; seen last: {seen}",
                         grpc.StatusCode.DEADLINE_EXCEEDED)
