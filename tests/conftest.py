"""Which tests share a process, and how seldom it looks for garbage."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# Tests of this folder share one run of the pipeline, which takes minutes; elsewhere, a file's tests share its fixtures.
TOGETHER = "tests/tfx_pipelines/"
# TensorFlow's graphs are full of circles and slow to walk: at Python's default of 700, a process that has traced many of them
# spends three quarters of its time looking for garbage.
NEW_OBJECTS = 100_000


class Together(LoadScopeScheduling):
    """Gives a process the tests of a whole file, or of the whole folder."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return TOGETHER if file.startswith(TOGETHER) else file


def pytest_configure() -> None:
    """Sets the collector's threshold in each process."""
    gc.set_threshold(NEW_OBJECTS)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    """Beside `-n 2`, whatever `--dist` says: its own groups by file and by mark can't be mixed."""
    return Together(config, log)
