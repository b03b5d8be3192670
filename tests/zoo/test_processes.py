"""Work that processes share."""

from __future__ import annotations

import functools
import os

import pytest

from zoo import processes
from zoo.processes import divided


def squared(number: int, plus: int = 0) -> tuple[int, int]:
    return number * number + plus, os.getpid()


def refused(number: int) -> int:
    if number == 2:
        raise ValueError("two is refused")
    return number


@pytest.mark.parametrize("processes", [1, 2])
def test_every_part_is_worked_on_once(processes):
    found = list(divided(functools.partial(squared, plus=1), range(7), processes))
    assert sorted(value for value, _ in found) == [n * n + 1 for n in range(7)]
    assert (os.getpid() in {process for _, process in found}) == (processes == 1)


@pytest.mark.parametrize("processes", [1, 2])
def test_what_a_part_raises_is_raised(processes):
    with pytest.raises(ValueError, match="two is refused"):
        list(divided(refused, range(5), processes))


def test_parts_are_taken_no_faster_than_they_are_worked_on():
    taken = []

    def parts():
        for number in range(20):
            taken.append(number)
            yield number

    for done, _ in enumerate(divided(squared, parts(), 2), 1):
        assert len(taken) <= done + 4
    assert len(taken) == 20


def test_a_container_has_the_memory_of_its_group(tmp_path, monkeypatch):
    group = tmp_path / "own"
    group.write_text("0::/kube/pod\n5:cpu:/kube\n4:memory:/old\n", encoding="utf-8")
    limits = {"kube/memory.max": "1073741824\n", "kube/pod/memory.max": "max\n",
              "memory/old/memory.limit_in_bytes": "2147483648"}
    for name, text in limits.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    monkeypatch.setattr(processes, "_limit_files", functools.partial(processes._limit_files, tmp_path / "root", group))
    assert processes.memory_mib() == 1024
    group.write_text("4:memory:/old\n", encoding="utf-8")
    assert processes.memory_mib() == 2048
    (tmp_path / "root/memory.max").write_text("536870912\n", encoding="ascii")
    group.write_text("0::/kube/pod/whose/path/is/not/seen/here\n", encoding="utf-8")
    assert processes.memory_mib() == 512
    group.unlink()
    assert processes.memory_mib() == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
