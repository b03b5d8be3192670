"""What this machine, or the container that this process is in, lets it use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def cores() -> int:
    """Cores that this process may use: the machine's, or the time of fewer that its control group or its affinity leaves it."""
    machine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min([machine or 1, *_quotas()]))


def memory_mib() -> int:
    """Memory of this machine, or of the control group (a container's limit) that this process is in, where that is less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = (_words(path) for path in _limit_files("memory", "memory.limit_in_bytes", "memory.max"))
    return min([machine, *(int(words[0]) for words in limits if words and words[0].isdigit())]) >> 20  # or "max"


def _quotas() -> Iterator[int]:
    """Cores that control groups allow, a part of one counting whole: a quota of time over the period that it is for."""
    for path in _limit_files("cpu", "cpu.cfs_quota_us", "cpu.max"):
        words = _words(path)
        if path.name == "cpu.cfs_quota_us":
            words += _words(path.with_name("cpu.cfs_period_us"))
        if len(words) == 2 and words[0].isdigit() and int(words[1]) > 0:  # or "max", or -1
            yield -(-int(words[0]) // int(words[1]))


def _words(path: Path) -> list[str]:
    """What a file says; nothing where there is none."""
    try:
        return path.read_text(encoding="ascii").split()
    except OSError:
        return []


def _limit_files(controller: str, first: str, second: str, root: Path = Path("/sys/fs/cgroup"),
                 own: Path = Path("/proc/self/cgroup")) -> Iterator[Path]:
    """Where the system may say what this process's control group, and those that it is in, may use.

    Args:
        controller: of the first version of control groups.
        first: name of its file.
        second: name of the file in the second version.
        root: of the control groups.
        own: says which this process is in.
    """
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            base, name = (root / controller, first) if controllers else (root, second)
            # In a container the group's own path is not seen, and its root is the group.
            yield from (base.joinpath(*Path(group).parts[1:end], name) for end in range(len(Path(group).parts), 0, -1))
