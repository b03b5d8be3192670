"""Which tests share a process, and how seldom it looks for garbage."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tfx_pipelines.cli import NEW_OBJECTS

# Tests of this folder share one run of the pipeline, which takes minutes; elsewhere, a file's tests share its fixtures.
TOGETHER = "tests/tfx_pipelines/"
# What tests of this folder share belongs to one model, the first of a test's parameters; both processes take some of them.
BY_MODEL = "tests/contract/"


class Together(LoadScopeScheduling):
    """Gives a process the tests of a whole folder, of a file, or of a model."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        if file.startswith(BY_MODEL):
            return f"{file}[{test.partition('[')[2].rstrip(']').partition('-')[0]}]"
        return TOGETHER if file.startswith(TOGETHER) else file


def pytest_configure() -> None:
    """Sets the collector's threshold in each process, as the command line does."""
    gc.set_threshold(NEW_OBJECTS)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    """Beside `-n 2`, whatever `--dist` says: its own groups by file and by mark can't be mixed."""
    return Together(config, log)
