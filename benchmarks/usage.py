"""What a process and all that it started have used."""

from __future__ import annotations

import multiprocessing.forkserver


def wait_for_processes() -> None:
    """Ends the server that processes are forked from, and waits for it; only then do the system's counts have it and them.

    Python leaves that to the end of the process that started it.
    """
    multiprocessing.forkserver._forkserver._stop()
