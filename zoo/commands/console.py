"""How commands print."""

from __future__ import annotations

from rich.console import Console


def data_console() -> Console:
    """A console that prints ids, names and paths as they are: brackets in them are no markup, colons no emoji.

    Example:
        >>> data_console().print("unknown event type [/close]")
        unknown event type [/close]
    """
    return Console(markup=False, emoji=False, highlight=False)
