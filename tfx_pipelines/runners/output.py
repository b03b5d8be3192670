"""Keeps the flood of Beam, absl and TensorFlow in a file, and the terminal for people."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console


@contextlib.contextmanager
def output_to_file(path: Path) -> Iterator[Console]:
    """Sends everything that this process and its libraries write to `path`, and gives a console on the real terminal.

    File descriptors are redirected, not Python's streams alone, since TensorFlow and Beam write from C++ too.

    Args:
        path: the log file; its folder is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    with (open(path, "a", encoding="utf-8") as file,
          os.fdopen(os.dup(kept[0]), "w", errors="backslashreplace") as terminal):
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            yield Console(file=terminal, force_terminal=terminal.isatty(), emoji=False)
        finally:
            for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
                try:
                    stream.flush()
                except OSError:  # no room for the log: what is left of it must not come out on the terminal
                    with open(os.devnull, "wb") as nothing:
                        os.dup2(nothing.fileno(), number)
                    stream.flush()
            for number, descriptor in zip((1, 2), kept, strict=True):
                os.dup2(descriptor, number)
                os.close(descriptor)
