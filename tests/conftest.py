"""How the tests are divided between processes: what shares something costly stays together."""

from __future__ import annotations

import pytest

# Fixtures of the one pipeline run that many tests look at.
PIPELINE = {"demo", "ran"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Groups for `--dist loadgroup`: the pipeline's run, each model of the contract, and else the file."""
    for item in items:
        name = item.nodeid.split("::")[0]
        if PIPELINE & set(getattr(item, "fixturenames", ())):
            name = "pipeline"
        elif "trained" in getattr(item, "fixturenames", ()) and hasattr(item, "callspec"):
            name = f"contract-{item.callspec.params.get('trained')}"
        item.add_marker(pytest.mark.xdist_group(name))
