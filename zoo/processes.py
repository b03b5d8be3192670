"""Work that is divided between processes of this machine."""

from __future__ import annotations

import functools
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")


def cores() -> int:
    """How many processes this machine works on at a time."""
    return os.cpu_count() or 1


def memory_mib() -> int:
    """Memory of this machine, or of the control group (a container's limit) that this process is in, where that is less."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _limit_files():
        try:
            text = path.read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdigit():  # or "max"
            limits.append(int(text))
    return min(limits) >> 20


def _limit_files(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> Iterator[Path]:
    """Where the system may say how much memory this process's control group, and those that it is in, may use."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers in ("", "memory"):
            base, name = (root / "memory", "memory.limit_in_bytes") if controllers else (root, "memory.max")
            # In a container the group's own path is not seen, and its root is the group.
            yield from (base.joinpath(*Path(group).parts[1:end], name) for end in range(len(Path(group).parts), 0, -1))


def divided(work: Callable[[Part], Result], parts: Iterable[Part], processes: int | None = None,
            preload: Sequence[str] = ()) -> Iterator[Result]:
    """What is made of each part, by some processes, in any order; by this process where one is enough.

    Parts are taken from where they come no faster than they are worked on, as they may take room. Further processes begin by
    importing the script that started this one, which therefore works below `if __name__ == "__main__":`.

    Args:
        work: a function of a module, or a `functools.partial` of one.
        parts: what it is called with, each in turn.
        processes: how many; as many as there are cores by default.
        preload: modules that the processes import once, all together, beside the one of `work`.

    Raises:
        Exception: what `work` raised; parts that were not begun are left.

    Example:
        >>> sum(divided(len, ["a", "bc"]))
        3
    """
    processes = processes or cores()
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
