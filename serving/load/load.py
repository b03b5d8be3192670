"""An open-loop load: calls leave when they are due, whether or not the ones before were answered."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np

from serving.channels import async_channel
from serving.errors import ServingError
from serving.load.messages import Message
from serving.proxies import proxy_variable
from serving.targets import grpc_target
from serving.tensors import Array
from serving.tls import ClientTls

_QUANTILES = {"p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0, "p99.9_ms": 99.9}
_PREDICT = "/tensorflow.serving.PredictionService/Predict"


@dataclass(frozen=True)
class LoadResult:
    """What a load saw.

    Args:
        rate: calls a second that were to be sent.
        due_s: when each call was due, seconds from the start `[C]`.
        latency_ms: from when a call was due to its answer, `[C]`; NaN where it failed. A call that had to wait for the sender
            or in a queue has waited all the same: measured from its sending, an overloaded server would look fast.
        lag_ms: how late each call was sent, `[C]`.
        codes: how many calls ended with which gRPC status; `NOT_SENT`: too many were under way.
        seconds: from the first call to the last answer.
        candidates: mean of a call.
        events: mean of a call.
        bytes: mean of a call.
    """

    rate: float
    due_s: Array
    latency_ms: Array
    lag_ms: Array
    codes: dict[str, int]
    seconds: float
    candidates: float
    events: float
    bytes: float

    def summary(self) -> dict[str, Any]:
        """The figures of a table, by name."""
        good = self.latency_ms[~np.isnan(self.latency_ms)]
        quantiles = {name: round(float(np.percentile(good, q)), 2) if len(good) else None for name, q in _QUANTILES.items()}
        errors = {code: count for code, count in sorted(self.codes.items()) if code != "OK"}
        return {
            "rate": self.rate, "calls": len(self.latency_ms), "answered_per_second": round(len(good) / self.seconds, 2),
            **quantiles, "errors": sum(errors.values()), "by_status": errors, "candidates": round(self.candidates, 1),
            "events": round(self.events, 1), "bytes": round(self.bytes), "sender_lag_p99_ms": round(
                float(np.percentile(self.lag_ms, 99)), 2)}


def arrivals(rate: float, seconds: float, rng: np.random.Generator) -> Array:
    """When calls are due: independent of each other at a mean rate, as those of many users are (a Poisson process).

    Args:
        rate: calls a second.
        seconds: how long.
        rng: of the draw.

    Returns:
        Seconds from the start, ascending.
    """
    gaps = rng.exponential(1 / rate, int(rate * seconds + 10 * np.sqrt(rate * seconds) + 10))
    due = np.cumsum(gaps)
    return due[due < seconds]


def load(
    target: str | Sequence[str],
    sent: Sequence[Message],
    rate: float,
    seconds: float,
    deadline_s: float = 5.0,
    most_under_way: int = 2000,
    seed: int = 0,
    tls: ClientTls | None = None,
) -> LoadResult:
    """Sends calls at a set rate, spread over all servers.

    Args:
        target: `HOST:PORT`, or several, or a name of DNS that has them all.
        sent: drawn from at random.
        rate: calls a second.
        seconds: how long.
        deadline_s: of a call.
        most_under_way: calls; one that is due beyond that is counted as not sent.
        seed: of the arrivals and the draw.
        tls: how servers are reached by TLS.

    Raises:
        ServingError: no call would be due, or no server answers.
    """
    rng: Any = np.random.default_rng(seed)
    due = arrivals(rate, seconds, rng)
    if not len(due):
        raise ServingError(f"no call is due at {rate:g} a second in {seconds:g} s; load longer, or faster")
    chosen: list[Message] = [sent[place] for place in rng.integers(0, len(sent), len(due))]
    latency, lag, codes, took = asyncio.run(_send(target, chosen, due, deadline_s, most_under_way, tls))
    means = (sum(one.candidates for one in chosen), sum(one.events for one in chosen), sum(len(one.content) for one in chosen))
    return LoadResult(rate, due, latency, lag, codes, took, *(total / len(chosen) for total in means))


async def _send(target: str | Sequence[str], chosen: Sequence[Message], due: Array, deadline_s: float, most_under_way: int,
                tls: ClientTls | None) -> tuple[Array, Array, dict[str, int], float]:
    latency, lag, codes = np.full(len(due), np.nan), np.zeros(len(due)), Counter[str]()
    targets = [target] if isinstance(target, str) else target
    proxy = any(proxy_variable(one) for one in targets)
    async with async_channel(grpc_target(target), proxy, tls) as channel:
        untyped: Any = channel
        method = untyped.unary_unary(_PREDICT)
        await _connected(method, chosen, targets)
        tasks: set[asyncio.Task[None]] = set()
        started = time.perf_counter()

        async def one(place: int) -> None:
            try:
                await method(chosen[place].content, timeout=deadline_s)
            except grpc.RpcError as error:
                codes[error.code().name] += 1
            else:
                codes["OK"] += 1
                latency[place] = 1e3 * (time.perf_counter() - started - due[place])

        for place, at in enumerate(due.tolist()):
            wait = at - (time.perf_counter() - started)
            # Even when late, so that answers are read.
            await asyncio.sleep(max(0.0, wait))
            lag[place] = max(0.0, 1e3 * (time.perf_counter() - started - at))
            if len(tasks) >= most_under_way:
                codes["NOT_SENT"] += 1
                continue
            task = asyncio.create_task(one(place))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        while tasks:
            await asyncio.wait(tasks)
        return latency, lag, dict(codes), time.perf_counter() - started


async def _connected(method: Any, chosen: Sequence[Message], targets: Sequence[str]) -> None:
    """A few calls that are not counted: connections stand, and each server has seen one."""
    for message in list(chosen[: 4 * len(targets)]):
        try:
            await method(message.content, timeout=30.0, wait_for_ready=True)
        except grpc.RpcError as error:
            raise ServingError(
                f"{', '.join(targets)}: {error.code().name}: {error.details()}; the load was not begun") from None
