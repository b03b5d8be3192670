"""The models of the docs, taken out as they stand and registered for a while, to be tried as the zoo's are."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from zoo.models import registry

GUIDE = Path(__file__).parents[1] / "docs/adding_a_model.md"


def documented() -> dict[str, str]:
    """The sources by the names of their files."""
    text = GUIDE.read_text(encoding="utf-8")
    blocks = [textwrap.dedent(block).strip("\n") + "\n" for block in re.findall(r"(?:^(?: {4}.*)?\n)+", text, re.M)]
    classes = {re.match(r'"""(\w+): ', block): block for block in blocks}
    return {re.sub(r"(?<!^)(?=[A-Z])", "_", match[1]).lower(): block for match, block in classes.items() if match}


def register(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Writes the documented models into a folder and adds their lines to the registry, until the patch is undone."""
    monkeypatch.syspath_prepend(folder)
    for name, source in documented().items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
        cls = re.match(r'"""(\w+): ', source)
        assert cls is not None
        monkeypatch.setitem(registry.MODELS, name, f"{name}:{cls[1]}")
