"""A configuration as YAML with comments."""

from __future__ import annotations

import textwrap
from typing import Any

import yaml

_WIDTH = 120


class Draft:
    """Lines of YAML, with the reason of each setting above it.

    Example:
        >>> draft = Draft()
        >>> draft.add("time_unit", "ms", "numbers of 13 digits")
        >>> draft.text()
        '# numbers of 13 digits\\ntime_unit: ms\\n'
    """

    def __init__(self) -> None:
        self._lines: list[str] = []

    def comment(self, text: str = "", indent: str = "") -> None:
        """A line of comment, or several."""
        self._lines += [f"# {indent}{line}".rstrip() for line in
                        textwrap.wrap(text, _WIDTH - 2 - len(indent), break_long_words=False, break_on_hyphens=False) or [""]]

    def add(self, key: str, value: Any, why: str = "") -> None:
        """A setting, in one line where it fits, a list else by elements."""
        if why:
            self.comment(why)
        line = f"{key}: {flow(value)}"
        if isinstance(value, list) and value and isinstance(value[0], dict):
            self._lines += [f"{key}:", *(f"  - {flow(one)}" for one in value)]
        else:
            self._lines.append(line)

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"


def flow(value: Any) -> str:
    """A value in one line."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True).strip()
    return text.removesuffix("\n...").removesuffix("...").strip()
