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


@pytest.mark.parametrize(("cores", "memory", "found"), [(8, 65_536, 8), (64, 4_096, 4), (64, 2_048, 1), (2, 512, 1)])
def test_no_more_processes_than_memory_holds(monkeypatch, cores, memory, found):
    monkeypatch.setattr(processes, "cores", lambda: cores)
    monkeypatch.setattr(processes, "memory_mib", lambda: memory)
    assert processes.most_processes() == found
