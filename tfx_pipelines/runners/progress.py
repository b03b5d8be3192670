"""What a person sees while a stage runs: a spinner, the seconds so far, and each epoch of training as it ends."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

# Lines of a stage that are worth showing begin with one of these; all others stay in the log.
SHOWN = ("epoch ", "going on ")
_INTERVAL_SECONDS = 0.5


@contextlib.contextmanager
def stage_progress(console: Console, label: str, log_file: Path) -> Iterator[None]:
    """Shows that a stage runs.

    Args:
        console: on the terminal; without one there is no spinner.
        label: of the stage.
        log_file: what the stage prints goes there; of that, lines about the training are shown too.
    """
    # Rich would put what Beam and TensorFlow print above its spinner, unless told not to.
    spinner = Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console,
                       transient=True, redirect_stdout=False, redirect_stderr=False,
                       disable=not console.is_interactive)
    with open(log_file, "rb") as log, spinner:
        log.seek(0, 2)
        spinner.add_task(label)
        done = threading.Event()
        follower = threading.Thread(target=_follow, args=(log, console, done), daemon=True)
        follower.start()
        try:
            yield
        finally:
            done.set()
            follower.join()


def _follow(log, console: Console, done: threading.Event) -> None:
    partial = b""
    while True:
        last = done.wait(_INTERVAL_SECONDS)
        *lines, partial = (partial + log.read()).split(b"\n")
        for line in lines:
            text = line.decode(errors="replace")
            if text.startswith(SHOWN):
                console.print(f"        {text}", style="dim", markup=False, highlight=False, soft_wrap=True)
        if last:
            return
