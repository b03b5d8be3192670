"""Work that is divided between processes of this machine."""

from __future__ import annotations

import functools
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import TypeVar

from zoo.machine import cores, memory_mib

Part = TypeVar("Part")
Result = TypeVar("Result")


# What a process that makes requests or transforms them grows to (docs/data.md), the first of them, which waits, among them.
_PROCESS_MIB = 700


def most_processes() -> int:
    """How many processes this machine, or the container that this process is in, has cores and memory for."""
    return max(1, min(cores(), memory_mib() // _PROCESS_MIB - 1))


def divided(work: Callable[[Part], Result], parts: Iterable[Part], processes: int | None = None,
            preload: Sequence[str] = ()) -> Iterator[Result]:
    """What is made of each part, by some processes, in any order; by this process where one is enough.

    Parts are taken from where they come no faster than they are worked on, as they may take room. Further processes begin by
    importing the script that started this one, which therefore works below `if __name__ == "__main__":`.

    Args:
        work: a function of a module, or a `functools.partial` of one.
        parts: what it is called with, each in turn.
        processes: how many; `most_processes()` by default.
        preload: modules that the processes import once, all together, beside the one of `work`.

    Raises:
        Exception: what `work` raised; parts that were not begun are left.

    Example:
        >>> sum(divided(len, ["a", "bc"]))
        3
    """
    processes = processes or most_processes()
    if processes == 1:
        yield from map(work, parts)
        return
    # Not forked from this process, whose libraries have threads; from one that has imported what the work needs, once.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([(work.func if isinstance(work, functools.partial) else work).__module__, *preload])
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        waiting: set[Future[Result]] = set()
        try:
            for part in parts:
                waiting.add(pool.submit(work, part))
                while len(waiting) > processes + 1:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (one.result() for one in done)
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (one.result() for one in done)
        finally:
            pool.shutdown(cancel_futures=True)
