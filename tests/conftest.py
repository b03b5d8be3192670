"""Which tests share a process."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# Tests of this folder share one run of the pipeline, which takes minutes; elsewhere, a file's tests share its fixtures.
TOGETHER = "tests/tfx_pipelines/"


class Together(LoadScopeScheduling):
    """Gives a process the tests of a whole file, or of the whole folder."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return TOGETHER if file.startswith(TOGETHER) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    """Beside `-n 2`, whatever `--dist` says: its own groups by file and by mark can't be mixed."""
    return Together(config, log)
