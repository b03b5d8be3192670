"""What a client tells those that watch it: metrics, traces, or anything of your own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Protocol

from serving.tensors import Array


@dataclass
class CallInfo:
    """One call with its attempts. An observer gets it before the call; what comes of it is there when the block ends.

    Args:
        method: `Predict`, `GetModelStatus` or `GetModelMetadata`.
        target: the address, or the addresses.
        model: the name that was asked for.
        signature: that was asked for, "" for none.
        label: that was asked for, "" for none.
        metadata: sent with each attempt; an observer may add to it.
        version: that answered; None where none did.
        code: name of the gRPC status, `OK` where it was answered.
        attempts: how often it was sent, the ones that were sent beside a slow one included.
        shed: whether it was kept back because servers refuse calls.
    """

    method: str
    target: str
    model: str
    signature: str = ""
    label: str = ""
    metadata: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    version: int | None = None
    code: str = "UNKNOWN"
    attempts: int = 0
    shed: bool = False


class Observer(Protocol):
    """Watches a client; both methods are called from the caller's thread or task and must not fail."""

    def call(self, info: CallInfo) -> AbstractContextManager[object]:
        """A block around a call; the call's error goes through it."""
        ...

    def ranked(self, label: str, model: str, version: int, scores: Mapping[str, Array]) -> None:
        """Scores by task that a ranking got."""
        ...


class Observers:
    """Several observers as one.

    Args:
        observers: any number.
    """

    def __init__(self, observers: Sequence[Observer] = ()):
        self._observers = tuple(observers)

    def call(self, info: CallInfo) -> ExitStack:
        stack = ExitStack()
        for one in self._observers:
            stack.enter_context(one.call(info))
        return stack

    def ranked(self, label: str, model: str, version: int, scores: Mapping[str, Array]) -> None:
        for one in self._observers:
            one.ranked(label, model, version, scores)
