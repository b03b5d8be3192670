"""One gRPC call, tried again while servers are unavailable or have no room for it, by threads or by asyncio."""

from __future__ import annotations

import asyncio
import queue
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc

from serving.errors import ServerBusyError, ServerUnavailableError, serving_error
from serving.limits import RetryBudget, Throttle
from serving.observed import CallInfo, Observers

_FIRST_BACKOFF_SECONDS, _LONGEST_BACKOFF_SECONDS = 0.05, 1.0


@dataclass(frozen=True)
class Retries:
    """How a client's calls are tried.

    All of the protocol's calls that a client makes only read, so sending one twice changes nothing.

    Args:
        max_attempts: how often a call is sent one after the other, at least once.
        hedge_after_s: send a call that has no answer after so many seconds once more, beside the first, and take what comes
            first; with several servers the second goes to the next one. None: wait.
        budget: of all calls together, for retries and for calls sent beside a slow one.
        throttle: of all calls together.
        observers: who watches.
    """

    max_attempts: int = 5
    hedge_after_s: float | None = None
    budget: RetryBudget = field(default_factory=RetryBudget)
    throttle: Throttle = field(default_factory=Throttle)
    observers: Observers = field(default_factory=Observers)


class _Attempts:
    """What threads and asyncio have in common: when a call is sent, and what an error means."""

    def __init__(self, retries: Retries, info: CallInfo, deadline: float, where: str):
        self.retries, self.info, self.deadline, self.where = retries, info, deadline, where
        self.number = 0

    def timeout(self) -> float:
        """Seconds that the next attempt has; raises where it is kept back."""
        if not self.retries.throttle.admits():
            self.info.shed, self.info.code = True, grpc.StatusCode.RESOURCE_EXHAUSTED.name
            raise ServerBusyError(f"{self.where}: not sent: the servers refuse most calls for want of threads or room; send "
                                  "less, or add servers", grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.number += 1
        self.info.attempts += 1
        return max(0.001, self.deadline - time.monotonic())

    def answered(self, answer: Any) -> Any:
        self.retries.throttle.answered(True)
        self.retries.budget.answered()
        self.info.code = grpc.StatusCode.OK.name
        version = getattr(getattr(answer, "model_spec", None), "version", None)
        self.info.version = None if version is None else int(version.value)
        return answer

    def hedges(self) -> bool:
        """Whether a second call may be sent beside the first."""
        if not self.retries.budget.spend():
            return False
        self.info.attempts += 1
        return True

    def pause(self, error: grpc.RpcError) -> float:
        """Seconds until the next attempt; raises where there is none."""
        failure = serving_error(error, self.where)
        self.retries.throttle.answered(not isinstance(failure, ServerBusyError))
        self.info.code = error.code().name
        pause = min(_LONGEST_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2 ** (self.number - 1)) * random.uniform(0.5, 1)
        again = failure.passing and self.number < self.retries.max_attempts and time.monotonic() + pause <= self.deadline
        if again and self.retries.budget.spend():
            return pause
        if isinstance(failure, ServerUnavailableError) and self.number > 1:
            failure = type(failure)(f"{failure} ({self.number} attempts)", failure.code, failure.details)
        raise failure from None


def call(method: Callable[..., Any], request: Any, deadline: float, retries: Retries, info: CallInfo, where: str) -> Any:
    """Calls a stub's method; what passes (`ServingError.passing`) is tried again with growing pauses, no other error is.

    Args:
        method: of a gRPC stub.
        request: its message.
        deadline: on the monotonic clock, pauses included.
        retries: how it is tried.
        info: filled for those that watch.
        where: what was called, for the error's message.

    Returns:
        The answer.

    Raises:
        ServingError: the call failed; the subclass says how.
    """
    with retries.observers.call(info):
        attempts = _Attempts(retries, info, deadline, where)
        while True:
            timeout = attempts.timeout()
            try:
                return attempts.answered(_first_answer(method, request, timeout, attempts))
            except grpc.RpcError as error:
                failure = error
            time.sleep(attempts.pause(failure))


async def call_async(method: Callable[..., Any], request: Any, deadline: float, retries: Retries, info: CallInfo,
                     where: str) -> Any:
    """The same with asyncio; `method` is of a stub on a channel of `grpc.aio`."""
    with retries.observers.call(info):
        attempts = _Attempts(retries, info, deadline, where)
        while True:
            timeout = attempts.timeout()
            try:
                return attempts.answered(await _first_answer_async(method, request, timeout, attempts))
            except grpc.RpcError as error:
                failure = error
            await asyncio.sleep(attempts.pause(failure))


def once(method: Callable[..., Any], request: Any, deadline: float, where: str) -> Any:
    """`call` with nobody who watches and no budget that is shared: for the calls of an operator."""
    return call(method, request, deadline, Retries(), CallInfo("", "", ""), where)


def _first_answer(method: Any, request: Any, timeout: float, attempts: _Attempts) -> Any:
    metadata, hedge_after = attempts.info.metadata or None, attempts.retries.hedge_after_s
    if hedge_after is None:
        return method(request, timeout=timeout, metadata=metadata)
    answered: queue.SimpleQueue[Any] = queue.SimpleQueue()
    calls: list[Any] = []

    def send(seconds: float) -> None:
        calls.append(method.future(request, timeout=seconds, metadata=metadata))
        calls[-1].add_done_callback(answered.put)

    send(timeout)
    try:
        first = answered.get(timeout=hedge_after)
    except queue.Empty:
        if timeout > hedge_after and attempts.hedges():
            send(timeout - hedge_after)
        first = answered.get()
        if first.exception() is not None and len(calls) > 1:
            first = answered.get()
    for one in calls:
        if one is not first:
            one.cancel()
    return first.result()


async def _first_answer_async(method: Any, request: Any, timeout: float, attempts: _Attempts) -> Any:
    metadata, hedge_after = tuple(attempts.info.metadata), attempts.retries.hedge_after_s

    async def send(seconds: float) -> Any:
        return await method(request, timeout=seconds, metadata=metadata)

    if hedge_after is None:
        return await send(timeout)
    calls = [asyncio.ensure_future(send(timeout))]
    try:
        done, waiting = await asyncio.wait(calls, timeout=hedge_after)
        if not done and timeout > hedge_after and attempts.hedges():
            calls.append(asyncio.ensure_future(send(timeout - hedge_after)))
        while True:
            done, waiting = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            good = [one for one in done if one.exception() is None]
            if good or not waiting:
                return await (good or list(done))[0]
            calls = list(waiting)
    finally:
        for one in calls:
            one.cancel()
