"""What a container lets a process use."""

from __future__ import annotations

import functools
import os

import pytest

from zoo import machine


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Writes files of control groups; the one that this process is in is `own`."""
    def write(own: str, **limits: str) -> None:
        (tmp_path / "own").write_text(own, encoding="utf-8")
        for name, text in limits.items():
            path = tmp_path / "root" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="ascii")

    found = functools.partial(machine._limit_files, root=tmp_path / "root", own=tmp_path / "own")
    monkeypatch.setattr(machine, "_limit_files", found)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    return write


GROUPS = "0::/kube/pod\n5:cpu,cpuacct:/kube\n4:memory:/old\n"


def test_memory_is_the_least_of_all_groups(system):
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    assert machine.memory_mib() == whole
    system(GROUPS, **{"kube/memory.max": "1073741824\n", "kube/pod/memory.max": "max\n",
                      "memory/old/memory.limit_in_bytes": "2147483648"})
    assert machine.memory_mib() == 1024
    system("4:memory:/old\n")
    assert machine.memory_mib() == 2048
    system("0::/kube/pod/whose/path/is/not/seen/here\n", **{"memory.max": "536870912\n"})
    assert machine.memory_mib() == 512


def test_cores_are_those_of_the_quota(system):
    assert machine.cores() == 16
    system(GROUPS, **{"kube/cpu.max": "400000 100000\n", "kube/pod/cpu.max": "max 100000\n"})
    assert machine.cores() == 4
    system(GROUPS, **{"kube/pod/cpu.max": "150000 100000\n"})
    assert machine.cores() == 2
    system(GROUPS, **{"cpu/kube/cpu.cfs_quota_us": "50000\n", "cpu/kube/cpu.cfs_period_us": "100000\n"})
    assert machine.cores() == 1
    system(GROUPS, **{"cpu/kube/cpu.cfs_quota_us": "-1\n", "kube/pod/cpu.max": "3200000 100000\n"})
    assert machine.cores() == 4
    system("0::/else\n")
    assert machine.cores() == 16


def test_a_system_without_affinity(system, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    for count, found in ((6, 6), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        assert machine.cores() == found
