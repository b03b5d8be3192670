"""The client of a ranking model for asyncio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from serving.channels import async_channel
from serving.client import not_ready
from serving.dialogue import ClientSettings, Dialogue, T, VersionStatus
from serving.encoding import examples_tensor
from serving.errors import ServingError
from serving.model_dir import exported_model
from serving.protocol.services import Services
from serving.ranking import Ranking, TopCandidates
from serving.retries import call_async
from serving.tensors import Array
from zoo.data.request import Request
from zoo.files import PathLike
from zoo.model_files import UNKNOWN_CANDIDATES


class AsyncRankingClient(ClientSettings):
    """`RankingClient` for asyncio: the same arguments, calls and errors, each call awaited. Made where an event loop runs.

    Example:
        >>> async with AsyncRankingClient.of_model(["ranker-0:8500", "ranker-1:8500"], "din", "runs/demo/serving") as client:
        ...     rankings = await asyncio.gather(*(client.rank_one(request) for request in requests))
    """

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self._channel = async_channel(self._grpc_target, self._proxy is not None, self.tls)
        self._services = Services(self._channel)

    @classmethod
    def of_model(cls, target: str | Sequence[str], model_name: str, path: PathLike, **options: Any) -> AsyncRankingClient:
        """A client for an exported model, whose schema and traits it reads; see `RankingClient.of_model`."""
        model = exported_model(path)
        options.setdefault("by_id", model.by_id)
        return cls(target, model_name, model.schema, model.traits, **options)

    async def rank(self, requests: Sequence[Request]) -> list[Ranking]:
        """Scores the candidates of some requests; see `RankingClient.rank`."""
        return await self._run(self._rank(requests))

    async def rank_one(self, request: Request) -> Ranking:
        """Scores the candidates of one request."""
        return (await self.rank([request]))[0]

    async def top_k(self, requests: Sequence[Request], k: int) -> list[TopCandidates]:
        """The best candidates of some requests; see `RankingClient.top_k`."""
        return await self._run(self._top_k(requests, k))

    async def takes_ids_alone(self) -> bool:
        """Asks the server whether its model keeps the items itself."""
        asked = (await self.signatures()).get("rank")
        return asked is not None and UNKNOWN_CANDIDATES in asked.outputs

    async def score_examples(self, examples: Sequence[bytes]) -> dict[str, Array]:
        """Scores serialized tf.Examples; see `RankingClient.score_examples`."""
        return await self.predict({"examples": examples_tensor(examples)}, "serving_default")

    async def predict(self, inputs: Mapping[str, Array], signature: str | None = None) -> dict[str, Array]:
        """Calls a signature with arrays; see `RankingClient.predict`."""
        return await self._run(self._predict(inputs, signature))

    async def model_status(self) -> list[VersionStatus]:
        """The versions of the model that the server knows; see `RankingClient.model_status`."""
        return await self._run(self._model_status())

    async def signatures(self) -> dict[str, Any]:
        """The SignatureDefs of the model by name."""
        return await self._run(self._signatures())

    async def wait_until_ready(self, timeout_s: float = 60.0) -> int:
        """Waits until a version of the model answers calls; see `RankingClient.wait_until_ready`."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                return await self._run(self._ready_version())
            except ServingError as error:
                if time.monotonic() > deadline:
                    raise not_ready(self, timeout_s, error) from None
            await asyncio.sleep(0.1)

    async def close(self) -> None:
        """Closes the connection."""
        await self._channel.close()

    async def __aenter__(self) -> AsyncRankingClient:
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.close()

    async def _run(self, dialogue: Dialogue[T]) -> T:
        deadline = time.monotonic() + self.deadline_s
        try:
            step = next(dialogue)
            while True:
                try:
                    method = getattr(self._services, step.method)
                    answer = await call_async(method, step.request, deadline, self._retries, step.info, step.where)
                except ServingError as error:
                    step = dialogue.throw(error)
                else:
                    step = dialogue.send(answer)
        except StopIteration as done:
            return done.value
